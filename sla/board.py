"""Today: every open clock with the time it has left, from the stored rows. Nothing is projected here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from engagements import states
from engagements.actions import permitted_moves
from engagements.models import Pause
from lpo.accounts.roles import Permission
from lpo.core.localtime import to_epoch
from lpo.core.templatetags.components import worst
from lpo.core.templatetags.formats import duration, time_left
from lpo.tenancy.context import current_organization_id
from sla.chosen import GROUPINGS, Chosen, held_clocks, open_clocks
from sla.hazard import History, hazard_of, histories
from sla.hours import hours_of
from sla.models import Clock, ServiceLevelVersion
from sla.wording import on_clock

_SHARES = {"75": Fraction(3, 4), "90": Fraction(9, 10)}
# What a clock stands under where the list is grouped by threshold, the most urgent first.
BANDS = ("Due or breached", "90 % used or more", "75 % used or more", "Under 75 %", "On hold")
_HELD = len(BANDS) - 1
AT_RISK = Fraction(3, 4)
SOON = timedelta(hours=2)
HELD_SHOWN = 25
PAGE = 50
MOST_RANKED = 1000
MOST_WALKED = 20_000
_PARTY = {"client": "client", "third_party": "third party", "provider": "us"}


@dataclass(frozen=True, slots=True)
class Row:
    """One open clock as the page shows it. `kind` is the shape and colour of its status, `text` the same in words."""

    clock: Clock
    client: str
    kind: str
    text: str
    share: Fraction
    level: str
    note: str
    verb: str
    to: str
    # What became of similar items; empty where too little is known.
    hazard: str = ""

    @property
    def item(self) -> Any:
        return self.clock.item

    @property
    def band(self) -> int:
        if self.kind == "paused":
            return _HELD
        return 0 if self.kind == "breach" else _band(self.share)

    @property
    def zone(self) -> str:
        """The contract's own, for the second due time; empty where the viewer's clock reads the same."""
        return other_zone(self.clock.due_at, self.clock.level_version.time_zone)

    @property
    def used(self) -> str:
        return on_clock(self.clock.used_seconds, self.clock.level_version)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that stand together; its kind is that of its worst row. `total` counts them on every page."""

    title: str
    rows: tuple[Row, ...]
    total: int
    # What the levels of the rows bear, where rows are grouped by what levels belong to.
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return worst(row.kind for row in self.rows)

    @property
    def text(self) -> str:
        here = f", {len(self.rows):,} on this page" if len(self.rows) < self.total else ""
        return f"{self.total:,} open clock{'s' if self.total != 1 else ''}{here}"


@dataclass(frozen=True, slots=True)
class Ranking:
    """One page of running clocks in their order, how many were ranked, and how many of them stand in each group."""

    ids: Sequence[int]
    total: int
    groups: Mapping[Any, int]


def other_zone(at: datetime, zone: str) -> str:
    """The zone, unless it shows the same time as the viewer's at that instant."""
    return "" if at.astimezone(ZoneInfo(zone)).utcoffset() == timezone.localtime(at).utcoffset() else zone


_KEYS = {
    "client": "client_id",
    "engagement": "level__workstream__matter__engagement_id",
    "matter": "matter_id",
    "workstream": "level__workstream_id",
    "owner": "item__assignee_id",
}


def ranked(chosen: Chosen, member_id: int, now: datetime, start: int) -> Ranking:
    """One page of running clocks by the time left on their own calendars; under their groups, the one with the most urgent row first.

    The due instant is indexed, time left is not stored: it passes only while a calendar is open. So the `MOST_RANKED` clocks due first
    are ranked, which is more than anybody looks through; all, up to `MOST_WALKED`, where the list is exhaustive.
    """
    names = ["id", "due_at", "target_seconds", "level_version_id", _KEYS.get(chosen.group, "id")]
    clocks = open_clocks(chosen, member_id).order_by("due_at", "id").values_list(*names)
    rows = list(clocks[: MOST_WALKED if chosen.exhaustive else MOST_RANKED])
    versions = ServiceLevelVersion.objects.select_related("calendar_version").in_bulk({version for _, _, _, version, _ in rows})
    instant = to_epoch(now)
    banded = bool(chosen.threshold) or chosen.group == "threshold"
    found: list[tuple[int, datetime, int, Any]] = []
    for pk, due, target, version, key in rows:
        left = _left(instant, to_epoch(due), versions[version])
        band = _band_of(left, target) if banded else 0
        if not chosen.threshold or band <= _MOST_OF[chosen.threshold]:
            found.append((left, due, pk, band if chosen.group == "threshold" else key))
    found.sort(key=lambda row: row[:3])
    counts = Counter(row[3] for row in found) if chosen.group else Counter()
    if chosen.group:
        # Bands have an order of their own; the others stand in the order of their first rows.
        places = {key: key for key in counts} if chosen.group == "threshold" else {key: place for place, key in enumerate(counts)}
        found.sort(key=lambda row: places[row[3]])
    return Ranking([pk for _, _, pk, _ in found[start : start + PAGE]], len(found), counts)


