"""Requests that the description of `/api/v1/` allows are taken, others refused, and replies are as it says."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.openapi import from_url, from_wsgi

from accounts.models import Plan, User
from conversations.models import Completion
from tests.conversations.api.programs import ROOT, Program
from tests.conversations.test_costs import grow
from tests.conversations.test_processes import PERSON
from tests.processes import Site
from tests.upstream import Upstream
from tests.visitor import Visitor

Schema = schemathesis.schemas.BaseSchema
DESCRIPTION = f"{ROOT}openapi.json"


def fuzz(schema: Schema, mode: GenerationMode, key: str, ids: dict[str, str], cases: int) -> int:
    """So many requests to each operation; returns how many there were. All checks of schemathesis are made.

    ids: used in the places of requests that are right.
    """
    generation = schema.config.generation
    generation.allow_x00 = mode.is_negative  # no schema can say that a text is without it
    generation.allow_extra_parameters = False  # in a query they are nobody's business
    generation.with_security_parameters = False  # test_rest_way_in.py asks without a key
    count = 0

    @settings(
        max_examples=cases,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        nonlocal count
        count += 1
        if mode.is_positive:
            keep_to_what_there_is(case)
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"})

    found: list[Any] = [operation.ok() for operation in cast(Any, schema.get_all_operations())]
    for operation in sorted(found, key=lambda operation: operation.method == "delete"):
        places = {place.name: ids[place.name] for place in operation.path_parameters}
        fixed: dict[str, Any] = {"path_parameters": places} if mode.is_positive and places else {}
        cases_of_it = operation.as_strategy(generation_mode=mode, **fixed)
        with suppress(Unsatisfiable) if mode.is_negative else nullcontext():
            given(case=cases_of_it)(ask)()  # of some nothing can be wrong
    return count


def keep_to_what_there_is(case: Any) -> None:
    """What a schema cannot know: cursors, names, messages, and which characters are seen in a title."""
    case.query.pop("cursor", None)
    if isinstance(case.body, dict):
        for name in ("model", "parent", "edit"):
            case.body.pop(name, None)
        if case.body.get("preset"):
            case.body["preset"] = "translator"
        if "title" in case.body:
            case.body["title"] = "Plans"


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_short(alice: User, unlimited: Plan, mode: GenerationMode) -> None:
    User.objects.filter(pk=alice.pk).update(plan=unlimited)
    conversation = grow(alice, 0, 2)
    ids = {
        "conversation_id": str(conversation.pk),
        "message_id": str(conversation.current_leaf_id),
        "completion_id": str(Completion.objects.get().pk),
        "key": "translator",
    }
    schema = from_wsgi(DESCRIPTION, get_wsgi_application())
    assert fuzz(schema, mode, Program(alice).text, ids, 4) >= 40


@pytest.mark.long
@pytest.mark.processes
@pytest.mark.timeout(7200)
def test_ten_thousand(tmp_path: Path) -> None:
    """At a running site, with everything that lies before the routes."""
    with (
        Upstream() as upstream,
        Site(tmp_path, **PERSON, OPENAI_BASE_URL=upstream.url).wait_until_ready() as site,
        Visitor(site.url) as visitor,
    ):
        key = site.make_key("root")
        visitor.http.headers["Authorization"] = f"Bearer {key}"
        count = 0
        for mode in GenerationMode:
            sent = visitor.http.post(f"{ROOT}conversations", json={"content": "Hello"}).json()
            list(visitor.events(sent["events"]))
            ids = {
                "conversation_id": sent["conversation"],
                "message_id": sent["answer"],
                "completion_id": sent["completion"],
                "key": "translator",
            }
            count += fuzz(from_url(site.url + DESCRIPTION), mode, key, ids, 450)
        assert count >= 10_000
        assert "Traceback" not in site.text
        assert site.status("/readyz") == 200
