"""What pages, reports and billing read of the room: stored clocks and figures, never recomputed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from engagements.models import Engagement, Matter
from lpo.core.localtime import from_epoch, to_epoch
from lpo.core.templatetags.formats import error_percent, percent
from lpo.core.templatetags.formats import target as target_text
from sla import wording
from sla.augmentation import credit_applies
from sla.bearing import Bearing, bearing, bearing_of_rate
from sla.counting import counted_of, misses_before_each, ruling_on
from sla.earnback import claims_that_count
from sla.models import Attainment, AttainmentRow, CreditClaim, ServiceLevel, ServiceLevelVersion
from sla.statistics import RateInterval, clopper_pearson
from sla.verdict import Basis, Counted, Default, Test, in_sample
from sla.volume import Volume, volume_of
from sla.windows import ends_quarter, in_force, period

PROVISIONAL, FINAL = "provisional", "final"


@dataclass(frozen=True, slots=True)
class Figure:
    """A level's result in one window as people read it. `attainment` None: nothing was counted yet."""

    version: ServiceLevelVersion
    label: str
    start: datetime
    end: datetime
    attainment: Attainment | None
    # Misses of the twelve months before, counted where a minimum makes them matter: see `with_misses`.
    earlier_misses: int = 0

    @property
    def level(self) -> ServiceLevel:
        level: ServiceLevel = self.version.level
        return level

    @property
    def accuracy(self) -> bool:
        return self.version.max_error_percent is not None

    @property
    def throughput(self) -> bool:
        return self.version.min_volume is not None

    @property
    def clocked(self) -> bool:
        """Whether it is counted by clocks, each met or missed."""
        return not (self.accuracy or self.throughput)

    @property
    def volume(self) -> Volume | None:
        return volume_of(self.attainment.measured) if self.attainment is not None else None

    @property
    def short_label(self) -> str:
        """Under a chart: Oct, Q4, 5 Oct."""
        first = self.start.astimezone(ZoneInfo(self.version.time_zone))
        if self.version.window == "week":
            return f"{first.day} {first:%b}"
        return f"{first:%b}" if self.version.window == "month" else f"Q{(first.month + 2) // 3}"

    @property
    def closed(self) -> bool:
        return self.attainment is not None and self.attainment.state == "closed"

    @property
    def numerator(self) -> int:
        return self.attainment.numerator if self.attainment else 0

    @property
    def denominator(self) -> int:
        return self.attainment.denominator if self.attainment else 0

    @property
    def missed(self) -> int:
        return max(0, self.denominator - self.numerator)

    @property
    def share(self) -> Fraction | None:
        """What is compared: where severities or strata weigh it is not numerator ÷ denominator."""
        if self.counted.rate is not None:
            return self.counted.rate
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    @property
    def goal(self) -> Fraction:
        """The target share, or the limit an error rate stays under."""
        if self.throughput:
            return Fraction(1)
        promised = self.version.max_error_percent if self.accuracy else self.version.expected_percent
        return Fraction(promised or 0) / 100

    @property
    def actual(self) -> str:
        """94.8 %, or an em dash where nothing was measured."""
        return error_percent(self.share, self.goal) if self.accuracy else percent(self.share, self.goal)

    @property
    def promised(self) -> str:
        return wording.short_target(self.version)

    @property
    def goal_text(self) -> str:
        return target_text(self.goal)

    @property
    def rolled_up(self) -> bool:
        """Too few were counted to judge the window alone."""
        return self.attainment is not None and self.attainment.basis == Basis.ROLLED_UP

    @property
    def short(self) -> bool:
        """Fewer were checked than the acceptance plan asks for."""
        return self.attainment is not None and self.attainment.basis == Basis.SHORT

    @property
    def running(self) -> bool:
        """Less was delivered than is due, and the window still runs."""
        return self.attainment is not None and self.attainment.basis == Basis.RUNNING

    @property
    def judged(self) -> str:
        """What the verdict rests on, where that is not the bare percentage."""
        if self.attainment is None:
            return ""
        if self.throughput:
            return wording.judged_volume(self.version, self.volume)
        return wording.judged(self.version, self.counted, Basis(self.attainment.basis))

    @property
    def counted(self) -> Counted:
        """As the verdict reads it."""
        if self.attainment is None:
            return Counted(0, 0)
        return counted_of(self.attainment)

    @property
    def result(self) -> str:
        """36 of 40 = 90.00 %, as counted in the window itself; beside it the rate that is compared, where something weighs."""
        return wording.result(self.numerator, self.denominator, weighed=None if self.throughput else self.counted.rate)

    @property
    def strength(self) -> str:
        """How strongly an error rate is shown, apart from the contract's result."""
        return wording.strength(self.version, self.counted) if self.accuracy else ""

    @property
    def bounds(self) -> RateInterval | None:
        """The exact two-sided 95 % interval of an error rate, of the sample that says as much where something weighs."""
        return clopper_pearson(*in_sample(self.counted)) if self.accuracy else None

    @property
    def interval(self) -> str:
        """0.15–2.18 %; empty where none was measured."""
        return self.bounds.text if self.bounds is not None else ""

    @property
    def in_full(self) -> str:
        """Met, 3 of 400 clauses, 0.75 %."""
        return wording.measured(self.state, self.version, self.counted)

    @property
    def kind(self) -> str:
        """The status kind: shape and colour."""
        if self.attainment is None or self.attainment.met is None:
            return "progressing" if self.rolled_up or self.short or self.running else "draft"
        return "met" if self.attainment.met else "breach"

    @property
    def state(self) -> str:
        """Met, or below target so far."""
        if self.attainment is None or self.attainment.met is None:
            return "Judged with its quarter" if self.rolled_up else "Not decided" if self.short or self.running else "Not measured"
        if self.closed:
            return "Met" if self.attainment.met else "Missed"
        if self.throughput or self.version.test != Test.RATE:
            return "Met so far" if self.attainment.met else "Missed so far"
        if self.accuracy:
            return "Under the limit so far" if self.attainment.met else "Over the limit so far"
        return "On target so far" if self.attainment.met else "Below target so far"

    @property
    def ends_quarter(self) -> bool:
        zone = self.version.time_zone
        return ends_quarter(period(to_epoch(self.start), zone, self.version.window), zone)

    def bearing(self, earlier_misses: int = 0) -> Bearing | None:
        """What further misses would do; None where that cannot be known. `earlier_misses` matters to what they cost, not to how many are
        borne."""
        if self.throughput:
            return None
        ends = self.ends_quarter
        if self.accuracy:
            return bearing_of_rate(self.version, self.counted, quarter_ends=ends, earlier_misses=earlier_misses)
        pending = self.attainment.pending if self.attainment else 0
        return bearing(self.version, self.counted, pending, quarter_ends=ends, earlier_misses=earlier_misses)

    @property
    def ruling(self) -> Default:
        """Whether the window as it stands is a default, and why or why not."""
        return Default(False) if self.attainment is None else ruling_on(self.version, self.attainment, self.earlier_misses)

    @property
    def credit(self) -> str:
        """The credit at stake in words, where the miss is a default: 5 % of the credit base; 50 % × 40 % of the amount at risk."""
        if not self.ruling.due:
            return ""
        if getattr(self.version, "delivery_model", "") == "augmentation" and not credit_applies(self.version, self.start):
            return ""
        return wording.credit_share(self.version)


