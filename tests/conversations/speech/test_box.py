"""The speech in the box: the real voice and recogniser, over HTTP, by the official client and by hand."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from conversations.speech import box, local
from conversations.speech.codec import TooLong
from conversations.speech.local import LocalSpeech
from conversations.speech.weights import VOICE, checked
from conversations.speech.workers import Voice
from tests.conversations.speech.recordings import hours_of_silence, silence, webm
from tests.processes import DEADLINE_SECONDS, ROOT, wait_for

pytestmark = pytest.mark.processes

TEXT = "Hello there. Please remind me to buy three apples tomorrow morning."


@pytest.fixture(scope="module")
def speech() -> Iterator[LocalSpeech]:
    speech = LocalSpeech(key="a key", report=lambda _line: None)
    with running(speech):
        yield speech


@contextlib.contextmanager
def running(speech: LocalSpeech) -> Iterator[openai.OpenAI]:
    speech.start()
    try:
        assert speech.wait_until_ready(DEADLINE_SECONDS)
        with openai.OpenAI(base_url=speech.url, api_key=speech.key, max_retries=0) as client:
            yield client
    finally:
        speech.stop()


@pytest.fixture
def client(speech: LocalSpeech) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=speech.url, api_key=speech.key, max_retries=0) as made:
        yield made


def say(client: openai.OpenAI, text: str = TEXT, **how: object) -> bytes:
    asked = client.audio.speech.create
    return asked(model=local.SPEAKER, voice="alloy", input=text, **how).content  # type: ignore[arg-type]


def hear(client: openai.OpenAI, content: bytes, **how: object) -> str:
    asked = client.audio.transcriptions.create
    file = ("speech.webm", content)  # whatever it is
    return asked(model=local.TRANSCRIBER, file=file, **how).text  # type: ignore[call-overload, no-any-return]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


# --- The round trip --------------------------------------------------------------------------------------------------


def test_what_is_spoken_is_heard(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [local.TRANSCRIBER, local.SPEAKER]
    content = say(client)
    assert content[:3] == b"ID3"
    assert words(hear(client, content, language="en")) == words(TEXT)


@pytest.mark.parametrize(("response_format", "speed"), [("opus", 1.25), ("wav", 0.75)])
def test_in_other_formats_and_at_other_speeds(
    client: openai.OpenAI, response_format: str, speed: float
) -> None:
    content = say(client, response_format=response_format, speed=speed)
    assert words(hear(client, content)) == words(TEXT)


def test_a_recording_as_browsers_make_it(client: openai.OpenAI) -> None:
    import numpy as np

    samples = np.frombuffer(say(client, response_format="pcm"), np.int16)
    assert words(hear(client, webm(samples))) == words(TEXT)


def test_the_slowest_and_the_fastest(client: openai.OpenAI) -> None:
    slow, fast = (len(say(client, "Hello.", speed=speed)) for speed in (0.25, 4))
    assert slow > 3 * fast


def test_a_long_line_without_an_end_is_spoken_in_pieces(client: openai.OpenAI) -> None:
    assert say(client, "seven hundred and twenty " * 40, speed=4)


@pytest.mark.parametrize("word", ["9", "$9", "aB1", "a1", "1,", "%", "a/b."])
def test_no_word_takes_minutes_to_understand(word: str) -> None:
    """A word of 4,000 characters, which any answer may have, kept the process busy until it was ended."""
    text = word * (local.MOST_CHARACTERS // len(word))
    start = time.process_time()
    with pytest.raises(TooLong):
        Voice().speak(text, speed=1, most_seconds=0)
    assert time.process_time() - start < 60


def test_what_takes_too_long_to_say_is_refused() -> None:
    with pytest.raises(TooLong, match=r"takes over 10 minutes\. Send it in parts\."):
        Voice().speak("Seven hundred and twenty. " * 4, speed=1, most_seconds=5)


@pytest.mark.parametrize("seconds", [0.05, 3])
def test_silence_is_no_text(client: openai.OpenAI, seconds: float) -> None:
    assert hear(client, silence(seconds)) == ""


# --- Bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (b"<!DOCTYPE html><html></html>", "audio_unreadable", "The file is not a recording in WebM"),
        (b"\x1aE\xdf\xa3\x01webm" + bytes(900), "audio_unreadable", "The recording is damaged"),
        (b"OggS" + b"\xff" * 5000, "audio_unreadable", "The recording is damaged"),
        (hours_of_silence(2), "audio_too_long", "The recording is longer than 10 minutes."),
    ],
    ids=["HTML", "damaged WebM", "damaged Ogg", "two hours"],
)  # fmt: skip
def test_recordings_that_cannot_be_heard(
    client: openai.OpenAI, content: bytes, code: str, sentence: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=sentence) as refused:
        hear(client, content)
    assert (refused.value.code, refused.value.param) == (code, "file")


def test_one_that_is_too_large(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match="larger than 25 MB") as refused:
        hear(client, bytes(26 << 20))
    assert (refused.value.status_code, refused.value.code) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": " "}, "input"),
        ({"input": "你好。"}, "input"),
        ({"input": "a" * 4097}, "input"),
        ({"speed": 0.2}, "speed"),
        ({"speed": 5}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"response_format": "midi"}, "response_format"),
        ({"model": "tts-1"}, "model"),
    ],
)
def test_texts_that_cannot_be_spoken(
    client: openai.OpenAI, fields: dict[str, object], param: str
) -> None:
    body = {"model": local.SPEAKER, "input": "Hello.", "voice": "alloy", **fields}
    with pytest.raises(openai.APIStatusError) as refused:
        client.post("/audio/speech", body=body, cast_to=object)
    assert refused.value.status_code in (400, 404)
    assert refused.value.param == param
    assert refused.value.message.endswith(".")


def test_other_questions_that_cannot_be(speech: LocalSpeech, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="English only"):
        hear(client, silence(1), language="zh")
    with pytest.raises(openai.BadRequestError, match="has to be json or text"):
        hear(client, silence(1), response_format="srt")
    assert ask(speech, "/v1/audio/transcriptions", b"--x", "multipart/form-data; boundary=b") == 400
    assert ask(speech, "/v1/audio/transcriptions", b"{}", "application/json") == 404
    assert ask(speech, "/v1/audio/speech", b"[" * 100_000, "application/json") == 400
    assert ask(speech, "/v1/audio/speech", b"\xff", "application/json") == 400
    assert ask(speech, "/v1/nothing", b"", "application/json") == 404
    assert ask(speech, "/v1/audio/speech", b"{}", "application/json", key="guessed") == 401
    assert ask(speech, "/v1/audio/speech", b"{}", "application/json", key="gu\xe9ssed") == 401


def ask(speech: LocalSpeech, path: str, body: bytes, content_type: str, *, key: str = "") -> int:
    """The status of one POST."""
    connection = http.client.HTTPConnection("127.0.0.1", speech.port, timeout=60)
    with contextlib.closing(connection):
        headers = {"Authorization": f"Bearer {key or speech.key}", "Content-Type": content_type}
        connection.request("POST", path, body, headers)
        return connection.getresponse().status


# --- Bounds ----------------------------------------------------------------------------------------------------------


def test_a_queue_has_an_end(speech: LocalSpeech, client: openai.OpenAI) -> None:
    """A place is taken before the recording arrives: it is what takes memory."""
    head = (
        f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {speech.key}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b\r\n"
    )
    with contextlib.ExitStack() as stack:
        for _place in range(box.MOST_WAITING):
            waiting = socket.create_connection(("127.0.0.1", speech.port))
            stack.enter_context(waiting).sendall(head.encode())

        refused: list[openai.APIStatusError] = []

        def is_full() -> bool:
            try:
                hear(client, silence(0.1))
            except openai.InternalServerError as error:
                refused.append(error)
            return bool(refused)

        wait_for(is_full, what="a refusal")
        assert (refused[0].status_code, refused[0].code) == (503, "server_overloaded")
        assert refused[0].response.headers["Retry-After"] == "5"
    wait_for(
        lambda: ask(speech, "/v1/audio/speech", b"{", "application/json") == 400, what="a place"
    )


def test_what_hangs_ends_the_process_even_if_no_python_runs() -> None:
    """`PyDLL` keeps the interpreter's lock, as a library may that hangs."""
    program = (
        "import asyncio, ctypes; from conversations.speech.box import Desk;"
        "asyncio.run(Desk(1).do(lambda: ctypes.PyDLL(None).sleep(100)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip
    assert done.returncode == 1
    assert "Timeout (0:00:01)!" in done.stderr


def test_nothing_in_it_reaches_out() -> None:
    """Neither the packages' own downloads nor anything else."""
    program = (
        "import sys, socket; from conversations.speech.box import _stay_here; sys.addaudithook(_stay_here);"
        "import hibari.voices, huggingface_hub, os; os.environ['HIBARI_HOME'] = sys.argv[1];"
        "tries = [lambda: hibari.voices.voice_path('emma'), lambda: socket.create_connection(('127.0.0.1', 9)),"
        "  lambda: huggingface_hub.snapshot_download('Systran/faster-whisper-tiny')]\n"
        "for attempt in tries:\n"
        "    try: attempt()\n"
        "    except Exception as error: print('reaches out to nobody' in repr(error) or type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "/nonexistent"], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60, env={"HF_HUB_OFFLINE": "1", "HOME": "/nonexistent"},
    )  # fmt: skip
    lines = done.stdout.split()
    assert len(lines) == 3, done
    assert lines[1] == "True"


def test_no_native_code_in_it_keeps_a_number_of_this_machine(tmp_path: Path) -> None:
    """ONNX Runtime makes one in the home folder, with what it is about to send, as soon as it is imported."""
    program = (
        "import os; from conversations.speech import box; os.environ.update(box.QUIET);"
        "import onnxruntime, time; time.sleep(1)"
    )
    environment = {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60, env=environment
    )
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_other_weights_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checked(VOICE)
    shutil.copytree(folder.parent, tmp_path / "hibari")
    with (tmp_path / "hibari" / "assets" / "oov.onnx").open("ab") as file:
        file.write(b"\0")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with running(LocalSpeech(key="a key", report=lambda _line: None)) as client:
        with pytest.raises(
            openai.InternalServerError, match=r"oov\.onnx is not the file"
        ) as refused:
            say(client)
        assert refused.value.code == "weights_differ"
