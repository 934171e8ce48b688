"""Samples, checks, replays and credit claims through the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from engagements.models import Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.jobs.runner import run_due
from lpo.tenancy.context import Scope
from sla import actions
from sla.actions import scenarios
from sla.models import Adjudicator, Attainment, CreditClaim, QualityCheck, Scenario, ServiceLevelVersion, Sizing
from tests import make
from tests.sla import make as levels
from tests.sla.conftest import WallClock

Ask = Callable[..., Any]


@pytest.fixture
def stream(in_alder: Scope) -> Workstream:
    return make.workstream(item_prefix="NDA")


def delivered(stream: Workstream, many: int) -> None:
    for _ in range(many):
        make.item(stream, state="delivered")


def problem(answer: Any, code: int = 422) -> str:
    assert answer.status_code == code, answer.content
    return str((answer.json().get("errors") or [{"field": ""}])[0]["field"])


def test_a_plan_is_read_with_its_rate_and_its_items_without_who_called_them_first(
    ask: Ask, stream: Workstream, asha: Membership, rita: Membership, olga: Membership
) -> None:
    delivered(stream, 6)
    now = timezone.now()
    declared = actions.Declared(
        from_at=now - timedelta(days=1),
        to_at=now + timedelta(days=1),
        sizing=Sizing.NUMBER.value,
        number=4,
        adjudicator=Adjudicator.THIRD.value,
    )
    plan = actions.draw_plan(workstream=stream, declared=declared, by=make.system())
    here = f"quality-plans/NDA/{plan.number}/"
    assert ask("GET", here).json()["rate"] is None, "nothing is checked: not measured, never 0"
    actions.assign_checks(plan=plan, checkers=[rita], by=make.system())
    first, second = plan_items(plan)[:2]
    found = [actions.Found(severity="minor", category="data")]
    check = actions.check_sampled(sampled=first, units=1, found=found, by=Actor.member(rita))
    actions.check_sampled(sampled=second, units=1, found=[], by=Actor.member(rita))
    read = ask("GET", here).json()
    assert (read["size"], read["population"], read["checked"], read["disputed"], read["errors"], read["rate"]) == (4, 6, 2, 1, 1, 0.5)
    assert read["low"] < 0.5 < read["high"]
    actions.adjudicate(check=check, stands=[], reason="The first call was right", by=Actor.member(olga))
    assert ask("GET", here).json()["rate"] == 0.0
    items = ask("GET", f"{here}items/").json()["results"]
    assert [row["position"] for row in items] == [4, 3, 2, 1] and items[-1]["state"] == "adjudicated"
    assert set(items[0]) == {"position", "item", "external_id", "stratum", "state"}
    (checked,) = [row for row in ask("GET", "quality-checks/", {"workstream": "NDA"}).json()["results"] if row["adjudicated"]]
    assert (checked["errors"], checked["counted_errors"], checked["plan"], checked["position"]) == (1, 0, 1, 1)
    assert ask("POST", "quality-plans/", {}).status_code in (403, 405), "a person declares and draws"
    for path in ("quality-plans/NDA/9/", f"quality-plans/NDA/{10**30}/", "quality-plans/XXX/1/"):
        assert ask("GET", path).status_code == 404


def plan_items(plan: Any) -> list[Any]:
    from sla.models import SampleItem

    return list(SampleItem.objects.filter(plan=plan).select_related("plan", "item").order_by("position"))


def test_a_check_sent_twice_is_one(ask: Ask, stream: Workstream) -> None:
    item = make.item(stream, received_at=timezone.now() - timedelta(days=2))
    body = {
        "item": item.reference,
        "checked_at": (timezone.now() - timedelta(hours=1)).isoformat(),
        "units": 20,
        "errors": 1,
        "note": "Second read",
    }
    answers = [ask("POST", "quality-checks/", body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert QualityCheck.objects.count() == 1 and answers[0].json()["plan"] is None
    assert problem(ask("POST", "quality-checks/", body | {"errors": 21})) == "errors"
    assert problem(ask("POST", "quality-checks/", body | {"checked_at": "2099-01-01T00:00:00Z"})) == "checked_at"
    assert problem(ask("POST", "quality-checks/", body | {"reviewer": "rita"})) == "reviewer"
    assert [row["item"] for row in ask("GET", "quality-checks/", {"item": item.reference}).json()["results"]] == [item.reference]


@pytest.fixture
def level(stream: Workstream, now: WallClock) -> ServiceLevelVersion:
    """October: one delivered in ten hours, one in thirty."""
    now.is_at("2026-10-01 08:00")
    made = levels.level(stream)
    now.is_at("2026-11-05 09:00")
    levels.item(stream, "2026-10-05 09:00", delivered="2026-10-05 19:00")
    levels.item(stream, "2026-10-06 09:00", delivered="2026-10-07 15:00")
    levels.counted(made)
    return made


QUESTION = {
    "workstream": "NDA",
    "level": "NDA turnaround",
    "name": "Thirty-six hours",
    "first_month": "2026-10-01",
    "last_month": "2026-10-01",
    "effective_from": "2026-10-01",
    "changes": {"target": 36 * 3600},
}


def test_a_past_is_replayed_and_read_back(ask: Ask, level: ServiceLevelVersion) -> None:
    made = ask("POST", "replays/", QUESTION)
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["number"], body["status"], body["proposal"]["target"]) == (1, "done", 36 * 3600)
    assert ask("POST", "replays/", QUESTION).json()["number"] == 1 and Scenario.objects.count() == 1, "sent twice"
    assert ask("GET", "replays/NDA/1/").json()["result"] == body["result"] is not None
    (listed,) = ask("GET", "replays/", {"level": "NDA turnaround"}).json()["results"]
    assert listed["name"] == "Thirty-six hours" and "result" not in listed
    assert ask("GET", "replays/NDA/0/").status_code == ask("GET", "replays/NDA/2/").status_code == 404


def test_what_contradicts_itself_is_named(ask: Ask, level: ServiceLevelVersion) -> None:
    assert problem(ask("POST", "replays/", QUESTION | {"level": "Nothing"})) == "level"
    assert problem(ask("POST", "replays/", QUESTION | {"last_month": "2026-09-01"})) == "last_month"
    assert problem(ask("POST", "replays/", QUESTION | {"changes": {"minimum_percent": "99"}})) == "minimum_percent"
    assert problem(ask("POST", "replays/", QUESTION | {"changes": {"target": "soon"}})).startswith("changes")
    assert not Scenario.objects.exists()


def test_a_long_one_is_a_job_whose_progress_is_told(ask: Ask, level: ServiceLevelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "AT_ONCE", 1)
    made = ask("POST", "replays/", QUESTION).json()
    assert (made["status"], made["result"]) == ("running", None)
    run_due(level.organization_id)
    assert ask("GET", "replays/NDA/1/").json()["status"] == "done"


def test_claims_carry_formula_and_inputs(ask: Ask, level: ServiceLevelVersion) -> None:
    window = Attainment.objects.get(level=level.level, label="October 2026")
    actions.close_window(level=level.level, window_start=window.window_start, by=make.system())
    (claim,) = ask("GET", "credit-claims/", {"workstream": "NDA", "state": "provisional"}).json()["results"]
    assert (claim["level"], claim["label"], float(claim["percent"])) == ("NDA turnaround", "October 2026", 5.0)
    assert claim["formula"] and claim["inputs"] and claim["final_at"] is None
    assert ask("GET", "credit-claims/", {"state": "final"}).json()["results"] == []


def test_claims_of_one_incident_name_each_other_and_what_is_paid_instead(ask: Ask, stream: Workstream, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    made = [levels.level(stream, name=name, target=target * 3600) for name, target in (("slow", 24), ("fast", 48))]
    levels.item(stream, "2026-10-05 09:00", delivered="2026-10-15 09:00")
    for version in made:
        levels.counted(version)
        actions.close_window(level=version.level, window_start=levels.new_york("2026-10-01 00:00"), by=make.system())
    claims = {claim["level"]: claim for claim in ask("GET", "credit-claims/").json()["results"]}
    assert (claims["slow"]["incident_rule"], claims["slow"]["paid_instead"]) == ("choice", None)
    (share,) = claims["slow"]["shares"]
    assert (share["level"], share["label"], share["items_shared"], share["items"]) == ("fast", "October 2026", 1, ["NDA-0001"])
    rows = list(CreditClaim.objects.order_by("id"))
    actions.choose_credit(claim=rows[1], among=[row.pk for row in rows], by=make.system())
    claims = {claim["level"]: claim for claim in ask("GET", "credit-claims/").json()["results"]}
    assert (claims["slow"]["state"], claims["slow"]["paid_instead"], claims["slow"]["shares"]) == ("withdrawn", "fast", [])
    assert claims["slow"]["note"].startswith("Not paid")
