"""LaTeX to MathML, as far as it can be read; `markdown.py` passes the result through its allow-list."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape

from django.utils.translation import gettext as _
from latex2mathml.converter import convert

from .incremental import words

FORMULA_LIMIT = 2_000  # code points

MATH_TAGS = words(
    """math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace
    msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover"""
)
MATH_ATTRIBUTES = words(
    """accent columnalign columnlines columnspacing columnspan depth display displaystyle fence form height
    linethickness lspace mathcolor mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace
    scriptlevel separator stretchy symmetric voffset width"""
)

# latex2mathml reads these as rows without columns or prints their `&`; the ones on the right it gets right.
_LIKE_ALIGN = re.compile(
    r"\\(begin|end)\{(?:aligned|align|alignat\*?|alignedat|eqnarray\*?|flalign\*?)\}(\{\d+\})?"
)
_LIKE_GATHER = re.compile(r"\\(begin|end)\{(?:gathered|gather\*?|multline\*?|multlined)\}")
_EQUATION = re.compile(r"\\(?:begin|end)\{equation\*?\}|\\(?:nonumber|notag)\b|\\label\{[^{}]*\}")
_UNREAD = re.compile(r"<mi>&</mi>|<mspace linebreak|\\[a-zA-Z]|<merror")
_SYNONYMS = {
    r"\middle": "",
    r"\arg": r"\operatorname{arg}",
    r"\R": r"\mathbb{R}",
    r"\N": r"\mathbb{N}",
    r"\Z": r"\mathbb{Z}",
    r"\bm": r"\mathbf",
}
_NESTING_TOKEN = re.compile(r"\\(?:begin|left|end|right)(?![a-zA-Z])|\\.|[{}]", re.DOTALL)
_NESTING = {"{": 1, "\\begin": 1, "\\left": 1, "}": -1, "\\end": -1, "\\right": -1}
_SYNONYM = re.compile(r"\\(?:middle|arg|R|N|Z|bm)(?![a-zA-Z])")


@lru_cache(maxsize=1024)
def _mathml(latex: str, *, display: bool) -> str:
    """MathML, or "" for what cannot be read. Cached: a streamed formula is rendered several times."""
    depth = deepest = 0
    for token in _NESTING_TOKEN.findall(latex):
        depth += _NESTING.get(token, 0)
        deepest = max(deepest, depth)
    if len(latex) > FORMULA_LIMIT or depth or deepest > 30:
        return ""
    latex = _EQUATION.sub("", latex)
    latex = _LIKE_ALIGN.sub(r"\\\1{align*}", latex)
    latex = _LIKE_GATHER.sub(
        lambda found: r"\begin{array}{c}" if found[1] == "begin" else r"\end{array}", latex
    )
    latex = _SYNONYM.sub(lambda found: _SYNONYMS[found[0]], latex).strip()
    for attempt in (latex, rf"\begin{{align*}}{latex}\end{{align*}}"):
        try:
            mathml = convert(attempt, display="block" if display else "inline")
        except Exception:  # what its own bugs raise, RecursionError included
            return ""
        if latex and not _UNREAD.search(mathml):
            return str(mathml)
    return ""


def formula_html(source: str, *, display: bool) -> str:
    """source: as comrak escaped it."""
    latex = unescape(source)
    mathml = _mathml(latex, display=display)
    if not mathml:
        return f'<code class="math-source">{escape(latex.strip())}</code>'
    if not display:
        return mathml
    label = escape(_("Formula"))
    return (
        f'<span class="math-block" tabindex="0" role="group" aria-label="{label}">{mathml}</span>'
    )
