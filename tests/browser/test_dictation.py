"""Dictation, habit 50: from a microphone to words in the message box, which nobody has sent. With all that goes wrong.

The microphone plays a file (conftest.py); its recordings go to the scripted endpoint, one to the recogniser in the box.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat import Chat
from tests.browser.looks import Look, check
from tests.browser.people import ADMINISTRATOR, Complaints, Open, Person
from tests.processes import Site
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

WORDS = "What is the highest mountain of Norway?"  # also what the microphone says
# The same, by the voice in the box (hibari-tts), 12 kHz.
SPOKEN = Path(__file__).parent / "spoken.wav"
SPOKEN_WORDS = re.compile(r"^What is the highest mountain (of|in) Norway[.?]$", re.IGNORECASE)
DEADLINE = 120_000  # milliseconds: the recogniser reads its weights first, on a busy machine
PATH = "/v1/audio/transcriptions"
# Stand-ins for what this browser does not have.
BROKEN_MICROPHONE = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "%s"); };
"""
HELD_MICROPHONE = """
const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => (window.heard = await given(wanted));
"""
PLAIN_HTTP = "Object.defineProperty(window, 'isSecureContext', { value: false });"
SAFARI = "MediaRecorder.isTypeSupported = (type) => type === 'audio/mp4';"
RECOGNITION = """
window.SpeechRecognition = class {
  start() { window.recognition = this; setTimeout(() => this.onstart()); }
  stop() { setTimeout(() => this.onend()); }
  abort() { this.stop(); }
};
"""
HEAR = """words => recognition.onresult({ results: words.map((word) => [{ transcript: word }]) })"""


def at_least(seconds: int) -> re.Pattern[str]:
    """What the recorder's clock says then: a busy machine may come to look a little later."""
    return re.compile(rf"^0:(0[{seconds}-9]|[1-5]\d)$")


