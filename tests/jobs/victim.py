"""A worker process for tests that kill it: `python -m tests.jobs.victim ORGANIZATION JOB`, then a line on its standard input.

Leases are short here so that the test need not wait half a minute after each kill.
"""

from __future__ import annotations

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
registry.schedules()  # every room's handlers are imported before the job is claimed

organization_id, job_id = int(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)  # noqa: T201
sys.stdin.readline()
deadline = time.monotonic() + 30
while not run_job(organization_id, job_id) and time.monotonic() < deadline:
    time.sleep(0.02)
