"""The contest ledger: every pause and exclusion that was notified to the client, how it stands, and what hangs on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, Value

from engagements.models import Pause, WorkItem
from lpo.core.localtime import from_epoch, to_epoch
from lpo.core.positions import decoded, encoded, instant
from lpo.tenancy.context import Scope, scoped
from sla.models import Attainment, Clock, CreditClaim, Exclusion, QualityCheck, ServiceLevelVersion
from sla.waits import effects_of
from sla.windows import period

PAGE_SIZE = 50
BATCH = 500
OPEN, CONTESTED, ACCEPTED, WITHDRAWN, RESOLVED, NONE = "open", "contested", "accepted", "withdrawn", "resolved", "none"
STATES = {
    OPEN: ("progressing", "Open to contest"),
    CONTESTED: ("risk", "Contested"),
    ACCEPTED: ("met", "Accepted"),
    RESOLVED: ("met", "Resolved: it stands"),
    WITHDRAWN: ("draft", "Withdrawn"),
    NONE: ("paused", "No contest-by date"),
}
KINDS = {"pause": "Pause", "exclusion": "Exclusion"}
PARTIES = {"client": "Client", "third_party": "Third party"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the ledger is shown. Empty: everything."""

    state: str = ""
    kind: str = ""
    party: str = ""
    client: str = ""

    def as_query(self) -> dict[str, str]:
        return {name: value for name in ("state", "kind", "party", "client") if (value := getattr(self, name))}


def state_q(state: str, today: date) -> Q:
    """The state of `state_of` as a filter over pauses or exclusions."""
    stands = Q(withdrawn_at__isnull=True)
    settled, free = Q(resolved_at__isnull=False), Q(contested_at__isnull=True)
    disputed = ~Q(contest_note="")
    return {
        WITHDRAWN: Q(withdrawn_at__isnull=False),
        CONTESTED: stands & Q(contested_at__isnull=False),
        RESOLVED: stands & free & settled & disputed,
        ACCEPTED: stands & free & ((settled & ~disputed) | Q(resolved_at__isnull=True, contest_by__lt=today)),
        OPEN: stands & free & Q(resolved_at__isnull=True, contest_by__gte=today),
        NONE: stands & free & Q(resolved_at__isnull=True, contest_by__isnull=True),
    }[state]


def state_of(row: Any, today: date) -> str:
    """How a pause or an exclusion stands on a day."""
    if row.withdrawn_at is not None:
        return WITHDRAWN
    if row.contested_at is not None:
        return CONTESTED
    if row.resolved_at is not None:
        return RESOLVED if row.contest_note else ACCEPTED
    if row.contest_by is None:
        return NONE
    return OPEN if row.contest_by >= today else ACCEPTED


@dataclass(slots=True)
class Entry:
    """One pause or exclusion as the ledger tells it. `windows`: (level, label, level number, first day) of where it counts."""

    kind: str
    row: Any
    number: int
    state: str
    notified_at: datetime
    effect: str = ""
    moved_from: datetime | None = None
    moved_to: datetime | None = None
    windows: list[tuple[Any, str, date]] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, kind: str, row: Any, at: datetime, now: datetime, number: int = 0) -> Entry:
        return cls(kind, row, number, state_of(row, now.date()), at)

    @property
    def item(self) -> Any:
        return self.row.item

    @property
    def status(self) -> tuple[str, str]:
        kind, text = STATES[self.state]
        return kind, "Accepted by silence" if self.state == ACCEPTED and self.row.resolved_at is None else text

    @property
    def party(self) -> str:
        return str(self.row.get_party_display()) if self.kind == "pause" else "Client"

    @property
    def reason(self) -> str:
        return str(self.row.get_reason_display()) if self.kind == "pause" else str(self.row.reason)

    @property
    def note(self) -> str:
        return str(self.row.note) if self.kind == "pause" else ""


@dataclass(frozen=True)
class Page:
    entries: Sequence[Entry]
    previous: str = ""
    next: str = ""


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError("A position is of a pause or an exclusion.")
    return text


Position = Sequence[Any]  # notified, kind, number
_POSITION = (instant, _kind, int)


Keys = Sequence[tuple[datetime, str, int]]


