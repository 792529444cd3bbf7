"""A site somewhere else: its REST API, with an API key. Asks no database; follows no redirect."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import httpx2
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from .. import events
from ..errors import ModelUnknown
from .client import NO_CONVERSATION, Begun, Lost, Opened, Question, Refused, Said, Tell
from .stream import read_events

API = "/api/v1/"
SHOWN = 2  # messages of a conversation that is opened
PAGE = 100
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# A stream is silent for 15 s at most; anything else is answered at once or not at all.
TIMEOUT = httpx2.Timeout(20.0, read=40.0)
AWAY = {502, 503, 504}  # what a proxy says while the site is started again
PAUSES_SECONDS = (0.1, 0.5, 1.0)  # before an answer is looked for again after its stream broke off


class Remote:
    """The person whose key it is."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/").removesuffix(API.rstrip("/"))
        self.http = httpx2.Client(
            headers={
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "Accept-Language": get_language() or "en",
                "User-Agent": "chatsite-terminal",
            },
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=urlsplit(url).hostname not in LOOPBACK,
        )

    def open(self, conversation: UUID) -> Opened:
        response = self._request("GET", f"conversations/{conversation}?limit={SHOWN}")
        if response.status_code == 404:
            raise Refused(NO_CONVERSATION)
        body = self._body(response)
        try:
            said = tuple(map(_said, body["messages"]["items"]))
            return Opened(str(body["title"]), said)
        except (KeyError, TypeError, ValueError):
            raise self._no_site() from None

    def check(self, *, model: str = "") -> None:
        if model not in {*self.models(), ""}:
            raise Refused(ModelUnknown.message)

    def models(self) -> list[str]:
        names: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            following = f"&cursor={quote(cursor, safe='')}" if cursor else ""
            body = self._body(self._request("GET", f"models?limit={PAGE}{following}"))
            try:
                names += [str(row["name"]) for row in body["items"]]
                before, cursor = cursor, body["next"]
            except (KeyError, TypeError):
                raise self._no_site() from None
            if cursor == before or not isinstance(cursor, str | None):
                raise self._no_site()  # it would be asked for ever
        return names

    def variables(self, preset: str) -> list[str]:
        response = self._request("GET", f"presets/{quote(preset, safe='')}")
        if response.status_code == 404:
            raise Refused(_("There is no such role preset. Choose another one."))
        names = self._body(response).get("variables")
        if not isinstance(names, list):
            raise self._no_site()
        return list(map(str, names))

    def send(self, question: Question) -> Begun:
        fields: dict[str, Any] = {
            "content": question.content,
            "client_id": str(question.client_id),
        }
        if question.model:
            fields["model"] = question.model
        if question.preset is not None:
            fields["preset"] = question.preset
        if question.variables:
            fields["variables"] = dict(question.variables)
        path = "conversations"
        if question.conversation is not None:
            path = f"conversations/{question.conversation}/messages"
        response = self._request("POST", path, fields)
        if response.status_code == 404:
            raise Refused(NO_CONVERSATION)
        return self._begun(response)

    def regenerate(self, completion: UUID, *, model: str) -> Begun:
        fields = {"model": model} if model else {}
        return self._begun(self._request("POST", f"completions/{completion}/regenerate", fields))

    def follow(self, completion: UUID, tell: Tell) -> None:
        """Goes on where the stream broke off, if the site comes back soon."""

        def read() -> None:
            try:
                for event in self._follow(completion):
                    tell(event)
            except Exception as problem:  # whatever it is, who waits for the end has to know
                tell(problem)

        threading.Thread(target=read, daemon=True).start()

    def _follow(self, completion: UUID) -> Iterator[events.Event]:
        position, tries = 0, 0
        thoughts = ""
        while True:
            heard = ""  # a stream begins with all thoughts, whatever the position
            try:
                for event, at in self._events(completion, position):
                    if isinstance(event, events.Reasoning):
                        heard += event.text
                        if len(heard) <= len(thoughts):
                            continue
                        event, thoughts = events.Reasoning(heard[len(thoughts) :]), heard
                    if not isinstance(event, events.Thought):  # told anew, too
                        tries = 0
                    position = position if at is None else at
                    yield event
                    if isinstance(event, events.End):
                        return
            except (httpx2.RequestError, ValueError):
                pass
            if tries == len(PAUSES_SECONDS):
                raise Lost(
                    _("The connection to %(url)s broke off. What came until then is above.")
                    % {"url": self.url}
                )
            time.sleep(PAUSES_SECONDS[tries])
            tries += 1

    def _events(self, completion: UUID, position: int) -> Iterator[tuple[events.Event, int | None]]:
        address = f"{self.url}{API}completions/{completion}/events?format=text&after={position}"
        with self.http.stream("GET", address, headers={"Accept": "text/event-stream"}) as response:
            if response.status_code in AWAY:
                return
            if response.status_code != 200:
                response.read()
                self._body(response)
            yield from read_events(response.iter_bytes())

    def stop(self, completion: UUID) -> None:
        self._body(self._request("POST", f"completions/{completion}/stop", {}))

    def close(self) -> None:
        self.http.close()

    # --- one request -------------------------------------------------------------------------------------------------

    def _request(
        self, method: str, path: str, fields: dict[str, Any] | None = None
    ) -> httpx2.Response:
        try:
            return self.http.request(method, f"{self.url}{API}{path}", json=fields)
        except (httpx2.RequestError, httpx2.InvalidURL, UnicodeError) as problem:
            raise Refused(
                _("%(url)s cannot be reached: %(why)s.")
                % {"url": self.url, "why": str(problem).rstrip(".") or type(problem).__name__}
            ) from problem

    def _begun(self, response: httpx2.Response) -> Begun:
        body = self._body(response)
        try:
            return Begun(UUID(body["conversation"]), UUID(body["completion"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._no_site() from None

    def _body(self, response: httpx2.Response) -> dict[str, Any]:
        """The JSON object of a reply. Raises Refused for any other reply, in the words of the site if it has some."""
        if response.is_redirect:
            raise Refused(
                _("%(url)s sends on to %(where)s, where the key is not sent. Use that address.")
                % {"url": self.url, "where": response.headers.get("Location", "?")}
            )
        try:
            body = json.loads(response.content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise self._no_site()
        if response.is_success:
            return body
        error = body.get("error")
        if not isinstance(error, dict) or not all(
            isinstance(error.get(name), str) for name in ("code", "message")
        ):
            raise self._no_site()
        raise Refused(_in_words(response, error))

    def _no_site(self) -> Refused:
        return Refused(_("There is no Chatsite at %(url)s.") % {"url": self.url})


def _said(row: dict[str, Any]) -> Said:
    completion = UUID(row["completion"]) if row["completion"] else None
    return Said(row["role"], row["content"], completion, row["status"] == "running")


def _in_words(response: httpx2.Response, error: dict[str, Any]) -> str:
    """The site's sentence, and what to do about it where the site cannot know that."""
    said: str = error["message"]
    seconds = response.headers.get("Retry-After", "")
    if response.status_code == 401:
        advice = _("Look at --key or CHATSITE_KEY.")
    elif error["code"] == "scope_missing":
        advice = _("To chat, a key needs the scopes read, write and chat.")
    elif response.status_code in {429, 503} and "resets_at" not in error and seconds.isdigit():
        advice = _("Try again in %(seconds)s s.") % {"seconds": seconds}
    else:
        return said
    return _("%(first)s %(second)s") % {"first": said, "second": advice}
