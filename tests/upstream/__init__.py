"""A real HTTP server that speaks the OpenAI protocol, plays scripts, and misbehaves on request.

In a test: `with Upstream() as upstream:` and point an endpoint at `upstream.url`. In a process of its own:
`python -m tests.upstream --port 9000`, which also takes `POST /release`. `scripts.py` lists what it can play.
"""

from .script import Script
from .server import Upstream

__all__ = ["Script", "Upstream"]
