"""Pages without the indentation of their templates, and with whatever people have indented."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Conversation, Message


@pytest.mark.parametrize("path", ["/accounts/login/", "/", "/conversations/", "/presets/"])
def test_no_line_of_a_page_is_indented(alice_client: Client, path: str) -> None:
    client = Client() if path == "/accounts/login/" else alice_client
    lines = client.get(path).content.decode().splitlines()
    assert len(lines) > 20
    assert not [line for line in lines if line.strip() and line[0] in " \t"]


def test_what_people_indent_stays(alice: User, alice_client: Client) -> None:
    conversation = Conversation.objects.create(owner=alice, title="Code")
    text = "if tea:\n    drink()\n\tand_enjoy()"
    message = Message.objects.create(
        conversation=conversation, owner=alice, role="user", content=text
    )
    conversation.current_leaf = message
    conversation.save()
    page = alice_client.get(f"/c/{conversation.pk}/?edit={message.pk}").content.decode()
    assert f">{text}</textarea>" in page
