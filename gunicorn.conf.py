"""The server: `gunicorn chatsite.asgi:application -c gunicorn.conf.py`, and what `manage.py serve` starts."""

import os
import resource
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
from django.core.exceptions import ImproperlyConfigured

try:
    # One place decides where the site is reached, platforms' own variables and .env included.
    from chatsite import settings
except ImproperlyConfigured as problem:
    sys.exit(str(problem))

_host = settings.HOST.strip("[]")
bind = f"[{_host}]:{settings.PORT}" if ":" in _host else f"{_host}:{settings.PORT}"
backlog = 2048

worker_class = "asgi"
workers = settings.WEB_CONCURRENCY
asgi_lifespan = "on"
asgi_loop = "asyncio"
limit_request_line = 1_000_000  # text that another app shares: what is too long is cut and says so
keepalive = 30  # the default of 2 s costs browsers a reconnect per click
timeout = 60
graceful_timeout = 35  # above the drain, see chatsite/drain.py
max_requests = 0  # recycling a worker would cut its streams
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 (a heartbeat file, never blocked by a slow disk)
control_socket_disable = True

loglevel = "warning"
# Off unless asked for (--access-logfile -). %(U)s is the path without its query, which may hold what people searched.
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'

# Everyone who reads an answer holds a connection, and many systems begin with 1,024 open files. Workers inherit it.
_most_files = 65_536
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if 0 <= _hard < _most_files:
    _most_files = _hard
if 0 <= _soft < _most_files:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _hard))


def post_worker_init(worker: Any) -> None:
    from chatsite import drain
    from conversations.supervision import die_with_parent

    # gunicorn looks for its master once a second and then waits for connections; this does not wait.
    die_with_parent(worker.ppid)
    drain.attach(worker)
    # A thread that speaks to the database gives way to the streams after half a millisecond instead of five.
    sys.setswitchinterval(0.0005)
