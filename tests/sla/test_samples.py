"""Samples of delivered work: declared, drawn, checked blind by a second person, adjudicated by a third."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from engagements import actions as work
from engagements.models import WorkItem, Workstream
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Role
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from sla import actions
from sla.actions import Declared, Found
from sla.frames import drawn_again
from sla.models import QualityFinding, SampleItem, SamplePlan
from tests import make as base
from tests.conftest import person
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york

pytestmark = pytest.mark.django_db

WRONG = Found(severity="major", category="wrong_call", root_cause="oversight")


def declared(**fields: Any) -> Declared:
    values: dict[str, Any] = {
        "from_at": new_york("2026-10-01 00:00"),
        "to_at": new_york("2026-11-01 00:00"),
        "sizing": "number",
        "number": 4,
    }
    return Declared(**(values | fields))


def delivered(stream: Workstream, number: int, **fields: Any) -> list[WorkItem]:
    return [make.item(stream, "2026-10-05 09:00", delivered="2026-10-05 15:00", **fields) for _ in range(number)]


def drawn(stream: Workstream, **fields: Any) -> SamplePlan:
    return actions.draw_plan(workstream=stream, declared=declared(**fields), by=base.system())


def items_of(plan: SamplePlan) -> list[int]:
    return list(SampleItem.objects.filter(plan=plan).order_by("position").values_list("item_id", flat=True))


@pytest.fixture
def stream(in_alder: Scope, now: WallClock) -> Workstream:
    now.is_at("2026-11-02 12:00")
    return base.workstream(item_prefix="NDA")


def test_a_draw_is_frozen_with_its_population_and_comes_out_the_same_again(stream: Workstream) -> None:
    delivered(stream, 12)
    make.item(stream, "2026-10-05 09:00")  # not delivered: not in it
    plan = drawn(stream, number=5)
    assert (plan.population, plan.size, len(set(items_of(plan)))) == (12, 5, 5)
    assert drawn_again(plan) is True
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        SamplePlan.objects.update(seed="0" * 32)


def test_the_same_seed_over_the_same_population_draws_the_same_and_another_seed_does_not(stream: Workstream) -> None:
    delivered(stream, 40)
    frame = declared().frame(stream)
    first = frame.draw("a" * 32, {"": 10})
    assert [row.item_id for row in first] == [row.item_id for row in frame.draw("a" * 32, {"": 10})]
    assert {row.item_id for row in first} != {row.item_id for row in frame.draw("b" * 32, {"": 10})}
    # A larger draw of the same seed holds the smaller one.
    assert {row.item_id for row in first} < {row.item_id for row in frame.draw("a" * 32, {"": 20})}


def test_a_plan_says_when_its_population_is_no_longer_the_one_it_was_drawn_from(stream: Workstream) -> None:
    delivered(stream, 6)
    plan = drawn(stream)
    delivered(stream, 1)
    assert drawn_again(plan) is None


def test_strata_are_drawn_in_proportion_by_largest_remainder(stream: Workstream) -> None:
    delivered(stream, 5, priority="standard", language="en")
    delivered(stream, 3, priority="urgent", language="en")
    delivered(stream, 2, priority="urgent", language="de")
    plan = drawn(stream, number=7, strata_by=("priority", "language"))
    assert [(row["label"], row["population"], row["size"]) for row in plan.strata] == [
        ("standard · en", 5, 4),
        ("urgent · de", 2, 1),
        ("urgent · en", 3, 2),
    ]
    for place, row in enumerate(plan.strata):
        assert SampleItem.objects.filter(plan=plan, stratum=place).count() == row["size"]
    assert drawn_again(plan) is True


def test_a_stratum_per_reviewer_is_drawn_with_the_same_from_each(stream: Workstream, asha: Membership) -> None:
    for item in delivered(stream, 3):
        work.assign_item(item=item, by=base.system(), member=asha)
    delivered(stream, 5)
    plan = drawn(stream, number=2, strata_by=("reviewer",), allocation="each")
    assert [(row["label"], row["size"]) for row in plan.strata] == [("Reviewer not known", 2), (asha.display_name, 2)]
    assert set(SampleItem.objects.filter(plan=plan, stratum=1).values_list("reviewer_id", flat=True)) == {asha.pk}


@pytest.mark.parametrize(
    ("fields", "message", "field"),
    [
        ({"number": 7}, "7 of 6 cannot be drawn", "size"),
        ({"number": 0}, "Say how many", "number"),
        ({"to_at": datetime(2026, 9, 1, tzinfo=UTC)}, "last day lies before", "to_day"),
        ({"from_at": new_york("2026-08-01 00:00"), "to_at": new_york("2026-09-01 00:00")}, "Nothing was first delivered", "to_day"),
        ({"sizing": "margin"}, "above 0 and under 100", "confidence_percent"),
        ({"sizing": "acceptance", "accepted_errors": 4}, "less than the sample", "accepted_errors"),
        ({"allocation": "each"}, "needs strata", "allocation"),
        ({"purpose": "elusion"}, "set aside", "disposition"),
        ({"strata_by": ("colour",)}, "by priority, type, reviewer", "strata_by"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused_with_its_field(
    stream: Workstream, fields: dict[str, Any], message: str, field: str
) -> None:
    delivered(stream, 6)
    with pytest.raises(Refused, match=message) as refused:
        drawn(stream, **fields)
    assert refused.value.field == field
    assert not SamplePlan.objects.exists()


def test_an_extended_sample_is_a_new_plan_over_the_same_population_without_what_was_drawn(stream: Workstream) -> None:
    delivered(stream, 10)
    first = drawn(stream, number=4)
    before = items_of(first)
    second = actions.extend_plan(plan=first, number=3, by=base.system())
    assert (second.number, second.extends_id, second.size, second.population_sha256) == (2, first.pk, 3, first.population_sha256)
    assert not set(items_of(second)) & set(before)
    assert items_of(first) == before
    assert drawn_again(second) is True
    third = actions.extend_plan(plan=second, number=3, by=base.system())
    assert len({*before, *items_of(second), *items_of(third)}) == 10
    assert third.root_number == first.number
    with pytest.raises(Refused, match="extended already"):
        actions.extend_plan(plan=first, number=1, by=base.system())


# --- checking ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rita(in_alder: Scope, asha: Membership) -> Membership:
    return person(asha.organization, "Rita Alder", Role.REVIEWER)


@pytest.fixture
def sam(in_alder: Scope, asha: Membership) -> Membership:
    return person(asha.organization, "Sam Alder", Role.ATTORNEY)


def reviewed_by(member: Membership, stream: Workstream, number: int) -> None:
    for item in delivered(stream, number):
        work.assign_item(item=item, by=base.system(), member=member)


def given(plan: SamplePlan, *members: Membership) -> list[SampleItem]:
    actions.assign_checks(plan=plan, checkers=list(members), by=base.system())
    return list(SampleItem.objects.filter(plan=plan).select_related("plan", "item").order_by("position"))


def test_nobody_is_given_their_own_work_and_the_rest_is_spread_evenly(stream: Workstream, asha: Membership, rita: Membership) -> None:
    reviewed_by(rita, stream, 2)
    delivered(stream, 4)
    plan = drawn(stream, number=6)
    rows = given(plan, asha, rita)
    assert all(row.checker_id != row.reviewer_id for row in rows)
    assert sorted(sum(row.checker_id == who.pk for row in rows) for who in (asha, rita)) == [3, 3]
    assert [row.checker_id for row in given(plan, rita)].count(None) == 2  # her own stay without a checker


def test_the_database_itself_refuses_a_reviewer_as_checker(stream: Workstream, rita: Membership) -> None:
    reviewed_by(rita, stream, 1)
    plan = drawn(stream, number=1)
    with pytest.raises(DatabaseError, match="second_pair_of_eyes"), transaction.atomic():
        SampleItem.objects.filter(plan=plan).update(checker=rita)


def test_only_the_checker_it_was_given_to_checks_and_nobody_their_own(stream: Workstream, asha: Membership, rita: Membership) -> None:
    reviewed_by(rita, stream, 1)
    (row,) = given(drawn(stream, number=1), asha)
    with pytest.raises(NotPermitted, match="their own work"):
        actions.check_sampled(sampled=row, units=5, found=[], by=Actor.member(rita))
    olga = person(asha.organization, "Olga Alder", Role.OWNER)
    with pytest.raises(NotPermitted, match="somebody else"):
        actions.check_sampled(sampled=row, units=5, found=[], by=Actor.member(olga))
    check = actions.check_sampled(sampled=row, units=5, found=[], by=Actor.member(asha))
    assert (check.reviewer_id, check.sampled_id, check.errors) == (rita.pk, row.pk, 0)
    assert actions.check_sampled(sampled=row, units=5, found=[], by=Actor.member(asha)).pk == check.pk  # sent twice
    with pytest.raises(Refused, match="checked already"):
        actions.check_sampled(sampled=row, units=6, found=[], by=Actor.member(asha))


def test_what_a_check_found_is_kept_by_severity_category_and_root_cause(stream: Workstream, asha: Membership) -> None:
    delivered(stream, 1)
    (row,) = given(drawn(stream, number=1), asha)
    twice = Found(severity="minor", category="form", root_cause="tool", errors=2, note="Dates in two forms")
    check = actions.check_sampled(sampled=row, units=10, found=[WRONG, twice], by=Actor.member(asha))
    assert check.errors == 3
    kept = QualityFinding.objects.order_by("id").values_list("severity", "category", "root_cause", "errors", "note")
    assert list(kept) == [("major", "wrong_call", "oversight", 1, ""), ("minor", "form", "tool", 2, "Dates in two forms")]
    row.refresh_from_db()
    assert row.state == "disputed"


def test_more_errors_than_units_are_refused(stream: Workstream, asha: Membership) -> None:
    delivered(stream, 1)
    (row,) = given(drawn(stream, number=1), asha)
    with pytest.raises(Refused, match="2 wrong are more than the 1 checked"):
        actions.check_sampled(sampled=row, units=1, found=[WRONG, WRONG], by=Actor.member(asha))


def test_a_third_person_decides_and_their_figure_counts(
    stream: Workstream, asha: Membership, rita: Membership, sam: Membership, now: WallClock
) -> None:
    level = make.accuracy_level(stream)
    reviewed_by(rita, stream, 1)
    (row,) = given(drawn(stream, number=1), asha)
    check = actions.check_sampled(sampled=row, units=50, found=[WRONG, WRONG], by=Actor.member(asha))
    november = make.counted(level)[-1]
    assert (november.numerator, november.denominator) == (2, 50)  # as found, until it is decided
    for who in (asha, rita):
        with pytest.raises(NotPermitted):
            actions.adjudicate(check=check, stands=[], reason="Fine", by=Actor.member(who))
    with pytest.raises(Refused, match="Say why"):
        actions.adjudicate(check=check, stands=[WRONG], reason=" ", by=Actor.member(sam))
    actions.adjudicate(check=check, stands=[WRONG], reason="The second call follows the protocol", by=Actor.member(sam))
    november = make.counted(level)[-1]
    assert (november.numerator, november.denominator) == (1, 50)
    row.refresh_from_db()
    assert row.state == "adjudicated"
    with pytest.raises(Refused, match="Sam Alder adjudicated this already"):
        actions.adjudicate(check=check, stands=[], reason="No", by=Actor.member(person(asha.organization, "Olga", Role.OWNER)))


def test_where_the_plan_says_so_only_the_supervising_attorney_decides(stream: Workstream, asha: Membership, sam: Membership) -> None:
    delivered(stream, 1)
    (row,) = given(drawn(stream, number=1, adjudicator="attorney"), asha)
    check = actions.check_sampled(sampled=row, units=5, found=[WRONG], by=Actor.member(asha))
    with pytest.raises(NotPermitted, match="Only the supervising attorney"):
        actions.adjudicate(check=check, stands=[], reason="Fine", by=Actor.member(sam))
    matter = stream.matter
    matter.refresh_from_db()
    work.update_matter(matter=matter, by=base.system(), version=matter.version, supervising_attorney=sam)
    assert actions.adjudicate(check=check, stands=[], reason="Fine", by=Actor.member(sam)).errors == 0


def test_where_nobody_adjudicates_the_check_stands(stream: Workstream, asha: Membership) -> None:
    delivered(stream, 1)
    (row,) = given(drawn(stream, number=1, adjudicator="none"), asha)
    actions.check_sampled(sampled=row, units=5, found=[WRONG], by=Actor.member(asha))
    row.refresh_from_db()
    assert row.state == "checked"
