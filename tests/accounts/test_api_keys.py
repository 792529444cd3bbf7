"""API keys: made once, found by their text, ended at once; with counters of their own beside the person's."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from accounts import api_keys, callers, quotas, services
from accounts.api_keys import TooManyKeys
from accounts.callers import Caller, CallerRefused
from accounts.models import ApiKey, Reservation, UsagePeriod, UsageRecord, User
from accounts.quotas import Limits, QuotaExceeded, Spent
from tests.conftest import PASSWORD

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def make(user: User, **fields: object) -> tuple[ApiKey, str]:
    made = api_keys.create_key(user, **{"name": "script", "now": NOON, **fields})  # type: ignore[arg-type]
    assert made is not None
    return made


def ask(header: str | None, *, scope: str = "chat", now: datetime = NOON) -> Caller:
    headers = {} if header is None else {"Authorization": header}
    return callers.caller_with_key(RequestFactory().get("/", headers=headers), scope=scope, now=now)


def refusal(header: str | None, *, scope: str = "chat", now: datetime = NOON) -> tuple[int, str]:
    with pytest.raises(CallerRefused) as caught:
        ask(header, scope=scope, now=now)
    return caught.value.status, caught.value.code


def counters(user: User, key: ApiKey | None, kind: str = "day") -> tuple[int, int, int, int]:
    row = UsagePeriod.objects.get(user=user, kind=kind, api_key=key)
    return row.reserved_requests, row.reserved_tokens, row.used_requests, row.used_tokens


# --- Making and finding ----------------------------------------------------------------------------------------------


def test_only_a_hash_is_kept(alice: User) -> None:
    key, text = make(alice)
    prefix, secret = text.removeprefix("ck_").split("_", 1)
    assert len(secret) == 43
    row = ApiKey.objects.get()
    assert row.prefix == prefix
    assert row.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    kept = " ".join(str(value) for value in vars(row).values())
    assert secret not in kept
    assert key.shown == f"ck_{prefix}_…"


def test_the_same_key_is_not_made_twice(alice: User) -> None:
    """A form that is sent again would show another secret for the same key."""
    id = uuid4()
    make(alice, id=id)
    assert api_keys.create_key(alice, name="again", id=id, now=NOON) is None
    assert ApiKey.objects.get().name == "script"


def test_nobody_has_more_than_fifty(alice: User, bob: User) -> None:
    keys = [make(alice)[0] for _ in range(api_keys.MOST_KEYS)]
    with pytest.raises(TooManyKeys):
        make(alice)
    make(bob)
    api_keys.revoke_keys([keys[0].pk], now=NOON)
    make(alice)


def test_a_key_lets_its_person_in(
    alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    key, text = make(alice)
    with django_assert_max_num_queries(3):
        caller = ask(f"Bearer {text}")
    assert (caller.user, caller.api_key) == (alice, key)
    assert caller.limits == quotas.limits_of(alice)
    # The scheme's case and more than one space say nothing.
    assert ask(f"bearer  {text} ").user == alice


def test_the_last_use_is_kept_to_the_minute(alice: User) -> None:
    key, text = make(alice)
    for seconds, seen in ((0, 0), (59, 0), (60, 60)):
        ask(f"Bearer {text}", now=NOON + timedelta(seconds=seconds))
        key.refresh_from_db()
        assert key.last_used_at == NOON + timedelta(seconds=seen)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic YWxpY2U6eA==", "", "Bearer ck_", "Bearer ck_aaaaaaaa_" + "b" * 43,
     "Bearer " + "x" * 100_000, "Bearer ck_\x00aaaaaaa_" + "b" * 43, "Bearer ｃk_é"],
)  # fmt: skip
def test_what_is_no_key_lets_nobody_in(alice: User, header: str) -> None:
    make(alice)
    assert refusal(header) == (401, "key_invalid")


def test_a_key_with_another_secret(alice: User) -> None:
    text = make(alice)[1]
    assert refusal(f"Bearer {text[:-1]}{'A' if text[-1] != 'A' else 'B'}") == (401, "key_invalid")


def test_no_header(alice: User) -> None:
    assert refusal(None) == (401, "key_missing")


# --- Ending ----------------------------------------------------------------------------------------------------------


def test_an_expired_key(alice: User) -> None:
    text = make(alice, expires_at=NOON + timedelta(hours=1))[1]
    ask(f"Bearer {text}", now=NOON + timedelta(minutes=59))
    assert refusal(f"Bearer {text}", now=NOON + timedelta(hours=1)) == (401, "key_expired")


def test_a_revoked_key(alice: User, bob: User) -> None:
    key, text = make(alice)
    caller = ask(f"Bearer {text}")
    assert api_keys.revoke_keys([key.pk], of=bob, now=NOON) == 0
    assert callers.may_go_on(caller, now=NOON)
    assert api_keys.revoke_keys([key.pk], of=alice, now=NOON) == 1
    assert refusal(f"Bearer {text}") == (401, "key_revoked")
    assert not callers.may_go_on(caller, now=NOON)


def test_the_scope(alice: User) -> None:
    text = make(alice, scopes=["read", "nonsense"])[1]
    assert refusal(f"Bearer {text}") == (403, "scope_missing")
    assert ask(f"Bearer {text}", scope="read").user == alice


def test_a_suspended_person_and_the_same_let_in_again(alice: User) -> None:
    text = make(alice)[1]
    services.suspend([alice])
    assert refusal(f"Bearer {text}") == (401, "key_ended")
    services.reactivate([alice])
    assert refusal(f"Bearer {text}") == (401, "key_ended")


def test_another_password_ends_keys(alice: User) -> None:
    text = make(alice)[1]
    alice.set_password("another correct horse")
    alice.save(update_fields=["password"])
    assert refusal(f"Bearer {text}") == (401, "key_ended")
    new = make(alice)[1]
    ask(f"Bearer {new}")


def test_the_same_password_hashed_anew_ends_nothing(alice: User) -> None:
    text = make(alice)[1]
    alice.password = (
        f"md5$salt${hashlib.md5(b'salt' + PASSWORD.encode(), usedforsecurity=False).hexdigest()}"
    )
    alice.save(update_fields=["password"])
    before = alice.password
    assert alice.check_password(PASSWORD)
    alice.refresh_from_db()
    ask(f"Bearer {text}")
    assert alice.auth_epoch == 0
    assert alice.password != before


# --- Spending --------------------------------------------------------------------------------------------------------


def reserve(
    user: User, key: ApiKey | None, *, limits: Limits = quotas.NO_LIMITS, **more: object
) -> UUID:
    call = uuid4()
    fields = {"tokens": 100, "least_tokens": 100, "now": NOON, **more}
    quotas.reserve(user, key=call, limits=limits, api_key=key, is_call=True, **fields)  # type: ignore[arg-type]
    return call


def settle(call: UUID, spent: Spent = Spent(tokens_in=60, tokens_out=20)) -> bool:  # noqa: B008 (frozen)
    return quotas.settle(
        call, spent=spent, outcome=UsageRecord.Outcome.COMPLETE, model_name="fake", now=NOON
    )


def assert_ledger_equals_counters(user: User) -> None:
    for row in UsagePeriod.objects.filter(user=user):
        sums = quotas.ledger_sums(user, kind=row.kind, start=row.start, api_key=row.api_key)
        assert sums == (row.used_requests, row.used_tokens, row.used_money)


def test_a_call_counts_for_the_person_and_for_the_key(alice: User) -> None:
    key, other = make(alice)[0], make(alice)[0]
    call = reserve(alice, key)
    assert counters(alice, None) == counters(alice, key) == (1, 100, 0, 0)
    assert settle(call)
    settle(reserve(alice, other))
    settle(reserve(alice, None))
    assert counters(alice, None) == (0, 0, 3, 240)
    assert counters(alice, key) == counters(alice, other, "month") == (0, 0, 1, 80)
    assert UsageRecord.objects.filter(api_key=key).count() == 1
    assert_ledger_equals_counters(alice)


@pytest.mark.parametrize(
    ("limit", "value", "code"),
    [("requests_per_day", 1, "quota_requests"), ("tokens_per_day", 100, "quota_tokens"),
     ("requests_per_month", 1, "quota_requests"), ("tokens_per_month", 100, "quota_tokens"),
     ("money_per_day", Decimal("0.5"), "quota_money"), ("money_per_month", Decimal("0.5"), "quota_money")],
)  # fmt: skip
def test_a_limit_of_the_key(alice: User, limit: str, value: object, code: str) -> None:
    key = make(alice, **{limit: value})[0]
    money = Decimal("0.5")
    reserve(alice, key, money=money)
    with pytest.raises(QuotaExceeded) as caught:
        reserve(alice, key, money=money)
    assert (caught.value.code, caught.value.limit, caught.value.of_key) == (code, value, True)
    assert "API key" in str(caught.value.message)
    # Of the refused one nothing is left.
    assert counters(alice, None)[0] == counters(alice, key)[0] == 1
    reserve(alice, None, money=money)


def test_the_limit_of_the_person_holds_for_every_key(alice: User) -> None:
    limits = Limits(requests_per_day=1)
    reserve(alice, make(alice)[0], limits=limits)
    with pytest.raises(QuotaExceeded) as caught:
        reserve(alice, make(alice)[0], limits=limits)
    assert not caught.value.of_key


def test_a_reservation_shrinks_to_what_the_key_has_left(alice: User) -> None:
    key = make(alice, tokens_per_day=150)[0]
    settle(reserve(alice, key))
    call = reserve(alice, key, least_tokens=50)
    assert Reservation.objects.get(pk=call).tokens == 70
    assert counters(alice, None) == counters(alice, key) == (1, 70, 1, 80)
    settle(call)
    assert counters(alice, None) == counters(alice, key) == (0, 0, 2, 160)


def test_what_is_left_of_a_key(alice: User) -> None:
    key = make(alice, requests_per_day=5)[0]
    settle(reserve(alice, key))
    limits = quotas.limits_of_key(key)
    (found,) = quotas.allowances(alice, limits=limits, api_key=key, now=NOON)
    assert (found.amount, found.kind, found.left) == ("requests", "day", 4)


def test_a_reset_gives_the_person_their_usage_back_and_no_key(alice: User) -> None:
    key = make(alice)[0]
    settle(reserve(alice, key))
    done = quotas.reset([alice], kinds=["day"], actor="t", reason="t", now=NOON)
    assert len(done) == 1
    assert counters(alice, None)[2] == 0
    assert counters(alice, key)[2] == 1
    assert_ledger_equals_counters(alice)


def test_calls_whose_process_has_died_are_settled(alice: User) -> None:
    key = make(alice)[0]
    dead, alive = reserve(alice, key), reserve(alice, key)
    quotas.reserve(alice, key=uuid4(), limits=quotas.NO_LIMITS, tokens=1, least_tokens=1, now=NOON)
    later = NOON + timedelta(seconds=61)
    quotas.note_alive([alive], now=later)
    assert quotas.release_abandoned(now=later) == 1
    assert quotas.release_abandoned(now=later) == 0
    record = UsageRecord.objects.get()
    assert (record.completion_id, record.outcome, record.requests) == (dead, "interrupted", 1)
    assert counters(alice, key) == (1, 100, 1, 0)
    # The other call, and an answer that has a completion of its own.
    assert Reservation.objects.count() == 2
    assert_ledger_equals_counters(alice)


def test_the_ledger_outlives_the_person(alice: User) -> None:
    settle(reserve(alice, make(alice)[0]))
    alice.delete()
    record = UsageRecord.objects.get()
    assert (record.user, record.api_key, record.tokens_in) == (None, None, 60)


def test_migrations_go_back(transactional_db: None) -> None:
    call_command("migrate", "accounts", "0004", verbosity=0)
    call_command("migrate", "accounts", verbosity=0)
