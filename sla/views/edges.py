"""What the room's views do alike: finding levels by the references people say, refusals, answers to htmx."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header

from engagements.models import WorkItem
from lpo.accounts.access import TenantRequest
from lpo.accounts.actor import NotPermitted
from lpo.core.errors import Refused, StaleVersion
from lpo.core.localtime import from_epoch, local_midnight
from lpo.core.periods import Period
from lpo.core.views import conflict
from sla.counting import version_for
from sla.models import Calendar, ServiceLevel, ServiceLevelVersion
from sla.windows import FIRST_YEAR, YEARS, period

View = Callable[..., HttpResponse]
CSV = "text/csv; charset=utf-8"
PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def acting(view: View) -> View:
    """What actions raise becomes an answer: 403 where the role forbids, 409 with both values where somebody else saved first."""

    @wraps(view)
    def guarded(request: TenantRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotPermitted as error:
            raise PermissionDenied(str(error)) from error
        except StaleVersion as stale:
            return conflict(request, yours=_written(stale.yours), theirs=_written(stale.theirs), back=request.path)

    return guarded


def _written(values: dict[str, object]) -> str:
    return "; ".join(f"{name.replace('_', ' ')}: {value if value not in (None, '') else '—'}" for name, value in values.items())


def streamed(content: Iterable[bytes], name: str, media_type: str) -> StreamingHttpResponse:
    """A file in pieces, saved and never rendered on this origin."""
    headers = {"Content-Disposition": content_disposition_header(True, name) or "attachment", "X-Content-Type-Options": "nosniff"}
    return StreamingHttpResponse(content, content_type=media_type, headers=headers)


def attempt(form: Any, act: Callable[[], Any]) -> Any:
    """Run an action for a valid form; a refusal goes to its field and None is returned."""
    if not form.is_valid():
        return None
    try:
        return act()
    except StaleVersion:
        raise
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return None


def address(name: str, slug: str, *parts: object) -> str:
    return reverse(f"sla:{name}", args=[slug, *parts])


def level_or_404(prefix: str, number: int) -> ServiceLevel:
    """The nth level of the workstream with this item prefix: levels are never removed, so the number stays."""
    levels = ServiceLevel.objects.filter(workstream__item_prefix=prefix).order_by("id")
    found: ServiceLevel | None = (
        levels.select_related("workstream__client", "workstream__matter__engagement")[number - 1 : number].first() if number else None
    )
    if found is None:
        raise Http404("No such page.")
    return found


def number_of(level: ServiceLevel) -> int:
    return ServiceLevel.objects.filter(workstream_id=level.workstream_id, id__lte=level.pk).count()


def calendar_or_404(number: int) -> Calendar:
    found: Calendar | None = Calendar.objects.order_by("id")[number - 1 : number].first() if number else None
    if found is None:
        raise Http404("No such page.")
    return found


def item_or_404(reference: str) -> WorkItem:
    found: WorkItem | None = WorkItem.objects.filter(reference=reference).select_related("workstream__matter").first()
    if found is None:
        raise Http404("No such page.")
    return found


def window_or_404(level: ServiceLevel, first_day: date) -> tuple[ServiceLevelVersion, Period]:
    """The version and the window that begins on a day of the contract's own calendar."""
    if not FIRST_YEAR <= first_day.year < FIRST_YEAR + YEARS:
        raise Http404("No such page.")
    zones = ServiceLevelVersion.objects.filter(level=level).order_by("effective_from").values_list("time_zone", "window")
    for zone, window in dict.fromkeys(zones):
        found = period(local_midnight(first_day, ZoneInfo(zone)), zone, window)
        if found.first_day == first_day:
            version = version_for(level.pk, from_epoch(found.start))
            if version is not None:
                version.level = level
                return version, found
    raise Http404("No such page.")
