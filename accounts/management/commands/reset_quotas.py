"""Gives people their current day's or month's usage back. Quotas renew by themselves; this is for the exception."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from django.utils import timezone

from accounts import quotas, selectors
from accounts.models import Plan, User, fold


class Command(BaseCommand):
    help = (
        "Set used requests, tokens and money back to zero: of everyone, or of the users, groups and plans that are"
        " named; of today, or of the periods that are named."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for name, of in (("user", "this user"), ("group", "the members"), ("plan", "all on it")):
            parser.add_argument(
                f"--{name}", action="append", default=[], metavar="NAME", help=f"{of}; repeatable"
            )
        parser.add_argument(
            "--period",
            action="append",
            choices=["day", "month"],
            help="day if not given; repeatable",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be reset")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        done = quotas.reset(
            self._people(options["user"], options["group"], options["plan"]),
            kinds=options["period"] or ["day"],
            actor="reset_quotas",
            reason="command line",
            now=timezone.now(),
            dry_run=options["dry_run"],
        )
        total = {
            "requests": sum(one.requests for one in done),
            "tokens": sum(one.tokens for one in done),
        }
        if options["json"]:
            rows = [
                {
                    "user": one.username,
                    "period": str(one.kind),
                    "start": one.start.isoformat(),
                    "requests": one.requests,
                    "tokens": one.tokens,
                }
                for one in done
            ]
            result = {"reset": rows, "total": total, "dry_run": options["dry_run"]}
            self.stdout.write(json.dumps(result, ensure_ascii=False))
            return
        for one in done:
            self.stdout.write(
                f"{one.username} {one.kind} {one.start} requests {one.requests} tokens {one.tokens}"
            )
        note = " (dry run: nothing was changed)" if options["dry_run"] else ""
        self.stdout.write(f"total requests {total['requests']} tokens {total['tokens']}{note}")

    def _people(self, names: list[str], groups: list[str], plans: list[str]) -> Iterable[User]:
        """Everyone who is named in any of the three ways; everyone if no one is. Raises CommandError."""
        if not names and not groups and not plans:
            return User.objects.all()
        keys = {fold(name) or "": name for name in names}
        chosen = Q(username_key__in=keys) | Q(groups__name__in=groups)
        known = set(
            User.objects.filter(username_key__in=keys).values_list("username_key", flat=True)
        )
        unknown = [f"user {name}" for key, name in keys.items() if key not in known]
        found_groups = set(Group.objects.filter(name__in=groups).values_list("name", flat=True))
        unknown += [f"group {name}" for name in groups if name not in found_groups]
        found_plans = {plan.name: plan for plan in Plan.objects.filter(name__in=plans)}
        unknown += [f"plan {name}" for name in plans if name not in found_plans]
        if unknown:
            raise CommandError(f"Not known: {', '.join(unknown)}. Nothing was changed.")
        for plan in found_plans.values():
            chosen |= Q(pk__in=selectors.users_on_plan(plan))
        return User.objects.filter(chosen).distinct()
