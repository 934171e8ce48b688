"""Who may be given which work, and who had better be: judged in a handful of statements for any number of people and workstreams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale
from django.db.models import Count, Sum
from django.utils import timezone

from engagements import conflicts, weeks
from engagements.models import (
    Absence,
    Admission,
    Client,
    Conflict,
    Matter,
    MatterInsider,
    MatterParty,
    ReviewerProfile,
    SpokenLanguage,
    Training,
    Verdict,
    WorkItem,
    Workstream,
)
from engagements.models.people import Level
from engagements.names import core
from engagements.sheets import week_of
from lpo.accounts.models import Membership
from lpo.accounts.roles import Role
from lpo.tenancy.context import current_organization_id

_OF_CLIENT = {conflicts.CLIENT, conflicts.LEGAL_NAME}
NOT_STAFF = "Choose an active member of staff."
_LEVELS = [level.value for level in Level]


@cache
def language_names() -> dict[str, str]:
    """Code → English name of every language that people may be said to work in."""
    return {code: name for code, name in Locale("en").languages.items() if len(code) <= 3}


@cache
def _codes() -> dict[str, str]:
    return {name.casefold(): code for code, name in language_names().items()}


def language_code(text: str) -> str:
    """`German`, `de` and `de-AT` are one language: its code. What is no known language stays as written."""
    plain = text.strip().casefold()
    if plain in _codes():
        return _codes()[plain]
    beginning = plain.replace("_", "-").partition("-")[0]
    return beginning if beginning in language_names() else plain


def language_name(code: str) -> str:
    return language_names().get(code, code)


def today_of(zone: str) -> date:
    return timezone.now().astimezone(ZoneInfo(zone)).date()


@dataclass
class Known:
    """What is on record of one person."""

    profile: ReviewerProfile | None = None
    languages: dict[str, str] = field(default_factory=dict)
    admissions: list[Admission] = field(default_factory=list)
    trainings: list[Training] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    absence: Absence | None = None
    # What this week holds; None where nobody said.
    capacity: weeks.Capacity | None = None
    open_items: int = 0
    open_units: Decimal = Decimal(0)

    def admitted(self, jurisdiction: str, today: date) -> tuple[bool, str]:
        """Whether there is an admission there that holds today; otherwise, why not."""
        there = [row for row in self.admissions if row.jurisdiction.casefold() == jurisdiction.strip().casefold()]
        if not there:
            return False, f"not admitted in {jurisdiction}" if jurisdiction else "the matter names no jurisdiction"
        if any((row.valid_to is None or row.valid_to >= today) and (row.valid_from is None or row.valid_from <= today) for row in there):
            return True, ""
        past = [row.valid_to for row in there if row.valid_to is not None and row.valid_to < today]
        return False, f"the admission in {jurisdiction} lapsed on {max(past):%d %b %Y}" if past else f"not yet admitted in {jurisdiction}"


@dataclass(frozen=True)
class Stream:
    """What of a workstream decides who may be given its items."""

    id: int
    matter_id: int
    client_id: int
    walled: bool
    kind: str
    kind_label: str
    jurisdiction: str
    requires_admission: bool
    # Everybody whom the work concerns, as names are compared: without accents, case and legal form.
    parties: frozenset[tuple[str, ...]]
    # Why nobody may be given it before the conflict check of its matter is clear, where the organization's rule says so.
    stopped: str = ""


def streams_of(workstream_ids: Iterable[int]) -> dict[int, Stream]:
    rows = list(Workstream.objects.filter(id__in=set(workstream_ids)).select_related("matter", "client"))
    parties: dict[int, set[tuple[str, ...]]] = {}
    named = MatterParty.objects.filter(matter_id__in={row.matter_id for row in rows}, removed_at__isnull=True)
    for matter_id, name in named.values_list("matter_id", "name"):
        parties.setdefault(matter_id, set()).add(core(name))
    stopped = conflicts.stopped(row.matter_id for row in rows)
    found = {}
    for row in rows:
        found[row.id] = _stream(row, row.matter, row.client, parties.get(row.matter_id, set()), stopped.get(row.matter_id, ""))
    return found


def _stream(row: Workstream, matter: Matter, client: Client, parties: set[tuple[str, ...]], stopped: str) -> Stream:
    return Stream(
        id=row.id,
        matter_id=matter.id,
        client_id=client.id,
        walled=matter.walled,
        kind=row.kind,
        kind_label=row.get_kind_display(),
        jurisdiction=matter.jurisdiction,
        requires_admission=row.requires_admission,
        parties=frozenset(parties | {core(name) for name in (client.name, client.legal_name, matter.end_client) if name}),
        stopped=stopped,
    )


def stream_of_matter(matter: Matter) -> Stream:
    """What of a matter decides who may be placed on it, where no workstream is named."""
    named = MatterParty.objects.filter(matter=matter, removed_at__isnull=True)
    parties = {core(name) for name in named.values_list("name", flat=True)}
    whole = Workstream(id=0, matter=matter, client=matter.client, kind="other")
    return _stream(whole, matter, matter.client, parties, conflicts.stopped([matter.pk]).get(matter.pk, ""))


class Staffing:
    """What is known of some people, read once: at most ten statements, whatever their number and that of the workstreams."""

    def __init__(self, members: Sequence[Membership], streams: Iterable[Stream], *, loads: bool = False) -> None:
        self.members = list(members)
        self.streams = {stream.id: stream for stream in streams}
        self.today = today_of(self.members[0].organization.time_zone) if self.members else timezone.localdate()
        self.known = {member.id: Known() for member in self.members}
        self._insiders = self._read_insiders()
        self._read_conflicts()
        matters = {stream.matter_id for stream in self.streams.values()}
        self._verdicts = conflicts.verdicts_on(self.known, matters) if matters else {}
        if loads or any(stream.requires_admission for stream in self.streams.values()):
            self._read_admissions()
        if loads:
            self._read_profiles()
            self._read_loads()

    def _read_insiders(self) -> set[tuple[int, int]]:
        walled = {stream.matter_id for stream in self.streams.values() if stream.walled}
        if not walled:
            return set()
        return set(MatterInsider.objects.filter(matter_id__in=walled, member_id__in=list(self.known)).values_list("matter_id", "member_id"))

    def _read_conflicts(self) -> None:
        for row in Conflict.objects.filter(member_id__in=list(self.known)).order_by("id"):
            self.known[row.member_id].conflicts.append(row)

    def _read_admissions(self) -> None:
        for row in Admission.objects.filter(member_id__in=list(self.known)).order_by("id"):
            self.known[row.member_id].admissions.append(row)

    def _read_profiles(self) -> None:
        ids = list(self.known)
        for profile in ReviewerProfile.objects.filter(member_id__in=ids).order_by("id"):
            self.known[profile.member_id].profile = profile
        for spoken in SpokenLanguage.objects.filter(member_id__in=ids).order_by("id"):
            self.known[spoken.member_id].languages[spoken.language] = spoken.level
        for training in Training.objects.filter(member_id__in=ids).order_by("passed_on", "id"):
            self.known[training.member_id].trainings.append(training)
        self._read_week(ids)

    def _read_week(self, ids: list[int]) -> None:
        """Who is away, and what this week holds for each."""
        monday = week_of(self.today)
        own = weeks.own_weeks(ids, monday, monday)
        away = weeks.absences_within(ids, monday, monday + timedelta(days=6))
        for member_id, known in self.known.items():
            absences = away.get(member_id, [])
            known.absence = next((row for row in absences if row.starts_on <= self.today <= row.ends_on), None)
            days = weeks.days_away(absences, monday)
            known.capacity = weeks.capacity_of(known.profile, next(iter(own.get(member_id, [])), None), days)

    def _read_loads(self) -> None:
        """Only what the asker may see is counted: a wall hides load too."""
        rows = WorkItem.objects.filter(finished=False, assignee_id__in=list(self.known)).values("assignee_id")
        for row in rows.annotate(n=Count("id"), units=Sum("quantity")).order_by():
            known = self.known[row["assignee_id"]]
            known.open_items, known.open_units = row["n"], row["units"]

    def blocked(self, member: Membership, stream: Stream) -> str:
        """Why `member` cannot be given work of the workstream; empty when nothing stands against it."""
        if member.organization_id != current_organization_id() or not member.is_active or member.role == Role.CLIENT_VIEWER:
            return NOT_STAFF
        if stream.walled and (stream.matter_id, member.id) not in self._insiders:
            return f"{member.display_name} is outside the wall of this matter."
        if stream.stopped:
            return stream.stopped
        if against := self._conflict(member, stream):
            return against
        known = self.known[member.id]
        if stream.requires_admission:
            admitted, why = known.admitted(stream.jurisdiction, self.today)
            if not admitted:
                return f"{member.display_name} cannot be given this work: {why}."
        return ""

    def _conflict(self, member: Membership, stream: Stream) -> str:
        """What stands between a person and the people the work concerns, save what a check decided is none or was consented to."""
        decided = self._verdicts.get((member.id, stream.matter_id), [])
        if any(verdict == Verdict.CONFLICT for verdict, _, _ in decided):
            return f"{member.display_name} is in conflict on this matter, as its conflict check says."
        settled = [(core(asked), asked_as) for verdict, asked, asked_as in decided if verdict is not None]
        for conflict in self.known[member.id].conflicts:
            if conflict.client_id == stream.client_id and not any(said in _OF_CLIENT for _, said in settled):
                return f"{member.display_name} has a conflict with this client."
            name = core(conflict.party)
            if conflict.party and name in stream.parties and name not in {asked for asked, _ in settled}:
                return f"{member.display_name} has a conflict with a party to this matter."
        return ""


@dataclass(frozen=True)
class Suggestion:
    """One person for one item. `score` orders; `reasons` say it in words, what speaks against it in `doubts`."""

    member: Membership
    score: tuple[int, Decimal, int, str]
    reasons: tuple[str, ...]
    doubts: tuple[str, ...]
    blocked: str = ""
    away: bool = False


def suggestions(members: Sequence[Membership], item: WorkItem) -> list[Suggestion]:
    """Everybody of `members` for one item: who fits best and has most room first, who cannot be given it last."""
    streams = streams_of([item.workstream_id])
    if not streams:
        return []
    staffing = Staffing(members, streams.values(), loads=True)
    stream = streams[item.workstream_id]
    found = [_suggestion(staffing, member, stream, item.language) for member in staffing.members]
    return sorted(found, key=lambda each: (bool(each.blocked), each.score))


def _suggestion(staffing: Staffing, member: Membership, stream: Stream, language: str) -> Suggestion:
    known = staffing.known[member.id]
    reasons: list[str] = []
    doubts: list[str] = []
    misses = _language_fit(known, language, reasons, doubts)
    misses += _training_fit(known, stream, staffing.today, reasons, doubts)
    misses += _admission_fit(known, stream, staffing.today, reasons, doubts)
    if known.absence is not None:
        doubts.append(f"away until {known.absence.ends_on:%d %b %Y}")
        misses += 10
    share = used_share(known)
    reasons.append(load_text(known))
    if known.capacity is not None and not known.capacity.amount:
        doubts.append("this week holds nothing")
        misses += 1
    elif share >= 1 and known.open_items:
        doubts.append("the week is full")
        misses += 1
    score = (misses, share, known.open_items, member.display_name)
    return Suggestion(member, score, tuple(reasons), tuple(doubts), staffing.blocked(member, stream), known.absence is not None)


def _language_fit(known: Known, language: str, reasons: list[str], doubts: list[str]) -> int:
    if not language:
        return 0
    code = language_code(language)
    level = known.languages.get(code)
    if level is None:
        doubts.append(f"{language_name(code)} not on record")
        return 3
    reasons.append(f"{language_name(code)}, {Level(level).label.lower()}")
    return max(0, 2 - _LEVELS.index(level))


def _training_fit(known: Known, stream: Stream, today: date, reasons: list[str], doubts: list[str]) -> int:
    passed = [row for row in known.trainings if row.kind == stream.kind and (row.valid_to is None or row.valid_to >= today)]
    if not passed:
        doubts.append(f"no training on record for {stream.kind_label}")
        return 2
    score = f", {passed[-1].score.normalize():f} %" if passed[-1].score is not None else ""
    reasons.append(f"trained: {passed[-1].title}{score}")
    return 0


def _admission_fit(known: Known, stream: Stream, today: date, reasons: list[str], doubts: list[str]) -> int:
    if not stream.jurisdiction:
        return 0
    admitted, why = known.admitted(stream.jurisdiction, today)
    (reasons if admitted else doubts).append(f"admitted in {stream.jurisdiction}" if admitted else why)
    return 0 if admitted else 1


def used_share(known: Known) -> Decimal:
    """Open units against what this week holds in units; 0 where that is unknown, so that the number of open items decides. A week
    that holds nothing is full, the fuller the more is open."""
    capacity = known.capacity
    if capacity is not None and not capacity.amount:
        return 1 + known.open_units
    if capacity is None or capacity.unit != "items":
        return Decimal(0)
    return known.open_units / capacity.amount


def load_text(known: Known) -> str:
    items = f"{known.open_items:,} open item{'' if known.open_items == 1 else 's'}"
    capacity = known.capacity
    if capacity is None or capacity.usual == 0:
        return items
    if capacity.unit == "hours":
        return f"{items}, {capacity.said}"
    return f"{items}, {known.open_units.normalize():f} of {capacity.said}"
