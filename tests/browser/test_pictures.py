"""The pictures of docs/pictures: what the site looks like, taken anew by `make pictures`, to be judged by eye."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import until_whole
from tests.browser.looks import Look
from tests.browser.people import ADMINISTRATOR, Open, Person, administrator_cookies
from tests.browser.png import packed
from tests.browser.test_reading_aloud import SPEECH, silence
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
MODELS = ("qwen3-8b", "deepseek-v3.2")
COMPARED = {
    "en": (
        "How do I best get from Helsinki to Rovaniemi?",
        """By **night train**: you leave in the evening, sleep, and arrive in time for breakfast.

- It saves a night in a hotel.
- A cabin has two beds and, in the better ones, a shower.
- Book early in winter: everybody wants to go then.""",
        """By **plane**, if time is short: an hour and a half in the air.

- From the airport to the town it is ten minutes.
- With luggage it costs about as much as the train.
- You miss the forests.""",
    ),
    "zh-hans": (
        "从赫尔辛基去罗瓦涅米怎么走最好？",
        """坐**夜班火车**：晚上出发，睡一觉，醒来正好吃早饭。

- 省下一晚酒店。
- 包厢有两张床，好一点的还带淋浴。
- 冬天要早订，大家都想去。""",
        """时间紧就坐**飞机**：空中一个半小时。

- 机场到市区只要十分钟。
- 带上行李，价钱和火车差不多。
- 看不到森林。""",
    ),
}
# A folder and what is in it; tags of the last question, which is pinned.
LABELS = {
    "en": ("Travel", "A packing list for three days of rain", "family", "school"),
    "zh-hans": ("旅行", "三天雨天的行李清单", "家事", "孩子"),
}
# Who has asked for months, and how many days ago those months ended.
ASKED = {"Claire": [0], "Meiling": [0, 25], "Tomas": [2], "Ingrid": [9], "Farid": [16]}
MONTHS = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import Plan, User
from tests.accounts.history import a_month_of
plan = Plan.objects.create(
    name="Research", requests_per_day=60, tokens_per_month=400_000, money_per_month=5
)
for name, months in {asked!r}.items():
    User.objects.filter(username=name).update(plan=plan)
    for ago in months:
        a_month_of(name, models={models!r}, now=timezone.now() - timedelta(days=ago))
"""
FAILED = {
    "en": ("The lakes of Finland", "The three largest lakes of Finland are Saimaa,"),
    "zh-hans": ("芬兰有哪些湖？", "芬兰最大的三个湖是塞马湖、"),
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
    person: str = ""
    administrator: bool = False


def open_drawer(page: Page) -> None:
    page.locator(".topbar-menu").click()
    expect(page.locator(".sidebar-close")).to_be_focused()


def open_row_menu(page: Page) -> None:
    open_drawer(page)
    page.locator(".row-more").first.click()
    page.locator(".row-menu-popover summary").nth(1).click()


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator("dialog.palette [role=option]").first).to_be_visible()


def open_parameters(page: Page) -> None:
    page.locator("[data-drawer] summary").click()
    expect(page.locator("[data-drawer] input[type=range]").first).to_be_visible()


def read_aloud(page: Page) -> None:
    page.locator("[data-action=read]").first.click()
    expect(page.locator(".player")).to_have_attribute("data-state", "playing")


def choose_voice(page: Page) -> None:
    read_aloud(page)
    page.locator("[data-more] summary").click()


def dictate(page: Page) -> None:
    page.emulate_media(reduced_motion="no-preference")
    page.locator("[data-action=dictate]").click()
    expect(page.locator(".recorder").get_by_role("timer")).to_have_text("0:06")


def select_two(page: Page) -> None:
    for number in (0, 1):
        page.locator(".overview-rows input").nth(number).check()


