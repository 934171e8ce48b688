"""axe-core in a page under test. Its source is evaluated through the debugger protocol, which the page's own policy does not bind."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# A theme changes colours and nothing else.
OF_COLOUR = ["color-contrast", "link-in-text-block"]
# What stands around every page alike, two thirds of its elements.
FRAME = [".skip", ".side", "header.bar", "#palette", "#keys"]

_AT_REST = """
async () => {
  await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => null)));
  return typeof axe === 'object';
}
"""
# Nothing is fetched beforehand: the one rule that reads style sheets again is experimental and not among the tags.
_RUN = """
async ([include, exclude, runOnly]) =>
  (await axe.run({include, exclude}, {runOnly, resultTypes: ['violations'], preload: false})).violations
"""


@cache
def _source() -> str:
    return (Path(__file__).parent.parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, within: str = "body", *, colours_only: bool = False, frame: bool = True) -> list[dict[str, Any]]:
    """What axe finds wrong under the WCAG 2.2 AA tags. Transitions are awaited first: a colour on its way is no colour."""
    if not page.evaluate(_AT_REST):
        page.evaluate(_source())
    only = {"type": "rule", "values": OF_COLOUR} if colours_only else {"type": "tag", "values": TAGS}
    found: list[dict[str, Any]] = page.evaluate(_RUN, [[within], [] if frame else FRAME, only])
    return found


def assert_accessible(page: Page, within: str = "body", *, colours_only: bool = False, frame: bool = True) -> None:
    """Fails with each violated rule, the elements and what to do about them."""
    found = violations(page, within, colours_only=colours_only, frame=frame)
    lines = [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]
    assert not lines, f"{page.url}\n" + "\n".join(lines)
