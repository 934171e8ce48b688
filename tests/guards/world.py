"""One of everything an address can name, in two organizations alike, built once through the real actions.

Everything of an organization carries its name in each text and reference (`alder`, `birch`), everything of its second client
`hazel`, everything behind its wall `rowan`: so a page that holds one of these words where it may not has leaked.
"""

from __future__ import annotations

import calendar
import io
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from django.test import Client as Browser
from django.utils import timezone
from django.utils.text import slugify

from billing import actions as billing
from billing.actions.documents import export_reference
from engagements import actions as work
from engagements.models import ConflictMatch, Contract, Engagement, LegalEntity, Notice, WorkItem, Workstream
from engagements.sheets import week_of
from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import ROLE_PERMISSIONS, Permission, Role
from lpo.accounts.tokens import Scope
from lpo.audit.documents import store
from lpo.audit.models import Document, Event
from lpo.jobs.models import Job
from lpo.jobs.queue import enqueue
from lpo.jobs.runner import run_due
from lpo.tenancy.context import in_organization
from sla import actions as sla
from sla.models import Attainment, SampleItem
from tests import make
from tests.conftest import person
from tests.sla import make as levels

HAZEL, ROWAN = "hazel", "rowan"
WORK_PRODUCT = "the privileged words themselves"
# Prices nobody would write by chance: whoever reads one on a page was shown money.
PRICES = ["97,113.00", "47.31", "2731.19", "2,731.19", "93.57", "97.13", "83.71"]
INSIDERS = {"insider", "second_billing"}
ROLES = [role.value for role in Role]
OUTSIDERS = [role for role in ROLES if role != Role.CLIENT_VIEWER]
TOLD = [*(role for role in OUTSIDERS if role != Role.AUDITOR), "insider"]
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
ZONE = ZoneInfo("America/New_York")
_NAMES = {
    Role.OWNER: "Olga",
    Role.ADMINISTRATOR: "Adam",
    Role.PROJECT_MANAGER: "Asha",
    Role.COORDINATOR: "Cora",
    Role.REVIEWER: "Rita",
    Role.BILLING: "Bill",
    Role.ATTORNEY: "Sam",
    Role.AUDITOR: "Audrey",
}


@dataclass
class Place:
    """One organization with its people by role, their session keys, and what its addresses name."""

    organization: Organization
    people: dict[str, Membership]
    sessions: dict[str, str] = field(default_factory=dict)
    refs: SimpleNamespace = field(default_factory=SimpleNamespace)

    @property
    def slug(self) -> str:
        return self.organization.slug

    def browser(self, who: str) -> Browser:
        """A browser in which a person is signed in already."""
        browser = Browser(raise_request_exception=False)
        browser.cookies["session"] = self.sessions[who]
        return browser


@dataclass
class World:
    alder: Place
    birch: Place


def month_before(months: int, now: datetime) -> date:
    """The first day of the month so many months before the present one in New York."""
    today = now.astimezone(ZONE).date()
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return date(year, month + 1, 1)


def build() -> World:
    return World(_place("alder"), _place("birch"))


def _place(slug: str) -> Place:
    word = slug.title()
    organization = Organization.objects.create(slug=slug, name=f"{word} Legal", time_zone="America/New_York")
    people = {role.value: person(organization, f"{name} {word}", role) for role, name in _NAMES.items()}
    people["second_billing"] = person(organization, f"Bella {word}", Role.BILLING)
    people["insider"] = person(organization, f"Ines {word}", Role.PROJECT_MANAGER)
    people["leaver"] = person(organization, f"Lena {word}", Role.COORDINATOR)
    place = Place(organization, people)
    with in_organization(organization.id):
        _fill(place, word)
    run_due(organization.id)
    with in_organization(organization.id):
        _bill(place, word)
    run_due(organization.id)
    with in_organization(organization.id):
        _for_addresses(place)
    for who, member in people.items():
        browser = Browser()
        browser.force_login(member.user, backend=BACKEND)
        _just_seen(browser, member)
        place.sessions[who] = browser.cookies["session"].value
    return place


def _just_seen(browser: Browser, member: Membership) -> None:
    """Every walk rolls back what it did, so that each request would note anew that somebody is here: two writes of no interest."""
    later = timezone.now() + timedelta(days=1)
    session = browser.session
    session["seen"] = session["started"] = int(later.timestamp())
    session["portal"] = member.role == Role.CLIENT_VIEWER
    session.save()
    Membership.objects.filter(pk=member.pk).update(last_seen_at=later)


