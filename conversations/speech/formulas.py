"""Short formulas in words, English or Chinese; what is not plainly readable is `None`. Pure.

It knows what answers are full of: sums, products, fractions, powers, indices, roots, relations, Greek letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..rendering.incremental import words

MOST = 60  # code points of LaTeX: nobody follows a longer formula by ear

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|[a-zA-Z]|\S")
_GREEK = words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
    " Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_FUNCTIONS = words("sin cos tan log ln exp lim max min det")
# Each as (English, Chinese).
_WORDS = {
    "=": ("equals", "等于"),
    "+": ("plus", "加"),
    "-": ("minus", "减"),
    "*": ("times", "乘"),
    "/": ("over", "除以"),
    "<": ("is less than", "小于"),
    ">": ("is greater than", "大于"),
    "!": ("factorial", "的阶乘"),
    "%": ("percent", "%"),  # voices know that Chinese says it before the number
    "\\%": ("percent", "%"),
    "\\times": ("times", "乘"),
    "\\cdot": ("times", "乘"),
    "\\div": ("divided by", "除以"),
    "\\pm": ("plus or minus", "正负"),
    "\\neq": ("is not", "不等于"),
    "\\ne": ("is not", "不等于"),
    "\\leq": ("is at most", "小于等于"),
    "\\le": ("is at most", "小于等于"),
    "\\geq": ("is at least", "大于等于"),
    "\\ge": ("is at least", "大于等于"),
    "\\approx": ("is about", "约等于"),
    "\\to": ("to", "趋于"),
    "\\rightarrow": ("to", "趋于"),
    "\\infty": ("infinity", "无穷"),
    "\\in": ("in", "属于"),
    "\\ldots": ("and so on", "等等"),
    "\\dots": ("and so on", "等等"),
    "\\circ": ("degrees", "度"),
}
# From where to where, then what of: both may be left out.
_RANGES = {
    "\\sum": ("the sum", "求和"),
    "\\prod": ("the product", "求积"),
    "\\int": ("the integral", "积分"),
}
_OF = frozenset("fghFGHOPT")  # what is written before brackets
_SILENT = frozenset(
    ("(", ")", "\\left", "\\right", "\\,", "\\;", "\\!", "\\ ", "\\quad", ",", "\\displaystyle")
)
_POWERS = {"2": ("squared", "的平方"), "3": ("cubed", "的立方")}


class _Unread(Exception):
    pass


def in_words(latex: str, *, chinese: bool) -> str | None:
    """latex: without its dollars. None if it is long or has anything that is not known here."""
    if len(latex) > MOST:
        return None
    tokens = [found[0] for found in _TOKEN.finditer(latex)]
    try:
        said = list(_Reader(tokens, 1 if chinese else 0).expression(""))
    except (_Unread, IndexError):
        return None
    return " ".join(said) or None


class _Reader:
    """language: the place in the pairs above."""

    def __init__(self, tokens: list[str], language: int) -> None:
        self.tokens = tokens
        self.language = language
        self.at = 0

    def expression(self, end: str) -> Iterator[str]:
        while self.at < len(self.tokens):
            symbol = self._next()
            if symbol == end:
                return
            yield from self._term(symbol)
        if end:
            raise _Unread

    def _next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def _argument(self) -> list[str]:
        symbol = self._next()
        return list(self.expression("}") if symbol == "{" else self._term(symbol))

    def _term(self, symbol: str) -> Iterator[str]:
        pick = self.language
        name = symbol[1:]
        if symbol in _SILENT:
            before = self.tokens[self.at - 2] if self.at > 1 else ""
            if symbol == "(" and before in _OF and not pick:
                yield "of"
            return
        if symbol in _WORDS:
            yield _WORDS[symbol][pick]
        elif symbol.isascii() and symbol[0].isalnum():
            yield symbol
        elif name in _GREEK or name in _FUNCTIONS:
            yield name
        elif symbol == "{":
            yield from self.expression("}")
        elif symbol in ("^", "_"):
            yield from self._raised() if symbol == "^" else self._lowered()
        elif symbol in _RANGES:
            yield from self._range(_RANGES[symbol][pick])
        elif symbol in ("\\frac", "\\dfrac", "\\tfrac"):
            above, below = self._argument(), self._argument()
            yield from [*above, ("over", "除以")[pick], *below]
        elif symbol == "\\sqrt":
            yield ("the square root of", "根号")[pick]
            yield from self._argument()
        elif symbol in ("\\text", "\\mathrm", "\\mathbf", "\\mathbb", "\\operatorname"):
            yield "".join(self._argument())
        else:
            raise _Unread

    def _range(self, name: str) -> Iterator[str]:
        low: list[str] = []
        high: list[str] = []
        while self.at < len(self.tokens) and self.tokens[self.at] in ("_", "^"):
            if self._next() == "_":
                low = self._argument()
            else:
                high = self._argument()
        if self.language:
            yield from [name, *(["从", *low] if low else []), *(["到", *high] if high else [])]
        else:
            yield from [name, *(["from", *low] if low else []), *(["to", *high] if high else [])]
            yield "of"

    def _raised(self) -> Iterator[str]:
        power = self._argument()
        known = _POWERS.get(" ".join(power))
        if known:
            yield known[self.language]
        elif power == [_WORDS["\\circ"][self.language]]:
            yield from power
        elif self.language:
            yield from ["的", *power, "次方"]
        else:
            yield from ["to the power of", *power]

    def _lowered(self) -> Iterator[str]:
        index = self._argument()
        yield from [("sub", "下标")[self.language], *index]
