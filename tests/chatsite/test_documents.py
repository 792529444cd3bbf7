"""The documents say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.test_weight import written
from tests.chatsite.configuration import FREE_TEXT, MALFORMED, names

ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_variable_is_in_the_example() -> None:
    explained = set(
        re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M)
    )
    assert len(names()) > 20
    assert names() == explained


def test_every_variable_has_values_that_are_refused() -> None:
    """And they are, in tests/chatsite/test_environment.py; or any line of text is right."""
    assert names() == set(MALFORMED) | FREE_TEXT
    assert not set(MALFORMED) & FREE_TEXT


def test_every_system_check_has_an_id_of_its_own() -> None:
    source = (ROOT / "chatsite/checks.py").read_text(encoding="utf-8")
    ids = re.findall(r'id="(chatsite\.[EW]\d{3})"', source)
    assert len(ids) > 10
    assert len(set(ids)) == len(ids)


def test_readme_names_only_variables_that_exist() -> None:
    explained = (ROOT / ".env.example").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"^\| `([A-Z_]+)`", readme, re.M):
        assert f"#{name}=" in explained


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md"])
def test_documents_name_only_files_that_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    names = re.findall(r"`([\w./-]+\.(?:py|md|toml|yaml|html|css|js|txt|in|png))`", text)
    assert names
    known = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if ".venv" not in path.parts]
    missing = [name for name in names if not any(f"/{path}".endswith(f"/{name}") for path in known)]
    assert not missing


def test_architecture_names_every_module() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w./-]+\.(?:py|js))`", text)}
    modules = {
        path.name
        for app in ("accounts", "chatsite", "conversations")
        for pattern in ("**/*.py", f"static/{app}/js/*.js")
        for path in (ROOT / app).glob(pattern)
        if not {"migrations", "management"} & {*path.parts}
    }
    assert len(modules) > 100
    assert modules - named == {"__init__.py"}


def test_no_inline_script_or_style_in_any_template() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), path
        for tag in re.findall(r"<script[^>]*>", text):
            assert "src=" in tag, path


def test_readme_says_what_the_first_page_weighs() -> None:
    """As docs/weights.md does, which tests/browser/test_weight.py compares with what is measured."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = [float(n) for pair in re.findall(r"(\d+) kB in (\d+) requests", readme) for n in pair]
    kilobytes, requests = found[::2], found[1::2]
    said = written("new chat")
    assert requests == [said[0], said[2]]
    assert kilobytes == pytest.approx([said[1], said[3]], abs=0.5)


def habit_tests(folder: str) -> set[str]:
    return {
        name
        for path in (ROOT / folder).rglob("test_*.py")
        for name in re.findall(r"def (test_habit_\w+)", path.read_text(encoding="utf-8"))
    }


def test_every_habit_names_the_tests_that_carry_its_number() -> None:
    """All of them, and at least one is done in a browser."""
    rows = re.findall(
        r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs/habits.md").read_text("utf-8"), re.M
    )
    assert [int(number) for number, _habit, _proof in rows] == list(range(1, 51))
    everywhere, in_browser = habit_tests("tests"), habit_tests("tests/browser")
    for number, habit, proof in rows:
        named = set(re.findall(r"`(test_\w+)`", proof))
        prefix = f"test_habit_{int(number):02}_"
        assert named == {name for name in everywhere if name.startswith(prefix)}, (number, habit)
        assert named & in_browser or number in {"40", "42", "50"}, (number, habit)