def first_day(start: datetime, version: ServiceLevelVersion) -> date:
    """The day a window begins on by the contract's own clock: its part of an address."""
    return start.astimezone(ZoneInfo(version.time_zone)).date()


def last_day(end: datetime, version: ServiceLevelVersion) -> date:
    return (end - timedelta(seconds=1)).astimezone(ZoneInfo(version.time_zone)).date()


def window_key(start: datetime, version: ServiceLevelVersion) -> str:
    """What a window is named by in files and confirmations: 2026-10, the month it begins in; 2026-10-05 for a week."""
    return f"{first_day(start, version):{'%Y-%m-%d' if version.window == 'week' else '%Y-%m'}}"


def versions_of(levels: Iterable[ServiceLevel]) -> dict[int, list[ServiceLevelVersion]]:
    """Every version of some levels, oldest first, in one statement."""
    by_id = {level.pk: level for level in levels}
    found: dict[int, list[ServiceLevelVersion]] = {pk: [] for pk in by_id}
    rows = ServiceLevelVersion.objects.filter(level_id__in=by_id).select_related("calendar_version__calendar")
    # Asked along, so that only a figure of staff augmentation costs the question what its contract says of credits.
    rows = rows.annotate(delivery_model=F("level__workstream__matter__engagement__delivery_model"))
    for version in rows.order_by("level_id", "effective_from"):
        version.level = by_id[version.level_id]
        found[version.level_id].append(version)
    return found


def numbered_versions(where: Q) -> dict[int, list[ServiceLevelVersion]]:
    """The same for the active levels of the versions that `where` names, in one statement: each level comes with its workstream, and
    each version says as `ordinal` the number by which its level is addressed, its place among all of the workstream."""
    earlier = ServiceLevel.objects.filter(workstream_id=OuterRef("level__workstream_id"), pk__lte=OuterRef("level_id")).order_by()
    ordinal = earlier.values("workstream_id").annotate(n=Count("pk")).values("n")
    rows = ServiceLevelVersion.objects.filter(where, level__active=True).select_related(
        "calendar_version__calendar", "level__workstream__matter__engagement"
    )
    rows = rows.annotate(delivery_model=F("level__workstream__matter__engagement__delivery_model"), ordinal=Subquery(ordinal))
    levels: dict[int, ServiceLevel] = {}
    found: dict[int, list[ServiceLevelVersion]] = {}
    for version in rows.order_by("level_id", "effective_from"):
        version.level = levels.setdefault(version.level_id, version.level)
        found.setdefault(version.level_id, []).append(version)
    return found


