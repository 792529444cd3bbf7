"""The pictures of docs/pictures: what the site looks like, taken anew by `make pictures`, to be judged by eye."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look
from tests.browser.people import ADMINISTRATOR, Open, Person
from tests.processes import Site
from tests.upstream import Script, Upstream

pytestmark = [pytest.mark.browser, pytest.mark.long]

MOST_BYTES = 1_500_000  # of all pictures together
HEIGHTS = {360: 740, 768: 1024, 1440: 900}

ENGLISH = {
    "Why do leaves turn red in autumn?": """Because the green goes first, and what is left is red and gold.

A leaf is green as long as it makes **chlorophyll**. When the days grow short, the tree takes back what it can use:

1. Chlorophyll breaks down, and its nitrogen moves into twigs and roots.
2. The yellow of *carotenoids*, which was there all summer, becomes visible.
3. Some trees make **anthocyanins** from the sugar that is left. These are the reds.

> Warm, sunny days and cool nights without frost give the strongest reds: much sugar, slowly used.

| pigment | colour | when it is made |
|:--|:--|:--|
| chlorophyll | green | spring to summer |
| carotenoids | yellow, orange | all the time |
| anthocyanins | red, purple | in autumn only |""",
    "Add up a column of a CSV file": """`csv.DictReader` reads the header for you, and `Decimal` keeps money exact:

```python
import csv
from decimal import Decimal
from pathlib import Path


def total(path: Path, column: str) -> Decimal:
    \"\"\"The sum of one column; empty cells count as nothing.\"\"\"
    with path.open(newline="", encoding="utf-8") as file:
        return sum((Decimal(row[column] or 0) for row in csv.DictReader(file)), Decimal())
```

For the mean divide by the number of rows:

$$\\bar{x} = \\frac{1}{n} \\sum_{i=1}^{n} x_i$$""",
    "A packing list for three days of rain": "",
    "Explain compound interest to a ten-year-old": "",
}
CHINESE = {
    "秋天的树叶为什么会变红？": """因为绿色先离开，留下的是红与金。

只要叶子还在制造**叶绿素**，它就是绿的。白天变短以后，树会把有用的东西收回去：

1. 叶绿素分解，其中的氮回到枝条和根里。
2. 一直都在的类胡萝卜素显现出来，叶子变黄。
3. 有些树用剩下的糖合成**花青素**，这就是红色。

> 白天晴暖、夜里凉而无霜的时候，红色最浓：糖多，用得慢。

