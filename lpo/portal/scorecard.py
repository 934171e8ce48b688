"""The client's scorecard: published windows alone, each from its frozen snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from billing.models import InvoiceState
from billing.snapshot import Invoice as Snapshot
from engagements.models import Client
from lpo.core.localtime import from_epoch, local_midnight
from lpo.portal import queries
from lpo.portal.frozen import Window, snapshot_of
from sla.ageing import Ageing, aged_at_closing
from sla.pdf import Brand
from sla.scorecard import MOST_LEVELS, TREND, TREND_DAYS, Card, Line, Section, as_of, inside_of, restated_note, up_to
from sla.spans import Span


def card_of(client: Client, span: Span, now: datetime) -> tuple[Card, dict[int, str], dict[int, str]]:
    """The scorecard with, by number, the address of each level and of each window."""
    since = from_epoch(local_midnight(span.first - timedelta(days=TREND_DAYS), ZoneInfo("UTC")))
    titles = dict(queries.matters(client).values_list("id", "title"))
    found: list[tuple[queries.Level, list[Window], list[Window]]] = []
    for level in queries.levels_since(client, since):
        trend = [window for window in level.windows if up_to(window.figure, span)]
        inside = [window for window in trend if inside_of(window.figure, span)]
        if inside:
            found.append((level, inside, trend[-TREND:]))
    more, found = max(0, len(found) - MOST_LEVELS), found[:MOST_LEVELS]
    shown = [window for _, inside, _ in found for window in inside]
    ages = aged_at_closing({window.attainment.pk: window.figure for window in shown if window.figure.clocked})
    sections = [
        Section(
            level.name,
            titles.get(level.matter_id, ""),
            inside[-1].figure.version,
            [_line(window, ages) for window in inside],
            [window.figure for window in trend],
        )
        for level, inside, trend in found
    ]
    at = as_of([line for section in sections for line in section.lines], now)
    card = Card(client.name, client.name, "", span, sections, at, client.time_zone, more)
    keys = {window.attainment.pk: window.key for window in shown}
    return card, {index: level.slug for index, (level, _, _) in enumerate(found)}, keys


def _line(window: Window, ages: Mapping[tuple[int, datetime], Ageing]) -> Line:
    stored = window.attainment
    snapshot = snapshot_of(stored)
    ruling = snapshot.get("verdict", {}).get("default", "")
    why = (snapshot.get("restates") or {}).get("reason", "")
    age = ages.get((stored.level_id, stored.window_start))
    return Line(window.figure, window.claim, age, ruling, restated_note(stored, why))


def last_published(client: Client) -> date | None:
    """The month in which the latest published window begins."""
    row = queries.published(client).order_by("-window_start").first()
    if row is None:
        return None
    zone = ZoneInfo(snapshot_of(row)["window"]["zone"])
    return row.window_start.astimezone(zone).date().replace(day=1)


def brand_of(client: Client, otherwise: str) -> Brand:
    """The provider as its last invoice to this client shows it."""
    row = queries.invoices(client).filter(state=InvoiceState.ISSUED).defer(None).order_by("-id").values_list("snapshot", flat=True).first()
    if row is None:
        return Brand(otherwise, "#0b57d0")
    seller = Snapshot.from_json(row).seller
    return Brand(seller.legal_name, seller.logo_colour)
