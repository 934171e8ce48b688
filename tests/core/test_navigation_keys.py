"""Keys after `g`: each leads to one page."""

from __future__ import annotations

from lpo.accounts import navigation


def test_no_key_leads_to_two_pages() -> None:
    keys = [entry.key for group in navigation.GROUPS for entry in group[1] if entry.key]
    assert len(keys) == len(set(keys))
