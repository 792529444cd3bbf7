"""/livez and /readyz: is the process alive, and should a load balancer send people here?"""

from __future__ import annotations

import logging

from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse, JsonResponse

from . import drain

logger = logging.getLogger(__name__)

_migrated = False  # once true it stays true for this process: its code does not change


def live() -> HttpResponse:
    """200 without touching anything."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def ready() -> JsonResponse:
    """200 `ok` or `degraded`; 503 `failing` only for database, migrations or drain."""
    from conversations.endpoint_health import endpoint_state

    checks = {"database": _database(), "migrations": "unknown"}
    if checks["database"] == "ok":
        checks["migrations"] = _migrations()
    checks["cache"] = _cache()
    checks["endpoint"] = endpoint_state() if checks["migrations"] == "ok" else "unknown"
    failing = drain.is_draining() or checks["database"] != "ok" or checks["migrations"] != "ok"
    if failing:
        status = "failing"
    elif all(state in {"ok", "unknown"} for state in checks.values()):
        status = "ok"
    else:
        status = "degraded"
    return JsonResponse({"status": status, "checks": checks}, status=503 if failing else 200)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        logger.exception("The database does not answer")
        return "failing"
    return "ok"


def _migrations() -> str:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "ok" if _migrated else "failing"


def _cache() -> str:
    try:
        cache.set("health", 1, 10)
        return "ok" if cache.get("health") == 1 else "failing"
    except Exception:  # every cache backend has errors of its own
        logger.exception("The cache does not answer")
        return "failing"
