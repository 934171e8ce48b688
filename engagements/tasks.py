"""Background work of the room: checking and loading files, counting silence."""

from __future__ import annotations

from collections.abc import Generator

from django.urls import reverse
from django.utils import timezone

from engagements.actions.engagements import house_day, renew_due
from engagements.actions.escalations import escalate_due
from engagements.actions.history_imports import check_history
from engagements.actions.history_loading import load_history
from engagements.actions.imports import HISTORY
from engagements.actions.item_checks import check_items
from engagements.actions.item_loading import load_items
from engagements.actions.notices import ask_for_mail, mail_notices, unmailed
from engagements.actions.silence import accept_silence, system
from engagements.actions.time import stop_idle_timers
from engagements.models import ImportBatch
from engagements.models.imports import ImportState
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.jobs.registry import Progress, Result, Run, every, handler


def _batch(run: Run) -> ImportBatch:
    batch: ImportBatch = ImportBatch.objects.select_related("workstream__matter").get(pk=run.payload["batch"])
    return batch


def _result(run: Run, batch: ImportBatch) -> Result:
    """The page of the import, as its workstream numbers it."""
    workstream = batch.workstream
    number = ImportBatch.objects.filter(workstream=workstream, id__lte=batch.id).count()
    slug = Organization.objects.values_list("slug", flat=True).get(pk=run.organization_id)
    url = reverse("engagements:import", args=[slug, workstream.matter.reference, workstream.item_prefix, number])
    return Result(url=url, data=batch.counts)


@handler("engagements.check_import", chunked=True)
def check_import(run: Run) -> Generator[Progress, None, Result | None]:
    """Judge every row of a file. A batch that is past checking is left alone."""
    batch = _batch(run)
    if batch.state != ImportState.CHECKING:
        return None
    yield from check_history(batch) if batch.purpose == HISTORY else check_items(batch, run.cursor)
    return _result(run, batch)


@handler("engagements.load_import", chunked=True)
def load_import(run: Run) -> Generator[Progress, None, Result | None]:
    """Write what was confirmed. A batch that is loaded is left alone."""
    batch = _batch(run)
    if batch.state != ImportState.LOADING:
        return None
    yield from load_history(batch, run.cursor, run.actor) if batch.purpose == HISTORY else load_items(batch, run.cursor, run.actor)
    return _result(run, batch)


@every("engagements.idle_timers", minutes=5, title="End timers of those who went away")
def idle_timers(run: Run) -> Result | None:
    """End every timer whose person was not seen for 15 minutes. Done again, there is none left."""
    stop_idle_timers(by=run.actor)
    return None


@every("engagements.renew", minutes=60, title="Engagements that renew by themselves")
def renew(run: Run) -> Result | None:
    """A term that is over begins anew where the contract says so and nobody gave notice."""
    renew_due(by=Actor.system(run.organization_id), today=house_day(run.organization_id))
    return None


@every("engagements.deem", minutes=15, title="Deemed acceptance")
def deem(run: Run) -> Result | None:
    """Accept what clients were told of and left unanswered past their contract's days."""
    accepted = accept_silence(by=system())
    return Result(message=f"{accepted:,} accepted" if accepted else "")


@every("engagements.escalate", minutes=5, title="Escalations")
def escalate(run: Run) -> Result | None:
    """Take every step of an escalation path that is due, and have mailed what is not mailed yet. Done again, there is none left."""
    system = Actor.system(run.organization_id)
    taken = escalate_due(by=system, now=timezone.now())
    ask_for_mail(unmailed(), system)
    return Result(message=f"{taken:,} told" if taken else "")


@handler("engagements.mail_notices")
def mail(run: Run) -> Result | None:
    """Mail one person what was not mailed yet. Nothing left: nothing is sent."""
    member = Membership.objects.select_related("user", "organization").get(pk=run.payload["member"], organization_id=run.organization_id)
    return Result(message=f"{mail_notices(member=member):,} notices")
