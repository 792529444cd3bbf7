"""The admin of endpoints, models, role presets and conversations: to edit the first three, to count the last."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Plan, User
from conversations.models import ChatModel, Conversation, Endpoint, Message, RolePreset
from tests.accounts.test_admin import act, inline_parts
from tests.upstream import Upstream

SECRET = "a very private sentence"

PAGES = [
    "/admin/conversations/endpoint/",
    "/admin/conversations/endpoint/add/",
    "/admin/conversations/chatmodel/",
    "/admin/conversations/chatmodel/add/",
    "/admin/conversations/rolepreset/",
    "/admin/conversations/rolepreset/add/",
    "/admin/conversations/conversation/",
]


@pytest.mark.parametrize("address", PAGES)
def test_pages_load_for_staff_alone(
    address: str, sasha_client: Client, alice_client: Client
) -> None:
    page = sasha_client.get(address)
    assert page.status_code == 200
    assert inline_parts(page.content.decode()) == []
    assert alice_client.get(address).status_code == 302
    assert Client().get(address).status_code == 302


@pytest.fixture
def conversation(alice: User) -> Conversation:
    conversation = Conversation.objects.create(owner=alice, title=SECRET)
    for role in ("user", "assistant"):
        Message.objects.create(
            conversation=conversation, owner=alice, role=role, content=f"{SECRET} by {role}"
        )
    return conversation


def test_conversations_are_numbers(conversation: Conversation, sasha_client: Client) -> None:
    address = f"/admin/conversations/conversation/{conversation.pk}/"
    pages = [
        sasha_client.get("/admin/conversations/conversation/"),
        sasha_client.get("/admin/conversations/conversation/?q=alice"),
        sasha_client.get(f"/admin/conversations/conversation/?q={conversation.pk}"),
        sasha_client.get(f"{address}change/"),
    ]
    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        assert str(conversation.pk) in text
        assert "alice" in text
        assert SECRET not in text
    assert '<td class="field-message_count">2</td>' in pages[0].content.decode()


def test_no_admin_page_shows_what_was_written(
    conversation: Conversation, alice: User, sasha_client: Client
) -> None:
    for address in (
        f"/admin/accounts/user/{alice.pk}/delete/",
        f"/admin/accounts/user/{alice.pk}/change/",
        f"/admin/conversations/conversation/{conversation.pk}/history/",
    ):
        page = sasha_client.get(address)
        assert page.status_code == 200
        assert SECRET not in page.content.decode()
    assert sasha_client.get("/admin/conversations/message/").status_code == 404
    assert sasha_client.get("/admin/conversations/completion/").status_code == 404


def test_conversations_can_be_looked_at_only(
    conversation: Conversation, sasha_client: Client
) -> None:
    address = f"/admin/conversations/conversation/{conversation.pk}/"
    assert sasha_client.get("/admin/conversations/conversation/add/").status_code == 403
    assert sasha_client.post(f"{address}change/", {"title": "x"}).status_code == 403
    assert sasha_client.post(f"{address}delete/", {"post": "yes"}).status_code == 403


def test_a_search_for_anything_works(conversation: Conversation, sasha_client: Client) -> None:
    page = sasha_client.get("/admin/conversations/conversation/?q=no+such+name")
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("lookup", "status"),
    [
        ("title__startswith=a", 400),
        ("preset_variables__icontains=a", 400),
        ("preset_variables__contains=a", 400),
        ("owner__custom_instructions__contains=a", 400),
        ("active_at__gte=2026-01-01T00:00:00Z", 200),
        ("owner__id__exact=1", 200),
        ("archived__exact=0", 200),
    ],
)
def test_no_filter_tells_what_was_written(
    conversation: Conversation, sasha_client: Client, lookup: str, status: int
) -> None:
    page = sasha_client.get(f"/admin/conversations/conversation/?{lookup}")
    assert page.status_code == status


def test_the_number_of_queries_does_not_grow(
    conversation: Conversation, alice: User, sasha_client: Client
) -> None:
    sasha_client.get("/admin/conversations/conversation/")  # fills what a process remembers
    counts = []
    for extra in (2, 27):
        Conversation.objects.bulk_create(
            Conversation(owner=alice, title=SECRET) for _ in range(extra)
        )
        with CaptureQueriesContext(connection) as queries:
            sasha_client.get("/admin/conversations/conversation/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


PRESET = {
    "slug": "tester",
    "language": "en",
    "name": "Tester",
    "instruction": "Test.",
    "example_prompts": '["One?", "Two?"]',
    "few_shot_turns": '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]',
    "position": "5",
    "enabled": "on",
}


def test_a_preset_is_added(sasha_client: Client) -> None:
    response = sasha_client.post("/admin/conversations/rolepreset/add/", PRESET)
    assert response.status_code == 302
    preset = RolePreset.objects.get(slug="tester")
    assert (preset.owner, preset.example_prompts) == (None, ["One?", "Two?"])
    assert preset.few_shot_turns[1]["role"] == "assistant"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"example_prompts": '{"a": 1}'}, "Write a list of texts"),
        ({"example_prompts": '[""]'}, "Write a list of texts"),
        ({"example_prompts": "One?"}, "valid JSON"),
        ({"few_shot_turns": '["a"]'}, "Write a list such as"),
        ({"few_shot_turns": '[{"role": "system", "content": "a"}]'}, "Write a list such as"),
        ({"few_shot_turns": '[{"role": "user", "content": "a"}]'}, "Begin with the user"),
        ({"temperature": "3"}, "less than or equal to 2"),
        ({"slug": "a b"}, "valid “slug”"),
    ],
)
def test_a_bad_preset_is_refused_kindly(
    sasha_client: Client, changes: dict[str, str], complaint: str
) -> None:
    response = sasha_client.post("/admin/conversations/rolepreset/add/", {**PRESET, **changes})
    assert response.status_code == 200
    assert complaint in response.content.decode()


def test_personal_presets_stay_personal(alice: User, sasha_client: Client) -> None:
    own = RolePreset.objects.create(owner=alice, slug="own", name=SECRET, instruction=SECRET)
    assert SECRET not in sasha_client.get("/admin/conversations/rolepreset/").content.decode()
    response = sasha_client.get(f"/admin/conversations/rolepreset/{own.pk}/change/", follow=True)
    assert SECRET not in response.content.decode()


def test_keys_are_named_not_typed(sasha_client: Client) -> None:
    form = {
        "name": "mine",
        "base_url": "http://127.0.0.1:9/v1",
        "key_variable": "sk-123",
        "connect_seconds": "1",
        "first_delta_seconds": "1",
        "silence_seconds": "1",
        "total_seconds": "1",
    }
    page = sasha_client.post("/admin/conversations/endpoint/add/", form)
    assert "ends in _API_KEY" in page.content.decode()
    good = {**form, "key_variable": "MINE_API_KEY"}
    assert sasha_client.post("/admin/conversations/endpoint/add/", good).status_code == 302
    endpoint = Endpoint.objects.get(name="mine")
    assert endpoint.source == "admin"
    assert (
        sasha_client.get(f"/admin/conversations/endpoint/{endpoint.pk}/change/").status_code == 200
    )


def test_one_model_is_the_default(sasha_client: Client) -> None:
    endpoint = Endpoint.objects.create(name="mine", base_url="http://127.0.0.1:9/v1")
    ChatModel.objects.create(endpoint=endpoint, name="a", is_default=True)
    second = ChatModel.objects.create(endpoint=endpoint, name="b")
    page = act(sasha_client, "conversations/chatmodel", "make_default", second)
    assert "the default now" in page
    assert [model.name for model in ChatModel.objects.filter(is_default=True)] == ["b"]
    address = f"/admin/conversations/chatmodel/{second.pk}/change/"
    assert sasha_client.get(address).status_code == 200


def test_endpoints_go_with_their_models_and_conversations_stay(
    conversation: Conversation, sasha_client: Client
) -> None:
    for name in ("one", "two", "three"):
        endpoint = Endpoint.objects.create(name=name, base_url="http://127.0.0.1:9/v1")
        model = ChatModel.objects.create(endpoint=endpoint, name=name)
        Conversation.objects.filter(pk=conversation.pk).update(model=model)
    keys = list(Endpoint.objects.exclude(name="one").values_list("pk", flat=True))
    fields = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
    assert sasha_client.post("/admin/conversations/endpoint/", fields).status_code == 302
    assert [endpoint.name for endpoint in Endpoint.objects.all()] == ["one"]
    assert [model.name for model in ChatModel.objects.all()] == ["one"]
    conversation.refresh_from_db()
    assert conversation.model is None


@pytest.mark.django_db(transaction=True)
def test_the_models_of_an_endpoint_are_read(upstream: Upstream, sasha_client: Client) -> None:
    good = Endpoint.objects.create(name="Good", base_url=upstream.url)
    gone = Endpoint.objects.create(name="Gone", base_url="http://127.0.0.1:9/v1", connect_seconds=1)
    page = act(sasha_client, "conversations/endpoint", "read_models", good, gone)
    added = ChatModel.objects.filter(endpoint=good).count()
    assert added > 0
    assert f"Good: {added} models added" in page
    assert "Gone did not answer" in page


@pytest.mark.parametrize(
    ("models", "warned_of"),
    [
        ('["fake"]', ""),
        ("[]", ""),
        ('["fake", "fakf", "gpt-9"]', "No endpoint offers fakf, gpt-9."),
    ],
)
def test_a_plan_with_models_that_nobody_offers(
    sasha_client: Client, chat_model: ChatModel, models: str, warned_of: str
) -> None:
    """A warning, for they may come later: the plan is saved."""
    form = {"name": "Odd", "allowed_models": models}
    page = sasha_client.post("/admin/accounts/plan/add/", form, follow=True).content.decode()
    assert Plan.objects.get(name="Odd").allowed_models == json.loads(models)
    assert ("No endpoint offers" in page) == bool(warned_of)
    assert warned_of in page
