"""Code as HTML with Pygments' classes; `markdown.py` passes the result through its allow-list.

Lexers are somebody's regular expressions and some take the square of what a stranger makes a model say: hence the
list of languages, the length, and the shapes of code that go without colours.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from django.utils.translation import gettext as _
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from .incremental import words

CODE_LIMIT = 10_000  # code points; longer blocks have no colours, which cost about 3 µs a character

LANGUAGES = words(
    """awk bash basic bat batch c c# c++ clojure cmake cpp cs csharp css dart diff docker dockerfile elixir
    elm erlang fish fortran fsharp go golang graphql groovy haskell hcl hs html http ini java javascript js json
    json5 jsx julia kotlin latex less lisp lua make makefile matlab nginx nix objective-c objectivec ocaml
    octave perl php pl posh powershell properties proto protobuf ps1 py py3 python python3 pycon r rb
    rs ruby rust sass scala scheme scss sh shell solidity sql swift tcl terraform tex toml ts tsx typescript
    verilog vhdl vim vue xml yaml yml zig zsh console shell-session"""
)

# These lexers take two to ten seconds for 10 kB of short lines; Kotlin's words are near enough.
_SUBSTITUTES = dict.fromkeys(("c#", "cs", "csharp", "groovy", "java"), "kotlin")
# Pygments takes seconds for 10 kB of one line, or of white space, in most languages: the square of such a run.
_MONSTROUS = re.compile(r"[^\n]{400,}|(?:\n[ \t\r]*){20,}")
# Terraform's lexer looks for the end of each of these through all of the code.
_HEREDOC = re.compile(r"<<-?\s*[A-Za-z_]")
_SEEKS_HEREDOCS = {"hcl", "terraform"}

_plain = HtmlFormatter(nowrap=True)


def _is_monstrous(code: str, language: str) -> bool:
    """Pygments would take the square of its length: a run without an end, or comments or texts without one."""
    if language in _SEEKS_HEREDOCS and len(_HEREDOC.findall(code)) > 20:
        return True
    return code.count("/*") > code.count("*/") + 20 or _MONSTROUS.search(code) is not None


def _colour(code: str, language: str) -> str:
    name = language.lower()
    if name not in LANGUAGES or len(code) > CODE_LIMIT or _is_monstrous(code, name):
        return escape(code)
    return _colour_cached(code, language) if len(code) <= 2_000 else _colour_now(code, language)


def _colour_now(code: str, language: str) -> str:
    try:
        lexer = get_lexer_by_name(
            _SUBSTITUTES.get(language.lower(), language), stripnl=False, ensurenl=False
        )
    except ClassNotFound:
        return escape(code)
    return str(highlight(code, lexer, _plain))


_colour_cached = lru_cache(maxsize=256)(_colour_now)


def code_html(code: str, language: str, *, plain: bool = False) -> str:
    language = re.sub(r"[^\w+#.-]", "", language)[:30]
    name = escape(language)
    kind = f"highlight language-{name}" if name else "highlight"
    label = escape(_("Code: %(language)s") % {"language": language} if language else _("Code"))
    return (
        f'<div class="code-block"><div class="code-head"><span class="code-language">{name}</span></div>'
        f'<pre tabindex="0" role="group" aria-label="{label}" dir="ltr"><code class="{kind}">'
        f"{escape(code) if plain else _colour(code, language)}</code></pre></div>"
    )
