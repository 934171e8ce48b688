"""Many rows of one kind at once: copies of a row of the world, made by the database."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.db import connection, models

from billing.models import Charge, Invoice, InvoiceLine, UsageRecord
from engagements.models import (
    Blocker,
    BulkAction,
    BulkRow,
    Client,
    Comment,
    ConflictMatch,
    Contract,
    ContractClause,
    Deliverable,
    Engagement,
    Escalation,
    LateEntry,
    LegalEntity,
    Matter,
    Milestone,
    Notice,
    Pause,
    Placement,
    PlacementTerms,
    ProtocolVersion,
    PurchaseOrder,
    Question,
    SampledItem,
    SavedView,
    StatusUpdate,
    SupervisionSample,
    TeamMember,
    TimeEntry,
    Timesheet,
    WorkItem,
    Workstream,
)
from lpo.accounts.models import ApiToken, Membership, User
from lpo.audit.models import Event
from lpo.jobs.models import Job
from lpo.tenancy.context import in_organization
from sla.models import (
    Attainment,
    AttainmentRow,
    Calendar,
    CalendarVersion,
    Clock,
    Exclusion,
    SampleItem,
    SamplePlan,
    ServiceLevel,
    ServiceLevelVersion,
)
from tests.guards.world import Place

Filler = Callable[[Place, int], None]
WORD = "Bulk"


def copies(model: type[models.Model], pk: int, n: int, **changed: str) -> None:
    """`n` copies of one row; `changed` gives SQL for columns that differ, `g` being the copy's number."""
    columns = [str(field.column) for field in model._meta.local_concrete_fields if not field.primary_key]
    values = [changed.get(column, f't."{column}"') for column in columns]
    table, into = model._meta.db_table, ", ".join(map(connection.ops.quote_name, columns))
    statement = f"INSERT INTO {table} ({into}) SELECT {', '.join(values)} FROM {table} t, generate_series(1, %s) g WHERE t.id = %s"
    with connection.cursor() as cursor:
        cursor.execute(statement, [n, pk])


def made(model: type[models.Model], column: str, prefix: str = f"{WORD} ") -> str:
    """SQL for the id of the nth copy of another kind."""
    return f"(SELECT id FROM {model._meta.db_table} WHERE {column} = '{prefix}' || g ORDER BY id DESC LIMIT 1)"


def inside(fill: Filler) -> Filler:
    @wraps(fill)
    def filled(place: Place, n: int) -> None:
        with in_organization(place.organization.id):
            fill(place, n)

    return filled


NAMED = f"'{WORD} ' || g"


@inside
def clients(place: Place, n: int) -> None:
    copies(Client, place.refs.client.id, n, code="'ZZ' || g", name=NAMED)


@inside
def engagements(place: Place, n: int) -> None:
    copies(Engagement, place.refs.engagement.id, n, reference=NAMED, title=NAMED)
    contract = Contract.objects.filter(engagement=place.refs.engagement).latest("id")
    copies(Contract, contract.id, n, engagement_id=made(Engagement, "reference"))


@inside
def orders(place: Place, n: int) -> None:
    order = PurchaseOrder.objects.filter(engagement=place.refs.engagement).latest("id")
    copies(PurchaseOrder, order.id, min(n, 100), number=NAMED)


@inside
def team(place: Place, n: int) -> None:
    """One person's parts, a day each."""
    row = TeamMember.objects.filter(engagement=place.refs.engagement).latest("id")
    copies(TeamMember, row.id, n, starts_on="t.starts_on - g", ends_on="t.starts_on - g")


@inside
def placements(place: Place, n: int) -> None:
    copies(Placement, place.refs.placement.id, n, number="1000 + g", name=NAMED)
    terms = PlacementTerms.objects.filter(placement=place.refs.placement).latest("id")
    copies(PlacementTerms, terms.id, n, placement_id=made(Placement, "name"))


@inside
def timesheets(place: Place, n: int) -> None:
    """Earlier and earlier weeks of one person, one after the other."""
    earlier = {name: f"t.{name} - 70 * g" for name in ("period_start", "starts_on", "ends_on")}
    copies(Timesheet, place.refs.sheet.id, n, **earlier, published_at="now()")


@inside
def clauses(place: Place, n: int) -> None:
    clause = ContractClause.objects.filter(contract__engagement=place.refs.engagement).latest("id")
    copies(ContractClause, clause.id, n, position="1000 + g", number=NAMED)


@inside
def protocols(place: Place, n: int) -> None:
    protocol = ProtocolVersion.objects.filter(workstream=place.refs.stream).latest("id")
    copies(ProtocolVersion, protocol.id, n, number="1000 + g")


@inside
def matters(place: Place, n: int) -> None:
    copies(Matter, place.refs.matter.id, n, reference=NAMED, title=NAMED)


