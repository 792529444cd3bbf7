"""What was wrong with the original ChatAPI, by the number it has in our list, and what ends a question."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connections
from django.test import Client
from pytest_django import Settings

from accounts import services
from accounts.models import Pass, Plan, Reservation, UsagePeriod, UsageRecord, User
from conversations import asking, runtime
from conversations.models import ChatModel
from tests.accounts.doors import sign_in
from tests.at_once import at_once
from tests.conftest import PASSWORD, make_user
from tests.conversations.api.old_client import failure, get_api, post_api, post_token, token_of
from tests.conversations.talk import assert_ledger_equals_counters
from tests.upstream import Upstream

WRONG = (401, "Invalid username or password")
ENDED = (401, "Token does not exist. Please contact the administrator to apply.")
USED_UP = (429, "Token access limit reached.")
ALICE = {"u": "alice", "p": PASSWORD}


def test_1_a_name_is_no_sql(alice: User) -> None:
    for name in ("' UNION SELECT 1,'test','hack',1,1 --", "alice' --", "' OR '1'='1"):
        assert failure(post_token({"u": name, "p": "hack"})) == WRONG
    assert not Pass.objects.exists()


def test_2_after_thirty_days_there_is_a_new_token(alice: User, chat_model: ChatModel) -> None:
    old = token_of("alice")
    Pass.objects.update(expires_at=Pass.objects.get().expires_at - timedelta(days=30))
    response = post_token(ALICE)
    assert response.status_code == 201
    new = response.json()["message"]["token"]
    assert new != old
    assert failure(get_api(old)) == ENDED
    assert get_api(new).status_code == 200
    assert post_token(ALICE).status_code == 200


def test_3_attempts_are_limited_as_at_the_sign_in(alice: User, settings: Settings) -> None:
    assert PASSWORD not in alice.password
    settings.ACCOUNT_RATE_LIMITS = {}
    wrong = {"u": "alice", "p": "wrong"}
    assert {failure(post_token(wrong)) for _ in range(5)} == {WRONG}
    for body in (wrong, ALICE):
        response = post_token(body)
        assert failure(response)[0] == 429
        assert response["Retry-After"] == "300"
    page = Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert "Too many failed" in page.content.decode()  # the same door


def test_3_attempts_at_the_sign_in_count(alice: User, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/ip"}
    assert [sign_in(Client(), "alice", "wrong") for _ in range(2)] == [200, 200]
    response = post_token(ALICE)
    assert failure(response)[0] == 429
    assert response["Retry-After"] == "60"


def test_3_the_right_password_is_not_counted(alice: User, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    assert {post_token(ALICE).status_code for _ in range(12)} == {200, 201}


def test_3_without_limits_there_are_none(alice: User, settings: Settings) -> None:
    """SIGN_IN_LIMITS=off."""
    assert settings.ACCOUNT_RATE_LIMITS is False
    assert {failure(post_token({"u": "alice", "p": "x"})) for _ in range(40)} == {WRONG}


def test_4_a_deleted_person_is_shut_out(alice: User) -> None:
    token = token_of("alice")
    alice.delete()
    assert failure(get_api(token)) == ENDED
    make_user("alice")
    assert failure(get_api(token)) == ENDED


def test_4_another_token_revives_none(alice: User, chat_model: ChatModel) -> None:
    old = token_of("alice")
    Pass.objects.all().delete()
    new = token_of("alice")
    assert failure(get_api(old)) == ENDED
    assert get_api(new).status_code == 200


def test_4_a_suspended_person_and_the_same_let_in_again(alice: User) -> None:
    token = token_of("alice")
    services.suspend([alice])
    assert failure(get_api(token)) == ENDED
    assert failure(post_token(ALICE)) == WRONG
    services.reactivate([alice])
    assert failure(get_api(token)) == ENDED
    assert post_token(ALICE).status_code == 201


def test_4_another_password_ends_the_token(alice: User) -> None:
    token = token_of("alice")
    alice.set_password("another correct horse")
    alice.save(update_fields=["password"])
    assert failure(get_api(token)) == ENDED
    assert failure(post_token(ALICE)) == WRONG
    assert post_token({"u": "alice", "p": "another correct horse"}).status_code == 201


def test_4_another_name_keeps_the_token(alice: User, chat_model: ChatModel) -> None:
    token = token_of("alice")
    alice.username = "alicia"
    alice.save(update_fields=["username"])
    assert get_api(token).status_code == 200
    User.objects.create_user("alice", password=PASSWORD)
    assert get_api(token).status_code == 200
    assert {record.user for record in UsageRecord.objects.all()} == {alice}


def in_threads(count: int, token: str) -> list[tuple[int, object]]:
    def ask(number: int) -> tuple[int, object]:
        response = get_api(token, f"Number {number}")
        return response.status_code, response.json()["message"]

    return at_once(*(partial(ask, number) for number in range(count)))


def test_5_no_more_than_ten_of_thirty_at_once(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    replies = in_threads(30, token_of("alice"))
    refused = [reply for reply in replies if reply[0] != 200]
    assert len(replies) - len(refused) == 10
    assert set(refused) == {USED_UP}
    assert len(upstream.chats) == 10
    assert UsagePeriod.objects.get(user=alice, kind="day").used_requests == 10
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_5_what_failed_may_be_asked_again(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    token = token_of("alice")
    upstream.play(*["500 "] * 36)  # each is asked again twice
    assert {status for status, _message in in_threads(12, token)} <= {500, 429}
    assert UsagePeriod.objects.get(user=alice, kind="day").used_requests == 0
    upstream.reset()
    assert [get_api(token).status_code for _ in range(11)] == [200] * 10 + [429]
    assert_ledger_equals_counters(alice)


def test_6_a_question_has_a_longest_length(alice: User, settings: Settings) -> None:
    settings.MESSAGE_MAX_BYTES = 20
    token = token_of("alice")
    for response in (get_api(token, "界" * 7), post_api(token, {"q": "a" * 21})):
        status, message = failure(response)
        assert status == 413
        assert "20" in message


def test_7_what_the_endpoint_says_is_not_passed_on(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    token = token_of("alice")
    upstream.play("401")
    assert "Refused" not in get_api(token).content.decode()
    upstream.play("error-frame code=secret")
    assert "secret" not in get_api(token).content.decode()
    chat_model.endpoint.base_url = "http://127.0.0.1:9/secret"
    chat_model.endpoint.save()
    text = get_api(token).content.decode()
    assert "127.0.0.1" not in text
    assert "secret" not in text
    assert "cannot be reached" in text


def test_7_what_breaks_here_is_not_told(
    alice: User, chat_model: ChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("a secret")

    token = token_of("alice")
    monkeypatch.setattr(asking, "stream_chat", breaks)
    said = "An error occurred in the chatgpt request, Something went wrong on our side. Try again."
    assert failure(get_api(token)) == (500, said)
    monkeypatch.setattr(asking, "begin", breaks)
    assert failure(get_api(token)) == (500, said)
    assert not Reservation.objects.exists()


def test_8_what_is_left_and_when_it_renews(alice: User, chat_model: ChatModel) -> None:
    token = token_of("alice")
    left = [get_api(token)["X-RateLimit-Remaining"] for _ in range(10)]
    assert left == [str(number) for number in range(9, -1, -1)]
    response = get_api(token)
    assert failure(response) == USED_UP
    assert (response["X-RateLimit-Limit"], response["X-RateLimit-Remaining"]) == ("10", "0")
    assert 0 < int(response["Retry-After"]) <= 24 * 3600
    assert response["X-RateLimit-Reset"] == response["Retry-After"]


def test_8_nothing_is_said_where_there_is_no_limit(
    alice: User, chat_model: ChatModel, unlimited: Plan
) -> None:
    User.objects.filter(pk=alice.pk).update(plan=unlimited)
    response = get_api(token_of("alice"))
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("X-RateLimit")]


def test_9_a_number_is_no_name(chat_model: ChatModel) -> None:
    make_user("12345")
    assert failure(post_token({"u": 12345, "p": PASSWORD}))[0] == 400
    assert get_api(token_of("12345")).status_code == 200


# --- What ends a question --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "said"),
    [("interrupted", (503, "The site is shutting down")), ("not_welcome", ENDED)],
)
def test_a_question_that_is_cut(
    alice: User, chat_model: ChatModel, upstream: Upstream, code: str, said: tuple[int, str]
) -> None:
    """The process ends, or the person is suspended meanwhile."""
    token = token_of("alice")
    upstream.play("gated")
    with ThreadPoolExecutor(1) as pool:

        def ask() -> tuple[int, str]:
            try:
                return failure(get_api(token))
            finally:
                connections.close_all()

        asked: Future[tuple[int, str]] = pool.submit(ask)
        (chat,) = upstream.wait_for_requests(timeout_seconds=60)
        for call in list(runtime.open_calls.values()):
            runtime.engine().call(call.cut, code)
        status, message = asked.result(60)
        assert chat.wait_closed()
    assert status == said[0]
    assert message.startswith(said[1])
    record = UsageRecord.objects.get()
    assert (record.outcome, record.requests) == ("interrupted", 0)
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
