"""The process of the speech in the box: the OpenAI protocol's `/audio/speech` and `/audio/transcriptions` on a loopback
port (`python -m conversations.speech.box`).

One request is worked on at a time, few wait, and weights are loaded when they are first needed. Recordings come from
anybody and what reads them is written in C: size, length, memory and time have ends here, and what hangs ends the
process, which is then started again. It reaches out to nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import hmac
import logging
import os
import resource
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from ..supervision import settle_in
from .local import (
    KEY_VARIABLE,
    MOST_CHARACTERS,
    PATIENCE_SECONDS,
    SPEAKER,
    TOO_LONG,
    TRANSCRIBER,
)
from .sound import MOST_BYTES
from .weights import WeightsDiffer

if TYPE_CHECKING:
    from .workers import Recogniser, Voice

logger = logging.getLogger("conversations.speech.box")
T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST_WAITING = 6  # requests at once, the one that is worked on included; each may hold a recording
RETRY_SECONDS = 5
BODY_SECONDS = 60.0  # in which what is sent has to arrive
FORM_BYTES = 64 << 10  # around a recording
MOST_MEMORY = 2 << 30  # bytes of data; four times what the largest recording has been seen to take
SLOWEST, FASTEST = 0.25, 4.0


@dataclass(eq=False)
class Refusal(Exception):
    status: int
    message: str
    code: str = "invalid_value"
    param: str | None = None
    retry_seconds: int = 0


class Desk:
    """Where the work is done: one thing at a time, on a thread of its own.

    patience_seconds: with one request, the loading of weights included.
    """

    def __init__(self, patience_seconds: int) -> None:
        self.patience_seconds = patience_seconds
        self.places = MOST_WAITING
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="speech")

    @cached_property
    def voice(self) -> Voice:
        from .workers import Voice

        return Voice()

    @cached_property
    def recogniser(self) -> Recogniser:
        from .workers import Recogniser

        return Recogniser()

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Raises Refusal while as many wait as may."""
        if not self.places:
            raise Refusal(
                503,
                "Too much is being spoken and listened to. Try again in a moment.",
                code="server_overloaded",
                retry_seconds=RETRY_SECONDS,
            )
        self.places -= 1
        try:
            yield
        finally:
            self.places += 1

    async def do(self, work: Callable[[], T]) -> T:
        """Whoever leaves before it has begun takes it along."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, self._watched, work)

    def _watched(self, work: Callable[[], T]) -> T:
        # Below Python: a library that hangs may keep every thread of Python's from running.
        faulthandler.dump_traceback_later(self.patience_seconds, exit=True)
        try:
            return work()
        finally:
            faulthandler.cancel_dump_traceback_later()


DESK = web.AppKey("desk", Desk)


def application(key: str, *, patience_seconds: int = PATIENCE_SECONDS) -> web.Application:
    made = web.Application(client_max_size=MOST_BYTES + FORM_BYTES, middlewares=[_told(key)])
    made[DESK] = Desk(patience_seconds)
    made.router.add_get("/health", health)
    made.router.add_get("/v1/models", models)
    made.router.add_post("/v1/audio/transcriptions", transcriptions)
    made.router.add_post("/v1/audio/speech", speech)
    return made


async def health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def models(_request: web.Request) -> web.Response:
    rows = [{"id": name, "object": "model", "created": 0} for name in (TRANSCRIBER, SPEAKER)]
    return web.json_response({"object": "list", "data": rows})


# --- Speech into text ------------------------------------------------------------------------------------------------


async def transcriptions(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    with desk.place():
        content, response_format = await _read_recording(request)
        text = await desk.do(lambda: _transcribe(desk, content))
    if response_format == "text":
        return web.Response(text=text + "\n")
    return web.json_response({"text": text})


def _transcribe(desk: Desk, content: bytes) -> str:
    from . import codec

    try:
        samples = codec.decode(content)
    except codec.TooLong as error:
        raise Refusal(400, str(error), TOO_LONG, "file") from None
    except codec.Unreadable as error:
        raise Refusal(400, str(error), "audio_unreadable", "file") from None
    return desk.recogniser.transcribe(samples)


async def _read_recording(request: web.Request) -> tuple[bytes, str]:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            form = await request.post()
    except (ValueError, LookupError, AssertionError):
        raise Refusal(400, "The form could not be read.", "invalid_form") from None
    _check_model(form.get("model"), TRANSCRIBER)
    language = form.get("language") or "en"
    if not isinstance(language, str) or language.lower().partition("-")[0] not in ("en", "english"):
        raise Refusal(400, "This model knows English only.", param="language")
    response_format = form.get("response_format") or "json"
    if response_format not in ("json", "text"):
        raise Refusal(
            400, "“response_format” has to be json or text here.", param="response_format"
        )
    file = form.get("file")
    if not isinstance(file, web.FileField):
        raise Refusal(
            400, "Send the recording as “file”.", "missing_required_parameter", param="file"
        )
    return file.file.read(), str(response_format)


# --- Text into speech ------------------------------------------------------------------------------------------------


async def speech(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    with desk.place():
        text, speed, response_format = _read_text(await _read_object(request))
        content, content_type = await desk.do(lambda: _speak(desk, text, speed, response_format))
    return web.Response(body=content, content_type=content_type)


def _speak(desk: Desk, text: str, speed: float, response_format: str) -> tuple[bytes, str]:
    from . import codec

    try:
        samples = desk.voice.speak(text, speed=speed)
    except codec.TooLong as error:
        raise Refusal(400, str(error), "string_above_max_length", "input") from None
    if not len(samples):
        raise Refusal(
            400, "There is nothing in the text that this English voice can say.", param="input"
        )
    return codec.encode(samples, response_format)


async def _read_object(request: web.Request) -> dict[str, Any]:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.json()
    except (ValueError, LookupError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "The body has to be a JSON object.", "invalid_json")
    return body


def _read_text(body: dict[str, Any]) -> tuple[str, float, str]:
    """Text, speed and format. The one voice is used whatever is named."""
    _check_model(body.get("model"), SPEAKER)
    text, speed = body.get("input"), body.get("speed", 1.0)
    response_format = body.get("response_format") or "mp3"
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, "“input” has to be a text.", param="input")
    if len(text) > MOST_CHARACTERS:
        raise Refusal(
            400,
            f"“input” may have {MOST_CHARACTERS} characters. Send it in parts.",
            "string_above_max_length",
            "input",
        )
    if type(speed) not in (int, float) or not SLOWEST <= speed <= FASTEST:
        raise Refusal(400, f"“speed” has to be from {SLOWEST} to {FASTEST:.0f}.", param="speed")
    formats = ("mp3", "opus", "aac", "flac", "wav", "pcm")
    if response_format not in formats:
        raise Refusal(
            400,
            f"“response_format” has to be one of {', '.join(formats)}.",
            param="response_format",
        )
    return text, float(speed), response_format


def _check_model(name: object, own: str) -> None:
    if name != own:
        raise Refusal(404, f"The model for this is {own}.", "model_not_found", "model")


# --- What is refused -------------------------------------------------------------------------------------------------


def _told(key: str) -> Any:
    """Only whoever has the key gets past the health check; what goes wrong is told in OpenAI's shape."""

    @web.middleware
    async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path != "/health":
                _let_in(request, key)
            return await handler(request)
        except Refusal as refusal:
            return _error(refusal)
        except web.HTTPRequestEntityTooLarge:
            most = MOST_BYTES >> 20
            message = f"The recording is larger than {most} MB. Send it in parts."
            return _error(Refusal(413, message, "request_too_large", "file"))
        except web.HTTPException as error:
            return _error(Refusal(error.status, f"{error.reason}.", "unknown_url"))
        except TimeoutError:
            return _error(Refusal(408, "What was sent took too long to arrive.", "timeout"))
        except WeightsDiffer as error:
            logger.error("%s", error)
            return _error(Refusal(501, str(error), "weights_differ"))
        except Exception:
            logger.exception("A request of the speech in the box broke")
            return _error(Refusal(500, "Something went wrong.", "internal_error"))

    return told


