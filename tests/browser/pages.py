"""What is looked at on every page a journey comes to: axe in both themes, and the width of a phone."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.axe import assert_accessible

PHONE = 320  # what fits here fits the wider ones


def look(page: Page, name: str = "", *, frame: bool = True) -> None:
    """Raises for an accessibility violation in light or dark, or a page that runs off a phone's screen.

    `frame` False: what stands around every page was looked at on another one. With LPO_PICTURES set, pictures of a page with a name
    are kept there: each theme as the page stands, and the phone.
    """
    # Without motion: a colour on its way from one theme to the other would have to be waited for, on each page.
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert_accessible(page, colours_only=True, frame=frame)
    keep(page, name, "dark")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert_accessible(page, frame=frame)
    keep(page, name, "light")
    fits_a_phone(page, name)


def fits_a_phone(page: Page, name: str = "") -> None:
    usual = page.viewport_size
    page.set_viewport_size({"width": PHONE, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE, f"{page.url} runs off {PHONE} pixels"
    keep(page, name, "phone")
    if usual:
        page.set_viewport_size(usual)


def keep(page: Page, name: str, of: str) -> None:
    if name and (folder := os.environ.get("LPO_PICTURES")):
        page.screenshot(path=str(Path(folder) / f"{name}-{of}.png"), full_page=True)
