"""A message in plain Chinese says so on a page that is not."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Conversation, Message
from conversations.rendering.script import plain_language

CHINESE = {"accept-language": "zh-CN"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("秋天的树叶为什么会变红？", "zh"),
        ("因為綠色先離開，留下的是紅與金。", "zh"),
        ("请审查这个函数：`mean()`", "zh"),
        ("Why do leaves turn red?", ""),
        ("“加油” in English?", ""),
        ("今日は天気がいいですね。", ""),
        ("오늘은 날씨가 좋네요 今天天气", ""),
        ("你好", ""),
        ("🙂 1234", ""),
        ("Déjà vu, naïveté", ""),
        ("", ""),
        ("a" * 3_000 + "中" * 9_000, ""),
    ],
)
def test_plain_language(text: str, language: str) -> None:
    assert plain_language(text) == language


def test_a_chinese_message_on_an_english_page(alice: User, alice_client: Client) -> None:
    conversation = Conversation.objects.create(owner=alice, title="Leaves")
    message = Message.objects.create(
        conversation=conversation, owner=alice, role="user", content="秋天的树叶为什么会变红？"
    )
    url = f"/messages/{message.pk}/"
    assert 'dir="auto" lang="zh"' in alice_client.get(url).content.decode()
    assert 'lang="zh"' not in alice_client.get(url, headers=CHINESE).content.decode()
    Message.objects.update(content="Why do leaves turn red in autumn?")
    assert 'lang="zh"' not in alice_client.get(url).content.decode()
