"""The application: lifespan, static files, and Django on a few pinned database threads.

Django's own ASGI handler gives every request a thread of its own for as long as its response lasts, and that thread a
database connection. Here each request is pinned to one of four threads instead, so an open event stream costs neither.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from asgiref.sync import ThreadSensitiveContext
from django.core.asgi import get_asgi_application

from .body_limit import BodyLimit
from .static_files import App, Receive, Scope, Send, StaticFiles

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")

MOST_BYTES_OF_PROGRAMS = 33 << 20  # recordings and pictures; the gateway says so itself at 32 MB
BYTES_AROUND = 1 << 20  # a recording in its form: a little too large, dictation says so itself
# More give no throughput; four keep a slow page or a password hash from blocking the rest.
THREADS = 4


class PinnedThreads:
    """Runs each request's synchronous parts on the least busy of a few single-thread executors."""

    def __init__(self, app: App, *, threads: int) -> None:
        self.app = app
        self.executors = [
            ThreadPoolExecutor(1, thread_name_prefix=f"pages-{number}") for number in range(threads)
        ]
        self.load = [0] * threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = min(range(len(self.load)), key=self.load.__getitem__)
        self.load[number] += 1
        try:
            async with ThreadSensitiveContext(executor=self.executors[number]):
                await self.app(scope, receive, send)
        finally:
            self.load[number] -= 1


class Lifespan:
    """Starts the engine on the server's loop and lets it finish when the server stops. Lets nothing in but requests."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # there are none, and Django fails at them
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        from conversations import runtime

        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await runtime.start_on_this_loop()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await runtime.shut_down()
                await send({"type": "lifespan.shutdown.complete"})
                return


def build_application() -> App:
    django = cast(App, get_asgi_application())
    from django.conf import settings

    from conversations.speech.sound import MOST_BYTES

    pinned = PinnedThreads(django, threads=THREADS)
    most = 8 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    under = {"/v1/": MOST_BYTES_OF_PROGRAMS, "/speech/transcription/": MOST_BYTES + BYTES_AROUND}
    bounded = BodyLimit(pinned, most=most, under=under)
    static = StaticFiles(bounded, root=settings.STATIC_ROOT, prefix=settings.STATIC_URL)
    return Lifespan(static)


application = build_application()
