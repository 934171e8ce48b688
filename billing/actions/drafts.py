"""From measured work to a draft, and the draft through review to approval."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from billing import tax
from billing.assembled import Assembled, Source
from billing.assembly import assemble
from billing.findings import blocking
from billing.models import Charge, ChargeTerm, Invoice, InvoiceLine, InvoiceState
from billing.periods import numbered, stored
from billing.rating import Unpriced
from engagements.models import Contract, Engagement
from engagements.queries import contract_on
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import in_organization

EDITABLE = {InvoiceState.DRAFT, InvoiceState.IN_REVIEW, InvoiceState.APPROVED}


class CannotBill(Refused):
    """The period cannot be drafted, and why."""


class WrongState(Refused):
    """The invoice is not in the state the action starts from."""


@transaction.atomic
def draft_invoice(*, engagement: Engagement, index: int, by: Actor, now: datetime | None = None) -> Invoice:
    """Draft period `index` of an engagement from the measured work; an existing draft is refreshed where the work changed.

    Raises `CannotBill` when the period has not ended, is issued already, or holds work that no price covers.
    """
    by.need(Permission.DRAFT_INVOICES)
    now = now or timezone.now()
    with in_organization(by.organization_id):
        engagement = _locked(engagement)
        contract = _contract(engagement, index)
        period = stored(engagement, numbered(engagement, index))
        if period.ends_at > now:
            raise CannotBill(
                f"{period.label} has not ended in {engagement.legal_entity.time_zone}; its work is still being measured.", "period"
            )
        existing = Invoice.objects.filter(period=period).exclude(state=InvoiceState.DISCARDED).first()
        if existing is not None:
            if existing.state == InvoiceState.ISSUED:
                raise CannotBill(f"{period.label} is already invoiced as {existing.number}.", "period")
            return _refresh(existing, engagement, contract, by, now)
        invoice = Invoice(
            client_id=engagement.client_id,
            engagement=engagement,
            period=period,
            legal_entity_id=engagement.legal_entity_id,
            currency=contract.currency,
            prepared_by_id=by.member_id,
        )
        invoice.save()
        _store(invoice, contract, _written(invoice, engagement, contract), now)
        record(by=by, action="invoice.draft", target=invoice, after={"period": period.label, "gross": invoice.gross})
    return invoice


@transaction.atomic
def refresh_invoice(*, invoice: Invoice, by: Actor, version: int | None = None, now: datetime | None = None) -> Invoice:
    """Assemble the draft's lines anew from the work as it is now. An approval given before no longer holds.

    Where every line comes out as it stands, the draft stays as it is: version, approval and preparer too.
    """
    by.need(Permission.DRAFT_INVOICES)
    with in_organization(by.organization_id):
        engagement = _locked(Engagement.objects.get(pk=invoice.engagement_id))
        locked = _lock(invoice, version, EDITABLE, "refreshed")
        return _refresh(locked, engagement, _contract(engagement, locked.period.index), by, now or timezone.now())


@transaction.atomic
def submit_invoice(*, invoice: Invoice, by: Actor, version: int | None = None) -> Invoice:
    """Hand a draft over for approval. Raises `Refused` with the first finding that blocks it."""
    by.need(Permission.DRAFT_INVOICES)
    with in_organization(by.organization_id):
        locked = _lock(invoice, version, {InvoiceState.DRAFT}, "sent for approval")
        refuse_blocked(locked)
    return _move(locked, InvoiceState.IN_REVIEW, by, "invoice.submit", prepared_by_id=by.member_id)


@transaction.atomic
def approve_invoice(*, invoice: Invoice, by: Actor, version: int | None = None, now: datetime | None = None) -> Invoice:
    """Approve what another prepared. Raises `Refused` when preparer and approver are one person."""
    by.need(Permission.APPROVE_INVOICES)
    with in_organization(by.organization_id):
        locked = _lock(invoice, version, {InvoiceState.IN_REVIEW}, "approved")
        if by.member_id is not None and locked.prepared_by_id == by.member_id:
            raise Refused("You prepared this invoice; somebody else approves it.")
        refuse_blocked(locked)
    return _move(locked, InvoiceState.APPROVED, by, "invoice.approve", approved_by_id=by.member_id, approved_at=now or timezone.now())


@transaction.atomic
def return_to_draft(*, invoice: Invoice, by: Actor, reason: str, version: int | None = None) -> Invoice:
    """Send an invoice back with a reason, taking an approval back."""
    by.need(Permission.APPROVE_INVOICES)
    if not reason.strip():
        raise Refused("Say what has to change.", "reason")
    locked = _lock(invoice, version, {InvoiceState.IN_REVIEW, InvoiceState.APPROVED}, "returned")
    return _move(locked, InvoiceState.DRAFT, by, "invoice.return", reason=reason, approved_by_id=None, approved_at=None)


@transaction.atomic
def discard_invoice(*, invoice: Invoice, by: Actor, version: int | None = None) -> Invoice:
    """Give a draft up. Its charges are released, so the work can be drafted again."""
    by.need(Permission.DRAFT_INVOICES)
    with in_organization(by.organization_id):
        locked = _lock(invoice, version, EDITABLE, "discarded")
        _clear(locked)
    return _move(locked, InvoiceState.DISCARDED, by, "invoice.discard", approved_by_id=None, approved_at=None)


def refuse_blocked(invoice: Invoice) -> None:
    found = blocking(invoice)
    if found:
        raise Refused(f"{found[0].text} {len(found) - 1} more." if len(found) > 1 else found[0].text)


# --- inside ---------------------------------------------------------------------------------------------------------------


def _locked(engagement: Engagement) -> Engagement:
    """The engagement's row serializes drafting: two people asking at once get one draft."""
    rows = Engagement.objects.select_related("client", "legal_entity").select_for_update(of=("self",))
    return rows.get(pk=engagement.pk)


