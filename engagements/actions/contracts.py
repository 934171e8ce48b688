"""Contract versions and their clauses. A new version never changes an old one; an old one changes only while nothing rests on it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.db.models import Max

from engagements import queries
from engagements.actions.checks import build, change, known_currency, known_zone, locked, plain
from engagements.holds import refuse_deletion_in_engagement
from engagements.models import Contract, ContractClause, Engagement
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion
from lpo.core.money import is_money


class ContractTerms(TypedDict, total=False):
    effective_from: date
    signed_on: date | None
    time_zone: str
    currency: str
    payment_days: int
    contest_days: int
    acceptance_days: int
    purchase_order: str
    at_risk_percent: Decimal
    cap_period: str
    credit_base: str
    incident_credits: str
    choice_days: int
    baseline_period: str
    baseline_volume: Decimal | None
    baseline_unit: str
    baseline_amount: Decimal | None
    volume_ceiling: Decimal | None
    rework_terms: str
    turnaround_credits: bool
    signed_file: Document | None


TERMS = tuple(ContractTerms.__annotations__)
# A version has its own signature; it is not handed on to the next.
_SIGNATURE = {"signed_on", "signed_file"}


def _checked(terms: dict[str, Any]) -> None:
    known_zone(terms["time_zone"])
    known_currency(terms["currency"])
    amount = terms.get("baseline_amount")
    if amount is not None and not is_money(amount, terms["currency"]):
        raise Refused(f"This is not an amount of {terms['currency']}.", "baseline_amount")


def write_contract(engagement: Engagement, number: int, terms: dict[str, Any]) -> Contract:
    """A version's row, checked. Raises `Refused` naming the field."""
    _checked(terms)
    contract = build(Contract, {**terms, "client_id": engagement.client_id, "engagement": engagement, "number": number})
    contract.save()
    return contract


def terms_of(contract: Contract) -> dict[str, object]:
    return {name: plain(value_of(contract, name)) for name in TERMS}


def value_of(contract: Contract, name: str) -> Any:
    return contract.signed_file_id if name == "signed_file" else getattr(contract, name)


@transaction.atomic
def amend_contract(*, engagement: Engagement, by: Actor, number: int, **terms: Unpack[ContractTerms]) -> Contract:
    """Write the next version of the contract, its clauses with it; equal terms leave the latest as it is, whatever their date.

    `number` is the version the terms were edited from; raises `StaleVersion` when a later one exists, `Refused` when the new
    version would begin on a day already settled under the present one.
    """
    by.need(Permission.EDIT_WORK)
    locked(engagement)
    latest: Contract = Contract.objects.filter(engagement=engagement).latest("number")
    before = terms_of(latest)
    after = {name: plain(value) for name, value in terms.items()}
    different = {name for name, value in after.items() if before[name] != value}
    if not different - {"effective_from"}:
        return latest
    if latest.number != number:
        _refuse_stale_contract(latest, before, after, different)
    kept = {name: value_of(latest, name) for name in TERMS if name not in _SIGNATURE}
    merged: dict[str, Any] = kept | dict(terms)
    _begins_late_enough(latest, merged["effective_from"])
    contract = write_contract(engagement, latest.number + 1, merged)
    _copy_clauses(latest, contract)
    changed = {name: before[name] for name in sorted(different)}, {name: after[name] for name in sorted(different)}
    record(by=by, action="contract.amend", target=contract, before=changed[0], after=changed[1], reference=engagement.reference)
    return contract


def _refuse_stale_contract(latest: Contract, before: dict[str, object], after: dict[str, object], different: set[str]) -> None:
    from_theirs = {name: before[name] for name in sorted(different)}
    raise StaleVersion(
        f"Version {latest.number} was written meanwhile.", theirs=from_theirs, yours={n: after[n] for n in sorted(different)}
    )


def _begins_late_enough(latest: Contract, starts: date) -> None:
    """A version after `latest` may not reach back into days that are settled under it."""
    if starts < latest.effective_from:
        raise Refused(f"Version {latest.number} begins later, on {latest.effective_from:%d %b %Y}.", "effective_from")
    settled = [hold.until for hold in queries.holds_of(latest) if hold.until is not None]
    if settled and starts <= max(settled):
        raise Refused(
            f"Days up to {max(settled):%d %b %Y} are measured or billed under version {latest.number}; a new version begins later.",
            "effective_from",
        )


def _copy_clauses(earlier: Contract, later: Contract) -> None:
    rows = ContractClause.objects.filter(contract=earlier).order_by("position")
    ContractClause.objects.bulk_create(
        ContractClause(
            engagement_id=later.engagement_id, contract=later, position=row.position, number=row.number, title=row.title, text=row.text
        )
        for row in rows
    )


def _free(contract: Contract, noun: str) -> None:
    """Raises `Refused` when something rests on this version."""
    holds = queries.holds_of(contract)
    if holds:
        raise Refused(f"This {noun} stands: something is measured, billed or cited under version {contract.number}. Write a new version.")


