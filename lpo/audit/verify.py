"""Walking the hash chain and saying what does not fit. Works in steps, so a job can show progress and resume."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from lpo.audit.models import Event, Seal
from lpo.audit.seal import LONGEST_TRANSACTION, START, link
from lpo.tenancy.context import current_organization_id

SHOWN_PROBLEMS = 50


@dataclass
class Check:
    """How far the walk has come. Everything in it is plain JSON."""

    sequence: int = 0
    hash: str = START
    run_at: str = ""  # when the run that sealed the last link sealed it
    earlier_run_at: str = ""  # and the run before that
    last_event_id: int = 0
    events: int = 0
    unsealed: int = 0
    problem_count: int = 0
    problems: list[str] = field(default_factory=list)
    finished: bool = False

    def found(self, problem: str) -> None:
        self.problem_count += 1
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(problem)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def step(check: Check, head: dict[str, Any] | None = None, limit: int = 2000) -> Check:
    """Walk the next links of the current organization's chain; at its end, look for what stands outside it."""
    seals = list(Seal.objects.filter(sequence__gt=check.sequence).order_by("sequence")[:limit])
    events = Event.objects.in_bulk([seal.event_id for seal in seals])
    for seal in seals:
        _walk(check, seal, events.get(seal.event_id))
        if head and seal.sequence == head["sequence"] and seal.hash != head["hash"]:
            check.found(f"Seal {seal.sequence} is not the one that was exported: the chain was rewritten.")
    if len(seals) < limit:
        _look_outside(check)
        if head and check.sequence < head["sequence"]:
            check.found(f"The chain ends at seal {check.sequence}, the exported head is seal {head['sequence']}: its tail was cut off.")
        check.finished = True
    return check


def _walk(check: Check, seal: Seal, event: Event | None) -> None:
    gap = seal.sequence != check.sequence + 1
    if gap:
        check.found(f"Seals {check.sequence + 1} to {seal.sequence - 1} are missing: deleted.")
    same_run = check.run_at == seal.sealed_at.isoformat()
    if event is None:
        check.found(f"Seal {seal.sequence}: event {seal.event_id} is missing: deleted.")
    elif not gap and link(check.hash, seal.sequence, seal.sealed_at, event) != seal.hash:
        moved = same_run and seal.event_id < check.last_event_id
        difference = "is out of order: reordered" if moved else "is not what was sealed: edited or moved"
        check.found(f"Seal {seal.sequence}: event {event.id} {difference}.")
    if not same_run:
        check.earlier_run_at, check.run_at = check.run_at, seal.sealed_at.isoformat()
    if event is not None and check.earlier_run_at and event.at < datetime.fromisoformat(check.earlier_run_at) - LONGEST_TRANSACTION:
        check.found(f"Seal {seal.sequence}: event {event.id} is dated before an earlier sealing that did not find it: inserted later.")
    check.sequence, check.hash, check.last_event_id = seal.sequence, seal.hash, seal.event_id
    check.events += 1


_OUTSIDE = """
SELECT e.id, e.at FROM audit_event e WHERE e.organization_id = %s
    AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.organization_id = e.organization_id AND s.event_id = e.id)
ORDER BY e.id
"""


def _look_outside(check: Check) -> None:
    """Events without a seal: new ones wait for the next run; older ones were put in behind its back."""
    for event in Event.objects.raw(_OUTSIDE, [current_organization_id()]):
        if check.run_at and event.at < datetime.fromisoformat(check.run_at) - LONGEST_TRANSACTION:
            check.found(f"Event {event.id} is older than the last seal and was never sealed: inserted.")
        else:
            check.unsealed += 1


def walk_all(head: dict[str, Any] | None = None) -> Check:
    check = Check()
    while not check.finished:
        step(check, head)
    return check
