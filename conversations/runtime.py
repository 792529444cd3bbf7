"""Where completions run: the loop, the one-second tick, the reaper, and the way out.

Under our server this is the server's own loop, started in the lifespan. Anywhere else (runserver, the test client,
commands) one daemon thread has a loop, so that Django's own tools see real answers. Database work of the engine runs on
one thread: a checkpoint and the end of the same answer cannot overtake each other.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db import close_old_connections, connections
from django.utils import timezone

from accounts import callers, quotas
from chatsite import drain

from . import clock, completion, expiry, relay, retention
from .completion import Job, Run
from .errors import Unavailable
from .models import Completion
from .relay import Answer, Ending, Follower
from .upstream import client

if TYPE_CHECKING:
    from .calls import Call

logger = logging.getLogger(__name__)
T = TypeVar("T")
Then = Callable[[], Coroutine[Any, Any, None]]

TICK_SECONDS = 0.5  # between looks at stop requests from other processes
TICKS_PER_CHECKPOINT = 2
REAP_SECONDS = 5.0
# Between looks for conversations that nobody has used for long, while none is found.
LOOK_SECONDS = 60.0
CALLS_MAY_TAKE = 200  # hundredths of a second, to be settled when they are cut
TICKS_PER_LOOK = 10  # between looks at who is still welcome, all of them at once
MOST_RUNNING = 2000  # answers at once in one process; the server itself has no such limit

open_calls: dict[UUID, Call] = {}  # of programs, in this process; `calls.py` begins and ends them


def process_name() -> str:
    """This machine and process. Asked for when needed: the server's processes are forked with this module loaded."""
    return f"{socket.gethostname()}:{os.getpid()}"[:100]


class Engine:
    """The completions of this process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.runs: dict[UUID, Run] = {}
        self.tasks: set[asyncio.Task[Any]] = set()
        self.database = ThreadPoolExecutor(1, thread_name_prefix="engine-database")
        self.follower = Follower(self.in_database)
        self.closing = False
        self.is_warm = False

    # --- from any thread ---------------------------------------------------------------------------------------------

    def start(self, job: Job, then: Then | None = None) -> None:
        answer = Answer(job.completion_id, job.message_id, job.text, job.reasoning)
        run = Run(job, answer)
        self.runs[job.completion_id] = run
        relay.running[job.completion_id] = answer
        self.call(self._begin, run, then)

    def stop(self, completion_id: UUID) -> None:
        run = self.runs.get(completion_id)
        if run is not None:
            self.call(run.end, Ending(Completion.Status.STOPPED))

    def warm_up(self) -> None:
        if not self.is_warm:
            self.is_warm = True
            self.call(lambda: self.task(client.load()))

    def call(self, function: Callable[..., object], *args: object) -> None:
        # An empty context: a request's would die with the request and take the task's database access with it.
        self.loop.call_soon_threadsafe(function, *args, context=contextvars.Context())

    # --- on the loop -------------------------------------------------------------------------------------------------

    def task(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that is kept and whose failure is logged."""
        task = self.loop.create_task(coroutine, context=contextvars.Context())
        self.tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("A background task broke", exc_info=task.exception())

    async def in_database(self, function: Callable[..., T], *args: object) -> T:
        """Run a synchronous function on the engine's database thread. From any loop."""
        here = asyncio.get_running_loop()
        return await here.run_in_executor(self.database, _fresh, function, *args)

    def begin_upkeep(self) -> None:
        self.task(self.tick())
        self.task(self.reaper())
        self.task(self.follower.poll())

    def _begin(self, run: Run, then: Then | None) -> None:
        if self.closing:
            run.end(Ending(Completion.Status.INTERRUPTED, "interrupted"))
        self.task(self._run(run, then))

    async def _run(self, run: Run, then: Then | None) -> None:
        try:
            ending = await run.run(self.in_database)
            if then is not None and ending.status == Completion.Status.COMPLETE:
                self.task(then())
        finally:
            self.runs.pop(run.job.completion_id, None)
            relay.running.pop(run.job.completion_id, None)

    async def tick(self) -> None:
        """Heartbeats, checkpoints and stop requests, for as long as the engine lives."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            ticks += 1
            try:
                if self.runs:
                    await self._look_after(checkpoint=ticks % TICKS_PER_CHECKPOINT == 0)
                if ticks % TICKS_PER_LOOK == 0:
                    await self._look_who_is_welcome()
            except Exception:  # the database may be away for a moment; answers go on in memory
                logger.exception("Checkpoint failed")

    async def _look_after(self, *, checkpoint: bool) -> None:
        runs = list(self.runs.values())
        for key in await self.in_database(
            completion.stop_requests, [run.job.completion_id for run in runs]
        ):
            if key in self.runs:
                self.runs[key].end(Ending(Completion.Status.STOPPED))
        if checkpoint:
            for key in await self.in_database(completion.checkpoint, runs):
                if key in self.runs:
                    self.runs[key].end(Ending(Completion.Status.INTERRUPTED, "interrupted"))

    async def _look_who_is_welcome(self) -> None:
        if runs := list(self.runs):
            for key in await self.in_database(completion.of_people_shut_out, runs):
                if key in self.runs:
                    self.runs[key].end(Ending(Completion.Status.INTERRUPTED, "interrupted"))
        if calls := dict(open_calls):
            for id in await self.in_database(_look_after, calls):
                calls[id].cut("not_welcome")

    async def reaper(self) -> None:
        """At start and then every five seconds: completions of processes that died, and what was deleted before."""
        look_at = self.loop.time() + LOOK_SECONDS
        while True:
            try:
                await self.in_database(completion.reap, timezone.now(), set(self.runs))
                await self.in_database(_release_abandoned)
                await self.in_database(retention.purge_deleted, timezone.now())
                if self.loop.time() >= look_at:
                    removed = await self.in_database(expiry.remove_unused, timezone.now())
                    await self.in_database(_forget_spoken)
                    look_at = self.loop.time() + (0 if removed else LOOK_SECONDS)
            except Exception:
                logger.exception("The reaper failed")
            await asyncio.sleep(REAP_SECONDS)

    async def drain(self) -> None:
        """Take nothing new and wait for what runs; when cancelled, mark the rest interrupted."""
        self.closing = True
        try:
            while self.runs or open_calls:  # noqa: ASYNC110 (answers are started from threads, too)
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            await self.interrupt()
            raise

    async def interrupt(self) -> None:
        self.closing = True
        for run in list(self.runs.values()):
            run.process_ends = True
            run.end(Ending(Completion.Status.INTERRUPTED, "interrupted"))
        for call in list(open_calls.values()):
            call.cut("interrupted")
        while self.runs:  # noqa: ASYNC110 (answers are started from threads, too)
            await asyncio.sleep(0.01)
        for _ in range(CALLS_MAY_TAKE):
            if not open_calls:
                break
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Interrupt what still runs, end every reader, give the connections back."""
        await self.interrupt()
        for task in list(self.tasks):
            task.cancel()
        await client.close_clients()
        await self.loop.run_in_executor(self.database, connections.close_all)
        self.database.shutdown(wait=False)


