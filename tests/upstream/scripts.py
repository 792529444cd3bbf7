"""The scripts by name, with their options. Each answers one request, or fails to.

answer                what `pieces` say, else an echo in Markdown; delay=SECONDS between pieces
slow                  tokens=20 words at rate=25 a second
gated                 the first piece, then one more for each `upstream.release()`; headers=1: nothing before it
steps                 at full speed; at=10,50 waits for `upstream.release()` after that many pieces
reasoning             thinks first; field=reasoning_content or reasoning; seconds=how long; gated=1: then as gated
empty                 finishes without a word
parts                 the content as a list of parts, after one that is null
401 403 404 500 503   that status; retry-after=SECONDS
429                   likewise
redirect              302 to another path of this server
context               400, context_length_exceeded; style=llama or message
unsupported           400 while the body has one of name=A,B; style=message: named only in the sentence; style=422
hang                  accepts the request and never answers
stall                 the first piece, then nothing; comments=1: a keep-alive comment every 20 ms;
                      thinks=1: the piece is a thought
quiet                 headers and a role, then nothing; comments=1 likewise
cut, reset            the first piece, then FIN or RST in the middle of the reply; before=1: instead of headers
eof                   pieces, then a clean end with neither finish_reason nor [DONE]
no-done               a finish_reason, then a clean end; hold=1: then nothing
no-usage              no usage, whatever was asked
absurd-usage          usage that cannot be true, or (usage=JSON, without spaces) whatever is wanted
garbage               lines that are not JSON, or not objects, between good ones
surrogates            lone surrogates and NUL in the text
split                 every byte in a packet of its own
crlf, cr, comments    other line ends; comments, other fields, and no space after `data:`
coalesced             the whole answer in one packet
long-line             a line of size=10000000 bytes
bomb                  size=10000000 comments, compressed to a thousandth, whatever was asked
tool                  calls the tool name=get_weather with what `pieces` say, and finishes with tool_calls
error-frame           a piece, then {"error": {"code": code=overloaded}}
json, html            status 200, but no event stream
cookie                an answer that sets a cookie
raw                   what `pieces` say and nothing else; status=200, type=application/json
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable

from .play import Play

Performer = Callable[[Play], Awaitable[None]]
SCRIPTS: dict[str, Performer] = {}


def script(*names: str) -> Callable[[Performer], Performer]:
    def register(performer: Performer) -> Performer:
        SCRIPTS.update(dict.fromkeys(names, performer))
        return performer

    return register


@script("answer")
async def answer(play: Play) -> None:
    await play.delta(role="assistant", content="")
    for piece in play.pieces():
        await play.text(piece)
        if delay := play.number("delay", 0):
            await asyncio.sleep(delay)
    await play.finish()


@script("tool")
async def tool(play: Play) -> None:
    function = {"name": play.options.get("name", "get_weather"), "arguments": ""}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    await play.delta(role="assistant", content=None, tool_calls=[call])
    for piece in play.pieces():
        await play.delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}])
    await play.finish_with_tool(
        {**call, "function": {**function, "arguments": "".join(play.pieces())}}
    )


@script("slow")
async def slow(play: Play) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    await play.delta(role="assistant", content="")
    for index in range(int(play.number("tokens", 20))):
        await play.text(f"word{index} ")
        due = start + (index + 1) / play.number("rate", 25)
        await asyncio.sleep(max(0.0, due - loop.time()))
    await play.finish()


@script("steps")
async def steps(play: Play) -> None:
    marks = {int(mark) for mark in play.options["at"].split(",")}
    await play.delta(role="assistant", content="")
    for number, piece in enumerate(play.pieces(), start=1):
        await play.text(piece)
        if number in marks:
            await play.upstream.wait_for_release()
    await play.finish()


@script("gated")
async def gated(play: Play) -> None:
    first, *others = play.pieces()
    if "headers" in play.options:
        await play.upstream.wait_for_release()
    await play.text(first)
    for piece in others:
        await play.upstream.wait_for_release()
        await play.text(piece)
    await play.finish()


@script("reasoning")
async def reasoning(play: Play) -> None:
    name = play.options.get("field", "reasoning_content")
    for thought in ("Let me ", "think."):
        await play.delta(**{name: thought, "content": None})
    await asyncio.sleep(play.number("seconds", 0))
    await (gated if "gated" in play.options else answer)(play)


@script("empty")
async def empty(play: Play) -> None:
    await play.delta(role="assistant", content="")
    await play.finish()


@script("parts")
async def parts(play: Play) -> None:
    await play.delta(role="assistant", content=None)
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    await play.delta(content=[thought])
    await play.delta(content=[{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}])
    await play.finish()


@script("401", "403", "404", "500", "503")
async def refuse(play: Play) -> None:
    error = {"message": "Refused", "type": "error", "code": None}
    await play.refuse(int(play.name), error, **when_to_come_back(play))


@script("429")
async def rate_limited(play: Play) -> None:
    error = {"message": "Slow down", "type": "requests", "code": "rate_limit_exceeded"}
    await play.refuse(429, error, **when_to_come_back(play))


def when_to_come_back(play: Play) -> dict[str, str]:
    return {"Retry-After": play.options["retry-after"]} if "retry-after" in play.options else {}


@script("redirect")
async def redirect(play: Play) -> None:
    await play.refuse(302, {"message": "Elsewhere"}, Location="/v1/elsewhere")


@script("context")
async def context(play: Play) -> None:
    style = play.options.get("style")
    if style == "llama":
        message = "the request exceeds the available context size, try increasing it"
        await play.refuse(
            400, {"code": 400, "message": message, "type": "exceed_context_size_error"}
        )
    elif style == "message":
        message = "This model's maximum context length is 4096 tokens. Reduce the length."
        await play.refuse(400, {"message": message, "type": "BadRequestError", "code": 400})
    else:
        await play.refuse(400, {"message": "Too long", "code": "context_length_exceeded"})


@script("unsupported")
async def unsupported(play: Play) -> None:
    present = [name for name in play.options["name"].split(",") if name in play.body]
    if not present:
        await answer(play)
        return
    name = present[0]
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    style = play.options.get("style")
    if style == "message":
        await play.refuse(400, {"message": message})
    elif style == "422":
        await play.refuse(422, {"detail": [{"type": "extra_forbidden", "loc": ["body", name]}]})
    else:
        await play.refuse(400, {"message": message, "param": name, "code": "unsupported_parameter"})


@script("hang")
async def hang(play: Play) -> None:
    await asyncio.Event().wait()


@script("stall")
async def stall(play: Play) -> None:
    if "thinks" in play.options:
        await play.delta(reasoning_content=play.pieces()[0])
    else:
        await play.text(play.pieces()[0])
    await play.forever()


@script("quiet")
async def quiet(play: Play) -> None:
    await play.delta(role="assistant", content="")
    await play.forever()


@script("cut")
async def cut(play: Play) -> None:
    if "before" not in play.options:
        await play.text(play.pieces()[0])
    await play.break_off(reset=False)


@script("reset")
async def reset(play: Play) -> None:
    if "before" not in play.options:
        await play.text(play.pieces()[0])
    await play.break_off(reset=True)


@script("eof")
async def eof(play: Play) -> None:
    for piece in play.pieces():
        await play.text(piece)


@script("no-done")
async def no_done(play: Play) -> None:
    for piece in play.pieces():
        await play.text(piece)
    await play.finish(done=False)
    if "hold" in play.options:
        await play.forever()


@script("no-usage")
async def no_usage(play: Play) -> None:
    for piece in play.pieces():
        await play.text(piece)
    await play.finish(usage=False)


@script("absurd-usage")
async def absurd_usage(play: Play) -> None:
    play.usage = {"prompt_tokens": -5, "completion_tokens": 10**15, "total_tokens": "many"}
    if "usage" in play.options:
        play.usage = json.loads(play.options["usage"])
    await answer(play)


@script("garbage")
async def garbage(play: Play) -> None:
    for piece in play.pieces():
        await play.text(piece)
        await play.line(b'data: {"choices": [{"delta": {"content": "half')
        await play.line(b"data: 17")
        await play.line(b"nonsense")
    await play.finish()


@script("surrogates")
async def surrogates(play: Play) -> None:
    for escaped in (rb"one \ud83d two", rb"three\u0000 four", rb"\ud83d\ude00 five"):
        await play.event(b'{"choices": [{"delta": {"content": "' + escaped + b'"}}]}')
    await play.finish()


@script("split")
async def split(play: Play) -> None:
    play.hold()
    await answer(play)
    await play.flush(byte_by_byte=True)


@script("crlf")
async def crlf(play: Play) -> None:
    play.newline = b"\r\n"
    await answer(play)


@script("cr")
async def cr(play: Play) -> None:
    play.newline = b"\r"
    await answer(play)


@script("comments")
async def comments(play: Play) -> None:
    play.space = b""
    for piece in play.pieces():
        await play.line(b": still here")
        await play.line(b"event: message")
        await play.line(b"id: 1")
        await play.text(piece)
    await play.finish()


@script("coalesced")
async def coalesced(play: Play) -> None:
    play.hold()
    await answer(play)
    await play.flush()


@script("long-line")
async def long_line(play: Play) -> None:
    await play.text(play.pieces()[0])
    await play.send(b'data: {"choices": [{"delta": {"content": "')
    for _ in range(int(play.number("size", 10_000_000)) // 10_000):
        await play.send(b"x" * 10_000)
    await play.send(b'"}}]}\n\n')
    await play.finish()


@script("bomb")
async def bomb(play: Play) -> None:
    play.headers["Content-Encoding"] = "gzip"
    await play.send(gzip.compress(b":\n" * int(play.number("size", 10_000_000))))


@script("error-frame")
async def error_frame(play: Play) -> None:
    await play.text(play.pieces()[0])
    code = play.options.get("code", "overloaded")
    await play.event({"error": {"message": "Something broke", "code": code}})
    await play.forever()


@script("json")
async def not_a_stream(play: Play) -> None:
    play.streaming = False
    await answer(play)


@script("html")
async def html(play: Play) -> None:
    await play.begin("text/html")
    await play.send(b"<!doctype html>\n<title>Sign in to the network</title>\n")
    await play.forever()


@script("cookie")
async def cookie(play: Play) -> None:
    play.headers["Set-Cookie"] = "session=stolen; Path=/"
    await answer(play)


@script("raw")
async def raw(play: Play) -> None:
    kind = play.options.get("type", "application/json")
    await play.begin(kind, status=int(play.number("status", 200)))
    await play.send("".join(play.pieces()).encode())
