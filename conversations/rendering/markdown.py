"""Markdown to safe HTML; the only place that marks anything safe.

comrak reads Markdown, `highlighting.py` colours code, `formulas.py` turns LaTeX into MathML, nh3's allow-list comes
last. comrak and nh3 are native code that is quadratic in places, so each gets one bounded segment at a time
(`incremental.py` says where). HTML depends on the active language: labels of boxes are translated.
"""

from __future__ import annotations

import re
from html import escape, unescape

import comrak
import nh3
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from .formulas import MATH_ATTRIBUTES, MATH_TAGS, formula_html
from .highlighting import code_html
from .incremental import SEGMENT_BYTES, Scanner, Segment, words

COMRAK_BYTES = 16_000
NESTING_LIMIT = 100
TABLE_CELLS = 14_000  # more than a segment can spell out; comrak adds the cells that rows leave out
FORMULAS_PER_SEGMENT = 150
DEFINITIONS_LIMIT = 2_000


def _extensions(*, footnotes: bool, latex: bool) -> comrak.ExtensionOptions:
    options = comrak.ExtensionOptions()
    options.table = options.strikethrough = options.tasklist = True
    options.cjk_friendly_emphasis = options.math_dollars = True
    options.math_latex = latex
    options.footnotes = footnotes
    return options


_EXTENSIONS = {
    (footnotes, latex): _extensions(footnotes=footnotes, latex=latex)
    for footnotes in (False, True)
    for latex in (False, True)
}
_PARSE = comrak.ParseOptions()
_RENDER = comrak.RenderOptions()
_RENDER.escape = True  # raw HTML is shown as text

TAGS = MATH_TAGS | words(
    """a blockquote br code del div em h3 h4 h5 h6 hr li ol p pre section span strong sup table tbody td th thead
    tr ul"""
)
_BOX = {"tabindex", "role", "aria-label", "class"}
ATTRIBUTES: dict[str, set[str]] = {
    **{tag: set(MATH_ATTRIBUTES) for tag in MATH_TAGS},
    "a": {"href", "title", "target", "id", "class", "aria-label"},
    "code": {"class"},
    "div": _BOX,
    "span": _BOX,
    "pre": {*_BOX, "dir"},
    "li": {"id"},
    "ol": {"start"},
    "section": {"class"},
    "sup": {"class"},
    "td": {"align"},
    "th": {"align"},
}
_cleaner = nh3.Cleaner(
    tags=set(TAGS),
    attributes=ATTRIBUTES,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
)

# --- what comrak made, made ours ----------------------------------------------------------------------------------

_CODE = re.compile(
    r'<pre><code(?: class="language-([^"]*)")?( data-math-style="display")?>(.*?)</code></pre>',
    re.S,
)
_SOLE_MATH = re.compile(r'<p><span data-math-style="display">([^<]*)</span></p>')
_MATH = re.compile(r'<span data-math-style="(inline|display)">([^<]*)</span>')
_HEADING = re.compile(r"<(/?)h([1-6])>")
_TASK = re.compile(r'<input type="checkbox"( checked="")? disabled="" />')
_FOOTNOTE_ID = re.compile(r' (id="|href="#)(fn)')
_BACK_LABEL = re.compile(r'aria-label="Back to reference ([\d-]+)"')
_NESTING_TAGS = ("<blockquote", "<em", "<strong", "<del")
_NESTS = re.compile(r"<(/?)(?:blockquote|ul|ol|li|em|strong|del)\b")
_PIECE = re.compile(r"(<(/?)(a|code|math|img)\b[^>]*>)|<[^>]*>|(?<![\w/])https?://[^\s<>]{1,2000}")
_ATTRIBUTE = re.compile(r'(href|src|alt|title)="([^"]*)"')
# A plain link ends before these; entities are those that comrak writes.
_LINK_END = re.compile(
    r"&(?:lt|gt|quot|#39);|[`|\\\u2018-\u201f\u2026\u3000-\u301f\u30fb\ufe30-\ufe4f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]"
)


