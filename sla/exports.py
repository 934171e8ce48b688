"""A scorecard as a workbook: one sheet of figures, one of the rows behind all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from lpo.core.exports import Cell
from lpo.core.sheets import Sheet, workbook
from lpo.tenancy.context import Scope
from sla import wording
from sla.attain import percent
from sla.rows import HEADER, cells
from sla.scorecard import Card, Line, Section

FIGURES = (
    "level", "workstream", "window", "first day", "last day", "time zone", "standing", "target", "target %", "actual %", "numerator",
    "denominator", "pending", "excluded", "median seconds", "p90 seconds", "interval low %", "interval high %", "verdict", "judged",
    "credit %", "credit state", "credit formula", "computed at (UTC)", "closed at (UTC)", "revision", "restatement", "open", "past due",
    "snapshot sha256", "method",
)  # fmt: skip


def in_utc(header: tuple[str, ...]) -> list[str]:
    """Headings of a workbook, whose dates carry no zone of their own."""
    return [f"{name} (UTC)" if name.endswith("_at") else name for name in header]


def card_workbook(card: Card, now: datetime, scope: Scope) -> Iterator[bytes]:
    """In pieces: the rows may be half a million."""
    figures = [line.figure for line in card.lines]
    names = {id(line.figure): (section.name, section.workstream, line.figure.label) for section in card.sections for line in section.lines}
    rows = ((*names[id(figure)], *row) for figure, row in cells(figures, now, scope))
    return workbook(
        [
            Sheet("Figures", FIGURES, [_figure(section, line) for section in card.sections for line in section.lines]),
            Sheet("Rows", ["level", "workstream", "window", *in_utc(HEADER)], rows),
        ]
    )


def _figure(section: Section, line: Line) -> list[Cell]:
    figure, stored, claim = line.figure, line.figure.attainment, line.claim
    zone = ZoneInfo(line.zone)
    interval = figure.bounds
    last = datetime.fromtimestamp(figure.end.timestamp() - 1, zone).date()
    return [
        section.name,
        section.workstream,
        figure.label,
        figure.start.astimezone(zone).date(),
        last,
        line.zone,
        line.standing,
        figure.promised,
        Decimal(wording.number(figure.goal * 100)),
        percent(figure.share) if figure.share is not None else None,
        figure.numerator,
        figure.denominator,
        line.pending,
        line.excluded,
        stored.median_seconds if stored else None,
        stored.p90_seconds if stored else None,
        None if interval is None else Decimal(f"{interval.low * 100:.4f}"),
        None if interval is None else Decimal(f"{interval.high * 100:.4f}"),
        figure.state,
        figure.judged,
        claim.percent if claim else None,
        claim.state if claim else None,
        claim.formula if claim else line.ruling,
        stored.computed_at if stored else None,
        stored.closed_at if stored else None,
        stored.revision if stored else None,
        line.restated,
        line.ageing.total if line.ageing else None,
        line.ageing.overdue if line.ageing else None,
        stored.snapshot_sha256 if stored else None,
        section.method,
    ]
