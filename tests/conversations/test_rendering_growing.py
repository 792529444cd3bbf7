"""An answer while it grows: the same page as at once, few bytes, work in proportion to its length."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from conversations.rendering.growing import AnswerRenderer
from conversations.rendering.markdown import render_markdown

from .test_rendering import audit

ENGLISH = """# Sorting a list

Python sorts with **`sorted()`**, which gives a *new* list. See https://docs.python.org/3/ for more.

1. Give it a list
   - of numbers
   - or of strings

   and it keeps equal items in order.
2. Pass `key=` to choose:

   ```python
   sorted(words, key=len)

   # longest first
   ```

3. Done

| method | copies | stable |
|:-------|:------:|-------:|
| sorted | yes | yes |
| `list.sort` | no | yes |

```python
def shortest(words: list[str]) -> str:
    return min(words, key=len)


print(shortest(["a", "bb"]))
```

> Simple is better than complex.
> > Flat is better than nested.
lazy

The cost is $O(n \\log n)$, not $5 or $6.
"""

CHINESE = """## 求根公式

对于方程 \\(ax^2+bx+c=0\\)，他说**“你好。”**然后给出：

$$
x = \\frac{-b \\pm \\sqrt{b^2-4ac}}{2a}
+ 0
$$

- 第一步：见 https://a.b/c。你好
- 第二步：**配方**
  - 甲
  - 乙

* 另一个列表

1. 一
2. 二

```js
// 注释
const 名 = "值";
```

| 项 | 值 |
|---|---|
| 甲 | 1 |

结束。
"""

CORPUS = {
    "english": ENGLISH,
    "chinese": CHINESE,
    "windows line ends": ENGLISH.replace("\n", "\r\n"),
    "loose and tight lists": "- a\n- b\n\n- c\n\n  more\n\n      code\n\npara\n\n1) x\n\n2) y\n* z\nlazy\n\n+ p\n\n+ q",
    "rules and bullets": "a\n***\n* * *\n\n- - -\n* b\n*c*\n\n**d**\n\n---\n\n- \n\n  e\n-f\n\n1.5 l\n\n2. g\n\n10) h",
    "setext": "One\n===\n\nTwo\nmore\n---\n\nthree\n-\n\nfour\n=x\n\n- five\n---\nsix",
    "html": "<div>\n\n*x*\n\n</div>\n<script>\n\nalert(1)\n</script>\n\na <b>c</b>\n<!-- d -->\n\n<http://e.f> g",
    "quotes": "> a\n> b\n\n> c\n> - d\n>\n> ```\n> e\n> ```\nf\n\n> > g\nh\n> i",
    "fences": "a\n```\nb\n\n~~~\n``\n````\nc\n~~~~ x\nd\n~~~\n~~~~\n``` not `a` fence\n\n```\n    e\n   ```\nf\n```py",
    "fences in lists": "- a\n  ```\n  b\n\n  - c\n  ```\n- d\n\n      ```\n\ne\n- f\n```\ng\n```\n- h",
    "indented code": "a\n\n    b\n\n\n    c\n\td\n\ne\n\n\tf\n",
    "tables": "a\n|b|c|\n|-|-|\n|d|\n| `e` | f | g |\nh\n\n|i|\n|-|\n\n| j\n-|-\nk|l\n\n|m|n|\n|o|",
    "math": "a \\[b\n+c\\] d\n\n\\[\ne\n= f\n\\]\n\n"
    "$$g$$\n\n$$\nh\n\ni\n$$\n\n\\(j\\) $k$ \\(l\n\n```math\nm^2\n```\n\n- $$\n  n\n  $$",
    "unfinished": "**bold *both `code [link](http://a.b and \\(x + $y",
    "escapes": "\\*a\\* \\# b\n\\- c\n\\`d\\` \\\\(e\\\\) &amp; &copy; &#0;\\\nf  \ng",
    "blank": "\n\n \n\na\n\n\n",
    "control characters": "a\0b\n\n\u2028c\u2029\x0bd\x0ce\x85f\n\n\ud800",
    "long list": "".join(f"{item}. item **{item}**\n" for item in range(1, 900)) + "\nend\n",
    "long table": "|a|b|\n|-|-|\n"
    + "".join(f"| {row} | x |\n" for row in range(1_300))
    + "\nend\n",
    "long line": "word `code` " * 1_400 + "\n\nend\n",
}
# Definitions reach across blocks: only these may need the whole page at the end.
REPLACED = {
    "reference links": "See [here][a] and [there].\n\n- [b][]\n\n"
    "[a]: http://a.b\n[there]: <http://c.d> 'title'\n\n> [b]: http://e.f\n",
    "footnotes": "One[^1] and two[^n].\n\n- three[^1]\n\n"
    "[^1]: The first\n\n    goes on.\n\n[^n]: 第二个 *note*\n\nend\n",
}


@dataclass
class Page:
    """What a reader's page holds, made from events alone."""

    blocks: list[str]
    open: str = ""
    tail: str = ""
    sent: int = 0

    @property
    def html(self) -> str:
        return "".join(self.blocks) + self.open

    def look(self, renderer: AnswerRenderer) -> None:
        """Take what a reader at this point is sent; of a tail that has grown only what is new."""
        for block in renderer.blocks[len(self.blocks) :]:
            assert block.index == len(self.blocks)
            self.blocks.append(block.html)
            self.sent += len(block.html.encode())
            self.open = self.tail = ""
        assert renderer.open_index == len(self.blocks)
        if renderer.open_html != self.open:
            self.open, self.tail = renderer.open_html, ""
            self.sent += len(self.open.encode())
        assert renderer.tail.startswith(self.tail)
        assert self.open or not renderer.tail
        self.sent += len(renderer.tail[len(self.tail) :].encode(errors="replace"))
        self.tail = renderer.tail


