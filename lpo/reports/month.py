"""A whole month from measured work to issued invoices, through the same actions and jobs that the pages use.

Each step commits by itself, because the jobs between them run in other processes. Doing a month again finds what was done before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from billing import actions as billing
from billing.models import Invoice, InvoiceState
from billing.overview import billed_in
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Permission, Role
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch, local_midnight
from lpo.core.periods import add_months
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue
from lpo.tenancy.context import in_organization
from sla import actions as sla
from sla.models import Attainment, CreditClaim, ServiceLevel
from sla.queries import Figure, claim_of, in_force_at, versions_of
from sla.windows import in_force, period

# Returns when the organization has no job left to do.
Wait = Callable[[], object]


class JobFailed(Exception):
    """A job that the month depends on was given up."""


@dataclass(slots=True)
class Closed:
    """One window that ended in the month."""

    figure: Figure
    client: str
    claim: CreditClaim | None
    existed: bool


@dataclass(slots=True)
class Month:
    """What became of a month: windows and invoices, those of an earlier run marked, and what was refused with the reason.

    `left_out`: engagements without charge terms. There is nothing to bill them for, and nothing went wrong.
    """

    first: date
    closed: list[Closed] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    existed: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def run_month(organization: Organization, month: date, *, wait: Wait) -> Month:
    """Close the windows that ended in the month and publish them; draft, approve and issue the periods that did; render them.

    Two different people prepare and approve, found by their roles. Raises `Refused` where there are no two, `JobFailed` when a
    job was given up.
    """
    done = Month(month.replace(day=1))
    wait()
    _close(organization, done)
    wait()
    with in_organization(organization.pk):
        # Claims that can no longer be contested reduce this month's invoices, whether or not the daily job ran meanwhile.
        sla.finalize_claims(by=Actor.system(organization.pk))
        preparer, approver = two_billers(organization)
    _draft(organization, done, preparer, wait)
    ready = _approve(organization, done, preparer, approver)
    _issue(organization, done, ready, preparer, wait)
    with in_organization(organization.pk):
        done.invoices = [row for row in _live_invoices(done.first) if row.state == InvoiceState.ISSUED]
    return done


# --- windows --------------------------------------------------------------------------------------------------------------


def ended_windows(first: date) -> Iterator[tuple[ServiceLevel, int]]:
    """The windows of each active level that end in the month, in the contract's zone: its weeks, the month, a quarter with its last."""
    levels = ServiceLevel.objects.filter(active=True).select_related("workstream__matter__client").order_by("workstream_id", "id")
    after = add_months(first, 1)
    for versions in versions_of(levels).values():
        if not versions:
            continue
        zone = ZoneInfo(versions[-1].time_zone)
        at, last = local_midnight(first, zone), local_midnight(after, zone) - 1
        while at <= last:
            version = in_force_at(versions, from_epoch(at))
            window = period(at, version.time_zone, version.window)
            at = max(window.end, at + 1)
            if window.next_day <= after and in_force([(one.effective_from, one.time_zone) for one in versions], window.end - 1) is not None:
                yield version.level, window.start


def _close(organization: Organization, done: Month) -> None:
    with in_organization(organization.pk):
        ended = list(ended_windows(done.first))
        closer = _member(organization, Permission.CLOSE_WINDOWS, Role.PROJECT_MANAGER)
    by = Actor.member(closer) if closer is not None else Actor.system(organization.pk)
    for level, start in ended:
        try:
            with in_organization(organization.pk):
                done.closed.append(_close_one(level, start, by))
        except Refused as error:
            done.refused.append(f"{level.name}: {error.message}")


def _close_one(level: ServiceLevel, start: int, by: Actor) -> Closed:
    at = from_epoch(start)
    existed = Attainment.objects.filter(level=level, window_start=at, state="closed").exists()
    attainment = sla.close_window(level=level, window_start=at, by=by, publish=True)
    version = attainment.level_version
    version.level = level
    figure = Figure(version, attainment.label, attainment.window_start, attainment.window_end, attainment)
    claim = claim_of(attainment)
    return Closed(figure, level.workstream.matter.client.name, claim, existed)


# --- invoices -------------------------------------------------------------------------------------------------------------