_MOST_OF = {"due": 0, "90": 1, "75": 2}


def _band_of(left: int, target: int) -> int:
    """`_band` of what is left, in whole seconds: it is asked for every open clock."""
    if left <= 0:
        return 0
    return 1 if left * 10 <= target else 2 if left * 4 <= target else 3


def _band(share: Fraction) -> int:
    if share >= 1:
        return 0
    return 1 if share >= _SHARES["90"] else 2 if share >= _SHARES["75"] else 3


def _left(now: int, due: int, version: ServiceLevelVersion) -> int:
    return due - now if due < now else hours_of(version).elapsed(now, due)


def in_order(clocks: QuerySet[Any], ids: Sequence[int]) -> list[Clock]:
    """These clocks with their details, in this order."""
    found = with_details(clocks).in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def held_first(chosen: Chosen, member_id: int) -> list[Clock]:
    """The `HELD_SHOWN` held longest, with their details: found first, so that the details of no other are joined."""
    ids = list(held_clocks(chosen, member_id).values_list("id", flat=True)[:HELD_SHOWN])
    return in_order(held_clocks(chosen, member_id), ids) if ids else []


def with_details(clocks: QuerySet[Any]) -> QuerySet[Any]:
    beside = ("item__workstream__matter__engagement", "item__workstream__client", "item__assignee__user")
    return clocks.select_related(*beside, "level", "level_version__calendar_version")


def rows_of(clocks: Sequence[Clock], now: datetime, permissions: frozenset[Permission]) -> list[Row]:
    """Rows for a page of clocks: two further statements at most, whatever their number."""
    # A clock that was breached before the hold runs on; its item waits all the same.
    held = [clock.item_id for clock in clocks if clock.held_since is not None or clock.item.paused]
    pauses: dict[int, Pause] = {}
    if held:
        for pause in Pause.objects.filter(item_id__in=held, ended_at__isnull=True, withdrawn_at__isnull=True).order_by("-started_at"):
            pauses[pause.item_id] = pause
    known = histories([clock.level_id for clock in clocks], now)
    return [_row(clock, pauses.get(clock.item_id), now, permissions, known) for clock in clocks]


def _row(clock: Clock, pause: Pause | None, now: datetime, permissions: frozenset[Permission], known: Mapping[int, History]) -> Row:
    kind, text, share = standing(clock, now, pause.party if pause else "client")
    note = "" if pause is None else f"{pause.get_reason_display()}{f': {pause.note}' if pause.note else ''}"
    if pause is not None and clock.held_since is None:
        note = f"On hold: {_PARTY.get(pause.party, pause.party)}. {note}"
    verb, to = _next_move(clock, permissions)
    hazard = hazard_of(known, clock.level_id, share) if kind in ("risk", "progressing") and clock.cycle == 1 else None
    level = clock.level.name + (" · rework" if clock.cycle > 1 else "")
    return Row(clock, clock.item.workstream.client.name, kind, text, share, level, note, verb, to, hazard.short if hazard else "")


def standing(clock: Clock, now: datetime, party: str = "client") -> tuple[str, str, Fraction]:
    """Kind, words and share of the time used of an open clock. Time left runs on the level's own calendar."""
    target = max(1, clock.target_seconds)
    if clock.held_since is not None:
        on_hold = f"On hold: {_PARTY.get(party, party)}, {duration(now - clock.held_since)}"
        return "paused", on_hold, Fraction(clock.used_seconds, target)
    if clock.due_at < now:
        return "breach", time_left(clock.due_at - now), Fraction(1)
    left = hours_of(clock.level_version).elapsed(to_epoch(now), to_epoch(clock.due_at))
    share = Fraction(target - min(left, target), target)
    text = "Due now" if left == 0 else f"{on_clock(left, clock.level_version)} left"
    return ("risk" if share >= AT_RISK else "progressing"), text, share


