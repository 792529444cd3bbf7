"""Several things done at one moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

Value = TypeVar("Value")


def at_once(*actions: Callable[[], Value]) -> list[Value]:
    """What they return, each in a thread and with database connections of its own."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], Value]) -> Value:
        barrier.wait()
        try:
            return action()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))
