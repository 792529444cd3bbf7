"""What the rows of a file ask for, compared with the site as it is. Reads plans, groups and users; writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from accounts.batches import in_batches
from accounts.models import Plan, User, check_fits, fold

from .reading import AT_ONCE, Row

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would calculate


@dataclass(slots=True)
class Person:
    """What one row asks for; empty or None: an existing user's stays, a new one's is as usual.

    pk: of a new one only once it is saved. password: as written; once `hash_passwords` was here, its hash.
    """

    username: str
    password: str
    pk: int | None = None
    is_new: bool = True
    email: str | None = None
    plan: Plan | None = None
    group: Group | None = None
    language: str = ""
    is_active: bool | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that is wrong with one row."""

    row: int
    why: str


def check(
    rows: Iterable[Row], *, weak_passwords: bool = False
) -> tuple[list[Person], list[Problem]]:
    """What the rows would do, or what is wrong with them: one of both lists is empty. Two queries for 500 rows.

    weak_passwords: whether to take those that people could not choose for themselves.
    """
    checker = _Checker(weak_passwords=weak_passwords)
    people: list[Person] = []
    problems: list[Problem] = []
    for some in in_batches(rows, AT_ONCE):
        checker.look_up(some)
        for row in some:
            name, password = row.cell("username"), row.cells.get("password", "")
            person = Person(User.normalize_username(name), password)
            if faults := [*checker.faults(row, person)]:
                problems.append(Problem(row.number, _("; ").join(faults)))
                people.clear()
            elif not problems:
                people.append(person)
    return people, problems


class _Checker:
    """The site as it is, and what the rows before took."""

    def __init__(self, *, weak_passwords: bool) -> None:
        self.weak_passwords = weak_passwords
        self.plans = {fold(plan.name): plan for plan in Plan.objects.all()}
        self.groups = {fold(group.name): group for group in Group.objects.all()}
        self.languages = {code: code for code in dict(settings.LANGUAGES)}
        administrators = User.objects.filter(is_active=True, is_superuser=True)
        self.administrators = set(administrators.values_list("pk", flat=True))
        self.seen_names: dict[str, int] = {}
        self.seen_addresses: dict[str, int] = {}
        self.known: dict[str, tuple[int, str]] = {}
        self.owners: dict[str, tuple[int, str]] = {}

    def look_up(self, rows: list[Row]) -> None:
        """Those of the site's people whose names or addresses these rows have."""
        names = User.objects.filter(username_key__in=_keys("username", rows))
        self.known = {
            key: (pk, email) for key, pk, email in names.values_list("username_key", "pk", "email")
        }
        addresses = User.objects.filter(email_key__in=_keys("email", rows))
        self.owners = {
            key or "": (pk, name)
            for key, pk, name in addresses.values_list("email_key", "pk", "username")
        }

    def faults(self, row: Row, person: Person) -> Iterator[str]:
        """What is wrong with the row; what is right is put into the person."""
        if "" in row.cells:
            yield _("it has more cells than the first line")
        if any("\x00" in value for value in row.cells.values()):
            yield _("it contains a NUL character")
        yield from self._name(row, person)
        yield from self._address(row, person)
        yield from self._choices(row, person)
        if person.password and not self.weak_passwords:
            yield from self._password(person)

    def _name(self, row: Row, person: Person) -> Iterator[str]:
        name = person.username
        key = fold(name)
        if key is None:
            yield _("the user name is empty")
            return
        try:
            if name.startswith(FORMULA):
                yield _("the user name %(name)r looks like a formula") % {"name": name}
            else:
                User._meta.get_field("username").run_validators(name)
                check_fits(name, field="username")
        except ValidationError as error:
            why = " ".join(error.messages)
            yield _("the user name %(name)r: %(why)s") % {"name": name, "why": why}
        first = self.seen_names.setdefault(key, row.number)
        if first != row.number:
            told = {"name": name, "row": first}
            yield _("the user name %(name)r is already in row %(row)d") % told
        person.pk, _email = self.known.get(key, (None, ""))
        person.is_new = person.pk is None

    def _address(self, row: Row, person: Person) -> Iterator[str]:
        key = person.email = fold(row.cell("email"))
        if key is None:
            return
        try:
            validate_email(key)
            check_fits(key, field="email")
        except ValidationError:
            yield _("%(text)r is not an e-mail address") % {"text": key}
            return
        owner, name = self.owners.get(key, (None, ""))
        if owner is not None and owner != person.pk:
            told = {"email": key, "name": name}
            yield _("the e-mail address %(email)r belongs to %(name)s") % told
        first = self.seen_addresses.setdefault(key, row.number)
        if first != row.number:
            yield (
                _("the e-mail address %(email)r is already in row %(row)d")
                % {"email": key, "row": first}
            )

    def _choices(self, row: Row, person: Person) -> Iterator[str]:
        if name := row.cell("plan"):
            person.plan = self.plans.get(fold(name))
            if person.plan is None:
                yield _("there is no plan %(name)r") % {"name": name}
        if name := row.cell("group"):
            person.group = self.groups.get(fold(name))
            if person.group is None:
                yield _("there is no group %(name)r") % {"name": name}
        if code := row.cell("language").lower():
            person.language = self.languages.get(code, "")
            if not person.language:
                told = {"code": code, "known": ", ".join(self.languages)}
                yield _("the language %(code)r is not one of %(known)s") % told
        if word := row.cell("is_active").lower():
            person.is_active = word in TRUE
            if word not in TRUE | FALSE:
                yield _("is_active is %(word)r, neither true nor false") % {"word": word}
            elif word in FALSE and person.pk in self.administrators:
                self.administrators.remove(person.pk)
                if not self.administrators:
                    yield _("%(name)r is the last administrator") % {"name": person.username}

    def _password(self, person: Person) -> Iterator[str]:
        """By the rules of the sign-up page, which compare it with name and address, too."""
        _pk, email = self.known.get(fold(person.username) or "", (None, ""))
        user = User(username=person.username, email=person.email or email)
        try:
            validate_password(person.password, user)
        except ValidationError as error:
            yield _("the password: %(why)s") % {"why": " ".join(error.messages)}


def _keys(column: str, rows: list[Row]) -> list[str]:
    """NUL is in no database, and PostgreSQL does not even look for it."""
    keys = (fold(row.cell(column)) for row in rows)
    return [key for key in keys if key and "\x00" not in key]