def _fill(place: Place, word: str) -> None:
    refs, capital = place.refs, word.upper()
    now = timezone.now()
    refs.first_month, refs.last_month = month_before(2, now), month_before(1, now)
    refs.entity = _entity(word)
    refs.client = make.client(code=f"{capital}V", name=f"{word} Vantic", legal_name=f"{word} Vantic, Inc.")
    refs.second_client = make.client(code=f"{capital}H", name=f"Hazel {word}", legal_name=f"Hazel {word} LLC")
    for who, client in (("client_viewer", refs.client), ("second_viewer", refs.second_client)):
        name = "Carla" if who == "client_viewer" else "Hana"
        place.people[who] = person(place.organization, f"{name} {word}", Role.CLIENT_VIEWER, client.id)
    _profile(place, word)
    _clients_work(place, word)
    _second_clients_work(place, word)
    _walled_work(place, word)
    _time(place, word)
    _checked(place, word)
    _sampled(place, word)
    _supervised(place, word)
    _told(place)
    _own(place, word)
    _of_the_house(place, word)


def _entity(word: str) -> LegalEntity:
    return make.legal_entity(
        name=f"{word} Legal LLC", number_prefix=word.upper()[:5], query_contact=f"billing@{word.lower()}.example", country="US"
    )


def _profile(place: Place, word: str) -> None:
    """Somebody with one line of each kind, the conflict with a client that outside counsel does not see."""
    who: dict[str, Any] = {"member": place.people["leaver"], "by": make.system()}
    work.update_profile(version=1, location=f"{word} City", capacity=Decimal(40), capacity_unit="items", **who)
    work.add_language(language="de", level="fluent", **who)
    work.add_admission(jurisdiction="New York", number=f"{word} 1", **who)
    work.add_training(kind="nda_review", title=f"{word} playbook", passed_on=place.refs.first_month, **who)
    place.refs.profile_conflict = work.add_conflict(client=place.refs.second_client, since=place.refs.first_month, **who)
    work.add_absence(starts_on=place.refs.first_month, ends_on=place.refs.first_month, **who)
    place.refs.own_week = week_of(timezone.now().date())
    work.add_week(first_week=place.refs.own_week, capacity=Decimal(50), reason=f"{word} fair", **who)


def _checked(place: Place, word: str) -> None:
    """Checks that find a name of the second client, one behind the wall and somebody's conflict; two matches waived with consent."""
    refs, insider = place.refs, Actor.member(place.people["insider"])
    parties = {
        "walled": [f"Rowan {word} Target"],
        "second_matter": [f"Hazel {word}", "Tilia Claims"],
        "matter": ["Tilia Claims Ltd", f"{word} Target"],
    }
    for name, names in parties.items():
        matter = getattr(refs, name)
        matter.refresh_from_db()
        setattr(refs, name, work.update_matter(matter=matter, by=insider, version=matter.version, parties=names))
    for client, matter in (
        (refs.client, None),
        (refs.client, refs.matter),
        (refs.client, refs.walled),
        (refs.second_client, refs.second_matter),
    ):
        work.run_check(client=client, matter=matter, by=make.system())
    work.run_check(client=refs.second_client, by=make.system())
    for match in ConflictMatch.objects.filter(position=1).order_by("id"):
        consent = work.keep_consent(
            match=match, content=WORK_PRODUCT.encode(), file_name=f"{word}.eml", media_type="message/rfc822", by=insider
        )
        said: dict[str, Any] = {"consented_by": "General counsel", "consent_scope": "This matter", "message": consent}
        work.decide_match(match=match, by=insider, verdict="waived", note="They agreed", **said)


def _sampled(place: Place, word: str) -> None:
    """A sample of the first client's work, one item of it checked and disputed; one of the second's, one behind the wall."""
    refs = place.refs
    span: dict[str, Any] = {"from_at": at(refs.first_month, 1, 0), "to_at": timezone.now() + timedelta(days=1)}
    declared = sla.Declared(**span, sizing="number", number=3)
    for stream, who in ((refs.stream, "project_manager"), (refs.second_stream, "project_manager"), (refs.walled_stream, "insider")):
        plan = sla.draw_plan(workstream=stream, declared=replace(declared, number=3 if stream is refs.stream else 1), by=make.system())
        sla.assign_checks(plan=plan, checkers=[place.people[who]], by=make.system())
    rows = list(SampleItem.objects.filter(plan__workstream=refs.stream).order_by("position"))
    found = [sla.Found(severity="major", category="wrong_call", note=f"{word}: {WORK_PRODUCT}")]
    checker = Actor.member(place.people["project_manager"])
    sla.check_sampled(sampled=rows[1], units=10, found=found, note=f"{word} differs", by=checker)
    sla.assign_checks(plan=rows[0].plan, checkers=[place.people["owner"]], by=make.system())  # the rest
    refs.sampled = rows[0]