def _plain_link(found: str) -> str:
    """An address found in escaped text as a link, what follows it as text."""
    end = _LINK_END.search(found)
    address = found[: end.start()] if end else found
    address = address[: _address_end(address)]
    if address.endswith(("/", ":")) and len(address) <= len("https://"):
        return found
    return f'<a href="{address}" target="_blank">{address}</a>{found[len(address) :]}'


def _address_end(address: str) -> int:
    """Where an address ends: before punctuation, and before brackets that were not opened in it."""
    end = len(address)
    unopened = {
        ")": address.count(")") - address.count("("),
        "]": address.count("]") - address.count("["),
    }
    while end:
        last = address[end - 1]
        entity = next((each for each in ("&#x27;", "&amp;") if address.endswith(each, 0, end)), "")
        if entity:
            end -= len(entity)
        elif unopened.get(last, 0) > 0:
            unopened[last] -= 1
            end -= 1
        elif last in ".,:;!?'*_~":
            end -= 1
        else:
            break
    return end


def _with_links(html: str) -> str:
    """Plain addresses and images become links; links that lead nowhere or into this site become text."""
    inside: list[str] = []  # the a, code and math elements around, "" for a link that is dropped

    def piece(found: re.Match[str]) -> str:
        tag, closing, name = found[1], found[2], found[3]
        if not tag:
            if found[0].startswith("<") or inside:
                return found[0]
            return _plain_link(found[0])
        if name == "img":
            return image(tag)
        if closing:
            kept = inside.pop() if inside else ""
            return tag if kept else ""
        keep = tag
        if name == "a":
            fields = dict(_ATTRIBUTE.findall(tag))
            address = fields.get("href", "")
            if address.startswith("#fn"):
                pass
            elif re.match(r"https?://|mailto:", address, re.IGNORECASE):
                title = f' title="{fields["title"]}"' if fields.get("title") else ""
                keep = f'<a href="{address}"{title} target="_blank">'
            else:
                keep = ""
        inside.append("" if not keep else name)
        return keep

    def image(tag: str) -> str:
        fields: dict[str, str] = dict(_ATTRIBUTE.findall(tag))
        address, text = fields.get("src", ""), fields.get("alt", "")
        if "a" in inside or not re.match(r"https?://", address, re.IGNORECASE):
            return text
        return f'<a href="{address}" target="_blank">{text or address}</a>'

    return _PIECE.sub(piece, html)


def _too_deep(html: str) -> bool:
    """Nested deeper than nh3 reads in linear time. Looked at only where there are tags enough."""
    if len(html) < NESTING_LIMIT * len("<em>"):
        return False
    count = html.count("<li") + sum(html.count(tag) for tag in _NESTING_TAGS)
    depth = 0
    if count > NESTING_LIMIT:
        for found in _NESTS.finditer(html):
            depth += -1 if found[1] else 1
            if depth > NESTING_LIMIT:
                return True
    return False


def _ours(html: str, prefix: str) -> str:
    if "<pre>" in html:
        html = _CODE.sub(
            lambda found: (
                _sole_formula(found[3])
                if found[2]
                else code_html(unescape(found[3]), unescape(found[1] or ""))
            ),
            html,
        )
    if "data-math-style" in html:
        html = _SOLE_MATH.sub(lambda found: _sole_formula(found[1]), html)
        left = [FORMULAS_PER_SEGMENT]

        def formula(found: re.Match[str]) -> str:
            left[0] -= 1
            if left[0] < 0:
                return f'<code class="math-source">{found[2]}</code>'
            return formula_html(found[2], display=found[1] == "display")

        html = _MATH.sub(formula, html)
    if "<h" in html:
        html = _HEADING.sub(lambda found: f"<{found[1]}h{min(6, int(found[2]) + 2)}>", html)
    if "<input" in html:
        html = _TASK.sub(
            lambda found: f'<span class="task">{"☑" if found[1] else "☐"}</span>', html
        )
    if "<table>" in html:
        label = escape(_("Table"))
        html = html.replace(
            "<table>",
            f'<div class="table-scroll" tabindex="0" role="group" aria-label="{label}"><table>',
        ).replace("</table>", "</table></div>")
    if "http" in html or "<a" in html or "<img" in html:
        html = _with_links(html)
    if "footnote" in html:
        html = _FOOTNOTE_ID.sub(rf" \g<1>{prefix}\g<2>", html)
        html = _BACK_LABEL.sub(
            lambda found: (
                f'aria-label="{escape(_("Back to reference %(number)s") % {"number": found[1]})}"'
            ),
            html,
        )
    return html


