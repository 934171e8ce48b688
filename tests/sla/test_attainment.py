"""Figures of a window: what counts, where it counts, and what closing freezes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from engagements import actions as work
from engagements.models import Pause
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.jobs.registry import Run
from lpo.tenancy.context import Scope
from sla import actions, counting
from sla.models import Attainment, AttainmentRow, Clock, CreditClaim, QualityCheck, ServiceLevelVersion
from sla.tasks import sweep
from sla.verify import verify
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york

pytestmark = pytest.mark.django_db

OCTOBER, NOVEMBER, DECEMBER = (new_york(f"2026-{month}-01 00:00") for month in ("10", "11", "12"))


def figures(attainment: Attainment) -> tuple[int, int, int, int]:
    return attainment.numerator, attainment.denominator, attainment.pending, attainment.excluded


def the_case_of_forty(now: WallClock) -> ServiceLevelVersion:
    """36 met of 38 finished in the window; 2 more due in it and still open; 3 excluded."""
    now.is_at("2026-10-20 12:00")
    level = make.level()
    stream = level.level.workstream
    for _ in range(36):
        make.item(stream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    for _ in range(2):
        make.item(stream, "2026-10-05 09:00", delivered="2026-10-07 15:00")
    for _ in range(2):
        make.item(stream, "2026-10-12 09:00")
    for _ in range(3):
        item = make.item(stream, "2026-10-05 09:00", delivered="2026-10-08 15:00")
        actions.exclude_item(level=level.level, item=item, reason="Sent in a format outside the scope", by=base.system())
    return level


def test_thirty_six_of_forty_with_the_overdue_counted_and_the_excluded_not(in_alder: Scope, now: WallClock) -> None:
    level = the_case_of_forty(now)
    (october,) = make.counted(level)
    assert figures(october) == (36, 40, 0, 3)
    assert october.met is False
    assert october.median_seconds == 6 * 3600


def test_nothing_counted_is_not_measured(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-05 12:00")
    level = make.level()
    make.item(level.level.workstream, "2026-10-05 09:00")
    (october,) = make.counted(level)
    assert (figures(october), october.met, october.median_seconds) == ((0, 0, 1, 0), None, None)


def test_due_in_november_and_done_in_december_is_missed_in_november_and_absent_from_december(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-12-01 11:00")
    level = make.business_level(hours=2)
    item = make.item(level.level.workstream, "2026-11-30 14:00", delivered="2026-12-01 10:00")
    assert make.clock(item).due_at == new_york("2026-11-30 16:00")
    (november,) = make.counted(level)
    assert (november.label, figures(november)) == ("November 2026", (0, 1, 0, 0))


def test_a_clock_that_comes_due_without_any_event_is_missed_a_minute_later(in_alder: Scope, now: WallClock) -> None:
    start = now.is_at("2026-11-10 09:00")
    level = make.level()
    make.item(level.level.workstream, "2026-11-10 09:00")
    (november,) = make.counted(level)
    assert figures(november) == (0, 0, 1, 0)
    now.is_at("2026-11-11 09:01")
    run = Run(1, level.organization_id, "sla.sweep", {}, {}, Actor.system(level.organization_id))
    sweep(run)
    (november,) = make.counted(level)
    assert figures(november) == (0, 1, 0, 0)
    assert counting.overtaken(start + timedelta(days=3)) == []


def test_a_held_clock_moves_on_when_its_window_ends(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-10 09:00")
    level = make.level()
    item = make.item(level.level.workstream, "2026-11-10 08:00", paused=[("2026-11-10 08:30", None)])
    now.is_at("2026-12-01 00:01")
    sweep(Run(1, level.organization_id, "sla.sweep", {}, {}, Actor.system(level.organization_id)))
    assert make.clock(item).window_start == DECEMBER
    november, december = make.counted(level)
    assert (figures(november), figures(december)) == ((0, 0, 0, 0), (0, 0, 1, 0))


def test_met_missed_pending_and_excluded_are_all_clocks_of_the_window(in_alder: Scope, now: WallClock) -> None:
    level = the_case_of_forty(now)
    make.item(level.level.workstream, "2026-10-20 09:00")
    cancelled = make.item(level.level.workstream, "2026-10-20 10:00")
    work.move_item(item=cancelled, to="cancelled", by=base.system(), reason="Deal is off")
    (october,) = make.counted(level)
    assert figures(october) == (36, 40, 1, 4)
    assert october.denominator + october.pending + october.excluded == Clock.objects.count() == 45


def test_rework_is_shown_and_not_counted(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    level = make.level()
    item = make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    work.move_item(item=item, to="returned", by=base.system(), at=new_york("2026-10-06 09:00"), reason="Clause 4")
    (october,) = make.counted(level)
    assert (figures(october), Clock.objects.count()) == ((1, 1, 0, 0), 2)


def test_three_errors_in_four_hundred_keep_a_promise_of_under_one_percent(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    level = make.accuracy_level()
    item = make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    for errors in (2, 1):
        actions.record_quality_check(item=item, units=200, errors=errors, by=base.system())
    (october,) = make.counted(level)
    assert (figures(october), october.met) == ((3, 400, 0, 0), True)
    actions.record_quality_check(item=item, units=1, errors=1, by=base.system())
    assert make.counted(level)[0].met is True
    actions.record_quality_check(item=item, units=1, errors=1, by=base.system())
    assert make.counted(level)[0].met is False


def test_four_errors_in_four_hundred_are_one_percent_and_not_under_it(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    level = make.accuracy_level()
    item = make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    actions.record_quality_check(item=item, units=400, errors=4, by=base.system())
    assert make.counted(level)[0].met is False


def test_what_was_checked_before_delivery_does_not_count_for_accuracy(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    level = make.accuracy_level()
    item = make.item(level.level.workstream, "2026-10-05 09:00")
    actions.record_quality_check(item=item, units=50, errors=5, by=base.system(), checked_at=new_york("2026-10-05 12:00"))
    work.move_item(item=item, to="delivered", by=base.system(), at=new_york("2026-10-05 15:00"), reason="as recorded")
    actions.record_quality_check(item=item, units=50, errors=0, by=base.system(), checked_at=new_york("2026-10-06 12:00"))
    assert figures(make.counted(level)[0]) == (0, 50, 0, 0)


def a_case_of_ten(now: WallClock) -> ServiceLevelVersion:
    """The same in small: 8 met, 1 late, 1 overdue and still open; 1 excluded."""
    now.is_at("2026-10-20 12:00")
    level = make.level()
    stream = level.level.workstream
    for _ in range(8):
        make.item(stream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    make.item(stream, "2026-10-05 09:00", delivered="2026-10-07 15:00")
    make.item(stream, "2026-10-12 09:00")
    item = make.item(stream, "2026-10-05 09:00", delivered="2026-10-08 15:00")
    actions.exclude_item(level=level.level, item=item, reason="Sent in a format outside the scope", by=base.system())
    return level


def closed_october(now: WallClock) -> Attainment:
    level = a_case_of_ten(now)
    make.counted(level)
    now.is_at("2026-11-02 09:00")
    return actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())


def test_closing_freezes_the_figure_with_every_row_behind_it(in_alder: Scope, now: WallClock) -> None:
    october = closed_october(now)
    outcomes = list(AttainmentRow.objects.filter(attainment=october).order_by("outcome").values_list("outcome", flat=True))
    assert {outcome: outcomes.count(outcome) for outcome in outcomes} == {"met": 8, "missed": 2, "excluded": 1}
    assert october.snapshot is not None
    assert october.snapshot["counts"]["numerator"] == 8
    assert october.snapshot["rows"]["number"] == 11
    assert october.snapshot["version"]["expected_percent"] == "95.0000"


def test_a_window_closes_only_once_it_has_ended_and_is_counted(in_alder: Scope, now: WallClock) -> None:
    level = a_case_of_ten(now)
    with pytest.raises(Refused, match="counted anew"):
        actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())
    make.counted(level)
    with pytest.raises(Refused, match="runs until 01 Nov 2026, 00:00 EDT"):
        actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())


def test_closing_twice_is_closing_once(in_alder: Scope, now: WallClock) -> None:
    october = closed_october(now)
    again = actions.close_window(level=october.level, window_start=OCTOBER, by=base.system())
    assert (again.pk, AttainmentRow.objects.count(), CreditClaim.objects.count()) == (october.pk, 11, 1)


def test_who_may_not_close_windows_cannot(in_alder: Scope, now: WallClock, cora: Membership) -> None:
    level = a_case_of_ten(now)
    with pytest.raises(NotPermitted):
        actions.close_window(level=level.level, window_start=OCTOBER, by=Actor.member(cora))


def test_the_database_refuses_to_change_a_closed_figure_or_its_rows(in_alder: Scope, now: WallClock) -> None:
    october = closed_october(now)
    statements = [
        f"UPDATE sla_attainment SET numerator = 10 WHERE id = {october.pk}",
        f"UPDATE sla_attainment SET snapshot = '{{}}' WHERE id = {october.pk}",
    ]
    for statement in statements:
        with pytest.raises(DatabaseError, match="is closed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    for statement in ("UPDATE sla_attainmentrow SET outcome = 'met'", "DELETE FROM sla_attainmentrow"):
        with pytest.raises(DatabaseError, match=r"permission denied|is frozen"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_publishing_is_the_one_thing_that_still_happens_to_a_closed_figure(in_alder: Scope, now: WallClock) -> None:
    october = closed_october(now)
    assert october.published_at is None
    assert actions.publish_attainment(attainment=october, by=base.system()).published_at is not None


def test_an_open_figure_cannot_be_published(in_alder: Scope, now: WallClock) -> None:
    (october,) = make.counted(a_case_of_ten(now))
    with pytest.raises(Refused, match="closed"):
        actions.publish_attainment(attainment=october, by=base.system())


def test_a_missed_window_claims_its_credit_with_the_formula_in_words(in_alder: Scope, now: WallClock) -> None:
    claim = CreditClaim.objects.get(attainment=closed_october(now))
    assert claim.formula == "5 % of the credit base for October 2026: 8 of 10 = 80.00 % against 95 %"
    assert (claim.state, claim.percent) == ("provisional", Decimal(5))
    # Five business days from Monday 2 November; the claim stands once that Monday is over.
    assert claim.contestable_until == new_york("2026-11-10 00:00")


def test_a_met_window_claims_nothing(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    level = make.level()
    make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    make.counted(level)
    now.is_at("2026-11-02 09:00")
    assert actions.close_window(level=level.level, window_start=OCTOBER, by=base.system()).met is True
    assert not CreditClaim.objects.exists()


@pytest.mark.parametrize(("model", "agreed", "claims"), [("augmentation", False, 0), ("augmentation", True, 1), ("managed", False, 1)])
def test_hands_owe_no_turnaround_credit_unless_the_contract_agrees_it(
    in_alder: Scope, now: WallClock, asha: Membership, client_of: Any, model: str, agreed: bool, claims: int
) -> None:
    engagement = base.engagement(delivery_model=model, contract={"turnaround_credits": agreed})
    stream = base.workstream(base.matter(engagement))
    version = make.level(stream)
    make.item(stream, "2026-10-05 09:00", delivered="2026-10-09 09:00")
    make.counted(version)
    closing = now.is_at("2026-11-02 12:00")
    october = actions.close_window(level=version.level, window_start=OCTOBER, by=base.system(), now=closing)
    assert (october.met, CreditClaim.objects.count()) == (False, claims)
    page = client_of(asha).get(f"/alder/service-levels/{stream.item_prefix}/1/").content.decode()
    assert ("A missed turnaround earns no credit" in page) == (claims == 0)
    assert ("earns the client a credit" in page) == bool(claims)


def test_a_claim_becomes_final_when_nothing_in_its_window_can_be_contested(in_alder: Scope, now: WallClock) -> None:
    closed_october(now)
    assert actions.finalize_claims(by=base.system(), now=new_york("2026-11-09 23:59")) == 0
    assert actions.finalize_claims(by=base.system(), now=new_york("2026-11-10 00:00")) == 1
    assert actions.finalize_claims(by=base.system(), now=new_york("2026-11-10 00:00")) == 0
    assert CreditClaim.objects.get().state == "final"


def test_a_contested_pause_keeps_the_claim_provisional_until_it_is_resolved(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-28 12:00")
    level = make.level()
    make.item(level.level.workstream, "2026-10-26 09:00", paused=[("2026-10-26 10:00", "2026-10-26 11:00")], delivered="2026-10-28 09:00")
    pause = Pause.objects.get()
    work.contest_pause(pause=pause, by=base.system(), note="We had answered")
    make.counted(level)
    now.is_at("2026-11-02 09:00")
    actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())
    later = new_york("2026-12-24 09:00")
    assert actions.finalize_claims(by=base.system(), now=later) == 0
    work.resolve_contest(pause=pause, by=base.system(), upheld=True, note="The mail shows otherwise")
    assert actions.finalize_claims(by=base.system(), now=later) == 1


def test_a_clock_counted_in_a_closed_window_never_counts_again_elsewhere(in_alder: Scope, now: WallClock) -> None:
    october = closed_october(now)
    late = Clock.objects.filter(window_start=OCTOBER, stopped_at__isnull=True).select_related("item").order_by("id").first()
    assert late is not None
    now.is_at("2026-11-03 09:00")
    work.pause_item(item=late.item, by=base.system(), party="client", reason="information", note="asked", at=new_york("2026-10-12 10:00"))
    late.refresh_from_db()
    assert late.held_since == new_york("2026-10-12 10:00")
    assert late.window_start == october.window_start
    findings = [finding for finding in verify() if not finding.identical]
    assert any("missed was frozen, the facts now say pending" in finding.detail for finding in findings)


def test_verify_says_identical_for_what_was_closed_and_names_what_differs(in_alder: Scope, now: WallClock) -> None:
    october = closed_october(now)
    out = StringIO()
    call_command("verify", "sla", stdout=out)
    assert out.getvalue() == "alder  NDA turnaround, October 2026, revision 1: identical (8 of 10 = 80.00 %)\n"
    item = Clock.objects.filter(window_start=OCTOBER, late_seconds__gt=0, excluded=False).select_related("item").order_by("id")[0].item
    actions.exclude_item(level=october.level, item=item, reason="Agreed afterwards", by=base.system())
    out = StringIO()
    with pytest.raises(CommandError, match="1 difference found"):
        call_command("verify", "sla", organization="alder", stdout=out)
    assert f"{item.reference}: outcome missed was frozen, the facts now say excluded" in out.getvalue()


def test_a_backdated_delivery_into_a_closed_window_is_found_by_verify_and_changes_no_figure(in_alder: Scope, now: WallClock) -> None:
    october = closed_october(now)
    late = Clock.objects.filter(window_start=OCTOBER, stopped_at__isnull=True).select_related("item").order_by("id").first()
    assert late is not None
    work.move_item(item=late.item, to="delivered", by=base.system(), at=new_york("2026-10-12 15:00"), reason="Found in the mail")
    make.counted(october.level_version)
    october.refresh_from_db()
    assert figures(october) == (8, 10, 0, 1)
    assert any("missed was frozen, the facts now say met" in finding.detail for finding in verify())


def test_a_quality_check_counts_more_errors_than_units_nowhere(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-20 12:00")
    level = make.accuracy_level()
    item = make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    with pytest.raises(Refused, match="between 0 and the units") as refused:
        actions.record_quality_check(item=item, units=10, errors=11, by=base.system())
    assert (refused.value.field, QualityCheck.objects.count()) == ("errors", 0)
