"""The place where one reads is one's own: habits 21 to 25 of docs/habits.md."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chat import Chat
from tests.browser.people import Talk
from tests.processes import wait_for
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

AT_END = "document.documentElement.scrollHeight - innerHeight - scrollY < 2"
LONG = tuple(f"Paragraph {number} has some words in it.\n\n" for number in range(60))
TOP = "element => element.getBoundingClientRect().top"


def begin(chat: Chat, upstream: Upstream, *pieces: str) -> Page:
    """An answer that is longer than the window and still running, its end in view."""
    upstream.play(Script("gated", ("".join(LONG), *pieces)))
    chat.composer.fill("Go on and on")
    chat.send_button.click()  # where Enter begins a new line, too
    chat.expect_status("running").expect_words("Paragraph 59")
    wait_for_end(chat.page)
    return chat.page


def wait_for_end(page: Page) -> None:
    wait_for(lambda: page.evaluate(AT_END), what="the end in view")


def jump(page: Page) -> Locator:
    return page.get_by_role("link", name="Jump to latest")


def scroll_up(page: Page, by: str) -> None:
    if by == "wheel":
        page.mouse.move(600, 300)
        page.mouse.wheel(0, -700)
    elif by == "touch":
        session = page.context.new_cdp_session(page)
        for kind, y in (("touchStart", 200), *(("touchMove", y) for y in range(220, 500, 20))):
            points = [{"x": 600, "y": y}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    elif by == "selecting":
        words = page.locator("article[data-role=assistant] p").last
        words.select_text()
    else:
        page.locator("#composer-input").blur()
        page.keyboard.press(by)


def test_habit_21_the_view_follows_while_at_the_bottom(chat: Chat, upstream: Upstream) -> None:
    page = begin(chat, upstream, *LONG[:10])
    expect(jump(page)).to_be_hidden()
    for count in range(1, 11):
        upstream.release()
        expect(chat.body.locator("p")).to_have_count(60 + count)
        wait_for_end(page)
    chat.expect_status("complete")
    wait_for_end(page)


@pytest.mark.parametrize("by", ["wheel", "touch", "PageUp", "Home", "selecting"])
def test_habit_22_scrolling_up_stops_following(talk: Talk, upstream: Upstream, by: str) -> None:
    chat = talk(has_touch=by == "touch")
    page = begin(chat, upstream, "".join(LONG[:10]), "End.")
    scroll_up(page, by)
    if by != "selecting":
        expect(jump(page)).to_be_visible()
        wait_for(lambda: page.evaluate(SETTLED), what="scrolling to settle")
    place = page.evaluate("scrollY")
    upstream.release()
    expect(chat.body.locator("p")).to_have_count(70)
    expect(jump(page)).to_be_visible()
    assert page.evaluate("scrollY") == place
    upstream.release()
    chat.expect_status("complete")
    assert page.evaluate("scrollY") == place


def test_scrolling_the_sidebar_goes_on_following(chat: Chat, upstream: Upstream) -> None:
    page = begin(chat, upstream, *LONG[:2])
    page.evaluate("addEventListener('wheel', () => (window.turned = true))")
    page.mouse.move(100, 300)
    page.mouse.wheel(0, -700)
    wait_for(lambda: page.evaluate("window.turned"), what="the wheel")
    for count in (61, 62):
        upstream.release()
        expect(chat.body.locator("p")).to_have_count(count)
        wait_for_end(page)
    chat.expect_status("complete")


# True once two frames in a row show the same place.
SETTLED = """() => new Promise((done) => {
  const place = scrollY;
  requestAnimationFrame(() => requestAnimationFrame(() => done(scrollY === place)));
})"""


def test_habit_23_jump_to_latest_follows_again(chat: Chat, upstream: Upstream) -> None:
    page = begin(chat, upstream, "".join(LONG[:10]), "End.")
    page.evaluate("scrollBy({top: -800, behavior: 'instant'})")
    expect(jump(page)).to_be_visible()
    jump(page).click()
    wait_for_end(page)
    expect(jump(page)).to_be_hidden()
    upstream.release()
    expect(chat.body.locator("p")).to_have_count(70)
    wait_for_end(page)
    upstream.release()
    chat.expect_status("complete")


@pytest.mark.parametrize("where", ["at the end", "further up"])
def test_habit_25_the_end_of_a_stream_moves_nothing(
    chat: Chat, upstream: Upstream, where: str
) -> None:
    page = begin(chat, upstream, "A last paragraph", " that ends.")
    upstream.release()
    expect(chat.body.locator("p")).to_have_count(61)
    if where == "further up":
        page.evaluate("scrollBy({top: -800, behavior: 'instant'})")
        expect(jump(page)).to_be_visible()
    else:
        wait_for_end(page)
    seen = chat.body.locator("p").nth(50)
    before = seen.evaluate(TOP), page.evaluate("scrollY")
    page.evaluate(
        """() => {
          window.shift = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
          }).observe({type: "layout-shift"});
        }"""
    )
    upstream.release()
    chat.expect_status("complete")
    expect(chat.answer.get_by_role("button", name="Regenerate")).to_be_visible()
    expect(chat.announcer).to_have_text("Answer complete")
    assert page.evaluate(SETTLED)
    assert (seen.evaluate(TOP), page.evaluate("scrollY")) == before
    assert page.evaluate("window.shift") < 0.01
