"""Boxes of this room on the pages of work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone

from engagements import panels, states
from engagements.models import Engagement, Matter, WorkItem, Workstream
from engagements.panels import Panel
from lpo.accounts.access import TenantRequest
from lpo.accounts.roles import Permission as P
from lpo.core.localtime import to_epoch
from lpo.core.templatetags.components import worst
from lpo.core.templatetags.formats import instant
from sla import board, queries, windows
from sla.explain import explained
from sla.facts import read
from sla.hazard import hazard_of, histories
from sla.models import Adjudication, Clock, Exclusion, QualityCheck, SampleItem, ServiceLevel
from sla.queries import Figure

CHECKS_SHOWN = 10


def register() -> None:
    """Called once the applications are loaded."""
    for slots, source in (
        (panels.item_panels, item_panel),
        (panels.item_panels, quality_panel),
        (panels.workstream_panels, workstream_panel),
        (panels.workstream_panels, workstream_quality),
        (panels.matter_panels, matter_panel),
        (panels.matter_panels, matter_quality),
        (panels.engagement_panels, engagement_panel),
    ):
        if source not in slots:
            slots.append(source)


def item_panel(request: TenantRequest, item: WorkItem) -> Panel | None:
    """Every clock of the item, explained interval by interval."""
    if not request.membership.may(P.VIEW_LEVELS):
        return None
    clocks = list(
        Clock.objects.filter(item=item).select_related("item", "level", "level_version__calendar_version").order_by("level_id", "cycle")
    )
    for clock in clocks:
        clock.level_version.level = clock.level
    live = {row.level_id: row for row in Exclusion.objects.filter(item=item, withdrawn_at__isnull=True)}
    ordinals = {row.pk: number for number, row in enumerate(Exclusion.objects.filter(item=item).order_by("id"), 1)} if live else {}
    now = timezone.now()
    levels = ServiceLevel.objects.filter(workstream_id=item.workstream_id).order_by("id").values_list("id", flat=True)
    numbers = {pk: number for number, pk in enumerate(levels, 1)}
    running = [clock for clock in clocks if clock.stopped_at is None and clock.held_since is None and clock.due_at >= now]
    known = histories([clock.level_id for clock in running if clock.cycle == 1], now)
    rows = [
        (
            entry,
            live.get(entry.clock.level_id),
            _include_url(request, item, ordinals, live.get(entry.clock.level_id)),
            _evidence_url(request, item, ordinals, live.get(entry.clock.level_id)),
            _window_of(request, item, entry.clock, numbers[entry.clock.level_id]),
            hazard_of(known, entry.clock.level_id, board.standing(entry.clock, now)[2]) if entry.clock in running else None,
        )
        for entry in (explained(read([item.pk]), clocks, now) if clocks else [])
    ]
    context: dict[str, Any] = {
        "rows": rows,
        "exclude_url": reverse("sla:exclude", args=[request.organization.slug, item.reference]) if clocks else "",
        "may_edit": request.membership.may(P.EDIT_LEVELS),
        "exclude_text": "Not our error" if item.kind == states.ERROR else "Exclude from a level",
        "now": now,
    }
    note = f"computed {instant(now)}" if clocks else ""
    return Panel("Clocks", "sla/_item_clocks.html", context, P.VIEW_LEVELS, note=note)


def _window_of(request: TenantRequest, item: WorkItem, clock: Clock, number: int) -> dict[str, str]:
    """The window this clock counts in, by name and address: where its outcome becomes a figure."""
    version = clock.level_version
    label = windows.period(to_epoch(clock.window_start), version.time_zone, version.window).label
    parts = [request.organization.slug, item.workstream.item_prefix, number, queries.first_day(clock.window_start, version)]
    return {"label": label, "url": reverse("sla:window", args=parts)}


def _include_url(request: TenantRequest, item: WorkItem, ordinals: dict[int, int], exclusion: Exclusion | None) -> str:
    if exclusion is None:
        return ""
    return reverse("sla:include", args=[request.organization.slug, item.reference, ordinals[exclusion.pk]])


def _evidence_url(request: TenantRequest, item: WorkItem, ordinals: dict[int, int], exclusion: Exclusion | None) -> str:
    if exclusion is None or exclusion.evidence_id is None or not request.membership.may(P.VIEW_WORK_PRODUCT):
        return ""
    return reverse("sla:exclusion_evidence", args=[request.organization.slug, item.reference, ordinals[exclusion.pk]])


def quality_panel(request: TenantRequest, item: WorkItem) -> Panel | None:
    """Checks of the item, with a way to record one."""
    may_check = request.membership.may(P.CHECK_QUALITY)
    if not (may_check or request.membership.may(P.VIEW_LEVELS)):
        return None
    # Whoever is to check it a second time does not read what others found.
    mine = SampleItem.objects.filter(item=OuterRef("item"), checker_id=request.membership.pk, state="drawn")
    known = QualityCheck.objects.filter(~Exists(mine), item=item).select_related("sampled__plan")
    decided = Adjudication.objects.filter(quality_check=OuterRef("pk")).values("errors")
    checks = list(known.annotate(decided=Subquery(decided)).order_by("-checked_at", "-id")[:CHECKS_SHOWN])
    if not checks and not may_check:
        return None
    context = {
        "checks": [(check, item.first_delivered_at is not None and check.checked_at >= item.first_delivered_at) for check in checks],
        "check_url": reverse("sla:check", args=[request.organization.slug, item.reference]),
        "may_check": may_check,
    }
    return Panel("Quality", "sla/_item_quality.html", context)


def _figures(request: TenantRequest, where: Q) -> list[tuple[Figure, str]]:
    """The present figure of each active level with its address, in two statements."""
    slug = request.organization.slug
    versions = queries.numbered_versions(where)
    figures: Any = queries.figures_by(versions, timezone.now()) if versions else []
    return [(figure, reverse("sla:level", args=[slug, figure.level.workstream.item_prefix, figure.version.ordinal])) for figure in figures]


def _note(rows: list[tuple[Figure, str]]) -> str:
    """When the oldest of the figures was computed, and when the window closes."""
    computed = [figure.attainment.computed_at for figure, _ in rows if figure.attainment is not None]
    return f"computed {instant(min(computed))}" if computed else "nothing measured yet"


def workstream_panel(request: TenantRequest, workstream: Workstream) -> Panel | None:
    """Target, actual, met of counted, state and credit of each level in its running window."""
    rows = _figures(request, Q(level__workstream=workstream))
    context = {
        "rows": rows,
        "kind": worst(figure.kind for figure, _ in rows),
        "new_url": f"{reverse('sla:choose_level', args=[request.organization.slug])}?workstream={workstream.item_prefix}",
        "replays_url": reverse("sla:scenarios", args=[request.organization.slug, workstream.item_prefix]),
        "may_edit": request.membership.may(P.EDIT_LEVELS),
        "named": False,
    }
    title = f"Service levels, {rows[0][0].label}" if rows else "Service levels"
    return Panel(title, "sla/_figures.html", context, P.VIEW_LEVELS, note=_note(rows) if rows else "", flush=bool(rows))


def workstream_quality(request: TenantRequest, workstream: Workstream) -> Panel:
    """The way to its samples, findings and overturned calls."""
    url = reverse("sla:quality", args=[request.organization.slug, workstream.item_prefix])
    return Panel("Quality", "sla/_quality_link.html", {"url": url}, P.VIEW_LEVELS, aside=True)


def matter_quality(request: TenantRequest, matter: Matter) -> Panel:
    url = reverse("sla:matter_quality", args=[request.organization.slug, matter.reference])
    return Panel("Quality", "sla/_quality_link.html", {"url": url}, P.VIEW_LEVELS, aside=True)


def matter_panel(request: TenantRequest, matter: Matter) -> Panel | None:
    """The levels of every workstream of the matter so far."""
    return _panel_of(request, Q(level__workstream__matter=matter))


def engagement_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """The levels of every workstream of the engagement in their running windows. Walled matters stay out by row-level security."""
    views = {"scorecard_url": "scorecard", "ledger_url": "engagement_ledger"}
    links = {name: reverse(f"sla:{view}", args=[request.organization.slug, engagement.reference]) for name, view in views.items()}
    return _panel_of(request, Q(level__workstream__matter__engagement=engagement), links)


def _panel_of(request: TenantRequest, where: Q, links: Mapping[str, str] | None = None) -> Panel | None:
    if not request.membership.may(P.VIEW_LEVELS):
        return None
    rows = _figures(request, where)
    if not rows:
        return None
    context = {
        "rows": rows,
        "kind": worst(figure.kind for figure, _ in rows),
        "new_url": "",
        "may_edit": False,
        "named": True,
        **(links or {}),
    }
    return Panel(f"Service levels, {rows[0][0].label}", "sla/_figures.html", context, P.VIEW_LEVELS, note=_note(rows), flush=True)