def _supervised(place: Place, word: str) -> None:
    """A hold of each kind, a question that work waits for, a sample, and the record of it told to both clients."""
    refs, system = place.refs, make.system()
    work.set_hold(client=refs.client, matter=refs.matter, by=system, reason=f"{word} claim", ordered_by="Court")
    work.set_hold(client=refs.second_client, by=system, reason=f"Hazel {word} claim", ordered_by="Court")
    until = timezone.now() + timedelta(days=1)
    for matter, title in ((refs.matter, word), (refs.second_matter, f"Hazel {word}"), (refs.walled, f"Rowan {word}")):
        work.ask_counsel(matter=matter, by=system, question=f"{title}, which deadline?", escalation=True)
        work.draw_sample(matter=matter, by=system, from_at=at(refs.first_month, 1, 0), to_at=until, size=1)
        work.publish_supervision(matter=matter, by=system)


def _time(place: Place, word: str) -> None:
    """An entry of everybody who records time; the insider's lies behind the wall and is handed in."""
    refs, day = place.refs, timezone.now().astimezone(ZONE).date() - timedelta(days=1)
    for who in ("owner", "project_manager", "coordinator", "reviewer"):
        by = Actor.member(place.people[who])
        work.add_time(by=by, workstream=refs.stream, item=refs.item, day=day, minutes=Decimal(30), narrative=f"Reviewed {word} one")
    insider = Actor.member(place.people["insider"])
    work.add_time(by=insider, workstream=refs.walled_stream, day=day, minutes=Decimal(45), narrative=f"Reviewed Rowan {word}")
    work.submit_week(by=insider, week=day)


def _engagement(place: Place, client: Any, title: str) -> Engagement:
    fields = {"legal_entity": place.refs.entity, "starts_on": place.refs.first_month, "manager": place.people["project_manager"]}
    made = make.engagement(client, title=title, **fields)
    contract = Contract.objects.get(engagement=made)
    work.add_clause(contract=contract, by=make.system(), number=f"{title} 1", title="Review", text=f"{title} at 47.31 each")
    signed = f"{title}, signed, at 47.31 each".encode()
    file = store(
        kind="contract", content=signed, file_name=f"{title}.pdf", media_type="application/pdf", by=make.system(), client_id=client.id
    )
    work.attach_signed_file(contract=contract, by=make.system(), document=file)
    manager = place.people["project_manager"]
    work.add_team_member(engagement=made, by=make.system(), member=manager, role="manager", starts_on=made.starts_on)
    work.add_order(
        engagement=made, by=make.system(), number=f"{title} PO", amount=Decimal("97113.00"), currency="USD", valid_from=made.starts_on
    )
    return made


def _clients_work(place: Place, word: str) -> None:
    refs, capital = place.refs, word.upper()
    refs.engagement = _engagement(place, refs.client, f"{word} contracts")
    refs.matter = make.matter(refs.engagement, title=f"{word} NDAs", supervising_attorney=place.people["attorney"])
    refs.stream = make.workstream(refs.matter, title=f"{word} NDA review", item_prefix=f"{capital}N")
    (refs.item_type,) = make.item_types(refs.stream, **{f"{word.lower()}-nda": f"{word} mutual NDA"})
    _protocol(refs.stream, f"{word}")
    refs.calendar = levels.calendar(f"{word} office")
    second = levels.calendar(f"{word} office in Manila", time_zone="Asia/Manila")
    union: dict[str, Any] = {"time_zone": "Asia/Manila", "weekly": {}, "sites": [refs.calendar, second], "by": make.system()}
    sla.create_calendar(name=f"{word} around the clock", **union)
    refs.level = _level(refs.stream, f"{word} turnaround")
    refs.accuracy = levels.accuracy_level(refs.stream, name=f"{word} accuracy", effective_from=refs.first_month)
    _history(place, refs.stream, word)
    work.publish_update(matter=refs.matter, by=make.system(), note=f"{word} began")
    _open_work(place, word)
    _decided(place, refs.stream, word)
    _coordinated(place, refs.stream, word)
    _file(refs.stream, word)
    _placed(place, refs.matter, word, "")


def _level(stream: Workstream, name: str) -> Any:
    return levels.level(stream, name=name, effective_from=date(2020, 1, 1))


def at(month: date, day: int, hour: int = 10) -> datetime:
    return datetime(month.year, month.month, min(day, calendar.monthrange(month.year, month.month)[1]), hour, tzinfo=ZONE).astimezone(UTC)


def _done(stream: Workstream, title: str, received: datetime, hours: int) -> WorkItem:
    return make.item(stream, title=title, received_at=received, state="delivered", moved_at=received + timedelta(hours=hours))


