"""OpenAI-compatible endpoints: what is asked of them, and what they say. No request, no ORM."""
