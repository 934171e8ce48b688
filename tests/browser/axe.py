"""axe-core in a page under test. Its source is evaluated through the debugger protocol, which the page's own policy does not bind."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# A theme changes colours and nothing else.
OF_COLOUR = ["color-contrast", "link-in-text-block"]


@cache
def _source() -> str:
    return (Path(__file__).parent.parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, within: str = "body", *, colours_only: bool = False) -> list[dict[str, Any]]:
    """What axe finds wrong under the WCAG 2.2 AA tags. Transitions are awaited first: a colour on its way is no colour."""
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => null)))")
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_source())
    only = {"type": "rule", "values": OF_COLOUR} if colours_only else {"type": "tag", "values": TAGS}
    result = page.evaluate("([within, only]) => axe.run(within, {runOnly: only, resultTypes: ['violations']})", [within, only])
    found: list[dict[str, Any]] = result["violations"]
    return found


def assert_accessible(page: Page, within: str = "body", *, colours_only: bool = False) -> None:
    """Fails with each violated rule, the elements and what to do about them."""
    found = violations(page, within, colours_only=colours_only)
    lines = [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]
    assert not lines, f"{page.url}\n" + "\n".join(lines)
