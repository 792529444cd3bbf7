"""The contract of the original ChatAPI, row by row: `/token` and `/api`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_from_bytes

import jwt
import pytest
from django.conf import settings as site
from django.test import Client
from pytest_django import Settings

from accounts import passes
from accounts.models import Pass, Plan, UsagePeriod, UsageRecord, User
from conversations.models import ChatModel, Conversation
from tests.conftest import PASSWORD
from tests.conversations.api.old_client import failure, get_api, post_api, post_token, token_of
from tests.upstream import Upstream

WRONG = (401, "Invalid username or password")
ENDED = (401, "Token does not exist. Please contact the administrator to apply.")
ALICE = {"u": "alice", "p": PASSWORD}


def used(user: User) -> tuple[int, int]:
    row = UsagePeriod.objects.get(user=user, kind="day", api_key=None)
    assert (row.reserved_requests, row.reserved_tokens) == (0, 0)
    return row.used_requests, row.used_tokens


# --- POST /token -----------------------------------------------------------------------------------------------------


def test_a_first_token(alice: User, settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"
    response = post_token(ALICE)
    assert response.status_code == 201
    message = response.json()["message"]
    text, at = message["token"], message["expiration_time"]
    assert response.content.decode() == (
        f'{{"message":{{"expiration_time":"{at}","token":"{text}","username":"alice"}},"statu":true}}\n'
    )
    claims = jwt.decode(text, options={"verify_signature": False})
    assert jwt.get_unverified_header(text)["alg"] == "HS256"
    assert list(claims) == ["fresh", "iat", "jti", "type", "sub", "nbf", "exp"]
    assert (claims["fresh"], claims["type"], claims["sub"]) == (False, "access", "alice")
    assert claims["iat"] == claims["nbf"] == claims["exp"] - 30 * 24 * 3600
    expires = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(hours=8)  # Shanghai's time
    assert f"{expires:%Y-%m-%d %H:%M:%S}" == at


def test_the_same_token_again(alice: User) -> None:
    first, again = post_token(ALICE), post_token(ALICE)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content


def test_only_what_it_says_is_kept(alice: User) -> None:
    text = token_of("alice")
    kept = " ".join(str(value) for value in vars(Pass.objects.get()).values())
    assert not any(part in kept for part in text.split("."))


def test_each_person_has_their_own(alice: User, bob: User) -> None:
    assert token_of("alice") != token_of("bob")


@pytest.mark.parametrize(
    "body",
    [{"u": "alice", "p": "wrong"}, {"u": "nobody", "p": PASSWORD}, {"u": "alice"}, {"p": PASSWORD}, {},
     {"u": "", "p": ""}, {"u": "alice", "p": PASSWORD + " "}, {"u": "alice' --", "p": PASSWORD},
     {"u": "a" * 100_000, "p": PASSWORD}],
)  # fmt: skip
def test_a_wrong_name_or_password(alice: User, body: object) -> None:
    assert failure(post_token(body)) == WRONG
    assert not Pass.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b'{"u": "alice"', b"\xff", b'{"u": "\xff"}', b"[" * 100_000, [], ["u"], "u", 1, None,
     {"u": 1, "p": PASSWORD}, {"u": "alice", "p": 1}, {"u": None, "p": None}, {"u": ["alice"], "p": PASSWORD},
     {"u": {}, "p": PASSWORD}, {"u": True, "p": True}, {"u": "a\x00", "p": "p"}, {"u": "alice", "p": "\ud800"}],
)  # fmt: skip
def test_a_malformed_body(alice: User, body: object) -> None:
    status, message = failure(post_token(body))
    assert status == 400
    assert message


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_another_content_type(alice: User, kind: str) -> None:
    status, message = failure(post_token(ALICE, content_type=kind))
    assert status == 415
    assert "application/json" in message


def test_a_content_type_with_its_encoding(alice: User) -> None:
    assert post_token(ALICE, content_type="application/json; charset=utf-8").status_code == 201


def test_a_body_that_is_far_too_large(db: None) -> None:
    assert failure(post_token({"u": "a" * 3_000_000}))[0] == 413


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_of_token(db: None, method: str) -> None:
    response = Client().generic(method, "/token")
    assert response.status_code == (200 if method == "OPTIONS" else 405)
    assert response["Allow"] == "POST, OPTIONS"
    if method not in {"HEAD", "OPTIONS"}:
        failure(response)


def test_what_breaks_is_not_told(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(passes, "give_pass", breaks)
    assert failure(post_token(ALICE)) == (500, "Error in create token")


@pytest.mark.parametrize("path", ["/token/", "/api/"])
def test_there_is_no_slash_at_the_end(db: None, path: str) -> None:
    for response in (Client().get(path), Client().post(path)):
        assert response.status_code == 404


def test_neither_looks_at_a_session(alice_client: Client) -> None:
    """Nor sets a cookie: another site's page could send these for whoever is signed in."""
    assert alice_client.get("/api", {"q": "Hello"}).status_code == 401
    assert alice_client.post("/token", {}, content_type="application/json").status_code == 401
    response = post_token(ALICE)
    assert response.status_code == 201
    assert not response.cookies


