"""Service levels: twelve windows of each, and every window down to the rows it was computed from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from engagements.models import Client
from lpo.accounts.access import TenantRequest
from lpo.core.exports import Cell, write_csv
from lpo.portal import queries
from lpo.portal.access import address, download, page, portal
from lpo.portal.frozen import Window, snapshot_of
from lpo.portal.paging import positions, whole
from lpo.portal.queries import Level
from lpo.tenancy.context import Scope, current_scope, scoped
from sla import evidence, wording
from sla.earnback import helped_by
from sla.incidents import alike, awaited, named, paid_instead
from sla.models import Attainment, AttainmentRow, CreditClaim
from sla.queries import Figure
from sla.restated import restated_of

SIZE = 50
CHUNK = 5_000
CLOCK_HEADER = (
    "item", "external id", "outcome", "started", "due", "stopped", "used seconds", "paused seconds", "late seconds", "reason",
)  # fmt: skip
CHECK_HEADER = ("item", "external id", "outcome", "received", "checked", "units", "errors", "reason")
VOLUME_HEADER = ("item", "external id", "outcome", "received", "delivered", "counts", "reason")


@portal
def levels(request: TenantRequest, client: Client) -> HttpResponse:
    found = queries.levels(client, queries.latest_updates(client), timezone.now())
    return page(request, client, "levels.html", {"levels": found})


def _level_or_404(client: Client, slug: str) -> Level:
    level = queries.level_named(client, slug, timezone.now())
    if level is None:
        raise Http404
    return level


@portal
def level(request: TenantRequest, client: Client, level: str) -> HttpResponse:
    found = _level_or_404(client, level)
    last = found.last
    context = {
        "level": found,
        "promise": wording.promise(last.figure.version) if last else "",
        "chart": found.chart(),
        "windows": found.windows[::-1],
    }
    return page(request, client, "level.html", context)


@portal
def level_csv(request: TenantRequest, client: Client, level: str) -> HttpResponse:
    """The chart's figures: counts as they are and the exact share."""
    found = _level_or_404(client, level)
    header = ("window", "numerator", "denominator", "result", "promised", "state", "excluded", "credit", "snapshot sha256")
    rows = [
        (
            w.attainment.label, w.attainment.numerator, w.attainment.denominator, w.exact, w.figure.promised, w.figure.state,
            w.attainment.excluded, w.credit, w.attainment.snapshot_sha256,
        )
        for w in found.windows
    ]  # fmt: skip
    return download(write_csv(header, rows), f"{client.code}-{found.slug}.csv".lower(), "text/csv; charset=utf-8")


@portal
def window(request: TenantRequest, client: Client, level: str, window: str) -> HttpResponse:
    found = queries.window_named(client, level, window)
    if found is None:
        raise Http404
    named, frozen = found
    outcome = request.GET.get("outcome", "")
    base = AttainmentRow.objects.filter(attainment=frozen.attainment)
    if outcome:
        if outcome not in _OUTCOMES:
            raise Http404
        base = base.filter(outcome=outcome)
    after, before = whole(request.GET.get("after", "")), whole(request.GET.get("before", ""))
    if before is not None and after is None:
        rows = list(base.filter(id__lt=before).order_by("-id")[: SIZE + 1])
        previous, following, rows = len(rows) > SIZE, True, rows[:SIZE][::-1]
    else:
        rows = list((base if after is None else base.filter(id__gt=after)).order_by("id")[: SIZE + 1])
        previous, following, rows = after is not None, len(rows) > SIZE, rows[:SIZE]
    line = queries.credited_on(frozen.claim)
    context = {
        "level": named,
        "window": frozen,
        "promise": wording.promise(frozen.figure.version),
        "rows": rows,
        "chips": _chips(frozen.attainment, frozen.figure, outcome),
        "intact": evidence.digest_of(snapshot_of(frozen.attainment)) == frozen.attainment.snapshot_sha256,
        "restated": restated_of(frozen.attainment, frozen.figure.version.time_zone),
        "ruling": snapshot_of(frozen.attainment).get("verdict", {}).get("default", "") if frozen.claim is None else "",
        "line": line,
        "line_url": address(request, client, "line", line.invoice.number, line.position) if line else "",
        **_incident(request, client, frozen.claim),
        **_earning(request, client, frozen),
        **positions(rows, "id", previous, following, outcome=outcome),
    }
    return page(request, client, "window.html", context)


