"""The client's contest ledger: pauses and exclusions of its published windows, with the day until which each can be contested."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone

from engagements.models import Client, Pause
from lpo.accounts.access import TenantRequest
from lpo.core.exports import Cell, write_csv
from lpo.portal import queries
from lpo.portal.access import address, page, portal, streamed
from lpo.portal.columns import readable
from lpo.tenancy.context import current_scope
from sla.incidents import Alike, alike, awaited, named, waiting
from sla.ledger import KINDS, STATES, Asked, Entry, Keys, every, page_of
from sla.models import CreditClaim, Exclusion
from sla.wording import number

_HEADER = [
    *["kind", "item", "responsible", "reason", "from", "until", "notified", "contest by", "state", "contested", "what is disputed"],
    *["settled", "resolution"],
]


def _entries(keys: Keys, now: datetime) -> list[Entry]:
    """What the keys name, by the columns the client may read."""
    found: dict[str, dict[int, Any]] = {
        "pause": readable(Pause).in_bulk([pk for _, kind, pk in keys if kind == "pause"]),
        "exclusion": readable(Exclusion).in_bulk([pk for _, kind, pk in keys if kind == "exclusion"]),
    }
    return [Entry.of(kind, found[kind][pk], at, now) for at, kind, pk in keys]


def _asked(request: TenantRequest) -> Asked:
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    return Asked(state=state if state in STATES else "", kind=kind if kind in KINDS else "")


def _own(client: Client) -> Q:
    return Q(client_id=client.pk, published_at__isnull=False)


@portal
def ledger(request: TenantRequest, client: Client) -> HttpResponse:
    asked, now = _asked(request), timezone.now()
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    found = page_of(_own(client), asked, now, after=after, before=before, load=_entries)
    names = queries.level_names(client)
    query = asked.as_query()
    chips = [{"label": "All", "url": "?", "current": not asked.state}]
    chips += [{"label": text, "url": f"?state={name}", "current": asked.state == name} for name, (_, text) in STATES.items()]
    context = {
        "choices": [] if after or before or query else _choices(request, client),
        "rows": [(entry, names.get(entry.row.level_id, "") if entry.kind == "exclusion" else "") for entry in found.entries],
        "chosen": query,
        "chips": chips,
        "previous_url": f"?{urlencode({**query, 'before': found.previous})}" if found.previous else "",
        "next_url": f"?{urlencode({**query, 'after': found.next})}" if found.next else "",
        "zone": client.time_zone,
    }
    return page(request, client, "ledger.html", context)


def _choices(request: TenantRequest, client: Client) -> list[tuple[str, str, list[Alike], str]]:
    """Credits of published windows that wait for the client's choice: name, address, the others of the incident, what it waits for."""
    claims = waiting(CreditClaim.objects.filter(client_id=client.pk))
    others = alike(claims)
    found = []
    for claim in claims:
        place = queries.address_of(client, claim.attainment_id)
        if others[claim.pk] and place is not None:
            name = f"{named(claim)} ({number(claim.percent)} %)"
            found.append((name, address(request, client, "window", *place), others[claim.pk], awaited(claim.incident, to_client=True)))
    return found


@portal
def ledger_csv(request: TenantRequest, client: Client) -> StreamingHttpResponse:
    """All of the same entries as a file; instants in UTC."""
    where, asked, now, scope = _own(client), _asked(request), timezone.now(), current_scope()

    def pieces() -> Iterator[bytes]:
        yield write_csv(_HEADER, [])
        for entry in every(where, asked, now, scope, load=_entries):
            yield write_csv(_HEADER, [_line(entry)]).partition(b"\r\n")[2]

    return streamed(pieces(), f"contest-ledger-{client.code}.csv".lower(), "text/csv; charset=utf-8")


def _line(entry: Entry) -> list[Cell]:
    row = entry.row
    return [
        *[KINDS[entry.kind], row.shown_as, entry.party, entry.reason, getattr(row, "started_at", None)],
        *[getattr(row, "ended_at", None), entry.notified_at, row.contest_by, entry.status[1], row.contested_at],
        *[row.contest_note, row.resolved_at, row.resolution],
    ]
