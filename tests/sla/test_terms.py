"""Terms beside the bare percentage, from the form through closed windows to the claim: low volume, a minimum, pools."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engagements import actions as work
from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch
from lpo.tenancy.context import Scope, in_organization
from sla import actions, counting
from sla.clockrows import FEW
from sla.models import Attainment, Clock, CreditClaim, ServiceLevelVersion
from sla.verify import verify
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import SignIn, words

pytestmark = pytest.mark.django_db


def window(level: ServiceLevelVersion, month: int) -> Attainment:
    found: Attainment = Attainment.objects.filter(level_id=level.level_id, window_start=new_york(f"2026-{month:02d}-01 00:00")).latest(
        "revision"
    )
    return found


def worked(level: ServiceLevelVersion, month: int, *, met: int, missed: int) -> None:
    for _ in range(met):
        make.item(level.level.workstream, f"2026-{month:02d}-05 09:00", delivered=f"2026-{month:02d}-05 15:00")
    for _ in range(missed):
        make.item(level.level.workstream, f"2026-{month:02d}-05 09:00", delivered=f"2026-{month:02d}-08 15:00")


def close(level: ServiceLevelVersion, month: int) -> Attainment:
    make.counted(level)
    return actions.close_window(level=level.level, window_start=new_york(f"2026-{month:02d}-01 00:00"), by=base.system())


def test_a_small_month_is_judged_with_its_quarter_and_its_claim_says_so(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-02 12:00")
    level = make.level(roll_up_below=5)
    worked(level, 7, met=3, missed=1)
    worked(level, 8, met=6, missed=0)
    worked(level, 9, met=4, missed=0)
    make.counted(level)
    july, august, september = (window(level, month) for month in (7, 8, 9))
    assert (july.met, july.basis) == (None, "rolled_up")
    assert (august.met, august.basis) == (True, "fraction")  # six were counted: it stands for itself
    assert (september.met, september.basis, september.carried_numerator, september.carried_denominator) == (False, "combined", 3, 4)
    with pytest.raises(Refused, match="Close July 2026 first"):
        close(level, 9)
    assert close(level, 7).met is None
    close(level, 8)
    close(level, 9)
    claim = CreditClaim.objects.get()
    assert claim.attainment.label == "September 2026"
    assert "7 of 8 = 87.50 % against 95 %" in claim.formula
    assert all(finding.identical for finding in verify())


def test_a_rolled_up_month_is_judged_although_nothing_happens_in_the_quarters_last(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-08-20 12:00")
    level = make.level(roll_up_below=5)
    worked(level, 7, met=1, missed=1)
    make.counted(level)
    assert counting.unjudged(new_york("2026-08-20 12:00")) == []
    now.is_at("2026-09-03 12:00")
    ((level_id, start),) = counting.unjudged(new_york("2026-09-03 12:00"))
    counting.count_window(level_id, from_epoch(start), new_york("2026-09-03 12:00"))
    september = window(level, 9)
    assert (september.met, september.denominator, september.carried_denominator) == (False, 0, 2)
    # A correction in July is judged anew in September.
    worked(level, 7, met=38, missed=0)
    make.counted(level)
    assert window(level, 7).basis == "fraction"
    assert window(level, 9).met is None


def test_between_minimum_and_expected_the_fourth_miss_in_a_year_earns_the_credit(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-09-02 12:00")
    level = make.level(minimum_percent=Decimal(70))
    for month in (4, 5, 6, 7):
        worked(level, month, met=8, missed=2)
    worked(level, 8, met=6, missed=4)
    for month in (4, 5, 6, 7, 8):
        close(level, month)
    claims = {claim.attainment.label: claim.inputs["default"] for claim in CreditClaim.objects.select_related("attainment")}
    assert claims == {
        "July 2026": "The 4th miss in twelve months: a default.",
        "August 2026": "Below the minimum of 70 %: a default at once.",
    }
    assert (window(level, 4).snapshot or {})["verdict"]["default"].startswith("No credit: the 1st miss in twelve months")
    assert all(finding.identical for finding in verify())


def test_a_pool_and_its_allocation_are_shares_of_the_amount_at_risk(in_alder: Scope, now: WallClock) -> None:
    """50 % × 40 % × 10 % at risk: 2 % of the credit base, 2,000 of 100,000."""
    now.is_at("2026-11-02 12:00")
    stream = base.workstream()
    level = make.level(stream, credit_percent=Decimal(0), pool_percent=Decimal(50), allocation_percent=Decimal(40))
    worked(level, 10, met=1, missed=1)
    close(level, 10)
    claim = CreditClaim.objects.get()
    assert claim.percent == 2
    assert claim.formula.startswith("50 % × 40 % × 10 % of the credit base for October 2026: 1 of 2 = 50.00 % against 95 %")


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"minimum_percent": Decimal(95)}, "minimum_percent"),
        ({"pool_percent": Decimal(50)}, "allocation_percent"),
        ({"pool_percent": Decimal(50), "allocation_percent": Decimal(40)}, "pool_percent"),  # beside a credit of 5 %
        ({"importance": "key"}, "importance"),
        ({"allowed_misses": [[9, 1], [5, 2]]}, "allowed_misses"),
        ({"allowed_misses": [[1, 1]]}, "allowed_misses"),
        ({"window": "quarter", "roll_up_below": 5}, "roll_up_below"),
    ],
)
def test_terms_that_contradict_themselves_are_refused_at_their_field(in_alder: Scope, terms: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        make.level(**terms)
    assert refused.value.field == field


def test_the_form_takes_the_terms_and_reads_them_back_with_their_cases(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-12 15:00")
    with in_organization(alder.id):
        base.workstream(item_prefix="NDA")
    form = {
        "name": "NDA turnaround", "effective_from": "2026-11-01", "expected_percent": "95", "amount": "24", "unit": "elapsed",
        "window": "month", "time_zone": "America/New_York", "decides": "first", "pool_percent": "50", "allocation_percent": "40",
        "allowed_misses": "9: 1, 19: 2", "roll_up_below": "5", "no_credit_below": "3", "minimum_percent": "90", "importance": "critical",
    }  # fmt: skip
    browser, path = client_of(asha), "/alder/service-levels/new/NDA/turnaround/"
    read_back = words(browser.post(path, {**form, "do": "preview"}).content)
    assert "the misses allowed are 1 with up to 9 counted, 2 with up to 19 counted" in read_back
    assert "credit of 50 % × 40 % of the amount at risk" in read_back
    assert "2 missed of 9 counted Missed: 1 allowed" in read_back
    assert "Below the minimum of 90 %: a default at once." in read_back
    wrong = browser.post(path, {**form, "allowed_misses": "nine: 1", "do": "save"})
    assert wrong.status_code == 422
    assert "“nine: 1” is no band" in words(wrong.content)
    assert browser.post(path, {**form, "do": "save"}).status_code == 302
    with in_organization(alder.id):
        made = ServiceLevelVersion.objects.get()
        assert (made.allowed_misses, made.roll_up_below, made.minimum_percent, made.effective_from) == (
            [[9, 1], [19, 2]], 5, Decimal(90), date(2026, 11, 1),
        )  # fmt: skip


def test_a_level_may_start_with_assignment_or_review_and_has_no_clock_before(in_alder: Scope, now: WallClock, rita: Membership) -> None:
    now.is_at("2026-03-10 12:00")
    stream = base.workstream()
    make.level(stream, name="From assignment", start_state="assigned", target=3600)
    make.level(stream, name="From review", start_state="in_review", target=3600)
    item = make.item(stream, "2026-03-10 09:00")
    assert not Clock.objects.exists()
    now.is_at("2026-03-10 12:30")
    work.assign_item(item=item, by=base.system(), member=rita)
    assert [(clock.level.name, clock.due_at) for clock in Clock.objects.select_related("level")] == [
        ("From assignment", new_york("2026-03-10 13:30"))
    ]
    now.is_at("2026-03-10 13:00")
    moved = work.move_item(item=item, to="in_review", by=base.system())
    assert {clock.started_at for clock in Clock.objects.all()} == {new_york("2026-03-10 12:30"), new_york("2026-03-10 13:00")}
    work.undo_last_move(item=moved, by=base.system())
    assert [clock.level.name for clock in Clock.objects.select_related("level")] == ["From assignment"]


def test_many_moved_together_start_the_clocks_that_one_by_one_would(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-10 12:00")
    stream = base.workstream()
    make.level(stream, start_state="in_review", target=3600)
    items = [make.item(stream, "2026-03-10 09:00") for _ in range(FEW + 1)]
    now.is_at("2026-03-10 12:30")
    work.move_items(ids=[item.id for item in items], to="in_review", by=base.system())
    assert set(Clock.objects.values_list("started_at", flat=True)) == {new_york("2026-03-10 12:30")}
    assert Clock.objects.count() == FEW + 1


@pytest.mark.parametrize("terms", [{"start_state": "delivered"}, {"start_state": "in_review", "stop_state": "in_review"}])
def test_a_clock_must_start_before_it_stops(in_alder: Scope, terms: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        make.level(**terms)
    assert refused.value.field == "start_state"