_OUTCOMES = {"met": "Met", "missed": "Missed", "pending": "Pending", "excluded": "Excluded", "checked": "Checked"}


def _chips(attainment: Attainment, figure: Figure, outcome: str) -> list[dict[str, object]]:
    counts = {"excluded": attainment.excluded}
    if figure.throughput:
        counts = {"pending": attainment.pending, **counts}
    elif not figure.accuracy:
        missed = attainment.denominator - attainment.numerator
        counts = {"missed": missed, "met": attainment.numerator, "pending": attainment.pending, **counts}
    shown = [(name, number) for name, number in counts.items() if number]
    chips: list[dict[str, object]] = [{"label": "All rows", "url": "?", "current": not outcome}]
    for name, number in shown:
        chips.append({"label": _OUTCOMES[name], "url": f"?outcome={name}", "current": outcome == name, "count": number})
    return chips if len(shown) > (0 if figure.throughput else 1) else []


@portal
def window_csv(request: TenantRequest, client: Client, level: str, window: str) -> StreamingHttpResponse:
    """Every row as it was frozen, in batches: a window may hold half a million."""
    found = queries.window_named(client, level, window)
    if found is None:
        raise Http404
    named, frozen = found
    body = _csv(frozen.attainment.pk, frozen.figure, current_scope())
    name = f"{client.code}-{named.slug}-{frozen.key}.csv".lower()
    headers = {
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return StreamingHttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)


def _csv(attainment_id: int, figure: Figure, scope: Scope) -> Iterator[bytes]:
    """The response outlives the request's transaction, so each batch enters the viewer's scope again."""
    header = CHECK_HEADER if figure.accuracy else VOLUME_HEADER if figure.throughput else CLOCK_HEADER
    yield write_csv(header, [])
    after = 0
    while True:
        with scoped(scope):
            rows = list(AttainmentRow.objects.filter(attainment_id=attainment_id, id__gt=after).order_by("id")[:CHUNK])
        if not rows:
            return
        after = rows[-1].pk
        yield write_csv(header, [_cells(row, figure) for row in rows]).partition(b"\r\n")[2]


def _cells(row: AttainmentRow, figure: Figure) -> Sequence[Cell]:
    named = (row.item_reference, row.external_id, row.outcome, row.started_at)
    if figure.accuracy:
        return (*named, row.stopped_at, row.units, row.errors, row.reason)
    if figure.throughput:
        return (*named, row.stopped_at, row.weighted, row.reason)
    return (*named, row.due_at, row.stopped_at, row.used_seconds, row.paused_seconds, row.late_seconds, row.reason)


def _earning(request: TenantRequest, client: Client, frozen: Window) -> dict[str, object]:
    """The windows that earned this one's credit back, those published with their figure, and the credits this one helped to earn back."""

    def url(attainment_id: int) -> str:
        found = queries.address_of(client, attainment_id)
        return address(request, client, "window", *found) if found is not None else ""

    steps: list[tuple[str, str]] = []
    claim = frozen.claim
    if claim is not None and claim.earned_in_id is not None:
        windows = claim.inputs["earned_back"]["windows"]
        known = queries.published_by_hash(client, [each["snapshot_sha256"] for each in windows])
        for each in windows:
            pk = known.get(each["snapshot_sha256"])
            steps.append(
                (f"{each['window']}: {each['result']}", url(pk)) if pk is not None else (f"{each['window']}: not published yet", "")
            )
    helped = [(named(one), url(one.attainment_id)) for one in helped_by(frozen.attainment)]
    return {"earning": steps, "helped": helped}


def _incident(request: TenantRequest, client: Client, claim: CreditClaim | None) -> dict[str, object]:
    """The credits of published windows over the same missed items, and what is paid instead of this one."""
    if claim is None:
        return {"incident": [], "incident_waits": "", "instead": None}
    others, instead = alike([claim])[claim.pk], paid_instead(claim)

    def url(other: CreditClaim) -> str:
        found = queries.address_of(client, other.attainment_id)
        return address(request, client, "window", *found) if found is not None else ""

    return {
        "incident": [(other, url(other.claim)) for other in others],
        "incident_waits": awaited(claim.incident, to_client=True) if others else "",
        "instead": (named(instead), url(instead)) if instead is not None else None,
    }
