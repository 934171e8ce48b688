"""The service levels of an engagement or a client in one month or quarter, as a report.

Promise, target, actual, trend, and what each figure rests on. The provider's comes from stored figures, with those of open windows
marked as provisional; the client's is built of the same parts from published snapshots alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from django.db.models import F, Q
from django.db.models.fields.json import KT

from lpo.core.charts import AttainmentChart, Point, attainment_chart
from lpo.core.localtime import from_epoch, local_midnight
from sla import wording
from sla.ageing import Ageing, ageing_of
from sla.earnback import claims_that_count
from sla.incidents import awaited
from sla.models import Attainment, CreditClaim, ServiceLevel, ServiceLevelVersion
from sla.queries import Figure, last_day, versions_of, with_misses
from sla.spans import Span
from sla.windows import period

TREND = 12
# Twelve windows of a quarter each are three years.
TREND_DAYS = 3 * 366
# A client has a few dozen levels; what lies beyond is in the workbook, which has them all.
MOST_LEVELS = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One level in one window, with the credit it led to and what makes a miss a default, or keeps it from being one."""

    figure: Figure
    claim: CreditClaim | None = None
    ageing: Ageing | None = None
    ruling: str = ""
    restated: str = ""

    @property
    def zone(self) -> str:
        return str(self.figure.version.time_zone)

    @property
    def pending(self) -> int:
        return self.figure.attainment.pending if self.figure.attainment else 0

    @property
    def excluded(self) -> int:
        return self.figure.attainment.excluded if self.figure.attainment else 0

    @property
    def exact(self) -> str:
        return self.figure.result

    @property
    def turnaround(self) -> tuple[str, str]:
        """Median and 90th percentile of the time used by what was finished, on the level's own clock."""
        stored = self.figure.attainment
        if stored is None or stored.median_seconds is None or stored.p90_seconds is None:
            return "", ""
        version = self.figure.version
        return wording.on_clock(stored.median_seconds, version), wording.on_clock(stored.p90_seconds, version)

    @property
    def interval(self) -> str:
        return self.figure.interval

    @property
    def strength(self) -> str:
        return self.figure.strength

    @property
    def standing(self) -> str:
        """Whether the figure can still change."""
        if not self.figure.closed:
            return "Provisional"
        assert self.figure.attainment is not None  # noqa: S101 -- closed
        return "Published" if self.figure.attainment.published_at is not None else "Closed"

    @property
    def stamp(self) -> str:
        """When the figure was computed, or frozen, by the contract's clock."""
        stored = self.figure.attainment
        if stored is None:
            return "Nothing counted yet"
        if stored.closed_at is not None:
            return f"Closed {_moment(stored.closed_at, self.zone)}"
        return f"Computed {_moment(stored.computed_at, self.zone)}, may still change"

    @property
    def notes(self) -> list[tuple[str, str]]:
        """What the figure rests on beside its counts, each with its heading."""
        named = (
            ("Judged", self.figure.judged),
            ("Statistics", self.strength),
            ("Credit", self.credit_in_full),
            ("Open work", self.ageing_text),
            ("Restatement", self.restated),
        )
        return [(name, text) for name, text in named if text]

    @property
    def ageing_text(self) -> str:
        if self.ageing is None:
            return ""
        when = f"{'when it was closed, ' if self.figure.closed else ''}{_moment(self.ageing.at, self.zone)}"
        return f"{self.ageing.text} ({when})"

    @property
    def credit(self) -> str:
        """5 %, provisional; an open window's is what is at stake."""
        if self.claim is not None and self.claim.earned_in_id is not None:
            return f"earned back, {self.claim.get_state_display().lower()}"
        if self.claim is not None:
            return f"{wording.number(self.claim.percent)} %, {self.claim.get_state_display().lower()}"
        return f"{self.figure.credit}, if it stays so" if not self.figure.closed and self.figure.credit else ""

    @property
    def credit_in_full(self) -> str:
        if self.claim is None:
            return self.ruling or ("" if self.figure.closed else self.figure.ruling.why)
        until = ""
        if self.claim.state == "provisional" and self.claim.contestable_until is not None:
            until = f" until {_day(self.claim.contestable_until - timedelta(seconds=1), self.zone)} at the earliest"
        said = f"{self.claim.formula}. {self.claim.get_state_display()}{until}. {awaited(self.claim.incident)} {self.claim.note}"
        return " ".join(said.split())