def _protocol(stream: Workstream, word: str) -> None:
    """How the work is done, as a text and a file, neither signed."""
    said = f"{word}: {WORK_PRODUCT}"
    file = store(
        kind="protocol",
        content=said.encode(),
        file_name=f"{word}.txt",
        media_type="text/plain",
        by=make.system(),
        client_id=stream.client_id,
        matter_id=stream.matter_id,
    )
    starts = timezone.localdate()
    work.write_protocol(workstream=stream, by=make.system(), title=f"{word} protocol", effective_from=starts, text=said, document=file)


def _history(place: Place, stream: Workstream, word: str) -> None:
    """Two closed months: the first met, the last missed, so that a credit is claimed."""
    refs = place.refs
    refs.delivered = _done(stream, f"{word} NDA one", at(refs.first_month, 9), 3)
    late = _done(stream, f"{word} NDA two", at(refs.last_month, 9), 60)
    _contestable(refs.level.level, stream, f"{word} left out", at(refs.last_month, 10))
    sla.record_quality_check(item=refs.delivered, units=10, errors=0, by=make.system(), checked_at=at(refs.first_month, 12))
    sla.record_quality_check(item=late, units=10, errors=1, by=make.system(), checked_at=at(refs.last_month, 14))


def _contestable(level: Any, stream: Workstream, title: str, received: datetime) -> None:
    """An item that waited for the client and is excluded: the client reads both once the month is published."""
    made, system = make.item(stream, title=title, received_at=received), make.system()
    work.pause_item(item=made, by=system, party="client", reason="information", note=title, at=received + timedelta(hours=1))
    work.resume_item(item=made, by=system, at=received + timedelta(hours=2))
    made = work.move_item(item=made, to="delivered", by=system, at=received + timedelta(hours=3), reason="as recorded")
    sla.exclude_item(level=level, item=made, reason=f"{title}, as agreed", by=system)


def _open_work(place: Place, word: str) -> None:
    """One of each kind of open item: overdue, assigned, on hold with evidence, delivered today."""
    refs, now = place.refs, timezone.now()
    make.item(refs.stream, title=f"{word} overdue", received_at=now - timedelta(days=3))
    refs.item = make.item(refs.stream, title=f"{word} assigned", received_at=now - timedelta(hours=2))
    refs.item = work.assign_item(item=refs.item, by=make.system(), member=place.people["reviewer"])
    refs.fresh = make.item(refs.stream, title=f"{word} fresh", received_at=now - timedelta(hours=1))
    refs.waiting = _on_hold(place, refs.stream, f"{word} waiting")
    received = now - timedelta(hours=4)
    refs.fresh_delivered = make.item(refs.stream, title=f"{word} delivered now", received_at=received, state="delivered")
    _version(refs.fresh_delivered, f"{word} NDA")
    refs.excluded = make.item(refs.stream, title=f"{word} excluded", received_at=received, state="delivered")
    shown = make.message(refs.excluded, f"{word} agreed: {WORK_PRODUCT}")
    refs.exclusion = sla.exclude_item(level=refs.level.level, item=refs.excluded, reason=f"{word} agreed", by=make.system(), evidence=shown)


def _version(item: WorkItem, label: str) -> None:
    """A version the client sees, its checklist ticked; and the next one, which it does not."""
    stream, system = item.workstream, make.system()
    (point,) = work.set_checklist(workstream=stream, by=system, required=["Second read"])
    for words in (WORK_PRODUCT, f"{WORK_PRODUCT}, mended"):
        row = work.keep_deliverable(item=item, by=system, content=words.encode(), file_name=f"{label}.txt")
        work.tick_point(deliverable=row, point=point, by=system)
        if row.number == 1:
            work.publish_deliverable(deliverable=row, by=system)


def _on_hold(place: Place, stream: Workstream, title: str) -> WorkItem:
    """An item that waits for the client, with the mail that shows it."""
    made = make.item(stream, title=title, received_at=timezone.now() - timedelta(hours=3))
    document = store(
        kind="evidence",
        content=f"{title}: {WORK_PRODUCT}".encode(),
        file_name=f"{title}.eml",
        media_type="message/rfc822",
        by=make.system(),
        client_id=made.client_id,
        matter_id=made.matter_id,
        reference=made.reference,
    )
    work.pause_item(item=made, by=make.system(), party="client", reason="information", note=f"{title}, asked", evidence=document)
    return made


