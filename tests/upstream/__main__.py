"""An endpoint in a process of its own."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time

from .server import Upstream


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted OpenAI-compatible endpoint.")
    parser.add_argument("--port", type=int, default=0)
    with Upstream(port=parser.parse_args().port) as upstream:
        sys.stdout.write(f"{upstream.url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


if __name__ == "__main__":
    main()
