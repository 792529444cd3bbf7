"""A recording from the page and the text in it. Each way in which there is none has its sentence; nothing is kept."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import UsageRecord, User
from chatsite.body_limit import BodyLimit
from conversations import runtime
from conversations.errors import AudioTooLarge
from conversations.models import ChatModel, Endpoint
from conversations.speech.places import RECORDINGS
from conversations.speech.sound import MOST_BYTES
from conversations.views import dictation
from tests.chatsite.test_way_in import sent_back
from tests.conftest import signed_in
from tests.conversations.speech.conftest import WAVE, caller_with, reply
from tests.processes import wait_for
from tests.upstream import Upstream

URL = "/speech/transcription/"
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webmB\x87\x81\x04" + bytes(100)
JSON = {"accept": "application/json"}


@pytest.fixture
def speaking(alice: User, recogniser: ChatModel) -> Client:
    """Alice in a browser, on a site that has an engine."""
    return signed_in(alice)


def recording(
    content: bytes = WEBM, name: str = "dictation", content_type: str = "audio/webm"
) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type)


def dictate(client: Client, **fields: Any) -> Any:
    return client.post(URL, {"audio": recording(), **fields}, headers=JSON)


def refusal(response: Any) -> tuple[int, str]:
    """Status and code. What is said beside them is a sentence."""
    error = response.json()["error"]
    assert error["message"][-1] in ".。"
    return response.status_code, error["code"]


def settled() -> UsageRecord:
    wait_for(lambda: not runtime.open_calls, what="settlement")
    return UsageRecord.objects.latest("recorded_at")


def test_a_recording_becomes_text(speaking: Client, upstream: Upstream) -> None:
    reply(upstream, "transcriptions", {"text": " Good day. "})
    response = dictate(speaking)
    assert (response.status_code, response.json()) == (200, {"text": "Good day."})
    (received,) = upstream.requests
    assert WEBM in received.raw
    assert b'filename="speech.webm"' in received.raw
    assert b'name="language"\r\n\r\nen\r\n' in received.raw
    row = settled()
    assert (row.service, row.outcome, row.requests) == ("transcription", "complete", 1)


@pytest.mark.parametrize("is_said", [False, True], ids=["of the page", "said"])
def test_the_language(speaking: Client, upstream: Upstream, is_said: bool) -> None:
    reply(upstream, "transcriptions", {"text": "你好。"})
    if is_said:
        assert dictate(speaking, language="zh-hans").json() == {"text": "你好。"}
    else:
        speaking.cookies["django_language"] = "zh-hans"
        assert dictate(speaking).json() == {"text": "你好。"}
    assert b'name="language"\r\n\r\nzh\r\n' in upstream.requests[-1].raw


def test_only_its_bytes_say_what_it_is(speaking: Client, upstream: Upstream) -> None:
    reply(upstream, "transcriptions", {"text": "Good day."})
    sent = recording(WAVE, "../../evil.html", "text/html")
    assert dictate(speaking, audio=sent).status_code == 200
    assert b'filename="speech.wav"\r\nContent-Type: audio/wav' in upstream.requests[-1].raw
    assert b"html" not in upstream.requests[-1].raw


@pytest.mark.parametrize(
    "content",
    [b"<!DOCTYPE html><script>alert(1)</script>", b"", b"\0", bytes(5000), WEBM[:4], b"PK\3\4" * 9],
    ids=["a page", "nothing", "a byte", "zeros", "a cut head", "an archive"],
)
def test_what_is_no_recording(speaking: Client, upstream: Upstream, content: bytes) -> None:
    response = dictate(speaking, audio=recording(content, "speech.webm"))
    assert refusal(response) == (400, "audio_unreadable")
    assert not upstream.requests
    assert not UsageRecord.objects.exists()


def test_a_damaged_recording(speaking: Client, upstream: Upstream) -> None:
    upstream.statuses["/v1/audio/transcriptions"] = 400  # the endpoint's word
    assert refusal(dictate(speaking)) == (400, "audio_unreadable")
    assert settled().requests == 0


@pytest.mark.parametrize("text", ["", "  \n"])
def test_silence(speaking: Client, upstream: Upstream, text: str) -> None:
    reply(upstream, "transcriptions", {"text": text})
    assert refusal(dictate(speaking)) == (422, "audio_silent")


def test_one_that_is_too_large(speaking: Client, upstream: Upstream) -> None:
    assert f"{MOST_BYTES >> 20} MB" in str(AudioTooLarge.message)
    large = WEBM + bytes(MOST_BYTES)
    assert refusal(dictate(speaking, audio=recording(large))) == (413, "audio_too_large")
    reply(upstream, "transcriptions", {"text": "Good day."})
    large = large[:MOST_BYTES]
    assert dictate(speaking, audio=recording(large)).status_code == 200
    assert large in upstream.requests[-1].raw


def test_one_that_is_far_too_large_reaches_no_disk() -> None:
    length = (b"content-length", b"%d" % (60 << 20))
    start, body, _end = sent_back(
        lambda app: BodyLimit(app, most=26 << 20), path=URL, headers=[length]
    )
    assert (start["status"], json.loads(body["body"])["error"]["code"]) == (413, "audio_too_large")


FORM = "multipart/form-data; boundary=b"
FIELD = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (b"--b--\r\n", FORM),
        (b"\xff" * 99, FORM),
        (FIELD % (b"audio", WEBM) + b"--b--\r\n", FORM),
        (FIELD % (b"x", b"") * 1200 + b"--b--\r\n", FORM),
        (FIELD % (b"x", bytes(3_000_000)) + b"--b--\r\n", FORM),
        (WEBM, "multipart/form-data"),
        (WEBM, "audio/webm"),
        (b'{"audio": "x"}', "application/json"),
    ],
    ids=["no body", "no field", "noise", "no file", "many fields", "a long field", "no boundary", "bare", "JSON"],
)  # fmt: skip
def test_what_is_no_form_with_a_recording(
    speaking: Client, upstream: Upstream, body: bytes, content_type: str
) -> None:
    response = speaking.post(URL, body, content_type=content_type, headers=JSON)
    assert refusal(response) == (400, "invalid_parameter")
    assert not upstream.requests


def test_files_beside_the_recording_are_not_read(speaking: Client, upstream: Upstream) -> None:
    reply(upstream, "transcriptions", {"text": "Good day."})
    fields = {"other": recording(b"x" * 99), "audio": [recording(WAVE), recording(WEBM)]}
    assert dictate(speaking, **fields).status_code == 200
    assert WAVE in upstream.requests[-1].raw
    assert WEBM not in upstream.requests[-1].raw


@pytest.mark.parametrize("language", ["fr", "zh", "x\0", "en" * 99])
def test_a_language_that_the_site_does_not_have(speaking: Client, language: str) -> None:
    response = dictate(speaking, language=language)
    assert refusal(response) == (400, "invalid_parameter")
    assert response.json()["error"]["field"] == "language"


def test_a_site_without_an_engine(alice_client: Client, chat_model: ChatModel) -> None:
    response = dictate(alice_client)
    assert refusal(response) == (503, "speech_unavailable")


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (404, "speech_unavailable", 503),
        (405, "speech_unavailable", 503),
        (401, "upstream_auth", 502),
        (429, "upstream_rate_limited", 429),
        (500, "upstream_error", 502),
    ],
)
def test_an_endpoint_that_refuses(
    speaking: Client, upstream: Upstream, status: int, code: str, told: int
) -> None:
    upstream.statuses["/v1/audio/transcriptions"] = status
    response = dictate(speaking)
    assert refusal(response) == (told, code)
    assert response.has_header("Retry-After") == (told in {429, 503})
    assert settled().requests == 0


def test_an_endpoint_that_is_slow(speaking: Client, upstream: Upstream) -> None:
    Endpoint.objects.update(total_seconds=1)
    upstream.holds.add("/v1/audio/transcriptions")
    assert refusal(dictate(speaking)) == (504, "timeout_total")
    assert upstream.requests[-1].wait_closed()
    assert settled().outcome == "failed"


def test_an_endpoint_that_is_not_there(speaking: Client) -> None:
    Endpoint.objects.update(base_url="http://127.0.0.1:9/v1")
    assert refusal(dictate(speaking)) == (503, "upstream_unreachable")


def test_an_endpoint_that_says_something_else(speaking: Client, upstream: Upstream) -> None:
    reply(upstream, "transcriptions", b"<html>", "text/html")
    assert refusal(dictate(speaking)) == (502, "upstream_malformed")


def test_a_used_up_quota(alice: User, speaking: Client, upstream: Upstream) -> None:
    caller_with(alice, requests_per_day=1)
    reply(upstream, "transcriptions", {"text": "Good day."})
    assert dictate(speaking).status_code == 200
    response = dictate(speaking)
    assert refusal(response) == (429, "quota_requests")
    assert datetime.fromisoformat(response.json()["error"]["resets_at"])
    assert len(upstream.requests) == 1


def test_a_plan_without_the_engine(alice: User, speaking: Client) -> None:
    caller_with(alice, allowed_models=["fake"])
    assert refusal(dictate(speaking)) == (503, "speech_unavailable")


def test_more_than_a_process_can_hold(
    speaking: Client, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply(upstream, "transcriptions", {"text": "Good day."})
    monkeypatch.setattr(dictation, "MOST_IN_HAND", 600)
    assert refusal(dictate(speaking, audio=recording(WEBM * 5))) == (503, "unavailable")
    assert dictate(speaking).status_code == 200


def test_one_person_dictates_little_at_once(
    alice: User, bob: User, speaking: Client, upstream: Upstream
) -> None:
    reply(upstream, "transcriptions", {"text": "Good day."})
    with RECORDINGS.place(alice), RECORDINGS.place(alice):
        assert refusal(dictate(speaking)) == (429, "too_much_sound")
        assert dictate(signed_in(bob)).status_code == 200
    assert dictate(speaking).status_code == 200


def test_the_session_has_ended(client: Client, recogniser: ChatModel, upstream: Upstream) -> None:
    for headers in (JSON, {}):
        response = client.post(URL, {"audio": recording()}, headers=headers)
        assert refusal(response) == (401, "not_signed_in")
    assert not upstream.requests


def test_only_pages_of_ours_may_ask(alice: User, speaking: Client, upstream: Upstream) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert refusal(dictate(strict)) == (403, "csrf_failed")
    assert strict.post(URL, {"audio": recording()}).status_code == 403
    strict.get("/")
    token = strict.cookies["csrftoken"].value
    assert refusal(dictate(strict, csrfmiddlewaretoken="x" * 32)) == (403, "csrf_failed")
    assert not upstream.requests
    reply(upstream, "transcriptions", {"text": "Good day."})
    headers = {**JSON, "x-csrftoken": token}
    response = strict.post(URL, {"audio": recording()}, headers=headers)
    assert response.json() == {"text": "Good day."}
    assert dictate(strict, csrfmiddlewaretoken=token).status_code == 200


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_wrong_method(speaking: Client, method: str) -> None:
    assert getattr(speaking, method)(URL).status_code == 405


# --- What the page is told -------------------------------------------------------------------------------------------


def test_the_page_knows_of_the_engine(
    speaking: Client, chat_model: ChatModel, recogniser: ChatModel
) -> None:
    assert b'data-engine="site"' in speaking.get("/").content
    assert f'data-transcription="{URL}"'.encode() in speaking.get("/speech/recorder/").content
    recogniser.delete()
    assert b'data-engine=""' in speaking.get("/").content
    part = speaking.get("/speech/recorder/").content
    assert b'data-transcription=""' in part
    assert b"Google" in part


def test_the_microphone_is_for_this_origin_only(speaking: Client) -> None:
    for path in ("/", "/speech/recorder/"):
        policy = speaking.get(path)["Permissions-Policy"]
        assert "microphone=(self)" in policy
        assert "camera=()" in policy