def _contract(engagement: Engagement, index: int) -> Contract:
    contract = contract_on(engagement, numbered(engagement, index).first_day)
    if contract is None:
        raise CannotBill(f"{engagement.reference} has no contract; add one first.", "engagement")
    return contract


def _lock(invoice: Invoice, version: int | None, states: set[InvoiceState], verb: str) -> Invoice:
    locked: Invoice = Invoice.objects.select_for_update(of=("self",)).get(pk=invoice.pk)
    if locked.state not in states:
        raise WrongState(f"This invoice is {locked.get_state_display().lower()} and cannot be {verb}.")
    if version is not None and locked.version != version:
        raise StaleVersion(
            "Somebody changed this invoice since you opened it.",
            yours={"version": version},
            theirs={"version": locked.version, "state": locked.get_state_display(), "gross": locked.gross},
        )
    return locked


def _move(invoice: Invoice, state: InvoiceState, by: Actor, action: str, *, reason: str = "", **changes: object) -> Invoice:
    before = {"state": invoice.state, "gross": invoice.gross}
    for name, value in changes.items():
        setattr(invoice, name, value)
    invoice.state = state
    invoice.version += 1
    invoice.save(update_fields=["state", "version", *changes])
    record(by=by, action=action, target=invoice, before=before, after={"state": state, **({"reason": reason} if reason else {})})
    return invoice


def _refresh(invoice: Invoice, engagement: Engagement, contract: Contract, by: Actor, now: datetime) -> Invoice:
    before, standing = {"gross": invoice.gross}, _standing(invoice)
    with transaction.atomic():
        # Assembling asks which rows are charged already; the draft's own charges must not answer.
        _clear(invoice)
        written = _written(invoice, engagement, contract)
        unchanged = (invoice.currency, standing) == (contract.currency, _comparable(written))
        if unchanged:
            transaction.set_rollback(True)
    if unchanged:
        # Seen again and found the same: only the time of the look is new.
        invoice.computed_at = now
        invoice.save(update_fields=["computed_at"])
        return invoice
    invoice.state, invoice.approved_by_id, invoice.approved_at = InvoiceState.DRAFT, None, None
    invoice.prepared_by_id = by.member_id
    invoice.version += 1
    _store(invoice, contract, written, now)
    record(by=by, action="invoice.refresh", target=invoice, before=before, after={"gross": invoice.gross})
    return invoice


