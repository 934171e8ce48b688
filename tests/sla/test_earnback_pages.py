"""Earning a credit back as the provider and the client read it: both windows, the scorecard, the ledger, the form and the API."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from engagements.models import Client
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from sla import actions
from sla.models import Attainment, CreditClaim
from sla.verify import verify
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import words

pytestmark = pytest.mark.django_db
MONTHS = ("2026-09", "2026-10")
PORTAL = "/alder/portal/van/levels/nda-turnaround/"


@pytest.fixture
def reference(alder: Organization, vantic: Client, now: WallClock) -> str:
    """September at 50 %, October at 100 %: published is September. The engagement's reference."""
    now.is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        engagement = base.engagement(vantic)
        stream = base.workstream(base.matter(engagement), item_prefix="NDA")
        level = make.level(stream, earn_back_percent=Decimal(98), earn_back_windows=1)
        for month, late in (("2026-09", "15"), ("2026-09", "05"), ("2026-10", "05")):
            make.item(stream, f"{month}-05 09:00", delivered=f"{month}-{late} 15:00")
        paused = make.item(stream, "2026-10-26 09:00", paused=[("2026-10-26 10:00", "2026-10-28 10:00")], delivered="2026-10-28 11:00")
        assert paused.pk
        make.counted(level)
        for month in MONTHS:
            start = new_york(f"{month}-01 00:00")
            actions.close_window(level=level.level, window_start=start, by=base.system(), publish=month == MONTHS[0])
        return str(engagement.reference)


def test_both_windows_the_scorecard_and_the_ledger_say_it(reference: str, olga: Membership, client_of: Callable[..., Any]) -> None:
    browser = client_of(olga)
    missed = words(browser.get("/alder/service-levels/NDA/1/2026/9/").content)
    assert "The credit of 5 % for September 2026 is earned back: October 2026 reached 98 %." in missed
    assert "October 2026 reached it (2 of 2 = 100.00 %)" in missed
    helped = words(browser.get("/alder/service-levels/NDA/1/2026/10/").content)
    assert "With this window the credit of 5 % for September 2026 is earned back." in helped
    scorecard = words(browser.get(f"/alder/engagements/{reference}/scorecard/?period=2026-09").content)
    assert "earned back, provisional" in scorecard
    assert "NDA turnaround, September 2026: its 5 % earned back" in words(browser.get("/alder/contest-ledger/").content)


def test_the_client_reads_figures_of_published_windows_alone(
    alder: Organization, reference: str, carla: Membership, client_of: Callable[..., Any]
) -> None:
    browser = client_of(carla)
    text = words(browser.get(f"{PORTAL}2026-09/").content)
    assert "October 2026: not published yet" in text and "2 of 2" not in text
    with in_organization(alder.id):
        actions.publish_attainment(attainment=Attainment.objects.get(label="October 2026"), by=base.system())
    text = words(browser.get(f"{PORTAL}2026-09/").content)
    assert "October 2026: 2 of 2 = 100.00 %" in text
    assert "is earned back: October 2026 reached 98 % (provisional" in text
    assert "The credit for “NDA turnaround”, September 2026" in words(browser.get(f"{PORTAL}2026-10/").content)


def test_verify_finds_a_credit_given_back_without_ground(alder: Organization, reference: str) -> None:
    with in_organization(alder.id):
        assert all(finding.identical for finding in verify())
        earned = CreditClaim.objects.get(percent=0)
        CreditClaim.objects.filter(pk=earned.pk).update(state="withdrawn")
        assert earned.replaces_id is not None
        CreditClaim.objects.filter(pk=earned.replaces_id).update(state="final")
        told = [finding.detail for finding in verify() if not finding.identical]
        assert told == ["was earned back by October 2026, and still stands"]


def test_the_form_takes_the_terms_and_refuses_a_target_that_is_none(
    alder: Organization, vantic: Client, olga: Membership, client_of: Callable[..., Any]
) -> None:
    with in_organization(alder.id):
        base.workstream(base.matter(base.engagement(vantic)), item_prefix="NDA")
    browser, path = client_of(olga), "/alder/service-levels/new/NDA/turnaround/"
    form = {
        "name": "Turnaround", "effective_from": "2026-10-01", "expected_percent": "95", "amount": "24", "unit": "elapsed",
        "window": "month", "time_zone": "America/New_York", "credit_percent": "5", "decides": "first",
        "earn_back_percent": "98", "earn_back_windows": "3",
    }  # fmt: skip
    read_back = words(browser.post(path, {**form, "do": "preview"}).content)
    assert "It is given back once each of the next 3 months reaches 98 %." in read_back
    assert "A month missed, each of the next 3 at 98.00 % Its credit is given back" in read_back
    wrong = browser.post(path, {**form, "earn_back_percent": "95", "do": "save"})
    assert (wrong.status_code, "An earn-back target lies above the share promised" in words(wrong.content)) == (422, True)
    assert browser.post(path, {**form, "do": "save"}).status_code == 302
