"""Answers are read aloud: habit 26 of docs/habits.md. By the site's voice; this browser has none of its own."""

from __future__ import annotations

import io
import re
import wave

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.chat import Chat
from tests.browser.looks import check
from tests.browser.people import Complaints, Person, Talk
from tests.browser.test_dictation import NO_ENGINE
from tests.processes import Site, wait_for
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

SPEECH = "/v1/audio/speech"
ANSWER = "Green tea is **steamed**. Black tea is oxidised.\n\n```python\nbrew(2)\n```\n\nEnjoy it."
SENTENCES = [
    "Green tea is steamed.",
    "Black tea is oxidised.",
    "Code example in Python.",
    "Enjoy it.",
]
# What Chromium has where the system has voices, as far as pages see it.
VOICES = """
window.spoken = [];
class SpeechSynthesisUtterance { constructor(text) { this.text = text; } }
window.SpeechSynthesisUtterance = SpeechSynthesisUtterance;
const voices = [["Ada", "en-GB"], ["Ting", "zh-CN"]].map(([name, lang]) => ({ name, lang, voiceURI: name }));
const speech = new EventTarget();
Object.assign(speech, {
  getVoices: () => voices,
  speak: (sentence) => {
    window.spoken.push([sentence.text, sentence.voice.name, sentence.rate]);
    speech.current = sentence;
    if (!window.holds) setTimeout(() => sentence.onend());
  },
  cancel: () => speech.current?.onerror({ error: "canceled" }),
});
Object.defineProperty(window, "speechSynthesis", { value: speech });
"""
# A browser that does not recognise speech.
DEAF = "delete window.SpeechRecognition; delete window.webkitSpeechRecognition;"

# As on a telephone: no sound but right after a press.
STRICT = """
let pressed = -Infinity;
addEventListener("pointerdown", () => (pressed = performance.now()), true);
const { play } = HTMLMediaElement.prototype;
HTMLMediaElement.prototype.play = function () {
  if (performance.now() - pressed < 1_000) return play.call(this);
  return Promise.reject(new DOMException("no press", "NotAllowedError"));
};
"""


def silence(seconds: float) -> tuple[str, bytes]:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(bytes(int(16_000 * seconds)))
    return "audio/wav", file.getvalue()


def said(upstream: Upstream) -> list[str]:
    return [one.body["input"] for one in upstream.requests if one.path == SPEECH]


def player(page: Page) -> Locator:
    return page.get_by_role("region", name="Reading aloud")


def expect_state(chat: Chat, state: str) -> None:
    expect(player(chat.page)).to_have_attribute("data-state", state)


def ask(chat: Chat, upstream: Upstream, text: str = ANSWER) -> Locator:
    """The answer's button."""
    upstream.play(Script("answer", (text,)))
    chat.ask("How is tea made?")
    return chat.answer.get_by_role("button", name="Read aloud")


def test_habit_26_an_answer_is_read_aloud(talk: Talk, upstream: Upstream) -> None:
    upstream.replies[SPEECH] = silence(0.2)
    chat = talk(viewport={"width": 360, "height": 800})
    page = chat.page
    ask(chat, upstream, "🌱").click()
    expect(page.get_by_role("alert").filter(has_text="nothing in this answer")).to_be_visible()
    expect(player(page)).to_be_hidden()
    button = ask(chat, upstream)
    button.click()
    expect(chat.announcer).to_have_text("Reading aloud")
    wait_for(lambda: said(upstream) == SENTENCES, what="every sentence, in order")
    expect(player(page)).to_be_hidden()
    expect(button).to_have_attribute("aria-pressed", "false")

    # The same again costs nothing; in another voice it is made anew.
    button.click()
    expect(player(page)).to_contain_text("How is tea made?")
    expect(player(page)).to_be_hidden()
    assert said(upstream) == SENTENCES
    page.evaluate("localStorage.setItem('aloud-voice-en', 'site:nova')")
    button.click()
    wait_for(lambda: said(upstream) == 2 * SENTENCES, what="every sentence anew")
    assert {one.body["voice"] for one in upstream.requests if one.path == SPEECH} == {
        "alloy",
        "nova",
    }


def test_habit_26_the_reading_is_paused_hastened_and_stopped(
    talk: Talk, upstream: Upstream
) -> None:
    upstream.replies[SPEECH] = silence(60)
    chat = talk(viewport={"width": 360, "height": 800})
    page = chat.page
    button = ask(chat, upstream)
    page.evaluate("localStorage.setItem('aloud-voice-en', 'site:nova')")
    held: list[Route] = []
    first = re.compile(r"/speech/0/\?voice=nova$")
    page.route(first, lambda route: held.append(route), times=1)
    with page.expect_request(first):
        button.click()
    expect_state(chat, "loading")
    held.pop().continue_()
    expect_state(chat, "playing")
    expect(button).to_have_attribute("aria-pressed", "true")
    player(page).get_by_role("button", name="Pause reading").click()
    expect_state(chat, "paused")
    player(page).get_by_label("Speed").select_option("1.5")
    player(page).get_by_role("button", name="Go on reading").click()
    expect_state(chat, "playing")
    player(page).get_by_label("Voice and more").click()
    expect(player(page).get_by_label("Voice", exact=True)).to_have_value("site:nova")
    check(page)
    page.keyboard.press("Escape")
    expect(player(page).get_by_label("Voice", exact=True)).to_be_hidden()

    # A microphone would hear it.
    page.get_by_role("button", name="Dictate").click()
    expect(page.get_by_role("button", name="Stop recording")).to_be_focused()
    expect(player(page)).to_be_hidden()
    page.keyboard.press("Escape")
    button.click()
    expect_state(chat, "playing")

    # Another tab begins to read: this one stops.
    other = Chat(page.context.new_page(), chat.site).open(chat.path)
    other.answer.get_by_role("button", name="Read aloud").click()
    expect_state(other, "playing")
    expect(player(page)).to_be_hidden()
    expect(player(other.page).get_by_label("Speed")).to_have_value("1.5")
    other.page.keyboard.press("Escape")
    expect(player(other.page)).to_be_hidden()


