"""Rating expenses: at cost, or marked up by a percentage. Pure; each expense is a leaf, and each code a line rounded half up once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from billing.explanation import Explanation, Leaf, LeafKind, tidy
from billing.rating import LineKind, RatedLine, limited
from billing.terms import Days, Term
from lpo.core.money import EXACT, add, require_decimal, round_money


@dataclass(frozen=True, slots=True)
class Expense:
    """Money laid out on one local day, in the invoice's currency. `code` is the uniform expense code, `kind` its short label."""

    reference: str
    day: date
    amount: Decimal
    label: str
    code: str
    kind: str

    def __post_init__(self) -> None:
        require_decimal(self.amount)
        if self.amount < 0:
            raise ValueError(f"an expense is never negative; withdraw {self.reference} and the difference is billed")


def rate_expenses(term: Term, expenses: Iterable[Expense], markup_percent: Decimal, period: Days, active: Days) -> tuple[RatedLine, ...]:
    """A line for each code, then what discount, cap and minimum make of them. Raises `ValueError` for a negative markup."""
    require_decimal(markup_percent)
    if markup_percent < 0:
        raise ValueError("a markup is never negative")
    held, by_code = period.common(active), defaultdict[str, list[Expense]](list)
    for row in sorted(expenses, key=lambda row: (row.day, row.reference, row.amount)):
        if row.day in held:
            by_code[row.code].append(row)
    lines = [_line(term, by_code[code], markup_percent) for code in sorted(by_code)]
    return limited(term, lines, period, active)


def _line(term: Term, rows: Sequence[Expense], markup_percent: Decimal) -> RatedLine:
    leaves = [Leaf(LeafKind.ROW, f"{row.day.day} {row.day:%b %Y}, {row.label}", row.amount, row.reference) for row in rows]
    cost = add(*(row.amount for row in rows))
    count = "1 expense" if len(rows) == 1 else f"{len(rows)} expenses"
    detail = f"{count} at cost"
    with localcontext(EXACT):
        if markup_percent:
            detail = f"{count}, {cost:,f} at cost and {tidy(markup_percent):f} % on it"
            leaves.append(Leaf(LeafKind.MARKUP, f"{tidy(markup_percent):f} % of {tidy(cost):,f}", tidy(cost * markup_percent / 100)))
        exact = add(*(leaf.amount for leaf in leaves))
        amount = round_money(exact, term.currency)
        if amount != exact:
            leaves.append(Leaf(LeafKind.ROUNDING, f"Rounded half up to {term.currency}", tidy(amount - exact)))
    description = f"{term.description}: {rows[0].kind} ({rows[0].code})"
    explanation = Explanation(description, tuple(leaves))
    return RatedLine(f"expense-{rows[0].code}", LineKind.CHARGE, description, Decimal(1), "", amount, amount, explanation, detail)
