"""What pages read of samples and checks: plans with their rates, findings, how often calls were changed, what a discard pile still holds.

Random and targeted checks are never added together: who chooses what to look at finds more, and finds it where it looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db import connection

from lpo.accounts.models import Membership
from lpo.core.templatetags.formats import error_percent
from lpo.tenancy.context import current_organization_id
from sla.models import Allocation, Category, Purpose, RootCause, SamplePlan, Severity, Sizing
from sla.rates import Part, Rate, rate_of
from sla.statistics import RateInterval, clopper_pearson, under_limit, wilson
from sla.wording import number

PLANS_SHOWN = 50
_PLANS = """
SELECT p.id, s.stratum, count(*), count(*) FILTER (WHERE s.state <> 'drawn'), count(*) FILTER (WHERE s.state = 'disputed'),
    coalesce(sum(q.units), 0), coalesce(sum(coalesce(d.errors, q.errors)), 0), count(*) FILTER (WHERE s.checker_id IS NULL)
FROM sla_sampleplan p
JOIN sla_sampleitem s ON s.organization_id = p.organization_id AND s.plan_id = p.id
LEFT JOIN sla_qualitycheck q ON q.organization_id = s.organization_id AND q.sampled_id = s.id
LEFT JOIN sla_adjudication d ON d.organization_id = q.organization_id AND d.quality_check_id = q.id
WHERE p.organization_id = %s AND p.id = ANY (%s)
GROUP BY p.id, s.stratum ORDER BY p.id, s.stratum
"""
# Every check once, with what it counts after adjudication. Elusion is a figure of its own.
_CHECKS = """
SELECT {columns}
FROM sla_qualitycheck q
JOIN engagements_workitem i ON i.organization_id = q.organization_id AND i.id = q.item_id
LEFT JOIN sla_sampleitem s ON s.organization_id = q.organization_id AND s.id = q.sampled_id
LEFT JOIN sla_sampleplan p ON p.organization_id = s.organization_id AND p.id = s.plan_id
LEFT JOIN sla_adjudication d ON d.organization_id = q.organization_id AND d.quality_check_id = q.id
{more}
WHERE q.organization_id = %(organization)s AND i.workstream_id = ANY (%(streams)s)
  AND q.checked_at >= %(start)s AND q.checked_at < %(end)s AND (p.id IS NULL OR p.purpose = 'accuracy')
"""
_SUMS = """coalesce(sum(coalesce(d.errors, q.errors)) FILTER (WHERE p.id IS NOT NULL), 0),
    coalesce(sum(q.units) FILTER (WHERE p.id IS NOT NULL), 0),
    coalesce(sum(coalesce(d.errors, q.errors)) FILTER (WHERE p.id IS NULL), 0), coalesce(sum(q.units) FILTER (WHERE p.id IS NULL), 0)"""
_DAY = "(q.checked_at AT TIME ZONE %(zone)s)::date"
_OVERTURN = (
    _CHECKS.format(columns=f"GROUPING(q.reviewer_id), GROUPING({_DAY}), q.reviewer_id, {_DAY}, {_SUMS}", more="")
    + f"GROUP BY GROUPING SETS ((q.reviewer_id), ({_DAY}), ())"
)
# An item with two tags counts under both.
_BY_TAG = (
    _CHECKS.format(
        columns=f"coalesce(t.name, ''), {_SUMS}",
        more="LEFT JOIN engagements_itemtag t ON t.organization_id = i.organization_id AND t.item_id = i.id",
    )
    + "GROUP BY 1 ORDER BY 1"
)
_FINDINGS = (
    _CHECKS.format(
        columns="""f.severity, f.category, f.root_cause, coalesce(sum(f.errors) FILTER (WHERE p.id IS NOT NULL), 0),
    coalesce(sum(f.errors) FILTER (WHERE p.id IS NULL), 0)""",
        more="""JOIN sla_qualityfinding f ON f.organization_id = q.organization_id AND f.quality_check_id = q.id
    AND f.adjudication_id IS NOT DISTINCT FROM d.id""",
    )
    + "GROUP BY f.severity, f.category, f.root_cause"
)
_ROWS = (
    _CHECKS.replace(" AND (p.id IS NULL OR p.purpose = 'accuracy')", "").format(
        columns="""q.checked_at, i.reference, coalesce(i.external_id, ''), coalesce(p.number, 0), coalesce(p.purpose, ''),
    q.units, q.errors, d.errors, coalesce(d.reason, ''), q.note, q.reviewer_id, q.by_label""",
        more="",
    )
    + "ORDER BY q.checked_at, q.id LIMIT %(most)s"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A plan and how far it has come. `rate` None: nothing checked yet."""

    plan: SamplePlan
    checked: int
    disputed: int
    without_checker: int
    rate: Rate

    @property
    def complete(self) -> bool:
        return self.checked == self.plan.size

    @property
    def share(self) -> Fraction | None:
        return self.rate.share

    @property
    def interval(self) -> RateInterval | None:
        """Wilson 95 %, of the sample that says as much where strata weigh."""
        return wilson(self.rate.errors_in_sample, self.rate.sample) if self.rate.share is not None else None

    @property
    def text(self) -> str:
        return error_percent(self.share)

    @property
    def interval_text(self) -> str:
        return self.interval.text if self.interval is not None else ""

    @property
    def verdict(self) -> str:
        """What an acceptance plan comes to so far."""
        if self.plan.accepted_errors is None:
            return ""
        if self.rate.errors > self.plan.accepted_errors:
            return f"Rejected: {self.rate.errors:,} errors, {self.plan.accepted_errors:,} accepted"
        if not self.complete or self.disputed:
            return f"Open: {self.rate.errors:,} of {self.plan.accepted_errors:,} errors accepted so far"
        return f"Accepted: {self.rate.errors:,} errors, {self.plan.accepted_errors:,} accepted"

    @property
    def kind(self) -> str:
        """The status kind of its progress."""
        return "risk" if self.disputed else "met" if self.complete else "progressing" if self.checked else "draft"

    @property
    def progress(self) -> str:
        return f"{self.checked:,} of {self.plan.size:,} checked"

    @property
    def recall(self) -> Recall | None:
        if self.plan.purpose != Purpose.ELUSION or self.plan.relevant_found is None or self.share is None:
            return None
        bounds = clopper_pearson(self.rate.errors, self.rate.units)
        return recall_of(self.plan.relevant_found, Fraction(self.plan.population_quantity), self.share, bounds)


