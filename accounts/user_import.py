"""People from a CSV file: `read_rows` understands the file, `check` compares it with the site, `write` saves it.

A file with one bad row changes nothing. Passwords are hashed before the transaction, which is short.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from .emails import write_address
from .models import Plan, User, check_fits, fold

REQUIRED = ("username", "password")
OPTIONAL = ("email", "plan", "group", "language", "is_active")
IGNORED = ("id",)  # the original's header is `id,username,password`
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
AT_ONCE = 500
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would calculate

Tell = Callable[[int], None]


class UnusableFile(Exception):
    """The file as a whole cannot be read. The text says why."""


class BadRow(Exception):
    """One row cannot be used. The text says why."""


@dataclass(frozen=True)
class Row:
    """The cells of one line by column. number: as a spreadsheet counts, the header being 1."""

    number: int
    cells: dict[str, str]


@dataclass
class Person:
    """What one row makes of a new or existing user. changed: the columns to write of an existing one."""

    row: Row
    user: User
    is_new: bool
    password: str = ""
    group: Group | None = None
    changed: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Problem:
    row: int
    why: str


def read_rows(content: bytes) -> list[Row]:
    """The rows of a CSV file in UTF-8, with or without a mark, or in GB18030. Raises UnusableFile."""
    lines = csv.reader(io.StringIO(_decode(content), newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        _check_header(header)
        return [
            Row(number, _cells(header, values))
            for number, values in enumerate(lines, start=2)
            if any(value.strip() for value in values)
        ]
    except csv.Error as error:
        raise UnusableFile(_("This is not a CSV file: %(why)s.") % {"why": error}) from error


def _decode(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnusableFile(_("The text is neither UTF-8 nor GB18030. Save the file as UTF-8."))


def _check_header(header: list[str]) -> None:
    if missing := [name for name in REQUIRED if name not in header]:
        names = _(" and ").join(missing)
        raise UnusableFile(_("The first line has no column %(names)s.") % {"names": names})
    if unknown := [name for name in header if name not in (*REQUIRED, *OPTIONAL, *IGNORED)]:
        raise UnusableFile(
            _("The column %(name)r is not known. Known are %(known)s.")
            % {"name": unknown[0], "known": ", ".join((*REQUIRED, *OPTIONAL))}
        )
    if len(set(header)) < len(header):
        raise UnusableFile(_("The first line names a column twice."))


def _cells(header: list[str], values: list[str]) -> dict[str, str]:
    """By column; what is beyond the header is kept under an empty name, to be refused with the row's number."""
    cells = dict(zip(header, values, strict=False))
    if any(value.strip() for value in values[len(header) :]):
        cells[""] = "more"
    return cells


def check(rows: list[Row]) -> tuple[list[Person], list[Problem]]:
    """What the rows would do, and what is wrong with them. Reads plans, groups and users; writes nothing."""
    checker = _Checker(rows)
    people: list[Person] = []
    problems: list[Problem] = []
    for row in rows:
        try:
            people.append(checker.person(row))
        except BadRow as error:
            problems.append(Problem(row.number, str(error)))
    return people, problems


def _known(column: str, rows: list[Row]) -> Iterator[User]:
    """Those of the site's people whose name or address is in the file. A query for every few hundred rows."""
    keys = [key for row in rows if (key := fold(_cell(row, column)))]
    for start in range(0, len(keys), AT_ONCE):
        yield from User.objects.filter(**{f"{column}_key__in": keys[start : start + AT_ONCE]})


