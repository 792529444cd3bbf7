"""Instructions that were sent are kept, each with the account of whoever sent it."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps
from django.utils import timezone

from accounts import services
from accounts.models import User
from conversations.models import Conversation, InstructionVersion, Message, RolePreset
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
