"""What a published update says, the same in the preview and in the portal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lpo.core.templatetags.formats import duration, instant


def effect(item: dict[str, Any]) -> str:
    """What the client's answer does to the due date."""
    if item["effect"] == "stopped":
        unit = " of business time" if item["unit"] != "elapsed" else ""
        return f"{duration(item['left_seconds'])}{unit} left for {item['level']} once you answer; its due date moves with your answer"
    if item["effect"] == "running":
        return f"{item['level']} keeps running: due {instant(datetime.fromisoformat(item['due_at']))}"
    return "no service level waits on it"


def decisions(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The client's decisions of an update, with their instants; updates from before these were told have none."""
    return [{**row, "decided_at": datetime.fromisoformat(row["at"])} for row in figures.get("decisions", [])]
