"""Draws the icons of the installed app from icon.svg: `.venv/bin/python scripts/draw_icons.py`, after changing it.

Launchers cut a maskable icon to a shape of their own and keep a circle of 80 %: its ground fills the square.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).resolve().parent.parent / "chatsite/static/chatsite"
GROUND = "#17635f"
ICONS = {"app-192": 192, "app-512": 512, "maskable-192": 192, "maskable-512": 512, "touch-180": 180}


def full_bleed(svg: str) -> str:
    """The same drawing, smaller, on a ground without corners."""
    ground, drawing = re.split(
        r"(?<=/>)", svg.split(">", 1)[1].removesuffix("</svg>\n"), maxsplit=1
    )
    assert GROUND in ground  # noqa: S101 (this is how icon.svg begins)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" fill="{GROUND}"/>'
        f'<g transform="translate(16 16) scale(0.86) translate(-16 -16)">{drawing}</g></svg>'
    )


def main() -> None:
    svg = (STATIC / "icon.svg").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, size in ICONS.items():
            page = browser.new_page(viewport={"width": size, "height": size})
            drawing = svg if name.startswith("app-") else full_bleed(svg)
            page.set_content(
                f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{drawing}"
            )
            page.screenshot(path=STATIC / f"icons/{name}.png", omit_background=True)
        browser.close()


main()
