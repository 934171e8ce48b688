"""Worker processes for tests that kill them: `python -m tests.jobs.victim ORGANIZATION JOB`.

Imports everything once; each line on its standard input forks a worker and is answered with its process id. Leases are short here
so that the test need not wait half a minute after each kill.
"""

from __future__ import annotations

import os
import sys
import time

import django

django.setup()

from lpo.jobs import lease, registry  # noqa: E402
from lpo.jobs.runner import run_job  # noqa: E402
from tests.jobs import handlers  # noqa: E402

lease.LEASE_SECONDS = 1
lease.RENEW_SECONDS = 0.3
assert handlers.steps is not None


def work(organization_id: int, job_id: int) -> None:
    deadline = time.monotonic() + 30
    while not run_job(organization_id, job_id) and time.monotonic() < deadline:
        time.sleep(0.02)


if __name__ == "__main__":
    registry.schedules()  # every room's handlers are imported before anything is claimed
    for _ in sys.stdin:
        process = os.fork()
        if process == 0:
            work(int(sys.argv[1]), int(sys.argv[2]))
            os._exit(0)
        print(process, flush=True)  # noqa: T201
        os.waitpid(process, 0)