def page_of(
    where: Q,
    asked: Asked,
    now: datetime,
    *,
    after: str = "",
    before: str = "",
    size: int = PAGE_SIZE,
    load: Callable[[Keys, datetime], list[Entry]] | None = None,
) -> Page:
    """One page, the latest first. The two kinds are merged by the database, so that any page costs what the first does. `load` reads
    what the keys name, where that is not all that the provider may see."""
    forwards, backwards = decoded(after, _POSITION), decoded(before, _POSITION)
    back = backwards is not None and forwards is None
    keys = _keys(where, asked, now, backwards if back else forwards, upwards=back)[: size + 1]
    found = [(row["notified"], row["kind"], row["pk"]) for row in keys]
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    has_next, has_previous = (True, more) if back else (more, forwards is not None)
    return Page(
        (load or _entries)(found, now),
        encoded(found[0]) if has_previous and found else "",
        encoded(found[-1]) if has_next and found else "",
    )


def every(
    where: Q, asked: Asked, now: datetime, scope: Scope, load: Callable[[Keys, datetime], list[Entry]] | None = None
) -> Iterator[Entry]:
    """All of them, in batches that enter the viewer's scope again: a file outlives the request's transaction."""
    after = ""
    while True:
        with scoped(scope):
            page = page_of(where, asked, now, after=after, size=BATCH, load=load)
        yield from page.entries
        if not page.next:
            return
        after = page.next


def _keys(where: Q, asked: Asked, now: datetime, position: Position | None, *, upwards: bool) -> QuerySet[Any]:
    """(notified, kind, number) of both kinds under the filters, beyond a position."""
    today = now.date()
    parts = []
    for kind, rows, at in (("pause", _pauses(asked), "recorded_at"), ("exclusion", _exclusions(asked), "at")):
        rows = rows.filter(where)
        if asked.client:
            rows = rows.filter(item__workstream__client__code=asked.client)
        if asked.state:
            rows = rows.filter(state_q(asked.state, today))
        if position is not None:
            rows = rows.filter(_beyond(kind, at, position, upwards=upwards))
        if asked.kind in ("", kind):
            parts.append(rows.order_by().values("pk", notified=F(at), kind=Value(kind, CharField())))
    sign = "" if upwards else "-"
    return parts[0].union(*parts[1:], all=True).order_by(*(f"{sign}{name}" for name in ("notified", "kind", "pk")))


def _pauses(asked: Asked) -> QuerySet[Any]:
    """What stopped a clock on the client's or a third party's account, and was told with a date or disputed."""
    rows: QuerySet[Any] = Pause.objects.filter(party__in=[asked.party] if asked.party else list(PARTIES))
    return rows.filter(Q(contest_by__isnull=False) | Q(resolved_at__isnull=False) | ~Q(contest_note=""))


def _exclusions(asked: Asked) -> QuerySet[Any]:
    return Exclusion.objects.none() if asked.party == "third_party" else Exclusion.objects.all()


def _beyond(kind: str, at: str, position: Position, *, upwards: bool) -> Q:
    when, other, pk = position
    op = "gt" if upwards else "lt"
    strictly = Q(**{f"{at}__{op}": when})
    if kind == other:
        return strictly | Q(**{at: when, f"pk__{op}": pk})
    return strictly | Q(**{at: when}) if (kind > other) == upwards else strictly


def _entries(keys: Keys, now: datetime) -> list[Entry]:
    """What the keys name, with effects, windows and claims: a number of statements that does not grow with the rows."""
    beside = ("item__workstream__client", "item__workstream__matter__engagement")
    pauses = Pause.objects.select_related(*beside).in_bulk([pk for _, kind, pk in keys if kind == "pause"])
    exclusions = Exclusion.objects.select_related(*beside, "level").in_bulk([pk for _, kind, pk in keys if kind == "exclusion"])
    numbers = {
        "pause": _numbers(Pause.objects.order_by("started_at", "id"), pauses.values()),
        "exclusion": _numbers(Exclusion.objects.order_by("id"), exclusions.values()),
    }
    found = []
    for at, kind, pk in keys:
        row = pauses[pk] if kind == "pause" else exclusions[pk]
        found.append(Entry.of(kind, row, at, now, numbers[kind][pk]))
    _add_effects(found, list(pauses.values()))
    _add_windows(found)
    return found


def _numbers(listed: QuerySet[Any], rows: Any) -> dict[int, int]:
    """How the page of its item numbers each row."""
    numbers: dict[int, int] = {}
    seen: dict[int, int] = defaultdict(int)
    for pk, item_id in listed.filter(item_id__in={row.item_id for row in rows}).values_list("id", "item_id"):
        seen[item_id] += 1
        numbers[pk] = seen[item_id]
    return numbers


