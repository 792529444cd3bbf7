"""Reading an answer aloud: its sentences, the sound of each made once, one request in all, and what can go wrong."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import Plan, UsagePeriod, UsageRecord, User
from conversations import retention, runtime
from conversations.models import ChatModel, ClockLook, Endpoint, Message, SpokenPart
from conversations.speech import recordings
from conversations.speech.asking import Recording
from conversations.speech.places import SENTENCES as SENTENCES_AT_ONCE
from conversations.speech.recordings import Claim, Wanted
from tests.at_once import at_once
from tests.conftest import signed_in
from tests.conversations.speech.conftest import MP3, reply
from tests.conversations.talk import JSON, Talk, assert_ledger_equals_counters
from tests.processes import wait_for
from tests.upstream import Script, Upstream

ANSWER = "# Tea\n\nPour it. **Wait** two minutes.\n\n```py\nwait(2)\n```\n"
SENTENCES = ["Tea.", "Pour it.", "Wait two minutes.", "Code example in Python."]


@pytest.fixture
def answer(talk: Talk, upstream: Upstream) -> Message:
    upstream.play(Script("answer", (ANSWER,)))
    message = talk.ask("How is tea made?")
    upstream.requests.clear()
    return message


@pytest.fixture
def spoken(answer: Message, voice: ChatModel, upstream: Upstream) -> Message:
    """An answer, and an endpoint that can speak it."""
    reply(upstream, "speech", MP3, "audio/mpeg")
    return answer


def url(message: Message, index: int | None = None) -> str:
    return f"/messages/{message.pk}/speech/" + ("" if index is None else f"{index}/")


def parts(client: Client, message: Message, **query: object) -> dict[str, Any]:
    response = client.get(url(message), query, headers=JSON)  # type: ignore[arg-type]
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def refused(client: Client, message: Message, index: int = 0, **query: str) -> tuple[int, str]:
    response = client.get(url(message, index), query, headers=JSON)
    error = response.json()["error"]
    assert error["message"].endswith((".", "。"))
    return response.status_code, error["code"]


def settled() -> list[UsageRecord]:
    wait_for(lambda: not runtime.open_calls, what="settlement")
    return list(UsageRecord.objects.filter(service="speech").order_by("recorded_at"))


def test_the_sentences(talk: Talk, spoken: Message) -> None:
    body = parts(talk.client, spoken)
    assert [part["text"] for part in body["parts"]] == SENTENCES
    assert body["parts"][1] == {"index": 1, "text": "Pour it.", "language": "en"}
    assert body["complete"] is True
    assert "alloy" in body["voices"]["en"]
    later = parts(talk.client, spoken, after=3)
    assert [part["index"] for part in later["parts"]] == [3]
    assert parts(talk.client, spoken, after="nonsense") == body


def test_without_a_voice_the_browser_has_to_speak(talk: Talk, answer: Message) -> None:
    body = parts(talk.client, answer)
    assert len(body["parts"]) == 4
    assert body["voices"] == {}
    assert refused(talk.client, answer) == (409, "not_possible")


def test_the_finished_sentences_of_a_running_answer(
    talk: Talk, voice: ChatModel, upstream: Upstream
) -> None:
    reply(upstream, "speech", MP3)
    pieces = ("The first one. The second one, ", "which ends. And the third")
    upstream.play(Script("gated", pieces))
    sent = talk.send("Count")
    message = Message.objects.get(pk=sent.body["answer"])

    def texts() -> list[str]:
        return [part["text"] for part in parts(talk.client, message)["parts"]]

    wait_for(lambda: texts() == ["The first one."], what="a finished sentence")
    assert parts(talk.client, message)["complete"] is False
    assert talk.client.get(url(message, 0)).content == MP3
    assert talk.client.get(url(message, 1)).status_code == 404
    upstream.release()
    talk.finish(sent)
    assert texts() == ["The first one.", "The second one, which ends.", "And the third."]
    talk.client.get(url(message, 0))
    assert len([one for one in upstream.requests if one.path.endswith("/speech")]) == 1


def test_sound_is_made_once_and_is_one_request(
    talk: Talk, spoken: Message, upstream: Upstream, alice: User
) -> None:
    for _time in range(2):
        for index in (1, 2, 1):
            response = talk.client.get(url(spoken, index))
            assert (response.status_code, response.content) == (200, MP3)
            assert response["Content-Type"] == "audio/mpeg"
            assert response["X-Content-Type-Options"] == "nosniff"
            assert response["Cache-Control"] == "private, no-store"
    asked = [received.body for received in upstream.requests]
    assert [(one["input"], one["voice"]) for one in asked] == [
        ("Pour it.", "alloy"),
        ("Wait two minutes.", "alloy"),
    ]
    assert [row.requests for row in settled()] == [1, 0]
    assert all(row.tokens_in and row.money for row in settled())
    talk.client.get(url(spoken, 1), {"voice": "nova"})
    assert upstream.requests[-1].body["voice"] == "nova"
    assert [row.requests for row in settled()] == [1, 0, 0]
    assert_ledger_equals_counters(alice)
    assert "text to speech" in talk.client.get("/usage/").content.decode().lower()


def test_two_tabs_ask_at_the_same_time(talk: Talk, spoken: Message, upstream: Upstream) -> None:
    owner = spoken.owner
    tabs = [signed_in(owner) for _tab in range(4)]
    bodies = at_once(*(lambda tab=tab: tab.get(url(spoken, 0)).content for tab in tabs))
    assert bodies == [MP3] * 4
    assert len(upstream.requests) == 1
    assert sum(row.requests for row in settled()) == 1
    bodies = at_once(*(lambda n=n: tabs[n].get(url(spoken, n)).content for n in range(4)))
    assert bodies == [MP3] * 4
    assert sum(row.requests for row in settled()) == 1


def test_another_process_is_making_it(talk: Talk, spoken: Message, upstream: Upstream) -> None:
    model = ChatModel.objects.get(name="tts-1")
    wanted = Wanted(spoken.pk, 0, SENTENCES[0], model)
    now = timezone.now()
    claim = recordings.find_or_claim(wanted, now=now)
    assert isinstance(claim, Claim)
    assert claim.is_request
    assert recordings.find_or_claim(wanted, now=now) is None

    def keep() -> bytes:
        recordings._keep(claim, Recording(MP3 * 2, "audio/mpeg"))
        return b""

    bodies = at_once(lambda: talk.client.get(url(spoken, 0)).content, keep)
    assert bodies[0] == MP3 * 2
    assert not upstream.requests


def test_one_whose_process_died_is_made_again(talk: Talk, spoken: Message) -> None:
    wanted = Wanted(spoken.pk, 0, SENTENCES[0], ChatModel.objects.get(name="tts-1"))
    recordings.find_or_claim(wanted, now=timezone.now() - 2 * recordings.LEFT_BEHIND)
    assert talk.client.get(url(spoken, 0)).content == MP3
    assert SpokenPart.objects.get().is_request


def test_whose_it_is_not(
    talk: Talk, spoken: Message, bob_client: Client, client: Client, upstream: Upstream
) -> None:
    for address in (url(spoken), url(spoken, 0)):
        response = bob_client.get(address, headers=JSON)
        missing = bob_client.get(address.replace(str(spoken.pk), "0" * 8 + str(spoken.pk)[8:]))
        assert response.status_code == missing.status_code == 404
        assert b"Pour" not in response.content
        assert Client().get(address, headers=JSON).status_code == 401
        assert talk.client.post(address).status_code == 405
    question = spoken.parent
    assert question is not None
    assert refused(talk.client, question) == (409, "not_possible")
    assert talk.client.get(url(spoken, 99)).status_code == 404
    assert refused(talk.client, spoken, voice="../etc") == (400, "invalid_parameter")
    assert not upstream.requests


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (404, 503, "speech_unavailable"),
        (401, 502, "upstream_auth"),
        (500, 502, "upstream_error"),
        (429, 429, "upstream_rate_limited"),
        (b"<html><script>alert(1)</script>", 502, "upstream_malformed"),
        (b"<svg onload=alert(1)>", 502, "upstream_malformed"),
        (b"", 502, "upstream_malformed"),
    ],
)
def test_a_voice_that_fails_costs_nothing_and_may_be_tried_again(
    talk: Talk, spoken: Message, upstream: Upstream, fault: int | bytes, status: int, code: str
) -> None:
    if isinstance(fault, int):
        upstream.statuses["/v1/audio/speech"] = fault
    else:
        reply(upstream, "speech", fault, "audio/mpeg")
    assert refused(talk.client, spoken) == (status, code)
    assert sum(row.requests for row in settled()) == 0
    wait_for(lambda: not SpokenPart.objects.exists(), what="its row to go")
    upstream.statuses.clear()
    reply(upstream, "speech", MP3)
    assert talk.client.get(url(spoken, 0)).content == MP3
    assert sum(row.requests for row in settled()) == 1


def test_a_voice_that_never_answers(talk: Talk, spoken: Message, upstream: Upstream) -> None:
    upstream.holds.add("/v1/audio/speech")
    Endpoint.objects.update(total_seconds=0.3)
    assert refused(talk.client, spoken) == (504, "timeout_total")


def test_nobody_listens_to_the_endpoint(talk: Talk, spoken: Message) -> None:
    Endpoint.objects.update(base_url="http://127.0.0.1:9/v1")
    assert refused(talk.client, spoken) == (503, "upstream_unreachable")


def test_a_quota_that_ends_in_the_middle(talk: Talk, spoken: Message, alice: User) -> None:
    used = UsagePeriod.objects.get(user=alice, kind="day").used_tokens
    plan = Plan.objects.create(name="Little", tokens_per_day=used + 6)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    assert talk.client.get(url(spoken, 0)).content == MP3
    statuses = {talk.client.get(url(spoken, index)).status_code for index in (1, 2, 3)}
    assert statuses >= {429}
    assert refused(talk.client, spoken, 3) == (429, "quota_tokens")
    assert talk.client.get(url(spoken, 0)).content == MP3
    assert_ledger_equals_counters(alice)


def test_no_sentence_is_spoken_beside_a_request_that_is_refused(
    talk: Talk, spoken: Message, alice: User, upstream: Upstream
) -> None:
    used = UsagePeriod.objects.get(user=alice, kind="day").used_requests
    plan = Plan.objects.create(name="No more", requests_per_day=used)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    tabs = [signed_in(alice) for _tab in range(4)]
    replies = at_once(*(lambda n=n: tabs[n].get(url(spoken, n)).status_code for n in range(4)))
    assert replies == [429] * 4
    assert not upstream.requests


def test_one_person_listens_to_little_at_once(
    talk: Talk, spoken: Message, alice: User, bob: User
) -> None:
    with ExitStack() as all_places:
        for _place in range(SENTENCES_AT_ONCE.most):
            all_places.enter_context(SENTENCES_AT_ONCE.place(alice))
        assert refused(talk.client, spoken) == (429, "too_much_sound")
        with SENTENCES_AT_ONCE.place(bob):
            pass
    assert talk.client.get(url(spoken, 0)).content == MP3


def test_the_others_wait_for_the_one_that_counts(talk: Talk, spoken: Message) -> None:
    model = ChatModel.objects.get(name="tts-1")
    first, second = (Wanted(spoken.pk, n, SENTENCES[n], model) for n in (0, 1))
    now = timezone.now()
    claim = recordings.find_or_claim(first, now=now)
    assert isinstance(claim, Claim)
    assert recordings.find_or_claim(second, now=now) is None
    recordings._forget(claim)  # whoever asked has left, and paid nothing
    claim = recordings.find_or_claim(second, now=now)
    assert isinstance(claim, Claim)
    assert claim.is_request
    later = now + recordings.LEFT_BEHIND
    again = recordings.find_or_claim(first, now=later)
    assert isinstance(again, Claim)
    assert again.is_request
    recordings._keep(again, Recording(MP3, "audio/mpeg"))
    further = recordings.find_or_claim(second, now=later)
    assert isinstance(further, Claim)
    assert not further.is_request


def test_what_was_spoken_goes_with_its_conversation(talk: Talk, spoken: Message) -> None:
    talk.client.get(url(spoken, 0))
    assert SpokenPart.objects.count() == 1
    talk.post(f"/c/{spoken.conversation_id}/delete/")
    assert talk.client.get(url(spoken, 0)).status_code == 404
    retention.purge_deleted(timezone.now() + timedelta(hours=1))
    assert not SpokenPart.objects.exists()


def test_what_was_spoken_long_ago_goes(talk: Talk, spoken: Message) -> None:
    talk.client.get(url(spoken, 0))
    talk.client.get(url(spoken, 1))
    ClockLook.objects.create(
        pk=1, looked_at=timezone.now(), steady_since=timezone.now() - timedelta(days=9)
    )
    call_command("housekeeping")
    assert SpokenPart.objects.count() == 2
    SpokenPart.objects.filter(index=0).update(begun_at=timezone.now() - timedelta(days=8))
    call_command("housekeeping")
    assert not SpokenPart.objects.exists()


def test_an_account_that_goes_takes_it_along(talk: Talk, spoken: Message, alice: User) -> None:
    talk.client.get(url(spoken, 0))
    services.delete_account(alice, now=timezone.now())
    assert not SpokenPart.objects.exists()
