"""The demo's story: two organizations, four clients, twelve closed months of recorded work, and open work around the present.

Closed months are fixed by a seed and go through the real imports, closings and invoices, month after month, as they would
have in life: a credit of one month reduces a later invoice, a return after billing becomes a negative line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from billing import actions as billing
from billing.models import ChargeTerm
from engagements import actions as work
from engagements.actions.contracts import ContractTerms
from engagements.actions.entities import create_legal_entity
from engagements.models import Client, Engagement, ImportBatch, LegalEntity, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.core.periods import add_months
from lpo.reports.actions import publish_status
from lpo.reports.demo import agreements, care, cast, coordinated, hands, measured, open_work, records, staffing
from lpo.reports.demo.chain import Chain
from lpo.reports.demo.standing import mark_complete
from lpo.tenancy.context import Scope, in_organization
from sla import actions as sla
from sla.models import LevelKind, Unit

MONTHS = 12
NEW_YORK = ZoneInfo("America/New_York")
# How many items each month delivers late: two months miss the promise of 95 %.
NDA_MISSES = (2, 1, 4, 0, 2, 1, 0, 2, 1, 2, 4, 1)
DRAFT_MISSES = (1, 0, 2, 1, 3, 0, 1, 2, 0, 1, 2, 5)
REVIEW_MONTHS_AGO = 4
REVIEW_MISSES = 10

UPDATES = {
    "NDA": "Intake is steady. One NDA waits for a signature block from your side.",
    "REV": "The review is complete. A supplemental batch arrived and is being read.",
    "DRF": "Letters are on schedule. One claim waits for medical records.",
}

Settle = Callable[[Organization], None]
Tell = Callable[[int, int, str], None]


@dataclass
class Scene:
    """What the months act on: the organization's people, workstreams and the driver that gets background work done."""

    organization: Organization
    people: dict[str, Membership]
    settle: Settle
    scale: int
    streams: dict[str, Workstream] = field(default_factory=dict)
    engagements: dict[str, Engagement] = field(default_factory=dict)
    terms: dict[str, ChargeTerm] = field(default_factory=dict)

    def by(self, name: str) -> Actor:
        return Actor.member(self.people[name])

    @property
    def manager(self) -> Actor:
        return self.by("asha" if "asha" in self.people else "ben")

    def inside(self) -> AbstractContextManager[Scope]:
        """A transaction of the organization; what it asks of the background is seen once it commits."""
        return in_organization(self.organization.id)


def months_before(now: datetime, n: int = MONTHS) -> list[date]:
    """First days of the last n months that have ended in New York, oldest first."""
    first = now.astimezone(NEW_YORK).date().replace(day=1)
    return [add_months(first, -k) for k in range(n, 0, -1)]


def build(
    *, settle: Settle, tell: Tell, scale: int = 1, months: int = MONTHS, now: datetime | None = None, leave_last_month: bool = False
) -> Organization:
    """Make both organizations, month after month. Raises `RuntimeError` when a recorded file is not taken whole.

    `months` tells only the end of the story; `leave_last_month` keeps the last month's windows open and its invoices undrafted,
    for whoever wants to do them.
    """
    now = now or timezone.now()
    told = months_before(now, months)
    steps = len(told) * 2 + 2
    tell(0, steps, "People and contracts")
    scenes = (_birch(settle, scale, told), _alder(settle, scale, told))
    done = 1
    for scene in scenes:
        for position, month in enumerate(told, MONTHS - months):
            tell(done, steps, f"{scene.organization.name}, {month:%B %Y}")
            play(scene, position, month, now, leave=leave_last_month and month == told[-1])
            done += 1
    tell(done, steps, "Open work")
    alder = scenes[1]
    running = add_months(told[-1], 1)
    logs = (("NDA", records.ndas(running, scale, 2)), ("DRF", records.drafts(running, scale, 1)))
    so_far = [(key, records.until(log, now - timedelta(hours=1))) for key, log in logs]
    bring_in(alder, [(key, log) for key, log in so_far if log.rows])
    bring_in_documents(alder, now)
    with alder.inside():
        staffing.profiles(alder.people, timezone.now())
        open_work.lay_out(alder.streams, alder.people, timezone.now())
        coordinated.coordinate(alder.streams, alder.people, timezone.now())
        staffing.recorded(alder.streams, alder.people, timezone.now())
        care.lay_out(alder.streams, alder.people, timezone.now())
        measured.lay_out(alder.streams, alder.people, told, timezone.now())
        hands.begin(alder.people, running)
    settle(alder.organization)
    with alder.inside():
        _publish(alder)
    mark_complete(alder.organization)
    tell(steps, steps, "Ready")
    return alder.organization