def stream(text: str, step: int) -> tuple[Page, AnswerRenderer, str | None]:
    page, renderer = Page([]), AnswerRenderer(prefix="m-")
    for length in range(step, len(text) + step, step):
        renderer.update(text[:length])
        assert renderer.length == min(length, len(text))
        page.look(renderer)
    whole = renderer.finish(text)
    page.look(renderer)
    return page, renderer, whole


@pytest.mark.parametrize("step", [1, 7, 100, 100_000])
@pytest.mark.parametrize("name", CORPUS)
def test_the_final_page_is_the_page_at_once(name: str, step: int) -> None:
    text = CORPUS[name]
    page, renderer, whole = stream(text, step)
    assert whole is None
    assert page.html == render_markdown(text, prefix="m-")
    ends = [block.end for block in renderer.blocks]
    assert ends == sorted(ends)
    assert all(block.end <= block.announced_at <= len(text) for block in renderer.blocks)
    assert renderer.open_html == renderer.tail == ""


@pytest.mark.parametrize("name", REPLACED)
def test_definitions_replace_the_page(name: str) -> None:
    text = REPLACED[name]
    page, _, whole = stream(text, 1)
    assert whole == render_markdown(text, prefix="m-")
    assert whole != page.html


@pytest.mark.parametrize("name", [name for name in CORPUS if not name.startswith("long")])
def test_every_moment_is_sound_html(name: str) -> None:
    renderer = AnswerRenderer()
    text = CORPUS[name]
    for length in range(1, len(text) + 1):
        renderer.update(text[:length])
        audit(renderer.open_html)


@pytest.mark.parametrize(
    "name",
    [
        "english",
        "chinese",
        "loose and tight lists",
        "quotes",
        "fences in lists",
        "indented code",
        "setext",
    ],
)
def test_cutting_does_not_change_what_markdown_means(name: str) -> None:
    """A definition nobody uses makes the renderer read the text whole."""
    text = CORPUS[name]
    whole = render_markdown(text + "\n\n[unused]: http://a.b")
    assert re.sub(r"\n+", "\n", render_markdown(text)) == re.sub(r"\n+", "\n", whole)


