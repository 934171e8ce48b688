"""A scorecard as a tagged PDF: the same scorecard gives the same bytes, whoever asks and whenever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from lpo.core.charts import AttainmentChart
from lpo.core.colours import ink_on
from lpo.core.paper import printed, written
from lpo.core.templatetags.formats import quantity
from sla.scorecard import Card, Line, Section

_WIDTH = 640  # of a drawing, in its own pixels


@dataclass(frozen=True)
class Brand:
    """The provider as its documents show it."""

    name: str
    colour: str

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper()


def render_card(card: Card, brand: Brand) -> bytes:
    charts = [section.chart for section in card.sections]
    drawings = {f"chart-{number}.svg": _drawing(chart) for number, chart in enumerate(charts, 1) if chart is not None}
    html = written("sla/scorecard_pdf.html", _view(card, brand, charts))
    digest = sha256("\0".join([html, *drawings.values()]).encode())
    return printed(html, stylesheet="report.css", identifier=digest.hexdigest()[:32].encode(), drawings=drawings)


def _view(card: Card, brand: Brand, charts: list[AttainmentChart | None]) -> dict[str, Any]:
    """Everything the template prints, as text, in the order it is read."""
    as_of = card.as_of.astimezone(ZoneInfo(card.zone))
    return {
        "title": f"Service level scorecard {card.span.label}, {card.title}",
        "brand": brand,
        "ink": ink_on(brand.colour),
        "footer": f"{brand.name} · Scorecard {card.span.label}, {card.title}",
        "created": card.as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "period": card.span.label,
        "summary": card.summary,
        "facts": [
            ("Client", card.client),
            *([("Engagement", f"{card.reference} {card.title}")] if card.reference else []),
            ("As of", f"{as_of.day} {as_of:%B %Y, %H:%M} {as_of.tzname()}"),
        ],
        "rows": [(section, _figures(line), line) for section in card.sections for line in section.lines],
        "sections": [
            (section, f"chart-{number}.svg" if chart is not None else "", f"{chart.title}. {chart.summary}" if chart is not None else "",
             chart.caption if chart is not None else "", [(line, _counts(section, line)) for line in section.lines])
            for number, (section, chart) in enumerate(zip(card.sections, charts, strict=True), 1)
        ],
        "more": f"{card.more:,} further levels have pages of their own." if card.more else "",
        "notes": card.notes,
    }  # fmt: skip


def _figures(line: Line) -> dict[str, str]:
    figure = line.figure
    return {"actual": figure.actual, "counted": f"{quantity(figure.numerator)} of {quantity(figure.denominator)}"}


def _counts(section: Section, line: Line) -> list[str]:
    figure = line.figure
    if section.accuracy:
        own = [quantity(figure.numerator), quantity(figure.denominator), quantity(line.excluded), line.interval or "—"]
    elif section.throughput:
        own = [*map(quantity, (figure.numerator, figure.denominator, line.excluded))]
    else:
        median, ninety = line.turnaround
        own = [*map(quantity, (figure.numerator, figure.missed, line.pending, line.excluded)), median or "—", ninety or "—"]
    return own


def _drawing(chart: AttainmentChart) -> str:
    return written("sla/scorecard_chart.svg", {"chart": chart, "width": _WIDTH})
