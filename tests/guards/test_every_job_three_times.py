"""Whatever wakes a worker may do so again: every kind of job is done three times, and the second and third change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from billing import actions as billing
from engagements import actions as work
from engagements.models import ImportBatch, Notice
from lpo.accounts.actor import Actor
from lpo.jobs import registry
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue
from lpo.jobs.runner import run_due, run_job
from lpo.tenancy.context import in_organization
from lpo.tenancy.models import TenantModel
from sla.models import DirtyWindow, Scenario
from tests import make
from tests.guards.world import Place, World

pytestmark = pytest.mark.django_db
# Stamps of when something was last looked at; what was found is compared.
STAMPS = ["computed_at"]
# The jobs themselves are the means, not the effect.
MEANS = {"jobs_job"}


@dataclass(frozen=True)
class Case:
    """`prepare` leaves something to do and returns the payload. `leaves`: whether the first time changes anything stored.
    `anew`: columns that differ where the same rows are written again; `told`: tables in which asking again is itself recorded."""

    prepare: Callable[[Place], Mapping[str, Any]]
    leaves: bool = True
    anew: tuple[str, ...] = ()
    told: frozenset[str] = frozenset()


def _moved(place: Place) -> Mapping[str, Any]:
    work.move_item(item=place.refs.item, to="delivered", by=make.system())
    assert DirtyWindow.objects.exists()
    return {}


def _gone_away(place: Place) -> Mapping[str, Any]:
    timer = work.start_timer(item=place.refs.item, by=Actor.member(place.people["reviewer"]))
    type(timer).objects.filter(pk=timer.pk).update(
        started_at=timer.started_at - timedelta(hours=1), seen_at=timer.seen_at - timedelta(minutes=20)
    )
    return {}


def _misstated_clocks(place: Place) -> Mapping[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sla_clock SET used_seconds = used_seconds + 1 WHERE level_id = %s", [place.refs.level.level_id])
    return {"level": place.refs.level.level_id}


def _unanswered_question(place: Place) -> Mapping[str, Any]:
    Scenario.objects.filter(pk=place.refs.scenario.pk).update(result=None, computed_at=None)
    return {"scenario": place.refs.scenario.pk}


def _overdue(place: Place) -> Mapping[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sla_creditclaim SET contestable_until = now() - interval '1 hour' WHERE state = 'provisional'")
    return {}


def _approved(place: Place) -> Any:
    biller, approver = (Actor.member(place.people[who]) for who in ("billing", "second_billing"))
    billing.submit_invoice(invoice=place.refs.plain_draft, by=biller)
    return billing.approve_invoice(invoice=place.refs.plain_draft, by=approver)


def _issued(place: Place) -> Mapping[str, Any]:
    invoice = billing.issue_invoice(invoice=_approved(place), by=Actor.member(place.people["billing"]))
    return {"invoice": invoice.id}


def _discarded(place: Place) -> Mapping[str, Any]:
    billing.discard_invoice(invoice=place.refs.plain_draft, by=Actor.member(place.people["billing"]))
    return {"month": place.refs.last_month.isoformat()}


def _to_issue(place: Place) -> Mapping[str, Any]:
    return {"month": place.refs.last_month.isoformat(), "invoices": [_approved(place).id]}


def _export(place: Place) -> Mapping[str, Any]:
    _issued(place)
    return {"month": place.refs.last_month.isoformat()}


def _uploaded(place: Place) -> Mapping[str, Any]:
    """A file whose columns are mapped and whose rows nobody has judged yet."""
    content = b"id,title,received\nX-1,First,2026-01-05T10:00\nX-2,,2026-01-06T10:00\n"
    batch = work.upload_file(workstream=place.refs.stream, by=make.system(), purpose="items", content=content, file_name="x.csv")
    columns = {"external_id": "id", "title": "title", "received_at": "received"}
    work.map_columns(batch=batch, by=make.system(), mapping={"columns": columns, "zone": "UTC", "dates": "iso"})
    return {"batch": batch.id}


def _confirmed(place: Place) -> Mapping[str, Any]:
    payload = _uploaded(place)
    run_due(place.organization.id)
    work.confirm_import(batch=ImportBatch.objects.get(pk=payload["batch"]), by=make.system())
    return payload


def _over(place: Place) -> Mapping[str, Any]:
    """An engagement that renews by itself and whose last day was long ago."""
    work.update_engagement(
        engagement=place.refs.engagement,
        by=make.system(),
        version=place.refs.engagement.version,
        ends_on=place.refs.engagement.starts_on + timedelta(days=20),
        renewal="auto",
        renewal_months=1,
    )
    return {}


def _behind(place: Place) -> Mapping[str, Any]:
    """A milestone that slipped, on a path that tells of it."""
    engagement = place.refs.engagement
    work.add_step(engagement=engagement, by=make.system(), trigger="milestone", after=1, role="manager")
    return {}


def _to_mail(place: Place) -> Mapping[str, Any]:
    member = place.people["owner"].pk
    assert Notice.objects.filter(member_id=member).update(mailed_at=None)
    return {"member": member}


def _unanswered(place: Place) -> Mapping[str, Any]:
    """A notice of delivery whose days have passed."""
    item = place.refs.fresh_delivered
    evidence = make.message(item, "It is delivered")
    work.record_notice(item=item, by=make.system(), channel="email", recipient="counsel", evidence=evidence)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE engagements_deliverynotice SET deemed_at = %s WHERE item_id = %s", [timezone.now(), item.id])
    return {}


CASES: dict[str, Case] = {
    "engagements.deem": Case(_unanswered),
    "engagements.escalate": Case(_behind),
    "engagements.mail_notices": Case(_to_mail),
    "audit.seal": Case(lambda place: {}),
    "audit.verify": Case(lambda place: {}, leaves=False),
    "engagements.check_import": Case(_uploaded),
    "engagements.load_import": Case(_confirmed),
    "engagements.idle_timers": Case(_gone_away),
    "engagements.renew": Case(_over),
    "sla.attain": Case(_moved),
    "sla.recompute": Case(_misstated_clocks),
    "sla.sweep": Case(_overdue),
    "sla.simulate": Case(_unanswered_question),
    "billing.render": Case(_issued),
    # A draft is assembled anew from the work as it is: new rows, which must say the same.
    "billing.draft_month": Case(_discarded, anew=("id", "line_id", "version"), told=frozenset({"audit_event"})),
    "billing.issue_month": Case(_to_issue),
    "billing.export": Case(_export),
}


def kinds() -> list[str]:
    registry._load()
    return sorted(kind for kind, handler in registry._handlers.items() if not handler.function.__module__.startswith("tests."))


def effects(case: Case) -> dict[str, str]:
    """A digest of every table of the organization, by table."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            if issubclass(model, TenantModel) and table not in MEANS:
                cursor.execute(
                    f"SELECT md5(string_agg((to_jsonb(t) - %s::text[])::text, '|' ORDER BY id)) FROM {table} t", [[*STAMPS, *case.anew]]
                )
                found[table] = cursor.fetchone()[0]
    return found


def done_once(place: Place, kind: str, payload: Mapping[str, Any]) -> dict[str, str]:
    with in_organization(place.organization.id):
        job = enqueue(kind, dict(payload), by=Actor.member(place.people["billing"]))
    assert run_job(place.organization.id, job.id)
    with in_organization(place.organization.id):
        job = Job.objects.get(pk=job.id)
        assert job.state == JobState.DONE, job.error
        return effects(CASES[kind])


def test_every_kind_of_job_has_a_case() -> None:
    assert kinds() == sorted(CASES)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """One instant for all three: what an open clock has used grows with time, not with how often it is read."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("kind", sorted(CASES))
def test_done_three_times_it_has_the_effect_of_once(world: World, kind: str) -> None:
    place = world.alder
    with in_organization(place.organization.id):
        payload = CASES[kind].prepare(place)
        before = effects(CASES[kind])
    first = done_once(place, kind, payload)
    changed = {table for table in first if first[table] != before[table]}
    assert bool(changed) == CASES[kind].leaves, f"{changed} changed the first time"
    for _ in range(2):
        again = done_once(place, kind, payload)
        assert {table for table in again if again[table] != first[table]} <= CASES[kind].told