def _sole_formula(source: str) -> str:
    """A paragraph that is one displayed formula becomes its box."""
    html = formula_html(source, display=True)
    if html.startswith("<span"):
        return f"<div{html.removeprefix('<span').removesuffix('</span>')}</div>"
    return f"<p>{html}</p>"


# --- segments -----------------------------------------------------------------------------------------------------

_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")
_HTML_LINE = re.compile(r"^( {0,3})<(?=[A-Za-z/!?])(?![A-Za-z][\w.+-]*[:@])", re.MULTILINE)
_TABLE_LINE = re.compile(
    r"^[ \t>]*\|?[ \t]*:?-+:?[ \t]*\|[-|: \t]*$|^[ \t>]*\|[ \t]*:?-+:?[ \t]*\|?[ \t]*$",
    re.MULTILINE,
)
_LEAD = r"^(?P<{name}>[ \t>]*(?:[-+*][ \t]+|\d{{1,9}}[.)][ \t]+)?)"
_MATH_LINES = re.compile(
    # A code block, which is left as it is; or a formula.
    _LEAD.format(name="indent")
    + r"(?P<mark>`{3,}|~{3,}).*\n(?:.*\n)*?(?:[ \t>]*(?P=mark)|.*\Z)|"
    + _LEAD.format(name="lead")
    + r"(?:\$\$|\\\[)[ \t]*\n"
    r"(?P<body>(?:[ \t>]*[^\s>].*\n){1,60}?)[ \t>]*(?P<end>\$\$|\\\])",
    re.MULTILINE,
)
_DEFINITION = re.compile(
    r"^[ \t>]*(?:[-+*][ \t]+|\d{1,9}[.)][ \t]+)?\[(?!\^)[^\]\n]{1,300}\]:[ \t]*\S+.*$", re.MULTILINE
)
_FOOTNOTE = re.compile(r"^[ \t>]*\[\^[^\]\s]{1,100}\]:", re.MULTILINE)
_OL = re.compile(r'<ol(?: start="\d+")?>')


def _printable(text: str) -> str:
    return text if text.isascii() and "\0" not in text else _UNPRINTABLE.sub("\ufffd", text)


def _as_text(text: str) -> str:
    """Escaped, with its line breaks: what is shown of Markdown that is not worth the risk."""
    lines = escape(text.strip("\n"), quote=False).replace("\n", "<br>\n")
    return f'<p class="plain">{lines}</p>\n'


def _one_line(found: re.Match[str]) -> str:
    """A displayed formula over several lines as one: `+ b` at the beginning of a line would be a list."""
    if found["mark"]:
        return found[0]
    body = " ".join(line.strip(" \t>") for line in found["body"].splitlines())
    opener = "$$" if found["end"] == "$$" else "\\["
    return f"{found['lead']}{opener}{body}{found['end']}"


def _prepared(source: str) -> str:
    source = source.replace("\r\n", "\n").replace("\r", "\n") if "\r" in source else source
    if "<" in source:
        source = _HTML_LINE.sub(r"\1\\<", source)
    if "$$" in source or "\\[" in source:
        source = _MATH_LINES.sub(_one_line, source)
    return source


def _has_large_table(source: str) -> bool:
    if "|" not in source or "-" not in source:
        return False
    lines = source.count("\n") + 1
    return any(
        (found[0].count("|") + 1) * lines > TABLE_CELLS for found in _TABLE_LINE.finditer(source)
    )


