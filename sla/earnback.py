"""Earning a credit back: the windows after a missed one, and whether each reached the target its contract sets beyond the promise.

The terms are those of the missed window's version; the windows that follow are the next ones of the level, each by the version that
measures it. Only the latest closed figures count, in whatever order they were closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from lpo.core.localtime import from_epoch, to_epoch
from lpo.core.periods import Period
from sla import wording
from sla.counting import counted_of
from sla.models import Attainment, CreditClaim, ServiceLevelVersion
from sla.verdict import earns_back
from sla.windows import in_force, period

MOST_WINDOWS = 12


@dataclass(frozen=True, slots=True)
class Step:
    """One of the windows that follow a missed one. `reached` None: it is not closed yet."""

    window: Period
    attainment: Attainment | None
    reached: bool | None

    @property
    def figure(self) -> str:
        """99 of 100 = 99.00 %; with what was rolled up into it, as the target is compared."""
        return _figure(self.attainment) if self.attainment is not None else ""

    @property
    def said(self) -> str:
        if self.reached is None:
            return f"{self.window.label} is not closed yet"
        return f"{self.window.label} {'reached it' if self.reached else 'did not reach it'} ({self.figure})"


def steps_of(missed: Attainment, versions: Sequence[ServiceLevelVersion] | None = None) -> list[Step]:
    """The windows that may earn a missed one's credit back, oldest first; none where its version names no target."""
    version = missed.level_version
    if version.earn_back_windows is None or missed.met is not False:
        return []
    known = versions or list(ServiceLevelVersion.objects.filter(level_id=missed.level_id).order_by("effective_from"))
    windows = windows_after(to_epoch(missed.window_end), known, version.earn_back_windows)
    closed = _closed(missed.level_id, [from_epoch(window.start) for window in windows])
    return [_step(version, window, closed.get(from_epoch(window.start))) for window in windows]


def _step(terms: ServiceLevelVersion, window: Period, attainment: Attainment | None) -> Step:
    reached = None if attainment is None else earns_back(terms, counted_of(attainment), met=attainment.met)
    return Step(window, attainment, reached)


def windows_after(end: int, versions: Sequence[ServiceLevelVersion], number: int) -> list[Period]:
    """The next windows of a level from an instant on, each as the version that measures it has it."""
    found: list[Period] = []
    for _ in range(number):
        version = versions[in_force([(one.effective_from, one.time_zone) for one in versions], end) or 0]
        found.append(period(end, version.time_zone, version.window))
        end = found[-1].end
    return found


def _closed(level_id: int, starts: Iterable[datetime]) -> dict[datetime, Attainment]:
    rows = Attainment.objects.filter(level_id=level_id, window_start__in=list(starts), state="closed").defer("snapshot")
    rows = rows.select_related("level_version__level__workstream__matter", "level_version__calendar_version")
    latest = rows.order_by("window_start", "-revision").distinct("window_start")
    return {row.window_start: row for row in latest}


def earners_of(missed: Attainment) -> list[Attainment]:
    """The windows that earned a missed one's credit back; none while one of them is open, or did not reach the target."""
    steps = steps_of(missed)
    return [step.attainment for step in steps if step.attainment is not None] if all(step.reached for step in steps) else []


def missed_up_to(attainment: Attainment) -> list[Attainment]:
    """The windows whose credit a window may earn back, oldest first, and itself: the latest closed figures of those that missed."""
    rows = Attainment.objects.filter(level_id=attainment.level_id, state="closed", window_start__lte=attainment.window_start)
    latest = rows.order_by("-window_start", "-revision").distinct("window_start").defer("snapshot")
    latest = latest.select_related("level_version__level__workstream__matter", "level_version__calendar_version")
    near = list(latest[: MOST_WINDOWS + 1])[::-1]
    return [row for row in near if row.met is False and row.level_version.earn_back_windows is not None]


def claims_that_count(rows: Any) -> Any:
    """Without claims that gave a credit back and do so no longer: what they gave back stands, or was claimed again."""
    return rows.exclude(state="withdrawn", earned_in__isnull=False)


# --- in words and as stored -----------------------------------------------------------------------------------------------------


def inputs_of(standing: CreditClaim, earners: Sequence[Attainment]) -> dict[str, Any]:
    """What giving a credit back follows from: the claim it gives back, the target, and each window's figure."""
    version = standing.attainment.level_version
    return {
        "percent": wording.number(standing.percent),
        "formula": standing.formula,
        "target": wording.number(version.earn_back_percent),
        "windows": [
            {
                "window": row.label,
                "revision": row.revision,
                "numerator": row.numerator + row.carried_numerator,
                "denominator": row.denominator + row.carried_denominator,
                "result": _figure(row),
                "snapshot_sha256": row.snapshot_sha256,
            }
            for row in earners
        ],
    }


def formula_of(version: ServiceLevelVersion, label: str, given: str, earners: Sequence[Attainment]) -> str:
    """Without the figures of the windows that follow: the client may not have been shown them yet. Its pages link those it was."""
    did = "stayed under" if version.max_error_percent is not None else "reached"
    kind = " errors" if version.max_error_percent is not None else ""
    which = "each " if len(earners) > 1 else ""
    target = f"{wording.number(version.earn_back_percent or Decimal(0))} %{kind}"
    return f"The credit of {given} % for {label} is earned back: {labels(row.label for row in earners)} {which}{did} {target}"


def labels(names: Iterable[str]) -> str:
    """November 2026; November 2026 and December 2026; of more the first and the last."""
    known = list(names)
    if len(known) < 3:
        return " and ".join(known)
    return f"{known[0]} to {known[-1]}"


def _figure(row: Attainment) -> str:
    weighed: Fraction | None = counted_of(row).rate
    return wording.result(row.numerator + row.carried_numerator, row.denominator + row.carried_denominator, weighed=weighed)


def given_back_by(claim: CreditClaim) -> str:
    """The windows that earned a withdrawn claim's credit back, in words; empty where something else took its place."""
    found = CreditClaim.objects.filter(replaces=claim, earned_in__isnull=False, state="final").first()
    return labels(each["window"] for each in found.inputs["earned_back"]["windows"]) if found is not None else ""


def helped_by(attainment: Attainment) -> list[CreditClaim]:
    """The claims that give a credit back for what a window helped to earn, oldest window first."""
    rows = CreditClaim.objects.exclude(state="withdrawn").filter(level_id=attainment.level_id, earned_in__isnull=False)
    rows = rows.filter(earned_in__window_start__gte=attainment.window_start, attainment__window_start__lt=attainment.window_start)
    return list(rows.order_by("attainment__window_start"))
