"""An answer as sentences to be spoken: what is said of its Markdown, where sentences end, what may grow."""

from __future__ import annotations

import random
import time

import pytest

from conversations.speech import formulas, sentences
from conversations.speech.speakable import MOST_READ, Part, speakable
from tests.conversations.test_rendering_growing import CHINESE, CORPUS, REPLACED


def said(text: str, *, language: str = "en") -> list[str]:
    return [part.text for part in speakable(text, complete=True, language=language)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("# Tea `x` 🍵\n\nIt is *hot*.", ["Tea x.", "It is hot."]),
        ("Two\nlines. Then\nthree", ["Two lines.", "Then three."]),
        ("- one\n- two. Three\n\nEnd", ["one.", "two.", "Three.", "End."]),
        ("3. Boil\n3. Pour\n   1. Slowly\n", ["3. Boil.", "4. Pour.", "1. Slowly."]),
        ("- [x] Buy\n- [ ] Sell", ["Done: Buy.", "To do: Sell."]),
        ("See [the docs](https://a.b/c) now.", ["See the docs now."]),
        ("See https://www.example.org/a/b?c=d. Then go.", ["See example.org.", "Then go."]),
        ("Look: ![A cat](https://a.b/c.png)", ["Look: Image: A cat."]),
        ("![](https://a.b/c.png)\n\nOnly text", ["Only text."]),
        ("Call `get_user()` first.", ["Call get user first."]),
        ("```py\nx = 1\n```", ["Code example in Python."]),
        ("```\nx\n```\n\n    indented", ["Code example.", "Code example."]),
        ("- a\n  ```sh\n  ls\n  ```\n- b", ["a.", "Code example in Bash.", "b."]),
        ("```what-is-this\nx", ["Code example in what-is-this."]),
        ('```<img src="x">\nx', ["Code example."]),
        ("The area is $\\pi r^2$.", ["The area is pi r squared."]),
        ("So $\\oint_C \\vec{F}$ holds.", ["So formula holds."]),
        ("$$\nx = 1\n+ 2\n$$", ["x equals 1 plus 2."]),
        ("```math\nE = m c^2\n```", ["E equals m c squared."]),
        ("Water[^1] boils.\n\n[^1]: At 100.", ["Water boils.", "Footnote 1: At 100."]),
        ("See [here][a].\n\n[a]: https://a.b", ["See here."]),
        ("> Quoted\n> words", ["Quoted words."]),
        ("a\n\n---\n\n🙂\n\nb", ["a.", "b."]),
        ("One<br>two <b>three</b>", ["One two <b>three</b>."]),
        ("1️⃣ First 👩‍💻 of **all**!", ["1 First of all!"]),
        ("", []),
    ],
)
def test_what_is_said(text: str, sentences: list[str]) -> None:
    assert said(text) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("你好。我们走吧！真的？", ["你好。", "我们走吧！", "真的？"]),
        ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
        ("**很好。**下一句，面积是 $r^2$。", ["很好。", "下一句，面积是 r 的平方。"]),
        ("这是一个例子：\n\n```python\nx\n```", ["这是一个例子：", "Python 代码示例。"]),
        ("1. 先烧开水\n2. 再泡茶叶", ["1、 先烧开水。", "2、 再泡茶叶。"]),
        (
            "两种茶的时间：\n\n| 茶 | 分钟 |\n|-|-|\n| 绿茶 | 2 |",
            ["两种茶的时间：", "茶：绿茶；分钟：2。"],
        ),
    ],
)
def test_what_is_said_in_chinese(text: str, sentences: list[str]) -> None:
    """Also by a page in English: the site's few words are in the language of the text."""
    assert said(text) == sentences


def test_a_table_is_read_row_by_row_and_not_for_ever() -> None:
    rows = "".join(f"| {n} | {n * n} |\n" for n in range(30))
    sentences = said(f"|n|square|\n|-|-|\n{rows}\nEnd")
    assert sentences[1] == "n: 1; square: 1."
    assert sentences[-2:] == ["And 10 more rows.", "End."]
    assert len(sentences) == 22
    long = said("|n|word|\n|-|-|\n" + "| 1 | " + "word " * 30 + "|\n" * 200)
    assert len(long) < 30


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Dr. Who has 3.14 apples. He eats.", 2),
        ("J. R. R. Tolkien wrote it. So did I. Then we left.", 3),
        ("E.g. this, i.e. that, etc. and so on. End.", 2),
        ("It cost $5.50... and more. Wait... What?", 3),
        ("“Stop!” she said. (He did.) Fine.", 3),
        ("Node.js 20.1 runs on example.org. Good.", 2),
        ("In 1984. Then", 2),
    ],
)
def test_what_ends_a_sentence(text: str, parts: int) -> None:
    assert len(list(sentences.sentences_of(text))) == parts, list(sentences.sentences_of(text))


@pytest.mark.parametrize("word", ["word, ", "word ", "字，", "字", "w", "word\n"])
def test_no_sentence_is_too_long(word: str) -> None:
    text = word * 2_000
    parts = said(text)
    assert max(map(len, parts)) <= sentences.MOST + 1  # and the mark that ends it
    assert "".join("".join(parts).split()).rstrip(".。") == "".join(text.split())


