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