@inside
def milestones(place: Place, n: int) -> None:
    row = Milestone.objects.filter(engagement=place.refs.engagement, done_on__isnull=True).order_by("id").first()
    assert row is not None
    copies(Milestone, row.pk, n, number="1000 + g", name=NAMED)


@inside
def blockers(place: Place, n: int) -> None:
    copies(Blocker, place.refs.blocker.id, n, number="1000 + g", text=NAMED)


@inside
def escalations(place: Place, n: int) -> None:
    row = Escalation.objects.filter(engagement=place.refs.engagement, matter=place.refs.matter).latest("id")
    copies(Escalation, row.pk, n, subject=NAMED)


@inside
def notices(place: Place, n: int) -> None:
    row = Notice.objects.filter(member=place.people["owner"]).latest("id")
    copies(Notice, row.pk, n, escalation_id="NULL", read_at="now()")


@inside
def views(place: Place, n: int) -> None:
    row = SavedView.objects.filter(owner=place.people["owner"]).latest("id")
    copies(SavedView, row.pk, n, number="100000 + g", name=NAMED)


@inside
def bulk_actions(place: Place, n: int) -> None:
    row = BulkAction.objects.filter(by_member=place.people["owner"]).latest("id")
    copies(BulkAction, row.pk, n, number="100000 + g")


@inside
def bulk_rows(place: Place, n: int) -> None:
    items(place, n)
    row = BulkRow.objects.filter(bulk__number=place.refs.bulks["owner"]).latest("id")
    copies(BulkRow, row.pk, n, item_id=made(WorkItem, "reference"))


@inside
def comments(place: Place, n: int) -> None:
    copies(Comment, place.refs.comment.id, n, text=NAMED)


@inside
def updates(place: Place, n: int) -> None:
    matters(place, n)
    update = StatusUpdate.objects.filter(matter=place.refs.matter).latest("id")
    copies(StatusUpdate, update.id, n, matter_id=made(Matter, "reference"))


@inside
def workstreams(place: Place, n: int) -> None:
    copies(Workstream, place.refs.stream.id, n, item_prefix="'ZZ' || g", title=NAMED)


@inside
def items(place: Place, n: int) -> None:
    copies(WorkItem, place.refs.item.id, n, reference=NAMED, title=NAMED)


@inside
def clocks(place: Place, n: int) -> None:
    items(place, n)
    clock = Clock.objects.filter(item=place.refs.item).latest("id")
    copies(Clock, clock.id, n, item_id=made(WorkItem, "reference"))


@inside
def levels(place: Place, n: int) -> None:
    copies(ServiceLevel, place.refs.level.level_id, n, name=NAMED)
    copies(ServiceLevelVersion, place.refs.level.id, n, level_id=made(ServiceLevel, "name"))


@inside
def published_levels(place: Place, n: int) -> None:
    levels(place, n)
    copies(
        Attainment,
        place.refs.attainment.id,
        n,
        level_id=made(ServiceLevel, "name"),
        level_version_id=f"(SELECT v.id FROM sla_servicelevelversion v WHERE v.level_id = {made(ServiceLevel, 'name')})",
    )


@inside
def rows_behind_a_figure(place: Place, n: int) -> None:
    row = AttainmentRow.objects.filter(attainment=place.refs.attainment).latest("id")
    copies(AttainmentRow, row.id, n, item_reference=NAMED)


@inside
def calendars(place: Place, n: int) -> None:
    copies(Calendar, place.refs.calendar.calendar_id, n, name=NAMED)
    copies(CalendarVersion, place.refs.calendar.id, n, calendar_id=made(Calendar, "name"))


@inside
def sample_items(place: Place, n: int) -> None:
    """More items of the first plan, to be checked by the owner."""
    items(place, n)
    copies(SampleItem, place.refs.sampled.pk, n, position="g + 100", item_id=made(WorkItem, "reference"))


@inside
def sample_plans(place: Place, n: int) -> None:
    copies(SamplePlan, place.refs.sampled.plan_id, n, number="g + 100", root_number="g + 100")


@inside
def jobs(place: Place, n: int) -> None:
    copies(Job, place.refs.job_id, n, key="''", title=NAMED)


@inside
def events(place: Place, n: int) -> None:
    copies(Event, place.refs.event_id, n)


@inside
def people(place: Place, n: int) -> None:
    member = place.people["reviewer"]
    copies(User, member.user_id, n, email=f"'{WORD.lower()}' || g || '@example.org'", name=NAMED)
    copies(Membership, member.id, n, user_id=f"(SELECT id FROM accounts_user WHERE email = '{WORD.lower()}' || g || '@example.org')")


@inside
def time_entries(place: Place, n: int) -> None:
    """Of the owner, whose week it is, and of a reviewer who handed them in."""
    for who, status in (("owner", "draft"), ("reviewer", "submitted")):
        entry = TimeEntry.objects.filter(member=place.people[who]).latest("id")
        copies(TimeEntry, entry.id, n, number="1000 + g", status=f"'{status}'")


