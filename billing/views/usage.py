"""Usage of a term that people enter, import, correct, withdraw and approve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from billing import actions, queries, wording
from billing.models import ChargeTerm, UsageRecord
from billing.usage import COLUMNS
from billing.usage_file import Sorted, sorted_out
from billing.usage_forms import RECORD_FORMS, UsageFileForm, UsageForm, WithdrawForm
from billing.views.edges import acting, address, engagement_or_404, file, term_or_404, told
from engagements.models import Engagement
from engagements.views.edges import refused_too_large, says_too_large
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.audit.documents import content_of, store
from lpo.audit.models import Document
from lpo.core.errors import Refused
from lpo.core.paging import newest_first

SHOWN = 100


def entry_form(request: TenantRequest, term: ChargeTerm) -> UsageForm | None:
    """The form of one record; None for a term that no usage is reported for."""
    if term.model not in RECORD_FORMS:
        return None
    currency = queries.currency_of(term.engagement)
    return RECORD_FORMS[term.model](request.POST or None, request.FILES or None, term=term, currency=currency)


def added(request: TenantRequest, term: ChargeTerm, form: UsageForm) -> bool:
    """A record typed by a person; a form sent twice is one record."""
    values = form.reported()
    said = {name: getattr(values, name) for name in type(values).__dataclass_fields__}
    try:
        actions.record_usage(
            term=term,
            source="entered",
            event_id=form.cleaned_data["token"],
            by=request.actor,
            receipt=_receipt(request, term, form.cleaned_data.get("file")),
            **said,
        )
    except Refused as refused:
        form.refuse(refused)
        return False
    messages.success(request, f"{values.subject}, {wording.day(values.starts_on)}, is recorded.")
    return True


def _receipt(request: TenantRequest, term: ChargeTerm, upload: Any) -> Document | None:
    if not upload:
        return None
    return store(
        kind="receipt",
        content=upload.read(),
        file_name=upload.name,
        media_type=upload.content_type or "application/octet-stream",
        by=request.actor,
        client_id=term.client_id,
        reference=term.engagement.reference,
    )


def listed(request: TenantRequest, term: ChargeTerm) -> dict[str, Any]:
    """What stands of a term's records, the last recorded first. Numbers count every record, so they never move."""
    standing = UsageRecord.objects.filter(term=term, withdrawn_at__isnull=True)
    counts = standing.aggregate(all=Count("id"), waiting=Count("id", filter=Q(approved_at__isnull=True)))
    page = newest_first(standing, request.GET.dict())
    rows = list(zip(_numbers(term, page.rows), page.rows, strict=True))
    return {"page": page, "rows": rows, "counts": counts, "columns": COLUMNS[term.model]}


def _numbers(term: ChargeTerm, rows: Sequence[UsageRecord]) -> list[int]:
    """The numbers of a page's records, newest first, from the ids on it and how many came before."""
    if not rows:
        return []
    every = UsageRecord.objects.filter(term=term)
    ids = list(every.filter(id__range=(rows[-1].id, rows[0].id)).order_by("id").values_list("id", flat=True))
    before = every.filter(id__lt=rows[-1].id).count()
    number = {key: before + place for place, key in enumerate(ids, start=1)}
    return [number[row.id] for row in rows]


def _record_or_404(term: ChargeTerm, number: int) -> UsageRecord:
    found = list(UsageRecord.objects.filter(term=term).order_by("id")[number - 1 : number]) if 0 < number < 2**31 else []
    if not found:
        raise Http404("No such page.")
    row: UsageRecord = found[0]
    row.term = term
    return row


def _term_or_404(reference: str, number: int) -> tuple[Engagement, ChargeTerm]:
    engagement = engagement_or_404(reference)
    term = term_or_404(engagement, number)
    term.engagement = engagement
    return engagement, term


def _crumbs(slug: str, engagement: Engagement, term: ChargeTerm, number: int, last: str) -> list[tuple[str, str]]:
    return [
        ("Engagements", reverse("engagements:engagements", args=[slug])),
        (f"{engagement.reference} {engagement.title}", reverse("engagements:engagement", args=[slug, engagement.reference])),
        ("Charge terms", address("terms", slug, engagement.reference)),
        (term.name, address("term", slug, engagement.reference, number)),
        (last, ""),
    ]


# --- a file -----------------------------------------------------------------------------------------------------------------


