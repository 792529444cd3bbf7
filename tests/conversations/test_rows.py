"""Messages as rows of a page, which are kept once rendered: whatever changes is seen at once."""

from __future__ import annotations

import pytest
from django.template import Template
from django.utils import translation

from accounts.models import User
from conversations.models import Completion, Conversation, Message
from conversations.selectors import message_views
from conversations.views import rows
from tests.conversations.test_costs import grow


def html_of(conversation: Conversation) -> list[str]:
    messages = list(conversation.messages.order_by("created_at", "pk"))
    return [row.html for row in rows.message_rows(message_views(messages))]


@pytest.fixture
def conversation(alice: User) -> Conversation:
    return grow(alice, 0, 4)


def test_finished_messages_are_rendered_once(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = html_of(conversation)
    monkeypatch.setattr(Template, "render", None)
    assert html_of(conversation) == first
    assert "Message 3" in first[3]


def test_a_running_answer_is_not_kept(conversation: Conversation) -> None:
    answer = conversation.messages.get(content="Message 3")
    Message.objects.filter(pk=answer.pk).update(status="running")
    before = html_of(conversation)
    Message.objects.filter(pk=answer.pk).update(content="Message 4")  # as long as before
    after = html_of(conversation)
    assert "Message 3" in before[3]
    assert "Message 4" in after[3]


@pytest.mark.parametrize(
    "change",
    [
        {"content": "Message 3, continued"},
        {"status": "failed", "error_code": "upstream_cut"},
        {"status": "stopped"},
        {"reasoning": "Let me think."},
    ],
)
def test_what_changes_is_seen(conversation: Conversation, change: dict[str, str]) -> None:
    before = html_of(conversation)
    conversation.messages.filter(content="Message 3").update(**change)
    after = html_of(conversation)
    assert before[:3] == after[:3]
    assert before[3] != after[3]


def test_another_version_is_seen(conversation: Conversation, alice: User) -> None:
    before = html_of(conversation)
    answer = conversation.messages.get(content="Message 3")
    Message.objects.create(
        conversation=conversation, owner=alice, parent=answer.parent, role="assistant", content="B"
    )
    assert "1/2" not in before[3]
    assert "1/2" in html_of(conversation)[3]


def test_another_completion_is_seen(conversation: Conversation) -> None:
    html_of(conversation)
    answer = conversation.messages.get(content="Message 3")
    newer = Completion.objects.create(
        message=answer, conversation=conversation, model_name="other", status="complete"
    )
    after = html_of(conversation)[3]
    assert "other" in after
    assert str(newer.pk) in after


def test_each_language_has_its_own(conversation: Conversation) -> None:
    english = html_of(conversation)
    with translation.override("zh-hans"):
        chinese = html_of(conversation)
    assert english != chinese
    assert english == html_of(conversation)
