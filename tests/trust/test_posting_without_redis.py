"""A person posts while Redis is away: the page answers with the thing saved, and the work is done when Redis is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from billing.models import Invoice
from engagements.models import ImportBatch
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from tests import make
from tests.billing import make as bills
from tests.trust.house import House, until
from tests.trust.test_outages import LIVE, SHORT, kill_redis

TRACKER = "id,name,received\nA-1,Mutual NDA,2026-10-06 10:00\nA-2,Lease,2026-10-07 11:00\n"
COLUMNS = {
    "column-external_id": "id",
    "column-title": "name",
    "column-received_at": "received",
    "zone": "America/New_York",
    "dates": "iso",
}


def test_what_was_posted_is_saved_at_once_and_done_later(
    house: House, alder: Organization, asha: Membership, bill: Membership, client_of: Callable[[Membership], Browser]
) -> None:
    with in_organization(alder.id):
        stream = make.workstream(make.matter(make.engagement(starts_on=date(2026, 9, 1))), item_prefix="NDA")
        bills.term(bills.engagement_of(stream), "fixed", "2500")
    biller, manager = client_of(bill), client_of(asha)
    house.ready(house.worker(timing=SHORT))
    kill_redis(house.servers, 0)

    begun = time.monotonic()
    assert biller.post("/alder/invoices/run/draft/", {"month": "2026-10"}).status_code == 302
    here = f"/alder/matters/{stream.matter.reference}/NDA/imports/"
    file = SimpleUploadedFile("tracker.csv", TRACKER.encode(), content_type="text/csv")
    assert manager.post(f"{here}new/items/", {"file": file, "source": "tracker", "encoding": "utf-8"}).status_code == 302
    assert manager.post(f"{here}1/mapping/", COLUMNS).status_code == 302
    assert time.monotonic() - begun < 10, "nobody waits for a Redis that is away"
    assert "Drafts of October 2026" in biller.get("/alder/invoices/run/?month=2026-10").content.decode()
    assert "Checking" in manager.get(f"{here}1/").content.decode()

    house.servers.redis.start()
    until(lambda: house.one(LIVE) == 0, 60, lambda: house.log()[-6000:])
    with in_organization(alder.id):
        assert Invoice.objects.get().gross == 2500
        batch = ImportBatch.objects.get()
    assert (batch.state, batch.counts["new"]) == ("preview", 2), batch.problem
