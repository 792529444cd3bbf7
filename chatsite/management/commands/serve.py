"""`manage.py serve`: everything the site needs to run, in order, then the server until it is told to stop."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from itertools import chain, repeat
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from chatsite import serving
from conversations import localmodel, supervision
from conversations.speech import local

logger = logging.getLogger(__name__)

TERMINATE_SECONDS = 40.0  # above gunicorn's graceful_timeout, which is above the drain
INTERRUPT_SECONDS = 5.0  # above the drain of Ctrl-C
CATALOGUE_SECONDS = 5.0  # an endpoint that hangs must not keep the site from starting
# Between questions to an endpoint that has named no model.
RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
MODEL_SECONDS = 15.0


class StopRequested(BaseException):
    """Raised in the main thread by the first signal to stop; no `except Exception` may swallow it."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


class Command(BaseCommand):
    help = "Migrate, start the model in the box if no endpoint is configured, and serve the site."
    requires_system_checks = []  # they are the first step, told in sentences

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--with-parent",
            action="store_true",
            help="stop when the process that started this one ends (for make)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.server = serving.Server()
        self.model: localmodel.LocalModel | None = None
        self.speech: local.LocalSpeech | None = None
        self.stop_signal: int | None = None
        self.catch_signals()
        failure: str | None = None
        try:
            if options["with_parent"]:
                supervision.die_with_parent(os.getppid())
            self.run_site()
        except StopRequested:
            pass
        except (serving.ServeError, supervision.CannotRun, ImproperlyConfigured) as error:
            failure = str(error)
        finally:
            self.shut_down()
        if failure is not None:
            self.end_line()
            sys.exit(failure)

    # --- Starting ----------------------------------------------------------------------------------------------------

    def run_site(self) -> None:
        with self.step("Configuration"):
            for warning in serving.check_configuration():
                self.say(warning)
            serving.check_address(settings.HOST, settings.PORT)
            self.start_speech()
            self.start_model()
        with self.step("Database"):
            serving.migrate()
            self.create_superuser()
            has_models = self.sync_endpoints()
        with self.step("Static files"):
            serving.collect_static()
        with self.step("Server"):
            gc.collect()
            gc.freeze()  # the collector would otherwise touch, and so copy, every shared page
            self.server.start()
            self.server.wait_until_live(settings.HOST, settings.PORT)
        self.watch_terminal()
        with self.step("Models"):
            self.await_model()
            # Later on the models are known already, and what is new may arrive a moment after the first page.
            self.read_models(wait=not has_models)
        self.announce()
        self.server.wait()
        raise serving.ServeError(
            f"The server ended unexpectedly ({self.server.describe_end()}). Start the site again."
        )

    def start_model(self) -> None:
        """Let the model load while the other steps run."""
        if settings.ENDPOINT_CONFIGURED or settings.LOCAL_MODEL == "off":
            return
        missing = localmodel.what_is_missing()
        if missing:
            self.say(missing)
            return
        path = localmodel.find_model(settings.LOCAL_MODEL)
        from conversations import endpoints

        self.model = localmodel.LocalModel(path, key=endpoints.box_key(), report=self.say)
        os.environ.update(self.model.environment)
        self.model.start()

    def start_speech(self) -> None:
        if not settings.LOCAL_SPEECH:
            return
        if missing := local.what_is_missing():
            raise supervision.CannotRun(missing)
        from conversations import endpoints

        self.speech = local.LocalSpeech(key=endpoints.box_key(), report=self.say)
        os.environ.update(self.speech.environment)
        self.speech.start()

    def await_model(self) -> None:
        if self.speech is not None:
            self.speech.supervise()  # it is not waited for: nobody speaks in the first moment
        if self.model is None:
            return
        self.model.supervise()
        if not self.model.wait_until_ready(MODEL_SECONDS):
            self.say("The model in the box is still loading; answers come when it is ready.")

    def create_superuser(self) -> None:
        from accounts import setup

        setup.ensure_superuser_from_environment()

    def sync_endpoints(self) -> bool:
        """Write down where the configured endpoint and the model in the box are now; true if a model is on offer."""
        from conversations import catalogue, endpoints

        endpoints.sync_configured_endpoints()
        return catalogue.has_models()

    def read_models(self, *, wait: bool) -> None:
        """Ask the endpoints until each has named a model. None is a reason not to start."""
        has_asked, is_late = threading.Event(), threading.Event()

        def read() -> None:
            try:
                from conversations import endpoints, model_lists

                model_lists.read_endpoint_models()
                for pause in chain(RETRY_SECONDS, repeat(RETRY_SECONDS[-1])):
                    silent = endpoints.endpoints_without_models()
                    connections.close_all()
                    if not silent:
                        break
                    has_asked.set()
                    is_late.set()
                    time.sleep(pause)
                    model_lists.read_endpoint_models(silent)
                if is_late.is_set():
                    self.say("The endpoint has listed its models now.")
            except Exception as error:  # a site with an unreachable endpoint still has its pages
                logger.debug("The endpoint's models could not be read", exc_info=True)
                reason = str(error) or type(error).__name__
                self.say(f"The endpoint's models could not be read: {reason}")
            finally:
                has_asked.set()
                connections.close_all()

        threading.Thread(target=read, name="read-models", daemon=True).start()
        if wait and not has_asked.wait(CATALOGUE_SECONDS):
            is_late.set()
            self.say("The endpoint has not listed its models yet; the site starts without waiting.")

    def announce(self) -> None:
        from accounts import setup

        url = settings.PUBLIC_URL or serving.local_url(settings.HOST, settings.PORT)
        link = setup.new_setup_link(url)
        connections.close_all()
        self.say(f"Chatsite is ready: {url}")
        if link:
            self.say(f"Create the administrator: {link}")
        serving.notify(f"READY=1\nSTATUS=Serving {url}")

    # --- Stopping ----------------------------------------------------------------------------------------------------

    def catch_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, self.on_signal)

    def watch_terminal(self) -> None:
        """Stop when the terminal goes away.

        The kernel tells only the leader of its session; under `ssh -t host make run` that is make, which then waits.
        """
        if not sys.stdin.isatty() or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            return

        def watch() -> None:
            terminal = select.poll()
            terminal.register(sys.stdin.fileno(), 0)  # nothing but the hang-up
            terminal.poll()
            os.kill(os.getpid(), signal.SIGHUP)

        threading.Thread(target=watch, name="terminal", daemon=True).start()

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.stop_signal is None:
            self.stop_signal = number
            raise StopRequested(number)
        if number == signal.SIGTERM:
            return
        if self.stop_signal == signal.SIGTERM:
            self.stop_signal = signal.SIGINT  # somebody lost patience: the short drain
            self.server.signal(signal.SIGINT)
        else:
            self.server.kill()

    def shut_down(self) -> None:
        """The server first: its last answers still need the model."""
        serving.notify("STOPPING=1")
        if self.stop_signal is None:
            self.stop_signal = signal.SIGINT  # a failure: nobody is waited for
        if self.stop_signal == signal.SIGTERM:
            self.server.stop(signal.SIGTERM, within_seconds=TERMINATE_SECONDS)
        else:
            self.server.stop(signal.SIGINT, within_seconds=INTERRUPT_SECONDS)
        for process in (self.model, self.speech):
            if process is not None:
                process.stop()

    # --- Telling -----------------------------------------------------------------------------------------------------

    open_line = False

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say what is being done, and afterwards how long it took."""
        started = time.monotonic()
        self.stdout.write(f"{name} …", ending="")
        self.stdout.flush()
        self.open_line = True
        yield
        if not self.open_line:
            self.stdout.write(f"{name} …", ending="")
        self.stdout.write(f" {time.monotonic() - started:.1f} s")
        self.stdout.flush()
        self.open_line = False

    def end_line(self) -> None:
        if self.open_line:
            self.stdout.write("")
            self.stdout.flush()
            self.open_line = False

    def say(self, line: str) -> None:
        self.end_line()
        self.stdout.write(line)
        self.stdout.flush()
