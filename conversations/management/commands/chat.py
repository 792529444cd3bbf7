"""`manage.py chat`: talk in the terminal, as a person of this site or with a key to another one."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from conversations.terminal.client import Client, Refused
from conversations.terminal.screen import Screen
from conversations.terminal.session import FAILED, INTERRUPTED, Session


class Command(BaseCommand):
    help = (
        "Talk in the terminal. What is typed, or comes through a pipe, is sent line by line; the answer, and nothing"
        " else, is written to standard output. 0 ends, 1 begins a new conversation, /help lists more."
    )
    requires_system_checks = []  # with --url there may be no database to check

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument(
            "--user", metavar="NAME", help="as this person of the site of this machine"
        )
        who.add_argument("--url", type=_url, help="with the site at this address, over the network")
        parser.add_argument(
            "--key",
            help="API key for --url with the scopes read, write and chat; better in CHATSITE_KEY,"
            " which other people of this machine do not see",
        )
        parser.add_argument("--preset", metavar="KEY", help="a role preset, by its key or id")
        parser.add_argument(
            "--set",
            action="append",
            type=_variable,
            default=[],
            metavar="NAME=VALUE",
            help="what a {{variable}} of the role preset stands for; any number of times",
        )
        parser.add_argument("--model", default="", metavar="NAME", help="who is to answer")
        parser.add_argument("--conversation", type=UUID, metavar="ID", help="go on with this one")
        parser.add_argument(
            "--whole",
            action="store_true",
            help="take all of standard input as one message, not each line as one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        key = options["key"] or os.environ.get("CHATSITE_KEY", "")
        if options["url"] and not _is_key(key):
            raise CommandError("--url needs an API key: --key KEY or CHATSITE_KEY.", returncode=2)
        if options["key"] and not options["url"]:
            raise CommandError("--key goes with --url.", returncode=2)
        if options["set"] and not options["preset"]:
            raise CommandError("--set goes with --preset.", returncode=2)
        # What the engine has to say about an answer is said to the person below.
        logging.getLogger("conversations").setLevel(logging.ERROR)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _leave)
        translation.activate(_language())
        screen = Screen()
        try:
            status = _chat(screen, key, options)
        except Refused as refusal:
            screen.error(refusal.message)
            status = FAILED
        except BrokenPipeError:  # whoever read the answer has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = FAILED
        except KeyboardInterrupt:
            status = INTERRUPTED
        if status:
            sys.exit(status)


def _chat(screen: Screen, key: str, options: dict[str, Any]) -> int:
    client = _client(options, key)
    try:
        client.check(model=options["model"])
        session = Session(
            client,
            screen,
            model=options["model"],
            preset=options["preset"],
            variables=dict(options["set"]),
        )
        if options["conversation"] is not None:
            session.open(options["conversation"])
        if options["whole"]:
            return session.run_once(screen.read_whole())
        return session.run()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the way out is short, and not to be cut
        client.close()


def _client(options: dict[str, Any], key: str) -> Client:
    """Loads only what is needed: HTTP for the one, the engine for the other."""
    if options["url"]:
        from conversations.terminal.remote import Remote

        return Remote(options["url"], key)
    from conversations.terminal.local import Local

    return Local(options["user"])


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_fine = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
        _port = parts.port
    except ValueError:
        is_fine = False
    if not is_fine or not text.isprintable() or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is no address like https://chat.example.org")
    return text


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not written like topic=cats")
    return name.strip(), value


def _is_key(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _language() -> str:
    """What the environment of the terminal says, else the site's."""
    said = next((os.environ[n] for n in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(n)), "")
    codes = [code for code, _name in settings.LANGUAGES]
    wanted = said[:2].lower()
    found = next((code for code in codes if code[:2] == wanted), "")
    return found or settings.LANGUAGE_CODE


def _leave(number: int, _frame: object) -> None:
    """The way out of somebody who ends the process or closes the terminal: the answer is marked interrupted."""
    sys.exit(128 + number)