# --- GET and POST /api -----------------------------------------------------------------------------------------------


def test_an_answer(alice: User, chat_model: ChatModel, upstream: Upstream) -> None:
    upstream.say("\n\n", "Hallo, ", "世界 <b>\u2028")
    response = get_api(token_of("alice"), "你好 & more")
    assert response.status_code == 200
    assert response.content == (
        b'{"message":"\\n\\nHallo, \\u4e16\\u754c <b>\\u2028","statu":true}\n'
    )
    assert response["Content-Type"] == "application/json"
    (sent,) = upstream.chats
    assert sent.body["messages"] == [{"role": "user", "content": "你好 & more"}]
    assert used(alice)[0] == 1
    record = UsageRecord.objects.get()
    assert (record.user, record.outcome, record.requests, record.model_name) == (
        alice, "complete", 1, "fake",
    )  # fmt: skip
    assert record.tokens_in > 0
    assert record.tokens_out == 3
    assert not record.estimated
    assert not Conversation.objects.exists()


def test_every_question_stands_alone(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    User.objects.filter(pk=alice.pk).update(custom_instructions="Be brief")
    token = token_of("alice")
    for question in ("One", "Two"):
        assert get_api(token, question).status_code == 200
    assert [len(chat.body["messages"]) for chat in upstream.chats] == [1, 1]


def test_the_persons_own_model(alice: User, chat_model: ChatModel, upstream: Upstream) -> None:
    ChatModel.objects.create(endpoint=chat_model.endpoint, name="other", context_window=8192)
    User.objects.filter(pk=alice.pk).update(default_model="other")
    assert get_api(token_of("alice")).status_code == 200
    assert upstream.chats[0].body["model"] == "other"


def test_an_empty_answer(alice: User, chat_model: ChatModel, upstream: Upstream) -> None:
    upstream.play("empty")
    response = get_api(token_of("alice"))
    assert (response.status_code, response.json()) == (200, {"message": "", "statu": True})


def test_thoughts_are_no_part_of_the_answer(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    upstream.play("reasoning")
    assert "think" not in get_api(token_of("alice"), "Hm").json()["message"]


def test_the_first_of_several_questions(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    assert get_api(token_of("alice"), {"q": ["one", "two"]}).status_code == 200
    assert upstream.chats[0].text == "one"


@pytest.mark.parametrize("text", ["Bearer", "Bearer  ", "Bearer a b"])
def test_a_header_without_a_token(db: None, text: str) -> None:
    assert failure(get_api(None, Authorization=text)) == (
        422, "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["Basic YTpi", "JWT x.y.z", "x.y.z"])
def test_another_scheme(db: None, text: str) -> None:
    assert failure(get_api(None, Authorization=text)) == (
        401, "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'",
    )  # fmt: skip


def test_no_header(db: None) -> None:
    response = get_api(None)
    assert failure(response) == (401, "Missing Authorization Header")
    assert response.json() == {"msg": "Missing Authorization Header"}
    assert failure(get_api(None, Authorization=" ")) == (401, "Missing Authorization Header")


@pytest.mark.parametrize("text", ["garbage", "a.b", "ck_aaaaaaaa_" + "b" * 43, "é"])
def test_garbage(db: None, text: str) -> None:
    assert failure(get_api(text)) == (422, "Not enough segments")


def signed(claims: dict[str, object], key: str = "x" * 32, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def test_what_was_not_signed_here(alice: User) -> None:
    text = token_of("alice")
    claims = jwt.decode(text, options={"verify_signature": False})
    head, body, signature = text.split(".")
    deep = "W" + "1tb" * 3000  # [[[…
    for forged in (
        signed(claims), signed(claims, "", "none"), signed(claims, site.SECRET_KEY), f"{head}.{body}.",
        f"{head}.{body}.{signature[::-1]}", f"{head}.{body[:-4]}AAAA.{signature}", "..", f"{deep}.{deep}.x",
        "é.é.é",
    ):  # fmt: skip
        assert failure(get_api(forged)) == (422, "Signature verification failed"), forged


def test_an_expired_token(alice: User) -> None:
    text = token_of("alice")
    row = Pass.objects.get()
    row.issued_at -= timedelta(days=31)
    row.expires_at -= timedelta(days=31)
    row.save()
    expired = passes.text_of(row)
    assert failure(get_api(expired)) == (401, "Token has expired")
    assert failure(get_api(text)) == ENDED  # what the row says counts, too


def test_a_token_without_its_row(alice: User) -> None:
    text = token_of("alice")
    Pass.objects.all().delete()
    response = get_api(text)
    assert failure(response) == ENDED
    assert set(response.json()) == {"message", "statu"}


def test_a_former_secret_key(alice: User, chat_model: ChatModel, settings: Settings) -> None:
    text = token_of("alice")
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another, and long enough to be one"
    assert get_api(text).status_code == 422
    settings.SECRET_KEY_FALLBACKS = [former]
    assert get_api(text).status_code == 200


@pytest.mark.parametrize(
    "query",
    [{}, {"q": ""}, {"q": " \n\t\u3000"}, {"Q": "Hello"}, {"q": "a\x00b"}, {str(n): "" for n in range(2000)}],
    ids=["missing", "empty", "blank", "other", "nul", "many"],
)  # fmt: skip
def test_no_question(alice: User, chat_model: ChatModel, upstream: Upstream, query: object) -> None:
    status, message = failure(get_api(token_of("alice"), query))
    assert status == 400
    assert message
    assert not upstream.chats
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize("raw", [b"\xff", b"ok\xc3", b"\xed\xa0\x80"])
def test_a_question_that_is_not_utf8(alice: User, raw: bytes) -> None:
    token = token_of("alice")
    headers = {"Authorization": f"Bearer {token}"}
    response = Client().get(f"/api?q={quote_from_bytes(raw)}", headers=headers)
    assert failure(response)[0] == 400


def test_a_question_by_post(alice: User, chat_model: ChatModel, upstream: Upstream) -> None:
    response = post_api(token_of("alice"), {"q": "Hello"})
    assert (response.status_code, response.json()["statu"]) == (200, True)
    assert upstream.chats[0].text == "Hello"


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"q": ""}, 400), ({"q": 1}, 400), ({"q": None}, 400), ([], 400), (b"", 400), (b"{", 400),
     ({"q": "\ud800"}, 400), (b'{"q": "\xff"}', 400), ({"q": "界" * 100_000}, 413), ({"q": "a" * 3_000_000}, 413)],
)  # fmt: skip
def test_a_bad_question_by_post(
    alice: User, chat_model: ChatModel, upstream: Upstream, body: object, status: int
) -> None:
    assert failure(post_api(token_of("alice"), body))[0] == status
    assert not upstream.chats


def test_a_form_by_post(alice: User) -> None:
    token = token_of("alice")
    kind = "application/x-www-form-urlencoded"
    assert failure(post_api(token, b"q=Hello", content_type=kind))[0] == 415


def test_who_asks_comes_before_what(db: None) -> None:
    assert failure(post_api(None, b"{")) == (401, "Missing Authorization Header")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_of_api(
    alice: User, chat_model: ChatModel, upstream: Upstream, method: str
) -> None:
    headers = {"Authorization": f"Bearer {token_of('alice')}"}
    response = Client().generic(method, "/api?q=Hello", headers=headers)
    assert response.status_code == (200 if method == "OPTIONS" else 405)
    assert response["Allow"] == "GET, POST, OPTIONS"
    if method not in {"HEAD", "OPTIONS"}:
        failure(response)
    assert not upstream.chats


def test_longer_than_the_models_window(alice: User, chat_model: ChatModel) -> None:
    assert failure(post_api(token_of("alice"), {"q": "word " * 20_000}))[0] == 413


@pytest.mark.parametrize(
    "script", ["500", "401", "404", "context", "json", "error-frame", "eof", "cut before=1"]
)
def test_an_endpoint_that_fails(
    alice: User, chat_model: ChatModel, upstream: Upstream, script: str
) -> None:
    """The request does not count; the tokens it took do."""
    upstream.script = upstream.script.parse(script)
    status, message = failure(get_api(token_of("alice")))
    assert status == 500
    assert message.startswith("An error occurred in the chatgpt request, ")
    requests, tokens = used(alice)
    record = UsageRecord.objects.get()
    assert (requests, record.requests, record.outcome) == (0, 0, "failed")
    assert (tokens > 0) == (script in {"error-frame", "eof"})


def test_a_site_without_a_model(alice: User) -> None:
    status, message = failure(get_api(token_of("alice")))
    assert status == 500
    assert message.startswith("An error occurred in the chatgpt request, No model is available.")


def test_a_parameter_that_the_endpoint_refuses(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    upstream.play("unsupported name=max_tokens")
    assert get_api(token_of("alice")).status_code == 200
    assert "max_completion_tokens" in upstream.chats[1].body


def test_a_short_tokens_quota_shortens_the_answer(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    plan = Plan.objects.create(name="Few", tokens_per_day=400)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    assert get_api(token_of("alice")).status_code == 200
    assert upstream.chats[0].body["max_tokens"] < 400
    User.objects.filter(pk=alice.pk).update(plan=Plan.objects.create(name="1", tokens_per_day=1))
    response = get_api(token_of("alice"))
    status, message = failure(response)
    assert status == 429
    assert re.match(r"You have used all 1 tokens", message)
    assert int(response["Retry-After"]) > 0


def test_a_refusal_in_the_languages_of_the_site(alice: User) -> None:
    headers = {"Accept-Language": "zh-hans"}
    wrong = post_token({"u": "alice", "p": "wrong"}, **headers)
    assert failure(wrong) == WRONG  # what clients may compare stays as it was
    assert failure(post_token(b"{", **headers))[1] != failure(post_token(b"{"))[1]
