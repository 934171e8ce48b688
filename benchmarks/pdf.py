"""Time of a one-page invoice against bare WeasyPrint on the same words without a stylesheet.

bin/proof pdf
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from statistics import median
from time import perf_counter

from weasyprint import HTML

from benchmarks import room
from billing.pdf import invoice_html, render_invoice
from billing.snapshot import Invoice
from tests.billing.invoices import assemble, groups

ROUNDS = 15
MOST = 1.3


def one_page() -> Invoice:
    """The ordinary invoice without the parts that continue on a second page."""
    bare = tuple(replace(group, lines=tuple(replace(line, matter="") for line in group.lines)) for group in groups())
    invoice = assemble(bare)
    return replace(invoice, amount_due=invoice.gross - Decimal("100.00"), prepaid=Decimal("100.00"))


def seconds(run: Callable[[], object]) -> float:
    """Median time of `run` once warm."""
    run()
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return median(times)


def main() -> None:
    invoice = one_page()
    words = re.sub(r'\s(class|style)="[^"]*"', "", invoice_html(invoice))
    start = perf_counter()
    first = render_invoice(invoice)
    cold = perf_counter() - start
    assert b"/Type /Catalog" in first or first.startswith(b"%PDF-")
    ours, bare = seconds(lambda: render_invoice(invoice)), seconds(lambda: HTML(string=words).write_pdf())
    print(f"first in a process {cold * 1000:.0f} ms")
    room.figure(
        "PDF of a one-page invoice",
        f"{ours * 1000:.0f} ms; bare WeasyPrint on the same text without our CSS {bare * 1000:.0f} ms; ratio {ours / bare:.2f}",
        f"at most {MOST} ×",
        met=ours <= MOST * bare,
    )


if __name__ == "__main__":
    main()
