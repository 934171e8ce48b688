"""What further misses would do to a running window: by halving as by trying each, in words, and in money where one may see it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from sla.bearing import bearing, bearing_of_rate
from sla.verdict import Counted, default, judge
from tests import make as base
from tests.billing import make as bills
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.test_pages import SignIn, words
from tests.sla.test_verdict import Terms


@given(
    met=st.integers(0, 30),
    missed=st.integers(0, 8),
    open_ones=st.integers(1, 12),
    expected=st.sampled_from(["80", "90", "95", "100"]),
    minimum=st.sampled_from([None, "50", "75"]),
    bands=st.sampled_from([[], [[9, 1]], [[9, 1], [19, 3]]]),
    earlier=st.integers(0, 4),
    below=st.integers(0, 12),
)
def test_the_edges_are_where_trying_every_number_of_misses_finds_them(
    met: int, missed: int, open_ones: int, expected: str, minimum: str | None, bands: list[list[int]], earlier: int, below: int
) -> None:
    terms = Terms(Decimal(expected), None, Decimal(minimum) if minimum else None, bands, 0, below)
    found = bearing(terms, Counted(met, met + missed), open_ones, quarter_ends=False, earlier_misses=earlier)
    after = [Counted(met + open_ones - late, met + missed + open_ones) for late in range(open_ones + 1)]
    kept = [late for late, counted in enumerate(after) if judge(terms, counted, quarter_ends=False).met]
    assert found.bears == max(kept, default=-1)
    costs = [late for late, one in enumerate(after) if default(terms, judge(terms, one, quarter_ends=False), one, earlier).due]
    assert found.costs_from == min(costs, default=None)


def test_a_window_too_small_to_be_judged_alone_bears_what_its_quarter_does() -> None:
    assert bearing(Terms(roll_up_below=20), Counted(3, 3), 2, quarter_ends=False, earlier_misses=0).bears is None


def test_where_nothing_is_open_the_next_one_is_asked_about() -> None:
    assert bearing(Terms(), Counted(19, 19), 0, quarter_ends=False, earlier_misses=0).bears == 1
    assert bearing(Terms(), Counted(18, 18), 0, quarter_ends=False, earlier_misses=0).bears == 0


def test_an_error_rate_bears_errors_in_what_was_checked() -> None:
    terms = Terms(None, Decimal(1))
    assert borne(terms, Counted(1, 400)) == 2
    assert borne(terms, Counted(4, 400)) == -1
    assert borne(Terms(None, Decimal(1), test="acceptance", accepted_sample=400, accepted_errors=3), Counted(1, 100)) == 2
    assert borne(Terms(None, Decimal(1), test="upper_bound", test_confidence_percent=Decimal(95)), Counted(0, 473)) == 1


def borne(terms: Terms, counted: Counted) -> int | None:
    found = bearing_of_rate(terms, counted, quarter_ends=False, earlier_misses=0)
    assert found is not None
    return found.bears


def test_what_the_next_error_would_weigh_is_not_known_until_the_limit_is_passed() -> None:
    severities = Terms(None, Decimal(1), severity_weights={"minor": "0.5"})
    assert bearing_of_rate(severities, Counted(1, 400), quarter_ends=False, earlier_misses=0) is None
    strata = Counted(1, 400, rate=Fraction(1, 200), sample=300)
    assert bearing_of_rate(Terms(None, Decimal(1)), strata, quarter_ends=False, earlier_misses=0) is None
    lost = bearing_of_rate(severities, Counted(5, 400, rate=Fraction(1, 100), sample=400), quarter_ends=False, earlier_misses=0)
    assert lost is not None
    assert (lost.bears, lost.costs_from) == (-1, 0)


@pytest.mark.django_db
def test_the_level_says_what_it_bears_what_the_next_miss_costs_in_money_and_which_items_are_due_next(
    alder: Organization, asha: Membership, rita: Membership, client_of: SignIn, now: WallClock
) -> None:
    """CASES: 2,000 is 5 % of 40,000. 36 met and 1 missed of 40: one of the three open may be late, the second costs 2,000."""
    now.is_at("2026-11-20 14:00")
    with in_organization(alder.id):
        stream = bills.workstream()
        bills.term(bills.engagement_of(stream), "fixed", "40000")
        level = make.level(stream)
        for _ in range(36):
            make.item(stream, "2026-11-05 09:00", delivered="2026-11-05 15:00")
        make.item(stream, "2026-11-05 09:00", delivered="2026-11-09 15:00")
        for hour in ("10", "11", "12"):
            make.item(stream, f"2026-11-20 {hour}:00", title=f"NDA received at {hour}")
        make.counted(level)
    prefix = stream.item_prefix
    page = words(client_of(asha).get(f"/alder/service-levels/{prefix}/1/").content)
    assert "Bears 1 of the 3 open ones late." in page
    assert "The 2nd further miss earns the client 5 % of the credit base: 2,000.00 USD of 40,000.00 so far" in page
    due = [page.index(f"NDA received at {hour}") for hour in ("10", "11", "12")]
    assert due == sorted(due)
    unpaid = words(client_of(rita).get(f"/alder/service-levels/{prefix}/1/").content)
    assert "The 2nd further miss earns the client 5 % of the credit base." in unpaid
    assert "2,000" not in unpaid
    today = words(client_of(asha).get("/alder/today/?group=workstream").content)
    assert "NDA turnaround: Bears 1 of the 3 open ones late." in today


@pytest.mark.django_db
def test_what_is_lost_already_is_said_so_and_what_it_costs_as_it_stands(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-20 14:00")
    with in_organization(alder.id):
        level = make.level(base.workstream(item_prefix="NDA"))
        make.item(level.level.workstream, "2026-11-05 09:00", delivered="2026-11-09 15:00")
        make.item(level.level.workstream, "2026-11-20 10:00")
        make.counted(level)
    page = words(client_of(asha).get("/alder/service-levels/NDA/1/").content)
    assert "Missed even with the open one in time." in page
    assert "As it stands it earns the client 5 % of the credit base." in page
