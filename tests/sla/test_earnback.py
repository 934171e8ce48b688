"""Earning a credit back: the windows after a miss reach a target beyond the promise, and what had been credited is given back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagements import actions as work
from engagements.models import Pause, WorkItem
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from sla import actions, wording
from sla.models import Attainment, CreditClaim, Exclusion, ServiceLevelVersion
from sla.queries import claim_of
from sla.verdict import Counted, earns_back
from sla.verify import verify
from sla.worked import cases
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_verdict import Terms

pytestmark = pytest.mark.django_db

MONTHS = {"2026-09": "September 2026", "2026-10": "October 2026", "2026-11": "November 2026", "2026-12": "December 2026"}


def level_with(*, windows: int = 2, target: str = "98", **fields: object) -> ServiceLevelVersion:
    stream = base.workstream(item_prefix="NDA")
    return make.level(stream, earn_back_percent=Decimal(target), earn_back_windows=windows, **fields)


def worked(level: ServiceLevelVersion, month: str, *, late: int = 0, of: int = 10) -> list[WorkItem]:
    """So many pieces of work of a month, some of them late."""
    return [
        make.item(level.level.workstream, f"{month}-05 09:00", delivered=f"{month}-{'15' if n < late else '05'} 15:00") for n in range(of)
    ]


def closed(level: ServiceLevelVersion, *months: str, publish: bool = True) -> None:
    make.counted(level)
    for month in months:
        actions.close_window(level=level.level, window_start=new_york(f"{month}-01 00:00"), by=base.system(), publish=publish)


def restated(level: ServiceLevelVersion, month: str, *excluded: WorkItem) -> Attainment:
    for item in excluded:
        actions.exclude_item(level=level.level, item=item, reason="Outside the scope", by=base.system())
    start = new_york(f"{month}-01 00:00")
    return actions.restate_window(level=level.level, window_start=start, reason="Out of scope", by=base.system(), publish=True)


def finalized(at: str) -> int:
    return actions.finalize_claims(by=base.system(), now=new_york(at))


def states() -> list[tuple[str, int, str, bool]]:
    """By window: percent, state, and whether it gives a credit back."""
    rows = CreditClaim.objects.select_related("attainment").order_by("attainment__window_start", "id")
    return [(row.attainment.label[:3], int(row.percent), row.state, row.earned_in_id is not None) for row in rows]


@pytest.fixture
def missed(in_alder: Scope, now: WallClock) -> ServiceLevelVersion:
    """September missed at 90 %, its credit final and not earned back yet; October and November without a miss, not closed."""
    now.is_at("2026-10-02 12:00")
    level = level_with()
    worked(level, "2026-09", late=1)
    closed(level, "2026-09")
    assert finalized("2026-10-28 12:00") == 1
    now.is_at("2026-12-02 12:00")
    worked(level, "2026-10"), worked(level, "2026-11")
    return level


def test_a_provisional_credit_is_earned_back_once_every_following_window_reached_the_target(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-12-02 12:00")
    level = level_with()
    worked(level, "2026-09", late=1), worked(level, "2026-10"), worked(level, "2026-11")
    closed(level, "2026-09", "2026-10")
    assert states() == [("Sep", 5, "provisional", False)]
    closed(level, "2026-11")
    assert states() == [("Sep", 5, "withdrawn", False), ("Sep", 0, "provisional", True)]
    claim = CreditClaim.objects.latest("id")
    assert claim.formula == ("The credit of 5 % for September 2026 is earned back: October 2026 and November 2026 each reached 98 %")
    told = claim.inputs["earned_back"]
    assert [(each["window"], each["result"]) for each in told["windows"]] == [
        ("October 2026", "10 of 10 = 100.00 %"),
        ("November 2026", "10 of 10 = 100.00 %"),
    ]
    assert (told["percent"], told["target"]) == ("5", "98")
    found = [finding for finding in verify() if "Credit" in finding.subject]
    assert [(finding.identical, finding.detail) for finding in found] == [(True, "earned back by October 2026 and November 2026")]


def test_a_final_credit_stands_until_nobody_can_contest_what_earned_it_back(missed: ServiceLevelVersion) -> None:
    closed(missed, "2026-10", "2026-11")
    assert states() == [("Sep", 5, "final", False), ("Sep", 0, "provisional", True)]
    assert finalized("2027-01-20 12:00") == 1
    assert states() == [("Sep", 5, "withdrawn", False), ("Sep", 0, "final", True)]


def test_nothing_is_taken_back_on_figures_that_the_client_was_not_shown(missed: ServiceLevelVersion) -> None:
    closed(missed, "2026-10", "2026-11", publish=False)
    assert (finalized("2027-01-20 12:00"), states()[0][2]) == (0, "final")
    for row in Attainment.objects.filter(published_at=None, state="closed"):
        actions.publish_attainment(attainment=row, by=base.system())
    assert (finalized("2027-01-20 12:00"), states()[0][2]) == (1, "withdrawn")


def test_nothing_is_taken_back_while_a_pause_in_a_window_that_earned_it_is_contested(missed: ServiceLevelVersion) -> None:
    item = make.item(
        missed.level.workstream, "2026-11-09 09:00", paused=[("2026-11-09 10:00", "2026-11-10 10:00")], delivered="2026-11-10 11:00"
    )
    closed(missed, "2026-10", "2026-11")
    message = base.message(item)
    work.contest_pause(pause=Pause.objects.get(item=item), by=base.system(), note="We had answered", message=message)
    assert (finalized("2027-01-20 12:00"), states()[0][2]) == (0, "final")


@pytest.mark.parametrize("late", [1, 10])
def test_one_window_that_falls_short_keeps_the_credit(missed: ServiceLevelVersion, late: int) -> None:
    worked(missed, "2026-11", late=late, of=late)
    closed(missed, "2026-10", "2026-11")
    assert [row for row in states() if row[0] == "Sep"] == [("Sep", 5, "final", False)]


def test_a_window_without_work_earns_nothing_back(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-12-02 12:00")
    level = level_with()
    worked(level, "2026-09", late=1), worked(level, "2026-11")
    closed(level, "2026-09", "2026-10", "2026-11")
    assert states() == [("Sep", 5, "provisional", False)]


def test_a_window_too_small_to_cost_a_credit_is_too_small_to_earn_one_back(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    level = level_with(windows=1, no_credit_below=8)
    worked(level, "2026-09", late=1), worked(level, "2026-10", of=7)
    closed(level, "2026-09", "2026-10")
    assert states() == [("Sep", 5, "provisional", False)]


def test_a_restatement_of_a_window_that_earned_it_lets_the_final_credit_stand(missed: ServiceLevelVersion) -> None:
    late = worked(missed, "2026-11", late=1, of=1)[0]
    actions.exclude_item(level=missed.level, item=late, reason="Outside the scope", by=base.system())
    closed(missed, "2026-10", "2026-11")
    assert states() == [("Sep", 5, "final", False), ("Sep", 0, "provisional", True)]
    actions.withdraw_exclusion(exclusion=Exclusion.objects.get(), by=base.system(), note="It was in scope")
    restated(missed, "2026-11")
    assert states()[:2] == [("Sep", 5, "final", False), ("Sep", 0, "withdrawn", True)]
    september = Attainment.objects.get(label="September 2026")
    claim = claim_of(september)
    assert claim is not None and (int(claim.percent), claim.state) == (5, "final")
    finalized("2027-03-20 12:00")
    assert states()[0][2] == "final"


def test_a_credit_given_back_for_good_is_claimed_again_where_a_restatement_takes_the_ground_away(missed: ServiceLevelVersion) -> None:
    late = worked(missed, "2026-11", late=1, of=1)[0]
    actions.exclude_item(level=missed.level, item=late, reason="Outside the scope", by=base.system())
    closed(missed, "2026-10", "2026-11")
    assert finalized("2027-01-20 12:00") == 1
    actions.withdraw_exclusion(exclusion=Exclusion.objects.get(), by=base.system(), note="It was in scope")
    restated(missed, "2026-11")
    september = [row for row in states() if row[0] == "Sep"]
    assert september == [("Sep", 5, "withdrawn", False), ("Sep", 0, "final", True), ("Sep", 5, "provisional", False)]
    finalized("2027-06-20 12:00")
    assert [row[2] for row in states() if row[0] == "Sep"] == ["withdrawn", "withdrawn", "final"]


def test_a_restated_miss_that_was_none_ends_the_earning_back(missed: ServiceLevelVersion) -> None:
    closed(missed, "2026-10", "2026-11")
    late = WorkItem.objects.order_by("id")[0]
    restated(missed, "2026-09", late)
    assert [(percent, state, back) for _, percent, state, back in states()] == [
        (5, "final", False), (0, "withdrawn", True), (0, "provisional", False),
    ]  # fmt: skip
    finalized("2027-03-20 12:00")
    assert [state for _, _, state, _ in states()] == ["withdrawn", "withdrawn", "final"]


def test_in_whatever_order_windows_are_closed_the_claims_are_the_same(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2027-01-02 12:00")
    found = set()
    for order in permutations(MONTHS):
        level = make.level(base.workstream(), earn_back_percent=Decimal(98), earn_back_windows=2)
        for month, late in zip(MONTHS, (1, 1, 0, 0), strict=True):
            worked(level, month, late=late, of=2)
        closed(level, *order)
        rows = CreditClaim.objects.filter(level_id=level.level_id).exclude(state="withdrawn").order_by("attainment__window_start", "id")
        found.add(tuple((row.attainment.label, int(row.percent), row.state, row.earned_in_id is not None) for row in rows))
    assert found == {(("September 2026", 5, "provisional", False), ("October 2026", 0, "provisional", True))}


@pytest.mark.parametrize("seed", range(5))
def test_a_windows_credit_is_its_own_or_none_whatever_was_closed_and_made_final_when(in_alder: Scope, now: WallClock, seed: int) -> None:
    """Misses, following windows, the order of closings and the days on which claims become final by chance, against a plain oracle."""
    chance = Random(seed)  # noqa: S311 -- reproducible, nothing secret
    now.is_at("2027-01-02 12:00")
    level = make.level(base.workstream(), earn_back_percent=Decimal(98), earn_back_windows=chance.choice([1, 2]))
    late = [chance.random() < 0.5 for _ in MONTHS]
    for month, one in zip(MONTHS, late, strict=True):
        worked(level, month, late=int(one), of=1)
    order = list(MONTHS)
    chance.shuffle(order)
    for month in order:
        closed(level, month)
        if chance.random() < 0.5:
            finalized("2027-05-01 12:00")
    finalized("2027-09-01 12:00")
    number = level.earn_back_windows or 0
    expected = [
        5 if one and (len(late[n + 1 : n + 1 + number]) < number or any(late[n + 1 : n + 1 + number])) else 0 for n, one in enumerate(late)
    ]
    rows = CreditClaim.objects.filter(state="final").values_list("attainment__label", "percent")
    given = [sum(percent for label, percent in rows if label == name) for name in MONTHS.values()]
    assert given == expected
    assert not CreditClaim.objects.filter(state="provisional").exists()
    assert all(finding.identical for finding in verify())


@given(
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(9501, 10000),
    st.booleans(),
    st.integers(0, 60),
    st.sampled_from([True, False, None]),
)
def test_only_what_reaches_the_target_earns_back(kept: int, missed: int, target: int, errors: bool, least: int, met: bool | None) -> None:
    limit = Decimal(10000 - target) / 100
    terms = Terms(None, Decimal(5), no_credit_below=least) if errors else Terms(no_credit_below=least)
    terms.earn_back_percent = limit if errors else Decimal(target) / 100
    count = Counted(missed if errors else kept, kept + missed)
    if not earns_back(terms, count, met=met):
        return
    assert met and kept + missed >= max(1, least)
    assert missed * 10000 < (10000 - target) * (kept + missed) if errors else kept * 10000 >= target * (kept + missed)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"earn_back_percent": Decimal(95), "earn_back_windows": 2}, "earn_back_percent"),
        ({"earn_back_percent": Decimal(101), "earn_back_windows": 2}, "earn_back_percent"),
        ({"earn_back_percent": Decimal(98)}, "earn_back_windows"),
        ({"earn_back_windows": 2}, "earn_back_percent"),
        ({"earn_back_percent": Decimal(98), "earn_back_windows": 13}, "earn_back_windows"),
        ({"earn_back_percent": Decimal(98), "earn_back_windows": 1, "credit_percent": Decimal(0)}, "earn_back_percent"),
    ],
)
def test_what_contradicts_itself_is_refused(in_alder: Scope, terms: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        make.level(**terms)
    assert refusal.value.field == field


def test_an_error_rate_is_earned_back_below_its_limit(in_alder: Scope) -> None:
    with pytest.raises(Refused):
        make.accuracy_level(earn_back_percent=Decimal(1), earn_back_windows=3)
    version = make.accuracy_level(earn_back_percent=Decimal("0.5"), earn_back_windows=3)
    assert "It is given back once each of the next 3 months stays under 0.5 % errors." in wording.promise(version)


def test_the_form_reads_the_terms_back_with_worked_cases(in_alder: Scope) -> None:
    version = level_with(windows=3)
    assert "It is given back once each of the next 3 months reaches 98 %." in wording.promise(version)
    told = [(case.what, case.result) for case in cases(version, datetime.fromisoformat("2026-10-01T12:00:00+00:00"))][-3:]
    assert told == [
        ("A month missed, each of the next 3 at 98.00 %", "Its credit is given back"),
        ("A month missed, one of the next 3 at 97.99 %", "Its credit stands"),
        ("A month missed, one of the next 3 with nothing counted", "Its credit stands"),
    ]


def test_a_replay_takes_out_the_credits_that_would_have_been_earned_back(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2027-01-02 12:00")
    level = make.level(base.workstream())
    for month, late in zip(MONTHS, (1, 0, 0, 1), strict=True):
        worked(level, month, late=late, of=4)
    scenario = make.replayed(level, "2026-09", "2026-12", earn_back_percent=Decimal(98), earn_back_windows=2)
    assert scenario.result is not None
    sides = {name: [(row["credit"], row["why"]) for row in rows] for name, rows in scenario.result["sides"].items()}
    assert [credit for credit, _ in sides["holds"]] == ["5", "0", "0", "5"]
    assert sides["proposed"][0] == ("0", "A credit of 5 %, earned back by October 2026 and November 2026.")
    assert sides["proposed"][3] == ("5", "The months replayed end before its credit could be earned back.")
