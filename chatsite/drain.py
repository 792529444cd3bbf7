"""Lets running answers finish when the server is told to stop.

gunicorn gives an ASGI worker no hook for this: with a stream open it waits and is killed, and what runs at the end of
the lifespan never does. So `attach`, called by gunicorn.conf.py in each worker, takes the signals over, runs what was
registered with `on_drain`, ends the lifespan, and only then hands over to gunicorn.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

TERMINATE_SECONDS = 25.0  # SIGTERM: a deployment; people read on meanwhile
INTERRUPT_SECONDS = 2.0  # Ctrl-C: somebody waits for the prompt
HURRY_SECONDS = 1.0  # Ctrl-C after SIGTERM: gunicorn's master then kills its workers within two
FLUSH_SECONDS = 0.5  # for last bytes; idle keep-alive connections cannot be told from busy ones
LIFESPAN_SECONDS = 2.0

Drain = Callable[[], Awaitable[None]]

_functions: list[Drain] = []
_drainer: Drainer | None = None


def on_drain(function: Drain) -> None:
    """Have `function` awaited once on the worker's loop when the server stops.

    It should return when its work is done; at the deadline it is cancelled and must put its affairs in order within the
    two seconds that the lifespan's end gets. Registering the same function again changes nothing.
    """
    if function not in _functions:
        _functions.append(function)


def is_draining() -> bool:
    """True from the first signal on: take no new work."""
    return _drainer is not None and _drainer.task is not None


def attach(worker: Any) -> None:
    """Take over the signals of a gunicorn ASGI worker. Called once, in the worker, before its loop runs."""
    global _drainer
    _drainer = Drainer(worker)
    for number, seconds in (
        (signal.SIGTERM, TERMINATE_SECONDS),
        (signal.SIGINT, INTERRUPT_SECONDS),
        (signal.SIGQUIT, INTERRUPT_SECONDS),  # what gunicorn's master makes of its own SIGINT
    ):
        worker.loop.add_signal_handler(number, _drainer.begin, seconds)


class Drainer:
    """One worker's way out. A later signal can only bring the deadline forward."""

    def __init__(self, worker: Any) -> None:
        self.worker = worker
        self.loop: asyncio.AbstractEventLoop = worker.loop
        self.deadline = math.inf
        self.sooner = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def begin(self, seconds: float) -> None:
        now = self.loop.time()
        if self.task is None:
            self.deadline = now + seconds
            self.task = self.loop.create_task(self.run())
        elif seconds < TERMINATE_SECONDS:
            self.deadline = min(self.deadline, now + HURRY_SECONDS)
            self.sooner.set()

    async def run(self) -> None:
        try:
            await self.run_functions()
            await self.end_lifespan()
            await self.flush()
        finally:
            self.hand_over()

    async def run_functions(self) -> None:
        tasks = {self.loop.create_task(_guarded(function)) for function in _functions}
        while tasks:
            self.sooner.clear()
            sooner = self.loop.create_task(self.sooner.wait())
            await asyncio.wait(
                {*tasks, sooner},
                timeout=max(0.0, self.deadline - self.loop.time()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            sooner.cancel()
            tasks = {task for task in tasks if not task.done()}
            if self.loop.time() >= self.deadline:
                break
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LIFESPAN_SECONDS)

    async def end_lifespan(self) -> None:
        lifespan = getattr(self.worker, "lifespan", None)
        if lifespan is None:
            return
        self.worker.lifespan = None  # gunicorn's own end would send it twice
        try:
            await asyncio.wait_for(lifespan.shutdown(), LIFESPAN_SECONDS)
        except Exception:  # whatever the application raises, the worker still has to end
            logger.exception("The application did not shut down cleanly")

    async def flush(self) -> None:
        end = self.loop.time() + FLUSH_SECONDS
        while self.worker.nr_conns > 0 and self.loop.time() < end:  # noqa: ASYNC110 (gunicorn only counts them)
            await asyncio.sleep(0.05)

    def hand_over(self) -> None:
        """To gunicorn's quick way out, which no longer waits for idle connections."""
        self.worker.handle_quit_signal()
        for task in asyncio.all_tasks(self.loop):
            # Its main loop looks at the flag once a second; a cancellation wakes it at once.
            if getattr(task.get_coro(), "__qualname__", "") == "ASGIWorker._serve":
                task.cancel()


async def _guarded(function: Drain) -> None:
    try:
        await function()
    except Exception:  # one part's failure must not cost the others their time
        logger.exception("A part of the site did not drain cleanly")
