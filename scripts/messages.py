"""Collects the texts to translate, and compiles the translations. Run by make messages, with the site's Python.

The same texts always give the same two files: no dates, no line numbers, sorted by file. Babel does what GNU gettext
would, so neither a developer nor the tests need anything that pip cannot install.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES"
SOURCES = ("accounts", "chatsite", "conversations", "templates")
# Of Django and allauth, whose own Chinese lacks them or speaks otherwise than this site.
BORROWED: tuple[str | tuple[str, str], ...] = (
    "Add link",
    "After you’ve created a user, you’ll be able to edit more user options.",
    "Change or view list link",
    "Email",
    "Enter a valid email address.",
    "Error:",
    "Email address",
    "Model name",
    (
        "This password is too short. It must contain at least %d character.",
        "This password is too short. It must contain at least %d characters.",
    ),
    "Your password can’t be a commonly used password.",
    "Your password can’t be entirely numeric.",
    "Your password can’t be too similar to your other personal information.",
    (
        "Your password must contain at least %(min_length)d character.",
        "Your password must contain at least %(min_length)d characters.",
    ),
)
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


class Texts(Catalog):
    """A catalogue whose header never changes."""

    mime_headers = [
        ("Project-Id-Version", "Chatsite"),
        ("Language", "zh_Hans"),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
        ("Plural-Forms", "nplurals=1; plural=0;"),
    ]

    def __init__(self) -> None:
        super().__init__(
            locale="zh_Hans", header_comment="# The texts of Chatsite in Chinese.", fuzzy=False
        )


def sources() -> Iterator[Path]:
    for folder in SOURCES:
        for suffix in ("py", "html", "txt"):
            yield from sorted((ROOT / folder).rglob(f"*.{suffix}"))


def python_of(path: Path) -> str:
    """A template's texts as calls; no line is indented, because what is left of a template is not Python."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    return "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())


def collect() -> Texts:
    """Every text that code and templates mark, without translations."""
    texts = Texts()
    for path in sources():
        code = io.BytesIO(python_of(path).encode())
        options = {"encoding": "utf-8"}
        for _line, text, comments, context in extract(
            "python", code, KEYWORDS, ["Translators:"], options
        ):
            place = (str(path.relative_to(ROOT)), 0)
            texts.add(text, locations=[place], auto_comments=comments, context=context)
    for text in BORROWED:
        texts.add(text, locations=[("scripts/messages.py", 0)])
    return texts


def read(path: Path) -> Texts:
    """The translations in a .po file, obsolete ones left out."""
    texts = Texts()
    if path.exists():
        with path.open("rb") as file:
            for message in read_po(file, locale="zh_Hans"):
                if message.id:
                    texts[message.id] = message
    return texts


def update(translated: Texts, collected: Texts) -> Texts:
    """What is marked now, with the translations that there are. Nothing is guessed from similar texts."""
    for message in collected:
        if message.id:
            known = translated.get(message.id, message.context)
            if known is not None:
                message.string = known.string
                message.user_comments = known.user_comments
    return collected


def as_po(texts: Texts) -> bytes:
    file = io.BytesIO()
    write_po(file, texts, width=0, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def as_mo(texts: Texts) -> bytes:
    file = io.BytesIO()
    write_mo(file, texts)
    return file.getvalue()


def is_translated(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)


def main() -> None:
    path = FOLDER / "django.po"
    texts = update(read(path), collect())
    path.write_bytes(as_po(texts))
    path.with_suffix(".mo").write_bytes(as_mo(read(path)))
    missing = [message.id for message in texts if message.id and not is_translated(message.string)]
    sys.stdout.write(
        f"{len(texts)} texts, {len(missing)} to translate in {path.relative_to(ROOT)}\n"
    )


if __name__ == "__main__":
    main()