@dataclass(frozen=True, slots=True)
class Recall:
    """Relevant found ÷ (found + elusion × what was set aside), with the exact 95 % bounds of the elusion turned about."""

    share: Fraction
    low: float
    high: float

    @property
    def text(self) -> str:
        return f"{float(self.share) * 100:.1f} % ({self.low * 100:.1f}–{self.high * 100:.1f} %)"


def recall_of(found: int, set_aside: Fraction, elusion: Fraction, bounds: RateInterval | None) -> Recall | None:
    """None where there is nothing relevant at all, as far as is known."""
    missed = elusion * set_aside
    if not found + missed or bounds is None:
        return None
    low, high = (found / (found + bound * float(set_aside)) if found else 0.0 for bound in (bounds.high, bounds.low))
    return Recall(found / (found + missed), low, high)


def standings(plans: Sequence[SamplePlan]) -> list[Standing]:
    """How far each plan has come, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_PLANS, [current_organization_id(), [plan.pk for plan in plans]])
        rows = cursor.fetchall()
    by_plan: dict[int, list[tuple[Any, ...]]] = {}
    for pk, *row in rows:
        by_plan.setdefault(pk, []).append(tuple(row))
    return [_standing(plan, by_plan.get(plan.pk, [])) for plan in plans]


def _standing(plan: SamplePlan, rows: Iterable[tuple[Any, ...]]) -> Standing:
    known = list(rows)
    weigh = plan.allocation == Allocation.EACH
    parts = [
        Part(
            f"{plan.root_number}/{stratum}" if weigh else "",
            plan.strata[stratum]["population"],
            checked,
            int(units),
            int(errors),
            Fraction(int(errors)),
        )
        for stratum, _, checked, _, units, errors, _ in known
    ]
    return Standing(plan, sum(row[2] for row in known), sum(row[3] for row in known), sum(row[6] for row in known), rate_of(parts))


@dataclass(frozen=True, slots=True)
class Overturn:
    """Changed calls ÷ calls checked of one reviewer, tag or day; random and targeted apart."""

    label: str
    random_changed: int
    random_calls: int
    targeted_changed: int
    targeted_calls: int

    @property
    def random(self) -> Fraction | None:
        return Fraction(self.random_changed, self.random_calls) if self.random_calls else None

    @property
    def targeted(self) -> Fraction | None:
        return Fraction(self.targeted_changed, self.targeted_calls) if self.targeted_calls else None

    @property
    def random_text(self) -> str:
        return error_percent(self.random)

    @property
    def targeted_text(self) -> str:
        return error_percent(self.targeted)

    @property
    def interval(self) -> str:
        found = wilson(self.random_changed, self.random_calls)
        return found.text if found is not None else ""


@dataclass
class Overturns:
    """By reviewer, tag and day, and of everything."""

    whole: Overturn = field(default_factory=lambda: Overturn("All", 0, 0, 0, 0))
    reviewers: list[Overturn] = field(default_factory=list)
    tags: list[Overturn] = field(default_factory=list)
    days: list[Overturn] = field(default_factory=list)


@dataclass(frozen=True)
class Span:
    """Workstreams and the time whose checks are asked for; days are those of `zone`."""

    stream_ids: Sequence[int]
    start: datetime
    end: datetime
    zone: str = "UTC"

    def values(self, **more: Any) -> dict[str, Any]:
        own = {"streams": list(self.stream_ids), "start": self.start, "end": self.end, "zone": self.zone}
        return {"organization": current_organization_id(), **own, **more}


def overturns(span: Span) -> Overturns:
    """Two statements for the counts and one for names."""
    with connection.cursor() as cursor:
        cursor.execute(_OVERTURN, span.values())
        rows = cursor.fetchall()
        cursor.execute(_BY_TAG, span.values())
        tags = cursor.fetchall()
    people = names_of(row[2] for row in rows if not row[0])
    found = Overturns(tags=[Overturn(tag or "Without a tag", *map(int, counts)) for tag, *counts in tags])
    for no_reviewer, no_day, reviewer, day, *counts in rows:
        numbers = [int(count) for count in counts]
        if not no_reviewer:
            found.reviewers.append(Overturn(people.get(reviewer, "Not known"), *numbers))
        elif not no_day:
            found.days.append(Overturn(day.isoformat(), *numbers))
        else:
            found.whole = Overturn("All", *numbers)
    for group in (found.reviewers, found.days):
        group.sort(key=lambda row: row.label)
    return found


def names_of(ids: Iterable[int | None]) -> dict[int, str]:
    wanted = {pk for pk in ids if pk is not None}
    if not wanted:
        return {}
    rows = Membership.objects.filter(organization_id=current_organization_id(), pk__in=wanted).select_related("user")
    return {row.pk: row.display_name for row in rows}


@dataclass(frozen=True, slots=True)
class Kind:
    """Errors of one severity, category or cause, in random and in targeted checks."""

    label: str
    random: int
    targeted: int


def findings(span: Span) -> dict[str, list[Kind]]:
    """Errors that stand, by severity, category and root cause, most in random checks first."""
    with connection.cursor() as cursor:
        cursor.execute(_FINDINGS, span.values())
        rows = cursor.fetchall()
    found = {}
    for place, (name, labels) in enumerate((("Severity", Severity), ("Category", Category), ("Root cause", RootCause))):
        sums: dict[str, list[int]] = {}
        for row in rows:
            known = sums.setdefault(row[place], [0, 0])
            known[0] += int(row[3])
            known[1] += int(row[4])
        kinds = [Kind(str(labels(code).label), *both) for code, both in sums.items()]
        order = list(labels.values)
        position = {str(labels(code).label): order.index(code) for code in sums}
        found[name] = sorted(
            kinds, key=lambda kind: position[kind.label] if name == "Severity" else (-kind.random, -kind.targeted, kind.label)
        )
    return found


def check_rows(span: Span, most: int) -> Iterator[tuple[Any, ...]]:
    """Every check with what it counts, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, span.values(most=most))
        yield from cursor.fetchall()


