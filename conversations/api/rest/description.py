"""What the description says of the API as a whole, in Markdown, and of event streams. Each route says the rest."""

from __future__ import annotations

DESCRIPTION = """\
What is yours on this site, for your programs: conversations and their answers, role presets, models, usage.

**Keys.** Send an API key with every request, as `Authorization: Bearer ck_…`, and nowhere else. Reading needs its
scope `read`, changing `write`; what makes a model answer needs `chat` as well. What a key spends counts for you and for
the key, which may have limits of its own.

**Sending.** A request that sends is answered as soon as the answer has been begun; read its `events`, or look at the
message later. Choose a `client_id` for each message: a request that is repeated with the same one sends nothing twice.

**Lists** are `{"items": […], "next": …}`. Give `next` as `cursor` to go on; it is null on the last page.

**Errors** are `{"error": {"code", "message", "request_id"}}`, with `field` where one is wrong, and with `limit` and
`resets_at` where a quota is used up. Rely on `code`; `message` is for people, in the language of `Accept-Language`.

**Caching.** Replies to GET have an `ETag`. Send it as `If-None-Match`: 304 says that nothing has changed.

**Addresses** in replies are below this site's; a slash at the end of one of the API's changes nothing.
"""

TAGS = [
    {"name": "Conversations", "description": "Begun, found, read, renamed, put away, deleted."},
    {"name": "Messages", "description": "Read, and sent into a conversation."},
    {
        "name": "Answers",
        "description": "A completion is one attempt of a model at an answer: follow it, stop it, try again, go on.",
    },
    {"name": "Models", "description": "Who can be asked."},
    {
        "name": "Role presets",
        "description": "Named instructions, of the site's, of yours, of others'.",
    },
    {"name": "Usage", "description": "What you have spent, and what is left."},
]

EVENTS = ["delta", "reasoning", "thought", "block", "open", "tail", "replace", "end"]
EVENT_STREAM = {
    "responses": {
        200: {
            "content": {
                "text/event-stream": {
                    "schema": {
                        "description": "One event of the stream.",
                        "type": "object",
                        "properties": {
                            "event": {"type": "string", "enum": EVENTS},
                            "data": {"type": "string", "description": "Its fields, in JSON."},
                            "id": {"type": "string", "pattern": "^[0-9]+$"},
                        },
                        "required": ["event", "data"],
                    },
                    "example": 'id: 5\nevent: delta\ndata: {"text":"Hello"}\n\n'
                    'event: end\ndata: {"status":"complete","message_id":"9b2f…"}\n\n',
                }
            }
        }
    }
}
