"""Charge terms of an engagement: what is charged, since when, for whom; read back in words and worked out before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from billing import actions, queries, wording
from billing.actions.terms import proposed
from billing.forms import FORMS, MODELS, CloseTermForm, EndSeatForm, SeatForm, TermForm
from billing.models import ChargeTerm, ChargeTermVersion, UsageRecord
from billing.views import usage
from billing.views.edges import acting, address, engagement_or_404, term_or_404, to
from billing.worked import worked_months
from engagements.contract_forms import offer_clauses
from engagements.models import Engagement
from engagements.queries import clauses_on
from engagements.views.edges import refused_too_large, says_too_large
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from lpo.core.paging import newest_first

MODEL_WORDS = {
    "fixed": "The same amount every period, or once: a retainer, project management, a set-up fee.",
    "unit": "A price for each item delivered or accepted, flat or in tiers: NDAs, documents, pages.",
    "per_user": "A price for each seat and period, by the days it was held: platform users.",
    "data_volume": "A price for each GB or GiB hosted or moved, by sum, average, peak or month-end: review platforms, productions.",
    "outcome": "A fee for each event, a share of its amount, or both: settlements, recoveries.",
    "expense": "What was laid out for the client, at cost or marked up, each with its code: couriers, court fees.",
    "hourly": "A rate by the hour for a person, a role or everybody, from approved time: counsel, project management.",
    "staff": "A rate by month, day or hour for placed people, from the timesheets the client approved: augmented staff.",
}


@dataclass(frozen=True)
class Listed:
    """A term with its versions, oldest first."""

    number: int
    term: ChargeTerm
    versions: Sequence[ChargeTermVersion]
    currency: str
    today: date

    @property
    def current(self) -> ChargeTermVersion:
        """The version in force today, else the one to come."""
        begun = [version for version in self.versions if version.effective_from <= self.today]
        return begun[-1] if begun else self.versions[0]

    @property
    def status(self) -> tuple[str, str]:
        if self.closed:
            return "paused", "Closed"
        if self.current.effective_from > self.today:
            return "draft", f"From {wording.day(self.current.effective_from)}"
        return "met", "In force"

    @property
    def closed(self) -> bool:
        last = self.versions[-1]
        return last.effective_to is not None and last.effective_to < self.today

    @property
    def ending(self) -> date | None:
        return self.versions[-1].effective_to

    @property
    def price(self) -> str:
        return wording.summary(self.current, self.term.model, self.currency)

    @property
    def words(self) -> list[str]:
        return wording.describe(self.current, self.term.model, self.currency)


def _listed(engagement: Engagement) -> list[Listed]:
    versions: dict[int, list[ChargeTermVersion]] = {}
    for version in (
        ChargeTermVersion.objects.filter(term__engagement=engagement)
        .select_related("workstream", "placement", "timekeeper__user")
        .order_by("number")
    ):
        versions.setdefault(version.term_id, []).append(version)
    currency, today = queries.currency_of(engagement), queries.local_day(timezone.now(), engagement.legal_entity.time_zone)
    terms = enumerate(ChargeTerm.objects.filter(engagement=engagement).order_by("id"), start=1)
    found = [Listed(number, term, versions[term.id], currency, today) for number, term in terms]
    return sorted(found, key=lambda row: (row.term.position, row.number))


@requires(P.VIEW_MONEY)
def terms(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    context = {
        "engagement": engagement,
        "rows": _listed(engagement),
        "may_edit": request.membership.may(P.EDIT_TERMS),
        "new_url": address("new_term", organization, reference),
        "crumbs": [*_crumbs(organization, engagement)[:-1], ("Charge terms", "")],
    }
    return render(request, "billing/terms.html", context)


def _crumbs(slug: str, engagement: Engagement) -> list[tuple[str, str]]:
    return [
        ("Engagements", reverse("engagements:engagements", args=[slug])),
        (f"{engagement.reference} {engagement.title}", reverse("engagements:engagement", args=[slug, engagement.reference])),
        ("Charge terms", address("terms", slug, engagement.reference)),
    ]


# --- create and revise ---------------------------------------------------------------------------------------------------------


@requires(P.EDIT_TERMS, POST=P.EDIT_TERMS)
@acting
def new_term(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    model = request.GET.get("model", "")
    crumbs = [*_crumbs(organization, engagement), ("New", "")]
    if model not in FORMS:
        choices = [(code, label, MODEL_WORDS[code]) for code, label in MODELS.items()]
        return render(request, "billing/choose_model.html", {"engagement": engagement, "choices": choices, "crumbs": crumbs})
    initial = {"effective_from": _next_first(engagement), "name": ""}
    form = FORMS[model](request.POST or None, engagement=engagement, currency=queries.currency_of(engagement), named=True, initial=initial)
    term = ChargeTerm(client_id=engagement.client_id, engagement=engagement, model=model)

    def save() -> ChargeTerm:
        data = form.cleaned_data
        position = ChargeTerm.objects.filter(engagement=engagement).count() + 1
        return actions.create_term(
            engagement=engagement, name=data["name"], model=model, version=form.version_fields(), by=request.actor, position=position
        )

    title = f"New term: {MODELS[model].lower()}"
    page = _TermPage(engagement, term, 1, form, title, crumbs)
    return _term_form(request, page, save)


def _next_first(engagement: Engagement) -> date:
    """The first of this month, or the engagement's first day where that is later."""
    return max(timezone.localdate().replace(day=1), engagement.starts_on)


