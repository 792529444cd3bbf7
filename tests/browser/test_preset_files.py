"""Role presets as files in a browser: what is exported and imported again is the same."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.people import Complaints, Open, Person
from tests.browser.test_presets import PRESET
from tests.processes import Site

pytestmark = pytest.mark.browser


def test_what_is_exported_and_imported_again_is_the_same(
    ann: Person, site: Site, open_browser: Open, complaints: Complaints
) -> None:
    def upload(page: Page, name: str, content: bytes) -> None:
        page.goto(f"{site.url}/presets/import/")
        file: FilePayload = {"name": name, "mimeType": "text/plain", "buffer": content}
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Import").click()

    def download(page: Page, kind: str) -> bytes:
        page.goto(f"{site.url}/presets/import/")
        with page.expect_download() as event:
            page.get_by_role("link", name=f"Export as {kind}").click()
        assert event.value.suggested_filename == f"role-presets.{kind.lower()}"
        return event.value.path().read_bytes()

    page, other = open_browser(ann), open_browser(Person(site))
    complaints.expect("400")
    upload(page, "prompts.csv", b"act,prompt\nPirate,Talk like one.\n,Nameless.\n")
    expect(page.get_by_role("alert")).to_contain_text("Nothing has been imported.")
    expect(page.get_by_role("alert")).to_contain_text("row 3: act: This field cannot be blank.")
    expect(page.get_by_text("You have no role presets of your own yet.")).to_be_visible()
    upload(page, "presets.json", b"{")
    expect(page.get_by_label("File")).to_have_accessible_description(re.compile("not valid JSON"))
    upload(
        page, "prompts.csv", '\ufeffact,prompt\nPirate,"Say ""{{what}}""."\n诗人,作诗。\n'.encode()
    )
    expect(page.get_by_text("2 role presets have been imported.")).to_be_visible()
    page.get_by_role("button", name="Duplicate: Translator").click()
    expect(page).to_have_url(PRESET)

    whole, short = download(page, "JSON"), download(page, "CSV")
    upload(page, "whole.json", whole)
    expect(page.get_by_text("3 were there already.")).to_be_visible()
    upload(other, "whole.json", whole)
    expect(other.get_by_text("3 role presets have been imported.")).to_be_visible()
    expect(other.get_by_role("link", name="诗人", exact=True)).to_be_visible()
    assert download(other, "JSON") == whole
    assert download(other, "CSV") == short
    upload(other, "short.csv", short)
    expect(
        other.get_by_text("1 role preset has been imported. 2 were there already.")
    ).to_be_visible()