def _next_move(clock: Clock, permissions: frozenset[Permission]) -> tuple[str, str]:
    """The verb of the next step and the state it leads to; no state where it needs more than a click."""
    item = clock.item
    if clock.held_since is not None or item.paused:
        return "Chase", ""
    if item.kind == states.WORK and item.assignee_id is None and Permission.TRACK_ITEMS in permissions:
        return "Assign", ""
    elsewhere = (states.ASSIGNED, states.RECEIVED, states.CANCELLED)
    # What the client decides brings its message, on the item's own page.
    moves = [
        move
        for move in permitted_moves(item, permissions)
        if move.to not in elsewhere and (item.state, move.to) not in states.CLIENT_DECISIONS
    ]
    # The state table lists moves in the order of the work, so the first is the next.
    return (moves[0].verb, moves[0].to) if moves else ("Open", "")


def _standing_under(row: Row, by: str) -> tuple[Any, str]:
    """The key of a row's group, as `ranked` counts it, and its title."""
    stream, owner = row.item.workstream, row.item.assignee
    matter = stream.matter
    found: dict[str, tuple[Any, str]] = {
        "client": (row.clock.client_id, row.client),
        "engagement": (matter.engagement_id, f"{row.client}, {matter.engagement.title}"),
        "matter": (row.clock.matter_id, f"{matter.reference} {matter.title}"),
        "workstream": (stream.pk, f"{row.client}, {stream.title}"),
        "owner": (row.item.assignee_id, owner.display_name if owner else "Nobody"),
        "threshold": (row.band, BANDS[row.band]),
    }
    return found[by]


def grouped(rows: Iterable[Row], by: str, counts: Mapping[Any, int], notes: Mapping[int, str] | None = None) -> list[Group]:
    """Rows under what they are grouped by, as they come; one nameless group otherwise. `counts`: of running clocks by group on every
    page. `notes`: what is said of a level."""
    if by not in GROUPINGS or not by:
        listed = tuple(rows)
        return [Group("", listed, len(listed))]
    found: dict[tuple[Any, str], list[Row]] = {}
    for row in rows:
        found.setdefault(_standing_under(row, by), []).append(row)
    known = notes or {}
    groups = []
    for (key, title), members in found.items():
        held = sum(row.kind == "paused" for row in members)
        said = dict.fromkeys(row.clock.level_id for row in members if row.clock.level_id in known)
        total = max(len(members), counts.get(key, 0) + held)
        groups.append(Group(title, tuple(members), total, tuple(known[pk] for pk in said)))
    return groups


@dataclass(frozen=True, slots=True)
class Totals:
    """The facts above the list, of the `MOST_WALKED` clocks that are due first."""

    running: int
    breached: int
    soon: int
    soon_unassigned: int
    waiting: int
    longest: datetime | None
    unassigned: int
    mine: int
    questions: int

    @property
    def open(self) -> int:
        return self.running + self.waiting


# One walk along the open clocks, the first due first, with a look at each one's item: whatever the organization holds besides, nothing
# else is read. `OFFSET 0` keeps it a look at each; joined, the planner reads every item there is.
_TOTALS = """
WITH walked AS MATERIALIZED (
    SELECT c.item_id, c.due_at, c.held_since FROM sla_clock c
    WHERE c.organization_id = %(organization)s AND c.stopped_at IS NULL AND NOT c.cancelled AND NOT c.excluded
    ORDER BY c.due_at LIMIT %(most)s
)
SELECT count(*) FILTER (WHERE held_since IS NULL), count(*) FILTER (WHERE held_since IS NULL AND due_at < %(now)s),
    count(*) FILTER (WHERE soon), count(*) FILTER (WHERE soon AND assignee_id IS NULL), count(held_since), min(held_since),
    count(*) FILTER (WHERE assignee_id IS NULL), count(*) FILTER (WHERE assignee_id = %(member)s),
    count(*) FILTER (WHERE kind IN ('enquiry', 'error'))
FROM walked
CROSS JOIN LATERAL (SELECT held_since IS NULL AND due_at >= %(now)s AND due_at < %(soon)s AS soon) AS timing
CROSS JOIN LATERAL (SELECT i.assignee_id, i.kind FROM engagements_workitem i
    WHERE i.organization_id = %(organization)s AND i.id = walked.item_id OFFSET 0) AS item
"""


def totals(now: datetime, member_id: int) -> Totals:
    """All counts of the page in one statement."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "organization": current_organization_id(),
            "now": now,
            "soon": now + SOON,
            "member": member_id,
            "most": MOST_WALKED,
        }
        cursor.execute(_TOTALS, values)
        return Totals(*cursor.fetchone())