def _look_after(calls: dict[UUID, Call]) -> set[UUID]:
    """Gives a sign of life of these calls; returns those whose person or key has been shut out meanwhile."""
    now = timezone.now()
    quotas.note_alive(calls, now=now)
    welcome = callers.welcome([call.caller for call in calls.values()], now=now)
    return {id for id, call in calls.items() if call.caller not in welcome}


def _release_abandoned() -> None:
    quotas.release_abandoned(now=timezone.now())


def _forget_spoken() -> None:
    now = timezone.now()
    if clock.trusted_from(now) <= now:
        retention.forget_spoken(now)


def _fresh(function: Callable[..., T], *args: object) -> T:
    close_old_connections()
    try:
        return function(*args)
    finally:
        close_old_connections()


_engine: Engine | None = None
_starting = threading.Lock()


def engine() -> Engine:
    """This process's engine, on a thread of its own if no server has started one."""
    global _engine
    if _engine is None:
        with _starting:
            if _engine is None:
                _engine = _engine_on_a_thread()
    return _engine


def _engine_on_a_thread() -> Engine:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="engine", daemon=True).start()
    made = Engine(loop)
    made.call(made.begin_upkeep)
    return made


async def start_on_this_loop() -> None:
    """Called in the lifespan: the engine shares the server's loop."""
    global _engine
    _engine = Engine(asyncio.get_running_loop())
    _engine.begin_upkeep()
    drain.on_drain(_engine.drain)


async def shut_down() -> None:
    """Called at the end of the lifespan."""
    global _engine
    if _engine is not None:
        await _engine.close()
        _engine = None


def shut_down_thread() -> None:
    """End the engine that runs on a thread: at the end of a command, and of a test, whose next one starts afresh."""
    global _engine
    if _engine is not None:
        made, _engine = _engine, None
        asyncio.run_coroutine_threadsafe(made.close(), made.loop).result(10)
        made.loop.call_soon_threadsafe(made.loop.stop)


def start(job: Job, then: Then | None = None) -> None:
    """Run a committed completion. From any thread; returns at once.

    then: what to do once it is complete.
    """
    engine().start(job, then)


def warm_up() -> None:
    """Somebody is about to ask: the first answer of a process is not to wait for what speaks to endpoints.

    Not at the start: it would cost a site that nobody uses 35 MB.
    """
    if _engine is not None:
        _engine.warm_up()


def stop(completion_id: UUID) -> None:
    """Stop a completion if it runs here; the row's `stop_requested` reaches it elsewhere."""
    engine().stop(completion_id)


def spawn(coroutine: Coroutine[Any, Any, T]) -> Future[T]:
    """Run a coroutine on the engine's loop, from any thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, engine().loop)


async def in_database(function: Callable[..., T], *args: object) -> T:
    """Run a synchronous function on the engine's database thread. From any loop."""
    return await engine().in_database(function, *args)


def is_closing() -> bool:
    return drain.is_draining() or (_engine is not None and _engine.closing)


def ensure_open() -> None:
    """Raise Unavailable while the process is ending or full."""
    if is_closing() or len(engine().runs) + len(open_calls) >= MOST_RUNNING:
        raise Unavailable
