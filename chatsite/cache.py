"""Redis as a cache that may go away: the site goes on, a little slower, and says so once in a while."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

QUIET_SECONDS = 30.0  # between two lines about the same outage

_said_at = float("-inf")


def _forgiving(name: str, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """RedisCache's method of that name, giving `otherwise(*arguments)` while Redis does not answer."""
    method = getattr(RedisCache, name)

    @functools.wraps(method)
    def forgiving(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        global _said_at
        try:
            return method(self, *args, **kwargs)
        except (RedisError, OSError) as error:
            if time.monotonic() - _said_at > QUIET_SECONDS:
                _said_at = time.monotonic()
                logger.warning("Redis does not answer (%s); going on without", type(error).__name__)
            return otherwise(*args, **kwargs)

    return forgiving


def _default(key: Any, default: Any = None, version: Any = None) -> Any:
    return default


class ForgivingRedisCache(RedisCache):
    """While Redis is away: a miss for whatever is asked, and nothing kept. Nothing in it is the only copy."""

    get = _forgiving("get", _default)
    set = _forgiving("set", lambda *args, **kwargs: None)
    add = _forgiving("add", lambda *args, **kwargs: True)
    touch = _forgiving("touch", lambda *args, **kwargs: False)
    delete = _forgiving("delete", lambda *args, **kwargs: False)
    has_key = _forgiving("has_key", lambda *args, **kwargs: False)
    incr = _forgiving("incr", lambda key, delta=1, version=None: delta)
    get_many = _forgiving("get_many", lambda *args, **kwargs: {})
    set_many = _forgiving("set_many", lambda data, *args, **kwargs: list(data))
    delete_many = _forgiving("delete_many", lambda *args, **kwargs: None)
