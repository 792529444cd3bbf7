"""`/v1`: what programs written for OpenAI ask, passed on to the endpoints, metered and within what its caller may.

requests.py   what a request asks for: its model, what it may cost, what is sent on
views.py      the addresses
passing.py    from the endpoint to whoever asked: whole replies, and streams as they come
refusals.py   what is refused, in OpenAI's shape
"""
