"""Lists of `/api/v1/`: whole by their cursors, in order, and nobody else's."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Plan, User
from conversations.models import ChatModel, Completion, Conversation, Endpoint, Message
from tests.conversations.api.programs import Program, refused, reply


def conversations(owner: User, count: int, **fields: Any) -> list[str]:
    """Titles, the last active first; every third pair of them was active at the same moment."""
    now = timezone.now()
    rows = [
        Conversation(
            owner=owner, title=f"Number {n}", active_at=now - timedelta(minutes=n // 3), **fields
        )
        for n in range(count)
    ]
    Conversation.objects.bulk_create(rows)
    return [row.title for row in sorted(rows, key=lambda row: (now - row.active_at, row.pk))]


def models(count: int) -> None:
    endpoint = Endpoint.objects.create(name="none", base_url="http://127.0.0.1:9/v1")
    for number in range(count):
        ChatModel.objects.create(
            endpoint=endpoint, name=f"model-{number}", note="Fast", is_default=number == 2
        )


# --- Conversations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_conversations_page_by_page(alice: User, bob: User, limit: int) -> None:
    titles = conversations(alice, 9)
    conversations(bob, 3)
    found = Program(alice).items("conversations", limit=limit)
    assert [row["title"] for row in found] == titles


def test_a_row(alice: User) -> None:
    row = Conversation.objects.create(owner=alice, title="Plans", pinned=True)
    answer = Message.objects.create(conversation=row, owner=alice, role="assistant")
    Completion.objects.create(message=answer, conversation=row, model_name="fake")
    (found,) = reply(Program(alice).get("conversations"))["items"]
    assert found == {
        "id": str(row.pk),
        "title": "Plans",
        "pinned": True,
        "archived": False,
        "running": True,
        "created_at": found["created_at"],
        "active_at": found["active_at"],
        "url": f"/c/{row.pk}/",
    }


def test_new_activity_does_not_move_what_follows(alice: User) -> None:
    titles = conversations(alice, 6)
    program = Program(alice)
    first = reply(program.get("conversations?limit=3"))
    Conversation.objects.filter(title=titles[1]).update(active_at=timezone.now())
    Conversation.objects.create(owner=alice, title="New")
    rest = reply(program.get(f"conversations?cursor={first['next']}"))
    assert [row["title"] for row in rest["items"]] == titles[3:]
    assert rest["next"] is None


def test_archived_and_deleted(alice: User) -> None:
    conversations(alice, 2, archived=True)
    conversations(alice, 1)
    conversations(alice, 1, deleted_at=timezone.now())
    program = Program(alice)
    assert len(program.items("conversations")) == 1
    put_away = program.items("conversations", archived="true")
    assert [row["archived"] for row in put_away] == [True, True]


def test_found_by_words_of_the_title(alice: User) -> None:
    for title in ("Plan a trip to Rome", "Rome", "旅行计划"):
        Conversation.objects.create(owner=alice, title=title)
    program = Program(alice)
    assert [row["title"] for row in program.items("conversations", q="rome trip")] == [
        "Plan a trip to Rome"
    ]
    assert [row["title"] for row in program.items("conversations", q="旅行")] == ["旅行计划"]


def test_the_list_costs_the_same_for_three_and_for_thirty(
    alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    program = Program(alice)
    program.get("conversations")
    for more in (3, 27):
        conversations(alice, more)
        with django_assert_max_num_queries(5):
            program.get("conversations")


# --- Models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_models_page_by_page(alice: User, limit: int) -> None:
    models(5)
    found = Program(alice).items("models", limit=limit)
    assert [row["name"] for row in found] == [f"model-{n}" for n in (2, 0, 1, 3, 4)]
    assert [row["default"] for row in found] == [True, False, False, False, False]
    assert found[0] == {
        "name": "model-2",
        "label": "model-2",
        "note": "Fast",
        "default": True,
        "context_window": 8192,
        "max_output_tokens": 2048,
        "sees_images": False,
    }


def test_models_of_ones_plan(alice: User) -> None:
    models(3)
    ChatModel.objects.filter(name="model-0").update(enabled=False)
    plan = Plan.objects.create(name="Few", allowed_models=["model-0", "model-1"])
    User.objects.filter(pk=alice.pk).update(plan=plan)
    assert [row["name"] for row in Program(alice).items("models")] == ["model-1"]


def test_a_model_that_goes_while_one_pages(alice: User) -> None:
    models(4)
    program = Program(alice)
    first = reply(program.get("models?limit=2"))
    ChatModel.objects.filter(name="model-0").delete()
    rest = reply(program.get(f"models?cursor={first['next']}"))
    assert [row["name"] for row in rest["items"]] == ["model-1", "model-3"]


# --- What is no list -------------------------------------------------------------------------------------------------

LISTS = ["conversations", "models", "presets"]


def forged(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


CURSORS = [
    "x", "%00", "%F0%9F%98%80", "=", "A" * 999, "A" * 2_000, forged(None), forged({}), forged([1]),
    forged([["a"]]), forged([2**63]), forged("[" * 10), base64.urlsafe_b64encode(b"[" * 700).decode(),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("cursor", CURSORS)
def test_cursors_that_are_none(alice: User, path: str, cursor: str) -> None:
    conversations(alice, 1)
    models(1)
    response = Program(alice).get(f"{path}?cursor={cursor}")
    assert refused(response) == (400, "invalid_parameter")
    assert json.loads(response.content)["error"]["field"] == "cursor"


@pytest.mark.parametrize(
    "place", ["", "x_y", "2026-01-01T00:00:00+00:00_x", "0001-01-01T00:00:00+14:00_" + "0" * 32,
              "9999-12-31T23:59:59-14:00_" + "0" * 32, "\x00", "\ud800"]
)  # fmt: skip
def test_places_that_are_none(alice: User, place: str) -> None:
    response = Program(alice).get(f"conversations?cursor={forged([place])}")
    assert refused(response) == (400, "invalid_parameter")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "limit", ["0", "-1", "101", str(2**63), "9" * 5_000, "x", "", "1.5", "%00"]
)
def test_limits_that_are_none(alice: User, path: str, limit: str) -> None:
    response = Program(alice).get(f"{path}?limit={limit}")
    assert refused(response) == (400, "invalid_parameter")
    assert json.loads(response.content)["error"]["field"] == "limit"


@pytest.mark.parametrize(
    ("query", "code"),
    [("archived=maybe", "invalid_parameter"), ("q=%00", "invalid_text"),
     ("q=" + "x" * 201, "invalid_parameter")],
)  # fmt: skip
def test_searches_that_are_none(alice: User, query: str, code: str) -> None:
    assert refused(Program(alice).get(f"conversations?{query}")) == (400, code)
