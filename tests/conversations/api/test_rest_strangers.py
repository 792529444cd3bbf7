"""What is somebody else's: on every route of `/api/v1/` the same 404 as what does not exist."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import User
from conversations.models import Completion, Conversation, Message, RolePreset
from tests.conversations.api.programs import Program, address, operations, refused
from tests.conversations.test_costs import grow

NAMED = sorted(one for one in operations() if "{" in one[1])
every_operation = pytest.mark.parametrize(("method", "path"), NAMED)


@pytest.fixture
def ids(alice: User) -> dict[str, object]:
    conversation = grow(alice, 0, 2)
    return {
        "conversation_id": conversation.pk,
        "message_id": Message.objects.get(role="assistant").pk,
        "completion_id": Completion.objects.get().pk,
        "key": RolePreset.objects.create(owner=alice, name="Private", instruction="Private").pk,
    }


def body_of(path: str) -> dict[str, Any]:
    """One that would be taken."""
    return {"content": "Hello"} if path.endswith("/messages") else {}


def error(response: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response.content)["error"]
    return body | {"request_id": ""}


@every_operation
def test_stranger_gets_404(
    alice: User, bob: User, sasha: User, ids: dict[str, object], method: str, path: str
) -> None:
    for other in (bob, sasha):
        program = Program(other)
        theirs = program.ask(method, address(path, ids), body_of(path))
        none = program.ask(method, address(path), body_of(path))
        assert refused(theirs) == refused(none) == (404, "not_found")
        assert error(theirs) == error(none)
    assert Conversation.objects.get().deleted_at is None


@every_operation
def test_what_is_deleted_is_not_found(
    alice: User, ids: dict[str, object], method: str, path: str
) -> None:
    program = Program(alice)
    assert program.ask("DELETE", f"conversations/{ids['conversation_id']}").status_code == 204
    RolePreset.objects.filter(owner=alice).delete()
    response = program.ask(method, address(path, ids), body_of(path))
    assert refused(response) == (404, "not_found")