def read_segment(source: str, *, footnotes: bool = False) -> str | None:
    """What comrak makes of a segment, to be looked at and not to be shown: nothing has made it safe yet.

    None for what is too large to be read as Markdown.
    """
    source = _prepared(_printable(source))
    if len(source.encode()) > COMRAK_BYTES or _has_large_table(source):
        return None
    opened = source.count("\\(") + source.count("\\[")
    closed = source.count("\\)") + source.count("\\]")
    options = _EXTENSIONS[footnotes, 0 < opened <= closed + 50]  # unclosed ones cost the square
    html: str = comrak.render_markdown(source, options, _PARSE, _RENDER)
    return html


def _html(source: str, *, prefix: str = "", footnotes: bool = False) -> str:
    """One segment of Markdown as safe HTML; at most COMRAK_BYTES of it are read as such."""
    html = read_segment(source, footnotes=footnotes)
    is_text = html is None or _too_deep(html)
    safer = _as_text(_prepared(_printable(source))) if is_text else _ours(html or "", prefix)
    return _cleaner.clean(safer)


def fence_html(source: str) -> str:
    """A fenced block of any length, without colours."""
    first, _newline, rest = source.lstrip("\r\n").partition("\n")
    mark = re.match(r" *(`+|~+)", first)
    code = rest if rest.endswith("\n") else rest + "\n"
    cut = code.rstrip()
    last = cut.rpartition("\n")[2].strip()
    if mark and len(last) >= len(mark[1]) and not last.strip(mark[1][0]):
        code = cut.removesuffix(last).rstrip(" \t")
    language = first.strip(" \t\r`~").split(" ")[0]
    return _cleaner.clean(code_html(_printable(code), language, plain=True)) + "\n"


def segment_html(text: str, segment: Segment, *, prefix: str, definitions: str = "") -> str:
    source = text[segment.start : segment.end]
    if (
        segment.fence
        and len(source) * 4 > SEGMENT_BYTES
        and len(_printable(source).encode()) > SEGMENT_BYTES
    ):
        return fence_html(source)
    if segment.header:
        source = segment.header + source
    html = _html(source + definitions if definitions else source, prefix=prefix)
    if segment.number is not None and html.startswith("<ol"):
        html = _OL.sub(f'<ol start="{segment.number}">', html, count=1)
    return html


def identifier(prefix: str) -> str:
    return re.sub(r"[^\w-]", "", prefix)


def render_markdown(text: str, *, prefix: str = "") -> SafeString:
    """An assistant's answer as safe HTML.

    prefix: what makes the ids of its footnotes unique in a page.
    """
    prefix = identifier(prefix)
    definitions = ""
    if "]:" in text:
        footnotes = _FOOTNOTE.search(text) is not None
        if (footnotes or _DEFINITION.search(text)) and len(
            _printable(text).encode()
        ) <= SEGMENT_BYTES:
            return mark_safe(_html(text, prefix=prefix, footnotes=footnotes))  # noqa: S308 (nh3 came last)
        found = "\n".join(match[0].strip() for match in _DEFINITION.finditer(text))
        definitions = (
            f"\n\n{found}\n" if 0 < len(found.encode(errors="replace")) <= DEFINITIONS_LIMIT else ""
        )
    segments = Scanner().feed(text, final=True)
    parts = [
        segment_html(text, each, prefix=prefix, definitions="" if each.fence else definitions)
        for each in segments
    ]
    return mark_safe("".join(parts))  # noqa: S308 (nh3 came last in every part)


def from_cache(html: str) -> SafeString:
    """HTML that one of these functions made earlier."""
    return mark_safe(html)  # noqa: S308 (made here)


def render_plain(text: str) -> SafeString:
    """A user's message as safe HTML: its text with line breaks, plain addresses as links."""
    text = _printable(text).replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    html = escape(text, quote=True)
    if "http" in html:
        html = _PIECE.sub(lambda found: _plain_link(found[0]), html)
    html = html.replace('target="_blank">', 'target="_blank" rel="noopener noreferrer nofollow">')
    return mark_safe("<p>" + html.replace("\n", "<br>\n") + "</p>")  # noqa: S308 (escaped above)