def _let_in(request: web.Request, key: str) -> None:
    shown = request.headers.get("Authorization", "")
    if not hmac.compare_digest(shown.encode(errors="replace"), f"Bearer {key}".encode()):
        raise Refusal(401, "The key is not the one of this process.", "invalid_api_key")


def _error(refusal: Refusal) -> web.Response:
    kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
    error = {
        "message": refusal.message,
        "type": kind,
        "param": refusal.param,
        "code": refusal.code,
    }
    seconds = refusal.retry_seconds
    headers = {"Retry-After": str(seconds)} if seconds else {}
    return web.json_response({"error": error}, status=refusal.status, headers=headers)


# --- The process -----------------------------------------------------------------------------------------------------


# Read by the packages when they are imported. ONNX Runtime tells its maker who runs it, in native code that no hook of
# Python's sees, unless it is told not to.
QUIET = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "ORT_DISABLE_TELEMETRY": "1"}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Speak and listen on a loopback port.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent", type=int, help="end when this process, the parent, ends")
    parser.add_argument("--patience", type=int, default=PATIENCE_SECONDS, help="seconds")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    done = settle_in(options.parent)
    with contextlib.suppress(OSError, ValueError):  # no such limit here, or a lower one
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    os.environ.update(QUIET)
    sys.addaudithook(_stay_here)
    made = application(os.environ.get(KEY_VARIABLE, ""), patience_seconds=options.patience)
    asyncio.run(serve(made, options.port, until=done))
    os._exit(0)  # nothing here is worth waiting for the libraries' threads


async def serve(made: web.Application, port: int, *, until: threading.Event) -> None:
    runner = web.AppRunner(made, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.to_thread(until.wait)


def _stay_here(event: str, _arguments: tuple[object, ...]) -> None:
    """Whatever a library means to look up or to send, now or in its next version."""
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        raise PermissionError("the speech in the box reaches out to nobody")


if __name__ == "__main__":
    main()
