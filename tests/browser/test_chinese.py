"""A chat in Chinese: what scripts and the stream put into the page is Chinese, too."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import until_whole
from tests.browser.people import Complaints, Open, Person
from tests.chatsite.visible import english_on
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

CODE = "这样写：\n\n```python\nprint(1)\n```\n\n然后运行。"
NAMES = frozenset(
    {"ann", "chatsite", "english", "fake", "python"}
    | {"ai", "top", "token", "esc", "ctrl", "enter", "shift", "mac"}
)


@pytest.fixture
def page(open_browser: Open, ann: Person, upstream: Upstream) -> Page:
    page = open_browser(ann, locale="zh-CN")
    page.goto(ann.url)
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    return page


def send(page: Page, text: str) -> None:
    page.wait_for_load_state()  # before that the next page is the conversation's, and nothing is announced
    page.get_by_label("消息", exact=True).fill(text)
    page.get_by_role("button", name="发送", exact=True).click()


def test_an_answer(page: Page, upstream: Upstream) -> None:
    upstream.play(Script("answer", (CODE,)))
    send(page, "怎么打印？")
    answer = page.locator("article[data-role=assistant]")
    expect(page.locator("[data-announcer]")).to_have_text("回答完成")
    expect(answer.get_by_label("代码：python")).to_be_visible()
    expect(answer.get_by_role("button", name="重新生成")).to_be_visible()
    answer.get_by_role("button", name="复制", exact=True).last.click()
    assert not english_on(page.content(), known=NAMES)


def test_stopping(page: Page, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("一", "二")))
    send(page, "数数")
    expect(page.locator("[data-body]").last).to_have_text("一")
    page.get_by_role("button", name="停止生成").click()
    expect(page.locator("[data-announcer]")).to_have_text("已停止生成")
    expect(page.get_by_text("您已停止生成此回答。")).to_be_visible()


def test_a_failure(page: Page, upstream: Upstream) -> None:
    upstream.play(Script("cut", ("一",)))
    send(page, "数数")
    alert = page.locator(".message-error")
    expect(alert).to_contain_text("回答尚未完成，与模型的连接就中断了。")
    expect(alert.get_by_role("button", name="重试")).to_be_visible()


def test_a_role_preset(page: Page, upstream: Upstream, complaints: Complaints) -> None:
    def seen() -> None:
        assert not english_on(page.content(), known=NAMES | {"act", "prompt", "csv", "json"})

    page.goto(f"{page.url}presets/")
    seen()
    page.get_by_role("link", name="新建预设").click()
    page.get_by_label("图标").fill("师")
    page.get_by_label("名称").fill("导师")
    page.get_by_label("系统指令").fill("教{{主题}}。先提问。")
    page.get_by_label("开场白").fill("想学什么？")
    page.locator("summary", has_text="示例对话").click()
    page.get_by_label("问题").last.fill("冰为什么滑？")
    complaints.expect("400")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("尚未保存")
    expect(page.get_by_label("图标")).to_be_focused()
    seen()
    page.get_by_label("图标").fill("🦉")
    page.get_by_label("回答").first.fill("按住它会怎样？")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("角色预设已创建。")).to_be_visible()
    page.get_by_label("系统指令").fill("教{{主题}}。直接讲。")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("角色预设已保存。")).to_be_visible()
    page.get_by_role("link", name="版本").click()
    page.get_by_role("button", name="恢复版本 1").click()
    expect(page.locator("ins").first).to_contain_text("先提问")
    seen()
    page.goto(page.url.replace("versions/", "delete/"))
    seen()
    page.get_by_role("link", name="保留").click()
    page.get_by_role("link", name="开始对话").click()
    expect(page.get_by_text("想学什么？")).to_be_visible()
    page.get_by_label("主题").fill("潮汐")
    send(page, "月亮有关系吗？")
    expect(page.locator("[data-announcer]")).to_have_text("回答完成")
    contents = [message["content"] for message in upstream.chats[-1].body["messages"]]
    assert contents == ["教潮汐。先提问。", "冰为什么滑？", "按住它会怎样？", "月亮有关系吗？"]


def test_the_network_goes(page: Page, complaints: Complaints) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    until_whole(page)
    page.context.set_offline(True)
    send(page, "有人吗？")
    expect(page.get_by_text(re.compile("无法连接|没有网络"))).not_to_have_count(0)
    assert not english_on(page.content(), known=NAMES)


def test_the_switch_and_back(page: Page) -> None:
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