def _decided(place: Place, stream: Workstream, title: str, prefix: str = "") -> None:
    """What the client decided on the provider's record, an entry that waits for a second person, an error, and an answered question."""
    insider, received = Actor.member(place.people["insider"]), timezone.now() - timedelta(hours=4)
    accepted = make.item(stream, title=f"{title} accepted", received_at=received, state="delivered")
    words = f"{title}: {WORK_PRODUCT}"
    accepted = work.move_item(item=accepted, to="accepted", by=insider, message=make.message(accepted, words))
    late = make.item(stream, title=f"{title} late", received_at=received)
    asked: dict[str, Any] = {"party": "client", "reason": "information", "note": f"{title}, asked late"}
    work.pause_item(item=late, by=Actor.member(place.people["leaver"]), at=received + timedelta(hours=1), **asked)
    error = make.item(stream, title=f"{title} error", received_at=received, kind="error", severity="major")
    question = work.ask_counsel(matter=stream.matter, item=late, by=insider, question=f"{title}, may we?")
    work.answer_question(question=question, by=insider, answer=f"{title}, yes", message=make.message(late, words))
    for name, made in (("accepted", accepted), ("late", late), ("error", error)):
        setattr(place.refs, prefix + name, made)


def _coordinated(place: Place, stream: Workstream, word: str, prefix: str = "") -> None:
    """A milestone that was put off and reached, its file kept, and what stands in the way of an item."""
    engagement, item = stream.matter.engagement, getattr(place.refs, f"{prefix}item")
    due = timezone.localdate() - timedelta(days=9)
    row = work.add_milestone(engagement=engagement, by=make.system(), name=f"{word} first draft", due_on=due, workstream=stream)
    row = work.redate_milestone(milestone=row, by=make.system(), version=1, due_on=due + timedelta(days=4), reason=f"{word} was late")
    words = f"{word}: {WORK_PRODUCT}".encode()
    shown = work.keep_milestone_evidence(milestone=row, by=make.system(), content=words, file_name=f"{word}.txt", media_type="text/plain")
    row = work.reach_milestone(milestone=row, by=make.system(), version=2, done_on=due + timedelta(days=5), evidence=shown)
    about: dict[str, Any] = {"engagement": engagement, "by": make.system()}
    work.add_milestone(name=f"{word} next draft", due_on=due, matter=stream.matter, **about)
    said = work.Upload(f"{word}: {WORK_PRODUCT}".encode(), f"{word}.txt", "text/plain")
    owner = Actor.member(place.people["insider"])
    comment = work.add_comment(
        by=owner, text=f"{word} is late", matter=stream.matter, item=item, files=[said], engagement=engagement, url="/"
    )
    work.add_comment(by=owner, text=f"{word} matter", matter=stream.matter, engagement=engagement, url="/")
    setattr(place.refs, f"{prefix}comment", comment)
    blocker = work.raise_blocker(text=f"{word} has no access", party="client", item=item, **about)
    setattr(place.refs, f"{prefix}milestone", row)
    setattr(place.refs, f"{prefix}blocker", blocker)


def _file(stream: Workstream, word: str) -> None:
    """A file of items that was checked and waits to be confirmed, one of its rows rejected."""
    content = f"id,title,received\n{word}-1,{word} from a file,2026-01-05\n{word}-2,{word} refused row,never\n".encode()
    batch = work.upload_file(workstream=stream, by=make.system(), purpose="items", content=content, file_name=f"{word}.csv")
    columns = {"external_id": "id", "title": "title", "received_at": "received"}
    work.map_columns(batch=batch, by=make.system(), mapping={"columns": columns, "zone": "UTC", "dates": "iso"})
    _load_file(stream, word)


def _load_file(stream: Workstream, word: str) -> None:
    """A load file that waits to be checked; its custodian was dropped on the way in."""
    lines = ["þDOCIDþ\x14þBATCHþ\x14þCUSTODIANþ", f"þ{word}-A1þ\x14þ{word} batchþ\x14þ{WORK_PRODUCT}þ"]
    stream_of_bytes = io.BytesIO("\r\n".join([*lines, ""]).encode())
    work.upload_load_file(workstream=stream, by=make.system(), stream=stream_of_bytes, file_name=f"{word}.dat")


def _second_clients_work(place: Place, word: str) -> None:
    refs = place.refs
    refs.second_engagement = _engagement(place, refs.second_client, f"Hazel {word} drafting")
    refs.second_matter = make.matter(refs.second_engagement, title=f"Hazel {word} claims")
    refs.second_stream = make.workstream(refs.second_matter, title=f"Hazel {word} drafts", item_prefix=f"HAZ{word.upper()[:5]}")
    make.item_types(refs.second_stream, **{refs.item_type.code: f"Hazel {word} deed"})
    _protocol(refs.second_stream, f"Hazel {word}")
    refs.second_item = make.item(refs.second_stream, title=f"Hazel {word} draft", received_at=timezone.now() - timedelta(days=4))
    refs.second_waiting = _on_hold(place, refs.second_stream, f"Hazel {word} waiting")
    _decided(place, refs.second_stream, f"Hazel {word}", "second_")
    _coordinated(place, refs.second_stream, f"Hazel {word}", "second_")
    _file(refs.second_stream, f"Hazel {word}")
    refs.second_level = _level(refs.second_stream, f"Hazel {word} turnaround")
    refs.second_delivered = _done(refs.second_stream, f"Hazel {word} letter", at(refs.first_month, 9), 3)
    _version(refs.second_delivered, f"Hazel {word} letter")
    _done(refs.second_stream, f"Hazel {word} brief", at(refs.last_month, 9), 90)
    _contestable(refs.second_level.level, refs.second_stream, f"Hazel {word} left out", at(refs.last_month, 10))
    work.publish_update(matter=refs.second_matter, by=make.system(), note=f"Hazel {word} began")
    _placed(place, refs.second_matter, f"Hazel {word}", "second_")
    for row in (refs.milestone, refs.second_milestone):
        work.publish_milestone(milestone=row, by=make.system(), version=row.version)