def _publish(scene: Scene) -> None:
    """What the clients were last told of their matters."""
    for key, note in UPDATES.items():
        publish_status(matter=scene.streams[key].matter, by=scene.by("asha"), note=note)


# --- organizations ------------------------------------------------------------------------------------------------------


def _alder(settle: Settle, scale: int, months: list[date]) -> Scene:
    organization, people = cast.found("alder", "Alder Legal", "America/New_York", cast.ALDER)
    scene = Scene(organization, people, settle, scale)
    with in_organization(organization.id):
        entity = create_legal_entity(by=scene.by("adam"), **cast.ALDER_ENTITY)
        office = sla.create_calendar(
            name="New York office",
            time_zone="America/New_York",
            weekly={str(day): [[9 * 60, 17 * 60]] for day in range(5)},
            holidays=_holidays("US-NY", months),
            holiday_source="Public holidays of New York",
            by=scene.by("asha"),
        )
        _vantic(scene, entity, months[0], office)
        _hale(scene, entity, months, office)
        _meridian(scene, entity, months[0], office)
        for viewer in cast.VIEWERS:
            client = Client.objects.get(code=viewer.client)
            people[cast.key_of(viewer)] = cast.join(organization, viewer, client.id)
    return scene


def _holidays(region: str, months: list[date]) -> list[date]:
    years = range(months[0].year, months[-1].year + 2)
    return list(sla.public_holidays(region, list(years)))


def _engagement(scene: Scene, client: Client, entity: LegalEntity, key: str, title: str, starts_on: date, **fields: Any) -> Engagement:
    terms: Any = {name: fields.pop(name) for name in ContractTerms.__annotations__ if name in fields}
    terms["currency"] = client.currency
    engagement = work.create_engagement(
        client=client, legal_entity=entity, title=title, starts_on=starts_on, by=scene.manager,
        manager=scene.people.get("asha") or scene.people["ben"], contract=terms, **fields,
    )  # fmt: skip
    scene.engagements[key] = engagement
    return engagement


def _stream(scene: Scene, engagement: Engagement, key: str, matter: dict[str, Any], stream: dict[str, Any]) -> Workstream:
    made = work.create_matter(engagement=engagement, by=scene.manager, **matter)
    work.publish_matter(matter=made, by=scene.manager)
    scene.streams[key] = work.create_workstream(matter=made, by=scene.manager, **stream)
    return scene.streams[key]


def _vantic(scene: Scene, entity: LegalEntity, start: date, office: Any) -> None:
    """A software company: fifty standard NDAs a month, 95 % within 24 hours, flat 2,500."""
    client = work.create_client(by=scene.by("asha"), **cast.VANTIC)
    engagement = _engagement(
        scene, client, entity, "VAN", "Commercial contracts", start, location="nearshore",
        time_zone="America/New_York", purchase_order="VS-20471", signed_on=start - timedelta(days=20),
        **agreements.TERMS, **agreements.term_of(start),
    )  # fmt: skip
    matter = {
        "title": "Commercial NDAs",
        "client_matter_id": "LEG-2231",
        "jurisdiction": "Germany",
        "supervising_attorney": scene.people["sam"],
        "supervised_from": records.morning(start),
    }
    stream = _stream(scene, engagement, "NDA", matter, {"kind": "nda_review", "title": "NDA review", "unit": "NDA", "item_prefix": "NDA"})
    agreements.write_down(engagement, stream, start, scene.people)
    promise: dict[str, Any] = {"effective_from": start, "by": scene.by("asha"), "time_zone": "America/New_York"}
    sla.create_level(
        workstream=stream, kind=LevelKind.TURNAROUND, name="NDA turnaround", clause="Schedule B 2.1", unit=Unit.ELAPSED, target=86_400,
        expected_percent=Decimal(95), credit_percent=Decimal(5), **promise,
    )  # fmt: skip
    sla.create_level(
        workstream=stream, kind=LevelKind.RESPONSE, name="Enquiry response", clause="Schedule B 2.3", unit=Unit.BUSINESS, target=7_200,
        calendar_version=office, expected_percent=Decimal(100), minimum_percent=Decimal(60), credit_percent=Decimal(2), **promise,
    )  # fmt: skip
    sla.create_level(
        workstream=stream, kind=LevelKind.ERROR_RESOLUTION, name="Critical errors", clause="Schedule B 2.4",
        unit=Unit.ELAPSED, target=14_400,
        expected_percent=Decimal(100), severity="critical", **promise,
    )  # fmt: skip
    billing.create_term(
        engagement=engagement, name="NDA review, flat fee", model="fixed", by=scene.by("bill"),
        version={"effective_from": start, "price": Decimal(2500), "unit": "month", "clause": "Schedule C 1"},
    )  # fmt: skip


