"""On paper: the conversation and nothing else, dark on light in either theme, nothing cut off."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looks import expect_no_overflow
from tests.browser.people import Talk
from tests.browser.test_shell_habits import ground
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

LONG = "value = " + " + ".join(f"number_{n}" for n in range(60))
ANSWER = f"""See [the manual](https://example.org/manual).

```python
{LONG}
```

| a | b |
|---|---|
| 1 | 2 |
"""
PAPER = {"width": 700, "height": 1000}
CONTROLS = "button, a.icon-button, input, textarea, select, summary, aside, .dock"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_printed_conversation(
    talk: Talk, upstream: Upstream, tmp_path: Path, scheme: Any
) -> None:
    upstream.play(Script("answer", (ANSWER,)))
    chat = talk(color_scheme=scheme, viewport=PAPER)
    page = chat.ask("How is it printed?").page
    page.emulate_media(media="print", color_scheme=scheme)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("You", exact=True)).to_be_visible()
    for control in page.locator(CONTROLS).all():
        expect(control).to_be_hidden()
    expect_no_overflow(page)
    code = chat.body.locator("pre")
    assert code.evaluate("pre => pre.scrollWidth <= pre.clientWidth")
    assert ground(page) == "rgb(250, 248, 244)"
    after = chat.body.get_by_role("link").evaluate("a => getComputedStyle(a, '::after').content")
    assert "(" in after  # the address

    page.emulate_media(media="null")
    document = page.pdf(path=tmp_path / "conversation.pdf", format="A4")
    assert document.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", document)) == 1
