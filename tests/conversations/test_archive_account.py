"""The archive has what the site keeps about an account, too: versions, activity, ways in. Never what is secret."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from accounts import audit, invitations, passes
from accounts.models import Invitation, User
from conversations.models import InstructionVersion, RolePreset
from conversations.presets import save_preset
from conversations.transfer import writing
from tests.accounts.codes import SECRET, give_app, give_passkey
from tests.conversations.test_archive import download


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))


def loaded(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


def whole(archive: zipfile.ZipFile) -> str:
    return b"".join(map(archive.read, archive.namelist())).decode()


def test_every_version_of_every_role_preset(
    alice: User, bob: User, alice_client: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr(writing, "TEXTS_AT_ONCE", 2)
    for owner in (alice, bob):
        preset = RolePreset(owner=owner, name=f"Tutor of {owner.username}", instruction="0")
        for number in range(5):
            preset.instruction = f"{number} by {owner.username}"
            save_preset(preset)
    RolePreset.objects.create(owner=alice, name="Without any", instruction="x")
    archive = download(alice_client)
    tutor, without = loaded(archive, "role-preset-versions.json")
    assert tutor["name"] == "Tutor of alice"
    assert [one["number"] for one in tutor["versions"]] == [1, 2, 3, 4, 5]
    assert [one["content"]["instruction"] for one in tutor["versions"]] == [
        f"{number} by alice" for number in range(5)
    ]
    assert without["versions"] == []
    assert "by bob" not in whole(archive)


def test_nothing_yet_is_empty_and_sound(alice_client: Client) -> None:
    archive = download(alice_client)
    assert loaded(archive, "role-preset-versions.json") == []
    assert loaded(archive, "instructions.json") == []
    assert loaded(archive, "ways-in.json") == {
        "second_factors": [],
        "recovery_codes_left": None,
        "single_sign_on": [],
        "chatapi_pass": None,
        "joined_by_invitation": None,
        "invitations_made": [],
    }


def test_instructions_that_no_conversation_has_any_more(
    alice: User, bob: User, alice_client: Client
) -> None:
    for owner in (alice, bob):
        text = f"Be kind to {owner.username}."
        InstructionVersion.objects.create(owner=owner, digest=owner.username, text=text)
    (one,) = loaded(download(alice_client), "instructions.json")
    assert one["text"] == "Be kind to alice."


def test_activity_as_the_page_shows_it(
    alice: User, bob: User, sasha: User, alice_client: Client
) -> None:
    audit.record(
        audit.Action.PLAN_CHANGED, actor=sasha, subject=alice, target="=1+1", reason="Because."
    )
    audit.record(audit.Action.QUOTA_RESET, actor_name="command", subject=alice)
    audit.record(audit.Action.APPROVED, actor=sasha, subject=bob)
    alice_client.post("/accounts/login/", {"login": "alice", "password": "wrong"})
    Client().post("/accounts/login/", {"login": "alice", "password": "wrong"})
    archive = download(alice_client)
    exported, failed, reset, plan, *_earlier = rows(archive, "activity.csv")
    assert [exported["event"], failed["event"]] == ["exported", "sign_in_failed"]
    assert (exported["by"], exported["account"]) == ("", "")
    assert exported["address"] == failed["address"] == "127.0.0.1"
    assert (reset["event"], reset["by"]) == ("quota_reset", "command")
    assert (plan["what"], plan["reason"], plan["by"]) == ("'=1+1", "Because.", "sasha")
    assert plan["address"] == ""
    assert "bob" not in whole(archive)
    page = alice_client.get("/settings/activity/").content.decode()
    assert page.count("<time ") == len(rows(archive, "activity.csv"))


def test_the_address_of_an_administrator_is_theirs(
    alice: User, sasha: User, alice_client: Client, rf: Any
) -> None:
    request = rf.post("/", REMOTE_ADDR="10.9.9.9")
    request.user = sasha
    audit.record(audit.Action.SUSPENDED, request=request, subject=alice)
    archive = download(alice_client)
    assert rows(archive, "activity.csv")[1]["by"] == "sasha"
    assert "10.9.9.9" not in whole(archive)


def test_ways_in_by_name(alice: User, sasha: User, alice_client: Client) -> None:
    codes = give_app(alice)
    give_passkey(alice, "Blue telephone")
    SocialAccount.objects.create(user=alice, provider="office", uid="alice-7")
    made = passes.give_pass(alice, now=timezone.now())
    assert made is not None
    invitation = Invitation(email="alice@example.org", note="Seen by administrators alone")
    token = invitations.issue(invitation, by=sasha)
    invitations.use(invitation, alice, now=timezone.now())
    own = invitations.issue(Invitation(note="For my team", uses=3), by=alice)
    archive = download(alice_client)
    found = loaded(archive, "ways-in.json")
    assert [(one["kind"], one["name"]) for one in found["second_factors"]] == [
        ("totp", "TOTP Authenticator"),
        ("webauthn", "Blue telephone"),
    ]
    assert found["recovery_codes_left"] == len(codes)
    assert found["single_sign_on"][0]["uid"] == "alice-7"
    assert found["chatapi_pass"]["expires_at"]
    assert found["joined_by_invitation"]["email"] == "alice@example.org"
    (team,) = found["invitations_made"]
    assert (team["note"], team["uses"], team["state"]) == ("For my team", 3, "valid")
    text = whole(archive)
    stored = [row.data for row in Authenticator.objects.all()]
    kept = re.findall(r'"(?:secret|seed|authenticator_data)": "([^"]+)"', json.dumps(stored))
    hashes = Invitation.objects.values_list("token_hash", flat=True)
    secret = [SECRET, *codes, token, own, str(made[0].jti), *kept, *hashes]
    assert not [value for value in secret if value in text]
    assert "Seen by administrators" not in text
    assert "cGFzc2tleQ" not in text


def test_the_archives_own_text_names_every_file(alice: User, alice_client: Client) -> None:
    archive = download(alice_client)
    read_me = archive.read("README.txt").decode()
    for name in archive.namelist():
        if name != "README.txt":
            said = "conversations/" if "/" in name else name
            assert read_me.count(f"{said} – ") == 2, name  # in both languages