@dataclass(frozen=True)
class _TermPage:
    engagement: Engagement
    term: ChargeTerm
    number: int
    form: TermForm
    title: str
    crumbs: list[tuple[str, str]]


def _term_form(request: TenantRequest, page: _TermPage, save: Any) -> HttpResponse:
    """The form; with "preview" its reading in words and three worked months; with "save" the term."""
    form, shown = page.form, None
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("do") == "save":
                saved = save()
                messages.success(request, f"{saved} is saved.")
                return to("terms", request, page.engagement.reference)
            shown = _shown(page)
        except Refused as refused:
            form.refuse(refused)
    offer_clauses(form, clauses_on(page.engagement, timezone.localdate()))
    context = {
        "form": form,
        "title": page.title,
        "crumbs": page.crumbs,
        "shown": shown,
        "engagement": page.engagement,
        "model": page.term.model,
    }
    return render(request, "billing/term_form.html", context, status=422 if form.errors else 200)


def _shown(page: _TermPage) -> dict[str, Any]:
    page.term.name = page.form.cleaned_data.get("name", page.term.name)
    version = proposed(page.term, page.number, page.form.version_fields(), page.engagement)
    months = worked_months(version, page.term.model, page.engagement)
    return {"words": wording.describe(version, page.term.model, page.form.currency), "months": months, "currency": page.form.currency}