def in_force_at(versions: Sequence[ServiceLevelVersion], now: datetime) -> ServiceLevelVersion:
    """The version in force at an instant, else the first to come."""
    index = in_force([(version.effective_from, version.time_zone) for version in versions], to_epoch(now))
    return versions[index or 0]


def current_figures(levels: Iterable[ServiceLevel], now: datetime) -> list[Figure]:
    """The present window of each level, in two statements."""
    return figures_by({pk: found for pk, found in versions_of(levels).items() if found}, now)


def figures_by(versions: Mapping[int, Sequence[ServiceLevelVersion]], now: datetime) -> list[Figure]:
    """The present window of each level whose versions were read already, in one statement."""
    wanted: dict[tuple[int, datetime], Figure] = {}
    for pk, known in versions.items():
        version = in_force_at(known, now)
        window = period(to_epoch(now), version.time_zone, version.window)
        start = from_epoch(window.start)
        wanted[pk, start] = Figure(version, window.label, start, from_epoch(window.end), None)
    stored = Attainment.objects.filter(level_id__in=versions, window_start__in={start for _, start in wanted}).order_by("revision")
    found = {(row.level_id, row.window_start): row for row in stored}
    return with_misses(
        Figure(figure.version, figure.label, figure.start, figure.end, found.get((pk, start)))
        for (pk, start), figure in sorted(wanted.items(), key=lambda pair: (pair[1].level.workstream_id, pair[0][0]))
    )


def with_misses(figures: Iterable[Figure]) -> list[Figure]:
    """Figures with the misses before them, in one statement where any needs it: a minimum makes a default of the fourth."""
    known = list(figures)
    missed = [figure for figure in known if figure.attainment is not None and figure.attainment.met is False]
    asked = [(figure.version, figure.start) for figure in missed if figure.version.minimum_percent is not None]
    found = misses_before_each(asked)
    return [replace(figure, earlier_misses=found.get((figure.version.level_id, figure.start), 0)) for figure in known]


def history(level: ServiceLevel, versions: Sequence[ServiceLevelVersion], limit: int) -> list[Figure]:
    """The last windows that were counted, newest first, each by the version that measured it."""
    by_pk = {version.pk: version for version in versions}
    rows = Attainment.objects.filter(level=level).defer("snapshot").order_by("-window_start", "-revision")[: limit * 2]
    figures: dict[datetime, Figure] = {}
    for row in rows:
        row.level = level
        figures.setdefault(row.window_start, Figure(by_pk[row.level_version_id], row.label, row.window_start, row.window_end, row))
    return list(figures.values())[:limit]


def figures_of_matter(matter: Matter, now: datetime) -> dict[str, Any]:
    """The service levels of a matter as they stand, for a published update: text and counts, nothing that changes later."""
    levels = list(ServiceLevel.objects.filter(workstream__matter=matter, active=True).select_related("workstream").order_by("id"))
    return {
        "levels": [
            {
                "level": figure.level.name,
                "workstream": figure.level.workstream.title,
                "promise": figure.promised,
                "window": figure.label,
                "numerator": figure.numerator,
                "denominator": figure.denominator,
                "pending": figure.attainment.pending if figure.attainment else 0,
                "excluded": figure.attainment.excluded if figure.attainment else 0,
                "actual": figure.actual,
                "kind": figure.kind,
                "state": figure.state,
                "computed_at": figure.attainment.computed_at.isoformat() if figure.attainment else None,
            }
            for figure in current_figures(levels, now)
        ]
    }


def final_claims_for(engagement: Engagement) -> QuerySet[Any]:
    """Claims that nobody can contest any more, oldest window first, for billing to turn into money."""
    return claims_for(engagement).filter(state=FINAL)


def claims_for(engagement: Engagement) -> QuerySet[Any]:
    """Every claim of an engagement, in whatever state."""
    return (
        CreditClaim.objects.filter(level__workstream__matter__engagement=engagement)
        .select_related("attainment", "level__workstream__matter")
        .defer("attainment__snapshot")
        .order_by("attainment__window_start", "id")
    )


def claim_of(attainment: Attainment) -> CreditClaim | None:
    """The claim a window stands for: that of its own revision, else the one of an earlier revision that came to the same."""
    rows = CreditClaim.objects.filter(level_id=attainment.level_id, attainment__window_start=attainment.window_start)
    rows = claims_that_count(rows)
    found: CreditClaim | None = rows.filter(attainment__revision__lte=attainment.revision).order_by("-attainment__revision", "-id").first()
    return found


def rows_of(attainment: Attainment) -> QuerySet[Any]:
    """The rows behind a closed figure, worst first, as they were frozen."""
    return AttainmentRow.objects.filter(attainment=attainment).order_by("outcome", "id")
