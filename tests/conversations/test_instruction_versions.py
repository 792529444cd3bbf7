"""Instructions that were sent are kept, each with the account of whoever sent it."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

from django.apps import apps
from django.utils import timezone

from accounts import services
from accounts.models import User
from conversations import deletion, presets, retention
from conversations.models import Conversation, InstructionVersion, Message, RolePreset
from conversations.presets import save_preset
from tests.conftest import signed_in
from tests.conversations.talk import Talk


def test_texts_of_the_site_and_of_others_stay(talk: Talk, bob: User, alice: User) -> None:
    User.objects.all().update(custom_instructions="Be brief.")
    site = RolePreset.objects.filter(owner=None, language="en").first()
    assert site is not None
    theirs = Talk(signed_in(bob))
    for person in (talk, theirs):
        person.ask("Hello", preset=site.slug)
    assert InstructionVersion.objects.filter(text="Be brief.").count() == 2
    assert InstructionVersion.objects.get(text=site.instruction).owner is None
    services.delete_account(alice, now=timezone.now())
    assert InstructionVersion.objects.get(text="Be brief.").owner == bob
    assert InstructionVersion.objects.filter(text=site.instruction).exists()
    answer = Message.objects.get(owner=bob, role="assistant")
    assert "Be brief." in theirs.client.get(f"/messages/{answer.pk}/receipt/").content.decode()


def texts(owner: User | None) -> set[str]:
    return set(InstructionVersion.objects.filter(owner=owner).values_list("text", flat=True))


def test_texts_go_with_the_last_answer_that_they_were_sent_for(
    talk: Talk, bob: User, alice: User
) -> None:
    """Found a day later: an answer that is about to name one is not overtaken."""
    User.objects.all().update(custom_instructions="Be brief.")
    tutor = RolePreset(owner=alice, name="Tutor", instruction="Teach.")
    tutor.few_shot_turns = [{"role": role, "content": "2+2"} for role in ("user", "assistant")]
    save_preset(tutor)
    site = RolePreset.objects.filter(owner=None, language="en").first()
    assert site is not None
    taught = talk.ask("Hello", preset=str(tutor.pk))
    kept = talk.ask("Hello", preset=site.slug)
    Talk(signed_in(bob)).ask("Hello")
    presets.delete_preset(tutor)
    later = timezone.now() + timedelta(days=2)
    assert retention.forget_instructions(later) == 0
    assert len(texts(alice)) == 3
    deletion.delete_conversations(alice, [taught.conversation_id], now=timezone.now())
    assert retention.forget_instructions(later) == 0  # it can be taken back
    assert retention.purge_deleted(later) == 1
    assert retention.forget_instructions(timezone.now()) == 0
    assert retention.forget_instructions(later) == 2
    assert texts(alice) == texts(bob) == {"Be brief."}
    assert site.instruction in texts(None)
    receipt = talk.client.get(f"/messages/{kept.pk}/receipt/").content.decode()
    assert "Be brief." in receipt
    deletion.erase_conversations(alice, now=later)
    assert retention.forget_instructions(later) == 1
    assert texts(bob) == {"Be brief."}
    assert talk.ask("And again").status == "complete"
    assert texts(alice) == {"Be brief."}


def test_instructions_of_before_become_their_only_users(alice: User, bob: User) -> None:
    give = import_module("conversations.migrations.0009_whose_instructions").give
    rows = [
        InstructionVersion.objects.create(digest=str(number), text=str(number))
        for number in range(3)
    ]
    for owner, used in ((alice, (0, 1)), (bob, (1, 2))):
        conversation = Conversation.objects.create(owner=owner, title="x")
        message = Message.objects.create(conversation=conversation, owner=owner, role="assistant")
        message.completions.create(
            conversation=conversation,
            model_name="x",
            status="complete",
            prompt={"instructions": [rows[used[0]].pk], "few_shot": rows[used[1]].pk},
        )
    give(apps, None)
    assert list(InstructionVersion.objects.order_by("pk").values_list("owner", flat=True)) == [
        alice.pk,
        None,
        bob.pk,
    ]