@dataclass(frozen=True, slots=True)
class Section:
    """One level: its promise as the last window of the period was measured by, and the windows before as a trend, oldest first."""

    name: str
    workstream: str
    version: ServiceLevelVersion
    lines: Sequence[Line]
    trend: Sequence[Figure]
    level: ServiceLevel | None = None

    @property
    def accuracy(self) -> bool:
        return self.version.max_error_percent is not None

    @property
    def throughput(self) -> bool:
        return self.version.min_volume is not None

    @property
    def promise(self) -> str:
        return wording.promise(self.version)

    @property
    def method(self) -> str:
        return wording.method(self.version)

    @property
    def chart(self) -> AttainmentChart | None:
        return chart_of(self.name, self.version, self.trend) if self.trend else None


@dataclass(frozen=True)
class Card:
    """A whole scorecard. `more`: levels beyond those shown."""

    title: str
    client: str
    reference: str
    span: Span
    sections: Sequence[Section]
    as_of: datetime
    zone: str
    more: int = 0
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def lines(self) -> list[Line]:
        return [line for section in self.sections for line in section.lines]

    @property
    def provisional(self) -> bool:
        return any(not line.figure.closed for line in self.lines)

    @property
    def summary(self) -> str:
        """3 met, 1 missed, 1 not measured · 2 of 5 windows provisional."""
        lines = self.lines
        met = sum(_met(line) is True for line in lines)
        missed = sum(_met(line) is False for line in lines)
        text = [f"{met:,} met", f"{missed:,} missed"]
        if rest := len(lines) - met - missed:
            text.append(f"{rest:,} not measured or judged later")
        provisional = sum(not line.figure.closed for line in lines)
        said = ", ".join(text)
        return f"{said}; {provisional:,} of {len(lines):,} provisional" if provisional else f"{said}; all closed"


def _met(line: Line) -> bool | None:
    return line.figure.attainment.met if line.figure.attainment is not None else None


def _day(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y}"


def _moment(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M} {local.tzname()}"


def chart_of(name: str, version: ServiceLevelVersion, figures: Sequence[Figure], so_far: Point | None = None) -> AttainmentChart:
    """Windows against the target now in force, oldest first, and how the present one stands where it is told `so_far`."""
    points = [
        Point(row.short_label, row.share, row.denominator, row.attainment.met if row.attainment else None, row.label, not row.closed)
        for row in figures
    ]
    goal = Fraction(1) if version.min_volume is not None else Fraction(version.max_error_percent or version.expected_percent or 0) / 100
    shown = [*points, *([so_far] if so_far is not None else [])][-TREND:]
    beneath = "due" if version.min_volume is not None else "counted"
    lower = version.max_error_percent is not None
    return attainment_chart(name, shown, goal, lower_is_better=lower, window=version.window, beneath=beneath)


def sections_of(where: Q, span: Span, now: datetime, most: int | None) -> tuple[list[Section], int]:
    """The levels that `where` names which have a window in the span, at most so many, and how many more there are. Six statements,
    however many; a seventh where a minimum makes earlier misses matter."""
    rows = (
        ServiceLevel.objects.filter(where)
        .select_related("workstream__client", "workstream__matter__engagement")
        .order_by("workstream_id", "id")
    )
    versions = versions_of(rows)
    levels = {found[0].level_id: found[0].level for found in versions.values() if found}
    stored = _stored(levels, versions, span)
    kept: list[tuple[ServiceLevel, list[Figure], list[Figure]]] = []
    for pk, level in levels.items():
        trend = stored.get(pk, [])
        inside = [figure for figure in trend if inside_of(figure, span)] or _unmeasured(level, versions[pk], span)
        if inside:
            kept.append((level, inside, trend[-TREND:]))
    shown = kept[:most]
    everything = [figure for _, figures, _ in shown for figure in figures]
    claims, ages = claims_of(everything), ageing_of(everything, now)
    at_stake = {(figure.version.level_id, figure.start): figure for figure in with_misses(everything)}
    sections = [
        Section(
            level.name,
            level.workstream.title,
            figures[-1].version,
            [_line(at_stake[level.pk, figure.start], claims, ages) for figure in figures],
            trend,
            level,
        )
        for level, figures, trend in shown
    ]
    return sections, len(kept) - len(shown)


def _line(figure: Figure, claims: Mapping[tuple[int, datetime], CreditClaim], ages: Mapping[tuple[int, datetime], Ageing]) -> Line:
    key = figure.version.level_id, figure.start
    stored = figure.attainment
    ruling = getattr(stored, "ruling", None) or ""
    return Line(figure, claims.get(key), ages.get(key), ruling, restated_note(stored, getattr(stored, "why", None) or ""))


