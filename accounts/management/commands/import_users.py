"""Creates and updates people from a CSV file, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from accounts import first_passwords, user_import
from accounts.batches import in_batches
from accounts.first_passwords import FirstPassword
from accounts.user_import import Person, Problem
from chatsite.serving import local_url


class Command(BaseCommand):
    help = (
        "Create and update users from a CSV file with the columns username and password and, if wanted, email, plan,"
        " group, language and is_active. An empty cell changes nothing; a new user without a password gets a link to"
        " choose one, printed after the name. Passwords have to be as strong as those that people choose,"
        " unless --allow-weak-passwords is given. One bad row, and nothing is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV file, in UTF-8 or GB18030")
        parser.add_argument(
            "--allow-weak-passwords",
            action="store_true",
            help="take short and common passwords, too, such as those of the original's user.csv",
        )
        parser.add_argument("--dry-run", action="store_true", help="check only, write nothing")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            people, problems = user_import.check(
                user_import.read_rows(options["file"].read_bytes()),
                weak_passwords=options["allow_weak_passwords"],
            )
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except user_import.UnusableFile as error:
            raise CommandError(str(error)) from error
        if problems:
            self._refuse(problems, as_json=options["json"])
        links: Iterator[FirstPassword] = iter(())
        created = sum(person.is_new for person in people)
        if not options["dry_run"]:
            user_import.hash_passwords(people, tell=lambda done: self._tell(done, len(people)))
            try:
                user_import.save(people, actor_name="import_users")
            except IntegrityError as error:
                raise CommandError(
                    "A name or address was taken, or somebody deleted, while the file was read."
                    " Nothing was written; run it again."
                ) from error
            links = self._links(people)
        result = {"created": created, "updated": len(people) - created, "errors": []}
        if options["json"]:
            shown = {one.user.username: one.link for one in links}
            self.stdout.write(json.dumps({**result, "dry_run": options["dry_run"], "links": shown}))
        else:
            note = " (dry run: nothing was written)" if options["dry_run"] else ""
            self.stdout.write(f"created {created}, updated {len(people) - created}{note}")
            for one in links:
                self.stdout.write(f"{one.user.username} {one.link}")

    def _tell(self, done: int, total: int) -> None:
        """Hashes take a second for every few dozen; of a small file nothing needs to be said."""
        if total > user_import.AT_ONCE:
            self.stderr.write(f"{done} of {total} passwords hashed")

    def _links(self, people: list[Person]) -> Iterator[FirstPassword]:
        """Where those without a password choose one; mailed, too, if mail is configured and until it fails."""
        base_url = settings.PUBLIC_URL or local_url(settings.HOST, settings.PORT)
        links = first_passwords.links_for(user_import.without_password(people), base_url=base_url)
        mailed, works = 0, True
        for some in in_batches(links, first_passwords.AT_ONCE):
            yield from some
            try:
                mailed += first_passwords.mail_links(some) if works else 0
            except OSError as error:
                works = False
                self.stderr.write(f"The users were written, but mails could not be sent: {error}")
        if mailed:
            self.stderr.write(f"{mailed} mailed")

    def _refuse(self, problems: list[Problem], *, as_json: bool) -> None:
        if as_json:
            errors = [{"row": problem.row, "error": problem.why} for problem in problems]
            self.stdout.write(json.dumps({"created": 0, "updated": 0, "errors": errors}))
            raise CommandError("Nothing was written.")
        lines = [f"row {problem.row}: {problem.why}" for problem in problems]
        raise CommandError("\n".join([*lines, "Nothing was written."]))
