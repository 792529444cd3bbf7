"""What Markdown becomes: features, formulas, and what a hostile answer may not do."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.utils import translation
from django.utils.safestring import SafeString

from conversations.rendering.markdown import ATTRIBUTES, TAGS, render_markdown, render_plain

VOID = {"br", "hr"}


class Auditor(HTMLParser):
    """Reads a page as a browser would and notes what the allow-list does not have."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, set()) | {"rel"} or name.startswith("on"):
                self.faults.append(f"{tag} {name}={value}")
            if name == "href":
                self.links.append(value or "")
                if not re.match(r"https?://|mailto:|#[\w-]*fn", value or ""):
                    self.faults.append(f"href={value}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data


def audit(html: str) -> Auditor:
    auditor = Auditor()
    auditor.feed(html)
    auditor.close()
    assert auditor.faults == []
    assert auditor.open == []
    return auditor


def rendered(text: str, prefix: str = "") -> str:
    html = render_markdown(text, prefix=prefix)
    assert isinstance(html, SafeString)
    audit(html)
    return str(html)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# One", "<h3>One</h3>"),
        ("## Two", "<h4>Two</h4>"),
        ("###### Six", "<h6>Six</h6>"),
        ("One\n===\n\ntext", "<h3>One</h3>\n<p>text</p>"),
        ("a  \nb", "<p>a<br>\nb</p>"),
        ("~~gone~~", "<p><del>gone</del></p>"),
        ("snake_case_name", "<p>snake_case_name</p>"),
        ("他说**“你好。”**然后", "<p>他说<strong>“你好。”</strong>然后</p>"),
        ("**“重要”**的", "<p><strong>“重要”</strong>的</p>"),
        ("3) a\n4) b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("- [ ] do\n- [x] done", '<span class="task">☐</span> do'),
        ("- [ ] do\n- [x] done", '<span class="task">☑</span> done'),
        ("|a|b|\n|:-|-:|\n|1|2|", '<td align="right">2</td>'),
        ("> a\n> > b", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>"),
        ("costs $5 and $6", "<p>costs $5 and $6</p>"),
        ("$1,000 and $2,000", "<p>$1,000 and $2,000</p>"),
        ("a <b>x</b>", "<p>a &lt;b&gt;x&lt;/b&gt;</p>"),
        ("<div>\n\n*x*\n\n</div>", "<p>&lt;div&gt;</p>\n<p><em>x</em></p>\n<p>&lt;/div&gt;</p>"),
        ("<!-- c -->", "<p>&lt;!-- c --&gt;</p>"),
        ("a\0b\ud800c", "<p>a\ufffdb\ufffdc</p>"),
        ("a\r\n\r\nb", "<p>a</p>\n<p>b</p>"),
        ("", ""),
        ("\n \n", ""),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert html in rendered(text)


def test_code_has_its_language_and_classes() -> None:
    html = rendered("```python title=x\nprint('<b>')\n```")
    assert html.startswith(
        '<div class="code-block"><div class="code-head"><span class="code-language">python</span>'
        '</div><pre tabindex="0" role="group" aria-label="Code: python" dir="ltr">'
        '<code class="highlight language-python"><span class="nb">print</span>'
    )
    assert "style" not in html
    assert audit(html).text.strip() == "pythonprint('<b>')"


@pytest.mark.parametrize(
    "text", ["```\na < b\n```", "    a < b", "~~~\na < b", "```nonsense\na < b\n```"]
)
def test_code_without_a_known_language_is_plain(text: str) -> None:
    assert ">a &lt; b\n</code></pre></div>" in rendered(text + "\n")


def test_code_in_a_list_keeps_its_box() -> None:
    html = rendered("1. a\n\n   ```js\n   let x;\n\n   x\n   ```\n2. b")
    assert html.count("<ol>") == 1
    assert '<span class="code-language">js</span>' in html


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\n" * 5_000,
        "(" * 9_000 + "\n",
        "a\n" * 4_500,
        "x" + "\n" * 4_500,
        "x = '" + "é" * 20_000 + "'\n",
    ],
)
def test_code_that_is_long_or_odd_has_no_colours(code: str) -> None:
    html = rendered(f"```python\n{code}```\n")
    assert html.count("<pre") == 1
    assert "language-python" in html
    assert "<span class=" not in html.split("<pre")[1] or code == "a\n" * 4_500
    assert audit(html).text.strip() == ("python" + code).strip()


def test_boxes_that_scroll_are_named_in_the_readers_language() -> None:
    source = "|a|\n|-|\n|1|\n\n$$\nx\n$$\n\n```\nx\n```"
    with translation.override("en"):
        html = rendered(source)
    boxes = re.findall(r"<(?:div|pre)[^>]* tabindex=\"0\"[^>]*>", html)
    assert len(boxes) == 3
    assert all(re.search(r'role="group" aria-label="[^"]+"', box) for box in boxes)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("见 https://a.b/c。你好", ["https://a.b/c"]),
        ("见“https://a.b/c”吧", ["https://a.b/c"]),
        ("（https://a.b/c）", ["https://a.b/c"]),
        ("https://zh.wikipedia.org/wiki/中文，好", ["https://zh.wikipedia.org/wiki/中文"]),
        ("see http://a.b/c_d_e. And (http://x.y/z(1)).", ["http://a.b/c_d_e", "http://x.y/z(1)"]),
        ("http://a.b/?x=1&y=2", ["http://a.b/?x=1&y=2"]),
        ('"http://a.b" <http://c.d>', ["http://a.b", "http://c.d"]),
        ("[a http://x.y](http://a.b)", ["http://a.b"]),
        ("`http://a.b`", []),
        ("```\nhttp://a.b\n```", []),
        ("$http://a.b$", []),
        ("xhttp://a.b a@b.c www.a.b ftp://x.y http://", []),
        ("[m](mailto:a@b.c)", ["mailto:a@b.c"]),
        ("[r](/accounts/logout/) [p](//e.com) [q](x)", []),
        ("![alt](http://a.b/c.png)", ["http://a.b/c.png"]),
        ("[![alt](http://a.b/c.png)](http://x.y)", ["http://x.y"]),
        ("http://a.b/" + "c" * 5_000, ["http://a.b/" + "c" * (2_000 - 4)]),
    ],
)
def test_links(text: str, links: list[str]) -> None:
    html = rendered(text)
    assert audit(html).links == links
    assert html.count('target="_blank" rel="noopener noreferrer nofollow"') == len(links)
    assert "<img" not in html


