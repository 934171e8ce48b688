"""What the portal reads. The database shows its role the own client's published rows only; the filters here say so again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from django.db.models import F, JSONField, Q, QuerySet
from django.db.models.fields.json import KT, KeyTextTransform
from django.db.models.functions import Cast
from django.utils.text import slugify

from billing.models import Invoice, InvoiceLine, InvoiceState
from engagements.models import Client, Matter, Milestone, StatusUpdate
from lpo.audit.models import Document
from lpo.core.charts import AttainmentChart, Point
from lpo.portal.columns import readable
from lpo.portal.frozen import Window, window_of
from sla.earnback import claims_that_count
from sla.models import Attainment, CreditClaim
from sla.queries import claim_of
from sla.scorecard import chart_of

WINDOWS = 12
# A client has a handful of matters; far beyond that the oldest are left to their own pages.
MATTERS = 200
MILESTONES = 50


def matters(client: Client) -> QuerySet[Matter]:
    return readable(Matter).filter(client=client, published_at__isnull=False)


def milestones(matter: Matter) -> list[Milestone]:
    """What the client was shown of the matter, and of its engagement as a whole, by the day it is due."""
    rows = readable(Milestone).filter(
        Q(matter=matter) | Q(matter__isnull=True, engagement_id=matter.engagement_id), published_at__isnull=False
    )
    return list(rows.order_by("shown_due_on", "id")[:MILESTONES])


def latest_updates(client: Client) -> list[StatusUpdate]:
    """The last update of each matter, newest first."""
    rows = readable(StatusUpdate, "matter").filter(client_id=client.pk)
    last = rows.order_by("matter_id", "-id").distinct("matter_id")[:MATTERS]
    return sorted(last, key=lambda update: (update.published_at, update.pk), reverse=True)


# --- service levels -----------------------------------------------------------------------------------------------------


@dataclass
class Level:
    """One service level as the client knows it: its published windows, oldest first, and the present one so far."""

    name: str
    slug: str
    matter_id: int
    level_id: int | None = None
    windows: list[Window] = field(default_factory=list)
    so_far: dict[str, Any] | None = None
    as_of: datetime | None = None

    @property
    def last(self) -> Window | None:
        return self.windows[-1] if self.windows else None

    @property
    def promise(self) -> str:
        return self.last.figure.promised if self.last else str((self.so_far or {}).get("promise", ""))

    @property
    def kind(self) -> str:
        """The status of the present window, else of the last closed one."""
        if self.so_far is not None and self.so_far["denominator"]:
            return str(self.so_far["kind"])
        return self.last.figure.kind if self.last else "draft"

    def chart(self) -> AttainmentChart | None:
        if self.last is None:
            return None
        figure, told, so_far = self.last.figure, self.so_far, None
        if told is not None and told["denominator"] and told["window"] != self.last.attainment.label:
            share, met = Fraction(told["numerator"], told["denominator"]), {"met": True, "breach": False}.get(told["kind"])
            label = told["window"].partition(" –")[0] if " –" in told["window"] else told["window"][:3]
            so_far = Point(label, share, told["denominator"], met, name=told["window"], open=True)
        return chart_of(f"{self.name}: {figure.promised}", figure.version, [window.figure for window in self.windows], so_far)


def published(client: Client) -> QuerySet[Attainment]:
    return readable(Attainment).filter(client_id=client.pk, state="closed", published_at__isnull=False)


def _names(client: Client) -> list[Level]:
    """Every level with a published window, under the name of its last one. Namesakes are numbered in the order they were made."""
    rows = published(client).order_by("level_id", "-window_start", "-revision").distinct("level_id")
    seen: dict[str, int] = defaultdict(int)
    found = []
    for level_id, matter_id, name in rows.values_list("level_id", "matter_id", KT("snapshot__level__name")):
        slug = slugify(name) or "level"
        seen[slug] += 1
        found.append(Level(name, slug if seen[slug] == 1 else f"{slug}-{seen[slug]}", matter_id, level_id))
    return found


def _windows(client: Client, levels: Iterable[Level], since: datetime) -> dict[int, list[Window]]:
    """The latest revision of each window since an instant, with its credit, by level and oldest first."""
    ids = [level.level_id for level in levels]
    rows = published(client).filter(level_id__in=ids, window_start__gte=since)
    latest = list(rows.order_by("level_id", "window_start", "-revision").distinct("level_id", "window_start"))
    # A restated window whose credit came to the same keeps the claim of its earlier revision.
    of_windows = CreditClaim.objects.filter(level_id__in=ids, attainment__window_start__gte=since)
    of_windows = claims_that_count(of_windows).annotate(window_start=F("attainment__window_start")).order_by("attainment__revision", "id")
    claims = {(claim.level_id, claim.window_start): claim for claim in of_windows}
    found: dict[int, list[Window]] = defaultdict(list)
    for row in latest:
        found[row.level_id].append(window_of(row, claims.get((row.level_id, row.window_start))))
    return found


def published_by_hash(client: Client, hashes: Sequence[str]) -> dict[str, int]:
    """Of some frozen figures, by their hash, those the client was shown."""
    return dict(published(client).filter(snapshot_sha256__in=hashes).values_list("snapshot_sha256", "pk"))


def level_names(client: Client) -> dict[int, str]:
    """By number, the levels with a published window."""
    return {level.level_id: level.name for level in _names(client) if level.level_id is not None}


def levels_since(client: Client, since: datetime) -> list[Level]:
    """Every level with all of its published windows since an instant, oldest first."""
    known = _names(client)
    stored = _windows(client, known, since)
    for level in known:
        level.windows = stored.get(level.level_id or 0, [])
    return known


def levels(client: Client, updates: Sequence[StatusUpdate], now: datetime) -> list[Level]:
    """Every level the client was told of: closed windows of the last twelve, and how the present ones stand in the last update."""
    known = _names(client)
    # Twelve windows of a quarter each are three years; months are cut to twelve below.
    stored = _windows(client, known, now - timedelta(days=3 * 366))
    for level in known:
        level.windows = stored.get(level.level_id or 0, [])[-WINDOWS:]
    waiting = list(known)
    for update in updates:
        for told in update.figures.get("levels", []):
            measured = next((row for row in waiting if (row.matter_id, row.name) == (update.matter_id, told["level"])), None)
            if measured is None:
                measured = Level(told["level"], "", update.matter_id)
                known.append(measured)
            else:
                waiting.remove(measured)
            measured.so_far, measured.as_of = told, update.published_at
    return known


def level_named(client: Client, slug: str, now: datetime) -> Level | None:
    """A level by its address, with its windows."""
    level = next((row for row in _names(client) if row.slug == slug), None)
    if level is not None:
        level.windows = _windows(client, [level], now - timedelta(days=3 * 366)).get(level.level_id or 0, [])[-WINDOWS:]
    return level


def window_named(client: Client, slug: str, key: str) -> tuple[Level, Window] | None:
    """A window by its address. It stays there however old it gets."""
    level = next((row for row in _names(client) if row.slug == slug), None)
    if level is None:
        return None
    try:
        about = datetime.fromisoformat(f"{key if key.count('-') > 1 else f'{key}-01'}T00:00:00+00:00")
    except ValueError:
        return None
    near = published(client).filter(
        level_id=level.level_id, window_start__gte=about - timedelta(days=2), window_start__lt=about + timedelta(days=40)
    )
    for row in near.order_by("-revision"):
        window = window_of(row)
        if window.key == key:
            return level, window_of(row, claim_of(row))
    return None


def address_of(client: Client, attainment_id: int) -> tuple[str, str] | None:
    """The level's and the window's part of the address, for a figure that another page names."""
    row = published(client).filter(pk=attainment_id).first()
    if row is None:
        return None
    level = next(level for level in _names(client) if level.level_id == row.level_id)
    return level.slug, window_of(row).key


def credited_on(claim: CreditClaim | None) -> InvoiceLine | None:
    """The issued line that gave a credit."""
    if claim is None:
        return None
    return readable(InvoiceLine, "invoice").filter(claim_id=claim.pk).order_by("-id").first()


# --- invoices -------------------------------------------------------------------------------------------------------------


def invoices(client: Client) -> QuerySet[Invoice]:
    """Issued invoices with the period they bill, read from the snapshot without fetching it."""
    document = Cast("snapshot", JSONField())
    return (
        readable(Invoice)
        .filter(client=client, state=InvoiceState.ISSUED)
        .defer("snapshot")
        .annotate(
            period_start=KeyTextTransform("period_start", document),
            period_end=KeyTextTransform("period_end", document),
            engagement_title=KeyTextTransform("engagement_title", document),
        )
    )


def stored_pdf(invoice: Invoice) -> Document | None:
    """The published file of an issued invoice; its bytes are part of the row."""
    found = readable(Document).filter(kind="invoice_pdf", client_id=invoice.client_id, reference=invoice.number, published=True)
    return found.order_by("id").first()
