"""Only `engagements/transitions.py` writes the state of a work item."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ALLOWED = {"engagements/transitions.py"}
_DERIVED = {"finished", "first_delivered_at", "state_at"}
_SQL = re.compile(r"UPDATE\s+engagements_workitem\b(?:(?!;).)*?\bSET\b(?P<set>(?:(?!\bWHERE\b|\bFROM\b).)*)", re.IGNORECASE | re.DOTALL)


def sources() -> Iterator[Path]:
    for room in ("lpo", "engagements", "sla", "billing"):
        yield from (path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)


def assignments(path: Path) -> Iterator[str]:
    """`item.state = …` in any module that knows work items, `update(state=…)` on them, and SQL that sets it."""
    text = path.read_text()
    knows_items = "WorkItem" in text
    for node in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt | ast.expr)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr in {"state"} | _DERIVED and knows_items and _is_item(target):
                yield f"{path.relative_to(ROOT)}:{node.lineno} assigns .{target.attr}"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "update"
            and "WorkItem" in ast.unparse(node.func)
        ):
            named = {keyword.arg for keyword in node.keywords} & ({"state"} | _DERIVED)
            yield from (f"{path.relative_to(ROOT)}:{node.lineno} updates {name}" for name in named)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for match in _SQL.finditer(node.value):
                if re.search(r"(?<![\w.])(state|state_at|finished|first_delivered_at)\s*=", match["set"]):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} sets the state in SQL"


def _is_item(target: ast.Attribute) -> bool:
    return isinstance(target.value, ast.Name) and "item" in target.value.id


def test_only_the_transitions_module_assigns_a_state() -> None:
    found = {path: list(assignments(path)) for path in sources()}
    offenders = [line for path, lines in found.items() if str(path.relative_to(ROOT)) not in ALLOWED for line in lines]
    assert offenders == []


def test_the_guard_sees_each_way_of_assigning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offender = tmp_path / "offender.py"
    offender.write_text(
        "from engagements.models import WorkItem\n"
        "item.state = 'delivered'\n"
        "WorkItem.objects.filter(pk=1).update(finished=True)\n"
        "SQL = 'UPDATE engagements_workitem SET title = %s, state = %s WHERE id = 1'\n"
    )
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert sorted(line.split(":")[1].split()[0] for line in assignments(offender)) == ["2", "3", "4"]
