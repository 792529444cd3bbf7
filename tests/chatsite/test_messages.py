"""The translations: complete, sound, and compiled. `make messages` mends what only needs collecting or compiling."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from types import ModuleType
from typing import Any

import pytest

from tests.processes import ROOT

SCRIPT = ROOT / "scripts" / "messages.py"
PO = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")
CHINESE = r"[\u3400-\u9fff]"
HALF_WIDTH = re.compile(
    rf"{CHINESE}[,;:!?()]|[,;!?()]{CHINESE}|{CHINESE}\.(?!\w)|{CHINESE} +{CHINESE}"
)
# The same in both languages.
SAME = {
    "Chatsite",
    "; ",
    "top p",
    "Top p",
    "%(first)s %(second)s",
    "%(left)s. %(renewal)s",
    "of %(limit)s",
}


@pytest.fixture(scope="module")
def messages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def translated(messages: ModuleType) -> list[Any]:
    """Each text that has a translation."""
    return [
        message
        for message in messages.read(PO)
        if message.id and messages.is_translated(message.string)
    ]


def forms(text: str | list[str] | tuple[str, ...]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def test_every_text_is_there_and_translated(messages: ModuleType) -> None:
    texts = messages.update(messages.read(PO), messages.collect())
    missing = [text.id for text in texts if text.id and not messages.is_translated(text.string)]
    assert not missing
    assert PO.read_bytes() == messages.as_po(texts), "make messages would change the file"


def test_nothing_is_fuzzy_or_obsolete() -> None:
    text = PO.read_text(encoding="utf-8")
    assert not re.findall(r"^#,.*fuzzy|^#~.*", text, re.M)


def test_compiled_file_is_what_the_translations_compile_to(messages: ModuleType) -> None:
    assert PO.with_suffix(".mo").read_bytes() == messages.as_mo(messages.read(PO))


def test_collecting_twice_changes_nothing(messages: ModuleType) -> None:
    first = messages.update(messages.read(PO), messages.collect())
    assert messages.as_po(first) == messages.as_po(messages.update(first, messages.collect()))


def test_placeholders_are_the_same(translated: list[Any]) -> None:
    for message in translated:
        wanted = Counter(PLACEHOLDER.findall(forms(message.id)[-1]))
        for string in forms(message.string):
            assert Counter(PLACEHOLDER.findall(string)) == wanted, message.id


def test_translations_are_chinese(translated: list[Any]) -> None:
    for message in translated:
        for string in forms(message.string):
            if forms(message.id)[0] not in SAME:
                assert re.search(CHINESE, string), message.id


def test_punctuation_is_full_width(translated: list[Any]) -> None:
    for message in translated:
        for string in forms(message.string):
            bare = PLACEHOLDER.sub("x", string)
            assert not HALF_WIDTH.search(bare), string
            ends = forms(message.id)[-1][-1]
            assert (ends == ".") == (string[-1] == "。"), string
            assert (ends == "?") == (string[-1] == "？"), string
            assert (ends == "…") == (string[-1] == "…"), string


def test_people_are_addressed_in_one_form(translated: list[Any]) -> None:
    for message in translated:
        for string in forms(message.string):
            assert "你" not in string, f"“您” everywhere: {string}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/static/**/*.js")), ids=lambda path: path.name)
def test_scripts_say_nothing_of_their_own(path: Any) -> None:
    """What they show comes from `data-text-…` attributes, which are translated."""
    code = re.sub(r"(?m)(?:^|\s)//.*$", "", path.read_text(encoding="utf-8"))
    assert not re.findall(r"""["'`>][A-Z][a-z]+(?: [a-z]+)+[.!?…]?["'`<]""", code)
    assert not re.findall(r"""(?:textContent|innerText|ariaLabel|title) = ["'][A-Za-z]""", code)


def test_texts_that_scripts_read_are_in_a_template() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("*/static/**/*.js"))
    templates = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    names = set(re.findall(r"\btext[A-Z][A-Za-z]*(?![A-Za-z(])", scripts)) - {"textContent"}
    for name in names:
        attribute = re.sub(r"[A-Z]", lambda letter: f"-{letter[0].lower()}", name)
        assert f"data-{attribute}=" in templates, name