def _walled_work(place: Place, word: str) -> None:
    """A matter of the first client behind a wall, with work that is measured and billed; inside are only `insider` and
    `second_billing`."""
    refs = place.refs
    refs.walled = make.matter(refs.engagement, title=f"Rowan {word} merger")
    refs.walled_stream = make.workstream(refs.walled, title=f"Rowan {word} review", item_prefix=f"ROW{word.upper()[:5]}")
    make.item_types(refs.walled_stream, **{refs.item_type.code: f"Rowan {word} deed"})
    _protocol(refs.walled_stream, f"Rowan {word}")
    refs.walled_item = make.item(refs.walled_stream, title=f"Rowan {word} overdue", received_at=timezone.now() - timedelta(days=5))
    refs.walled_waiting = _on_hold(place, refs.walled_stream, f"Rowan {word} waiting")
    _decided(place, refs.walled_stream, f"Rowan {word}", "walled_")
    _coordinated(place, refs.walled_stream, f"Rowan {word}", "walled_")
    _file(refs.walled_stream, f"Rowan {word}")
    refs.walled_level = _level(refs.walled_stream, f"Rowan {word} turnaround")
    refs.walled_delivered = _done(refs.walled_stream, f"Rowan {word} first", at(refs.first_month, 9), 3)
    _version(refs.walled_delivered, f"Rowan {word}")
    _done(refs.walled_stream, f"Rowan {word} second", at(refs.last_month, 9), 90)
    insider = Actor.member(place.people["insider"])
    shown = make.message(refs.walled_delivered, f"Rowan {word} agreed")
    why = f"Rowan {word} agreed"
    sla.exclude_item(level=refs.walled_level.level, item=refs.walled_delivered, reason=why, by=make.system(), evidence=shown)
    sla.recompute(level=refs.walled_level.level, by=insider)
    _placed(place, refs.walled, f"Rowan {word}", "walled_")
    refs.walled = work.raise_wall(matter=refs.walled, by=insider, insiders=[place.people["second_billing"]])


def _told(place: Place) -> None:
    """A path of one step a person, and what it told them of the blockers: the insider alone of the one behind the wall."""
    for engagement in (place.refs.engagement, place.refs.second_engagement):
        for who in TOLD:
            work.add_step(engagement=engagement, by=make.system(), trigger="blocker", after=1, member=place.people[who])
    work.escalate_due(by=make.system(), now=timezone.now() + timedelta(days=2))


def _own(place: Place, word: str) -> None:
    """What each person keeps: a view of the queue, and the report of something done to many items, the walled one for who sees it."""
    refs = place.refs
    refs.views, refs.bulks = {}, {}
    moved = make.item(refs.stream, title=f"{word} moved with others")
    for who in TOLD:
        by, member = Actor.member(place.people[who]), place.people[who]
        refs.views[who] = work.save_view(by=by, owner=member, page="queue", name=f"{word} mine", query={"state": "received"}).number
        system = Actor("member", member.organization_id, member.display_name, member.pk, permissions=frozenset(Permission))
        items = [moved.id, refs.walled_item.id] if who == "insider" else [moved.id]
        refs.bulks[who] = work.run_bulk(ids=items, change=work.Change("move", to="in_review"), by=system).number


def _of_the_house(place: Place, word: str) -> None:
    """What an organization has besides work: an invitation, tokens by scope, a job that is waiting."""
    refs, owner = place.refs, Actor.member(place.people["owner"])
    refs.invitation = accounts.invite(email=f"guest@{word.lower()}.example", role="reviewer", by=owner)
    everything = [scope.value for scope in Scope]
    refs.token, refs.raw_token = accounts.create_token(name=f"{word} reports", scopes=everything, days=30, by=owner)
    refs.raw_scoped = {
        scope.value: accounts.create_token(name=f"{word} {scope.value}", scopes=[scope.value], days=30, by=owner)[1] for scope in Scope
    }


