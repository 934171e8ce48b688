"""One incident, several levels: what a claim shares with others, and the client's choice between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from engagements.decision_forms import WithMessage
from engagements.forms import Refusable
from engagements.views.messages import message_of
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.localtime import from_epoch
from sla import actions, queries, wording
from sla.earnback import helped_by, steps_of
from sla.incidents import CHOICE, WITHDRAWN, Alike, alike, around, awaited, named, paid_instead, waiting
from sla.models import Attainment, CreditClaim
from sla.queries import first_day as day_of
from sla.views.edges import acting, attempt, level_or_404, window_or_404
from sla.views.levels import crumbs, level_url, numbers_of
from sla.wording import number as plain

ON_THE_CLIENTS_SIDE = {P.EDIT_WORK, P.DECIDE_FOR_CLIENT}


class ChoiceForm(Refusable, WithMessage):
    """`shown`: the claims that were asked about, so that a choice among others is not taken for one among these."""

    shown = forms.CharField(widget=forms.HiddenInput, max_length=2_000)
    credit = forms.ChoiceField(label="The client wants", widget=forms.RadioSelect)
    note = forms.CharField(max_length=500, required=False, help_text="What else it said.")
    field_order = ["credit", "message", "message_text", "note"]

    def __init__(self, *args: Any, choices: list[tuple[str, str]], attorney: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credit"].choices = choices  # type: ignore[attr-defined]
        if attorney:
            self.fields.pop("message"), self.fields.pop("message_text")

    @property
    def asked(self) -> list[str]:
        return str(self.cleaned_data["shown"]).split()


def urls_of(organization: str, claims: Sequence[CreditClaim]) -> dict[int, str]:
    """The page of each claim's window."""
    rows = CreditClaim.objects.filter(pk__in=[claim.pk for claim in claims])
    found = list(rows.select_related("level__workstream", "attainment__level_version").defer("attainment__snapshot"))
    numbers = numbers_of([claim.level for claim in found])
    return {claim.pk: level_url("window", organization, claim.level, numbers[claim.level_id], _first_day(claim)) for claim in found}


def _first_day(claim: CreditClaim) -> date:
    return day_of(claim.attainment.window_start, claim.attainment.level_version)


def beside(request: TenantRequest, claim: CreditClaim | None, choose_url: str) -> dict[str, Any]:
    """What a window's page says of its claim's incident."""
    if claim is None or not (claim.incident or claim.yields_to_id):
        return {"incident": [], "incident_waits": "", "instead": None, "choose_url": ""}
    others, instead = alike([claim])[claim.pk], paid_instead(claim)
    urls = urls_of(request.organization.slug, [*(other.claim for other in others), *([instead] if instead else [])])
    may_choose = claim.incident.get("rule") == CHOICE and bool(ON_THE_CLIENTS_SIDE & request.actor.permissions)
    return {
        "incident": [(other, urls[other.claim.pk]) for other in others],
        "incident_waits": awaited(claim.incident),
        "instead": (named(instead), urls[instead.pk]) if instead else None,
        "choose_url": choose_url if may_choose else "",
    }


def earning(found: Attainment | None, claim: CreditClaim | None, url: Callable[[date], str], organization: str) -> dict[str, Any]:
    """What a closed window's page says of earning back its own credit, and which earlier ones it helped to earn back. `url`: of the
    level's window that begins on a day."""
    if found is None or found.state != "closed":
        return {"earning": [], "helped": []}
    steps = steps_of(found) if claim is not None and claim.state != WITHDRAWN else []
    helped = helped_by(found)
    urls = urls_of(organization, helped)
    return {
        "earning": [(step, url(step.window.first_day) if step.attainment is not None else "") for step in steps],
        "earning_terms": wording.earn_back(found.level_version) if steps else "",
        "helped": [(claim, urls[claim.pk]) for claim in helped],
    }


@dataclass(frozen=True, slots=True)
class Incident:
    """Claims over the same missed items that wait for the client's choice, as a list shows them."""

    claim: CreditClaim
    others: Sequence[Alike]
    url: str
    choose_url: str

    @property
    def percent(self) -> str:
        return plain(self.claim.percent)

    @property
    def choose_by(self) -> date | None:
        by = self.claim.incident["choose_by"]
        return date.fromisoformat(by) if by else None


