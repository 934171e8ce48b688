"""Pre-flight: what stands in the way of issuing, and what the approver should see first. Computed, never stored.

Every check takes many invoices at once and asks a fixed number of questions, so a month's run costs what one invoice costs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import OuterRef, Subquery

from billing import queries
from billing.bill_to import Billed, disagreement
from billing.models import ChargeTermVersion, Invoice, InvoiceLine
from billing.noted import Finding, Found
from billing.orders import balances_by_engagement, order_of
from billing.staff_findings import people
from billing.time_findings import hours
from billing.units import several
from billing.usage_findings import unapproved, unmeasured
from engagements.contracts import governing
from engagements.models import Contract, ImportBatch, Matter, MatterInsider, Workstream
from engagements.orders import Balance
from engagements.queries import type_names
from lpo.accounts.models import Membership
from lpo.accounts.roles import ROLE_PERMISSIONS, Permission
from lpo.core.templatetags.formats import money
from lpo.tenancy.context import current_organization_id, current_scope, in_organization
from sla.incidents import CHOICE
from sla.models import Attainment, CreditClaim

WALL = "A restricted matter is billed here, and nobody inside its wall may bill."
BEHIND_A_WALL = "Something in a restricted matter; a person inside its wall sees what."


def findings(invoice: Invoice) -> list[Finding]:
    """Everything found on one invoice, blocks first."""
    return findings_of([invoice])[invoice.id]


def findings_of(invoices: Sequence[Invoice]) -> dict[int, list[Finding]]:
    """Everything found on each invoice by its id, blocks first. Rows need `period`, `client` and `engagement`."""
    found: dict[int, list[Finding]] = {invoice.id: [] for invoice in invoices}
    if not invoices:
        return found
    for check in _CHECKS:
        for invoice_id, finding in check(invoices):
            found[invoice_id].append(finding)
    for rows in found.values():
        rows.sort(key=lambda finding: (finding.severity != "block", finding.position or 0))
    return found


def visible_findings(invoices: Sequence[Invoice]) -> dict[int, list[Finding]]:
    """`findings_of` for a page: counted across walls for everybody alike, worded only for who may read the matter."""
    scope = current_scope()
    if not scope.hidden_matters and scope.only_matters is None:
        return findings_of(invoices)
    own = findings_of(invoices)
    with in_organization(scope.organization_id):
        whole = findings_of(invoices)
    return {key: [_worded(finding, own[key]) for finding in rows] for key, rows in whole.items()}


def _worded(finding: Finding, known: Sequence[Finding]) -> Finding:
    return finding if finding in known or finding.text == WALL else Finding(finding.severity, BEHIND_A_WALL)


def blocking(invoice: Invoice) -> list[Finding]:
    return [finding for finding in findings(invoice) if finding.severity == "block"]


# --- the checks -------------------------------------------------------------------------------------------------------------


def _by_engagement(invoices: Sequence[Invoice]) -> dict[int, list[Invoice]]:
    grouped: dict[int, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        grouped[invoice.engagement_id].append(invoice)
    return grouped


def _lines(invoices: Sequence[Invoice]) -> Found:
    """Whether there are any, whether they come to less than nothing, and whether their matters are for one address."""
    matter = Matter.objects.filter(pk=OuterRef("matter_id"))
    rows = InvoiceLine.objects.filter(invoice__in=[invoice.id for invoice in invoices]).order_by()
    named = rows.annotate(reference=Subquery(matter.values("reference")), bill_to=Subquery(matter.values("bill_to")))
    billed: dict[int, list[Billed]] = defaultdict(list)
    for invoice_id, reference, bill_to in named.values_list("invoice", "reference", "bill_to").distinct():
        billed[invoice_id] += [Billed(reference, bill_to)] if reference is not None else []
    for invoice in invoices:
        if invoice.id not in billed:
            yield invoice.id, Finding("block", "There is nothing to bill: no line has an amount.")
        elif invoice.gross < 0:
            yield invoice.id, Finding("warn", "Credits exceed the charges: the invoice comes to less than zero.")
        if said := disagreement(billed.get(invoice.id, ())):
            text = f"Its matters are billed to different addresses, so it goes to {invoice.client.name}'s own: {said}."
            yield invoice.id, Finding("warn", text)


def _unpriced(invoices: Sequence[Invoice]) -> Found:
    """Delivered work in a workstream that no unit term feeds on, or of a type that none charges, unless a fixed fee covers the
    engagement."""
    by_engagement = _by_engagement(invoices)
    versions = ChargeTermVersion.objects.filter(term__engagement__in=by_engagement).select_related("term")
    terms = list(versions.order_by("term_id", "effective_from"))
    fixed = {version.term.engagement_id for version in terms if version.term.model == "fixed"}
    open_ended = [key for key in by_engagement if key not in fixed]
    fed = {version.workstream_id for version in terms if version.workstream_id is not None}
    streams = Workstream.objects.filter(matter__engagement__in=open_ended).exclude(id__in=fed).select_related("matter").order_by("id")
    asked = [(invoice, stream) for stream in streams for invoice in by_engagement[stream.matter.engagement_id]]
    delivered = _delivered([(i.id, s.id, i.period.starts_at, i.period.ends_at) for i, s in asked])
    for invoice, stream in asked:
        if (invoice.id, stream.id) in delivered:
            text = f"Unpriced work: {stream.title} was delivered in {invoice.period.label}, and no term charges it."
            yield invoice.id, Finding("block", text)
    yield from _unpriced_types([invoice for invoice in invoices if invoice.engagement_id not in fixed], terms)


def _unpriced_types(invoices: Sequence[Invoice], terms: Sequence[ChargeTermVersion]) -> Found:
    """Types of delivered work that no term in force charges, where others of its workstream are charged. `terms` are oldest first."""
    by_term: dict[int, dict[int, list[ChargeTermVersion]]] = defaultdict(lambda: defaultdict(list))
    for version in terms:
        if version.workstream_id is not None and version.term.active:
            by_term[version.term.engagement_id][version.term_id].append(version)
    asked: dict[tuple[int, int], set[str]] = {}
    for invoice in invoices:
        feeding: dict[int, list[ChargeTermVersion]] = defaultdict(list)
        for version in (version for rows in by_term[invoice.engagement_id].values() for version in _in_force(rows, invoice)):
            feeding[version.workstream_id or 0].append(version)
        for stream, found in feeding.items():
            if all(version.item_types for version in found):
                asked[invoice.id, stream] = {code for version in found for code in version.item_types}
    if asked:
        yield from _said_of_types(invoices, asked)


def _in_force(versions: Sequence[ChargeTermVersion], invoice: Invoice) -> Iterator[ChargeTermVersion]:
    """Those of one term, oldest first, that are in force on some day of the invoice's period."""
    for version, following in zip(versions, [*versions[1:], None], strict=True):
        ends = [version.effective_to, following.effective_from - timedelta(days=1) if following is not None else None]
        last = min((day for day in ends if day is not None), default=invoice.period.ends_on)
        if version.effective_from <= invoice.period.ends_on and last >= invoice.period.starts_on:
            yield version