def test_habit_26_answers_are_read_as_they_come(talk: Talk, upstream: Upstream) -> None:
    upstream.replies[SPEECH] = silence(60)
    chat = talk()
    page = chat.page
    button = ask(chat, upstream, "One sentence of it.")
    button.click()
    expect_state(chat, "playing")
    player(page).get_by_label("Voice and more").click()
    player(page).get_by_role("switch", name="Read answers as they come").click()
    stop = player(page).get_by_role("button", name="Stop reading")
    stop.click()
    expect(player(page)).to_contain_text("The next answer is read aloud.")
    expect(button).to_have_attribute("aria-pressed", "false")
    page.reload()
    chat.until_whole()
    expect(player(page)).to_contain_text("The next answer is read aloud.")

    # What was written of an answer that is stopped is read to its end.
    upstream.play(Script("gated", ("The first one is there. The second is ", "not.")))
    chat.send("Stop there")
    expect_state(chat, "playing")
    chat.stop_button.click()
    chat.expect_status("stopped")
    wait_for(
        lambda: said(upstream)[1:] == ["The first one is there.", "The second is."],
        what="all that there is",
    )
    expect_state(chat, "playing")
    stop.click()
    expect_state(chat, "idle")


def test_habit_26_a_reading_goes_on_after_a_reload(talk: Talk, upstream: Upstream) -> None:
    upstream.replies[SPEECH] = silence(60)
    chat = talk()
    page = chat.page
    ask(chat, upstream, "One sentence of it.").click()
    player(page).get_by_label("Voice and more").click()
    player(page).get_by_role("switch", name="Read answers as they come").click()
    player(page).get_by_role("button", name="Stop reading").click()
    pieces = ("The first one is there. The second is ", "here. And then a half", " one.")
    upstream.play(Script("gated", pieces))
    chat.send("Go on")
    wait_for(lambda: said(upstream)[1:] == ["The first one is there."], what="what is finished")
    expect_state(chat, "playing")
    upstream.release()
    wait_for(lambda: len(said(upstream)) > 2, what="the next sentence")
    expect(player(page)).to_contain_text("Go on")
    page.add_init_script(STRICT)
    page.reload()
    player(page).get_by_role("button", name="Tap to hear").click()
    expect_state(chat, "playing")
    page.keyboard.press("Escape")
    expect_state(chat, "idle")
    upstream.release()
    chat.expect_status("complete")
    player(page).get_by_label("Read no more answers as they come").click()
    expect(player(page)).to_be_hidden()
    page.reload()
    chat.until_whole()
    expect(page.locator(".player")).to_have_count(0)


def test_what_goes_wrong_is_said_with_a_way_on(
    talk: Talk, ann: Person, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("Failed to load resource")
    chat = talk()
    page = chat.page
    page.add_init_script(VOICES)
    page.reload()
    upstream.statuses[SPEECH] = 500
    button = ask(chat, upstream, "先说中文，再说别的。\n\nThen English words follow.")
    button.click()
    problem = player(page).get_by_role("alert")
    expect(problem).to_have_text("The voice's endpoint reported an error. Try again.")
    check(page)
    page.context.set_offline(True)
    player(page).get_by_role("button", name="Retry").click()
    expect(problem).to_contain_text("The site cannot be reached.")
    page.context.set_offline(False)

    page.evaluate("window.holds = true")
    player(page).get_by_role("button", name="Use the browser's voice").click()
    page.wait_for_function("window.spoken.length === 1")
    player(page).get_by_label("Speed").select_option("2")
    player(page).get_by_role("button", name="Pause reading").click()
    expect_state(chat, "paused")
    page.evaluate("window.holds = false")
    player(page).get_by_role("button", name="Go on reading").click()
    expect(player(page)).to_be_hidden()
    assert page.evaluate("window.spoken") == [
        ["先说中文，再说别的。", "Ting", 1],
        ["先说中文，再说别的。", "Ting", 2],
        ["Then English words follow.", "Ada", 2],
    ]

    upstream.statuses.clear()
    upstream.replies[SPEECH] = silence(60)
    page.evaluate("localStorage.removeItem('aloud-voice-en')")
    button.click()
    expect_state(chat, "playing")
    page.keyboard.press("Escape")
    with ann.visitor() as elsewhere:
        elsewhere.submit(chat.path, {}, to=f"{chat.path}delete/")
    button.click()
    expect(problem).to_have_text("The conversation has been deleted.")


def test_where_the_site_has_no_voice_the_browser_speaks(
    site: Site, talk: Talk, ann: Person, upstream: Upstream
) -> None:
    site.run(NO_ENGINE % ann.name)
    chat = talk()
    page = chat.page
    button = ask(chat, upstream)
    button.click()
    expect(player(page).get_by_role("alert")).to_have_text(
        "Neither this site nor this browser has a voice for this language."
    )
    page.add_init_script(VOICES + DEAF)
    page.reload()
    chat.until_whole()
    button.click()
    wait_for(lambda: len(page.evaluate("window.spoken")) == len(SENTENCES), what="all sentences")
    expect(player(page)).to_be_hidden()
    assert not said(upstream)
    expect(page.get_by_role("button", name="Dictate")).to_be_hidden()
