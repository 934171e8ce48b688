"""A closed window measured anew: a revision beside the old one, with what changed, why, and what becomes of its credit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from engagements import actions as work
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from sla import actions
from sla.models import Attainment, AttainmentRow, Clock, CreditClaim, ServiceLevelVersion
from sla.verify import verify
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import SignIn, words

pytestmark = pytest.mark.django_db

OCTOBER = new_york("2026-10-01 00:00")


def closed_october(now: WallClock, *, late: int = 2) -> ServiceLevelVersion:
    """18 met and `late` missed: 90 % against 95 %, closed on 2 November."""
    now.is_at("2026-11-02 12:00")
    level = make.level(base.workstream(item_prefix="NDA"))
    for _ in range(18):
        make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    for _ in range(late):
        make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-07 15:00")
    make.counted(level)
    actions.close_window(level=level.level, window_start=OCTOBER, by=base.system(), publish=True)
    return level


def excluded(level: ServiceLevelVersion, reference: str) -> None:
    item = Clock.objects.select_related("item").get(item__reference=reference).item
    actions.exclude_item(level=level.level, item=item, reason="Sent in a format outside the scope", by=base.system())


def restated(level: ServiceLevelVersion, reason: str = "Two items were out of scope") -> Attainment:
    return actions.restate_window(level=level.level, window_start=OCTOBER, reason=reason, by=base.system())


def states() -> list[tuple[Decimal, str]]:
    return [(claim.percent, claim.state) for claim in CreditClaim.objects.order_by("id")]


def test_a_restatement_is_a_revision_beside_the_first_and_says_row_by_row_what_changed(in_alder: Scope, now: WallClock) -> None:
    level = closed_october(now)
    first = Attainment.objects.get()
    kept = (first.snapshot_sha256, list(AttainmentRow.objects.order_by("id").values_list("item_reference", "outcome")))
    excluded(level, "NDA-0019")
    second = restated(level)
    assert (second.revision, second.numerator, second.denominator, second.excluded, second.met) == (2, 18, 19, 1, False)
    restates = (second.snapshot or {})["restates"]
    assert (restates["revision"], restates["sha256"], restates["reason"]) == (1, kept[0], "Two items were out of scope")
    (change,) = restates["changed"]
    assert (change["reference"], change["was"][0]["outcome"], change["is"][0]["outcome"]) == ("NDA-0019", "missed", "excluded")
    first.refresh_from_db()
    assert (
        first.snapshot_sha256,
        list(AttainmentRow.objects.filter(attainment=first).order_by("id").values_list("item_reference", "outcome")),
    ) == kept
    assert (first.published_at is not None, second.published_at) == (True, None)
    assert all(finding.identical for finding in verify())


def test_a_claim_that_comes_to_the_same_stands(in_alder: Scope, now: WallClock) -> None:
    level = closed_october(now)
    excluded(level, "NDA-0019")
    restated(level)
    assert states() == [(Decimal(5), "provisional")]


def test_a_provisional_claim_gives_way_at_once_to_none(in_alder: Scope, now: WallClock) -> None:
    level = closed_october(now)
    for reference in ("NDA-0019", "NDA-0020"):
        excluded(level, reference)
    assert restated(level).met is True
    assert states() == [(Decimal(5), "withdrawn"), (Decimal(0), "provisional")]


def test_a_final_claim_stands_until_the_restatement_can_no_longer_be_contested(in_alder: Scope, now: WallClock) -> None:
    level = closed_october(now)
    now.is_at("2026-11-20 12:00")
    actions.finalize_claims(by=base.system(), now=new_york("2026-11-20 12:00"))
    for reference in ("NDA-0019", "NDA-0020"):
        excluded(level, reference)
    restated(level)
    assert states() == [(Decimal(5), "final"), (Decimal(0), "provisional")]
    successor = CreditClaim.objects.latest("id")
    assert successor.contestable_until is not None
    actions.finalize_claims(by=base.system(), now=successor.contestable_until + timedelta(seconds=1))
    assert states() == [(Decimal(5), "withdrawn"), (Decimal(0), "final")]


def test_a_clock_that_belongs_elsewhere_leaves_the_window_it_was_closed_in(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    level = make.level(base.workstream(item_prefix="NDA"))
    make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    late = make.item(level.level.workstream, "2026-10-30 09:00")
    make.counted(level)
    first = actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())
    assert (first.numerator, first.denominator) == (1, 2)
    work.pause_item(item=late, by=base.system(), party="client", reason="information", note="asked", at=new_york("2026-10-30 10:00"))
    work.resume_item(item=late, by=base.system(), at=new_york("2026-11-01 10:00"))
    assert Clock.objects.get(item=late).window_start == OCTOBER  # nothing late is absorbed
    second = restated(level, "The client's answer came on 1 November")
    (change,) = (second.snapshot or {})["restates"]["changed"]
    assert (change["reference"], change["is"]) == (late.reference, None)
    assert (second.numerator, second.denominator) == (1, 1)
    assert Clock.objects.get(item=late).window_start == new_york("2026-11-01 00:00")
    make.counted(level)
    assert all(finding.identical for finding in verify())


def test_nothing_is_restated_without_a_reason_or_a_difference_or_by_whoever_may_not(
    in_alder: Scope, now: WallClock, rita: Membership
) -> None:
    level = closed_october(now)
    with pytest.raises(Refused, match="Nothing differs"):
        restated(level)
    assert Attainment.objects.count() == 1
    excluded(level, "NDA-0019")
    with pytest.raises(Refused, match="Say why"):
        restated(level, "  ")
    with pytest.raises(NotPermitted):
        actions.restate_window(level=level.level, window_start=OCTOBER, reason="because", by=Actor.member(rita))
    with pytest.raises(Refused, match="Only a closed window"):
        actions.restate_window(level=level.level, window_start=new_york("2026-11-01 00:00"), reason="because", by=base.system())


def test_the_page_shows_what_differs_and_the_reason_afterwards(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    with in_organization(alder.id):
        level = closed_october(now)
        excluded(level, "NDA-0019")
    browser, here = client_of(asha), "/alder/service-levels/NDA/1/2026/10/"
    assert "The records changed since this window was closed" in words(browser.get(here).content)
    asked = words(browser.get(here + "restate/").content)
    assert "NDA-0019: outcome missed was frozen, the facts now say excluded" in asked
    refused = browser.post(here + "restate/", {"confirmation": "RESTATE 2026-10", "reason": ""})
    assert refused.status_code == 422
    assert "Say why the window is restated" in words(refused.content)
    assert browser.post(here + "restate/", {"confirmation": "RESTATE 2026-10", "reason": "Out of scope"}).status_code == 302
    page = words(browser.get(here).content)
    assert "Revision 2: what it changed Out of scope" in page
    assert "missed" in page
    assert "excluded" in page
