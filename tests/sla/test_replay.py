"""A past replayed under a proposed contract: the same contract comes to what is stored, another to what it would have been."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from engagements import actions as work
from engagements.models import Workstream
from engagements.queries import types_of
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Role
from lpo.core.errors import Refused
from lpo.jobs.models import Job
from lpo.jobs.registry import Run
from lpo.tenancy.context import Scope, in_organization
from sla import actions
from sla.actions import Found
from sla.models import Attainment, Clock, CreditClaim, SampleItem, Scenario, ServiceLevelVersion
from sla.tasks import simulate
from tests import make as base
from tests.conftest import person
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york, replayed
from tests.sla.test_pages import SignIn, words
from tests.sla.test_samples import declared

pytestmark = pytest.mark.django_db


def side(scenario: Scenario, name: str) -> list[dict[str, Any]]:
    assert scenario.result is not None
    windows: list[dict[str, Any]] = scenario.result["sides"][name]
    return windows


def figures(windows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(window["numerator"], window["denominator"]) for window in windows]


def typed_stream() -> Workstream:
    stream = base.workstream(item_prefix="NDA")
    base.item_types(stream, standard="standard NDA", mutual="mutual NDA")
    return stream


def random_history(version: ServiceLevelVersion, seed: int, items: int, end: str) -> None:
    """Items with pauses of every party, rework, cancellations and exclusions, some still open."""
    chance, stream = random.Random(seed), version.level.workstream  # noqa: S311 -- a history, not a secret
    first, last = new_york("2026-06-01 08:00"), new_york(end)
    codes = [row.code for row in types_of(stream.pk)]
    for _ in range(items):
        received = first + timedelta(minutes=chance.randrange(int((last - first).total_seconds() // 60) - 3000))
        code = chance.choice([None, *codes, *codes]) if codes else None
        item = base.item(stream, received_at=received, priority=chance.choice(["standard", "standard", "rush"]), type=code)
        at = received + timedelta(minutes=chance.randrange(1, 300))
        for party in chance.sample(["client", "provider", "third_party"], chance.randrange(3)):
            work.pause_item(item=item, by=base.system(), party=party, reason="information", note="asked", at=at)
            at += timedelta(minutes=chance.randrange(1, 1200))
            work.resume_item(item=item, by=base.system(), at=at)
            at += timedelta(minutes=chance.randrange(1, 200))
        fate = chance.random()
        if fate < 0.8:
            at += timedelta(minutes=chance.randrange(1, 1500))
            work.move_item(item=item, to="delivered", by=base.system(), at=min(at, last), reason="as recorded")
        elif fate < 0.9:
            work.move_item(item=item, to="cancelled", by=base.system(), at=min(at, last), reason="not needed")
        if chance.random() < 0.1:
            actions.exclude_item(level=version.level, item=item, reason="Out of scope", by=base.system())


TERMS: list[dict[str, Any]] = [
    {},
    {"minimum_percent": Decimal(60), "misses_before_default": 1},
    {"allowed_misses": [[5, 1], [12, 3]], "roll_up_below": 6, "no_credit_below": 4},
    {"window": "quarter"},
    {"decides": "last", "pausing_parties": ["client", "third_party"]},
    {"item_types": ["mutual"]},
]


def windows_are_as_they_were_closed(scenario: Scenario) -> None:
    closed = {int(row.window_start.timestamp()): row for row in Attainment.objects.filter(state="closed")}
    assert len(closed) >= 1
    for name in ("holds", "proposed"):
        found = {window["start"]: window for window in side(scenario, name)}
        for start, row in closed.items():
            said = found[start]
            assert (said["numerator"], said["denominator"], said["pending"], said["excluded"]) == (
                row.numerator,
                row.denominator,
                row.pending,
                row.excluded,
            )
            assert (said["met"], said["basis"]) == (row.met, row.basis)
            assert said["weighed"] == row.measured.get("rate")
            claim = CreditClaim.objects.filter(attainment=row).first()
            assert Decimal(said["credit"]) == (claim.percent if claim else 0)
            assert (row.snapshot or {})["verdict"]["default"] == said["why"]
            assert said["closed"] is None
    assert scenario.result is not None
    assert scenario.result["differing"] == 0


def close_ended() -> None:
    for window in Attainment.objects.filter(window_end__lte=timezone.now()).order_by("window_start"):
        actions.close_window(level=window.level, window_start=window.window_start, by=base.system())


@pytest.mark.parametrize(("seed", "terms"), list(enumerate(TERMS)))
def test_the_present_version_replayed_comes_to_the_stored_figure_verdict_and_credit_of_every_closed_window(
    in_alder: Scope, now: WallClock, seed: int, terms: dict[str, Any]
) -> None:
    now.is_at("2026-10-20 12:00")
    level = make.business_level(typed_stream(), hours=6, **terms)
    random_history(level, seed, 24, "2026-10-20 11:00")
    make.counted(level)
    close_ended()
    windows_are_as_they_were_closed(replayed(level, "2026-06", "2026-10"))


RATES: list[dict[str, Any]] = [
    {},
    {"severity_weights": {"major": "0.5", "minor": "0.1"}},
    {"population": "random"},
    {"test": "upper_bound", "test_confidence_percent": Decimal(95), "max_error_percent": Decimal(5)},
    {"test": "upper_bound", "test_confidence_percent": Decimal(90), "severity_weights": {"minor": "0.2"}, "population": "random"},
    {"test": "acceptance", "accepted_sample": 150, "accepted_errors": 2},
    {"test": "acceptance", "accepted_sample": 90, "accepted_errors": 1, "severity_weights": {"minor": "0"}},
    {"allowed_misses": [[100, 1]], "roll_up_below": 80, "no_credit_below": 60},
]


def random_checks(version: ServiceLevelVersion, checker: Membership, now: WallClock, seed: int) -> None:
    """Each month a sample in strata of unequal weight, checked with errors of every severity, and targeted checks; one item excluded."""
    chance, stream = random.Random(seed), version.level.workstream  # noqa: S311 -- a history, not a secret
    for month in ("07", "08", "09"):
        now.is_at(f"2026-{month}-27 12:00")
        for priority, number in (("standard", 9), ("rush", 3)):
            items = [
                make.item(stream, f"2026-{month}-02 09:00", delivered=f"2026-{month}-03 09:00", priority=priority) for _ in range(number)
            ]
        span = {"from_at": new_york(f"2026-{month}-01 00:00"), "to_at": new_york(f"2026-{month}-27 00:00")}
        strata = {"strata_by": ("priority",), "allocation": "each", "adjudicator": "none"}
        plan = actions.draw_plan(workstream=stream, declared=declared(number=2, **span, **strata), by=base.system())
        actions.assign_checks(plan=plan, checkers=[checker], by=base.system())
        for row in SampleItem.objects.filter(plan=plan).order_by("position"):
            found = [
                Found(severity=chance.choice(["critical", "major", "minor"]), category="wrong_call") for _ in range(chance.randrange(3))
            ]
            actions.check_sampled(sampled=row, units=chance.randrange(20, 60), found=found, by=Actor.member(checker))
        actions.record_quality_check(item=items[0], units=chance.randrange(1, 30), errors=chance.randrange(2), by=base.system())
        if chance.random() < 0.5:
            actions.exclude_item(level=version.level, item=items[0], reason="Out of scope", by=base.system())


@pytest.mark.parametrize(("seed", "terms"), list(enumerate(RATES)))
def test_an_error_rate_replayed_comes_to_every_closed_window_whatever_weighs_and_whatever_is_tested(
    in_alder: Scope, asha: Membership, now: WallClock, seed: int, terms: dict[str, Any]
) -> None:
    now.is_at("2026-06-30 12:00")
    level = make.accuracy_level(base.workstream(item_prefix="NDA"), **terms)
    random_checks(level, person(asha.organization, "Rita Alder", Role.REVIEWER), now, seed)
    now.is_at("2026-10-20 12:00")
    make.counted(level)
    close_ended()
    windows_are_as_they_were_closed(replayed(level, "2026-06", "2026-10"))


@pytest.mark.parametrize("seed", range(2))
def test_a_longer_target_never_lowers_attainment_and_a_pause_more_never_does(in_alder: Scope, now: WallClock, seed: int) -> None:
    """Every clock that was met stays met, so the number missed among all those received in a span cannot grow."""
    now.is_at("2026-12-20 12:00")
    level = make.business_level(base.workstream(item_prefix="NDA"), hours=4)
    random_history(level, 100 + seed, 20, "2026-10-20 11:00")
    missed = []
    for hours in (2, 4, 6, 9, 30):
        scenario = replayed(level, "2026-06", "2026-12", target=hours * 3600)
        whole = figures(side(scenario, "proposed"))
        missed.append((sum(counted - kept for kept, counted in whole), -sum(kept for kept, _ in whole)))
        assert sum(counted for _, counted in whole) > 0
    assert missed == sorted(missed, reverse=True)
    fewer = replayed(level, "2026-06", "2026-12", pausing_parties=["client", "third_party"])
    kept = [sum(one for one, _ in figures(side(fewer, name))) for name in ("holds", "proposed")]
    assert kept[1] >= kept[0]


def test_both_sides_stand_beside_each_other_with_the_items_that_decide(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    level = make.level(base.workstream(item_prefix="NDA"))
    for _ in range(9):
        make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    late = make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-06 15:00")
    before = list(Clock.objects.order_by("id").values_list("id", "due_at", "computed_at"))
    scenario = replayed(level, "2026-10", "2026-10", target=36 * 3600, expected_percent=Decimal(98))
    assert [(w["numerator"], w["denominator"], w["met"], w["credit"]) for w in side(scenario, "holds")] == [(9, 10, False, "5")]
    assert [(w["numerator"], w["denominator"], w["met"], w["credit"]) for w in side(scenario, "proposed")] == [(10, 10, True, "0")]
    result = scenario.result or {}
    (row,) = result["kept"]
    assert (result["differing"], row["reference"], row["distance"]) == (1, late.reference, 6 * 3600)
    assert row["holds"] == {"outcome": "missed", "due": _epoch("2026-10-06 09:00"), "window": _epoch("2026-10-01 00:00")}
    assert row["proposed"]["outcome"] == "met" and row["proposed"]["due"] == _epoch("2026-10-06 21:00")
    assert result["near"][0]["reference"] == late.reference
    assert list(Clock.objects.order_by("id").values_list("id", "due_at", "computed_at")) == before
    assert not Attainment.objects.exists()


def _epoch(text: str) -> int:
    return int(new_york(text).timestamp())


def test_a_proposal_binds_what_was_received_from_its_date_on(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    level = make.level(base.workstream(item_prefix="NDA"))
    make.item(level.level.workstream, "2026-09-07 09:00", delivered="2026-09-07 15:00")
    make.item(level.level.workstream, "2026-10-07 09:00", delivered="2026-10-07 15:00")
    scenario = replayed(level, "2026-09", "2026-10", target=3600, effective_from=date(2026, 10, 1))
    assert figures(side(scenario, "proposed")) == [(1, 1), (0, 1)]
    assert [window["promise"] for window in side(scenario, "proposed")] == ["95 % within 24 hours", "95 % within 1 hour"]


def test_a_history_older_than_the_level_is_measured_by_a_proposal_that_reaches_back(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    stream = base.workstream(item_prefix="NDA")
    make.item(stream, "2025-09-08 09:00", delivered="2025-09-08 15:00")
    level = make.level(stream, effective_from=date(2026, 1, 1))
    scenario = replayed(level, "2025-09", "2025-09", effective_from=date(2025, 1, 1))
    assert (figures(side(scenario, "holds")), figures(side(scenario, "proposed"))) == ([(0, 0)], [(1, 1)])


def test_the_fourth_miss_within_twelve_months_earns_the_credit_also_where_the_earlier_ones_lie_before_the_months_asked_for(
    in_alder: Scope, now: WallClock
) -> None:
    now.is_at("2026-11-02 12:00")
    level = make.level(base.workstream(item_prefix="NDA"))
    for month in ("07", "08", "09", "10"):
        for day in ("06", "07"):
            make.item(level.level.workstream, f"2026-{month}-{day} 09:00", delivered=f"2026-{month}-{day} 15:00")
        make.item(level.level.workstream, f"2026-{month}-08 09:00", delivered=f"2026-{month}-12 15:00")
    whole = replayed(level, "2026-07", "2026-10", minimum_percent=Decimal(50))
    assert [window["credit"] for window in side(whole, "proposed")] == ["0", "0", "0", "5"]
    assert [window["credit"] for window in side(whole, "holds")] == ["5"] * 4
    assert [window["credit"] for window in side(replayed(level, "2026-10", "2026-10", minimum_percent=Decimal(50)), "proposed")] == ["5"]


def test_a_closed_figure_is_said_where_the_records_have_moved_on_since(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    level = make.level(base.workstream(item_prefix="NDA"))
    make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    late = make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-08 15:00")
    make.counted(level)
    actions.close_window(level=level.level, window_start=new_york("2026-10-01 00:00"), by=base.system())
    actions.exclude_item(level=level.level, item=late, reason="Out of scope", by=base.system())
    (window,) = side(replayed(level, "2026-10", "2026-10"), "holds")
    assert (window["numerator"], window["denominator"], window["closed"]) == (1, 1, [1, 2])


def test_errors_in_checked_work_are_judged_by_the_proposed_limit(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    level = make.accuracy_level(base.workstream(item_prefix="NDA"))
    item = make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
    actions.record_quality_check(item=item, units=100, errors=2, by=base.system(), checked_at=new_york("2026-10-06 09:00"))
    scenario = replayed(level, "2026-10", "2026-10", max_error_percent=Decimal(3))
    assert [(w["numerator"], w["denominator"], w["met"]) for w in side(scenario, "holds")] == [(2, 100, False)]
    assert [w["met"] for w in side(scenario, "proposed")] == [True]


def test_the_checks_that_decide_an_accuracy_replay_are_listed(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    """October comes out differently, September is met either way; a clean check and one before the delivery decide nothing."""
    now.is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        level = make.accuracy_level(base.workstream(item_prefix="NDA"))
        for received, checked, errors in (
            ("2026-09-03", "2026-09-10", 1),
            ("2026-10-05", "2026-10-08", 2),
            ("2026-10-06", "2026-10-09", 0),
        ):
            item = make.item(level.level.workstream, f"{received} 09:00", delivered=f"{received} 15:00")
            actions.record_quality_check(item=item, units=125, errors=errors, by=base.system(), checked_at=new_york(f"{checked} 09:00"))
        early = make.item(level.level.workstream, "2026-10-07 09:00", delivered="2026-10-20 15:00")
        actions.record_quality_check(item=early, units=10, errors=9, by=base.system(), checked_at=new_york("2026-10-08 09:00"))
        replayed(level, "2026-09", "2026-10", max_error_percent=Decimal("0.5"))
    page = client_of(asha).get("/alder/service-levels/NDA/1/scenarios/1/")
    assert [(row["check"].reference, row["window"], row["turned"]) for row in page.context["wrong"]] == [
        ("NDA-0002", "October 2026", True),
        ("NDA-0001", "September 2026", True),
    ]
    assert "Checks with errors" in page.content.decode()


def test_another_window_and_another_calendar_are_asked_of_the_same_past(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    level = make.business_level(base.workstream(item_prefix="NDA"), hours=2)
    make.item(level.level.workstream, "2026-08-07 16:00", delivered="2026-08-08 09:00")
    make.item(level.level.workstream, "2026-09-07 16:00", delivered="2026-09-07 16:30")
    weekend = make.calendar("Weekends too", weekly={str(day): [[540, 1020]] for day in range(7)})
    scenario = replayed(level, "2026-08", "2026-09", calendar_version=weekend, window="quarter")
    assert [window["label"] for window in side(scenario, "holds")] == ["August 2026", "September 2026"]
    (quarter,) = side(scenario, "proposed")
    assert (quarter["numerator"], quarter["denominator"]) == (2, 2)


def test_a_large_history_is_replayed_by_a_job_to_the_same_result(in_alder: Scope, now: WallClock, monkeypatch: pytest.MonkeyPatch) -> None:
    now.is_at("2026-10-20 12:00")
    level = make.business_level(base.workstream(item_prefix="NDA"), hours=6)
    random_history(level, 7, 24, "2026-10-20 11:00")
    at_once = replayed(level, "2026-06", "2026-10", target=3 * 3600)
    monkeypatch.setattr("sla.actions.scenarios.AT_ONCE", 10)
    monkeypatch.setattr("sla.replay.CHUNK", 7)
    queued = replayed(level, "2026-06", "2026-10", target=3 * 3600)
    assert (queued.result, queued.computed_at) == (None, None)
    job = Job.objects.get(key=actions.key_of(queued))
    assert job.matter_id == level.matter_id
    cursor, chunks = dict[str, Any](), 0
    while True:  # each chunk by another worker, from what the last one committed
        run = Run(job.pk, job.organization_id, job.kind, job.payload, cursor, base.system())
        try:
            progress = next(simulate(run))
        except StopIteration:
            break
        cursor, chunks = json.loads(json.dumps(progress.cursor)), chunks + 1
    queued.refresh_from_db()
    assert (chunks, cursor["tally"]["items"]) == (4, 24)
    assert queued.result == json.loads(json.dumps(at_once.result))


def test_months_out_of_order_too_many_or_a_promise_that_contradicts_itself_are_refused(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    level = make.level()
    with pytest.raises(Refused, match="before the first"):
        replayed(level, "2026-10", "2026-09")
    with pytest.raises(Refused, match="At most 60"):
        replayed(level, "2020-10", "2026-09")
    with pytest.raises(Refused, match="minimum"):
        replayed(level, "2026-10", "2026-10", minimum_percent=Decimal(99))
    assert not Scenario.objects.exists()


def test_the_page_shows_both_sides_and_leads_on_to_another_proposal(
    alder: Organization, asha: Membership, rita: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        level = make.level(base.workstream(item_prefix="NDA"))
        for _ in range(9):
            make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-05 15:00")
        late = make.item(level.level.workstream, "2026-10-05 09:00", delivered="2026-10-06 15:00")
    browser, new = client_of(asha), "/alder/service-levels/NDA/1/scenarios/new/"
    assert "must be delivered within 24 hours" in words(browser.get(new).content)
    typed = {
        "name": "36 hours",
        "first_month": "2026-10-01",
        "last_month": "2026-11-01",
        "effective_from": "2020-01-01",
        "expected_percent": "95",
        "amount": "36",
        "unit": "elapsed",
        "decides": "first",
        "window": "month",
        "time_zone": "America/New_York",
        "importance": "critical",
        "credit_percent": "5",
    }
    looked = words(browser.post(new, {**typed, "do": "preview"}).content)
    assert "within 36 hours" in looked
    answer = browser.post(new, {**typed, "do": "save"})
    assert (answer.status_code, answer["Location"]) == (302, "/alder/service-levels/NDA/1/scenarios/1/")
    page = words(browser.get(answer["Location"]).content)
    assert "October 2026 As it holds 95 % within 24 hours 90.0 % 9 / 10" in page
    assert "October 2026 Proposed 95 % within 36 hours 100.0 % 10 / 10" in page
    assert f"{late.reference} Tue 6 Oct, 15:00 EDT Missed due Tue 6 Oct, 09:00 EDT Met due Tue 6 Oct, 21:00 EDT 6 h to spare" in page
    assert "1 of 10 replayed" in page
    changed = browser.get(f"{new}?like=1").content.decode()
    assert 'value="36"' in changed and 'value="36 hours"' in changed
    assert b"holds,October 2026,95 % within 24 hours,9,10,90.00" in browser.get(f"{answer['Location']}windows.csv").content
    assert browser.post(f"{answer['Location']}again/").status_code == 302
    assert "36 hours" in words(browser.get("/alder/service-levels/NDA/scenarios/").content)
    assert client_of(rita).get(new).status_code == 403
    wrong = browser.post(new, {**typed, "last_month": "2026-10-01", "first_month": "2026-11-01", "do": "save"})
    assert wrong.status_code == 422
    assert "The last month lies before the first." in words(wrong.content)
