"""Where the real event log is, if it is at hand: the closed problems of the BPI Challenge 2013. It is not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings

LOG = Path(os.environ.get("LPO_EVENT_LOG") or Path(settings.BASE_DIR).parent / "shared" / "data" / "bpi2013_closed_problems.csv")
MAPPING = {
    "columns": {"item": "case_id", "at": "timestamp", "status": "status", "sub_status": "sub_status", "priority": "impact"},
    "statuses": {
        "Queued/Awaiting Assignment": "received",
        "Accepted/Assigned": "assigned",
        "Accepted/In Progress": "in_review",
        "Accepted/Wait": {"becomes": "paused", "party": "client", "reason": "information"},
        "Completed/Closed": "delivered",
        "Completed/Cancelled": "cancelled",
    },
    "zone": "Europe/Stockholm",
}
needed = pytest.mark.skipif(not LOG.exists(), reason="no event log at hand; LPO_EVENT_LOG names one")