def _hale(scene: Scene, entity: LegalEntity, months: list[date], office: Any) -> None:
    """A litigation firm: 500,000 documents for a fixed 50,000, hosting by user, coding errors under 1 %."""
    start = months[-min(REVIEW_MONTHS_AGO, len(months))]
    client = work.create_client(by=scene.by("asha"), **cast.HALE)
    engagement = _engagement(
        scene, client, entity, "HM", "Document review, Harlan v. Osprey", start, location="hybrid",
        time_zone="America/New_York", purchase_order="4471-B", signed_on=start - timedelta(days=9),
    )  # fmt: skip
    matter = {
        "title": "Harlan v. Osprey",
        "client_matter_id": "2026-0418",
        "jurisdiction": "D. Mass.",
        "supervising_attorney": scene.people["sam"],
        "supervised_from": records.morning(start),
    }
    unit = {"kind": "ediscovery", "title": "First-pass review", "unit": "document", "item_prefix": "REV"}
    stream = _stream(scene, engagement, "REV", matter, unit)
    promise: dict[str, Any] = {"effective_from": start, "by": scene.by("asha"), "time_zone": "America/New_York"}
    sla.create_level(
        workstream=stream, kind=LevelKind.TURNAROUND, name="Batch turnaround", clause="SOW 4.2", unit=Unit.BUSINESS, target=16 * 3600,
        calendar_version=office, expected_percent=Decimal(95), credit_percent=Decimal(2), priority="batch", **promise,
    )  # fmt: skip
    sla.create_level(
        workstream=stream, kind=LevelKind.ACCURACY, name="Coding accuracy", clause="SOW 4.3", max_error_percent=Decimal(1),
        error_unit="document", **promise,
    )  # fmt: skip
    billing.create_term(
        engagement=engagement, name="First-pass review, 500,000 documents", model="fixed", by=scene.by("bill"), position=1,
        version={"effective_from": start, "price": Decimal(50_000), "unit": "project", "recurring": False, "prorate": False,
        "clause": "SOW 6.1"},
    )  # fmt: skip
    hosting = billing.create_term(
        engagement=engagement, name="Review platform, hosting by user", model="per_user", by=scene.by("bill"), position=2,
        version={"effective_from": start, "price": Decimal(95), "unit": "seat", "credit_base": False, "clause": "SOW 6.2"},
    )  # fmt: skip
    for number in range(1, 15):
        joined = start if number <= 12 else start + timedelta(days=15)
        left = None if number <= 6 else add_months(start, 2) + timedelta(days=9)
        _seat(scene, hosting, f"hm-user-{number:02d}", joined, left)


def _seat(scene: Scene, term: ChargeTerm, subject: str, joined: date, left: date | None) -> None:
    billing.record_usage(
        term=term, source="platform", event_id=f"{subject}@{joined}", subject=subject, starts_on=joined, ends_on=left, by=scene.by("bill")
    )


