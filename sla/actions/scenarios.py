"""Scenarios: a past replayed under a proposed contract. They write nothing but themselves."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Unpack

from django.db import transaction
from django.utils import timezone

from engagements.actions.checks import locked
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.localtime import to_epoch
from lpo.jobs.queue import enqueue
from sla.actions.levels import Promise, complete_for
from sla.models import Scenario, ServiceLevel, ServiceLevelVersion
from sla.replay import Question, Tally, outcome_of_replay, replay, size

SIMULATE = "sla.simulate"
# So many items are replayed before the page answers; more through a job.
AT_ONCE = 1_000
MOST_MONTHS = 60


@transaction.atomic
def replay_level(
    *,
    level: ServiceLevel,
    name: str,
    first_month: date,
    last_month: date,
    effective_from: date,
    by: Actor,
    **promise: Unpack[Promise],
) -> Scenario:
    """Replay the months from `first_month` to `last_month` of a level as if `promise` had been its version from a date on.

    A small history is replayed at once, a large one by a job. Raises `Refused` naming what contradicts itself.
    """
    by.need(Permission.REPLAY_LEVELS)
    first, last = first_month.replace(day=1), last_month.replace(day=1)
    if last < first:
        raise Refused("The last month lies before the first.", "last_month")
    if (last.year - first.year) * 12 + last.month - first.month >= MOST_MONTHS:
        raise Refused(f"At most {MOST_MONTHS} months are replayed at a time.", "first_month")
    latest = ServiceLevelVersion.objects.filter(level=level).order_by("-number")[0]
    kept: Promise = {"item_kind": latest.item_kind, "stop_state": latest.stop_state}
    values = complete_for(level.workstream_id, level.kind, {**kept, **promise})
    scenario = Scenario(
        client_id=level.client_id,
        matter_id=level.matter_id,
        level=level,
        name=name.strip() or "Without a name",
        first_month=first,
        last_month=last,
        effective_from=effective_from,
        calendar_version=values.pop("calendar_version", None),
        proposal={key: str(value) if isinstance(value, Decimal) else value for key, value in values.items()},
        by_label=by.label,
    )
    scenario.save(force_insert=True)
    _run(scenario, by)
    return scenario


@transaction.atomic
def replay_again(*, scenario: Scenario, by: Actor) -> Scenario:
    """The same question put to the facts as they are now."""
    by.need(Permission.EDIT_LEVELS)
    scenario = locked(scenario)
    _run(scenario, by)
    return scenario


def _run(scenario: Scenario, by: Actor) -> None:
    months = {"first_month": scenario.first_month, "last_month": scenario.last_month, "proposal": scenario.proposal}
    record(by=by, action="scenario.replay", target=scenario, after=months, reference=scenario.name)
    question = question_of(scenario, to_epoch(timezone.now()))
    if (items := size(question, AT_ONCE + 1)) > AT_ONCE:
        key, title = key_of(scenario), f"Replay of {scenario.level.name}: {scenario.name}"
        enqueue(SIMULATE, {"scenario": scenario.pk}, by=by, key=key, title=title, matter_id=scenario.matter_id)
        return
    tally = Tally()
    for _ in replay(question, tally, chunk=items + 1):
        pass
    keep_result(scenario, question, tally)


def key_of(scenario: Scenario) -> str:
    """By which its job is found."""
    return f"{SIMULATE}:{scenario.pk}"


def keep_result(scenario: Scenario, question: Question, tally: Tally) -> None:
    """What the replay came to, in place of an earlier result."""
    scenario.result = outcome_of_replay(question, tally)
    scenario.computed_at = timezone.now()
    scenario.save(update_fields=["result", "computed_at"])


def proposed_version(scenario: Scenario) -> ServiceLevelVersion:
    """The proposal as a version of its level that is stored nowhere."""
    fields = {field.name: field for field in ServiceLevelVersion._meta.concrete_fields}
    values: dict[str, Any] = {name: fields[name].to_python(value) for name, value in scenario.proposal.items()}
    level = scenario.level
    scope = {"organization_id": level.organization_id, "client_id": level.client_id, "matter_id": level.matter_id}
    return ServiceLevelVersion(
        level=level, effective_from=scenario.effective_from, calendar_version=scenario.calendar_version, **scope, **values
    )


def question_of(scenario: Scenario, now: int) -> Question:
    """What a scenario asks of the facts, as at `now`."""
    versions = ServiceLevelVersion.objects.filter(level_id=scenario.level_id).select_related("calendar_version__calendar")
    known = list(versions.order_by("effective_from"))
    for version in known:
        version.level = scenario.level
    return Question(known, proposed_version(scenario), scenario.first_month, scenario.last_month, now)