def _add_effects(entries: Sequence[Entry], pauses: Sequence[Pause]) -> None:
    effects = effects_of([pause for pause in pauses if pause.withdrawn_at is None])
    for entry in entries:
        if entry.kind == "exclusion":
            entry.effect = f"Outside the fraction of {entry.row.level.name}" if entry.row.withdrawn_at is None else ""
        elif (effect := effects.get(entry.row.pk)) is not None:
            entry.effect = effect.level
            if effect.moved:
                entry.moved_from, entry.moved_to = effect.without, effect.due_at


def _add_windows(entries: Sequence[Entry]) -> None:
    """Where each counts, and the provisional claims of those windows."""
    items = {entry.row.item_id for entry in entries}
    places: dict[int, set[tuple[int, datetime]]] = defaultdict(set)
    clocks = Clock.objects.filter(item_id__in=items, cycle=1)
    for item, version_id, start in clocks.values_list("item_id", "level_version_id", "window_start"):
        places[item].add((version_id, start))
    named = {version for found in places.values() for version, _ in found}
    checked = {entry.row.level_id for entry in entries if entry.kind == "exclusion"}
    rows = ServiceLevelVersion.objects.filter(Q(pk__in=named) | Q(level_id__in=checked)).select_related("level__workstream")
    versions = {version.pk: version for version in rows.order_by("effective_from")}
    accuracy = {version.level_id: version for version in versions.values() if version.max_error_percent is not None}
    checks = QualityCheck.objects.filter(item_id__in=items if accuracy else ()).values_list("item_id", "checked_at")
    for item, at in checks:
        for version in accuracy.values():
            places[item].add((version.pk, from_epoch(period(to_epoch(at), version.time_zone, version.window).start)))
    volumes = [version for version in versions.values() if version.min_volume is not None]
    done = WorkItem.objects.filter(id__in=items if volumes else (), first_delivered_at__isnull=False)
    for item, delivered in done.values_list("id", "first_delivered_at"):
        assert delivered is not None  # noqa: S101 -- asked for
        for version in volumes:
            places[item].add((version.pk, from_epoch(period(to_epoch(delivered), version.time_zone, version.window).start)))
    claims = _provisional({version.level_id for version in versions.values()})
    for entry in entries:
        for version_id, start in sorted(places[entry.row.item_id], key=lambda place: (place[1], place[0])):
            _place(entry, versions[version_id], start, claims)


def _provisional(levels: set[int]) -> Mapping[tuple[int, datetime], Sequence[CreditClaim]]:
    """By each window that keeps a claim provisional: its own, and those that earned it back."""
    rows = CreditClaim.objects.filter(level_id__in=levels, state="provisional").annotate(start=F("attainment__window_start"))
    rows = rows.select_related("attainment", "earned_in").defer("attainment__snapshot", "earned_in__snapshot")
    found = defaultdict[tuple[int, datetime], list[CreditClaim]](list)
    for claim in rows.order_by("id"):
        found[claim.level_id, claim.start].append(claim)
    earned = [claim for claim in rows if claim.earned_in is not None]
    windows = Attainment.objects.filter(level_id__in={claim.level_id for claim in earned}, state="closed", revision=1)
    for level, start in windows.values_list("level_id", "window_start") if earned else ():
        for claim in earned:
            assert claim.earned_in is not None  # noqa: S101 -- chosen by it
            if claim.level_id == level and claim.start < start <= claim.earned_in.window_start:
                found[level, start].append(claim)
    return found


def _place(
    entry: Entry, version: ServiceLevelVersion, start: datetime, claims: Mapping[tuple[int, datetime], Sequence[CreditClaim]]
) -> None:
    """Add a window where the entry counts in it: an exclusion in those of its level, a pause where its party stops the clock."""
    touches = version.level_id == entry.row.level_id if entry.kind == "exclusion" else entry.row.party in version.pausing_parties
    if not touches:
        return
    own = period(to_epoch(start), version.time_zone, version.window)
    entry.windows.append((version.level, own.label, own.first_day))
    if entry.state in (OPEN, CONTESTED):
        entry.claims += [f"{version.level.name}, {_worth(claim, own.label)}" for claim in claims.get((version.level_id, start), ())]


def _worth(claim: CreditClaim, label: str) -> str:
    if claim.earned_in_id is not None:
        return f"{claim.attainment.label}: its {claim.inputs['earned_back']['percent']} % earned back"
    return f"{label}: {claim.percent.normalize():f} % of the credit base"
