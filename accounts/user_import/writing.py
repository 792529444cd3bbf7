"""What was checked becomes rows of the database and of the audit log: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import is_password_usable, make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, setup
from accounts.audit import Action, Event
from accounts.batches import in_batches
from accounts.models import User, fold
from chatsite.statements import Insert

from .checking import Person
from .reading import AT_ONCE

CHANGED = (
    "password",
    "email",
    "email_key",
    "plan",
    "language",
    "is_active",
    "awaits_approval",
    "auth_epoch",
)

Tell = Callable[[int], None]


def hash_passwords(people: list[Person], *, tell: Tell = lambda done: None) -> None:
    """Slow by design, so outside of any transaction. tell: called with how many are done, now and then.

    One after the other: each takes a hundred megabytes for a moment, and is itself spread over all processors.
    """
    done = 0
    for some in in_batches(people, AT_ONCE):
        for person in some:
            person.password = _hash(person)
        done += len(some)
        tell(done)


def _hash(person: Person) -> str:
    """Empty where an existing user keeps theirs; one that nothing matches where a new one has none yet."""
    if person.password or person.is_new:
        return make_password(person.password or None)
    return ""


def save(people: list[Person], *, request: HttpRequest | None = None, actor_name: str = "") -> None:
    """All or nothing, the audit log included. request, actor_name: who did it, as `audit.record` takes them.

    Raises IntegrityError if a name or address was taken, or somebody deleted, in the meantime.
    """
    with transaction.atomic():
        for some in in_batches(people, AT_ONCE):
            events = [
                *_insert([person for person in some if person.is_new]),
                *_update([person for person in some if not person.is_new]),
            ]
            audit.record_all(events, request=request, actor_name=actor_name)
    setup.forget_administrator()


_add_user = Insert(
    User,
    (
        "username",
        "username_key",
        "password",
        "email",
        "email_key",
        "plan_id",
        "language",
        "is_active",
        "date_joined",
    ),
)
_add_address = Insert(EmailAddress, ("user_id", "email", "verified", "primary"))


def _insert(people: list[Person]) -> list[Event]:
    now = timezone.now()
    keys = [fold(person.username) or "" for person in people]
    _add_user.all(
        {
            "username": person.username,
            "username_key": key,
            "password": person.password,
            "email": person.email or "",
            "email_key": person.email,
            "plan_id": person.plan.pk if person.plan else None,
            "language": person.language,
            "is_active": person.is_active is not False,
            "date_joined": now,
        }
        for person, key in zip(people, keys, strict=True)
    )
    numbers = dict(User.objects.filter(username_key__in=keys).values_list("username_key", "pk"))
    for person, key in zip(people, keys, strict=True):
        person.pk = numbers[key]
    _write_addresses([(person.pk, person.email) for person in people if person.email])
    _join_groups(people)
    return [
        Event(
            Action.ACCOUNT_CREATED,
            User(pk=person.pk, username=person.username),
            ", ".join(_given(person)),
        )
        for person in people
    ]


def _given(person: Person) -> Iterator[str]:
    if person.plan is not None:
        yield f"plan: {person.plan}"
    if person.group is not None:
        yield f"groups: +{person.group}"
    if person.is_active is False:
        yield "is_active: False"


def _update(people: list[Person]) -> list[Event]:
    locked = User.objects.order_by("pk").select_for_update()
    users = locked.in_bulk([person.pk for person in people])
    if len(users) < len(people):
        raise IntegrityError("Somebody was deleted in the meantime.")
    pairs = [(person, users[person.pk]) for person in people if person.pk is not None]
    moved = [user for person, user in pairs if person.email and person.email != user.email]
    events = [event for person, user in pairs for event in _apply(person, user)]
    User.objects.bulk_create(
        users.values(), update_conflicts=True, unique_fields=["pk"], update_fields=CHANGED
    )
    EmailAddress.objects.filter(user__in=moved).delete()
    _write_addresses([(user.pk, user.email) for user in moved])
    joined = _join_groups(people)
    return [
        *events,
        *(
            Event(Action.ROLE_CHANGED, user, f"groups: +{person.group}")
            for person, user in pairs
            if person.pk in joined
        ),
    ]


def _apply(person: Person, user: User) -> Iterator[Event]:
    """Give the user what the person's row asks for. Another password or state ends what is open, keys included."""
    if person.password:
        user.password = person.password
        user.auth_epoch += 1
        yield Event(Action.PASSWORD_CHANGED, user)
    if person.email and person.email != user.email:
        user.email = user.email_key = person.email
        yield Event(Action.EMAIL_CHANGED, user)
    if person.plan is not None and person.plan.pk != user.plan_id:
        user.plan = person.plan
        yield Event(Action.PLAN_CHANGED, user, f"plan: {person.plan}")
    user.language = person.language or user.language
    if person.is_active is None:
        return
    if person.is_active != user.is_active:
        user.auth_epoch += 1
        let_in = Action.APPROVED if user.awaits_approval else Action.REACTIVATED
        yield Event(let_in if person.is_active else Action.SUSPENDED, user)
    user.is_active, user.awaits_approval = person.is_active, False


def _write_addresses(owners: list[tuple[int | None, str]]) -> None:
    """As `emails.write_address` does for one, where there are none: whoever brings the file vouches for them."""
    _add_address.all(
        {"user_id": pk, "email": email, "verified": True, "primary": True} for pk, email in owners
    )


def _join_groups(people: list[Person]) -> set[int | None]:
    """Who was not yet in the group of their row."""
    membership = User.groups.through
    asked = {(person.pk, person.group.pk) for person in people if person.group is not None}
    if not asked:
        return set()
    there = membership.objects.filter(user_id__in=[pk for pk, _group in asked])
    missing = asked.difference(there.values_list("user_id", "group_id"))
    membership.objects.bulk_create(
        [membership(user_id=pk, group_id=group) for pk, group in sorted(missing)]
    )
    return {pk for pk, _group in missing}


def without_password(people: list[Person]) -> list[int]:
    """Of the saved: the numbers of the new ones that have yet to choose one."""
    return [
        person.pk
        for person in people
        if person.pk is not None and person.is_new and not is_password_usable(person.password)
    ]
