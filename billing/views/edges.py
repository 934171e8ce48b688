"""What the room's views do alike: finding by reference, answering refusals and late saves, asking who it is once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import wraps
from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from billing import overview
from billing.models import ChargeTerm, Invoice
from engagements.models import Engagement, Timesheet
from lpo.accounts.access import TenantRequest
from lpo.accounts.actor import NotPermitted
from lpo.core.errors import Refused, StaleVersion
from lpo.core.validators import plausible
from lpo.core.views import conflict

View = Callable[..., HttpResponse]


def acting(view: View) -> View:
    """What actions raise becomes an answer: 403 where the role forbids, 409 where somebody else saved first."""

    @wraps(view)
    def guarded(request: TenantRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotPermitted as error:
            raise PermissionDenied(str(error)) from error
        except StaleVersion as stale:
            back = getattr(request, "page_url", request.path)
            return conflict(request, yours=_written(stale.yours), theirs=_written(stale.theirs), back=back)

    return guarded


def _written(values: Mapping[str, object]) -> str:
    return "; ".join(f"{name.replace('_', ' ')}: {value if value not in (None, '') else '—'}" for name, value in values.items())


def address(name: str, slug: str, *parts: object) -> str:
    return reverse(f"billing:{name}", args=[slug, *parts])


def to(name: str, request: TenantRequest, *parts: object) -> HttpResponseRedirect:
    return HttpResponseRedirect(address(name, request.organization.slug, *parts))


def engagement_or_404(reference: str) -> Engagement:
    found: Engagement | None = Engagement.objects.filter(reference=reference).select_related("client", "legal_entity").first()
    if found is None:
        raise Http404("No such page.")
    return found


def invoice_or_404(reference: str, period: str) -> Invoice:
    found = overview.by_reference(reference, period)
    if found is None:
        raise Http404("No such page.")
    return found


def term_or_404(engagement: Engagement, number: int) -> ChargeTerm:
    """Terms are numbered within their engagement in the order they were made; none is ever removed."""
    found = list(ChargeTerm.objects.filter(engagement=engagement).order_by("id")[number - 1 : number]) if number > 0 else []
    if not found:
        raise Http404("No such page.")
    return found[0]


def invoice_url(request: TenantRequest, invoice: Invoice, name: str = "invoice", *more: object) -> str:
    return address(name, request.organization.slug, invoice.engagement.reference, invoice.period.slug, *more)


def timesheet_url(slug: str, sheet: Timesheet) -> str:
    """The version's own page. Needs the placement with its matter."""
    parts = [slug, sheet.placement.matter.reference, sheet.placement.number, sheet.period_start.isoformat()]
    return f"{reverse('engagements:timesheet', args=parts)}?v={sheet.number}"


def month_of(text: str) -> date | None:
    """The first day of a month written 2026-10; None for what is no month, or of no year that can be meant."""
    try:
        month = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 -- a month has no zone
    except ValueError:
        return None
    return month if plausible(month) else None


def ask_again(request: TenantRequest, back: str) -> HttpResponse | None:
    """To the page that asks for the password or a code once more, and back; None when that was a moment ago."""
    if did_recently_reauthenticate(request):
        return None
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")


def told(request: TenantRequest, act: Callable[[], Any], success: str = "") -> bool:
    """Run an action; what it refuses is shown on the next page."""
    try:
        act()
    except StaleVersion:
        raise
    except Refused as refused:
        messages.error(request, refused.message)
        return False
    if success:
        messages.success(request, success)
    return True


def file(content: bytes, name: str, media_type: str, *, inline: bool = False) -> HttpResponse:
    """A file that is shown or saved, never run; the strict policy of every answer holds for it too."""
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'{"inline" if inline else "attachment"}; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
