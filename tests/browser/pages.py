"""What is looked at on every page a journey comes to: axe in both themes, and the width of a phone."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.axe import assert_accessible

PHONE = 320  # what fits here fits the wider ones
DESK = 1280


def look(page: Page) -> None:
    """Raises for an accessibility violation in light or dark, or a page that runs off a phone's screen."""
    # Without motion: a colour on its way from one theme to the other would have to be waited for, on each page.
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert_accessible(page, colours_only=True)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert_accessible(page)
    fits_a_phone(page)


def fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": PHONE, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE, f"{page.url} runs off {PHONE} pixels"
    page.set_viewport_size({"width": DESK, "height": 800})
