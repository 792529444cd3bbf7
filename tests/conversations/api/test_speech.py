"""The speech in the box at `/v1`, by the official package with a key of the scope `audio`, and what it costs."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator

import openai
import pytest

from tests.browser.people import ADMINISTRATOR
from tests.processes import Site, wait_for

pytestmark = pytest.mark.processes

TEXT = "Good morning. The library opens early and closes in the evening."
LEDGER = (
    "import json; from accounts.models import UsageRecord;"
    "names = 'service', 'model_name', 'outcome', 'requests';"
    "print(json.dumps(list(UsageRecord.objects.order_by('recorded_at').values_list(*names))))"
)


def ledger(site: Site) -> list[list[object]]:
    """Its rows so far, oldest first."""
    return list(json.loads(site.run(LEDGER)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("speech"), **ADMINISTRATOR, LOCAL_SPEECH="on") as running:
        yield running.wait_until_ready(with_models=False)


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[openai.OpenAI]:
    name = ADMINISTRATOR["DJANGO_SUPERUSER_USERNAME"]
    key = site.manage("create_key", "voice", "--user", name, "--scopes", "chat,audio").strip()
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=key) as made:
        yield made


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def round_trip(client: openai.OpenAI, text: str) -> str:
    spoken = client.audio.speech.create(
        model="hibari-tts", voice="alloy", input=text, response_format="opus"
    )
    assert spoken.response.headers["Content-Type"] == "audio/ogg"
    file = ("a.ogg", spoken.content)
    return client.audio.transcriptions.create(model="whisper-tiny.en", file=file).text


def test_a_text_is_spoken_and_heard(site: Site, client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {"hibari-tts", "whisper-tiny.en"}
    before = len(ledger(site))  # other tests have spoken, too
    assert words(round_trip(client, TEXT)) == words(TEXT)
    assert ledger(site)[before:] == [
        ["speech", "hibari-tts", "complete", 1],
        ["transcription", "whisper-tiny.en", "complete", 1],
    ]


def test_refusals_are_in_the_boxs_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="nothing in the text that this English voice"):
        client.audio.speech.create(model="hibari-tts", voice="alloy", input="你好。")
    page = ("speech.webm", b"<!DOCTYPE html><html></html>")
    with pytest.raises(openai.BadRequestError, match="not a recording in WebM") as refused:
        client.audio.transcriptions.create(model="whisper-tiny.en", file=page)
    assert refused.value.code == "audio_unreadable"


def test_a_process_that_is_killed_works_again(site: Site, client: openai.OpenAI) -> None:
    (process,) = site.speech
    os.kill(process, signal.SIGKILL)
    wait_for(lambda: site.speech not in ([], [process]), what="another process")
    assert words(round_trip(client, "It works again.")) == words("It works again.")
