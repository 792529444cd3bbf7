"""Who reads an answer: from any position, as many as like, until the end or not."""

from __future__ import annotations

from tests.conversations.talk import Talk, text_of
from tests.upstream import Script, Upstream


def test_text_events_equal_the_stored_text(talk: Talk, upstream: Upstream) -> None:
    upstream.say("Zwölf ", "猫 ", "🐈‍⬛ ", "e\u0301nd")
    reply = talk.send("Cats")
    assert text_of(talk.events(reply, format="text")) == reply.answer.content


def test_closing_the_tab_changes_nothing(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One ", "two ", "three")))
    reply = talk.send("Count")
    stream = talk.events(reply, format="text")
    next(stream)
    stream.close()
    upstream.release(9)
    assert talk.finish(reply).content == "One two three"


def test_reader_resumes_at_its_position(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One ", "two ", "three")))
    reply = talk.send("Count")
    first = talk.events(reply, format="text")
    event = next(first)
    first.close()
    response = talk.client.get(
        reply.body["events"], {"format": "text"}, headers={"last-event-id": str(event.id)}
    )
    upstream.release(9)
    rest = b"".join(iter(response)).decode()
    assert "One" not in rest
    assert text_of(talk.events(reply, format="text", after=str(event.id))) == "two three"


def test_reader_at_or_after_the_end_gets_the_end(talk: Talk) -> None:
    answer = talk.ask("Hello")
    reply_url = {"events": f"/completions/{answer.completions.get().pk}/events/"}
    for after in (len(answer.content), 10**8):
        response = talk.client.get(reply_url["events"], {"format": "text", "after": str(after)})
        body = b"".join(iter(response)).decode()
        assert "event: delta" not in body
        assert "event: end" in body


def test_two_readers_see_the_same(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One ", "two ", "three")))
    reply = talk.send("Count")
    streams = [talk.events(reply, format="text") for _ in range(2)]
    heads = [next(stream).data["text"] for stream in streams]
    upstream.release(9)
    tails = [text_of(stream) for stream in streams]
    assert {head + tail for head, tail in zip(heads, tails, strict=True)} == {"One two three"}


def test_html_events_add_up_to_the_page(talk: Talk, upstream: Upstream) -> None:
    upstream.say(
        "# Title\n\n", "Some **bold** ", "text.\n\n- one\n- two\n\n", "```python\nx = 1\n```\n"
    )
    reply = talk.send("Write")
    blocks: dict[int, str] = {}
    for event in talk.events(reply):
        if event.name in {"block", "open"}:
            blocks[event.data["index"]] = event.data["html"]
    html = "".join(blocks[index] for index in sorted(blocks))
    assert "<strong>bold</strong>" in html
    page = talk.client.get(f"/messages/{reply.body['answer']}/").content.decode()
    assert "<strong>bold</strong>" in page
