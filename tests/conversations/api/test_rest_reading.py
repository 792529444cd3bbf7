"""Reading by `/api/v1/`: conversations with their messages; and what is changed about them."""

from __future__ import annotations

import json

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from conversations.models import Completion, Conversation, Message, RolePreset
from tests.conversations.api.programs import Program, refused, reply
from tests.conversations.test_costs import grow

# --- Conversations ---------------------------------------------------------------------------------------------------


def test_a_conversation_with_its_messages(alice: User) -> None:
    conversation = grow(alice, 0, 2)
    conversation.preset = RolePreset.objects.get(slug="translator", language="en")
    conversation.temperature = 0.5
    conversation.save()
    question, answer = conversation.messages.order_by("created_at")
    found = reply(Program(alice).get(f"conversations/{conversation.pk}"))
    assert (found["title"], found["url"]) == ("Long", f"/c/{conversation.pk}/")
    assert (found["pinned"], found["archived"], found["running"]) == (False, False, False)
    assert (found["preset"], found["model"], found["variables"]) == ("translator", None, {})
    assert found["parameters"] == {
        "temperature": 0.5,
        "top_p": None,
        "max_tokens": None,
        "presence_penalty": None,
        "frequency_penalty": None,
    }
    assert found["leaf"] == str(answer.pk)
    assert found["comparison"] == []
    assert found["messages"]["next"] is None
    first, second = found["messages"]["items"]
    assert first == {
        "id": str(question.pk),
        "role": "user",
        "status": "complete",
        "code": "",
        "content": "Message 0",
        "reasoning": "",
        "model": "",
        "feedback": "",
        "siblings": [str(question.pk)],
        "completion": None,
        "events": None,
        "created_at": first["created_at"],
    }
    assert (second["role"], second["content"], second["model"]) == (
        "assistant",
        "Message 1",
        "fake",
    )
    assert second["completion"] == str(Completion.objects.get(message=answer).pk)


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_messages_page_by_page(alice: User, limit: int) -> None:
    """From the newest page to the oldest; within a page the oldest first."""
    conversation = grow(alice, 0, 23)
    pages, cursor = [], ""
    program = Program(alice)
    while True:
        page = reply(program.get(f"conversations/{conversation.pk}/messages?limit={limit}{cursor}"))
        pages.append([message["content"] for message in page["items"]])
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    whole = [text for page in reversed(pages) for text in page]
    assert whole == [f"Message {number}" for number in range(23)]


def test_the_conversation_leads_to_what_came_before(alice: User) -> None:
    conversation = grow(alice, 0, 60)
    program = Program(alice)
    found = reply(program.get(f"conversations/{conversation.pk}"))
    assert len(found["messages"]["items"]) == 50
    for path in ("", "/messages"):
        query = f"cursor={found['messages']['next']}"
        rest = reply(program.get(f"conversations/{conversation.pk}{path}?{query}"))
        page = rest if path else rest["messages"]
        assert [message["content"] for message in page["items"]] == [
            f"Message {number}" for number in range(10)
        ]


def test_a_long_conversation_costs_the_same(
    alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    program = Program(alice)
    for messages in (4, 400):
        conversation = grow(alice, 0, messages)
        with django_assert_max_num_queries(10):
            program.get(f"conversations/{conversation.pk}")


@pytest.mark.parametrize("cursor", ["x", "WyJ4Il0", "W10", "WyIwMDAwMDAwMCJd"])
def test_cursors_of_messages_that_are_none(alice: User, cursor: str) -> None:
    conversation = grow(alice, 0, 3)
    for path in ("", "/messages"):
        response = Program(alice).get(f"conversations/{conversation.pk}{path}?cursor={cursor}")
        assert refused(response) == (400, "invalid_parameter")


def test_a_cursor_of_another_conversation(alice: User) -> None:
    one, other = grow(alice, 0, 5), grow(alice, 0, 5)
    program = Program(alice)
    cursor = reply(program.get(f"conversations/{one.pk}/messages?limit=2"))["next"]
    response = program.get(f"conversations/{other.pk}/messages?limit=2&cursor={cursor}")
    assert refused(response) == (400, "invalid_parameter")


def test_a_conversation_without_messages(alice: User) -> None:
    empty = Conversation.objects.create(owner=alice, title="Empty")
    found = reply(Program(alice).get(f"conversations/{empty.pk}"))
    assert (found["leaf"], found["messages"]) == (None, {"items": [], "next": None})


def test_a_message_of_another_branch(alice: User) -> None:
    conversation = grow(alice, 0, 2)
    question = conversation.messages.get(role="user")
    shown = conversation.messages.get(role="assistant")
    other = Message.objects.create(
        conversation=conversation, owner=alice, parent=question, role="assistant", content="Other"
    )
    found = reply(Program(alice).get(f"messages/{other.pk}"))
    assert (found["content"], found["siblings"]) == ("Other", [str(shown.pk), str(other.pk)])


def test_an_id_has_many_spellings(alice: User) -> None:
    key = str(grow(alice, 0, 1).pk)
    program = Program(alice)
    for spelling in (key.upper(), key.replace("-", "")):
        assert reply(program.get(f"conversations/{spelling}"))["id"] == key


@pytest.mark.parametrize(
    "key", ["x", "1", "%00", "00000000-0000-0000-0000-00000000000g", "x" * 5000]
)
@pytest.mark.parametrize("path", ["conversations/{}", "conversations/{}/messages", "messages/{}"])
def test_ids_that_are_none(alice: User, path: str, key: str) -> None:
    assert refused(Program(alice).get(path.format(key))) == (404, "not_found")


# --- Changing --------------------------------------------------------------------------------------------------------


def test_rename_pin_and_archive(alice: User) -> None:
    conversation = grow(alice, 0, 2)
    program, path = Program(alice), f"conversations/{conversation.pk}"
    changed = reply(program.ask("PATCH", path, {"title": "  In\u202evoice\n1 "}))
    assert changed["title"] == "Invoice 1"
    conversation.refresh_from_db()
    assert (conversation.title, conversation.titled_by_person) == ("Invoice 1", True)
    assert reply(program.ask("PATCH", path, {"archived": True}))["archived"]
    assert program.items("conversations") == []
    both = reply(program.ask("PATCH", path, {"pinned": True, "title": "Kept"}))
    assert (both["pinned"], both["archived"], both["title"]) == (True, False, "Kept")
    assert not reply(program.ask("PATCH", path, {"pinned": False}))["pinned"]
    assert reply(program.ask("PATCH", path, {}))["title"] == "Kept"


def test_nothing_is_changed_by_what_is_refused(alice: User) -> None:
    conversation = grow(alice, 0, 2)
    response = Program(alice).ask(
        "PATCH", f"conversations/{conversation.pk}", {"title": "\u200b", "pinned": True}
    )
    assert refused(response) == (400, "invalid_parameter")
    assert json.loads(response.content)["error"]["field"] == "title"
    conversation.refresh_from_db()
    assert (conversation.title, conversation.pinned) == ("Long", False)


def test_delete(alice: User) -> None:
    conversation = grow(alice, 0, 2)
    program, path = Program(alice), f"conversations/{conversation.pk}"
    gone = program.ask("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert refused(program.ask(method, path)) == (404, "not_found")
    assert Conversation.objects.get().deleted_at is not None