def _bill(place: Place, word: str) -> None:
    """Both months closed and published, the first invoiced and issued, the second in draft with its credit."""
    refs, system = place.refs, make.system()
    for level in (refs.level, refs.second_level, refs.walled_level, refs.accuracy):
        for start in sorted(set(Attainment.objects.filter(level_id=level.level_id, state="open").values_list("window_start", flat=True))):
            if start < at(month_before(0, timezone.now()), 1, 0):
                sla.close_window(level=level.level, window_start=start, by=system, publish=True)
    refs.attainment = Attainment.objects.filter(level_id=refs.level.level_id, state="closed").latest("window_start")
    month = f"{refs.first_month:%Y-%m}"
    for level in (refs.level, refs.walled_level):
        refs.scenario = levels.replayed(level, month, month, name=f"{level.level.name} in a week", target=7 * 86_400)
    _terms(place, word)
    biller, approver = Actor.member(place.people["billing"]), Actor.member(place.people["second_billing"])
    refs.invoice = _issued(refs.engagement, 0, biller, approver)
    refs.second_invoice = _issued(refs.second_engagement, 0, biller, approver)
    refs.draft = billing.draft_invoice(engagement=refs.engagement, index=1, by=biller)
    refs.plain_engagement, refs.plain_invoice = refs.second_engagement, refs.second_invoice
    refs.plain_draft = billing.draft_invoice(engagement=refs.second_engagement, index=1, by=biller)
    for by in (biller, Actor.member(place.people["owner"])):
        enqueue("billing.export", {"month": refs.first_month.isoformat()}, by=by, title="Export")


def _terms(place: Place, word: str) -> None:
    refs, system, month = place.refs, make.system(), place.refs.first_month

    def term(engagement: Engagement, name: str, model: str, price: str, **version: Any) -> Any:
        values = {"effective_from": month, "price": Decimal(price), **version}
        return billing.create_term(engagement=engagement, name=name, model=model, version=values, by=system)

    refs.term = term(refs.engagement, f"{word} NDA fee", "unit", "47.31", unit="NDA", workstream=refs.stream)
    term(refs.engagement, f"{word} base fee", "fixed", "2731.19", unit="month")
    term(refs.engagement, f"{word} second review fee", "unit", "93.57", unit="NDA", workstream=refs.walled_stream)
    refs.seats = term(refs.engagement, f"{word} hosting", "per_user", "97.13", unit="seat")
    refs.seat, _ = billing.record_usage(
        term=refs.seats, source="platform", event_id=f"{word}-1", subject=f"Pat {word}", starts_on=month, by=system
    )
    expenses = term(refs.engagement, f"{word} disbursements", "expense", "0", unit="expense")
    about: dict[str, Any] = {"client_id": refs.client.id, "reference": refs.engagement.reference}
    receipt: dict[str, Any] = {
        "kind": "receipt",
        "content": f"{word} receipt".encode(),
        "file_name": "receipt.txt",
        "media_type": "text/plain",
    }
    refs.expense, _ = billing.record_usage(
        term=expenses, source="books", event_id=f"{word}-x1", subject=f"Courier {word}", starts_on=month, by=system,
        amount=Decimal("41.27"), currency="USD", code="E107", receipt=store(**receipt, **about, by=system),
    )  # fmt: skip
    term(refs.second_engagement, f"Hazel {word} fee", "unit", "83.71", unit="draft", workstream=refs.second_stream)


def _issued(engagement: Engagement, index: int, biller: Actor, approver: Actor) -> Any:
    invoice = billing.draft_invoice(engagement=engagement, index=index, by=biller)
    invoice = billing.submit_invoice(invoice=invoice, by=biller)
    invoice = billing.approve_invoice(invoice=invoice, by=approver)
    return billing.issue_invoice(invoice=invoice, by=biller)


def _placed(place: Place, matter: Any, name: str, prefix: str) -> None:
    """Somebody placed on the matter, an absence taken back, last month approved and published, this month's draft begun."""
    refs, system, insider = place.refs, make.system(), Actor.member(place.people["insider"])
    agreed: dict[str, Any] = {"role": "Paralegal", "supervisor": f"{name} supervisor", "hours_per_week": Decimal(40)}
    row = work.place_person(matter=matter, by=system, name=f"{name} Cole", starts_on=refs.first_month, **agreed)
    away = work.record_away(placement=row, by=system, starts_on=refs.first_month, ends_on=refs.first_month, kind="leave", note=name)
    work.withdraw_away(absence=away, by=system)
    shown = prefix != "walled_"
    if shown:
        work.publish_placement(placement=row, by=system)
    words = f"{name}, approved: {WORK_PRODUCT}".encode()
    mail: dict[str, Any] = {"file_name": "mail.eml", "media_type": "message/rfc822"}
    message = work.keep_message(item=None, matter=matter, content=words, by=system, **mail)
    for month in (refs.first_month, refs.last_month):
        sheet = work.open_timesheet(placement=row, by=system, day=month)
        sheet = work.submit_timesheet(sheet=sheet, by=system, version=sheet.version)
        sheet = work.decide_timesheet(
            sheet=sheet, by=insider, version=sheet.version, approve=True, message=message, publish=shown, note=f"{name} approved"
        )
    draft = work.open_timesheet(placement=row, by=system, day=at(refs.last_month, 28).date() + timedelta(days=14))
    refs.__dict__.update({f"{prefix}placement": row, f"{prefix}sheet": sheet, f"{prefix}draft_sheet": draft})


