"""Checking what was frozen: every closed window against its hash, its rows and a replay of the stored facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lpo.audit.record import canonical
from lpo.core.localtime import from_epoch, to_epoch
from sla import evidence, wording
from sla.clockrows import ClockRow, project
from sla.counting import rolled_up
from sla.earnback import claims_that_count, earners_of, labels
from sla.facts import read
from sla.incidents import around, named
from sla.models import UNCLOCKED, Attainment, AttainmentRow, Clock, CreditClaim, LevelKind
from sla.verdict import judge
from sla.volume import measure_volume, plain, volume_of

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. `identical` False: `detail` says what differs."""

    subject: str
    identical: bool
    detail: str = ""


def verify() -> Iterator[Finding]:
    """Every closed window of the current organization, oldest first, then which credits of incidents are paid. It compares only: nothing
    is rendered or written."""
    closed = Attainment.objects.filter(state="closed").select_related("level", "level_version__calendar_version__calendar")
    later = set(closed.filter(revision__gt=1).values_list("level_id", "window_start", "revision"))
    for attainment in closed.order_by("window_start", "level_id", "revision"):
        attainment.level_version.level = attainment.level
        subject = f"{attainment.level.name}, {attainment.label}, revision {attainment.revision}"
        # What a restatement took the place of followed from records that have changed since; its own evidence still has to stand.
        differences = [
            *_frozen(attainment),
            *(() if (attainment.level_id, attainment.window_start, attainment.revision + 1) in later else replayed(attainment)),
        ]
        if not differences:
            yield Finding(subject, True, wording.result(attainment.numerator, attainment.denominator))
        for difference in differences:
            yield Finding(subject, False, difference)
    yield from _incidents()
    yield from _earned_back()


def _earned_back() -> Iterator[Finding]:
    """A credit is given back where each of the windows its contract names reached the target, by the latest closed figures, and only
    there."""
    rows = Attainment.objects.filter(state="closed", level_version__earn_back_windows__isnull=False).defer("snapshot")
    rows = rows.select_related("level_version__level__workstream__matter")
    for missed in rows.order_by("level_id", "window_start", "-revision").distinct("level_id", "window_start"):
        claims = claims_that_count(CreditClaim.objects.filter(level_id=missed.level_id, attainment__window_start=missed.window_start))
        claim = claims.exclude(state="withdrawn").select_related("attainment").order_by("-id").first()
        if missed.met is not False or claim is None:
            continue
        earners, given = earners_of(missed), claim.earned_in_id is not None
        subject = f"Credit of {named(claim)}"
        if given and earners:
            yield Finding(subject, True, f"earned back by {labels(row.label for row in earners)}")
        elif given:
            yield Finding(subject, False, "given back, but the windows that follow do not earn it")
        elif earners and claim.percent:
            yield Finding(subject, False, f"was earned back by {labels(row.label for row in earners)}, and still stands")


def _incidents() -> Iterator[Finding]:
    """Of claims over the same missed items one is paid, where the contract pays one; what is not paid gave way to a claim that stands."""
    claims = CreditClaim.objects.exclude(state="withdrawn", yields_to__isnull=True).filter(percent__gt=0)
    claims = claims.select_related("attainment__level__workstream__matter", "attainment__level_version").defer("attainment__snapshot")
    for claim in claims.order_by("id"):
        found = around(claim.attainment)
        twice = [one for one in found.beside(claim) if claim.state == one.state == "final"]
        for other in twice:
            yield Finding(f"Credit of {named(claim)}", False, f"paid beside {named(other)} for the same missed items")
        if any(one.pk == claim.pk for one in found.gone):
            paid = next((one for one in found.live if one.pk == claim.yields_to_id), None)
            stands = paid is not None and found.rests_alike(claim, paid) is not None
            yield Finding(f"Credit of {named(claim)}", stands, f"gave way to one that {'stands' if stands else 'does not stand'}")


