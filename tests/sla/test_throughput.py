"""Throughput: at least so much delivered in a window; or all that was there, where the contract says so."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagements import actions as work
from engagements.models import WorkItem, Workstream
from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch
from lpo.tenancy.context import Scope, in_organization
from sla import actions, projection, volume
from sla.counting import of_volume
from sla.models import Attainment, AttainmentRow, CreditClaim, ServiceLevelVersion
from sla.verdict import Basis, judge
from sla.verify import verify
from sla.volume import Volume
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york, replayed
from tests.sla.test_pages import SignIn, words
from tests.sla.test_replay import close_ended, windows_are_as_they_were_closed
from tests.sla.test_verdict import Terms

OCTOBER = new_york("2026-10-01 00:00")
AMOUNTS = st.decimals(min_value=0, max_value=3000, places=1)


def throughput(stream: Workstream | None = None, least: int = 100, **fields: Any) -> ServiceLevelVersion:
    values = {"kind": "throughput", "name": "Throughput", "target": None, "expected_percent": None, "min_volume": Decimal(least)}
    return make.level(stream, **(values | {"effective_from": date(2026, 10, 1)} | fields))


def delivered(stream: Workstream, day: str, quantity: int | str, received: str = "2026-10-01 09:00", **fields: Any) -> WorkItem:
    return make.item(stream, received, delivered=f"{day} 15:00", quantity=Decimal(quantity), **fields)


@given(promised=st.integers(1, 2000), done=AMOUNTS, waiting=AMOUNTS, asked=st.booleans(), running=st.booleans())
def test_it_is_met_where_what_is_due_was_delivered_exactly(
    promised: int, done: Decimal, waiting: Decimal, asked: bool, running: bool
) -> None:
    found = Volume(Decimal(promised), done, done + waiting if asked else None, running)
    due = min(Decimal(promised), done + waiting) if asked else Decimal(promised)
    verdict = judge(Terms(None, None, min_volume=Decimal(promised)), of_volume(found, 0, 0).counted(), quarter_ends=True)
    if not due:
        assert verdict.met is None
    elif done >= due:
        assert (verdict.met, verdict.basis) == (True, Basis.VOLUME)
    else:
        assert (verdict.met, verdict.basis) == ((None, Basis.RUNNING) if running else (False, Basis.VOLUME))
    count = of_volume(found, 0, 0)
    assert (count.numerator >= count.denominator) == (done >= due) or not due


@pytest.mark.django_db
@pytest.mark.parametrize(("quantities", "met"), [(("60", "40"), True), (("60", "39.5"), False)])
def test_units_delivered_in_the_window_are_held_against_what_was_promised(
    in_alder: Scope, now: WallClock, quantities: tuple[str, str], met: bool
) -> None:
    now.is_at("2026-11-02 12:00")
    stream = base.workstream(item_prefix="REV")
    level = throughput(stream)
    for day, quantity in zip(("2026-10-05", "2026-10-31"), quantities, strict=True):
        delivered(stream, day, quantity)
    delivered(stream, "2026-11-01", 500)
    make.counted(level)
    closed = actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())
    assert (closed.numerator, closed.denominator, closed.met, closed.basis) == (100 if met else 99, 100, met, "volume")
    assert AttainmentRow.objects.filter(attainment=closed).count() == 2
    claims = list(CreditClaim.objects.values_list("formula", flat=True))
    if not met:
        assert claims == ["5 % of the credit base for October 2026: 99 of 100 = 99.00 % of what was due; at least 100 units promised"]
    else:
        assert claims == []
    assert all(finding.identical for finding in verify())


@pytest.mark.django_db
def test_items_count_as_one_each_where_the_contract_says_so(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    stream = base.workstream(item_prefix="REV")
    level = throughput(stream, 3, volume_by="items")
    for day in ("2026-10-05", "2026-10-06"):
        delivered(stream, day, 50)
    (row,) = make.counted(level)
    assert (row.numerator, row.denominator, row.met, row.basis) == (2, 3, None, "running")
    delivered(stream, "2026-10-07", 50)
    (row,) = make.counted(level)
    assert (row.numerator, row.met, row.basis) == (3, True, "volume")


@pytest.mark.django_db
@pytest.mark.parametrize(("asked", "denominator", "met"), [(True, 70, True), (False, 100, False)])
def test_less_than_promised_was_there_and_all_of_it_was_delivered(
    in_alder: Scope, now: WallClock, asked: bool, denominator: int, met: bool
) -> None:
    now.is_at("2026-11-02 12:00")
    stream = base.workstream(item_prefix="REV")
    level = throughput(stream, volume_offered=asked)
    delivered(stream, "2026-10-05", 70)
    cancelled = make.item(stream, "2026-10-05 09:00", quantity=Decimal(50))
    work.move_item(item=cancelled, to="cancelled", by=base.system(), at=new_york("2026-10-20 09:00"), reason="not needed")
    make.counted(level)
    closed = actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())
    assert (closed.numerator, closed.denominator, closed.met) == (70, denominator, met)


@pytest.mark.django_db
def test_what_was_still_open_was_due_and_is_frozen_with_the_rest(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    stream = base.workstream(item_prefix="REV")
    level = throughput(stream, volume_offered=True)
    delivered(stream, "2026-10-05", 60)
    make.item(stream, "2026-10-30 09:00", quantity=Decimal(20))
    late = delivered(stream, "2026-11-01", 10, "2026-10-28 09:00")
    make.item(stream, "2026-11-01 09:00", quantity=Decimal(500))
    make.counted(level)
    closed = actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())
    assert (closed.numerator, closed.denominator, closed.pending, closed.met) == (60, 90, 2, False)
    rows = dict(AttainmentRow.objects.values_list("item_reference", "outcome"))
    assert (sorted(rows.values()), rows[late.reference]) == (["met", "pending", "pending"], "pending")
    assert all(finding.identical for finding in verify())
    actions.exclude_item(level=level.level, item=late, reason="Sent by mistake", by=base.system())
    assert not all(finding.identical for finding in verify())
    second = actions.restate_window(level=level.level, window_start=OCTOBER, reason="One was sent by mistake", by=base.system())
    assert (second.numerator, second.denominator, second.met) == (60, 80, False)


@pytest.mark.django_db
def test_a_change_is_counted_at_once_and_one_taken_back_too(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    stream = base.workstream(item_prefix="REV")
    level = throughput(stream, volume_offered=True)
    item = make.item(stream, "2026-10-05 09:00", quantity=Decimal(40))
    assert [(row.numerator, row.denominator) for row in make.counted(level)] == [(0, 40)]
    work.move_item(item=item, to="delivered", by=base.system(), at=new_york("2026-10-06 09:00"), reason="as recorded")
    assert [(row.numerator, row.denominator) for row in make.counted(level)] == [(40, 40)]
    work.undo_last_move(item=WorkItem.objects.get(pk=item.pk), by=base.system(), reason="too early")
    assert [(row.numerator, row.denominator) for row in make.counted(level)] == [(0, 40)]


@pytest.mark.django_db
def test_a_corrected_quantity_or_receipt_is_counted_where_it_was_and_where_it_is(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    stream = base.workstream(item_prefix="REV")
    level = throughput(stream, window="week", volume_offered=True, effective_from=date(2026, 10, 5))
    item = make.item(stream, "2026-10-06 09:00", quantity=Decimal(40))
    assert [(row.numerator, row.denominator) for row in make.counted(level)] == [(0, 40)] * 3
    item.refresh_from_db()
    item = work.update_item(item=item, by=base.system(), version=item.version, quantity=Decimal(30))
    assert [(row.numerator, row.denominator) for row in make.counted(level)] == [(0, 30)] * 3
    received = new_york("2026-10-14 09:00")
    work.update_item(item=item, by=base.system(), version=item.version, received_at=received, reason="As the mail says")
    assert [(row.numerator, row.denominator) for row in make.counted(level)] == [(0, 0), (0, 30), (0, 30)]


@pytest.mark.django_db
def test_a_window_in_which_nothing_came_is_counted_all_the_same(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    level = throughput(window="week", effective_from=date(2026, 10, 7))
    assert [row.label for row in make.counted(level)] == ["12 Oct – 18 Oct 2026", "19 Oct – 25 Oct 2026"]
    now.is_at("2026-10-27 12:00")
    assert volume.unreached(new_york("2026-10-27 12:00"))
    found = {from_epoch(start) for _, start in volume.unreached(new_york("2026-10-27 12:00"))}
    assert found == {new_york("2026-10-19 00:00"), new_york("2026-10-26 00:00")}
    projection.count_again(volume.unreached(new_york("2026-10-27 12:00")))
    make.counted(level)
    assert volume.unreached(new_york("2026-10-27 12:00")) == []
    assert [(row.met, row.basis) for row in Attainment.objects.order_by("window_start")][1:] == [(False, "volume"), (None, "running")]


@pytest.mark.django_db
@pytest.mark.parametrize("asked", [True, False])
def test_a_replay_comes_to_every_closed_window(in_alder: Scope, now: WallClock, asked: bool) -> None:
    now.is_at("2026-09-30 12:00")
    stream, chance = base.workstream(item_prefix="REV"), random.Random(5)  # noqa: S311 -- a history, not a secret
    level = throughput(stream, 60, window="week", volume_offered=asked, effective_from=date(2026, 8, 3))
    for _ in range(40):
        received = new_york("2026-08-03 09:00") + timedelta(hours=chance.randrange(1200))
        item = base.item(stream, received_at=received, quantity=Decimal(chance.randrange(1, 30)))
        if chance.random() < 0.7:
            at = min(received + timedelta(hours=chance.randrange(1, 300)), new_york("2026-09-30 11:00"))
            work.move_item(item=item, to="delivered", by=base.system(), at=at, reason="as recorded")
    make.counted(level)
    close_ended()
    assert len({row.met for row in Attainment.objects.filter(state="closed")}) == 2
    windows_are_as_they_were_closed(replayed(level, "2026-08", "2026-09"))


def test_terms_for_shares_do_not_apply_and_less_than_something_is_refused() -> None:
    good: Any = {"min_volume": Decimal(10), "time_zone": "UTC", "window": "week"}
    assert actions.complete("throughput", good)["volume_by"] == "units"
    wrongs: tuple[Any, ...] = ({"min_volume": Decimal(0)}, {"volume_by": "pages"}, {"roll_up_below": 3}, {"minimum_percent": Decimal(50)})
    for wrong in wrongs:
        with pytest.raises(Refused):
            actions.complete("throughput", good | wrong)


@pytest.mark.django_db
def test_the_form_reads_back_and_the_pages_tell_what_was_delivered(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-10-20 12:00")
    with in_organization(alder.id):
        stream = base.workstream(item_prefix="REV")
        delivered(stream, "2026-10-13", 900)
        make.item(stream, "2026-10-14 09:00", quantity=Decimal(100))
    browser, new = client_of(asha), "/alder/service-levels/new/REV/throughput/"
    page = words(browser.get(new).content)
    assert "At least 1,200 units of work must be delivered in each week, Monday to Sunday, in" in page
    assert "1,199 delivered, more waiting Missed: 1 short of 1,200" in page
    typed = {
        "name": "Weekly volume",
        "effective_from": "2026-10-05",
        "min_volume": "1200",
        "volume_by": "units",
        "volume_offered": "on",
        "window": "week",
        "time_zone": "America/New_York",
        "importance": "critical",
        "credit_percent": "5",
    }
    looked = words(browser.post(new, {**typed, "do": "preview"}).content)
    assert "Where less was there to deliver, all of that is due" in looked
    assert "1,199 delivered, nothing else there to deliver Met: all there was" in looked
    assert browser.post(new, {**typed, "min_volume": "0"}).status_code == 422
    answer = browser.post(new, typed)
    assert answer.status_code == 302
    with in_organization(alder.id):
        level = ServiceLevelVersion.objects.select_related("level").get()
        make.counted(level)
        reference = stream.matter.engagement.reference
    here = "/alder/service-levels/REV/1/2026/10/12/"
    window = words(browser.get(here).content)
    assert "90.0 % 900 of 1,000 = 90.00 %" in window
    assert "1,000 units were there, of 1,200 promised: all of it was due." in window
    assert "Delivered Tue 13 Oct" in window or "Delivered" in window
    assert "Still open" in words(browser.get(f"{here}?outcome=pending").content)
    assert browser.get(f"{here}?outcome=excluded").status_code == 200
    assert b"REV-0001" in b"".join(browser.get(here + "rows.csv"))
    assert "1,000" in words(browser.get("/alder/service-levels/REV/1/").content)
    assert "Weekly volume" in words(browser.get(f"/alder/engagements/{reference}/scorecard/?period=2026-10").content)
    assert browser.get(f"/alder/engagements/{reference}/scorecard.pdf?period=2026-10").status_code == 200
    assert browser.get(f"/alder/engagements/{reference}/scorecard.xlsx?period=2026-10").status_code == 200
    assert browser.get("/alder/today/").status_code == 200
    assert 'value="1200"' in browser.get("/alder/service-levels/REV/1/versions/new/").content.decode()
    assert browser.post(here + "close/", {"confirmation": "CLOSE 2026-10-12", "publish": "yes"}).status_code == 302
    assert "Missed" in words(browser.get(here).content)