def plans_of(stream_ids: Sequence[int], most: int = PLANS_SHOWN) -> list[SamplePlan]:
    """The latest first."""
    rows = SamplePlan.objects.filter(workstream_id__in=stream_ids).select_related("workstream", "extends")
    return list(rows.order_by("-drawn_at", "-id")[:most])


def size_in_words(plan: SamplePlan) -> str:
    """385 of 5,000: ±5 % at 95 %, expecting 50 %."""
    return said_of(
        plan.size, plan.population, plan.sizing, plan.margin_percent, plan.confidence_percent, plan.expected_percent, plan.accepted_errors
    )


def said_of(size: int, population: int, sizing: str, margin: Any, confidence: Any, expected: Any, accepted: int | None) -> str:
    text = f"{size:,} of {population:,}"
    if sizing == Sizing.MARGIN:
        return f"{text}: ±{number(margin)} % at {number(confidence)} %, expecting {number(expected)} %"
    if sizing == Sizing.ACCEPTANCE:
        return f"{text}: accepted with at most {accepted:,} error{'' if accepted == 1 else 's'}"
    return text


def clean_would_show(size: int, limit: float) -> str:
    """What a sample of this size could show at best, so that nobody draws one that cannot."""
    needed = under_limit(0, 0, limit).sample_needed
    return f"{needed:,} units without an error show under {limit * 100:g} % at 95 % one-sided" + (
        "." if size >= needed else f"; {size:,} items may hold too few."
    )