@requires(P.RECORD_USAGE, POST=P.RECORD_USAGE)
@acting
@says_too_large
def usage_import(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """A CSV of records: read, looked over, confirmed. Nothing is kept between; the text is read again when it is confirmed."""
    engagement, term = _term_or_404(reference, number)
    if term.model not in COLUMNS:
        raise Http404("No such page.")
    form, found = UsageFileForm(request.POST or None, request.FILES or None, term=term), None
    text = ""
    if request.method == "POST" and not refused_too_large(request, form) and form.is_valid():
        content = form.content()
        try:
            found = sorted_out(term, form.cleaned_data["source"], content)
        except Refused as refused:
            form.refuse(refused)
        else:
            answer = _answered(request, term, form, found, address("term", organization, reference, number))
            if answer is not None:
                return answer
            text = content.decode("utf-8-sig")
    context = {
        "form": form,
        "text": text,
        "found": found,
        "lists": _lists(found),
        "title": "Import usage",
        "crumbs": _crumbs(organization, engagement, term, number, "Import"),
        "term": term,
    }
    return render(request, "billing/usage_import.html", context, status=422 if form.errors else 200)


def _answered(request: TenantRequest, term: ChargeTerm, form: UsageFileForm, found: Sorted, back: str) -> HttpResponse | None:
    """What a button under the preview asks for: the records, or the rejected rows as a file."""
    if request.POST.get("do") == "rejected":
        return file(found.rejected_csv(), "rejected-rows.csv", "text/csv; charset=utf-8")
    if request.POST.get("do") != "record":
        return None
    events = [row.event for row in found.rows if row.event is not None and not row.reason]
    try:
        count = actions.record_all(term=term, source=form.cleaned_data["source"], events=events, by=request.actor)
    except Refused as refused:
        form.refuse(refused)
        return None
    left = f" {len(found.rejected)} rejected." if found.rejected else ""
    messages.success(request, f"{count} {'record is' if count == 1 else 'records are'} new, {len(found.known)} known already.{left}")
    return HttpResponseRedirect(back)


def _lists(found: Sorted | None) -> list[tuple[str, str, int, Any]]:
    if found is None:
        return []
    groups = (("rejected", "Rejected", found.rejected), ("new", "New", found.new), ("known", "Known already", found.known))
    return [(kind, label, len(rows), rows[:SHOWN]) for kind, label, rows in groups if rows]


# --- one record -------------------------------------------------------------------------------------------------------------


@requires(P.VIEW_MONEY, POST=P.RECORD_USAGE)
@acting
def usage(request: TenantRequest, organization: str, reference: str, number: int, record: int) -> HttpResponse:
    """One record: what it says, and the forms that correct or withdraw it. Issued invoices stay; the next bills the difference."""
    engagement, term = _term_or_404(reference, number)
    if term.model not in RECORD_FORMS:
        raise Http404("No such page.")
    row = _record_or_404(term, record)
    back = address("term", organization, reference, number)
    withdrawing = request.POST.get("do") == "withdraw"
    currency = queries.currency_of(engagement)
    form = RECORD_FORMS[term.model](None if withdrawing else request.POST or None, term=term, currency=currency, usage=row)
    why = WithdrawForm(request.POST if withdrawing else None)
    if request.method == "POST" and (why if withdrawing else form).is_valid():
        try:
            if withdrawing:
                actions.withdraw_usage(usage=row, by=request.actor, reason=why.cleaned_data["reason"])
            else:
                actions.correct_usage(usage=row, values=form.reported(), by=request.actor)
        except Refused as refused:
            (why if withdrawing else form).refuse(refused)
        else:
            did = "withdrawn" if withdrawing else "corrected"
            messages.success(request, f"{row.subject} is {did}. Where an invoice counted it, the next one bills the difference.")
            return HttpResponseRedirect(back)
    context = {
        "row": row,
        "form": form,
        "why": why,
        "engagement": engagement,
        "number": number,
        "record": record,
        "may_edit": request.membership.may(P.RECORD_USAGE) and row.withdrawn_at is None,
        "may_approve": _may_approve(request, row),
        "charges": _charged(row),
        "crumbs": _crumbs(organization, engagement, term, number, row.subject),
    }
    return render(request, "billing/usage.html", context, status=422 if form.errors or why.errors else 200)


def _may_approve(request: TenantRequest, row: UsageRecord) -> bool:
    waits = row.term.model == "expense" and row.approved_at is None and row.withdrawn_at is None
    return waits and request.membership.may(P.APPROVE_INVOICES) and row.by_member_id != request.membership.id


def _charged(row: UsageRecord) -> list[tuple[Any, str]]:
    """The lines that billed a record, with how they stand."""
    lines = queries.lines_of_usage(row)
    return [(line, wording.KINDS[line.invoice.state]) for line in lines]


@requires(POST=P.APPROVE_INVOICES)
@acting
def usage_approve(request: TenantRequest, organization: str, reference: str, number: int, record: int) -> HttpResponse:
    _, term = _term_or_404(reference, number)
    row = _record_or_404(term, record)
    told(request, lambda: actions.approve_expense(usage=row, by=request.actor), f"{row.subject} is approved.")
    return HttpResponseRedirect(address("term", organization, reference, number))


@requires(P.VIEW_MONEY)
def usage_receipt(request: TenantRequest, organization: str, reference: str, number: int, record: int) -> HttpResponse:
    """The receipt of an expense, as it was uploaded."""
    _, term = _term_or_404(reference, number)
    row = _record_or_404(term, record)
    if row.receipt_id is None:
        raise Http404("No such file.")
    document = Document.objects.get(pk=row.receipt_id)
    return file(content_of(document), document.file_name, document.media_type)