def two_billers(organization: Organization) -> tuple[Membership, Membership]:
    """Who prepares and issues, and who approves: billing people before others who may. Raises `Refused` without two."""
    needed = (Permission.DRAFT_INVOICES, Permission.APPROVE_INVOICES, Permission.ISSUE_INVOICES)
    able = [member for member in _members(organization, Role.BILLING) if all(member.may(permission) for permission in needed)]
    if len(able) < 2:
        raise Refused(f"{organization.name} has {len(able)} active people who may bill; one prepares an invoice and another approves it.")
    return able[0], able[1]


def _members(organization: Organization, first: Role) -> list[Membership]:
    found = Membership.objects.filter(organization=organization, is_active=True).select_related("user", "organization").order_by("id")
    return sorted(found, key=lambda member: member.role != first)


def _member(organization: Organization, permission: Permission, first: Role) -> Membership | None:
    return next((member for member in _members(organization, first) if member.may(permission)), None)


def _live_invoices(first: date) -> list[Invoice]:
    keys = {(engagement.pk, bounds.index) for engagement, bounds in billed_in(first)}
    rows = Invoice.objects.filter(engagement_id__in={engagement for engagement, _ in keys}).exclude(state=InvoiceState.DISCARDED)
    rows = rows.select_related("client", "engagement", "period").order_by("number", "id")
    return [row for row in rows if (row.engagement_id, row.period.index) in keys]


def _job(organization: Organization, job: Job, wait: Wait, done: Month) -> None:
    """Wait for a job and take over what it parked."""
    wait()
    with in_organization(organization.pk):
        job.refresh_from_db()
    if job.state != JobState.DONE:
        raise JobFailed(f"{job.title}: {job.error.strip().splitlines()[-1] if job.error else job.get_state_display().lower()}")
    done.refused += [f"{reference}: {reason}" for reference, reason in job.result.get("parked", {}).items()]
    done.left_out += job.result.get("left_out", [])


def _draft(organization: Organization, done: Month, preparer: Membership, wait: Wait) -> None:
    with in_organization(organization.pk):
        done.existed = {row.number for row in _live_invoices(done.first) if row.state == InvoiceState.ISSUED}
        job = enqueue(
            "billing.draft_month",
            {"month": done.first.isoformat()},
            by=Actor.member(preparer),
            key=f"draft:{done.first:%Y-%m}",
            title=f"Draft {done.first:%B %Y}",
        )
    _job(organization, job, wait, done)


def _approve(organization: Organization, done: Month, preparer: Membership, approver: Membership) -> list[int]:
    """Hand the drafts over and approve them, each by somebody who did not prepare it. The ids of those that may be issued."""
    ready = []
    with in_organization(organization.pk):
        drafts = [row for row in _live_invoices(done.first) if row.state != InvoiceState.ISSUED]
    for invoice in drafts:
        try:
            with in_organization(organization.pk):
                ready.append(_approved(invoice, preparer, approver).pk)
        except Refused as error:
            done.refused.append(f"{invoice.engagement.reference}: {error.message}")
    return ready


def _approved(invoice: Invoice, preparer: Membership, approver: Membership) -> Invoice:
    if invoice.state == InvoiceState.DRAFT:
        invoice = billing.submit_invoice(invoice=invoice, by=Actor.member(preparer))
    if invoice.state == InvoiceState.IN_REVIEW:
        other = preparer if invoice.prepared_by_id == approver.pk else approver
        invoice = billing.approve_invoice(invoice=invoice, by=Actor.member(other))
    return invoice


def _issue(organization: Organization, done: Month, ready: list[int], preparer: Membership, wait: Wait) -> None:
    if not ready:
        return
    with in_organization(organization.pk):
        job = enqueue(
            "billing.issue_month",
            {"month": done.first.isoformat(), "invoices": ready},
            by=Actor.member(preparer),
            key=f"issue:{done.first:%Y-%m}",
            title=f"Issue {done.first:%B %Y}",
            total=len(ready),
        )
    _job(organization, job, wait, done)


def last_whole_month(organization: Organization, now_epoch: int) -> date:
    """The first day of the last month that has ended where the organization is."""
    today = from_epoch(now_epoch).astimezone(ZoneInfo(organization.time_zone)).date()
    return add_months(today.replace(day=1), -1)


__all__ = ["Closed", "JobFailed", "Month", "Wait", "ended_windows", "last_whole_month", "run_month", "two_billers"]
