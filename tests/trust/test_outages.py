"""Redis lost, PostgreSQL restarted, workers killed: work waits, then goes on, and every effect is there exactly once."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing

import pytest
from django.db import Error, connection

from engagements.models import WorkItem
from lpo.accounts.models import Organization
from lpo.embedded import process
from lpo.jobs.queue import enqueue
from lpo.tenancy.context import in_organization
from tests import make
from tests.trust.conftest import Figure
from tests.trust.handlers import effects
from tests.trust.house import House, Servers, pool_of, until
from tests.trust.sizes import sizes

LIVE = "SELECT count(*) FROM jobs_job WHERE state IN ('queued', 'running')"
SHORT = {"TRUST_LEASE": "2", "TRUST_PULSE": "1", "TRUST_QUIET": "1"}
REAL = {"TRUST_QUIET": "1"}
RUNNING = "SELECT id, fence, split_part(worker, ':', 2)::int FROM jobs_job WHERE state = 'running'"


def ask_for(organization: Organization, first: int, count: int, **payload: float) -> None:
    with in_organization(organization.id):
        for n in range(first, first + count):
            enqueue("trust.once", {"n": n, **payload}, by=make.system())


# --- Redis --------------------------------------------------------------------------------------------------------------------


def flush(servers: Servers, away: float) -> None:
    with servers.redis._client() as client:
        client.flushall()


def kill_redis(servers: Servers, away: float) -> None:
    number = servers.redis_process()
    os.kill(number, signal.SIGKILL)
    assert process.wait_until(lambda: not process.is_alive(number), 10)
    for path in servers.redis.data.rglob("*.aof"):
        path.unlink()  # nothing of the queue survives: the disk of Redis is lost as well


HARMS: dict[str, Callable[[Servers, float], None]] = {"flushed": flush, "killed and away": kill_redis}


@sizes("jobs, away, timing", (12, 2.0, SHORT), (200, 30.0, REAL))
@pytest.mark.parametrize("harm", HARMS)
def test_work_outlives_redis(
    harm: str, jobs: int, away: float, timing: dict[str, str], house: House, alder: Organization, figure: Figure
) -> None:
    house.ready(house.worker(timing=timing))
    ask_for(alder, 0, jobs, seconds=0.05)
    HARMS[harm](house.servers, away)
    begun = time.monotonic()
    ask_for(alder, jobs, 5)  # people go on working; only the wake-up is lost
    asking = time.monotonic() - begun
    if harm != "flushed":
        time.sleep(away)
        house.servers.redis.start()
    returned = time.monotonic()
    until(lambda: house.one(LIVE) == 0, 120, lambda: house.log()[-6000:])
    seconds = time.monotonic() - returned
    with in_organization(alder.id):
        done = effects()
    lost, doubled = jobs + 5 - len(set(done)), len(done) - len(set(done))
    figure(
        f"Redis {harm}" + (f" for {away:.0f} s" if harm != "flushed" else "") + f", {jobs + 5} jobs",
        f"{lost} lost, {doubled} doubled, all done {seconds:.0f} s after its return",
        "0 lost, all due work done within 60 s of return",
        met=(lost, doubled) == (0, 0) and seconds < 60,
    )
    assert done == sorted(str(n) for n in range(jobs + 5))
    assert seconds < 60
    assert asking < 10, "asking for work does not wait for a Redis that is away"


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------------


def restart_orderly(servers: Servers) -> None:
    servers.postgres.stop()


def kill_postgres(servers: Servers) -> None:
    number = servers.postmaster()
    os.kill(number, signal.SIGKILL)
    assert process.wait_until(lambda: not process.is_alive(number), 10)


class Load:
    """People who receive work: each item is a row, its first transition and an audit event, in one transaction."""

    def __init__(self, organization: Organization, workstream_id: int, people: int) -> None:
        self.organization, self.workstream_id = organization, workstream_id
        self.confirmed: list[str] = []
        self.refused = 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=[number]) for number in range(people)]
        for thread in self.threads:
            thread.start()

    def _work(self, person: int) -> None:
        from engagements.models import Workstream

        turn = 0
        while not self.stop.is_set():
            turn += 1
            try:
                with in_organization(self.organization.id):
                    item = make.item(Workstream.objects.get(pk=self.workstream_id), external_id=f"{person}-{turn}", state="delivered")
                self.confirmed.append(str(item.external_id))
            except Error:
                self.refused += 1
                connection.close()
                time.sleep(0.05)
        connection.close()

    def goes_on(self) -> None:
        written = len(self.confirmed)
        until(lambda: len(self.confirmed) > written, 30, "nobody could write again")

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(30)


def serve(house: House, port: int) -> None:
    """The web server as bin/run starts it."""
    command = [sys.executable, "-m", "gunicorn", "lpo.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "2"]
    house.start("web", [*command, "--no-control-socket", "--log-level", "warning"], LPO_DEBUG="1")


def answers(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/accounts/login/", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def free_port() -> int:
    import socket

    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


HALF_WRITTEN = """
SELECT count(*) FILTER (WHERE t.n IS DISTINCT FROM 2), count(*) FILTER (WHERE e.n IS DISTINCT FROM 2), count(*)
FROM engagements_workitem i
LEFT JOIN (SELECT item_id, count(*) n FROM engagements_transition GROUP BY 1) t ON t.item_id = i.id
LEFT JOIN (SELECT object_reference, count(*) n FROM audit_event WHERE action LIKE 'item.%' GROUP BY 1) e ON e.object_reference = i.reference
"""


@sizes("rounds, people, harms", (1, 3, ["killed"]), (5, 8, ["restarted", "killed"]))
def test_a_restart_of_postgres_under_load_leaves_nothing_half_written(
    rounds: int, people: int, harms: list[str], house: House, alder: Organization, figure: Figure
) -> None:
    port = free_port()
    serve(house, port)
    worker = house.worker(timing=SHORT)
    with in_organization(alder.id):
        stream = make.workstream()
    house.ready(worker)
    until(lambda: answers(port) == 200, 60, lambda: house.log("web"))
    load, slowest, asked = Load(alder, stream.id, people), 0.0, 0
    try:
        for turn in range(rounds):
            for harm in harms:
                ask_for(alder, asked, 10, seconds=0.02)
                asked += 10
                time.sleep(0.5)
                (restart_orderly if harm == "restarted" else kill_postgres)(house.servers)
                house.servers.postgres.start()
                connection.close()  # it went with the server
                begun = time.monotonic()
                until(lambda: answers(port) == 200, 30, "the pages did not come back")
                load.goes_on()
                slowest = max(slowest, time.monotonic() - begun)
                assert turn < rounds
    finally:
        load.end()
    until(lambda: house.one(LIVE) == 0, 90, lambda: house.log()[-6000:])

    connection.close()  # it went with the server
    ((without_transition, without_event, items),) = house.sql(HALF_WRITTEN)
    with in_organization(alder.id):
        done = effects()
        kept = set(WorkItem.objects.values_list("external_id", flat=True))
    lost = len(set(load.confirmed) - kept)
    figure(
        f"PostgreSQL restarted or killed {rounds * len(harms)} times under load",
        f"{without_transition + without_event} partial writes among {items} items, {lost} confirmed ones lost, back within {slowest:.1f} s",
        "no partial writes, service back within 10 s",
        met=(without_transition, without_event, lost) == (0, 0, 0) and slowest < 10,
    )
    assert (without_transition, without_event, lost) == (0, 0, 0)
    assert load.refused > 0, "the restart was to hit somebody in the middle"
    assert done == sorted(str(n) for n in range(asked)), "jobs went on, each once"
    assert slowest < 10


# --- workers ------------------------------------------------------------------------------------------------------------------


@sizes("rounds, jobs, timing, allowed", (1, 8, SHORT, 15.0), (6, 12, REAL, 45.0))
def test_work_of_a_dead_worker_is_resumed(
    rounds: int, jobs: int, timing: dict[str, str], allowed: float, house: House, alder: Organization, figure: Figure
) -> None:
    """Two workers share the work; one is gone, with its whole pool, in the middle of its chunks; the other takes over."""
    waits: list[float] = []
    pair = [house.worker(f"w{n}", concurrency=jobs, timing=timing) for n in range(2)]
    house.ready(*pair)
    for turn in range(rounds):
        with in_organization(alder.id):
            for n in range(jobs):
                enqueue("trust.steps", {"n": turn * jobs + n, "count": 20, "seconds": 0.2}, by=make.system())
        until(lambda: house.one("SELECT count(*) FROM jobs_job WHERE state = 'running'") == jobs, 60, "not all began")
        victim = pair.pop(0)
        fences = {number: fence for number, fence, pid in house.sql(RUNNING) if pid in pool_of(victim)}
        house.kill(victim)
        waits += resumed_after(house, fences)
        if turn + 1 < rounds:
            pair.append(house.worker(f"w{turn + 2}", concurrency=jobs, timing=timing))
        until(lambda: house.one(LIVE) == 0, 120, "the work was not finished")
        house.ready(*pair)
    with in_organization(alder.id):
        done = effects()
    assert waits, "the killed worker was to have work"
    p95 = statistics.quantiles(waits, n=20, method="inclusive")[-1] if len(waits) > 1 else waits[0]
    figure(
        f"work of {rounds} killed workers, {len(waits)} jobs in flight",
        f"resumed after {statistics.median(waits):.0f} s (median), {p95:.0f} s (p95)",
        "within 45 s (p95)",
        met=p95 <= 45,
    )
    assert done == sorted(f"{n}.{step}" for n in range(rounds * jobs) for step in range(20)), "each step has its effect once"
    assert p95 < allowed


def resumed_after(house: House, fences: dict[int, int]) -> list[float]:
    """Seconds from now until each of the jobs has been claimed again."""
    begun, waits, waiting = time.monotonic(), [], dict(fences)
    while waiting:
        assert time.monotonic() - begun < 150, f"{len(waiting)} jobs were not taken over"
        for number, fence in house.sql("SELECT id, fence FROM jobs_job WHERE id = ANY(%s)", list(waiting)):
            if fence > fences[number]:
                waits.append(time.monotonic() - begun)
                del waiting[number]
        time.sleep(0.1)
    return waits
