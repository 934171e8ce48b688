"""The demo's quality and service levels in hand: samples drawn and checked blind, a replayed proposal, what clients dispute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engagements import actions as work
from engagements.models import WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.core.periods import add_months
from lpo.reports.demo import records
from sla import actions as sla
from sla.models import Adjudicator, QualityCheck, SampleItem, SamplePlan, ServiceLevel, ServiceLevelVersion, Sizing

People = dict[str, Membership]
# What the checkers find in an NDA, by the place in the sample: severity, category and a note.
FOUND = {
    2: ("major", "missed", "Survival clause missed"),
    5: ("minor", "data", "Wrong notice address"),
    8: ("major", "missed", "Non-solicit overlooked"),
}


def lay_out(streams: dict[str, Workstream], people: People, months: Sequence[date], now: datetime) -> None:
    """What the pages of quality, replays and the contest ledger show, made by those whose part it is."""
    second_reviews(streams["NDA"], people, months[-1], now)
    acceptance(streams["DRF"], people, months[-1], now)
    disputed(streams["NDA"], people, now)
    proposals(streams, people, months)


def _by(people: People, name: str) -> Actor:
    return Actor.member(people[name])


def second_reviews(stream: Workstream, people: People, month: date, now: datetime) -> None:
    """NDAs delivered since the last month began, sampled at 90 % ± 10 points and read blind; one finding is overturned, one waits."""
    declared = sla.Declared(
        from_at=records.morning(month), to_at=now, confidence_percent=Decimal(90), margin_percent=Decimal(10), expected_percent=Decimal(5),
        adjudicator=Adjudicator.ATTORNEY.value,
    )  # fmt: skip
    plan = sla.draw_plan(workstream=stream, declared=declared, by=_by(people, "asha"))
    sla.assign_checks(plan=plan, checkers=[people[name] for name in ("rita", "ren", "rashid")], by=_by(people, "asha"))
    rows = _given(plan)
    # The last few are still to be read.
    checks = [_checked(row, FOUND.get(place)) for place, row in enumerate(rows[:-3], 1)]
    differing = [check for check in checks if check.errors]
    if differing:
        reason = "The clause stands in the order form, which the reviewer had read."
        sla.adjudicate(check=differing[0], stands=[], reason=reason, by=_by(people, "sam"))
    if len(differing) > 1:
        stands = [sla.Found(severity="minor", category="data", root_cause="source")]
        sla.adjudicate(check=differing[1], stands=stands, reason="The checker is right.", by=_by(people, "sam"))


def acceptance(stream: Workstream, people: People, month: date, now: datetime) -> None:
    """Thirteen letters, accepted with at most one wrong: a plan of another kind, all of it read."""
    declared = sla.Declared(
        from_at=records.morning(month),
        to_at=now,
        sizing=Sizing.ACCEPTANCE.value,
        number=13,
        accepted_errors=1,
        adjudicator=Adjudicator.NONE.value,
    )
    plan = sla.draw_plan(workstream=stream, declared=declared, by=_by(people, "asha"))
    sla.assign_checks(plan=plan, checkers=[people[name] for name in ("ren", "rashid")], by=_by(people, "asha"))
    for row in _given(plan):
        _checked(row, None)


def _given(plan: SamplePlan) -> list[SampleItem]:
    given = SampleItem.objects.filter(plan=plan, checker__isnull=False)
    return list(given.select_related("plan", "item", "checker").order_by("position"))


def _checked(row: SampleItem, wrong: tuple[str, str, str] | None) -> QualityCheck:
    """By the person it was given to."""
    found = [sla.Found(severity=wrong[0], category=wrong[1], root_cause="oversight", note=wrong[2])] if wrong else []
    assert row.checker is not None  # noqa: S101 -- only those given out are asked for
    return sla.check_sampled(sampled=row, units=1, found=found, by=Actor.member(row.checker))


def disputed(stream: Workstream, people: People, now: datetime) -> None:
    """Two NDAs left out of the fraction: one that the client's counsel disputes, one it agreed to."""
    level = ServiceLevel.objects.get(workstream=stream, name="NDA turnaround")
    tracker = Actor.system(people["asha"].organization_id, "Tracker")
    told = [
        ("Mutual NDA, Harborline Ventures", "The client's portal was down all day", "It was down for two hours; the rest was yours."),
        ("One-way NDA, Teller & Grove", "Sent to a mailbox that was closed in May, by the client's mistake", ""),
    ]
    for title, reason, dispute in told:
        item: WorkItem = work.create_item(workstream=stream, by=tracker, title=title, received_at=now - timedelta(days=5))
        work.move_item(item=item, to="delivered", by=tracker, at=now - timedelta(days=3, hours=12), reason="As recorded in the tracker.")
        exclusion = sla.exclude_item(level=level, item=item, reason=reason, by=_by(people, "asha"))
        if dispute:
            sla.contest_exclusion(exclusion=exclusion, by=_by(people, "sam"), note=dispute)
        else:
            sla.accept_exclusion(exclusion=exclusion, by=_by(people, "sam"))


def proposals(streams: dict[str, Workstream], people: People, months: Sequence[date]) -> None:
    """What was replayed before the renewal: a shorter promise, and small months forgiven by a table."""
    for key, name, changes in (
        ("NDA", "Renewal: 20 hours instead of 24", {"target": 20 * 3600}),
        ("NDA", "Renewal: two misses allowed under 60", {"allowed_misses": [[9, 0], [29, 1], [59, 2]]}),
        ("DRF", "16 business hours", {"target": 16 * 3600}),
    ):
        versions = ServiceLevelVersion.objects.filter(level__workstream=streams[key], level__kind="turnaround")
        version = versions.select_related("level", "calendar_version").latest("number")
        first = max(months[0], add_months(months[-1], -5))
        sla.replay_level(
            level=version.level, name=name, first_month=first, last_month=months[-1], effective_from=first, by=_by(people, "asha"),
            **_promise(version, changes),
        )  # fmt: skip


def _promise(version: ServiceLevelVersion, changes: dict[str, Any]) -> Any:
    """A version's own terms with some of them changed, as the form for a replay begins."""
    return {name: getattr(version, name) for name in sla.Promise.__annotations__} | changes
