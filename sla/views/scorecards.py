"""Scorecards of an engagement and of a whole client: page, PDF and workbook of one month or quarter."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from engagements.models import Client, Engagement, LegalEntity
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.tenancy.context import current_scope
from sla.exports import card_workbook
from sla.pdf import Brand, render_card
from sla.scorecard import MOST_LEVELS, Card, Section, as_of, sections_of
from sla.spans import NoPeriod, periods, span_named
from sla.views.edges import PDF, XLSX, streamed
from sla.views.levels import level_url, numbers_of, window_url

_NO_PERIOD = "No such page."


def _engagement_or_404(reference: str) -> Engagement:
    found: Engagement | None = Engagement.objects.filter(reference=reference).select_related("client", "legal_entity").first()
    if found is None:
        raise Http404(_NO_PERIOD)
    return found


def _client_or_404(code: str) -> Client:
    found: Client | None = Client.objects.filter(code=code).first()
    if found is None:
        raise Http404(_NO_PERIOD)
    return found


def _card(request: TenantRequest, where: Q, now: datetime, whole: bool, *, title: str, client: Client, reference: str = "") -> Card:
    """What was asked for as it stands now. An address that names no period is not found, and says why."""
    zone = client.time_zone
    try:
        span = span_named(request.GET.get("period", ""), now.astimezone(ZoneInfo(zone)).date())
    except NoPeriod as error:
        raise Http404(str(error)) from error
    sections, more = sections_of(where, span, now, None if whole else MOST_LEVELS)
    at = as_of([line for section in sections for line in section.lines], now)
    return Card(title, client.name, reference, span, sections, at, zone, more)


def _of_engagement(request: TenantRequest, reference: str, whole: bool = False) -> tuple[Card, Engagement]:
    found = _engagement_or_404(reference)
    where = Q(workstream__matter__engagement=found)
    return _card(request, where, timezone.now(), whole, title=found.title, client=found.client, reference=found.reference), found


def _of_client(request: TenantRequest, code: str, whole: bool = False) -> tuple[Card, Client]:
    found = _client_or_404(code)
    return _card(request, Q(client_id=found.pk), timezone.now(), whole, title=found.name, client=found), found


@requires(P.VIEW_LEVELS)
def scorecard(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    card, found = _of_engagement(request, reference)
    trail = [
        (found.client.name, reverse("engagements:client", args=[organization, found.client.code])),
        (f"{found.reference} {found.title}", reverse("engagements:engagement", args=[organization, reference])),
    ]
    return _page(request, card, "scorecard", reference, trail)


@requires(P.VIEW_LEVELS)
def client_scorecard(request: TenantRequest, organization: str, code: str) -> HttpResponse:
    card, found = _of_client(request, code)
    trail = [(found.name, reverse("engagements:client", args=[organization, code]))]
    return _page(request, card, "client_scorecard", code, trail)


def _page(request: TenantRequest, card: Card, name: str, named: str, trail: list[tuple[str, str]]) -> HttpResponse:
    slug = request.organization.slug
    asked = f"?{urlencode({'period': card.span.key})}"
    context = {
        "card": card,
        "sections": _addressed(slug, card.sections),
        **periods(card.span),
        "pdf_url": reverse(f"sla:{name}_pdf", args=[slug, named]) + asked,
        "xlsx_url": reverse(f"sla:{name}_xlsx", args=[slug, named]) + asked,
        "crumbs": [*trail, ("Scorecard", "")],
    }
    return render(request, "sla/scorecard.html", context)


def _addressed(slug: str, sections: Any) -> list[tuple[Section, str, str, list[tuple[Any, str]]]]:
    """Each level and window with its address."""
    numbers = numbers_of([section.level for section in sections])
    found = []
    for section in sections:
        number = numbers[section.level.pk]
        lines = [(line, window_url(slug, line.figure, number)) for line in section.lines]
        link = partial(level_url, slug=slug, level=section.level, number=number)
        found.append((section, link("level"), link("level_csv"), lines))
    return found


def _pdf(card: Card, entities: list[LegalEntity], request: TenantRequest) -> HttpResponse:
    """Under the legal entity that signed; under the organization's own name where several did."""
    signed = entities[0] if len(entities) == 1 else None
    brand = Brand(signed.name, signed.colour) if signed is not None else Brand(request.organization.name, "#0b57d0")
    answer = HttpResponse(render_card(card, brand), content_type=PDF)
    answer["Content-Disposition"] = f'attachment; filename="{_file_name(card)}.pdf"'
    return answer


def _file_name(card: Card) -> str:
    return f"scorecard-{card.reference or card.client}-{card.span.key}".lower().replace(" ", "-").replace('"', "")


@requires(P.VIEW_LEVELS)
def scorecard_pdf(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    card, found = _of_engagement(request, reference)
    return _pdf(card, [found.legal_entity], request)


@requires(P.VIEW_LEVELS)
def client_scorecard_pdf(request: TenantRequest, organization: str, code: str) -> HttpResponse:
    card, found = _of_client(request, code)
    signed = Engagement.objects.filter(client=found).values("legal_entity")
    return _pdf(card, list(LegalEntity.objects.filter(pk__in=signed).order_by("id")[:2]), request)


@requires(P.VIEW_LEVELS)
def scorecard_xlsx(request: TenantRequest, organization: str, reference: str) -> StreamingHttpResponse:
    card, _ = _of_engagement(request, reference, whole=True)
    return streamed(card_workbook(card, timezone.now(), current_scope()), f"{_file_name(card)}.xlsx", XLSX)


@requires(P.VIEW_LEVELS)
def client_scorecard_xlsx(request: TenantRequest, organization: str, code: str) -> StreamingHttpResponse:
    card, _ = _of_client(request, code, whole=True)
    return streamed(card_workbook(card, timezone.now(), current_scope()), f"{_file_name(card)}.xlsx", XLSX)