def test_an_image_becomes_a_link_named_by_its_text_or_address() -> None:
    assert ">alt</a>" in rendered("![alt](http://a.b/c.png)")
    assert ">http://a.b/c.png</a>" in rendered("![](http://a.b/c.png)")


def test_link_definitions_reach_across_blocks() -> None:
    assert audit(rendered("See [here][a].\n\n# x\n\n[a]: http://a.b")).links == ["http://a.b"]
    long = "See [here][a].\n\n" + "filler text\n\n" * 2_000 + "[a]: http://a.b"
    assert audit(rendered(long)).links == ["http://a.b"]


def test_footnotes_of_a_message_whose_id_begins_with_a_digit() -> None:
    html = render_markdown("Yes[^1]\n\n[^1]: Really", prefix="8c1d-")
    assert 'id="8c1d-fn' in html


def test_footnotes_have_ids_of_their_message() -> None:
    html = rendered("a[^1] b[^1]\n\n[^1]: foot", prefix='m"1-')
    assert 'href="#m1-fn-1" id="m1-fnref-1"' in html
    assert '<li id="m1-fn-1">' in html
    assert html.count('href="#m1-fnref-1') == 2
    assert not re.search(r'(?:id="|href="#)fn', html)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<p style='position:fixed'>x</p>",
    "<form action=/accounts/logout/><button>x</button></form>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](vbscript:x) [y](file:///etc/passwd)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](javascript:alert(1))",
    "<javascript:alert(1)>",
    '[x](http://a.b "onmouseover=alert(1)")',
    '[x](http://a.b/"onmouseover="alert(1))',
    "http://a.b/\"onmouseover='alert(1)'",
    "http://a.b/'><script>alert(1)</script>",
    "[a]: javascript:alert(1)\n\n[a]",
    '```"><script>alert(1)</script>\nx\n```',
    '```x" onclick="alert(1)\nx\n```',
    "```html\n<script>alert(1)</script>\n```",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\text{<script>alert(1)</script>}$",
    r"$\color{red;background:url(http://a.b)}{x}$",
    r"$\class{x}{y} \style{color:red}{x} \unicode{x3c}$",
    r"\(</math><script>alert(1)</script>\)",
    "|<script>|\n|-|\n|<img src=x onerror=alert(1)>|",
    "a[^<script>]\n\n[^<script>]: <img src=x onerror=alert(1)>",
    "- <details open ontoggle=alert(1)>",
    "> <a href=javascript:alert(1)>x</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "\u2028<script>\u2029alert(1)",
    "<base href=//e.com><meta http-equiv=refresh content=0>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text: str) -> None:
    for variant in (
        text,
        f"- {text}",
        f"> {text}",
        f"**{text}**",
        f"{text}\n\n[^1]\n\n[^1]: {text}",
    ):
        html = rendered(variant)
        assert "style=" not in re.sub(r">[^<]*<", "><", html)
        audit(render_plain(variant))


def test_a_persons_message_is_plain_text() -> None:
    html = render_plain("**a** <b>\r\nb\n\n见 https://a.b/?c&d。\n")
    assert isinstance(html, SafeString)
    assert html == (
        "<p>**a** &lt;b&gt;<br>\nb<br>\n<br>\n见 "
        '<a href="https://a.b/?c&amp;d" target="_blank" rel="noopener noreferrer nofollow">'
        "https://a.b/?c&amp;d</a>。</p>"
    )
    assert audit(render_plain("\0\ud800" + "x" * 100_000)).text.startswith("\ufffd\ufffdx")
    written = 'target="_blank">'
    assert audit(render_plain(written)).text == written


