"""What decides an accuracy level: the measured rate, its upper bound or an acceptance plan; which checks count and what they weigh."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser

from engagements.models import Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Role
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from sla import actions, evidence
from sla.actions import Found
from sla.models import Attainment, AttainmentRow, CreditClaim, QualityCheck, SampleItem, SamplePlan, ServiceLevelVersion
from sla.queries import current_figures
from sla.verify import verify
from tests import make as base
from tests.conftest import person
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import words
from tests.sla.test_samples import declared, delivered

pytestmark = pytest.mark.django_db
OCTOBER = new_york("2026-10-01 00:00")
MAJOR, MINOR = (Found(severity=severity, category="wrong_call") for severity in ("major", "minor"))


@pytest.fixture
def stream(in_alder: Scope, now: WallClock) -> Workstream:
    now.is_at("2026-10-20 12:00")
    return base.workstream(item_prefix="NDA")


@pytest.fixture
def checker(in_alder: Scope, asha: Membership) -> Membership:
    return person(asha.organization, "Rita Alder", Role.REVIEWER)


def targeted(stream: Workstream, errors: int, units: int) -> None:
    (item,) = delivered(stream, 1)
    actions.record_quality_check(item=item, units=units, errors=errors, by=base.system())


def sampled(plan: SamplePlan, checker: Membership, found: dict[int, list[Found]], units: int) -> None:
    """The first item drawn of each stratum holds what `found` says of it."""
    actions.assign_checks(plan=plan, checkers=[checker], by=base.system())
    for row in SampleItem.objects.filter(plan=plan).order_by("position"):
        actions.check_sampled(sampled=row, units=units, found=found.pop(row.stratum, []), by=Actor.member(checker))


def closed(level: ServiceLevelVersion, now: WallClock) -> Attainment:
    now.is_at("2026-11-02 12:00")
    make.counted(level)
    return actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())


def test_three_of_four_hundred_are_met_and_how_strongly_is_said_apart(stream: Workstream, now: WallClock) -> None:
    level = make.accuracy_level(stream, error_unit="clause")
    targeted(stream, 3, 400)
    make.counted(level)
    (figure,) = current_figures([level.level], new_york("2026-10-20 13:00"))
    assert figure.in_full == "Under the limit so far, 3 of 400 clauses, 0.75 %"
    assert figure.strength == (
        "Under 1 % not statistically shown (upper bound 1.93 %, one-sided at 95 %); 373 more without an error would show it."
        " The exact two-sided 95 % interval is 0.15–2.18\N{NO-BREAK SPACE}%."
    )
    assert closed(level, now).met is True


@pytest.mark.parametrize(
    ("errors", "units", "met"), [(0, 299, True), (0, 298, False), (1, 473, True), (2, 628, True), (3, 773, True), (3, 400, False)]
)
def test_where_the_upper_bound_is_tested_it_decides(stream: Workstream, now: WallClock, errors: int, units: int, met: bool) -> None:
    level = make.accuracy_level(stream, test="upper_bound", test_confidence_percent=Decimal(95))
    targeted(stream, errors, units)
    attainment = closed(level, now)
    assert (attainment.met, attainment.basis) == (met, "bound")
    formulas = [claim.formula for claim in CreditClaim.objects.all()]
    assert bool(formulas) is not met
    assert all(", upper bound 1." in formula and formula.endswith("against under 1 %") for formula in formulas)
    assert all(finding.identical for finding in verify())


@pytest.mark.parametrize(
    ("errors", "units", "met", "basis"),
    [(3, 400, True, "acceptance"), (4, 400, False, "acceptance"), (3, 399, None, "short"), (4, 100, False, "acceptance")],
)
def test_an_acceptance_plan_takes_so_many_errors_in_so_many(
    stream: Workstream, now: WallClock, errors: int, units: int, met: bool | None, basis: str
) -> None:
    level = make.accuracy_level(stream, test="acceptance", accepted_sample=400, accepted_errors=3)
    targeted(stream, errors, units)
    attainment = closed(level, now)
    assert (attainment.met, attainment.basis) == (met, basis)
    assert all(finding.identical for finding in verify())


def test_where_only_random_samples_count_a_targeted_check_changes_nothing(stream: Workstream, now: WallClock, checker: Membership) -> None:
    level = make.accuracy_level(stream, population="random")
    delivered(stream, 3)
    sampled(actions.draw_plan(workstream=stream, declared=declared(number=2), by=base.system()), checker, {}, 50)
    targeted(stream, 9, 10)
    attainment = closed(level, now)
    assert (attainment.numerator, attainment.denominator, attainment.met) == (0, 100, True)


def test_an_error_counts_what_its_severity_does(stream: Workstream, now: WallClock, checker: Membership) -> None:
    level = make.accuracy_level(stream, severity_weights={"minor": "0.5", "major": "1"})
    delivered(stream, 1)
    plan = actions.draw_plan(workstream=stream, declared=declared(number=1, adjudicator="none"), by=base.system())
    sampled(plan, checker, {0: [MAJOR, MINOR]}, 150)
    attainment = closed(level, now)
    assert (attainment.numerator, attainment.denominator) == (2, 150)  # 1.33 % as counted, exactly 1 % as weighed
    assert attainment.measured["rate"] == "1/100"
    assert attainment.met is False  # 1 % is not under 1 %
    assert CreditClaim.objects.get().formula == (
        "5 % of the credit base for October 2026: 2 of 150 = 1.33 %, weighed 1.00 % against under 1 %"
    )
    assert [row.weighted for row in AttainmentRow.objects.all()] == [Decimal("1.5")]
    assert all(finding.identical for finding in verify())


def in_two_strata(stream: Workstream, checker: Membership) -> SamplePlan:
    """18 standard and 2 urgent, two drawn of each, 100 units in each item; two errors in an urgent one."""
    delivered(stream, 18, priority="standard")
    delivered(stream, 2, priority="urgent")
    by_priority = declared(number=2, strata_by=("priority",), allocation="each", adjudicator="none")
    plan = actions.draw_plan(workstream=stream, declared=by_priority, by=base.system())
    sampled(plan, checker, {1: [MAJOR, MAJOR]}, 100)
    return plan


def test_strata_drawn_out_of_proportion_weigh_what_they_stand_for(stream: Workstream, now: WallClock, checker: Membership) -> None:
    level = make.accuracy_level(stream, population="random")
    in_two_strata(stream, checker)
    attainment = closed(level, now)
    assert (attainment.numerator, attainment.denominator) == (2, 400)
    assert attainment.measured["rate"] == "1/1000"  # 0.1 × 1 %, not 2 of 400
    assert [row["population"] for row in attainment.measured["strata"]] == [18, 2]
    assert set(AttainmentRow.objects.values_list("stratum", flat=True)) == {"1/0", "1/1"}
    assert all(finding.identical for finding in verify())


def test_an_extended_sample_adds_to_its_strata_and_what_was_found_stays(stream: Workstream, now: WallClock, checker: Membership) -> None:
    level = make.accuracy_level(stream, population="random")
    first = in_two_strata(stream, checker)
    further = actions.extend_plan(plan=first, number=2, by=base.system())
    assert [row["size"] for row in further.strata] == [2, 0]  # every urgent one was drawn already
    sampled(further, checker, {}, 100)
    make.counted(level)
    measured = Attainment.objects.get().measured
    assert [(row["items"], row["errors"]) for row in measured["strata"]] == [(4, 0), (2, 2)]
    assert measured["rate"] == "1/1000"


def test_nor_is_it_restated_while_a_check_that_came_to_light_later_waits(stream: Workstream, now: WallClock, checker: Membership) -> None:
    level = make.accuracy_level(stream)
    delivered(stream, 1)
    closed(level, now)
    now.is_at("2026-10-21 12:00")
    sampled(actions.draw_plan(workstream=stream, declared=declared(number=1), by=base.system()), checker, {0: [MAJOR]}, 50)
    make.counted(level)
    with pytest.raises(Refused, match="1 check waits for adjudication"):
        actions.restate_window(level=level.level, window_start=OCTOBER, reason="A late check", by=base.system())


def test_a_window_is_not_closed_while_what_was_found_waits_for_a_third_person(
    stream: Workstream, now: WallClock, checker: Membership, asha: Membership
) -> None:
    level = make.accuracy_level(stream)
    delivered(stream, 1)
    sampled(actions.draw_plan(workstream=stream, declared=declared(number=1), by=base.system()), checker, {0: [MAJOR]}, 50)
    with pytest.raises(Refused, match="1 check waits for adjudication"):
        closed(level, now)
    row = SampleItem.objects.select_related("plan").get()
    check = row_check(row)
    actions.adjudicate(check=check, stands=[], reason="As the protocol says", by=Actor.member(asha))
    assert closed(level, now).numerator == 0


def row_check(row: SampleItem) -> Any:
    return QualityCheck.objects.select_related("sampled", "item").get(sampled=row)


def test_a_snapshot_of_the_format_before_still_verifies(stream: Workstream, now: WallClock) -> None:
    level = make.accuracy_level(stream)
    targeted(stream, 3, 400)
    attainment = closed(level, now)
    snapshot = dict(attainment.snapshot or {})
    new = ("test", "test_confidence_percent", "accepted_sample", "accepted_errors", "severity_weights", "population", "adjudicator")
    number, digest = evidence.rows_digest(attainment, 2)
    assert digest != snapshot["rows"]["sha256"]  # the rows of today's format say more
    version = {name: value for name, value in snapshot["version"].items() if name not in new}
    snapshot |= {"format": 2, "version": version, "rows": {"number": number, "sha256": digest}}
    del snapshot["measured"]
    older = Attainment(
        **{field.attname: getattr(attainment, field.attname) for field in Attainment._meta.concrete_fields if field.attname != "id"}
    )
    older.revision, older.snapshot, older.snapshot_sha256 = 2, snapshot, evidence.digest_of(snapshot)
    older.save(force_insert=True)
    with connection.cursor() as cursor:
        columns = ", ".join(str(f.column) for f in AttainmentRow._meta.concrete_fields if f.column not in ("id", "attainment_id"))
        cursor.execute(f"INSERT INTO sla_attainmentrow (attainment_id, {columns}) SELECT {older.pk}, {columns} FROM sla_attainmentrow")
    assert all(finding.identical for finding in verify())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"test": "upper_bound"}, "test_confidence_percent"),
        ({"test": "acceptance", "accepted_sample": 10}, "accepted_errors"),
        ({"test": "acceptance", "accepted_sample": 10, "accepted_errors": 10}, "accepted_errors"),
        ({"severity_weights": {"minor": "1.5"}}, "severity_weights"),
        ({"population": "random", "roll_up_below": 5}, "roll_up_below"),
    ],
)
def test_a_test_that_lacks_what_it_needs_is_refused_with_its_field(stream: Workstream, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        make.accuracy_level(stream, **fields)
    assert refused.value.field == field


def test_the_form_takes_what_decides_and_reads_it_back(
    alder: Organization, asha: Membership, client_of: Callable[[Membership], Browser]
) -> None:
    with in_organization(alder.id):
        base.workstream(item_prefix="NDA")
    typed = {
        "name": "Accuracy",
        "effective_from": "2026-01-01",
        "max_error_percent": "1",
        "error_unit": "clause",
        "test": "upper_bound",
        "test_confidence_percent": "95",
        "population": "random",
        "weight_minor": "0.5",
        "adjudicator": "attorney",
        "window": "month",
        "time_zone": "America/New_York",
    }
    browser = client_of(asha)
    here = "/alder/service-levels/new/NDA/accuracy/"
    page = words(browser.post(here, {**typed, "do": "preview"}).content)
    assert "Tested is the exact upper bound of the rate, one-sided at 95 %" in page
    assert "a minor one 0.5" in page
    assert "Where two reviews differ, the supervising attorney decides." in page
    assert "0 wrong of 299 clauses checked Met: upper bound 0.997 %" in page
    assert browser.post(here, typed).status_code == 302
    with in_organization(alder.id):
        version = ServiceLevelVersion.objects.get()
        assert (version.test, version.population, version.severity_weights, version.adjudicator) == (
            "upper_bound",
            "random",
            {"minor": "0.5"},
            "attorney",
        )