@requires(P.EDIT_TERMS, POST=P.EDIT_TERMS)
@acting
def revise_term(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """A new version from a date on; days before it keep their price."""
    engagement = engagement_or_404(reference)
    term = term_or_404(engagement, number)
    latest = (
        ChargeTermVersion.objects.filter(term=term).select_related("workstream", "placement", "timekeeper__user").order_by("-number")[0]
    )
    columns = [field.name for field in ChargeTermVersion._meta.get_fields()]
    initial = {name: getattr(latest, name) for name in columns if name not in {"effective_from", "effective_to"}}
    initial |= {"effective_from": None, "recurring": "yes" if latest.recurring else "no"}
    currency = queries.currency_of(engagement)
    form = FORMS[term.model](request.POST or None, engagement=engagement, currency=currency, named=False, initial=initial)
    crumbs = [*_crumbs(organization, engagement), (term.name, address("term", organization, reference, number)), ("Revise", "")]

    def save() -> ChargeTerm:
        actions.revise_term(term=term, version=form.version_fields(), by=request.actor)
        return term

    return _term_form(request, _TermPage(engagement, term, latest.number + 1, form, f"Revise {term.name}", crumbs), save)


@requires(P.EDIT_TERMS, POST=P.EDIT_TERMS)
@acting
def close_term(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    term = term_or_404(engagement, number)
    form = CloseTermForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.close_term(term=term, last_day=form.cleaned_data["last_day"], by=request.actor)
        except Refused as refused:
            form.refuse(refused)
        else:
            messages.success(request, f"{term.name} charges nothing after {wording.day(form.cleaned_data['last_day'])}.")
            return to("terms", request, reference)
    crumbs = [*_crumbs(organization, engagement), (term.name, address("term", organization, reference, number)), ("Close", "")]
    context = {
        "form": form,
        "title": f"Close {term.name}",
        "crumbs": crumbs,
        "submit": "Close the term",
        "note": "Nothing is charged after its last day. What was charged before stays.",
        "cancel_url": address("term", organization, reference, number),
    }
    return render(request, "billing/form.html", context, status=422 if form.is_bound else 200)


# --- one term, and its seats -----------------------------------------------------------------------------------------------------


@requires(P.VIEW_MONEY, POST=P.RECORD_USAGE)
@acting
@says_too_large
def term(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """A term with its versions; one fed by reported usage also with its records or seats, and the form to add one."""
    engagement = engagement_or_404(reference)
    found = term_or_404(engagement, number)
    found.engagement = engagement
    seats = found.model == "per_user"
    form = SeatForm(request.POST or None) if seats else usage.entry_form(request, found)
    if request.method == "POST":
        if form is None:
            raise Http404("No such page.")
        if "file" in form.fields and refused_too_large(request, form):
            pass
        elif form.is_valid() and (_added(request, found, form) if isinstance(form, SeatForm) else usage.added(request, found, form)):
            return HttpResponseRedirect(request.path)
    listed = next(row for row in _listed(engagement) if row.number == number)
    context = {
        "engagement": engagement,
        "listed": listed,
        "versions": [(version, wording.describe(version, found.model, listed.currency)) for version in reversed(listed.versions)],
        "seats": _seats(request, found) if seats else None,
        "usage": usage.listed(request, found) if form is not None and not seats else None,
        "may_record": request.membership.may(P.RECORD_USAGE),
        "may_approve": request.membership.may(P.APPROVE_INVOICES),
        "import_url": address("usage_import", organization, reference, number) if form is not None else "",
        "form": form,
        "may_edit": request.membership.may(P.EDIT_TERMS),
        "revise_url": address("revise_term", organization, reference, number),
        "close_url": address("close_term", organization, reference, number),
        "crumbs": [*_crumbs(organization, engagement), (found.name, "")],
    }
    return render(request, "billing/term.html", context, status=422 if form is not None and form.is_bound else 200)


def _added(request: TenantRequest, term: ChargeTerm, form: SeatForm) -> bool:
    """A seat typed by a person; the same one typed twice is one."""
    data = form.cleaned_data
    try:
        actions.record_usage(
            term=term,
            source="entered",
            event_id=f"{term.id}:{data['subject']}:{data['starts_on']}",
            subject=data["subject"],
            starts_on=data["starts_on"],
            ends_on=data["ends_on"],
            by=request.actor,
        )
    except Refused as refused:
        if refused.field == "event_id":
            refused = Refused(f"{data['subject']} already has a seat from {wording.day(data['starts_on'])}; end that one.", "subject")
        form.refuse(refused)
        return False
    messages.success(request, f"{data['subject']} holds a seat from {wording.day(data['starts_on'])}.")
    return True


def _seats(request: TenantRequest, term: ChargeTerm) -> dict[str, Any]:
    """Who holds or held a seat, the last recorded first. Numbers count every record, so they never move."""
    today = timezone.localdate()
    held = Q(starts_on__lte=today) & (Q(ends_on__isnull=True) | Q(ends_on__gte=today))
    standing = UsageRecord.objects.filter(term=term, withdrawn_at__isnull=True)
    counts = standing.aggregate(all=Count("id"), now=Count("id", filter=held))
    page = newest_first(standing, request.GET.dict())
    counted = UsageRecord.objects.filter(term=term).annotate(number=Window(RowNumber(), order_by=F("id").asc()))
    numbers = dict(counted.values_list("id", "number"))
    rows = [(numbers[row.id], row, row.ends_on is None or row.ends_on >= today) for row in page.rows]
    return {"page": page, "rows": rows, "now": counts["now"], "all": counts["all"]}


@requires(P.RECORD_USAGE, POST=P.RECORD_USAGE)
@acting
def end_seat(request: TenantRequest, organization: str, reference: str, number: int, seat: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    found = term_or_404(engagement, number)
    rows = list(UsageRecord.objects.filter(term=found).order_by("id")[seat - 1 : seat]) if seat > 0 else []
    if not rows:
        raise Http404("No such page.")
    back = address("term", organization, reference, number)
    form = EndSeatForm(request.POST or None, initial={"last_day": rows[0].ends_on or timezone.localdate()})
    if request.method == "POST" and form.is_valid():
        try:
            ended = actions.end_seat(usage=rows[0], last_day=form.cleaned_data["last_day"], by=request.actor)
        except Refused as refused:
            form.refuse(refused)
        else:
            corrected = " The next invoice bills the difference." if ended.pk != rows[0].pk else ""
            messages.success(request, f"{ended.subject} holds the seat up to {wording.day(form.cleaned_data['last_day'])}.{corrected}")
            return HttpResponseRedirect(back)
    note = f"Held since {wording.day(rows[0].starts_on)}. Invoices already issued stay as they are; the next one bills any difference."
    context = {
        "form": form,
        "title": f"End the seat of {rows[0].subject}",
        "crumbs": [*_crumbs(organization, engagement), (found.name, back), ("End seat", "")],
        "submit": "End the seat",
        "note": note,
        "cancel_url": back,
    }
    return render(request, "billing/form.html", context, status=422 if form.is_bound else 200)
