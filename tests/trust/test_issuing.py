"""Invoices are issued once, in an unbroken row of numbers, whoever is killed and however many ask at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from django.db import connection

from billing import actions as billing
from billing.models import Invoice
from billing.verify import verify
from lpo.accounts.models import Organization
from lpo.core.errors import Refused
from lpo.jobs.models import Job
from lpo.jobs.queue import enqueue
from lpo.tenancy.context import in_organization
from tests import make
from tests.trust import months
from tests.trust.conftest import Figure
from tests.trust.house import House, pool_of
from tests.trust.sizes import sizes

ROUND = 60
HURRY = {"TRUST_LEASE": "1", "TRUST_PULSE": "0.5", "TRUST_QUIET": "1"}


@dataclass
class Assassin:
    """Kills pool processes of a worker, and sometimes the worker itself, at random moments while a run is under way."""

    house: House
    kills: int
    done: int = 0
    worker: subprocess.Popen[bytes] | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - moments, no secrets

    def work_off(self, organization: Organization) -> None:
        """Until nothing is left to do, killing all the while."""
        deadline = time.monotonic() + 600
        while self._left(organization):
            assert time.monotonic() < deadline, self.house.log()[-3000:]
            if self.worker is None:
                self.worker = self.house.worker(timing=HURRY)
                self.house.ready(self.worker)
            time.sleep(self.chance.uniform(0.02, 0.4))
            if self.done < self.kills:
                self._strike(organization)

    def _strike(self, organization: Organization) -> None:
        assert self.worker is not None
        busy = self.house.sql(
            "SELECT split_part(worker, ':', 2)::int FROM jobs_job WHERE state = 'running' AND lease_until > clock_timestamp()"
        )
        victims = [pid for (pid,) in busy if pid in pool_of(self.worker)]
        if not victims:
            return
        self.done += 1
        if self.done % 25 == 0:
            self.house.kill(self.worker)
            self.worker = None
        else:
            os.kill(self.chance.choice(victims), signal.SIGKILL)

    def _left(self, organization: Organization) -> bool:
        return bool(self.house.one("SELECT count(*) FROM jobs_job WHERE state IN ('queued', 'running')"))


@sizes("kills, size", (5, 8), (200, ROUND))
def test_invoices_issued_under_sigkill_are_neither_doubled_nor_missing(
    kills: int, size: int, house: House, alder: Organization, figure: Figure
) -> None:
    assassin, issued = Assassin(house, kills), 0
    while assassin.done < kills:
        with in_organization(alder.id):
            keys = [invoice.id for invoice in months.approved(size)]
            enqueue("billing.issue_month", {"month": "2025-01-01", "invoices": keys}, by=make.system())
        assassin.work_off(alder)
        issued += size

    with in_organization(alder.id):
        invoices = list(Invoice.objects.order_by("id"))
        assert {invoice.state for invoice in invoices} == {"issued"}
        numbers = sorted(int(invoice.number.rsplit("-", 1)[1]) for invoice in invoices)
        assert list(Job.objects.exclude(state="done").values_list("kind", "state", "error")) == []
        verdicts = list(verify())
        assert [verdict for verdict in verdicts if verdict.differences] == []
    told = Counter(number for (number,) in house.sql("SELECT after->>'number' FROM audit_event WHERE action = 'invoice.issue'"))
    files = Counter(number for (number,) in house.sql("SELECT reference FROM audit_document WHERE kind = 'invoice_pdf'"))
    everyone = Counter(invoice.number for invoice in invoices)
    lost = issued - len(invoices)
    gaps = len(set(range(1, issued + 1)) - set(numbers))
    doubled = sum(n - 1 for n in Counter(numbers).values())
    figure(
        f"invoices issued under {kills} kills of worker processes",
        f"{doubled} duplicates, {gaps} gaps, {lost} lost among {issued} invoices and PDFs",
        "0 duplicates, 0 gaps, 0 lost in 200 kills",
        met=(doubled, gaps, lost) == (0, 0, 0) and told == files == everyone,
    )
    assert numbers == list(range(1, issued + 1))
    assert told == everyone, "each issue is recorded once"
    assert files == everyone, "each invoice has one PDF"


@sizes("clients, drafts", (8, 6), (50, 50))
def test_many_who_issue_the_same_draft_get_one_number(clients: int, drafts: int, house: House, alder: Organization, figure: Figure) -> None:
    with in_organization(alder.id):
        approved = months.approved(drafts)
    crowd = threading.Barrier(clients)

    def issue_all() -> list[str]:
        """One client of fifty: its own connection, every draft in turn, at the same moment as everyone else."""
        said = []
        try:
            for invoice in approved:
                crowd.wait(60)
                with in_organization(alder.id):
                    try:
                        said.append(billing.issue_invoice(invoice=invoice, by=make.system()).number)
                    except Refused as refusal:
                        said.append(f"refused: {refusal.message}")
        finally:
            connection.close()
        return said

    with ThreadPoolExecutor(clients) as pool:
        answers = list(zip(*[asked.result() for asked in [pool.submit(issue_all) for _ in range(clients)]], strict=True))

    numbers = sorted(house.sql("SELECT number FROM billing_invoice WHERE state = 'issued'"))
    events = house.one("SELECT count(*) FROM audit_event WHERE action = 'invoice.issue'")
    same = sum(len({word for word in said if not word.startswith("refused")}) == 1 for said in answers)
    counter = house.one("SELECT last_number FROM billing_numberseries")
    figure(
        f"{clients} clients issue the same draft, {drafts} times",
        f"{len(numbers)} issued once, last number {counter}, {same} of {drafts} with one answer for all",
        "1 success, the rest the same result or 409; no gap",
        met=len(numbers) == events == same == counter == drafts,
    )
    assert len(numbers) == events == counter == drafts
    assert same == drafts
    assert [int(number.rsplit("-", 1)[1]) for (number,) in numbers] == list(range(1, drafts + 1))


def test_an_invoice_number_is_never_drawn_outside_the_issuing_transaction(house: House, alder: Organization) -> None:
    """A refused issue gives its number back."""
    with in_organization(alder.id):
        (invoice,) = months.approved(1)
    house.sql("UPDATE billing_invoice SET gross = gross + 1, net = net + 1 WHERE id = %s", invoice.id)
    with in_organization(alder.id), pytest.raises(Refused):
        billing.issue_invoice(invoice=invoice, by=make.system())
    assert house.sql("SELECT last_number FROM billing_numberseries") in ([], [(0,)])
