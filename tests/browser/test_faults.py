"""What breaks while somebody writes or reads: nothing is lost, and the page says in one place how to go on."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.people import ADMINISTRATOR, Complaints, Open, Person, sign_in
from tests.cut import Wire
from tests.processes import Site, wait_for
from tests.upstream import Script, Upstream
from tests.visitor import Visitor

pytestmark = pytest.mark.browser

NUMBERS = tuple(f"number {number}, " for number in range(20))
TEXT = "".join(NUMBERS).strip()
CUT = (
    "ERR_CONNECTION_RESET",
    "ERR_SOCKET_NOT_CONNECTED",
    "ERR_EMPTY_RESPONSE",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
)
SERVER_AWAY = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")


def test_a_browser_that_says_it_is_offline_while_an_answer_comes(
    chat: Chat, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED", "ERR_FAILED")
    upstream.play(Script("gated", NUMBERS))
    chat.send("Count").expect_status("running").expect_words("number 0")
    line = chat.page.locator("[data-connection]")
    chat.page.context.set_offline(True)
    expect(line).to_be_visible()
    upstream.release(10)
    chat.composer.fill("written meanwhile")
    chat.page.context.set_offline(False)
    upstream.release(20)
    chat.expect_status("complete")
    expect(chat.body).to_have_text(TEXT)
    expect(chat.answers).to_have_count(1)
    expect(line).to_be_hidden()
    expect(chat.composer).to_have_value("written meanwhile")


@pytest.mark.parametrize("meanwhile", [10, 20])
def test_habit_16_a_network_that_is_cut_while_an_answer_comes(
    meanwhile: int,
    ann: Person,
    site: Site,
    upstream: Upstream,
    open_browser: Open,
    complaints: Complaints,
) -> None:
    """Half of the answer comes, or all that is left of it, while every attempt to get at the site fails."""
    complaints.expect(*CUT)
    upstream.play(Script("gated", NUMBERS))
    with Wire(site.port) as wire:
        chat = Chat(open_browser(ann), wire.url).open()
        chat.send("Count").expect_status("running").expect_words("number 0")
        wire.cut()
        line = chat.page.locator("[data-connection]")
        expect(line).to_have_text("Connection lost – reconnecting")
        expect(line).to_be_visible()
        upstream.release(meanwhile)
        chat.send("And then?")
        expect(chat.questions.last).to_contain_text("Will be sent when the answer is complete.")
        chat.composer.fill("Half a thought")
        wait_for(lambda: wire.attempts >= 3, what="three failed attempts")
        expect(chat.page.locator("[data-error]:not(:empty), .alert, .notice")).to_have_count(0)
        expect(line).to_be_visible()
        chat.expect_words("number 0")
        upstream.say("No more.")
        wire.mend()
        upstream.release(20 - meanwhile)
        chat.expect_words("No more.").expect_status("complete")
        for _ in ("as it came", "as it is kept"):
            expect(chat.questions.locator("[data-body]")).to_have_text(["Count", "And then?"])
            expect(chat.answers.locator("[data-body]")).to_have_text([TEXT, "No more."])
            expect(line).to_be_hidden()
            expect(chat.composer).to_have_value("Half a thought")
            chat.page.reload()


def test_a_line_that_is_dead_for_two_minutes_and_does_not_say_so(
    ann: Person, site: Site, upstream: Upstream, open_browser: Open, complaints: Complaints
) -> None:
    """Nothing comes, nothing fails: after a while the page says so, and with a way again it reads on and sends."""
    complaints.expect(*CUT)
    upstream.play(Script("gated", NUMBERS))
    with Wire(site.port) as wire:
        chat = Chat(open_browser(ann), wire.url)
        chat.page.clock.install()
        chat.open().send("Count").expect_status("running").expect_words("number 0")
        expect(chat.page.locator("chat-sidebar:defined")).to_have_count(1)
        line = chat.page.locator("[data-connection]")
        chat.send("And then?")
        waiting = "Will be sent when the answer is complete."
        expect(chat.questions.last).to_contain_text(waiting)
        wire.silence()
        upstream.release(20)
        chat.page.clock.run_for(31_000)
        expect(line).to_be_hidden()
        chat.page.clock.run_for(16_000)
        expect(line).to_have_text("Connection lost – reconnecting")
        chat.page.clock.run_for(73_000)
        expect(line).to_be_visible()
        expect(chat.questions.last).to_contain_text(waiting)
        chat.expect_words("number 0")
        upstream.say("No more.")
        wire.mend()

        def is_answered() -> bool:
            chat.page.clock.run_for(1_000)
            return chat.answers.locator("[data-body]").all_inner_texts() == [TEXT, "No more."]

        wait_for(is_answered, what="both answers")
        expect(chat.questions.locator("[data-body]")).to_have_text(["Count", "And then?"])
        expect(line).to_be_hidden()


def test_a_message_sent_into_a_dead_line_is_kept(
    ann: Person, site: Site, upstream: Upstream, open_browser: Open, complaints: Complaints
) -> None:
    complaints.expect(*CUT)
    upstream.say("There.")
    with Wire(site.port) as wire:
        chat = Chat(open_browser(ann), wire.url)
        chat.page.clock.install()
        chat.open()
        chat.until_whole()
        wire.silence()
        chat.send("Are you there?")
        expect(chat.questions).to_have_count(1)
        chat.page.clock.run_for(31_000)
        expect(chat.questions.last).to_contain_text("Not sent")
        wire.mend()
        retry = chat.page.get_by_role("button", name="Retry")

        def is_answered() -> bool:  # the browser may first try connections from before
            chat.page.clock.run_for(1_000)
            if retry.is_visible():
                retry.click()
            return chat.body.count() == 1 and "There." in chat.body.inner_text()

        wait_for(is_answered, what="the answer")
        chat.expect_status("complete")
        expect(chat.questions).to_have_count(1)


def test_a_session_that_ends_while_an_answer_comes(
    chat: Chat, ann: Person, upstream: Upstream, complaints: Complaints
) -> None:
    """What has come stays, one message leads back, and the answer has gone on."""
    complaints.expect("401", "409")
    upstream.play(Script("gated", NUMBERS))
    chat.send("Count").expect_status("running").expect_words("number 0")
    path = chat.path
    chat.send("And then?")
    expect(chat.questions.last).to_contain_text("Will be sent when the answer is complete.")
    chat.composer.fill("Half a thought")
    with ann.visitor() as elsewhere:
        elsewhere.submit("/accounts/logout/", {})
    expect(
        chat.page.get_by_role("alert").filter(has_text="You have been signed out.")
    ).to_be_visible()
    expect(chat.page.locator("[data-connection]")).to_be_hidden()
    expect(chat.stop_button).to_be_hidden()
    chat.expect_words("number 0")
    expect(chat.answer).not_to_have_attribute("aria-busy", re.compile(""))
    upstream.say("No more.")
    upstream.release(20)
    chat.page.get_by_role("link", name="Sign in again").click()
    sign_in(chat.page, ann)
    chat.expect_words("No more.").expect_status("complete")
    assert chat.path == path
    expect(chat.questions.locator("[data-body]")).to_have_text(["Count", "And then?"])
    expect(chat.answers.locator("[data-body]")).to_have_text([TEXT, "No more."])
    expect(chat.composer).to_have_value("Half a thought")


def test_a_session_that_begins_again_in_another_tab(
    chat: Chat, ann: Person, upstream: Upstream, complaints: Complaints
) -> None:
    """Coming back is enough: the page reads on where it was."""
    complaints.expect("401")
    upstream.play(Script("gated", NUMBERS))
    chat.send("Count").expect_status("running").expect_words("number 0")
    with ann.visitor() as elsewhere:
        elsewhere.submit("/accounts/logout/", {})
    message = chat.page.get_by_text("You have been signed out. Your text is kept.")
    expect(message).to_be_visible()
    other = Chat(chat.page.context.new_page(), ann.url).open(chat.path)
    sign_in(other.page, ann)
    expect(other.answers).to_have_count(1)
    chat.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(message).to_be_hidden()
    upstream.release(20)
    for tab in (chat, other):
        tab.expect_status("complete")
        expect(tab.body).to_have_text(TEXT)


def test_somebody_who_is_suspended_while_an_answer_comes(
    chat: Chat, ann: Person, upstream: Upstream, complaints: Complaints
) -> None:
    """Within ten seconds nothing more is read, and nothing more is asked of the endpoint."""
    complaints.expect("401")
    upstream.play(Script("gated", NUMBERS))
    chat.send("Count").expect_status("running").expect_words("number 0")
    with Visitor(ann.url).sign_in("root", ADMINISTRATOR["DJANGO_SUPERUSER_PASSWORD"]) as root:
        found = root.http.get(f"/admin/accounts/user/?q={ann.name}").text
        number = found.partition("/change/")[0].rpartition("/")[2]
        fields = {"action": "suspend", "_selected_action": number}
        root.submit("/admin/accounts/user/", fields)
    suspended = time.monotonic()
    message = chat.page.get_by_role("alert").filter(has_text="You have been signed out.")
    expect(message).to_be_visible()
    assert upstream.chats[-1].wait_closed(30)
    assert time.monotonic() - suspended < 10
    chat.expect_words("number 0")
    chat.page.get_by_role("link", name="Sign in again").click()
    chat.page.get_by_label("User name or e-mail address").fill(ann.name)
    chat.page.get_by_label("Password").fill(ann.password)
    chat.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(chat.page.get_by_role("heading", name="This account is suspended")).to_be_visible()


def test_a_server_that_is_started_anew_in_the_middle_of_an_answer(
    tmp_path: Path, upstream: Upstream, open_browser: Open, complaints: Complaints
) -> None:
    complaints.expect(*SERVER_AWAY)
    variables = {**ADMINISTRATOR, "OPENAI_BASE_URL": upstream.url, "SIGN_IN_LIMITS": "off"}
    with Site(tmp_path, **variables) as site:
        site.wait_until_ready()
        person = Person(site)
        chat = Chat(open_browser(person), person.url).open()
        upstream.play(Script("gated", NUMBERS))
        chat.send("Count").expect_status("running").expect_words("number 0")
        site.process.send_signal(signal.SIGINT)
        site.wait_for_exit()
    with Site(tmp_path, PORT=str(site.port), **variables) as again:
        again.wait_until_ready()
        chat.expect_status("interrupted").expect_words("number 0")
        upstream.say("and so on.")
        chat.act("Continue").expect_status("complete").expect_words("number 0, and so on.")
        expect(chat.answers).to_have_count(1)


def test_a_message_sent_before_the_models_are_known(
    tmp_path: Path, upstream: Upstream, open_browser: Open, complaints: Complaints
) -> None:
    complaints.expect("503")
    upstream.holds_models = True
    variables = {**ADMINISTRATOR, "OPENAI_BASE_URL": upstream.url, "SIGN_IN_LIMITS": "off"}
    with Site(tmp_path, **variables).wait_until_ready(with_models=False) as site:
        person = Person(site)
        chat = Chat(open_browser(person), person.url).open()
        chat.send("Is anyone there?")
        expect(chat.questions).to_contain_text("Not sent. The models are still being read")
        upstream.holds_models = False
        upstream.release()
        site.wait_until_ready()
        chat.page.get_by_role("button", name="Retry").click()
        chat.expect_status("complete").expect_words("Is anyone there?")


def test_two_tabs_that_edit_one_message_at_once_keep_both(
    chat: Chat, ann: Person, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("409")
    chat.ask("The first version")
    other = Chat(chat.page.context.new_page(), ann.url).open(chat.path)
    for tab in (chat, other):
        tab.questions.get_by_role("link", name="Edit").click()
        expect(tab.page.get_by_text("You are editing an earlier message.")).to_be_visible()
    chat.send("The second version")
    other.send("The third version")
    for tab, which in ((chat, "second"), (other, "third")):
        tab.expect_words(f"The {which} version").expect_status("complete")
    chat.page.reload()
    expect(chat.questions).to_have_count(1)
    expect(chat.questions).to_contain_text("3/3")
    versions = set()
    for _ in range(2):
        versions.add(chat.questions.locator("[data-body]").inner_text())
        chat.questions.get_by_role("button", name="Previous version").click()
        expect(chat.questions).not_to_contain_text(f"{3 - len(versions) + 1}/3")
    versions.add(chat.questions.locator("[data-body]").inner_text())
    assert versions == {f"The {which} version" for which in ("first", "second", "third")}


def test_what_could_not_be_loaded_is_said_and_works_when_tried_again(
    chat: Chat, complaints: Complaints
) -> None:
    complaints.expect("ERR_FAILED")
    chat.ask("Hello")
    chat.page.route("**/message-actions.*.js", lambda route: route.abort())
    good = chat.answer.get_by_role("button", name="Good answer")
    good.click()
    expect(chat.page.locator("#composer-error")).to_contain_text("The site cannot be reached.")
    chat.page.unroute_all()
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    expect(chat.page.locator("#composer-error")).to_be_empty()