def _meridian(scene: Scene, entity: LegalEntity, start: date, office: Any) -> None:
    """A medical-claims firm: drafting on unit rates, and two paralegals on its own desk."""
    client = work.create_client(by=scene.by("asha"), **cast.MERIDIAN)
    drafting = _engagement(
        scene, client, entity, "MER", "Demand letters", start, location="onshore", time_zone="America/New_York",
        purchase_order="MPG-118", signed_on=start - timedelta(days=30),
    )  # fmt: skip
    matter = {
        "title": "PIP demand letters",
        "client_matter_id": "PIP-DL",
        "jurisdiction": "Florida",
        "supervising_attorney": scene.people["sam"],
        "supervised_from": records.morning(start),
    }
    stream = _stream(scene, drafting, "DRF", matter, {"kind": "drafting", "title": "Drafting", "unit": "letter", "item_prefix": "DRF"})
    sla.create_level(
        workstream=stream, kind=LevelKind.TURNAROUND, name="Drafting turnaround", clause="Exhibit A 3", unit=Unit.BUSINESS,
        target=24 * 3600,
        calendar_version=office, expected_percent=Decimal(90), credit_percent=Decimal(5), effective_from=start, by=scene.by("asha"),
        time_zone="America/New_York",
    )  # fmt: skip
    billing.create_term(
        engagement=drafting, name="Demand letters", model="unit", by=scene.by("bill"),
        version={
            "effective_from": start, "shape": "graduated", "tiers": [["25", "85"], [None, "72.50"]], "unit": "letter", "workstream": stream,
            "clause": "Exhibit B",
        },
    )  # fmt: skip
    desk = _engagement(
        scene, client, entity, "AUG", "Paralegals on your desk", start, delivery_model="augmentation", location="onshore",
        time_zone="America/New_York", purchase_order="MPG-121", notice_days=10,
    )  # fmt: skip
    hands.place(desk, start, scene.people)


def _birch(settle: Settle, scale: int, months: list[date]) -> Scene:
    organization, people = cast.found("birch", "Birch Legal Support", "Europe/London", cast.BIRCH)
    scene = Scene(organization, people, settle, scale)
    with in_organization(organization.id):
        entity = create_legal_entity(by=scene.by("beth"), **cast.BIRCH_ENTITY)
        client = work.create_client(by=scene.by("ben"), **cast.COPPERFIELD)
        engagement = _engagement(
            scene, client, entity, "COP", "Lease reviews", months[0], location="onshore", time_zone="Europe/London", purchase_order="CH-88"
        )
        matter = {"title": "Residential leases", "client_matter_id": "CH-LEASE", "jurisdiction": "England and Wales"}
        unit = {"kind": "contract_review", "title": "Lease review", "unit": "lease", "item_prefix": "LSE"}
        stream = _stream(scene, engagement, "LSE", matter, unit)
        sla.create_level(
            workstream=stream, kind=LevelKind.TURNAROUND, name="Lease turnaround", unit=Unit.ELAPSED, target=48 * 3600,
            expected_percent=Decimal(90), credit_percent=Decimal(10), effective_from=months[0], by=scene.by("ben"),
            time_zone="Europe/London",
        )  # fmt: skip
        billing.create_term(
            engagement=engagement, name="Leases", model="unit", by=scene.by("bryn"),
            version={"effective_from": months[0], "price": Decimal(140), "unit": "lease", "workstream": stream},
        )  # fmt: skip
    return scene


# --- one month ---------------------------------------------------------------------------------------------------------------


def play(scene: Scene, position: int, month: date, now: datetime, *, leave: bool) -> None:
    """Bring a month's recorded work in, and close and invoice it as of the days after its end."""
    bring_in(scene, [(key, records.before(log, now)) for key, log in logs_of(scene, position, month)])
    with scene.inside():
        small_things(scene, position, month)
        following = add_months(month, 1)
        if "DRF" in scene.streams:
            hands.play(scene.people, position, month, min(datetime(following.year, following.month, 2, 14, tzinfo=UTC), now))
    scene.settle(scene.organization)
    if leave:
        return
    preparer, approver = ("bill", "bella") if "bill" in scene.people else ("bryn", "bea")
    chain = Chain(scene.organization, scene.people[preparer], scene.people[approver], settle=scene.settle)
    # On the first days of a month the last one is closed and invoiced today.
    at = min(datetime(following.year, following.month, 3, 15, tzinfo=UTC), now)
    chain.close(now=min(at, datetime(following.year, following.month, 1, 15, tzinfo=UTC)))
    # The last month is left half done where billing would have it on a day like today.
    chain.invoice(
        month, now=at, drafts={"MER-E01"} if position == MONTHS - 1 else set(), in_review={"HM-E01"} if position == MONTHS - 1 else set()
    )
    scene.settle(scene.organization)