@pytest.mark.parametrize(
    ("latex", "english", "chinese"),
    [
        ("a^2 + b^2 = c^2", "a squared plus b squared equals c squared", None),
        ("\\frac{a}{b}", "a over b", "a 除以 b"),
        ("\\sqrt{x_1}", "the square root of x sub 1", "根号 x 下标 1"),
        ("O(n \\log n)", "O of n log n", "O n log n"),
        (
            "\\sum_{i=1}^{n} x_i",
            "the sum from i equals 1 to n of x sub i",
            "求和 从 i 等于 1 到 n x 下标 i",
        ),
        ("90^\\circ", "90 degrees", "90 度"),
        ("x = 5\\%", "x equals 5 percent", "x 等于 5 %"),
        ("2^{10}", "2 to the power of 10", None),
        ("\\mathcal{L}", None, None),
        ("{" * 50, None, None),
        ("x^", None, None),
        ("a" * 200, None, None),
    ],
)
def test_formulas_in_words(latex: str, english: str | None, chinese: str | None) -> None:
    assert formulas.in_words(latex, chinese=False) == english
    if chinese:
        assert formulas.in_words(latex, chinese=True) == chinese


def test_the_text_decides_the_language() -> None:
    mixed = "请看下面的句子：\n\nThis is an English sentence.\n\n好。"
    parts = speakable(mixed, complete=True, language="en")
    assert [part.language for part in parts] == ["zh-hans", "en", "zh-hans"]
    assert speakable("Guten Tag.", complete=True, language="de")[0].language == "de"
    assert speakable("Good morning.", complete=True, language="zh-hans")[0].language == "en"
    assert speakable("これはペンです。", complete=True, language="en")[0].language == "ja"
    assert speakable("안녕하세요 여러분", complete=True, language="en")[0].language == "ko"


# --- While it grows --------------------------------------------------------------------------------------------------

PROSE = """The first sentence is short. The **second one. Third** follows, e.g. with 3.14 and `code. here` too. See
[a link. Really](https://a.b/c.d) and https://www.example.org/x. Now $a. b$ ends! “Quoted.” (Bracketed.) 42 is a number.
12. is none. Fin

Head. Er | two
--|--
a. B | c

Para. Text
- an item. With two
2. second
   more. Of it

   > quote. In it
+ third
***
Title. Of it
===
最后。**你好。**再见，`代码。`好吗？见[这里。](https://a.b)吧。
"""
PIECES = [
    *(
        "One. Two",
        "Dr. ",
        "好。",
        "**b.** ",
        "*i",
        "`",
        "$$",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "7. ",
        "# ",
        "```py\n",
        "```\n",
    ),
    *(
        "|a|b|\n|-|-|\n",
        "| x. Y | z |\n",
        "[l. L](http://a.b) ",
        "[a]: http://c.d\n",
        "[^1]: N. M\n",
        "    ",
        "> ",
    ),
    *(
        "\\[",
        "\\]",
        "word ",
        "3.14 ",
        "...",
        "Up ",
        "!",
        "\r\n",
        "---\n",
        "===\n",
        "<",
        "🙂",
        "~~~\n",
        "_",
        "(",
        "“",
    ),
]


def assert_grows(text: str, *, steps: int = 60) -> None:
    """At about so many places, each time others than multiples of something in the text."""
    whole = speakable.__wrapped__(text, complete=True, language="en")
    for length in range(0, len(text), len(text) // steps + 1):
        parts = speakable.__wrapped__(text[:length], complete=False, language="en")
        assert parts == whole[: len(parts)], (length, text[:length][-80:])


@pytest.mark.parametrize("name", [*CORPUS, *REPLACED])
def test_a_growing_text_gives_the_first_parts_of_the_whole(name: str) -> None:
    text = {**CORPUS, **REPLACED}[name]
    assert_grows(text, steps=100 if len(text) < 2_000 else 7)


def test_sentences_of_growing_prose() -> None:
    assert_grows(PROSE, steps=len(PROSE))


@pytest.mark.parametrize("seed", range(40))
def test_growing_nonsense(seed: int) -> None:
    picked = random.Random(seed)
    assert_grows("".join(picked.choices(PIECES, k=40)))


def test_sentences_come_before_their_paragraph_ends() -> None:
    text = "The first sentence. The second sentence. The third is not"
    parts = speakable(text, complete=False, language="en")
    assert parts == (Part("The first sentence.", "en"), Part("The second sentence.", "en"))
    items = speakable("1. One.\n2. Two.\n3. Th", complete=False, language="en")
    assert [part.text for part in items] == ["1. One."]
    code = speakable("```js\nlet a", complete=False, language="en")
    assert [part.text for part in code] == ["Code example in JavaScript."]
    assert len(speakable(CHINESE[:300], complete=False, language="en")) > 3


@pytest.mark.parametrize(
    "probe",
    [
        "a. ",
        "`a. ",
        "**a. B ",
        "[a. B",
        "\\(a. B",
        "- a\n",
        "> a. B\n",
        "|a",
        "|a|\n|-|\n",
        "。",
        "\n1. ",
    ],
)
def test_a_long_answer_is_cheap_however_it_is_made(probe: str) -> None:
    """Nothing takes the square of the length: twice as long is not four times as dear, and 100 kB no minute."""
    took = []
    for length in (50_000, 100_000):
        start = time.process_time()
        speakable.__wrapped__(probe * (length // len(probe)), complete=True, language="en")
        took.append(time.process_time() - start)
    assert took[1] < max(0.3, 3 * took[0])


@pytest.mark.parametrize("complete", [True, False])
def test_there_is_an_end_to_what_is_read(complete: bool) -> None:
    """Also where a text has nothing to say, and so no part of it is ever the last."""
    silence = "> " * (MOST_READ // 2)
    parts = speakable(f"First.\n\n{silence}\n\nLast.\n\n", complete=complete, language="en")
    assert [part.text for part in parts] == ["First."]
    grown = speakable("A b. " * MOST_READ, complete=False, language="en")
    assert grown[:50] == speakable("A b. " * 100, complete=False, language="en")[:50]