def _frozen(attainment: Attainment) -> Iterator[str]:
    """The snapshot's hash, its rows and its figures against the columns beside it."""
    snapshot: dict[str, Any] = attainment.snapshot or {}
    if evidence.digest_of(snapshot) != attainment.snapshot_sha256:
        yield "the snapshot does not have its recorded hash"
    number, digest = evidence.rows_digest(attainment, snapshot["format"])
    if (number, digest) != (snapshot["rows"]["number"], snapshot["rows"]["sha256"]):
        yield f"{number} rows do not match the {snapshot['rows']['number']} that were frozen"
    measured = snapshot.get("measured", {})
    populations = {row["stratum"]: row["population"] for row in measured.get("strata", [])}
    count = evidence.count_rows(attainment, attainment.level.kind, populations)
    counts = snapshot["counts"]
    added = {"numerator": count.numerator, "denominator": count.denominator, "pending": count.pending, "excluded": count.excluded}
    for name, value in added.items():
        if value != counts[name] or value != getattr(attainment, name):
            yield f"{name} {getattr(attainment, name)}: the rows add up to {value}, the snapshot says {counts[name]}"
    if count.measured != measured or attainment.measured != measured:
        yield f"the rate: the rows come to {count.measured.get('rate')}, the snapshot says {measured.get('rate')}"
    version = attainment.level_version
    # Of a window that was closed before a term existed, its snapshot does not speak.
    inputs: Any = canonical(evidence.version_inputs(version))
    if {name: inputs[name] for name in snapshot["version"]} != snapshot["version"]:
        yield "the promise differs from the one it was measured by"
    carried = counts.get("carried_numerator", 0), counts.get("carried_denominator", 0)
    quarter_ends, _ = rolled_up(version, attainment.window_start)
    verdict = judge(version, count.counted(carried), quarter_ends=quarter_ends)
    if (verdict.met, verdict.basis.value, verdict.below_minimum) != (attainment.met, attainment.basis, attainment.below_minimum):
        yield "met or missed does not follow from the figures"


def replayed(attainment: Attainment) -> Iterator[str]:
    """The clocks computed anew from the stored facts, against the frozen rows."""
    closed_at = attainment.closed_at
    if attainment.level.kind == LevelKind.THROUGHPUT:
        yield from _volume_again(attainment)
    if attainment.level.kind in UNCLOCKED or closed_at is None:
        return
    references = dict(
        Clock.objects.filter(level_id=attainment.level_id, window_start=attainment.window_start, cycle=1)
        .order_by("item_id")
        .values_list("item_id", "item__reference")
    )
    frozen = {row.item_reference: row for row in AttainmentRow.objects.filter(attainment=attainment)}
    ids = list(references)
    seen = set()
    for start in range(0, len(ids), BATCH):
        facts = read(ids[start : start + BATCH], level_ids=[attainment.level_id])
        for row in project(facts, to_epoch(closed_at)):
            if row.cycle == 1:
                reference = references[row.item_id]
                seen.add(reference)
                yield from _compared(reference, row, frozen.get(reference), closed_at)
    for reference in sorted(frozen.keys() - seen):
        yield f"{reference}: frozen as {frozen[reference].outcome}, no longer in this window"


def _volume_again(attainment: Attainment) -> Iterator[str]:
    """What the items themselves say today was delivered, and due, against what was frozen."""
    frozen = volume_of(attainment.measured)
    now, _, _ = measure_volume(attainment.level_version, attainment.window_start, attainment.window_end, attainment.window_end)
    if frozen is not None and (frozen.delivered, frozen.required) != (now.delivered, now.required):
        was, found = (f"{plain(one.delivered)} delivered of {plain(one.required)} due" for one in (frozen, now))
        yield f"{was} was frozen, the facts now say {found}"


def _compared(reference: str, row: ClockRow, frozen: AttainmentRow | None, closed_at: datetime) -> Iterator[str]:
    outcome = row.outcome(to_epoch(closed_at))
    if frozen is None:
        yield f"{reference}: {outcome} by what is known now, but not among the frozen rows"
        return
    now = {
        "outcome": outcome,
        "due_at": from_epoch(row.due),
        "stopped_at": None if row.stopped is None or row.stopped > to_epoch(closed_at) else from_epoch(row.stopped),
    }
    for name, value in now.items():
        if getattr(frozen, name) != value:
            yield f"{reference}: {name} {getattr(frozen, name)} was frozen, the facts now say {value}"
