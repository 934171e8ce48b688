"""The contest ledger of an engagement and of the whole organization, and what the client says of an exclusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from engagements import listing
from engagements.decision_forms import ContestForm
from engagements.models import Client, Engagement
from engagements.views.messages import message_of
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.exports import Cell, write_csv
from lpo.tenancy.context import current_scope
from sla import actions
from sla.ledger import KINDS, PARTIES, STATES, Asked, Entry, every, page_of
from sla.models import Exclusion
from sla.views.edges import CSV, acting, attempt, item_or_404, streamed
from sla.views.incidents import to_choose
from sla.views.levels import level_url, numbers_of

_HEADER = [
    *["kind", "client", "engagement", "matter", "item", "external id", "party", "reason", "note", "evidence", "notified", "contest by"],
    *[
        "state",
        "contested",
        "what is disputed",
        "settled",
        "resolution",
        "effect",
        "due without it",
        "due",
        "windows",
        "provisional claims",
    ],
]
_BATCH = 500


def _engagement_or_404(reference: str) -> Engagement:
    found: Engagement | None = Engagement.objects.filter(reference=reference).select_related("client").first()
    if found is None:
        raise Http404("No such page.")
    return found


def _asked(values: Mapping[str, str]) -> Asked:
    """What the query string or a saved view names; a value that is none of the choices is left out."""
    said = {name: values.get(name, "")[:40] for name in ("state", "kind", "party", "client")}
    choices: dict[str, Any] = {"state": STATES, "kind": KINDS, "party": PARTIES}
    return Asked(**{name: value if name == "client" or value in choices[name] else "" for name, value in said.items()})


@requires(P.VIEW_LEVELS)
def ledger(request: TenantRequest, organization: str) -> HttpResponse:
    clients = [(client.code, client.name) for client in Client.objects.order_by("name")[:200]]
    trail = [("Service levels", reverse("sla:levels", args=[organization])), ("Contest ledger", "")]
    listed = listing.asked(request, "ledger")
    return _page(request, (Q(), Q()), reverse("sla:ledger_csv", args=[organization]), trail, clients, listed)


@requires(P.VIEW_LEVELS)
def engagement_ledger(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    found = _engagement_or_404(reference)
    trail = [
        (found.client.name, reverse("engagements:client", args=[organization, found.client.code])),
        (f"{found.reference} {found.title}", reverse("engagements:engagement", args=[organization, reference])),
        ("Contest ledger", ""),
    ]
    csv_url = reverse("sla:engagement_ledger_csv", args=[organization, reference])
    where = Q(item__workstream__matter__engagement=found), Q(level__workstream__matter__engagement=found)
    return _page(request, where, csv_url, trail, [])


def _page(
    request: TenantRequest,
    where: tuple[Q, Q],
    csv_url: str,
    trail: list[tuple[str, str]],
    clients: list[tuple[str, str]],
    listed: listing.Asked | None = None,
) -> HttpResponse:
    """`where`: of its entries, and of the claims beside them. `listed`: what was asked for where the list has saved views."""
    of_entries, of_claims = where
    asked = _asked(request.GET if listed is None else listed.values)
    chosen = asked.as_query()
    query = chosen if listed is None else listed.query
    page = page_of(of_entries, asked, timezone.now(), after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    levels = {level.pk: level for entry in page.entries for level, _, _ in entry.windows}
    numbers = numbers_of(list(levels.values()))
    context = {
        "incidents": [] if {"after", "before"} & request.GET.keys() else to_choose(request, of_claims & _client_q(asked)),
        "asked": listed,
        "entries": asked,
        "chosen": chosen,
        "may_save": request.membership.may(P.SAVE_VIEWS),
        "problems": listing.unknown(listed.values, {"client": clients}, {"client": "Client"}) if listed is not None else [],
        "rows": [(entry, _windows(request, entry, numbers)) for entry in page.entries],
        "clients": clients,
        "states": [(name, text) for name, (_, text) in STATES.items()],
        "kinds": list(KINDS.items()),
        "parties": list(PARTIES.items()),
        "csv_url": csv_url + (f"?{urlencode(chosen)}" if chosen else ""),
        "previous_url": f"?{urlencode({**query, 'before': page.previous})}" if page.previous else "",
        "next_url": f"?{urlencode({**query, 'after': page.next})}" if page.next else "",
        "summary": f"{len(page.entries):,} shown",
        "may_read": request.membership.may(P.VIEW_WORK_PRODUCT),
        "may_decide": bool({P.EDIT_WORK, P.DECIDE_FOR_CLIENT} & request.actor.permissions),
        "may_withdraw": request.membership.may(P.EDIT_LEVELS),
        "crumbs": trail,
    }
    return render(request, "sla/ledger.html", context)


def _client_q(asked: Asked) -> Q:
    return Q(level__workstream__client__code=asked.client) if asked.client else Q()


def _windows(request: TenantRequest, entry: Entry, numbers: dict[int, int]) -> list[tuple[str, str]]:
    slug = request.organization.slug
    return [(f"{level.name}, {label}", level_url("window", slug, level, numbers[level.pk], first)) for level, label, first in entry.windows]


@requires(P.VIEW_LEVELS)
def ledger_csv(request: TenantRequest, organization: str) -> StreamingHttpResponse:
    return streamed(_csv(request, Q()), "contest-ledger.csv", CSV)


@requires(P.VIEW_LEVELS)
def engagement_ledger_csv(request: TenantRequest, organization: str, reference: str) -> StreamingHttpResponse:
    where = Q(item__workstream__matter__engagement=_engagement_or_404(reference))
    return streamed(_csv(request, where), f"contest-ledger-{reference}.csv".lower(), CSV)


def _csv(request: TenantRequest, where: Q) -> Iterator[bytes]:
    """The same entries as a file; instants in UTC."""
    asked, now, scope = _asked(request.GET), timezone.now(), current_scope()

    def pieces() -> Iterator[bytes]:
        yield write_csv(_HEADER, [])
        for entry in every(where, asked, now, scope):
            yield write_csv(_HEADER, [_line(entry)]).partition(b"\r\n")[2]

    return pieces()


def _line(entry: Entry) -> list[Cell]:
    row, item = entry.row, entry.item
    stream = item.workstream
    return [
        *[KINDS[entry.kind], stream.client.code, stream.matter.engagement.reference, stream.matter.reference],
        *[item.reference, item.external_id or "", entry.party, entry.reason, entry.note, "yes" if row.evidence_id else "no"],
        *[entry.notified_at, row.contest_by, entry.status[1], row.contested_at, row.contest_note, row.resolved_at, row.resolution],
        *[entry.effect, entry.moved_from, entry.moved_to, "; ".join(f"{level.name}, {label}" for level, label, _ in entry.windows)],
        "; ".join(entry.claims),
    ]


_DECISIONS = {
    "contest": ({P.EDIT_WORK, P.DECIDE_FOR_CLIENT}, "The client contests it", "What is disputed; the client reads it."),
    "accept": ({P.EDIT_WORK, P.DECIDE_FOR_CLIENT}, "The client accepts it", "How a dispute ended, if there was one; the client reads it."),
    "withdraw": ({P.EDIT_LEVELS}, "Withdraw: count the item again", "Why; the client reads it."),
}


@requires(P.VIEW_LEVELS, POST=P.VIEW_LEVELS)
@acting
def decide(request: TenantRequest, organization: str, reference: str, number: int, what: str) -> HttpResponse:
    """What becomes of the nth exclusion of an item: on the attorney's sign-in, or with what the client wrote."""
    if what not in _DECISIONS:
        raise Http404("No such page.")
    wanted, title, help_text = _DECISIONS[what]
    if not wanted & request.actor.permissions:
        request.actor.need(min(wanted))
    item = item_or_404(reference)
    listed = Exclusion.objects.filter(item=item).select_related("level__workstream__matter", "item").order_by("id")
    rows = list(listed[number - 1 : number]) if number else []
    if not rows:
        raise Http404("No such page.")
    form = ContestForm(request.POST or None, request.FILES or None)
    form.fields["note"].help_text = help_text
    if what == "withdraw" or P.DECIDE_FOR_CLIENT in request.actor.permissions:
        form.fields.pop("message"), form.fields.pop("message_text")
    here = reverse("engagements:item", args=[organization, reference])
    if attempt(form, lambda: _decide(request, rows[0], what, form)) is not None:
        return HttpResponseRedirect(here)
    context = {
        "form": form,
        "title": f"{title}: {reference} excluded from {rows[0].level.name}",
        "submit": "Record",
        "cancel_url": here,
        "note": f"Excluded because: {rows[0].reason}",
        "crumbs": [(reference, here), ("Exclusion", "")],
    }
    return render(request, "engagements/form.html", context, status=422 if form.is_bound else 200)


def _decide(request: TenantRequest, exclusion: Exclusion, what: str, form: Any) -> Exclusion:
    note = form.cleaned_data["note"]
    if what == "withdraw":
        return actions.withdraw_exclusion(exclusion=exclusion, by=request.actor, note=note)
    message = message_of(request, form, exclusion.item, exclusion.level.workstream.matter)
    act = actions.contest_exclusion if what == "contest" else actions.accept_exclusion
    return act(exclusion=exclusion, by=request.actor, note=note, message=message)