def as_of(lines: Iterable[Line], now: datetime) -> datetime:
    """When what the lines say was last changed: `now` while one of them is open, so that closed figures make one document for good."""
    found: list[datetime] = []
    for line in lines:
        stored, claim = line.figure.attainment, line.claim
        if stored is None or stored.closed_at is None:
            return now
        instants = [stored.closed_at, stored.published_at, *((claim.created_at, claim.final_at) if claim is not None else ())]
        found += [at for at in instants if at is not None]
    return max(found, default=now)


def restated_note(stored: Attainment | None, reason: str) -> str:
    """That a figure is a restatement, and why."""
    return f"Restated, revision {stored.revision}: {reason}" if stored is not None and reason else ""


def _stored(
    levels: Mapping[int, ServiceLevel], versions: Mapping[int, Sequence[ServiceLevelVersion]], span: Span
) -> dict[int, list[Figure]]:
    """The latest revision of each counted window up to the span's end, oldest first, by level."""
    since = from_epoch(local_midnight(span.first - timedelta(days=TREND_DAYS), ZoneInfo("UTC")))
    until = from_epoch(local_midnight(span.next + timedelta(days=1), ZoneInfo("UTC")))
    rows = Attainment.objects.filter(level_id__in=levels, window_start__gte=since, window_start__lt=until).defer("snapshot")
    rows = rows.annotate(ruling=KT("snapshot__verdict__default"), why=KT("snapshot__restates__reason"))
    known = {version.pk: version for found in versions.values() for version in found}
    found: dict[int, list[Figure]] = defaultdict(list)
    for row in rows.order_by("level_id", "window_start", "-revision").distinct("level_id", "window_start"):
        row.level = levels[row.level_id]
        figure = Figure(known[row.level_version_id], row.label, row.window_start, row.window_end, row)
        if up_to(figure, span):
            found[row.level_id].append(figure)
    return found


def _local(at: datetime, figure: Figure) -> date:
    return at.astimezone(ZoneInfo(figure.version.time_zone)).date()


def inside_of(figure: Figure, span: Span) -> bool:
    """Whether a window belongs to a period: a quarter to each of its months, a week to that in which it ends, as its credit does."""
    if figure.version.window == "week":
        return span.first <= last_day(figure.end, figure.version) < span.next
    return span.overlaps(_local(figure.start, figure), _local(figure.end, figure))


def up_to(figure: Figure, span: Span) -> bool:
    """Whether a window belongs to a period or to one before it."""
    week = figure.version.window == "week"
    return (last_day(figure.end, figure.version) if week else _local(figure.start, figure)) < span.next


def _unmeasured(level: ServiceLevel, versions: Sequence[ServiceLevelVersion], span: Span) -> list[Figure]:
    """A level in force without any figure says so, rather than being left out."""
    in_force = [version for version in versions if version.effective_from < span.next]
    if not level.active or not in_force:
        return []
    version = in_force[-1]
    zone = ZoneInfo(version.time_zone)
    last = period(local_midnight(span.next, zone) - 1, version.time_zone, version.window)
    # The last week that ends in the span; a month or a quarter is the one that holds its end.
    for window in (last, period(last.start - 1, version.time_zone, version.window)):
        figure = Figure(version, window.label, from_epoch(window.start), from_epoch(window.end), None)
        if inside_of(figure, span) and last_day(figure.end, version) >= version.effective_from:
            return [figure]
    return []


def claims_of(figures: Iterable[Figure]) -> dict[tuple[int, datetime], CreditClaim]:
    """The claim each window stands for: that of its own revision, else the one of an earlier revision that came to the same."""
    closed = {(row.level_id, row.window_start): row.revision for row in (figure.attainment for figure in figures) if row is not None}
    if not closed:
        return {}
    rows = CreditClaim.objects.filter(
        level_id__in={level for level, _ in closed}, attainment__window_start__in={start for _, start in closed}
    )
    rows = rows.annotate(window_start=F("attainment__window_start"), revision=F("attainment__revision"))
    found: dict[tuple[int, datetime], CreditClaim] = {}
    for claim in claims_that_count(rows).order_by("attainment__revision", "id"):
        key = claim.level_id, claim.window_start
        if claim.revision <= closed.get(key, 0):
            found[key] = claim
    return found