class Dictation:
    """The composer of a chat, and what stands in its place while somebody dictates."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.page = chat.page

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def recorder(self) -> Locator:
        return self.page.get_by_role("group", name="Dictation")

    @property
    def problem(self) -> Locator:
        return self.page.locator("[data-error]")

    def press(self) -> None:
        self.button("Dictate").click()

    def begin(self) -> None:
        """Until something has been heard."""
        self.press()
        expect(self.recorder).to_have_attribute("data-phase", "recording")
        expect(self.button("Stop recording")).to_be_focused()
        expect(self.recorder.get_by_role("timer")).to_have_text(at_least(1))

    def until_spoken(self) -> None:
        """The whole of SPOKEN, and a moment of silence."""
        expect(self.recorder.get_by_role("timer")).to_have_text(at_least(3))

    def expect_text(self, text: str) -> None:
        expect(self.chat.composer).to_have_value(text)
        expect(self.chat.composer).to_be_focused()
        expect(self.recorder).to_be_hidden()
        expect(self.button("Dictate")).to_be_visible()

    def expect_problem(self, text: str) -> None:
        expect(self.problem).to_have_text(text)
        expect(self.recorder).to_be_hidden()


def hears(upstream: Upstream, text: str = WORDS) -> None:
    upstream.statuses.pop(PATH, None)
    upstream.replies[PATH] = ("application/json", json.dumps({"text": text}).encode())


@pytest.fixture
def dictation(chat: Chat, upstream: Upstream) -> Dictation:
    hears(upstream)
    return Dictation(chat.until_whole())


@pytest.fixture
def dictate_on(ann: Person, open_browser: Open, upstream: Upstream) -> Callable[..., Dictation]:
    """`dictate_on(script, **options)`: a new chat in a browser that is a little different."""
    hears(upstream)

    def opened(script: str = "", **options: Any) -> Dictation:
        page = open_browser(ann, **options)
        page.add_init_script(script)
        return Dictation(Chat(page, ann.url).open().until_whole())

    return opened


def test_habit_50_what_is_said_is_put_at_the_cursor_for_review(
    dictation: Dictation, upstream: Upstream
) -> None:
    chat, page = dictation.chat, dictation.page
    chat.composer.fill("Answer briefly. Thank you.")
    for _ in "Thank you.":
        chat.composer.press("ArrowLeft")
    dictation.begin()
    expect(chat.announcer).to_have_text("Recording")
    check(page, ".composer")
    page.keyboard.press("Enter")
    dictation.expect_text(f"Answer briefly. {WORDS} Thank you.")
    expect(chat.announcer).to_have_text("The text is in the message box.")
    expect(chat.questions).to_have_count(0)
    expect(page.get_by_text("9 of 10 requests left today")).to_be_visible()
    (received,) = [one for one in upstream.requests if one.path == PATH]
    assert b'filename="speech.webm"' in received.raw
    assert b'name="language"\r\n\r\nen\r\n' in received.raw
    page.keyboard.type(" Really.")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(chat.composer).to_have_value("Answer briefly. Thank you.")


def test_habit_50_a_key_begins_and_ends_it(dictation: Dictation) -> None:
    page = dictation.page
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog").get_by_text("Dictate, and stop")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+D")
    expect(dictation.recorder.get_by_role("timer")).to_have_text(at_least(1))
    page.keyboard.press("Control+Shift+D")
    dictation.expect_text(WORDS)


def test_habit_50_escape_discards_it_and_stops_no_answer(
    dictation: Dictation, upstream: Upstream
) -> None:
    chat, page = dictation.chat, dictation.page
    upstream.play("gated")
    chat.send("Tell me").expect_status("running")
    dictation.begin()
    chat.composer.press("Escape")
    dictation.expect_text("")
    chat.expect_status("running")
    page.clock.install()
    dictation.begin()
    page.clock.run_for(8_000)
    page.keyboard.press("Escape")
    dictation.expect_text("")
    assert not [one for one in upstream.requests if one.path == PATH]
    # What took a while can be had back.
    page.get_by_role("button", name="Transcribe it").click()
    dictation.expect_text(WORDS)
    page.keyboard.press("Escape")
    chat.expect_status("stopped")


def test_ten_minutes_are_the_longest_and_that_is_said(dictation: Dictation) -> None:
    page = dictation.page
    page.clock.install()
    dictation.begin()
    page.clock.fast_forward("09:31")
    expect(dictation.chat.announcer).to_have_text("30 s left")
    expect(dictation.recorder.get_by_role("timer")).to_have_text(re.compile(r"^2\d s left$"))
    page.clock.fast_forward("00:30")
    dictation.expect_text(WORDS)


def test_a_recording_that_did_not_arrive_is_kept(
    dictation: Dictation, upstream: Upstream, complaints: Complaints, ann: Person
) -> None:
    complaints.expect(
        "ERR_INTERNET_DISCONNECTED", "status of 502", "status of 401", "status of 422"
    )
    page = dictation.page
    dictation.begin()
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(dictation.problem).to_have_text(re.compile("The site cannot be reached."))
    expect(dictation.button("Retry")).to_be_focused()
    check(page, ".composer")
    page.context.set_offline(False)
    upstream.statuses[PATH] = 500
    page.keyboard.press("Enter")
    expect(dictation.problem).to_have_text("The model's endpoint reported an error. Try again.")
    session = [one for one in page.context.cookies() if one.get("name") == "sessionid"]
    page.context.clear_cookies(name="sessionid")
    dictation.button("Retry").click()
    expect(dictation.problem.get_by_role("link", name="Sign in again")).to_be_visible()
    page.context.add_cookies(session)  # type: ignore[arg-type]  # as they were given
    upstream.statuses.clear()
    hears(upstream, "")
    dictation.button("Retry").click()
    dictation.expect_problem("Nothing was heard. Check the microphone, and speak a little louder.")
    expect(dictation.chat.composer).to_be_focused()


def test_the_quota_is_that_of_messages(
    dictation: Dictation, ann: Person, complaints: Complaints
) -> None:
    complaints.expect("status of 429")
    with ann.visitor() as visitor:
        for number in range(10):
            list(visitor.events(visitor.send(f"Question {number}")["events"]))
    dictation.begin()
    dictation.button("Stop recording").click()
    expect(dictation.problem).to_have_text(re.compile("You have used all 10 requests"))
    expect(dictation.button("Retry")).to_be_visible()
    dictation.button("Discard the dictation").click()
    dictation.expect_text("")
    expect(dictation.problem).to_be_empty()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (BROKEN_MICROPHONE % "NotAllowedError", "The browser does not let this page use the micro"),
        (BROKEN_MICROPHONE % "NotFoundError", "No microphone was found. Connect one and try again."),
        (BROKEN_MICROPHONE % "NotReadableError", "The microphone does not work, or another program"),
        (PLAIN_HTTP, "Browsers lend the microphone only to pages with an https address"),
    ],
    ids=["denied", "none", "busy", "plain http"],
)  # fmt: skip
def test_without_a_microphone(
    dictate_on: Callable[..., Dictation], script: str, sentence: str
) -> None:
    dictation = dictate_on(script)
    dictation.chat.composer.fill("Kept.")
    dictation.press()
    dictation.expect_problem(re.compile(f"^{re.escape(sentence)}"))  # type: ignore[arg-type]
    expect(dictation.chat.composer).to_have_value("Kept.")


def test_a_microphone_that_goes_away_leaves_what_was_said(
    dictate_on: Callable[..., Dictation],
) -> None:
    dictation = dictate_on(HELD_MICROPHONE + SAFARI)
    dictation.begin()
    dictation.page.evaluate("heard.getTracks().forEach((track) => track.stop())")
    dictation.expect_text(WORDS)
    expect(dictation.problem).to_have_text(re.compile("The microphone has gone."))


def test_a_browser_that_records_mp4(
    dictate_on: Callable[..., Dictation], upstream: Upstream
) -> None:
    dictation = dictate_on(SAFARI)
    dictation.begin()
    dictation.button("Stop recording").click()
    dictation.expect_text(WORDS)
    (received,) = [one for one in upstream.requests if one.path == PATH]
    assert b'filename="speech.mp4"\r\nContent-Type: audio/mp4' in received.raw


def test_only_one_tab_records(dictation: Dictation, ann: Person) -> None:
    dictation.begin()
    other = Dictation(Chat(dictation.page.context.new_page(), ann.url).open().until_whole())
    other.press()
    other.expect_problem("Another tab is recording. Finish there first.")
    dictation.page.bring_to_front()
    dictation.button("Stop recording").click()
    dictation.expect_text(WORDS)
    other.page.bring_to_front()
    other.begin()
    other.page.close()


def test_without_scripts_there_is_no_button(ann: Person, open_browser: Open) -> None:
    page = open_browser(ann, java_script_enabled=False)
    page.goto(ann.url)
    expect(page.locator("[data-action=dictate]")).to_be_hidden()


# --- The browser's own recognition -----------------------------------------------------------------------------------

NO_ENGINE = """
from accounts.models import Plan, User
plan, _made = Plan.objects.get_or_create(name="Quiet", defaults={"allowed_models": ["fake"]})
User.objects.filter(username="%s").update(plan=plan)
"""


def test_habit_50_the_browser_listens_where_the_site_cannot_once_one_agrees(
    site: Site, ann: Person, dictate_on: Callable[..., Dictation]
) -> None:
    site.run(NO_ENGINE % ann.name)
    dictation = dictate_on(RECOGNITION)
    page = dictation.page
    notice = page.get_by_role("dialog", name="Let the browser listen?")
    dictation.press()
    expect(notice).to_contain_text("It may send what you say to the company that makes it")
    check(page)
    page.keyboard.press("Escape")
    expect(notice).to_be_hidden()
    expect(dictation.chat.composer).to_be_focused()
    dictation.press()
    notice.get_by_role("button", name="Yes, dictate").click()
    expect(dictation.button("Stop recording")).to_be_focused()
    expect(dictation.recorder).to_contain_text("Listening…")
    assert page.evaluate("recognition.lang") == "en-US"
    page.evaluate(HEAR, ["How high", " is it"])
    expect(dictation.recorder).to_contain_text("How high is it")
    page.keyboard.press("Enter")
    dictation.expect_text("How high is it")
    page.reload()
    dictation.chat.until_whole()
    dictation.press()  # asked no more
    expect(dictation.button("Stop recording")).to_be_focused()
    page.evaluate(HEAR, ["exactly"])
    page.evaluate("recognition.onend()")  # it stops by itself after a pause
    dictation.expect_text("How high is it exactly")
    dictation.press()
    expect(dictation.button("Stop recording")).to_be_focused()
    page.evaluate("recognition.onerror({ error: 'network' }); recognition.onend()")
    expect(dictation.problem).to_have_text(re.compile("The speech recognition of the browser does"))


# --- The recogniser in the box ---------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_habit_50_the_words_that_were_spoken_stand_in_the_message_box(
    tmp_path: Path, open_browser: Open
) -> None:
    """From the microphone through the site and its own recogniser."""
    with Site(tmp_path, **ADMINISTRATOR, LOCAL_SPEECH="on") as site:
        person = Person(site.wait_until_ready(with_models=False))
        dictation = Dictation(Chat(open_browser(person), site.url).open().until_whole())
        dictation.begin()
        dictation.until_spoken()
        dictation.button("Stop recording").click()
        expect(dictation.chat.composer).to_have_value(SPOKEN_WORDS, timeout=DEADLINE)


# --- How it looks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "look", [Look("light", 360, "zh-hans"), Look("dark", 360), Look("dark", 1440, "zh-hans")], ids=str
)  # fmt: skip
def test_the_recorder_fits(look: Look, ann: Person, open_browser: Open, upstream: Upstream) -> None:
    page = open_browser(ann, **look.options)
    page.context.add_cookies([{"name": "django_language", "value": look.language, "url": ann.url}])
    Chat(page, ann.url).open().until_whole()
    box = page.locator(".composer")
    idle = height(box)
    check(page, ".composer")
    page.locator("[data-action=dictate]").click()
    recorder = page.locator(".recorder")
    expect(recorder).to_have_attribute("data-phase", "recording")
    expect(recorder.get_by_role("timer")).to_have_text(at_least(1))
    check(page)
    assert abs(height(box) - idle) < 8  # nothing jumps


def height(box: Locator) -> float:
    found = box.bounding_box()
    assert found
    return found["height"]