def to_choose(request: TenantRequest, where: Q) -> list[Incident]:
    """What waits for the client's choice, an incident a row."""
    rows = CreditClaim.objects.filter(where).select_related("level__workstream__client", "attainment__level_version")
    claims = waiting(rows.defer("attainment__snapshot"))
    others, numbers = alike(claims), numbers_of([claim.level for claim in claims])
    may_choose = bool(ON_THE_CLIENTS_SIDE & request.actor.permissions)

    def url(name: str, claim: CreditClaim) -> str:
        return level_url(name, request.organization.slug, claim.level, numbers[claim.level_id], _first_day(claim))

    return [Incident(one, others[one.pk], url("window", one), url("choose_credit", one) if may_choose else "") for one in claims]


@requires(P.VIEW_LEVELS, POST=P.VIEW_LEVELS)
@acting
def choose(request: TenantRequest, organization: str, prefix: str, number: int, first_day: date) -> HttpResponse:
    """Which credit of an incident the client wants: on the attorney's sign-in, or with what the client wrote."""
    if not ON_THE_CLIENTS_SIDE & request.actor.permissions:
        request.actor.need(min(ON_THE_CLIENTS_SIDE))
    level = level_or_404(prefix, number)
    here = level_url("window", organization, level, number, first_day)
    claim = _claim_or_404(level.pk, from_epoch(window_or_404(level, first_day)[1].start))
    found = around(claim.attainment)
    asked = [_key(row) for row in found.candidates(claim)] if claim.incident else []
    if request.method != "POST" and len(asked) < 2:
        return HttpResponseRedirect(here)
    # What there was to choose when the form was shown may have changed since: the action says so, with what stands.
    known = {_key(row): row for row in [claim, *found.gone, *found.live]}
    offered = [name for name in request.POST.get("shown", "").split() if name in known] or asked
    form = ChoiceForm(
        request.POST or None,
        request.FILES or None,
        choices=[(name, _described(known[name])) for name in offered],
        attorney=P.DECIDE_FOR_CLIENT in request.actor.permissions,
        initial={"shown": " ".join(asked)},
    )
    if attempt(form, lambda: _choose(request, form, known)) is not None:
        return HttpResponseRedirect(here)
    shared = [f"{named(claim)} and {other.name} share {other.shared}." for other in alike([claim])[claim.pk]]
    context = {
        "form": form,
        "title": "One incident: which credit the client wants",
        "submit": "Record",
        "cancel_url": here,
        "note": " ".join([*shared, awaited(claim.incident)]),
        "crumbs": [*crumbs(organization, level, number), (claim.attainment.label, here), ("Client's choice", "")],
    }
    return render(request, "engagements/form.html", context, status=422 if form.is_bound else 200)


def _claim_or_404(level_id: int, start: datetime) -> CreditClaim:
    rows = Attainment.objects.filter(level_id=level_id, window_start=start, state="closed").order_by("-revision")
    latest = rows.select_related("level__workstream__matter", "level_version").first()
    claim = queries.claim_of(latest) if latest is not None else None
    if claim is None:
        raise Http404("No such page.")
    return claim


def _key(claim: CreditClaim) -> str:
    """What a form names a claim by: the figure it was made from, so that one of another revision is another."""
    return f"{claim.inputs['snapshot_sha256'][:16]}-{plain(claim.percent)}"


def _described(claim: CreditClaim) -> str:
    return f"{named(claim)}: {plain(claim.percent)} % of the credit base"


def _choose(request: TenantRequest, form: ChoiceForm, known: dict[str, CreditClaim]) -> CreditClaim:
    chosen = known[form.cleaned_data["credit"]]
    message = message_of(request, form, None, chosen.level.workstream.matter)
    among = [known[name].pk for name in form.asked if name in known]
    return actions.choose_credit(claim=chosen, among=among, by=request.actor, note=form.cleaned_data["note"], message=message)