@inside
def tokens(place: Place, n: int) -> None:
    copies(ApiToken, place.refs.token.id, n, digest=NAMED, prefix="'lpo_' || g", name=NAMED)


@inside
def entities(place: Place, n: int) -> None:
    copies(LegalEntity, place.refs.entity.id, n, name=NAMED, number_prefix="'Z' || g")


def _invoices(place: Place, invoice: Invoice, n: int, number: str) -> None:
    """Each on an engagement of its own: a period has one invoice."""
    copies(Engagement, invoice.engagement_id, n, reference=NAMED, title=NAMED)
    contract = Contract.objects.filter(engagement_id=invoice.engagement_id).latest("id")
    copies(Contract, contract.id, n, engagement_id=made(Engagement, "reference"))
    copies(type(invoice.period), invoice.period_id, n, engagement_id=made(Engagement, "reference"))
    period = f"(SELECT id FROM billing_billingperiod WHERE engagement_id = {made(Engagement, 'reference')})"
    copies(Invoice, invoice.id, n, number=number, engagement_id=made(Engagement, "reference"), period_id=period)


@inside
def issued(place: Place, n: int) -> None:
    _invoices(place, place.refs.invoice, n, NAMED)


@inside
def drafts(place: Place, n: int) -> None:
    _invoices(place, place.refs.plain_draft, n, "''")


@inside
def lines(place: Place, n: int) -> None:
    line = InvoiceLine.objects.filter(invoice=place.refs.plain_draft).order_by("position")[0]
    copies(InvoiceLine, line.id, n, position="1000 + g", description=NAMED)


@inside
def charges(place: Place, n: int) -> None:
    line = InvoiceLine.objects.filter(invoice=place.refs.invoice).order_by("position")[0]
    charge = Charge.objects.filter(line=line).latest("id")
    copies(Charge, charge.id, n, source_key=NAMED)


@inside
def seats(place: Place, n: int) -> None:
    copies(UsageRecord, place.refs.seat.id, n, event_id=NAMED, subject=NAMED)


@inside
def expenses(place: Place, n: int) -> None:
    copies(UsageRecord, place.refs.expense.id, n, event_id=NAMED, subject=NAMED)


@inside
def matches(place: Place, n: int) -> None:
    match = ConflictMatch.objects.get(matter=place.refs.matter, position=1)
    copies(ConflictMatch, match.id, n, position="1000 + g", identity=NAMED, asked=NAMED)


@inside
def versions(place: Place, n: int) -> None:
    version = Deliverable.objects.get(item=place.refs.fresh_delivered, number=1)
    copies(Deliverable, version.id, n, number="1000 + g", label=NAMED)


@inside
def sampled(place: Place, n: int) -> None:
    sample = SupervisionSample.objects.get(matter=place.refs.matter)
    copies(SupervisionSample, sample.id, n, number="1000 + g", seed=NAMED)
    row = SampledItem.objects.get(sample=sample)
    copies(SampledItem, row.id, n, sample_id=made(SupervisionSample, "seed"))


@inside
def late_entries(place: Place, n: int) -> None:
    items(place, n)
    entry = LateEntry.objects.get(item=place.refs.late)
    copies(LateEntry, entry.id, n, item_id=made(WorkItem, "reference"))


@inside
def waits(place: Place, n: int) -> None:
    """Each on an item of its own that has a clock."""
    clocks(place, n)
    pause = Pause.objects.get(item=place.refs.waiting)
    copies(Pause, pause.id, n, item_id=made(WorkItem, "reference"))


@inside
def published_waits(place: Place, n: int) -> None:
    pause = Pause.objects.filter(client_id=place.refs.client.id, published_at__isnull=False)[0]
    copies(Pause, pause.id, n)


@inside
def contests(place: Place, n: int) -> None:
    """As many pauses as exclusions, by turns the latest."""
    clocks(place, n)
    later = "now() + g * interval '1 second'"
    pause, exclusion = Pause.objects.get(item=place.refs.waiting), Exclusion.objects.get(item=place.refs.excluded)
    copies(Pause, pause.id, n, item_id=made(WorkItem, "reference"), recorded_at=later)
    copies(Exclusion, exclusion.id, n, item_id=made(WorkItem, "reference"), at=later)


@inside
def questions(place: Place, n: int) -> None:
    question = Question.objects.get(item=place.refs.late)
    copies(Question, question.id, n, number="1000 + g", question=NAMED)


@inside
def records_of_an_item(place: Place, n: int) -> None:
    """One item with many questions."""
    question = Question.objects.get(item=place.refs.late)
    copies(Question, question.id, n, number="1000 + g", question=NAMED, item_id=str(place.refs.item.id))