LONG = {
    "list": "".join(f"- item {item} with **bold** and `code` text\n" for item in range(2_000)),
    "loose list": "".join(f"{item}. item {item}\n\n   more\n\n" for item in range(1, 2_000)),
    "table": "| a | b |\n|---|---|\n" + "".join(f"| {row} | value | \n" for row in range(1_000)),
    "fence": "```python\n"
    + "".join(f"def f{n}(x): return x + {n}\n" for n in range(3_000))
    + "```\n",
    "fence with colours": "```python\n"
    + "".join(f"f{n} = {n} + 1\n" for n in range(500))
    + "```\n",
    "paragraph": "Lorem **ipsum** dolor sit amet. " * 400,
    "chinese paragraph": "这是一个**很长**的段落。" * 400,
    "mixture": (ENGLISH + "\n" + CHINESE + "\n") * 5,
    "short": "Hello! **How** are you?\n\nWell.",
}


@pytest.mark.parametrize("step", [5, 100])  # characters in 50 ms at 100 and 2,000 a second
@pytest.mark.parametrize("name", LONG)
def test_bytes_stay_within_six_times_the_page(name: str, step: int) -> None:
    text = LONG[name]
    page, _, _ = stream(text, step)
    assert page.sent <= 6 * len(render_markdown(text).encode())


@pytest.mark.parametrize("name", LONG)
def test_work_grows_with_the_length_and_no_faster(name: str) -> None:
    """Characters rendered; how often within the ration wobbles as blocks grow, so the bound is on both."""
    text = LONG[name]
    costs = {
        times: stream("\n".join([text] * times), 25)[1].rendered_characters for times in (1, 2, 4)
    }
    assert all(cost <= 4.5 * times * len(text) + 500 for times, cost in costs.items())
    assert costs[4] <= 2.6 * costs[2]


def test_no_marker_flashes_while_it_is_typed() -> None:
    text = "Some **bold words** and `code here`, *soft* [text](http://a.b/c) ~~old~~ \\(x+y\\)\n\n- one\n- **two**\n"
    renderer = AnswerRenderer()
    for length in range(1, len(text) + 1):
        renderer.update(text[:length])
        shown = audit("".join(block.html for block in renderer.blocks) + renderer.open_html).text
        assert not re.search(r"[*`~#]|\]\(|^- ", shown + renderer.tail), text[:length]


def test_an_open_fence_is_an_open_code_block() -> None:
    renderer = AnswerRenderer()
    renderer.update("Text:\n```py")
    assert "`" not in renderer.open_html
    renderer.update("Text:\n```py\nx = 1\n``")
    assert renderer.blocks[0].html == "<p>Text:</p>\n"
    assert '<code class="highlight language-py">' in renderer.open_html
    assert "`" not in renderer.open_html + renderer.tail
    renderer.update("Text:\n```py\nx = 1\n```\n")
    assert len(renderer.blocks) == 2
    assert renderer.open_html == ""


def test_the_same_text_again_costs_nothing() -> None:
    renderer = AnswerRenderer()
    renderer.update("Some text")
    before = renderer.rendered_characters
    renderer.update("Some text")
    assert renderer.rendered_characters == before


def test_new_text_is_always_shown() -> None:
    """Whatever the ration: what is open and its tail together hold every word so far."""
    renderer, text = AnswerRenderer(), "word " * 2_000
    for length in range(5, len(text), 5):
        renderer.update(text[:length])
        shown = sum(block.html.count("word") for block in renderer.blocks)
        assert shown + renderer.open_html.count("word") + renderer.tail.count("word") == length // 5


def test_open_code_and_its_tail_are_the_code_so_far() -> None:
    code = "".join(f"    if x{n} * 2:  # `note`\n\n" for n in range(300))
    renderer, text = AnswerRenderer(), "```python\n" + code
    for length in range(12, len(text), 3):
        renderer.update(text[:length])
        box = audit(renderer.open_html.removesuffix("\n")).text
        shown = box.removeprefix("python") + renderer.tail
        assert code[: length - 10].startswith(shown)
        # An end of line waits.
        assert len(shown) >= len(code[: length - 10].rstrip("`").rstrip(" ")) - 1


def test_a_tail_does_not_show_the_rest_of_an_address() -> None:
    text = "Words to begin with, then [a link](http://a.b/c/d/e/f/g/h/i/j/k/l/m/n/o/p) and more."
    renderer = AnswerRenderer()
    for length in range(1, len(text) + 1):
        renderer.update(text[:length])
        assert "/" not in audit(renderer.open_html).text + renderer.tail