class _Checker:
    """The site as it is, and what the rows before took."""

    def __init__(self, rows: list[Row]) -> None:
        self.users = {user.username_key: user for user in _known("username", rows)}
        self.addresses = {user.email_key: user for user in _known("email", rows)}
        self.plans = {fold(plan.name): plan for plan in Plan.objects.all()}
        self.groups = {fold(group.name): group for group in Group.objects.all()}
        self.seen_names: dict[str, int] = {}
        self.seen_addresses: dict[str, int] = {}

    def person(self, row: Row) -> Person:
        if "" in row.cells:
            raise BadRow(_("it has more cells than the first line"))
        if any("\x00" in value for value in row.cells.values()):
            raise BadRow(_("it contains a NUL character"))
        key = self._name_key(row)
        known = self.users.get(key)
        user = known or User(username=User.normalize_username(_cell(row, "username")))
        person = Person(row, user, known is None, row.cells.get("password", ""))
        if person.is_new:
            user.username_key = key
        self._address(person)
        self._choices(person)
        return person

    def _name_key(self, row: Row) -> str:
        name = User.normalize_username(_cell(row, "username"))
        key = fold(name)
        if not key:
            raise BadRow(_("the user name is empty"))
        if name.startswith(FORMULA):
            raise BadRow(_("the user name %(name)r looks like a formula") % {"name": name})
        try:
            User._meta.get_field("username").run_validators(name)
            check_fits(name, field="username")
        except ValidationError as error:
            raise BadRow(
                _("the user name %(name)r: %(why)s")
                % {"name": name, "why": " ".join(error.messages)}
            ) from error
        if key in self.seen_names:
            raise BadRow(
                _("the user name %(name)r is already in row %(row)d")
                % {"name": name, "row": self.seen_names[key]}
            )
        self.seen_names[key] = row.number
        return key

    def _address(self, person: Person) -> None:
        key = fold(_cell(person.row, "email"))
        if key is None:
            return
        try:
            validate_email(key)
            check_fits(key, field="email")
        except ValidationError as error:
            raise BadRow(_("%(text)r is not an e-mail address") % {"text": key}) from error
        owner = self.addresses.get(key)
        if owner is not None and owner.pk != person.user.pk:
            raise BadRow(
                _("the e-mail address %(email)r belongs to %(name)s")
                % {"email": key, "name": owner.username}
            )
        if key in self.seen_addresses:
            raise BadRow(
                _("the e-mail address %(email)r is already in row %(row)d")
                % {"email": key, "row": self.seen_addresses[key]}
            )
        self.seen_addresses[key] = person.row.number
        if person.user.email != key:
            person.user.email = key
            person.user.email_key = key
            person.changed |= {"email", "email_key"}

    def _choices(self, person: Person) -> None:
        row, user = person.row, person.user
        if name := _cell(row, "plan"):
            if (plan := self.plans.get(fold(name))) is None:
                raise BadRow(_("there is no plan %(name)r") % {"name": name})
            user.plan = plan
            person.changed.add("plan")
        if name := _cell(row, "group"):
            if (group := self.groups.get(fold(name))) is None:
                raise BadRow(_("there is no group %(name)r") % {"name": name})
            person.group = group
        if code := _cell(row, "language").lower():
            if code not in dict(settings.LANGUAGES):
                raise BadRow(
                    _("the language %(code)r is not one of %(known)s")
                    % {"code": code, "known": ", ".join(dict(settings.LANGUAGES))}
                )
            user.language = code
            person.changed.add("language")
        if word := _cell(row, "is_active").lower():
            if word not in TRUE | FALSE:
                raise BadRow(_("is_active is %(word)r, neither true nor false") % {"word": word})
            if user.is_active and word in FALSE:
                user.auth_epoch += 1
                person.changed.add("auth_epoch")
            user.is_active, user.awaits_approval = word in TRUE, False
            person.changed |= {"is_active", "awaits_approval"}


def _cell(row: Row, name: str) -> str:
    return (row.cells.get(name) or "").strip()


def hash_passwords(people: list[Person], *, tell: Tell = lambda done: None) -> None:
    """Slow by design, so outside of any transaction. tell: called with how many are done, now and then."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(people), AT_ONCE):
            some = people[start : start + AT_ONCE]
            for person, hashed in zip(some, pool.map(_hash, some), strict=True):
                if hashed:
                    person.user.password = hashed
                    person.changed.add("password")
            tell(start + len(some))


def _hash(person: Person) -> str:
    """Empty where an existing user keeps theirs; one that nothing matches where a new one has none yet."""
    if person.password or person.is_new:
        return make_password(person.password or None)
    return ""


def save(people: list[Person]) -> None:
    """All or nothing. Raises IntegrityError if a name or address was taken in the meantime."""
    with transaction.atomic():
        new = [person for person in people if person.is_new]
        User.objects.bulk_create([person.user for person in new], batch_size=AT_ONCE)
        addresses = [
            EmailAddress(user=one.user, email=one.user.email, verified=True, primary=True)
            for one in new
            if one.user.email
        ]
        EmailAddress.objects.bulk_create(addresses, batch_size=AT_ONCE)
        for person in people:
            if person.changed and not person.is_new:
                person.user.save(update_fields=person.changed)
                if "email" in person.changed:
                    write_address(person.user, verified=True)
            if person.group is not None:
                person.user.groups.add(person.group)


def without_password(people: list[Person]) -> list[User]:
    """The new ones that have yet to choose one."""
    return [person.user for person in people if person.is_new and not person.password]
