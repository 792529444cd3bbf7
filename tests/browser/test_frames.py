"""A Hugging Face Space: the site in a frame of another, in a browser that keeps no cookies of third parties."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, expect

from tests.browser.conftest import FLAGS, PATIENCE, VIOLATIONS
from tests.browser.people import ADMINISTRATOR, Complaints
from tests.processes import Site, free_port
from tests.tls import THIRD_PARTY, TlsProxy
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

# What browsers do on their own sooner or later; "metadata" and "heuristics" are exceptions.
NO_THIRD_PARTIES = {
    "enableThirdPartyCookieRestriction": True,
    "disableThirdPartyCookieMetadata": True,
    "disableThirdPartyCookieHeuristics": True,
}
FRAMER, SPACE = "huggingface.co", "person-chat.hf.space"  # both are this machine


def test_signed_in_and_reading_in_a_frame_of_another_site(
    tmp_path: Path,
    launch_browser: Callable[..., Browser],
    upstream: Upstream,
    complaints: Complaints,
) -> None:
    # In a frame of another site the page may not take the focus.
    complaints.expect("Blocked autofocusing")
    port = free_port()
    variables = {
        **ADMINISTRATOR,
        "OPENAI_BASE_URL": upstream.url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SPACE_HOST": SPACE,
    }
    with (
        Site(tmp_path / "site", **variables) as site,
        TlsProxy(tmp_path, port, framer=FRAMER, framed=SPACE) as proxy,
    ):
        site.wait_until_ready()
        here = f"--host-resolver-rules=MAP * 127.0.0.1:{proxy.port}"
        browser = launch_browser(args=[*FLAGS, here])
        try:
            context = browser.new_context(
                locale="en-US", ignore_https_errors=True, service_workers="block"
            )
            context.set_default_timeout(PATIENCE)
            context.on("console", complaints.on_console)
            context.on("weberror", lambda error: complaints.heard.append(str(error.error)))
            context.add_init_script(VIOLATIONS)
            page = context.new_page()
            devtools = context.new_cdp_session(page)
            devtools.send("Network.enable")
            devtools.send("Network.setCookieControls", NO_THIRD_PARTIES)
            page.goto(f"https://{FRAMER}/")
            frame = page.frames[1]
            signs_in(frame)
            reads_an_answer_as_it_comes(frame, upstream)
            folds_the_sidebar(frame)
            signs_out(frame)
        finally:
            browser.close()
        assert {"__Host-sessionid", "__Host-csrftoken", "sidebar"} <= proxy.cookies_seen
        assert THIRD_PARTY not in proxy.cookies_seen


def signs_in(frame: Frame) -> None:
    frame.get_by_label("User name or e-mail address").fill("root")
    frame.get_by_label("Password").fill(ADMINISTRATOR["DJANGO_SUPERUSER_PASSWORD"])
    frame.get_by_role("button", name="Sign in", exact=True).click()
    expect(frame.get_by_label("Message", exact=True)).to_be_visible()


def reads_an_answer_as_it_comes(frame: Frame, upstream: Upstream) -> None:
    upstream.play(Script.parse("gated", "Tea is", " a drink."))
    composer = frame.get_by_label("Message", exact=True)
    frame.wait_for_load_state("networkidle")
    composer.fill("Tell me about tea")
    composer.press("Enter")
    answer = frame.locator("article[data-role=assistant]").last
    expect(answer.locator("[data-body]")).to_have_text("Tea is")
    expect(answer).to_have_attribute("data-status", "running")
    upstream.release()
    expect(answer).to_have_attribute("data-status", "complete")
    expect(answer.locator("[data-body]")).to_have_text("Tea is a drink.")


def folds_the_sidebar(frame: Frame) -> None:
    """Which a script remembers, in a cookie of its own."""
    frame.locator("[data-collapse]").click()
    frame.goto(frame.url)
    expect(frame.locator("chat-sidebar[data-collapsed]")).to_be_attached()
    expect(frame.get_by_text("Tea is a drink.")).to_be_visible()
    frame.wait_for_load_state("networkidle")
    frame.locator(".topbar-menu").click()


def signs_out(frame: Frame) -> None:
    frame.locator("summary", has_text="root").click()
    frame.get_by_role("button", name="Sign out").click()
    expect(frame.get_by_role("heading", name="Sign in")).to_be_visible()
