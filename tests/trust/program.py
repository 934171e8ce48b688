"""The Celery worker of the house: `python -m tests.trust.program worker …`, the product's own with this room's jobs beside it.

Leases, pulses and the rows of a transaction may be made smaller by the environment, so that a small check need not wait out a
real lease or fill a real transaction.
"""

from __future__ import annotations

import os
import sys

import django

django.setup()

import lpo.celery as entrance  # noqa: E402
from engagements.actions import item_checks  # noqa: E402
from lpo.jobs import lease, registry  # noqa: E402
from lpo.jobs.broker import PULSE  # noqa: E402
from tests.trust import handlers  # noqa: E402

if "TRUST_LEASE" in os.environ:
    lease.LEASE_SECONDS = float(os.environ["TRUST_LEASE"])  # type: ignore[assignment]
    lease.RENEW_SECONDS = lease.LEASE_SECONDS / 3
    lease.LONGEST_BACK_OFF_SECONDS = 1
if "TRUST_PULSE" in os.environ:
    pulse = float(os.environ["TRUST_PULSE"])
    entrance.app.conf.beat_schedule = {"pulse": {"task": PULSE, "schedule": entrance.Steady(pulse)}}
    entrance.app.conf.beat_max_loop_interval = pulse
if "TRUST_ROWS" in os.environ:
    item_checks.ROWS_AT_ONCE = int(os.environ["TRUST_ROWS"])
if os.environ.get("TRUST_QUIET") == "1":
    registry.schedules()
    registry._schedules.clear()  # nothing but what the test asks for
assert handlers.effects is not None

if __name__ == "__main__":
    entrance.app.start(argv=["--quiet", *sys.argv[1:], "--loglevel", "INFO", "--without-gossip", "--without-mingle"])