def _for_addresses(place: Place) -> None:
    """Rows as the addresses number them, read last so that their versions are current."""
    refs = place.refs
    refs.job_id = Job.objects.filter(created_by__isnull=True).latest("id").id
    exports = dict(Document.objects.filter(kind="invoice_export").values_list("reference", "sha256"))
    refs.exports = {who: exports[export_reference(place.people[who].id)] for who in ("billing", "owner")}
    refs.notices = {who: _first_notice(member) for who, member in place.people.items() if who in TOLD}
    refs.level_slug, refs.second_level_slug = slugify(refs.level.level.name), slugify(refs.second_level.level.name)
    refs.walled_job_id = Job.objects.get(kind="sla.recompute").id
    for prefix in ("", "walled_", "second_"):
        reference = getattr(refs, f"{prefix}item").reference
        setattr(refs, f"{prefix}event_id", Event.objects.filter(object_reference=reference).latest("id").id)
    refs.an_hour_ago = (timezone.now() - timedelta(hours=1)).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")
    for name in (
        "client",
        "engagement",
        "matter",
        "stream",
        "item",
        "waiting",
        "fresh_delivered",
        "accepted",
        "late",
        "error",
        "milestone",
    ):
        for prefix in ("", "walled_", "second_"):
            if hasattr(refs, prefix + name):
                getattr(refs, prefix + name).refresh_from_db()
    refs.walled.refresh_from_db()


def _first_notice(member: Membership) -> int:
    return Notice.objects.filter(member=member).order_by("id").values_list("id", flat=True)[0]


def behind_the_wall(place: Place) -> Place:
    """The same place with every name below a matter leading behind the wall."""
    refs = place.refs
    return _elsewhere(
        place,
        matter=refs.walled,
        stream=refs.walled_stream,
        item=refs.walled_item,
        waiting=refs.walled_waiting,
        delivered=refs.walled_delivered,
        fresh_delivered=refs.walled_delivered,
        excluded=refs.walled_delivered,
        accepted=refs.walled_accepted,
        late=refs.walled_late,
        error=refs.walled_error,
        milestone=refs.walled_milestone,
        comment=refs.walled_comment,
        blocker=refs.walled_blocker,
        event_id=refs.walled_event_id,
        job_id=refs.walled_job_id,
    )


def at_the_second_client(place: Place) -> Place:
    """The same place with every name leading to the second client."""
    refs = place.refs
    return _elsewhere(
        place,
        client=refs.second_client,
        engagement=refs.second_engagement,
        matter=refs.second_matter,
        stream=refs.second_stream,
        item=refs.second_item,
        waiting=refs.second_waiting,
        delivered=refs.second_delivered,
        fresh_delivered=refs.second_delivered,
        excluded=refs.second_delivered,
        accepted=refs.second_accepted,
        late=refs.second_late,
        error=refs.second_error,
        milestone=refs.second_milestone,
        comment=refs.second_comment,
        blocker=refs.second_blocker,
        invoice=refs.second_invoice,
        level_slug=refs.second_level_slug,
        event_id=refs.second_event_id,
    )


def _elsewhere(place: Place, **refs: Any) -> Place:
    return Place(place.organization, place.people, place.sessions, SimpleNamespace(**{**vars(place.refs), **refs}))


def forbidden(place: Place, who: str) -> list[str]:
    """Words that no answer to this person may hold, in lower case."""
    refs, role = place.refs, Role(place.people[who].role)
    words = ["birch" if place.slug == "alder" else "alder"]
    if role != Role.CLIENT_VIEWER and Permission.VIEW_MONEY not in ROLE_PERMISSIONS[role]:
        words += PRICES
    if who not in INSIDERS and who not in {"client_viewer", "second_viewer"}:
        words += [ROWAN, refs.walled.reference.lower(), refs.walled_stream.item_prefix.lower()]
    if who in {"client_viewer", "attorney"}:
        words += [HAZEL, refs.second_client.code.lower(), refs.second_stream.item_prefix.lower()]
    if who == "second_viewer":
        words += [ROWAN, refs.client.code.lower(), refs.stream.item_prefix.lower()]
    return words
