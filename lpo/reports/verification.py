"""Comparing what was frozen with its hash and with what the records say, room by room. Nothing is rendered or written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from billing.verify import verify as verify_invoices
from sla.verify import verify as verify_windows


@dataclass(frozen=True, slots=True)
class Finding:
    """One closed window or issued invoice; no differences is identical. `detail` is the figure that was confirmed."""

    subject: str
    differences: tuple[str, ...] = ()
    detail: str = ""

    @property
    def identical(self) -> bool:
        return not self.differences

    @property
    def line(self) -> str:
        """One line of text: what it is and that it is identical, or what differs."""
        if self.differences:
            return f"{self.subject}: DIFFERS: {'; '.join(self.differences)}"
        return f"{self.subject}: identical" + (f" ({self.detail})" if self.detail else "")


def windows() -> Iterator[Finding]:
    """Every closed window of the current organization, oldest first. A window that differs in many rows is one finding."""
    for subject, found in groupby(verify_windows(), key=lambda finding: finding.subject):
        findings = list(found)
        differences = tuple(finding.detail for finding in findings if not finding.identical)
        yield Finding(subject, differences, "" if differences else findings[0].detail)


def invoices() -> Iterator[Finding]:
    """Every issued invoice of the current organization, in order of issue."""
    for verdict in verify_invoices():
        yield Finding(f"Invoice {verdict.name}", verdict.differences)


PARTS: dict[str, Callable[[], Iterator[Finding]]] = {"sla": windows, "billing": invoices}


def verify(*parts: str) -> Iterator[Finding]:
    """The named parts, or all."""
    for part in parts or PARTS:
        yield from PARTS[part]()
