"""Which program asks, for whom, and what it may spend: by what is in `Authorization: Bearer`, and by nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from . import api_keys, passes, quotas
from .models import ApiKey, Pass, State, User
from .quotas import Limits

USED_EVERY = timedelta(minutes=1)  # how exactly the last use of a key or a pass is kept


class CallerRefused(Exception):
    """The request says who asks in a way that lets nobody in (401), or asks for more than it may (403)."""

    def __init__(self, status: int, code: str, message: str | Promise) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


_ENDED = {
    State.REVOKED: ("key_revoked", _("This API key has been revoked.")),
    State.EXPIRED: ("key_expired", _("This API key has expired.")),
    State.ENDED: (
        "key_ended",
        _("This API key ended when the password was changed or the account suspended."),
    ),
}


@dataclass(frozen=True)
class Caller:
    """A person, and through what they ask. limits: the person's; those of the key hold beside them."""

    user: User
    limits: Limits
    api_key: ApiKey | None = None


def bearer(request: HttpRequest) -> str | None:
    """What stands in `Authorization: Bearer`; None without that header. Raises CallerRefused for another scheme."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _space, text = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise CallerRefused(
            401, "key_invalid", _("Send the API key as “Authorization: Bearer KEY”.")
        )
    return text.strip()


def caller_with_key(request: HttpRequest, *, scope: str | tuple[str, ...], now: datetime) -> Caller:
    """Who asks with an API key that has this scope, or all of these. At most four queries.

    Raises CallerRefused: 401 without a key that is valid, 403 without the scope.
    """
    text = bearer(request)
    if text is None:
        raise CallerRefused(
            401, "key_missing", _("Send an API key as “Authorization: Bearer KEY”.")
        )
    key = api_keys.find_key(text)
    if key is None:
        raise CallerRefused(401, "key_invalid", _("There is no such API key."))
    state = key.state(now)
    if state != State.VALID:
        raise CallerRefused(401, *_ENDED[state])
    needed = (scope,) if isinstance(scope, str) else scope
    missing = [one for one in needed if not key.allows(one)]
    if missing:
        raise CallerRefused(
            403,
            "scope_missing",
            _("This API key may not be used for that: it lacks the scope “%(scope)s”.")
            % {"scope": ", ".join(missing)},
        )
    _note_use(key, now=now)
    return Caller(key.user, quotas.limits_of(key.user), key)


# In the words of the original ChatAPI, which its clients know.
_HEADER = "'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
_NO_PASS = {
    "missing": (401, "Missing Authorization Header"),
    "scheme": (401, f"Missing 'Bearer' type in {_HEADER}"),
    "empty": (422, "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'"),
    "incomplete": (422, "Not enough segments"),
    "unsigned": (422, "Signature verification failed"),
    "expired": (401, "Token has expired"),
    "ended": (401, "Token does not exist. Please contact the administrator to apply."),
}


def caller_with_pass(request: HttpRequest, *, now: datetime) -> Caller:
    """Who asks with a pass of the original ChatAPI. At most four queries.

    Raises CallerRefused, 401 or 422, with a code that begins with `pass_` and the original's words.
    """
    scheme, *texts = request.headers.get("Authorization", "").split() or [""]
    reason = ""
    if not scheme:
        reason = "missing"
    elif scheme.lower() != "bearer":
        reason = "scheme"
    elif len(texts) != 1:
        reason = "empty"
    else:
        try:
            found = passes.find_pass(texts[0], now=now)
        except passes.NoPass as problem:
            reason = problem.reason
        else:
            _note_use(found, now=now)
            return Caller(found.user, quotas.limits_of(found.user))
    raise _no_pass(reason)


def _note_use(shown: ApiKey | Pass, *, now: datetime) -> None:
    """Keep when it was last used, to the minute. At most one query."""
    if shown.last_used_at is None or now - shown.last_used_at >= USED_EVERY:
        rows: Any = type(shown)._default_manager  # not `save`: it may have been revoked meanwhile
        rows.filter(pk=shown.pk).update(last_used_at=now)


def shut_out() -> CallerRefused:
    """The refusal of a pass that ended while it was being used."""
    return _no_pass("ended")


def _no_pass(reason: str) -> CallerRefused:
    status, words = _NO_PASS[reason]
    return CallerRefused(status, f"pass_{reason}", words)


def may_go_on(caller: Caller, *, now: datetime) -> bool:
    """Nothing has ended the account or the key since the request came. At most two queries."""
    return caller in welcome([caller], now=now)


def welcome(callers: Collection[Caller], *, now: datetime) -> set[Caller]:
    """Those whose account and key nothing has ended since their requests came. At most two queries."""
    people = User.objects.filter(is_active=True).in_bulk({caller.user.pk for caller in callers})
    keys = ApiKey.objects.select_related("user").in_bulk(
        {caller.api_key.pk for caller in callers if caller.api_key is not None}
    )

    def is_welcome(caller: Caller) -> bool:
        user = people.get(caller.user.pk)
        if user is None or user.auth_epoch != caller.user.auth_epoch:
            return False
        if caller.api_key is None:
            return True
        key = keys.get(caller.api_key.pk)
        return key is not None and key.state(now) == State.VALID

    return {caller for caller in callers if is_welcome(caller)}