| 色素 | 颜色 | 合成的时间 |
|:--|:--|:--|
| 叶绿素 | 绿 | 春夏 |
| 类胡萝卜素 | 黄、橙 | 一直 |
| 花青素 | 红、紫 | 只在秋天 |""",
    "帮我给房东写一封礼貌的信": "",
    "三天雨天的行李清单": "",
    "用十岁孩子能懂的话讲复利": "",
}


@dataclass
class Prepared:
    person: Person
    paths: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    name: str
    look: Look
    path: str = "/"
    act: Callable[[Page], None] | None = None
    contrast: bool = False
    stranger: bool = False


def open_drawer(page: Page) -> None:
    page.locator(".topbar-menu").click()
    expect(page.locator(".sidebar-close")).to_be_focused()


LEAVES, LEAVES_ZH = next(iter(ENGLISH)), next(iter(CHINESE))
CSV = "Add up a column of a CSV file"
EN_WIDE, EN_WIDE_DARK = Look("light", 1440), Look("dark", 1440)
EN_TABLET, EN_TABLET_DARK = Look("light", 768), Look("dark", 768)
EN_PHONE, EN_PHONE_DARK = Look("light", 360), Look("dark", 360)
ZH_WIDE_DARK, ZH_TABLET = Look("dark", 1440, "zh-hans"), Look("light", 768, "zh-hans")
ZH_PHONE, ZH_PHONE_DARK = Look("light", 360, "zh-hans"), Look("dark", 360, "zh-hans")

PICTURES = (
    Picture("chat", EN_WIDE, LEAVES),
    Picture("chat-dark", EN_WIDE_DARK, CSV),
    Picture("chat-high-contrast", EN_TABLET, CSV, contrast=True),
    Picture("chat-tablet-chinese", ZH_TABLET, LEAVES_ZH),
    Picture("chat-phone", EN_PHONE, LEAVES),
    Picture("chat-phone-dark-chinese", ZH_PHONE_DARK, LEAVES_ZH),
    Picture("new-chat", EN_TABLET),
    Picture("new-chat-dark-chinese", ZH_WIDE_DARK),
    Picture("new-chat-phone-dark", EN_PHONE_DARK),
    Picture("failed-answer", EN_TABLET_DARK, "failed"),
    Picture("sidebar-phone-chinese", ZH_PHONE, LEAVES_ZH, open_drawer),
    Picture("offline-phone-dark-chinese", ZH_PHONE_DARK, "/offline/", stranger=True),
    Picture("presets", EN_WIDE, "/presets/"),
    Picture("presets-phone-dark-chinese", ZH_PHONE_DARK, "/presets/"),
    Picture("appearance", EN_TABLET_DARK, "/settings/appearance/"),
    Picture("sign-in-phone", EN_PHONE, "/accounts/login/", stranger=True),
)


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, endpoint: Upstream
) -> Iterator[dict[str, Prepared]]:
    """One person for each language, on a site of their own."""
    folder = tmp_path_factory.mktemp("pictures")
    variables = {
        **ADMINISTRATOR,
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_MODEL": "qwen3-8b",
        "SIGN_IN_LIMITS": "off",
    }
    endpoint.reset()
    with Site(folder, **variables) as running:
        site = running.wait_until_ready()
        people = {
            "en": Prepared(Person(site, "Marie")),
            "zh-hans": Prepared(Person(site, "Xiaoyu")),
        }
        for language, texts in (("en", ENGLISH), ("zh-hans", CHINESE)):
            converse(people[language], endpoint, texts)
        yield people


def converse(who: Prepared, endpoint: Upstream, texts: dict[str, str]) -> None:
    with who.person.visitor() as visitor:
        for question, answer in reversed(texts.items()):
            endpoint.play(Script("answer", (answer or question,)))
            sent = visitor.send(question)
            assert [*visitor.events(sent["events"])][-1].data["status"] == "complete"
            who.paths[question] = sent["url"]
        endpoint.play(Script("cut", ("The three largest lakes of Finland are Saimaa,",)))
        sent = visitor.send("The lakes of Finland")
        assert [*visitor.events(sent["events"])][-1].data["status"] == "failed"
        who.paths["failed"] = sent["url"]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_picture(
    prepared: dict[str, Prepared], open_browser: Open, tmp_path: Path, picture: Picture
) -> None:
    look, who = picture.look, prepared[picture.look.language]
    size = {"width": look.width, "height": HEIGHTS[look.width]}
    touch = {"has_touch": True, "is_mobile": True} if look.width < 700 else {}
    person = None if picture.stranger else who.person
    page = open_browser(person, **{**look.options, "viewport": size, **touch})
    if picture.contrast:
        page.emulate_media(contrast="more")
    url = who.person.url
    page.context.add_cookies([{"name": "django_language", "value": look.language, "url": url}])
    page.goto(url + who.paths.get(picture.path, picture.path))
    page.wait_for_load_state("networkidle")
    expect(page.locator("html")).to_have_attribute("lang", look.language)
    if picture.act:
        picture.act(page)
    folder = Path(os.environ.get("PICTURES", tmp_path))
    page.screenshot(path=folder / f"{picture.name}.png", scale="css", caret="hide")


def test_the_pictures_are_light() -> None:
    sizes = [path.stat().st_size for path in Path("docs/pictures").glob("*.png")]
    assert sum(sizes) <= MOST_BYTES
