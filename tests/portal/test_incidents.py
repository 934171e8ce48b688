"""One incident under two levels as the client reads it: of published windows alone."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from engagements.models import Client
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from sla import actions
from sla.models import Attainment, CreditClaim, ServiceLevelVersion
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import words

pytestmark = pytest.mark.django_db
OCTOBER = new_york("2026-10-01 00:00")
SLOW, FAST = "/alder/portal/van/levels/slow/2026-10/", "/alder/portal/van/levels/fast/2026-10/"

LEDGER = "/alder/portal/van/contest-ledger/"


@pytest.fixture
def claims(alder: Organization, vantic: Client, monkeypatch: pytest.MonkeyPatch) -> list[CreditClaim]:
    """Two windows that missed NDA-0001, closed; the first is published."""
    WallClock(monkeypatch).is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        stream = base.workstream(base.matter(base.engagement(vantic)), item_prefix="NDA")
        levels: list[ServiceLevelVersion] = [
            make.level(stream, name=name, target=target * 3600, credit_percent=Decimal(percent))
            for name, target, percent in (("slow", 24, 5), ("fast", 48, 3))
        ]
        make.item(stream, "2026-10-05 09:00", delivered="2026-10-15 09:00")
        for level in levels:
            make.counted(level)
            actions.close_window(level=level.level, window_start=OCTOBER, by=base.system(), publish=level is levels[0])
        return list(CreditClaim.objects.order_by("id"))


def test_a_window_that_is_not_published_is_not_named_beside_the_one_that_is(
    alder: Organization, claims: list[CreditClaim], carla: Membership, client_of: Callable[..., Any]
) -> None:
    browser = client_of(carla)
    assert "fast" not in words(browser.get(SLOW).content)
    assert "your choice" not in words(browser.get(LEDGER).content)
    with in_organization(alder.id):
        actions.publish_attainment(attainment=Attainment.objects.get(pk=claims[1].attainment_id), by=base.system())
    text = words(browser.get(SLOW).content).replace("&#x27;", "'")
    assert "This credit and that of “fast”, October 2026 (3 %) share NDA-0001." in text
    assert "your choice. If you say nothing until 16 Nov 2026, the larger stands." in text
    assert FAST in browser.get(SLOW).content.decode()
    assert "“slow”, October 2026 (5 %) and “fast”, October 2026 (3 %) share NDA-0001." in words(browser.get(LEDGER).content)


def test_the_client_reads_which_credit_is_paid_and_on_whose_word(
    alder: Organization, claims: list[CreditClaim], carla: Membership, client_of: Callable[..., Any]
) -> None:
    one, other = claims
    with in_organization(alder.id):
        actions.choose_credit(claim=other, among=[one.pk, other.pk], by=base.system())
    browser = client_of(carla)
    text = words(browser.get(SLOW).content).replace("&#x27;", "'")
    assert "Not paid: one incident over NDA-0001, one credit, and another level's is paid: the client chose it on 2 Nov 2026" in text
    assert "Paid instead" not in text  # that window is not published
    with in_organization(alder.id):
        actions.publish_attainment(attainment=Attainment.objects.get(pk=other.attainment_id), by=base.system())
    assert "Paid instead: “fast”, October 2026" in words(browser.get(SLOW).content)
    assert "Paid for the incident: the client chose it on 2 Nov 2026" in words(browser.get(FAST).content)
