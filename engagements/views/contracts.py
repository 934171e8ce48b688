"""Contract versions: read, compare, amend, correct, sign, and their clauses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, contracts, queries
from engagements.contract_forms import ClauseForm, ContractCorrectForm, ContractForm, SignedFileForm
from engagements.models import Contract, ContractClause, Engagement
from engagements.models.clients import IncidentCredits
from engagements.views.edges import acting, address, attempt, engagement_crumbs, engagement_or_404, fields_of, posted, to
from engagements.views.messages import download, keep
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.audit.models import Document
from lpo.core.templatetags import formats


@dataclass(frozen=True)
class Line:
    """One term of a contract in words."""

    label: str
    text: str


def lines_of(contract: Contract, *, with_money: bool) -> list[Line]:
    """The terms of a version as people read them; money only for who may see it."""
    unit, each = contract.baseline_unit, contract.get_baseline_period_display().lower()

    def volume(value: Any) -> str:
        return "—" if value is None else f"{formats.quantity(value)} {unit}, {each}".replace(" ,", ",")

    amount = "—" if contract.baseline_amount is None else f"{_money(contract)}, {each}"
    found = [
        Line("In force from", formats.day(contract.effective_from)),
        Line("Signed on", formats.day(contract.signed_on) or "—"),
        Line("Zone", contract.time_zone),
        *([Line("Currency", contract.currency)] if with_money else []),
        Line("Payment", f"{contract.payment_days} days"),
        Line("Contest", f"{contract.contest_days} business days"),
        Line("Acceptance", f"{contract.acceptance_days} business days"),
        Line("Rework", contract.rework_terms or "—"),
        Line("Baseline volume", volume(contract.baseline_volume)),
        Line("Volume ceiling", volume(contract.volume_ceiling)),
        *([Line("Baseline amount", amount)] if with_money else []),
        Line("Credits are a share of", contract.get_credit_base_display()),
        Line("At risk", f"{formats.quantity(contract.at_risk_percent)} %"),
        Line("Cap reckoned over", contract.get_cap_period_display()),
        Line("One incident, several levels", _incident(contract)),
        Line("Turnaround credits on staff augmentation", "Agreed" if contract.turnaround_credits else "None"),
        Line("Purchase order named", contract.purchase_order or "—"),
    ]
    return found


def _incident(contract: Contract) -> str:
    """Which credit stands where several levels missed the same work, with a case worked out."""
    if contract.incident_credits == IncidentCredits.EACH:
        return "A credit of each level. One NDA that missed its turnaround (5 %) and its response (3 %) in a month: 8 %."
    if contract.incident_credits == IncidentCredits.LARGER:
        return "One credit, the larger. One NDA that missed its turnaround (5 %) and its response (3 %) in a month: 5 %."
    days = contract.choice_days
    silence = f"after {days} business day{'s' if days != 1 else ''} of silence the 5 %" if days else "the credit waits for that word"
    return (
        "One credit, the client's choice. One NDA that missed its turnaround (5 %) and its response (3 %) in a month: "
        f"the 5 % or the 3 %, as the client says; {silence}."
    )


def _money(contract: Contract) -> str:
    return f"{formats.money(contract.baseline_amount, contract.currency)} {contract.currency}"


def _version_or_404(engagement: Engagement, number: int) -> tuple[list[Contract], Contract]:
    versions = queries.contracts_of(engagement.id)
    found = next((row for row in versions if row.number == number), None)
    if found is None:
        raise Http404("No such page.")
    return versions, found


def _clause_or_404(contract: Contract, position: int) -> ContractClause:
    found: ContractClause | None = (
        ContractClause.objects.filter(contract=contract, position=position).select_related("contract").first() if position < 2**15 else None
    )
    if found is None:
        raise Http404("No such page.")
    return found


def _here(request: TenantRequest, engagement: Engagement, number: int) -> tuple[str, str]:
    return f"Contract, version {number}", address("contract", request.organization.slug, engagement.reference, number)


def _crumbs(request: TenantRequest, engagement: Engagement, number: int) -> list[tuple[str, str]]:
    return [*engagement_crumbs(request.organization.slug, engagement), _here(request, engagement, number)]


@requires(P.VIEW_WORK)
def contract(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    return _contract_page(request, engagement, number, SignedFileForm())


def _contract_page(request: TenantRequest, engagement: Engagement, number: int, file_form: SignedFileForm) -> HttpResponse:
    versions, found = _version_or_404(engagement, number)
    may_edit, with_money = request.membership.may(P.EDIT_WORK), request.membership.may(P.VIEW_MONEY)
    holds = queries.holds_of(found) if may_edit else []
    today = timezone.localdate()
    context = {
        "engagement": engagement,
        "contract": found,
        "versions": [(row, _span_text(versions, row), contracts.governing(versions, today) == row) for row in reversed(versions)],
        "state": _state(versions, found),
        "lines": lines_of(found, with_money=with_money),
        "clauses": list(ContractClause.objects.filter(contract=found).order_by("position")),
        "file": _file_of(found),
        "holds": queries.worded(holds),
        "free": may_edit and not holds,
        "latest": found == versions[-1],
        "others": [row for row in versions if row != found],
        "file_form": file_form,
        "may_edit": may_edit,
        "may_read": with_money,
        "events": queries.events_about(found),
        "crumbs": [*_crumbs(request, engagement, number)[:-1], (f"Contract, version {number}", "")],
    }
    return render(request, "engagements/contract.html", context, status=422 if file_form.is_bound else 200)


def _file_of(contract: Contract) -> Document | None:
    """Name and hash of the signed file, its bytes left where they are."""
    found: Document | None = Document.objects.filter(pk=contract.signed_file_id or 0).defer("content").first()
    return found


def _span_text(versions: list[Contract], row: Contract) -> str:
    span = contracts.span_of(versions, row)
    if span.end is not None and span.start == span.end:
        return "governs no day"
    until = f" to {formats.day(span.end - timedelta(days=1))}" if span.end is not None else ""
    return f"{formats.day(row.effective_from)}{until}" if until else f"from {formats.day(row.effective_from)}"


def _state(versions: list[Contract], row: Contract) -> tuple[str, str]:
    if contracts.governing(versions, timezone.localdate()) == row:
        return "met", "In force"
    return ("progressing", "Not yet in force") if row.effective_from > timezone.localdate() else ("draft", "Superseded")


@requires(P.VIEW_WORK)
def compare(request: TenantRequest, organization: str, reference: str, number: int, other: int) -> HttpResponse:
    """Two versions side by side: every term, every clause."""
    engagement = engagement_or_404(reference)
    _, one = _version_or_404(engagement, number)
    _, two = _version_or_404(engagement, other)
    with_money = request.membership.may(P.VIEW_MONEY)
    lines = zip(lines_of(one, with_money=with_money), lines_of(two, with_money=with_money), strict=True)
    context = {
        "engagement": engagement,
        "one": one,
        "two": two,
        "lines": [(a.label, a.text, b.text, a.text != b.text) for a, b in lines],
        "clauses": _clauses_compared(one, two, with_text=with_money),
        "crumbs": [*_crumbs(request, engagement, number), (f"Against version {other}", "")],
    }
    return render(request, "engagements/contract_compare.html", context)


def _clauses_compared(one: Contract, two: Contract, *, with_text: bool) -> list[tuple[str, str, str, str]]:
    """(number, before, after, what happened), in the order of the second version; gone ones last."""
    before = {row.number: row for row in ContractClause.objects.filter(contract=one).order_by("position")}
    after = {row.number: row for row in ContractClause.objects.filter(contract=two).order_by("position")}

    def said(row: ContractClause | None) -> str:
        if row is None:
            return ""
        return f"{row.title}\n{row.text}".strip() if with_text else row.title

    found = []
    for number in [*after, *(number for number in before if number not in after)]:
        a, b = before.get(number), after.get(number)
        if a is None or b is None:
            what = "Added" if a is None else "Gone"
        else:
            what = "Same" if (a.title, a.text) == (b.title, b.text) else "Changed"
        found.append((number, said(a), said(b), what))
    return found


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def edit_contract(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """The next version."""
    engagement = engagement_or_404(reference)
    latest = queries.latest_contract(engagement)
    settled = [hold.until for hold in queries.holds_of(latest) if hold.until is not None]
    begins = max([latest.effective_from, *(day + timedelta(days=1) for day in settled)])
    initial = {"number": latest.number, "effective_from": begins, "signed_on": None}
    form = ContractForm(posted(request), instance=latest, initial=initial)
    saved = attempt(
        form, lambda: actions.amend_contract(engagement=engagement, by=request.actor, number=form.cleaned_data["number"], **fields_of(form))
    )
    if saved is not None:
        return to("contract", request, reference, saved.number)
    n = latest.number
    note = (
        f"You are reading version {n}. A changed term is saved as version {n + 1} with the same clauses; earlier versions stay as they are."
    )
    return _form(request, engagement, n, form, title=f"Version {n + 1} of the contract", submit=f"Save version {n + 1}", note=note)


def _form(request: TenantRequest, engagement: Engagement, number: int, form: Any, **context: Any) -> HttpResponse:
    crumbs = _crumbs(request, engagement, number)
    page = {"form": form, "cancel_url": crumbs[-1][1], "crumbs": [*crumbs, (context["title"], "")], **context}
    template = "engagements/contract_form.html" if hasattr(form, "sections") else "engagements/form.html"
    return render(request, template, page, status=422 if form.is_bound else 200)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def correct_contract(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """A version put right in place, while nothing rests on it."""
    engagement = engagement_or_404(reference)
    _, found = _version_or_404(engagement, number)
    form = ContractCorrectForm(posted(request), instance=found, initial={"version": found.version})
    saved = attempt(
        form, lambda: actions.correct_contract(contract=found, by=request.actor, version=form.cleaned_data["version"], **fields_of(form))
    )
    if saved is not None:
        return to("contract", request, reference, number)
    note = "Nothing is measured, billed or cited under this version yet, so it can be put right in place."
    return _form(request, engagement, number, form, title=f"Correct version {number}", submit="Save", note=note)


@requires(P.VIEW_MONEY, POST=P.EDIT_WORK)
@acting
def contract_file(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """The signed file: read it, or attach it to a version that has none."""
    engagement = engagement_or_404(reference)
    _, found = _version_or_404(engagement, number)
    if request.method == "POST":
        form = SignedFileForm(request.POST, request.FILES)
        if attempt(form, lambda: _attach(request, engagement, found, form)) is not None:
            return to("contract", request, reference, number)
        return _contract_page(request, engagement, number, form)
    if found.signed_file is None:
        raise Http404("No such page.")
    return download(found.signed_file)


def _attach(request: TenantRequest, engagement: Engagement, found: Contract, form: SignedFileForm) -> Contract:
    file = form.cleaned_data["file"]
    document = keep(request, file, "contract", f"{engagement.reference}/{found.number}", client_id=engagement.client_id)
    return actions.attach_signed_file(contract=found, by=request.actor, document=document, signed_on=form.cleaned_data["signed_on"])


# --- clauses -----------------------------------------------------------------------------------------------------------------


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def add_clause(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    _, found = _version_or_404(engagement, number)
    form = ClauseForm(posted(request))
    if attempt(form, lambda: actions.add_clause(contract=found, by=request.actor, **form.cleaned_data)) is not None:
        return to("contract", request, reference, number)
    return _form(request, engagement, number, form, title="New clause", submit="Add clause", note="")


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def edit_clause(request: TenantRequest, organization: str, reference: str, number: int, position: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    clause = _clause_or_404(_version_or_404(engagement, number)[1], position)
    form = ClauseForm(posted(request), initial={"number": clause.number, "title": clause.title, "text": clause.text})
    if attempt(form, lambda: actions.change_clause(clause=clause, by=request.actor, **form.cleaned_data)) is not None:
        return to("contract", request, reference, number)
    return _form(request, engagement, number, form, title=f"Clause {clause.number}", submit="Save", note="")


@requires(POST=P.EDIT_WORK)
@acting
def remove_clause(request: TenantRequest, organization: str, reference: str, number: int, position: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    clause = _clause_or_404(_version_or_404(engagement, number)[1], position)
    form = ClauseForm({"number": clause.number, "title": clause.title, "text": clause.text})
    if attempt(form, lambda: actions.remove_clause(clause=clause, by=request.actor) or True) is not None:
        return to("contract", request, reference, number)
    return _form(request, engagement, number, form, title=f"Clause {clause.number}", submit="Save", note="")
