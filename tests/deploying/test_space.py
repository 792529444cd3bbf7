"""Hugging Face Spaces: the folder that is uploaded, what `SPACE_HOST` brings about, and the warning that nothing stays.

In a frame of huggingface.co, signed in: tests/browser/test_frames.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import LazySettings
from django.test import Client

from chatsite import space
from scripts.image import context
from tests.conversations.test_processes import PERSON
from tests.deploying.front import visit
from tests.processes import ROOT, ShippedSite, scratch_environment

NAME = "person-chat.hf.space"
FOLDER = ROOT / "dist" / "space"
README = ROOT / "deploy/huggingface/README.md"
SECRETS = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_PASSWORD": PERSON["DJANGO_SUPERUSER_PASSWORD"],
}


def front_matter() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(README.read_text(encoding="utf-8").split("---\n")[1])
    return found


def settings_there(folder: Path, *names: str, **variables: str) -> list[Any]:
    values = ", ".join(f"s.{name}" for name in names)
    program = f"import json; from chatsite import settings as s; print(json.dumps([{values}]))"
    environment = scratch_environment(folder, SPACE_HOST=NAME, **variables)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: list[Any] = json.loads(done.stdout)
    return found


# --- What is uploaded ------------------------------------------------------------------------------------------------


def test_the_folder_holds_what_the_image_is_built_of() -> None:
    done = subprocess.run(["make", "space"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith(
        "hf upload NAME/SPACE dist/space . --repo-type space"
    )
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    for name in ("Dockerfile", ".dockerignore", "manage.py", "requirements/local-model.txt"):
        assert (FOLDER / name).read_bytes() == (ROOT / name).read_bytes()
    assert (FOLDER / "README.md").read_bytes() == README.read_bytes()
    beside = {".dockerignore", "Dockerfile", "README.md"}
    assert not [name for name in files if name.startswith(("tests/", "data/", "docs/", ".git/"))]
    assert not {".env", ".git"} & files
    copied = set(map(str, context(FOLDER)))
    assert copied == files - beside


@pytest.mark.processes
def test_front_matter_names_the_port_that_is_served(tmp_path: Path) -> None:
    matter = front_matter()
    assert matter["sdk"] == "docker"
    assert len(matter["short_description"]) <= 60
    assert settings_there(tmp_path, "PORT", "HOST") == [matter["app_port"], "0.0.0.0"]


def test_the_readme_names_settings_that_exist() -> None:
    known = (ROOT / ".env.example").read_text(encoding="utf-8")
    arguments = re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)
    rows = re.findall(r"^\| (`.*?) \|", README.read_text(encoding="utf-8"), re.M)
    names = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(names) > 6
    assert not [name for name in names if f"#{name}=" not in known and name not in arguments]


# --- What SPACE_HOST brings about ------------------------------------------------------------------------------------


@pytest.mark.processes
def test_a_space_is_public_framed_and_closed(tmp_path: Path) -> None:
    names = ("PUBLIC_URL", "ALLOWED_HOSTS", "EMBED_ORIGINS", "SIGNUP", "TRUSTED_PROXIES")
    assert settings_there(tmp_path, *names) == [
        f"https://{NAME}", [NAME], ["https://huggingface.co"], "closed", 1,
    ]  # fmt: skip
    assert settings_there(tmp_path, *names[2:4], EMBED_ORIGINS="off", SIGNUP="open") == [[], "open"]


@pytest.mark.processes
def test_two_platforms_at_once_are_refused(tmp_path: Path) -> None:
    variables = {"WEBSITE_HOSTNAME": "a.azurewebsites.net", "DATABASE_URL": "sqlite:////tmp/x"}
    with ShippedSite(tmp_path, SPACE_HOST=NAME, HOST="127.0.0.1", **variables) as site:
        assert site.wait_for_exit() == 1
        assert "WEBSITE_HOSTNAME and SPACE_HOST are both set" in site.text


@pytest.mark.processes
def test_the_administrator_comes_from_secrets_once(tmp_path: Path) -> None:
    """The second start, with another password among the secrets, changes nothing."""
    there = {"SPACE_HOST": NAME, "HOST": "127.0.0.1", **SECRETS}
    with ShippedSite(tmp_path, **there).wait_until_ready() as site, visit(site, NAME) as visitor:
        assert "Everything on this site is lost when the Space restarts" in site.text
        assert f"Chatsite is ready: https://{NAME}" in site.text
        assert "Create the administrator" not in site.text
        visitor.sign_in("root", SECRETS["DJANGO_SUPERUSER_PASSWORD"])
        site.process.terminate()
        assert site.wait_for_exit() == 0
    there["DJANGO_SUPERUSER_PASSWORD"] = "another long pass phrase"
    with ShippedSite(tmp_path, **there).wait_until_ready() as site, visit(site, NAME) as visitor:
        visitor.sign_in("root", SECRETS["DJANGO_SUPERUSER_PASSWORD"])


# --- What stays ------------------------------------------------------------------------------------------------------


def test_storage_that_is_attached_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path)
    assert space.choose_data_dir("", tmp_path) == (str(tmp_path), True)
    assert space.choose_data_dir(str(tmp_path), tmp_path) == (str(tmp_path), True)
    below = str(tmp_path / "site")
    assert space.choose_data_dir(below, tmp_path) == (below, True)
    assert space.choose_data_dir("/elsewhere", tmp_path) == ("/elsewhere", False)


def test_a_folder_of_the_image_does_not_stay(tmp_path: Path) -> None:
    assert space.choose_data_dir(str(tmp_path), tmp_path) == (str(tmp_path), False)


@pytest.mark.parametrize("asked", [True, False])
def test_storage_that_is_closed_to_this_user_is_left_alone(tmp_path: Path, asked: bool) -> None:
    """Nobody may write to what is not there; root, who runs tests, may to everything else."""
    storage = tmp_path / "data"
    folder, stays = space.choose_data_dir(str(storage) if asked else "", storage)
    assert folder.endswith("/chatsite")
    assert os.access(Path(folder).parent, os.W_OK)
    assert not stays


@pytest.mark.processes
def test_warnings_say_what_is_lost(tmp_path: Path) -> None:
    names = ("DATA_IS_TEMPORARY", "SECRET_KEY_IS_TEMPORARY")
    postgres, key = {"DATABASE_URL": "postgres://a:b@127.0.0.1:9/c"}, {"SECRET_KEY": "k" * 50}
    assert settings_there(tmp_path, *names) == [True, True]
    assert settings_there(tmp_path, *names, **postgres) == [False, True]
    assert settings_there(tmp_path, *names, **postgres, **key) == [False, False]


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/"])
def test_the_administration_says_so(
    sasha_client: Client, settings: LazySettings, path: str
) -> None:
    sentence = "Everything on this site is lost when it restarts"
    assert sentence not in sasha_client.get(path).content.decode()
    settings.DATA_IS_TEMPORARY = True
    assert sentence in sasha_client.get(path).content.decode()