def logs_of(scene: Scene, position: int, month: date) -> list[tuple[str, records.Log]]:
    if "LSE" in scene.streams:
        return [("LSE", records.leases(month, scene.scale, 2 if position in {3, 9} else 0))]
    found = [("NDA", records.ndas(month, scene.scale, NDA_MISSES[position])), ("DRF", _drafts(scene, position, month))]
    if position == MONTHS - REVIEW_MONTHS_AGO:
        found.append(("REV", records.review(month, scene.scale, REVIEW_MISSES).log))
    return found


def _drafts(scene: Scene, position: int, month: date) -> records.Log:
    """The letters of a month; the last but one also brings back a letter that was billed the month before."""
    log = records.drafts(month, scene.scale, DRAFT_MISSES[position])
    if position != MONTHS - 2:
        return log
    earlier = records.drafts(add_months(month, -1), scene.scale, DRAFT_MISSES[position - 1])
    ticket = next(row[0] for row in earlier.rows if row[2] == "Delivered")
    title = next(row[3] for row in earlier.rows if row[0] == ticket)
    at = datetime(month.year, month.month, 12, 15, tzinfo=UTC)
    gone = [records.returned(ticket, title, at), records.cancelled(ticket, title, at + timedelta(days=2))]
    return records.with_rows(log, gone)


def bring_in(scene: Scene, logs: Sequence[tuple[str, records.Log]]) -> None:
    """Upload, map, check, confirm and load files through the import a customer uses; several are checked side by side."""
    with scene.inside():
        batches = [_upload(scene, key, log) for key, log in logs]
    _confirm(scene, batches)


def bring_in_documents(scene: Scene, now: datetime) -> None:
    """A load file of the review platform: its batches become items, and what may be privileged is left out."""
    with scene.inside():
        given: Any = {"workstream": scene.streams["REV"], "by": scene.manager, "source": "platform"}
        batch = work.upload_load_file(**given, stream=BytesIO(records.load_file()), file_name=records.LOAD_FILE_NAME)
        batch = work.check_load_file(batch=batch, by=scene.manager, unit="batches", received=now - timedelta(hours=2))
    _confirm(scene, [batch])


def _confirm(scene: Scene, batches: Sequence[ImportBatch]) -> None:
    scene.settle(scene.organization)
    with scene.inside():
        for batch in batches:
            batch.refresh_from_db()
            if batch.state != "preview" or batch.counts.get("rejected"):
                raise RuntimeError(f"{batch.file_name}: {batch.state} {batch.counts} {batch.problem}")
            work.confirm_import(batch=batch, by=scene.manager)
    scene.settle(scene.organization)
    with scene.inside():
        for batch in batches:
            batch.refresh_from_db()
            if batch.state != "loaded":
                raise RuntimeError(f"{batch.file_name} was not loaded: {batch.state} {batch.problem}")


def _upload(scene: Scene, key: str, log: records.Log) -> ImportBatch:
    by, content = scene.manager, log.content()
    batch = work.upload_file(workstream=scene.streams[key], by=by, purpose="history", content=content, file_name=log.name, source="tracker")
    return work.map_columns(batch=batch, by=by, mapping=records.MAPPING, save_as="Tracker export")


def small_things(scene: Scene, position: int, month: date) -> None:
    """What no log brings: enquiries, an error now and then, quality checks."""
    if "NDA" in scene.streams:
        open_work.enquiries(scene.streams["NDA"], scene.people, month)
        if position % 4 == 1:
            open_work.error(scene.streams["NDA"], scene.people, month)
    if "REV" in scene.streams and position == MONTHS - REVIEW_MONTHS_AGO:
        open_work.check_review(scene.streams["REV"], scene.people, month)