LEAVES, LEAVES_ZH = next(iter(ENGLISH)), next(iter(CHINESE))
CSV = "Add up a column of a CSV file"
EVERYBODY = "/admin/accounts/dailyusage/?show=tokens"
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
    Picture("comparison", EN_WIDE, "comparison"),
    Picture("comparison-phone-dark-chinese", ZH_PHONE_DARK, "comparison"),
    Picture("reading-aloud", EN_WIDE, LEAVES, read_aloud),
    Picture("reading-aloud-phone-dark-chinese", ZH_PHONE_DARK, LEAVES_ZH, choose_voice),
    Picture("new-chat", EN_TABLET),
    Picture("dictation-dark-chinese", ZH_WIDE_DARK, act=dictate),
    Picture("dictation-phone-dark", EN_PHONE_DARK, act=dictate),
    Picture("failed-answer", EN_TABLET_DARK, "failed"),
    Picture("sidebar-phone-chinese", ZH_PHONE, LEAVES_ZH, open_drawer),
    Picture("row-menu-phone-dark", EN_PHONE_DARK, LEAVES, open_row_menu),
    Picture("palette-tablet-dark", EN_TABLET_DARK, LEAVES, open_palette),
    Picture("parameters-phone-chinese", ZH_PHONE, LEAVES_ZH, open_parameters),
    Picture("conversations-tablet-dark", EN_TABLET_DARK, "/conversations/", select_two),
    Picture("conversations-phone-chinese", ZH_PHONE, "/conversations/", select_two),
    Picture("offline-phone-dark-chinese", ZH_PHONE_DARK, "/offline/", stranger=True),
    Picture("presets", EN_WIDE, "/presets/"),
    Picture("presets-phone-dark-chinese", ZH_PHONE_DARK, "/presets/"),
    Picture("appearance", EN_TABLET_DARK, "/settings/appearance/"),
    Picture("usage", EN_WIDE, "/usage/", person="Claire"),
    Picture("usage-phone-dark-chinese", ZH_PHONE_DARK, "/usage/", person="Meiling"),
    Picture("usage-of-everybody", EN_WIDE_DARK, EVERYBODY, administrator=True),
    Picture("usage-of-everybody-phone-chinese", ZH_PHONE, EVERYBODY, administrator=True),
    Picture("sign-in-phone", EN_PHONE, "/accounts/login/", stranger=True),
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Upstream]:
    with Upstream(models=MODELS) as server:
        yield server


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, endpoint: Upstream
) -> Iterator[dict[str, Prepared]]:
    """One person for each language, on a site of their own."""
    folder = tmp_path_factory.mktemp("pictures")
    variables = {
        **ADMINISTRATOR,
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_MODEL": MODELS[0],
        "SPEECH_MODEL": "tts-1",
        "TRANSCRIPTION_MODEL": "whisper-1",
        "SIGN_IN_LIMITS": "off",
    }
    endpoint.reset()
    endpoint.replies[SPEECH] = silence(60)
    with Site(folder, **variables) as running:
        site = running.wait_until_ready()
        people = {
            "en": Prepared(Person(site, "Marie")),
            "zh-hans": Prepared(Person(site, "Xiaoyu")),
        }
        for language, texts in (("en", ENGLISH), ("zh-hans", CHINESE)):
            converse(people[language], endpoint, language, texts)
        site.manage("reset_quotas")
        people |= {name: Prepared(Person(site, name)) for name in ASKED}
        site.run(MONTHS.format(asked=ASKED, models=MODELS))
        yield people


def converse(who: Prepared, endpoint: Upstream, language: str, texts: dict[str, str]) -> None:
    with who.person.visitor() as visitor:
        question, *answers = COMPARED[language]
        for name, answer in zip(MODELS, answers, strict=True):
            endpoint.play_as(name, Script("answer", (answer,)))
        compared = visitor.send(question, model=MODELS[0], compare=[MODELS[1]])
        for one in compared["answers"]:
            list(visitor.events(one["events"]))
        who.paths["comparison"] = compared["url"]
        for question, answer in reversed(texts.items()):
            endpoint.play(Script("answer", (answer or question,)))
            sent = visitor.send(question)
            assert [*visitor.events(sent["events"])][-1].data["status"] == "complete"
            who.paths[question] = sent["url"]
        question, answer = FAILED[language]
        endpoint.play(Script("cut", (answer,)))
        sent = visitor.send(question)
        assert [*visitor.events(sent["events"])][-1].data["status"] == "failed"
        who.paths["failed"] = sent["url"]
        folder, inside, *tags = LABELS[language]
        top = [*texts][-1]
        for path, verb, fields in (
            (who.paths[inside], "folder", {"name": folder}),
            *((who.paths[top], "tags", {"name": tag}) for tag in tags),
            (who.paths[top], "pin", {"value": "true"}),
        ):
            visitor.submit("/conversations/", fields, to=f"{path}{verb}/")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_picture(
    prepared: dict[str, Prepared], open_browser: Open, tmp_path: Path, picture: Picture
) -> None:
    look = picture.look
    who = prepared[picture.person or look.language]
    size = {"width": look.width, "height": HEIGHTS[look.width]}
    touch = {"has_touch": True, "is_mobile": True} if look.width < 700 else {}
    person = None if picture.stranger or picture.administrator else who.person
    page = open_browser(person, **{**look.options, "viewport": size, **touch})
    if picture.contrast:
        page.emulate_media(contrast="more")
    url = who.person.url
    page.context.add_cookies([{"name": "django_language", "value": look.language, "url": url}])
    if picture.administrator:
        page.context.add_cookies(administrator_cookies(url))
    page.goto(url + who.paths.get(picture.path, picture.path))
    until_whole(page)
    expect(page.locator("html")).to_have_attribute("lang", look.language)
    if picture.act:
        picture.act(page)
    folder = Path(os.environ.get("PICTURES", tmp_path))
    taken = page.screenshot(scale="css", caret="hide")
    (folder / f"{picture.name}.png").write_bytes(packed(taken))


def test_the_pictures_are_light() -> None:
    sizes = [path.stat().st_size for path in Path("docs/pictures").glob("*.png")]
    assert sum(sizes) <= MOST_BYTES