FORMULAS = [
    r"\frac{a}{b}",
    r"\dfrac{1}{2}+\tfrac12+\cfrac{1}{1+x}",
    r"\sqrt{x}+\sqrt[3]{y}",
    r"\sum_{i=1}^{n} i^2",
    r"\prod_{k=1}^\infty a_k",
    r"\int_0^\infty e^{-x}\,dx",
    r"\iint_D f\,dA + \oint_C g",
    r"\lim_{x\to 0}\frac{\sin x}{x}",
    r"\begin{aligned}a&=b\\c&=d\end{aligned}",
    r"\begin{align}a&=b\\c&=d\end{align}",
    r"\begin{align*}a&=b\\c&=d\end{align*}",
    r"\begin{gathered}a=b\\c=d\end{gathered}",
    r"\begin{gather*}a=b\\c=d\end{gather*}",
    r"\begin{split}a&=b\\&=c\end{split}",
    r"\begin{equation}a=b\label{e}\end{equation}",
    r"\begin{multline}a\\b\end{multline}",
    r"f(x)=\begin{cases}1&x>0\\0&\text{otherwise}\end{cases}",
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
    r"\begin{bmatrix}a&b\end{bmatrix}",
    r"\begin{vmatrix}a&b\\c&d\end{vmatrix}",
    r"\begin{array}{c|c}a&b\\c&d\end{array}",
    r"a &= b \\ c &= d",
    r"\hat{x}+\bar{y}+\vec{v}+\dot a+\ddot b+\tilde c",
    r"\overline{AB}+\widehat{ABC}+\overrightarrow{AB}",
    r"\underbrace{a+b}_{n}+\overbrace{c}^{m}",
    r"\operatorname{softmax}(x)_i",
    r"\mathbb{R}\mathcal{L}\mathbf{x}\mathrm{d}\mathfrak{g}",
    r"\alpha\beta\gamma\Gamma\varepsilon\phi\Omega",
    r"\xrightarrow{f}",
    r"\boxed{x=1}",
    r"\binom{n}{k}",
    r"\left(\frac12\right]+\bigl(x\bigr)",
    r"\left.x\right|_0^1",
    r"P\left(A \middle| B\right)",
    r"\nabla\cdot\vec E=\frac{\rho}{\varepsilon_0}",
    r"a\equiv b\pmod n",
    r"\forall\epsilon>0\;\exists\delta",
    r"\lVert x\rVert+\|y\|+\lfloor z\rfloor",
    r"\overset{!}{=}\underset{x}{\arg\min}\stackrel{d}{=}",
    r"x\in\R,\quad A^\top A^{-1}",
    r"\text{速度}=\frac{\text{路程}}{\text{时间}}",
    r"\not=\neq\leq\geq\approx\propto\implies\iff",
    r"a_{1},\dots,a_{n}\cdots\vdots\ddots",
    r"\displaystyle\sum_{i}\substack{a\\b}",
    r"100\% \& \$ \# \{a\}",
    r"f'(x)=f''\tag{1}",
]


@pytest.mark.parametrize("latex", FORMULAS)
def test_usual_formulas_become_mathml(latex: str) -> None:
    for source in (
        f"$${latex}$$",
        f"\\[\n{latex}\n\\]",
        f"so \\({latex}\\) holds",
        f"- $${latex}$$",
    ):
        html = rendered(source)
        assert "<math" in html, source
        assert "<mi>&amp;</mi>" not in html or r"\&" in latex
        assert "\\" not in audit(html).text
    rows = latex.count(r"\\")
    if rows and "substack" not in latex:
        assert html.count("<mtr>") == rows + 1


@pytest.mark.parametrize(
    "latex",
    [r"\nosuchcommand{x}", r"\frac{a", r"\left( x", "{" * 900 + "x" + "}" * 900, "x" * 3_000],
)
def test_an_unreadable_formula_is_shown_as_its_source(latex: str) -> None:
    html = rendered(f"a ${latex}$ b")
    assert "<math" not in html
    assert f'<code class="math-source">{latex}</code>' in html


def test_a_displayed_formula_over_several_lines() -> None:
    for text in ("$$\na\n+ b\n= c\n$$", "\\[\na\n+ b\n= c\n\\]", "text:\n$$\na\n+ b\n$$\nmore"):
        html = rendered(text)
        assert "<math" in html
        assert 'class="math-block"' in html
        assert "<li>" not in html
    html = rendered("1. Then:\n   $$\n   a\n   + b\n   $$\n2. b")
    assert html.count("<li>") == 2
    assert "<math" in html
    assert rendered("$$\nx\n$$").startswith('<div class="math-block" tabindex="0" role="group"')


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://a.b/?x& more", "http://a.b/?x"),
        ("see 'http://a.b/c' there", "http://a.b/c"),
        ("(http://a.b/c(d))", "http://a.b/c(d)"),
        ("http://a.b/x?y=1&amp=2.", "http://a.b/x?y=1&amp;amp=2"),
    ],
)
def test_where_a_plain_address_ends(text: str, address: str) -> None:
    assert f'href="{address}"' in render_plain(text)


def test_address_without_a_host_is_no_link() -> None:
    assert "<a " not in render_markdown("[x](http:evil) ![y](https:evil)")