def _clear(invoice: Invoice) -> None:
    Charge.objects.filter(line__invoice=invoice).delete()
    InvoiceLine.objects.filter(invoice=invoice).delete()


# A line to be, and the charges that stand behind it.
Written = list[tuple[InvoiceLine, list[Charge]]]
_OWN = {"id", "organization_id", "invoice_id", "line_id"}


def _written(invoice: Invoice, engagement: Engagement, contract: Contract) -> Written:
    """The draft's lines as the work is now, not stored yet. Raises `CannotBill` for work that no price covers."""
    try:
        lines = assemble(engagement, invoice.period, contract)
    except Unpriced as error:
        raise CannotBill(f"Unpriced work: {error}.") from error
    key = tax.TaxKey(engagement.client.tax_category, Decimal(engagement.client.tax_rate))
    written = []
    for position, line in enumerate(lines, start=1):
        row = _line(invoice, position, line, key)
        written.append((row, [_charge(row, line.term, source) for source in line.sources]))
    return written


def _standing(invoice: Invoice) -> list[object]:
    """The stored lines and charges, comparable with what would be written now."""
    charges: dict[int, list[Charge]] = defaultdict(list)
    for charge in Charge.objects.filter(line__invoice=invoice).order_by("id"):
        charges[charge.line_id].append(charge)
    rows = InvoiceLine.objects.filter(invoice=invoice).order_by("position")
    return _comparable([(row, charges[row.id]) for row in rows])


def _comparable(written: Written) -> list[object]:
    return [(_columns(row), sorted((_columns(charge) for charge in charges), key=repr)) for row, charges in written]


def _columns(row: Model) -> dict[str, object]:
    """Every column but the row's own place in the database. Decimals are equal however many zeros they are stored with."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.local_concrete_fields if field.attname not in _OWN}
    return {name: value.normalize() if isinstance(value, Decimal) else value for name, value in values.items()}


def _store(invoice: Invoice, contract: Contract, written: Written, now: datetime) -> None:
    rows = [row for row, _ in written]
    totals = tax.totals([tax.Taxed(row.amount, tax.TaxKey(row.tax_category, row.tax_rate)) for row in rows], contract.currency)
    invoice.currency, invoice.net, invoice.tax, invoice.gross = contract.currency, totals.net, totals.tax, totals.gross
    invoice.computed_at = now
    invoice.save()
    InvoiceLine.objects.bulk_create(rows)
    Charge.objects.bulk_create([charge for _, charges in written for charge in charges], batch_size=5_000)


def _line(invoice: Invoice, position: int, line: Assembled, key: tax.TaxKey) -> InvoiceLine:
    return InvoiceLine(
        client_id=invoice.client_id,
        invoice=invoice,
        position=position,
        group=line.group,
        key=line.rated.key,
        rated_period=line.period,
        term=line.term,
        claim=line.claim,
        matter_id=line.matter_id,
        task_code=line.codes.task,
        activity_code=line.codes.activity,
        expense_code=line.codes.expense,
        description=line.rated.description[:300],
        detail=line.rated.detail[:300],
        quantity=_shown(line.rated.quantity),
        unit=line.rated.unit[:30],
        unit_plural=line.rated.unit_plural,
        unit_price=line.rated.unit_price,
        amount=line.rated.amount,
        tax_category=key.category,
        tax_rate=key.rate,
        explanation=line.rated.explanation.to_data(),
    )


def _charge(row: InvoiceLine, term: ChargeTerm | None, source: Source) -> Charge:
    return Charge(
        client_id=row.client_id,
        matter_id=source.matter_id,
        line=row,
        term=term,
        item_id=source.item_id,
        usage_id=source.usage_id,
        claim_id=source.claim_id,
        sheet_day_id=source.sheet_day_id,
        time_entry_id=source.time_entry_id,
        source_key=source.key,
        reference=source.reference[:60],
        happened_at=source.at,
        quantity=source.quantity,
    )


def _shown(quantity: Decimal) -> Decimal:
    """Four decimals are stored and printed; the exact quantity is in the explanation's leaves."""
    return quantity.quantize(Decimal("0.0001"))