@transaction.atomic
def correct_contract(*, contract: Contract, by: Actor, version: int, **terms: Unpack[ContractTerms]) -> Contract:
    """Put a version right in place. Raises `Refused` once a level or term cites it, or a closed window or invoice rests on it."""
    by.need(Permission.EDIT_WORK)
    locked(Engagement.objects.get(pk=contract.engagement_id))
    if any(plain(value_of(contract, name)) != plain(value) for name, value in terms.items()):
        _free(contract, "version")
    merged = {name: value_of(contract, name) for name in TERMS} | dict(terms)
    _checked(merged)
    _between_neighbours(contract, merged["effective_from"])
    contract, before, after = change(contract, version, dict(terms))
    if after:
        record(by=by, action="contract.correct", target=contract, before=before, after=after, reference=_named(contract))
    return contract


def _between_neighbours(contract: Contract, starts: date) -> None:
    others = Contract.objects.filter(engagement_id=contract.engagement_id)
    before = others.filter(number=contract.number - 1).first()
    after = others.filter(number=contract.number + 1).first()
    if before is not None and starts < contract.effective_from:
        _begins_late_enough(before, starts)
    if after is not None and starts > after.effective_from:
        raise Refused(f"Version {after.number} begins earlier, on {after.effective_from:%d %b %Y}.", "effective_from")


@transaction.atomic
def attach_signed_file(*, contract: Contract, by: Actor, document: Document, signed_on: date | None = None) -> Contract:
    """The signed file of a version that has none: completes the record and changes no term. Raises `Refused` where there is one."""
    by.need(Permission.EDIT_WORK)
    contract = locked(contract)
    if contract.signed_file_id == document.id:
        return contract
    if contract.signed_file_id is not None:
        raise Refused("This version has its signed file already; what is signed later is a new version.", "file")
    contract.signed_file = document
    contract.signed_on = signed_on or contract.signed_on
    contract.version += 1
    contract.save(update_fields=["signed_file", "signed_on", "version"])
    after = {"file": document.file_name, "sha256": document.sha256, "signed_on": plain(contract.signed_on)}
    record(by=by, action="contract.sign", target=contract, after=after, reference=_named(contract))
    return contract


def _named(contract: Contract) -> str:
    reference = Engagement.objects.values_list("reference", flat=True).get(pk=contract.engagement_id)
    return f"{reference}, version {contract.number}"


# --- clauses -----------------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_clause(*, contract: Contract, by: Actor, number: str, title: str, text: str = "") -> ContractClause:
    """A clause of a version. Adding one is always possible: nothing can rest yet on what was not written down."""
    by.need(Permission.EDIT_WORK)
    contract, number = locked(contract), number.strip()
    same = ContractClause.objects.filter(contract=contract, number=number).first()
    if same is not None and (same.title, same.text) == (title, text):
        return same
    if same is not None:
        raise Refused(f"Version {contract.number} has a clause {number} already.", "number")
    last = ContractClause.objects.filter(contract=contract).aggregate(last=Max("position"))["last"] or 0
    values = {"engagement_id": contract.engagement_id, "contract": contract, "position": last + 1}
    clause = build(ContractClause, {**values, "number": number, "title": title, "text": text})
    clause.save()
    record(by=by, action="contract.add_clause", target=contract, after={"number": number, "title": title}, reference=_named(contract))
    return clause


@transaction.atomic
def change_clause(*, clause: ContractClause, by: Actor, number: str, title: str, text: str = "") -> ContractClause:
    """Put a clause right while nothing rests on its version. Raises `Refused`."""
    by.need(Permission.EDIT_WORK)
    contract, number = locked(clause.contract), number.strip()
    clause = locked(clause)
    before, after = {"number": clause.number, "title": clause.title}, {"number": number, "title": title}
    if before == after and clause.text == text:
        return clause
    _free(contract, "clause")
    if ContractClause.objects.filter(contract=contract, number=number).exclude(pk=clause.pk).exists():
        raise Refused(f"Version {contract.number} has a clause {number} already.", "number")
    clause.number, clause.title, clause.text = number, title, text
    clause.save(update_fields=["number", "title", "text"])
    record(by=by, action="contract.change_clause", target=contract, before=before, after=after, reference=_named(contract))
    return clause


@transaction.atomic
def remove_clause(*, clause: ContractClause, by: Actor) -> None:
    """Take a clause out of a version on which nothing rests. Raises `Refused`."""
    by.need(Permission.EDIT_WORK)
    contract = locked(clause.contract)
    _free(contract, "clause")
    refuse_deletion_in_engagement(contract.client_id, contract.engagement_id)
    before = {"number": clause.number, "title": clause.title, "text": clause.text}
    ContractClause.objects.filter(pk=clause.pk).delete()
    record(by=by, action="contract.remove_clause", target=contract, before=before, reference=_named(contract))
