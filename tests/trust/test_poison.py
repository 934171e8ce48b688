"""Jobs that crash, hoard or never end: dead after five attempts, nothing of theirs kept, everyone else's work unharmed."""

from __future__ import annotations

from lpo.accounts.models import Organization
from lpo.jobs.lease import MAX_ATTEMPTS
from lpo.jobs.models import Job
from lpo.jobs.queue import enqueue
from lpo.tenancy.context import in_organization
from tests import make
from tests.trust.conftest import Figure
from tests.trust.handlers import effects
from tests.trust.house import House, until
from tests.trust.sizes import sizes

POISONS = ("trust.crash", "trust.memory", "trust.loop")
LIMITS = {"LPO_JOB_SECONDS": "62", "LPO_JOB_MEMORY_MB": "600", "TRUST_LEASE": "1", "TRUST_PULSE": "0.5", "TRUST_QUIET": "1"}


@sizes("doses, others", (1, 20), (3, 100))
def test_poison_is_dead_after_five_attempts_and_harms_nobody(
    doses: int, others: int, house: House, alder: Organization, figure: Figure
) -> None:
    worker = house.worker(timing=LIMITS)
    with in_organization(alder.id):
        for n in range(others):
            enqueue("trust.once", {"n": n, "seconds": 0.02}, by=make.system())
            if n < doses:
                for kind in POISONS:
                    enqueue(kind, by=make.system())
    house.ready(worker)
    healthy = "SELECT count(*) FROM jobs_job WHERE kind = 'trust.once' AND state <> 'done'"
    seconds = until(lambda: house.one(healthy) == 0, 180, "poison stopped the others")
    sick = "SELECT count(*) FROM jobs_job WHERE kind <> 'trust.once' AND state <> 'dead'"
    until(lambda: house.one(sick) == 0, 60 + 60 * doses, "poison did not die")
    with in_organization(alder.id):
        dead = list(Job.objects.filter(state="dead"))
        done = effects()
    errors = {job.kind: job.error.splitlines()[0] for job in dead}
    tried = max(job.attempts for job in dead)
    figure(
        f"{len(dead)} poison jobs (crash, memory, endless loop) among {others}",
        f"all dead after {MAX_ATTEMPTS} attempts, {len(set(done))} of {others} others done after {seconds:.0f} s",
        "dead after 5 attempts, others unharmed",
        met=len(dead) == 3 * doses and len(set(done)) == others and tried <= MAX_ATTEMPTS + 1,
    )
    assert done == sorted(str(n) for n in range(others)), "and nothing of a poisoned attempt is kept"
    assert len(dead) == 3 * doses
    assert "process ended 5 times" in errors["trust.crash"]
    assert "MemoryError" in errors["trust.memory"]
    assert "SoftTimeLimitExceeded" in errors["trust.loop"]
    assert worker.poll() is None, "the worker itself lives on"
