"""A wire to a site on this machine that can be cut and mended. Browsers' own offline switch spares open streams."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self


class Wire:
    """`with Wire(port) as wire:` then go to `wire.url` instead of the site.

    attempts: connections asked for while it is cut, and reset at once.
    """

    def __init__(self, port: int) -> None:
        self.attempts = 0
        self._site = ("127.0.0.1", port)
        self._is_cut = self._is_dead = False
        self._dead: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self) -> None:
        """Reset every connection, and any new one."""
        with self._lock:
            self._is_cut, self.attempts = True, 0
            ends, self._open = self._open, set()
        for end in ends:
            _reset(end)

    def silence(self) -> None:
        """Let nothing through any more and say so to nobody, as when a router loses its power."""
        with self._lock:
            self._is_dead = True
            self._dead |= self._open

    def mend(self) -> None:
        """For new connections: those from before stay as they are."""
        with self._lock:
            self._is_cut = self._is_dead = False

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                browser, _address = self._listener.accept()
                self._join(browser)

    def _join(self, browser: socket.socket) -> None:
        with self._lock:
            if self._is_cut:
                self.attempts += 1
                _reset(browser)
                return
            if self._is_dead:
                self._open.add(browser)
                self._dead.add(browser)
                return
            site = socket.create_connection(self._site)
            self._open |= {browser, site}
        for ends in ((browser, site), (site, browser)):
            threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the wire was cut, or an end went away
            while data := source.recv(65_536):
                if source not in self._dead:
                    target.sendall(data)
        if source in self._dead:
            return
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def _reset(end: socket.socket) -> None:
    """RST instead of FIN, also for a thread that is reading."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)
    end.close()