def _said_of_types(invoices: Sequence[Invoice], asked: Mapping[tuple[int, int], set[str]]) -> Found:
    periods = {invoice.id: invoice.period for invoice in invoices}
    streams = Workstream.objects.in_bulk({stream for _, stream in asked})
    names = type_names(streams)
    for invoice_id, stream, code in _delivered_types([(i, s, periods[i].starts_at, periods[i].ends_at) for i, s in asked]):
        if code not in asked[invoice_id, stream]:
            what = several(names[stream, code]) if code else "Items without a type"
            text = (
                f"Unpriced work: {what} of {streams[stream].title} were delivered in {periods[invoice_id].label}, and no term charges them."
            )
            yield invoice_id, Finding("block", text)


def _delivered_types(asked: Sequence[tuple[int, int, datetime, datetime]]) -> list[tuple[int, int, str | None]]:
    """(invoice, workstream, type) of what was first delivered within these instants."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT a.invoice, a.stream, i.type"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS a(invoice, stream, starts, ends)"
            " JOIN engagements_workitem i ON i.organization_id = %s AND i.workstream_id = a.stream AND i.kind = 'work'"
            " AND i.first_delivered_at >= a.starts AND i.first_delivered_at < a.ends AND i.state <> 'cancelled' ORDER BY 1, 2, 3",
            [*map(list, zip(*asked, strict=True)), current_organization_id()],
        )
        return [(invoice, stream, code) for invoice, stream, code in cursor.fetchall()]


def _delivered(asked: Sequence[tuple[int, int, datetime, datetime]]) -> set[tuple[int, int]]:
    """Which (invoice, workstream) pairs saw a delivery within their instants."""
    if not asked:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.invoice, a.stream FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])"
            " AS a(invoice, stream, starts, ends) WHERE EXISTS (SELECT 1 FROM engagements_transition t"
            " JOIN engagements_workitem i ON i.organization_id = t.organization_id AND i.id = t.item_id"
            " WHERE t.organization_id = %s AND i.workstream_id = a.stream AND t.to_state = 'delivered'"
            " AND t.at >= a.starts AND t.at < a.ends)",
            [*map(list, zip(*asked, strict=True)), current_organization_id()],
        )
        return set(cursor.fetchall())


def _loading(invoices: Sequence[Invoice]) -> Found:
    by_engagement = _by_engagement(invoices)
    loading = ImportBatch.objects.filter(workstream__matter__engagement__in=by_engagement, state="loading")
    for batch in loading.select_related("workstream__matter").order_by("id"):
        for invoice in by_engagement[batch.workstream.matter.engagement_id]:
            yield invoice.id, Finding("block", f"{batch.file_name} is still loading; its items are not complete.")


def _windows(invoices: Sequence[Invoice]) -> Found:
    by_engagement = _by_engagement(invoices)
    bounds = {
        "window_end__gt": min(invoice.period.starts_at for invoice in invoices) - timedelta(days=1),
        "window_end__lt": max(invoice.period.ends_at for invoice in invoices) + timedelta(days=2),
    }
    open_windows = Attainment.objects.filter(
        level__workstream__matter__engagement__in=by_engagement, state="open", level__active=True, **bounds
    ).exclude(denominator=0)
    names: dict[int, list[str]] = defaultdict(list)
    for row in open_windows.select_related("level__workstream__matter", "level_version").order_by("id"):
        for invoice in by_engagement[row.level.workstream.matter.engagement_id]:
            if invoice.period.starts_on <= queries.measured_on(row) <= invoice.period.ends_on:
                names[invoice.id].append(f"{row.level.name}, {row.label}")
    for key, found in names.items():
        yield key, Finding("warn", f"Service-level windows still open, so their credits are not on this invoice: {queries.names(found)}.")


def _claims(invoices: Sequence[Invoice]) -> Found:
    by_engagement = _by_engagement(invoices)
    provisional = CreditClaim.objects.filter(level__workstream__matter__engagement__in=by_engagement, state="provisional")
    contestable: dict[int, list[str]] = defaultdict(list)
    to_choose: dict[int, list[str]] = defaultdict(list)
    for claim in provisional.select_related("level__workstream__matter", "attainment").order_by("id"):
        names = to_choose if claim.incident.get("rule") == CHOICE else contestable
        for invoice in by_engagement[claim.level.workstream.matter.engagement_id]:
            names[invoice.id].append(f"{claim.level.name}, {claim.attainment.label}")
    for key, found in contestable.items():
        yield key, Finding("warn", f"Credits that can still be contested wait for a later invoice: {queries.names(found)}.")
    for key, found in to_choose.items():
        yield (
            key,
            Finding("warn", f"Credits of one incident wait for the client's choice: {queries.names(found)}."),
        )


def _walls(invoices: Sequence[Invoice]) -> Found:
    """A walled matter needs somebody inside its wall who may bill."""
    by_engagement = _by_engagement(invoices)
    billers = [role for role, permissions in ROLE_PERMISSIONS.items() if Permission.DRAFT_INVOICES in permissions]
    members = Membership.objects.filter(organization_id=current_organization_id(), role__in=billers, is_active=True).values("id")
    inside = MatterInsider.objects.filter(member_id__in=members).values("matter_id")
    walled = Matter.objects.filter(engagement__in=by_engagement, walled=True).exclude(id__in=inside)
    for engagement_id in set(walled.values_list("engagement_id", flat=True)):
        for invoice in by_engagement[engagement_id]:
            yield invoice.id, Finding("block", WALL)


def _addresses(invoices: Sequence[Invoice]) -> Found:
    contracts: Mapping[int, list[Contract]] = defaultdict(list)
    rows = Contract.objects.filter(engagement__in=_by_engagement(invoices))
    for contract in rows.order_by("engagement_id", "number"):
        contracts[contract.engagement_id].append(contract)
    balances = balances_by_engagement(list(_by_engagement(invoices)))
    for invoice in invoices:
        known = balances[invoice.engagement_id]
        found = [*_order(invoice, known), *_address(invoice, contracts[invoice.engagement_id], ordered=bool(known))]
        yield from ((invoice.id, finding) for finding in found)


def _order(invoice: Invoice, balances: Sequence[Balance]) -> Iterator[Finding]:
    """What is wrong with the purchase order an invoice that is not yet issued would draw on."""
    if not balances or invoice.purchase_order_id is not None:
        return
    row = order_of(invoice, balances)
    last = invoice.period.ends_on
    if row is None:
        elsewhere = next((one for one in balances if one.valid_on(last)), None)
        if elsewhere is not None:
            yield Finding("block", f"Order {elsewhere.order.number} is in {elsewhere.order.currency}, this invoice in {invoice.currency}.")
            return
        ended = max(balances, key=lambda one: (one.order.valid_to or last, one.order.pk)).order
        when = (
            f"ended on {ended.valid_to:%d %b %Y}" if ended.valid_to and ended.valid_to < last else f"begins on {ended.valid_from:%d %b %Y}"
        )
        yield Finding("block", f"No purchase order is valid on {last:%d %b %Y}: {ended.number} {when}.")
    elif row.remaining < invoice.net:
        left, net = money(row.remaining, invoice.currency), money(invoice.net, invoice.currency)
        text = f"Order {row.order.number} would be overdrawn: {left} {invoice.currency} is left, and the invoice comes to {net} before tax."
        yield Finding("block", text)


def _address(invoice: Invoice, contracts: Sequence[Contract], *, ordered: bool) -> Iterator[Finding]:
    contract = governing(contracts, invoice.period.starts_on)
    if contract is not None and not contract.purchase_order and not ordered:
        yield Finding("warn", "The engagement has no purchase order, and its contract names none.")
    if invoice.client.tax_category == "AE" and not invoice.client.tax_id:
        yield Finding("block", f"Reverse charge needs {invoice.client.name}'s tax ID.")
    if not invoice.client.accounts_payable:
        yield Finding("warn", f"{invoice.client.name} has no accounts-payable contact.")


def _counted_rows(invoices: Sequence[Invoice]) -> Found:
    """Days of people, hours and volumes that are missing, not approved, or without a price; each read only where a term asks."""
    versions = queries.versions_of(invoice.engagement_id for invoice in invoices)
    for check in (people, hours, unmeasured):
        yield from check(invoices, versions)


_CHECKS: tuple[Callable[[Sequence[Invoice]], Found], ...] = (
    _lines,
    _unpriced,
    _loading,
    _windows,
    _claims,
    _walls,
    _addresses,
    _counted_rows,
    unapproved,
)
