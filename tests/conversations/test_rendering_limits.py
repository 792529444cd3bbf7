"""Input made to hurt: native code that crashes or takes the square of a length holds the whole server."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from conversations.rendering.growing import AnswerRenderer
from conversations.rendering.markdown import render_markdown, render_plain

from .test_rendering import audit

CPU_SECONDS = 0.1
PATIENCE = 4  # other processes share the cores' caches and clocks; what is quadratic takes ten to a hundred times more

PROBES = {
    "addresses that crash autolinks": "a@b.c " * 33_333,
    "e-mail addresses": "somebody@example.com " * 20_000,
    "inline math openers, 200 kB": "\\(" * 100_000,
    "inline math openers, 600 kB": "\\(" * 300_000,
    "display math openers": "\\[" * 100_000,
    "math openers, a few closed": ("\\(" * 500 + "\\)") * 100,
    "nested quotes": ">" * 20_000,
    "nested quotes with spaces": "> " * 20_000 + "x",
    "quotes that deepen": "\n".join(">" * depth for depth in range(300)),
    "nested items on one line": "- " * 20_000 + "x",
    "quotes and items": "> - " * 10_000 + "x",
    "lists that deepen": "\n".join("  " * depth + "- a" for depth in range(400)),
    "numbered lists that deepen": "\n".join("   " * depth + "1. a" for depth in range(400)),
    "dollars": "$" * 4_000,
    "dollars and letters": "$a$ " * 4_000,
    "unclosed display math": "$$\na\n" * 10_000,
    "large table": "|a|b|c|\n|-|-|-|\n" + "|1|2|3|\n" * 5_000,
    "wide table with empty rows": "|a" * 2_000 + "\n" + "|-" * 2_000 + "\n" + "|\n" * 20_000,
    "wide table header": "|a" * 100_000,
    "table rule": "|-" * 100_000,
    "brackets": "[" * 200_000,
    "image brackets": "![" * 100_000,
    "link beginnings": "[a](" * 50_000,
    "footnote marks": "[^1] " * 40_000,
    "definitions": "[x]: y\n" * 20_000,
    "definitions and their uses": "[a]: b\n" * 200 + "[a] " * 40_000,
    "emphasis never closed": "*a " * 66_666,
    "strong and emphasis": "**a *b " * 28_000,
    "stars around": "*" * 50_000 + "a" + "*" * 50_000,
    "nested emphasis": "*a " * 3_000 + "a*" * 3_000,
    "underscores": "a_" * 100_000,
    "tildes": "~~a " * 50_000,
    "backticks": "`" * 200_000,
    "backticks of all lengths": " ".join("`" * width for width in range(1, 600)),
    "deep LaTeX": "$" + "\\frac{" * 3_000 + "}" * 3_000 + "$",
    "deep groups": "$" + "{" * 900 + "x" + "}" * 900 + "$",
    "deep fences of LaTeX": "$" + "\\left(" * 300 + "\\right)" * 300 + "$",
    "many formulas": "".join(f"$x_{{{number}}}$ " for number in range(300)),
    "addresses": "http://a.b " * 10_000,
    "beginnings of addresses": "http://" * 28_000,
    "closing brackets after an address": "http://a.b" + ")" * 100_000,
    "tags": "<a " * 60_000,
    "entities": "&" * 100_000,
    "NULs and surrogates": "\0\ud800" * 50_000,
    "carriage returns": "\r" * 200_000,
    "spaces": " " * 200_000,
    "tabs": "\t" * 100_000 + "a",
    "blank lines": "\n" * 100_000,
    "dashes": "-" * 200_000,
    "dashes and spaces": "- " * 100_000,
    "one word": "x" * 200_000,
    "Chinese without a break": "中文字" * 50_000,
    "long code": "```python\n" + "x = 1  # hi\n" * 20_000,
    "one line of code": "```c\n" + "/" * 100_000,
    "white space in code": "```c\n" + "\n " * 50_000,
    "line of an item": "- " + "x" * 200_000,
}


@pytest.fixture(autouse=True, scope="module")
def warm() -> None:
    """The first use of a lexer imports it."""
    render_markdown("```python\nx\n```\n\n```c\nx\n```\n\n$x$")


@pytest.mark.parametrize("name", PROBES)
def test_takes_little_time_and_stays_safe(name: str) -> None:
    text = PROBES[name]
    for render in (render_markdown, render_plain):
        started = time.process_time()
        html = str(render(text))
        assert time.process_time() - started < CPU_SECONDS * PATIENCE
        if len(html) < 200_000:
            audit(html)


@pytest.mark.parametrize("name", PROBES)
def test_takes_little_time_while_it_grows(name: str) -> None:
    text = PROBES[name][:30_000]
    renderer = AnswerRenderer()
    started = time.process_time()
    for length in range(500, len(text) + 500, 500):
        renderer.update(text[:length])
    assert renderer.finish(text) in (None, render_markdown(text))
    assert time.process_time() - started < CPU_SECONDS * PATIENCE * 2


@pytest.mark.parametrize(
    "language",
    ["c", "c#", "go", "java", "groovy", "make", "javascript", "diff", "terraform", "hcl"],
)
@pytest.mark.parametrize(
    "line", ["a", "a ", "a " * 190, "/*", "{" * 390, "", "a.b.", "x = '", "<<A", "<<-A_"]
)
def test_no_lexer_takes_the_square(language: str, line: str) -> None:
    code = (line + "\n") * (9_990 // (len(line) + 1))
    render_markdown(f"```{language}\nx\n```")
    started = time.process_time()
    render_markdown(f"```{language}\n{code}```")
    assert time.process_time() - started < CPU_SECONDS * PATIENCE


def test_the_process_survives_what_kills_autolinks() -> None:
    code = (
        "from django.conf import settings; settings.configure(USE_I18N=False);"
        "from conversations.rendering.markdown import render_markdown as r;"
        "print(len(r('a@b.c ' * 33333)), len(r('>' * 100000)), len(r('- ' * 100000 + 'a')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert len(done.stdout.split()) == 3


def test_text_survives_where_it_is_cut() -> None:
    words = " ".join(f"word{number}" for number in range(5_000))
    assert audit(str(render_markdown(words))).text.split() == words.split()
    table = "|a|b|\n|-|-|\n" + "".join(f"|{number}|x|\n" for number in range(4_000))
    html = str(render_markdown(table))
    assert all(f"<td>{number}</td>" in html for number in range(4_000))
    assert html.count("<table>") == html.count("<th>a</th>") > 1


@pytest.mark.parametrize("numeral", ["{}", "1"])
def test_a_long_list_goes_on_counting_where_it_is_cut(numeral: str) -> None:
    text = "".join(f"{numeral.format(item)}. item {item}\n" for item in range(1, 3_001))
    html = str(render_markdown(text))
    pieces = html.split("<ol")[1:]
    assert len(pieces) > 1
    expected = 1
    for piece in pieces:
        start = int(piece.split('"')[1]) if piece.startswith(" start") else 1
        assert start == expected
        assert f"<li>item {expected}</li>" in piece
        expected += piece.count("<li>")
    assert expected == 3_001
