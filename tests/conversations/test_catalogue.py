"""Models on offer, and what is read from an endpoint: through real HTTP, the proxy included."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Plan, User
from conversations import model_lists
from conversations.models import ChatModel, Endpoint, RolePreset
from tests.conversations.talk import JSON, Talk
from tests.proxy import RecordingProxy
from tests.upstream import Script, Upstream


@pytest.fixture
def endpoint(db: None, upstream: Upstream) -> Endpoint:
    return Endpoint.objects.create(name="scripted", base_url=upstream.url)


def test_new_models_are_inserted_and_old_ones_left_alone(
    endpoint: Endpoint, upstream: Upstream
) -> None:
    upstream.models[:] = ["small", "text-embedding-9", "whisper-2", "gpt-4o-mini"]
    ChatModel.objects.create(endpoint=endpoint, name="small", label="Mine", enabled=False)
    assert model_lists.read_endpoint_models([endpoint]) == {"scripted": 3}
    rows = {row.name: row for row in ChatModel.objects.all()}
    assert (rows["small"].label, rows["small"].enabled) == ("Mine", False)
    assert not rows["text-embedding-9"].enabled
    assert not rows["whisper-2"].enabled
    assert rows["gpt-4o-mini"].enabled
    assert rows["gpt-4o-mini"].context_window == 128_000
    assert rows["gpt-4o-mini"].is_default
    assert model_lists.read_endpoint_models([endpoint]) == {"scripted": 0}


def test_endpoint_without_a_list_only_warns(endpoint: Endpoint, upstream: Upstream) -> None:
    upstream.models_script = Script("500")
    assert model_lists.read_endpoint_models([endpoint]) == {}
    assert not ChatModel.objects.exists()


def test_configured_endpoint_becomes_a_row(
    db: None, settings: Settings, upstream: Upstream
) -> None:
    settings.ENDPOINT_CONFIGURED = True
    settings.OPENAI_BASE_URL = upstream.url
    settings.OPENAI_MODEL = "wanted"
    upstream.models[:] = ["another"]
    model_lists.read_endpoint_models()
    row = Endpoint.objects.get()
    assert (row.source, row.base_url, row.key_variable) == ("environment", upstream.url, "")
    assert ChatModel.objects.get(is_default=True).name == "wanted"
    settings.ENDPOINT_CONFIGURED = False
    model_lists.read_endpoint_models()
    assert not Endpoint.objects.get().enabled


def test_default_that_a_person_chose_stays(endpoint: Endpoint, settings: Settings) -> None:
    ChatModel.objects.create(endpoint=endpoint, name="zeta", is_default=True)
    settings.OPENAI_MODEL = "fake"
    model_lists.read_endpoint_models([endpoint])
    assert ChatModel.objects.get(is_default=True).name == "zeta"


def test_key_comes_from_the_variable_the_row_names(
    talk: Talk, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED_API_KEY", "secret-key")
    Endpoint.objects.update(key_variable="SCRIPTED_API_KEY")
    talk.ask("Hello")
    assert upstream.chats[-1].headers["Authorization"] == "Bearer secret-key"


def test_answers_go_through_the_proxy(talk: Talk, upstream: Upstream, settings: Settings) -> None:
    with RecordingProxy() as proxy:
        settings.OPENAI_PROXY = proxy.url
        assert talk.ask("Hello").status == "complete"
        assert len(proxy.seen) == 1


def test_no_cookie_of_an_endpoint_is_kept(talk: Talk, upstream: Upstream) -> None:
    Endpoint.objects.update(base_url=upstream.url.replace("127.0.0.1", "localhost"))
    talk.ask("Hello [[script: cookie]]")
    talk.ask("Hello again")
    assert "Cookie" not in upstream.chats[-1].headers


def test_plan_limits_the_models(talk: Talk, alice: User, chat_model: ChatModel) -> None:
    other = ChatModel.objects.create(endpoint=chat_model.endpoint, name="dear")
    plan = Plan.objects.create(name="Modest", allowed_models=["fake"])
    User.objects.filter(pk=alice.pk).update(plan=plan)
    refused = talk.send("Hello", model=other.name)
    assert (refused.status, refused.code) == (403, "model_not_allowed")
    assert talk.ask("Hello", model="fake").status == "complete"
    page = talk.client.get("/").content.decode()
    assert "dear" not in page


def test_preset_by_slug_in_the_users_language(talk: Talk, upstream: Upstream) -> None:
    preset = RolePreset.objects.get(slug="translator", language="zh-hans")
    talk.client.cookies["django_language"] = "zh-hans"
    talk.ask("Hello", preset="translator")
    assert upstream.chats[-1].body["messages"][0]["content"].startswith(preset.instruction[:40])


def test_another_persons_preset_is_unknown(talk: Talk, bob: User) -> None:
    theirs = RolePreset.objects.create(owner=bob, slug="secret", name="Secret", instruction="Shh")
    for key in (str(theirs.pk), "secret"):
        reply = talk.send("Hello", preset=key)
        assert (reply.status, reply.code) == (400, "invalid_parameter")


def test_preset_and_parameters_reach_the_endpoint(talk: Talk, upstream: Upstream) -> None:
    RolePreset.objects.create(
        slug="poet",
        name="Poet",
        instruction="Rhyme.",
        temperature=1.5,
        few_shot_turns=[
            {"role": "user", "content": "Sea"},
            {"role": "assistant", "content": "Tea"},
        ],
    )
    talk.ask("Moon", preset="poet", top_p=0.5, max_tokens=99)
    body = upstream.chats[-1].body
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (1.5, 0.5, 99)
    assert [message["content"] for message in body["messages"]] == ["Rhyme.", "Sea", "Tea", "Moon"]


def test_models_that_are_still_coming(
    alice_client: Client, endpoint: Endpoint, upstream: Upstream
) -> None:
    """The page is there at once; a message that is sent meanwhile is not lost."""
    assert "are still being read" in alice_client.get("/").content.decode()
    refused = alice_client.post(
        "/c/", {"content": "Hello", "client_id": str(uuid.uuid4())}, headers=JSON
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    assert "are still being read" in refused.json()["error"]["message"]
    assert refused["Retry-After"] == "5"
    page = alice_client.post("/c/", {"content": "Hello", "client_id": str(uuid.uuid4())})
    assert page.status_code == 503
    assert "Hello</textarea>" in page.content.decode()
    model_lists.read_endpoint_models([endpoint])
    assert "are still being read" not in alice_client.get("/").content.decode()
    assert Talk(alice_client).send("Hello").status == 201


def test_no_model_at_all_is_one_sentence(alice_client: Client) -> None:
    reply = Talk(alice_client).send("Hello")
    assert (reply.status, reply.code) == (400, "model_unknown")
    assert "administrator" in reply.body["error"]["message"]
    assert alice_client.get("/").status_code == 200
