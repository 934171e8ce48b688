"""Where an invoice is addressed: the bill-to of the matters it bills, where they agree on one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Billed:
    """A matter with a line on the invoice, and its own bill-to as it was typed; empty where it is the client's address."""

    reference: str
    bill_to: str


def lines_of(text: str) -> tuple[str, ...]:
    """An address as its lines, without empty ones and spaces around them."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def agreed(matters: Iterable[Billed]) -> tuple[str, ...]:
    """The one bill-to of all matters, its name first; empty where the client's billing address stands."""
    found = {lines_of(matter.bill_to) for matter in matters}
    return found.pop() if len(found) == 1 else ()


def disagreement(matters: Iterable[Billed]) -> str:
    """`ACME-0001 to Harlan Estate, ACME-0002 to the client` where they differ; empty where they do not."""
    rows = sorted(matters, key=lambda matter: matter.reference)
    if len({lines_of(matter.bill_to) for matter in rows}) < 2:
        return ""
    return ", ".join(f"{matter.reference} to {(lines_of(matter.bill_to) or ('the client',))[0]}" for matter in rows)
