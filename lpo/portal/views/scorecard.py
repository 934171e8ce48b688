"""The scorecard of published windows, as a page and as a PDF."""

from __future__ import annotations

from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.utils import timezone

from engagements.models import Client
from lpo.accounts.access import TenantRequest
from lpo.portal.access import address, download, page, portal
from lpo.portal.scorecard import brand_of, card_of, last_published
from sla.pdf import render_card
from sla.spans import NoPeriod, Span, periods, span_named


def _span(request: TenantRequest, client: Client) -> Span:
    """What was asked for, else the month of the last published window."""
    asked = request.GET.get("period", "")
    last = None if asked else last_published(client)
    if last is not None:
        return Span(last, 1)
    try:
        return span_named(asked, timezone.now().astimezone(ZoneInfo(client.time_zone)).date())
    except NoPeriod as error:
        raise Http404(str(error)) from error


@portal
def scorecard(request: TenantRequest, client: Client) -> HttpResponse:
    span = _span(request, client)
    card, slugs, keys = card_of(client, span, timezone.now())
    sections = []
    for index, section in enumerate(card.sections):
        slug = slugs[index]
        lines = [
            (line, address(request, client, "window", slug, keys[line.figure.attainment.pk]))
            for line in section.lines
            if line.figure.attainment is not None
        ]
        sections.append((section, address(request, client, "level", slug), address(request, client, "level_csv", slug), lines))
    context = {
        "card": card,
        "sections": sections,
        "pdf_url": f"{address(request, client, 'scorecard_pdf')}?{urlencode({'period': span.key})}",
        **periods(span),
    }
    return page(request, client, "scorecard.html", context)


@portal
def scorecard_pdf(request: TenantRequest, client: Client) -> HttpResponse:
    card, _, _ = card_of(client, _span(request, client), timezone.now())
    content = render_card(card, brand_of(client, request.organization.name))
    return download(content, f"scorecard-{client.code}-{card.span.key}.pdf".lower(), "application/pdf")
