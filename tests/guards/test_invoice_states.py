"""Only billing's actions move an invoice from state to state. (Work items have the same guard beside their own room's tests.)"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ALLOWED = {"billing/actions/drafts.py", "billing/actions/issue.py"}
# Other things with a state that modules about invoices also hold.
OTHERS = {"job", "batch", "item", "attainment", "claim", "self"}
_SQL = re.compile(r"UPDATE\s+billing_invoice\b", re.IGNORECASE)


def sources() -> Iterator[Path]:
    for room in ("lpo", "engagements", "sla", "billing"):
        yield from (path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)


def assignments(text: str) -> Iterator[tuple[int, str]]:
    """`invoice.state = …`, `Invoice.objects….update(state=…)`, `setattr(invoice, "state", …)` and SQL, by line."""
    if "Invoice" not in text and "billing_invoice" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == "state":
            if ast.unparse(node.value) not in OTHERS:
                yield node.lineno, "assigns .state"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.endswith(".update") and "Invoice." in called and any(keyword.arg == "state" for keyword in node.keywords):
                yield node.lineno, "updates state"
            if called == "setattr" and len(node.args) > 1 and ast.unparse(node.args[1]) == "'state'":
                yield node.lineno, "sets state"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value):
            yield node.lineno, "updates invoices in SQL"


def test_only_billings_actions_assign_the_state_of_an_invoice() -> None:
    found = {str(path.relative_to(ROOT)): list(assignments(path.read_text())) for path in sources()}
    assert {path for path, lines in found.items() if lines} == ALLOWED


def test_the_guard_sees_each_way_of_assigning() -> None:
    text = (
        "from billing.models import Invoice\n"
        "locked.state = 'issued'\n"
        "invoice.number, invoice.state = 'A-1', 'issued'\n"
        "Invoice.objects.filter(pk=1).update(state='issued')\n"
        "setattr(invoice, 'state', 'issued')\n"
        "SQL = 'UPDATE billing_invoice SET state = %s'\n"
        "job.state = 'done'\n"
    )
    assert sorted(line for line, _ in assignments(text)) == [2, 3, 4, 5, 6]
