"""Pages of quality: drawing a plan, checking blind, adjudicating, and what the figures say."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from django.test import Client as Browser

from engagements import actions as work
from engagements.models import Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Role
from lpo.tenancy.context import in_organization
from sla import actions
from sla.actions import Found
from sla.models import Adjudication, QualityCheck, QualityFinding, SampleItem, SamplePlan
from sla.quality import recall_of
from sla.statistics import clopper_pearson
from tests import make as base
from tests.conftest import person
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.test_pages import words
from tests.sla.test_samples import WRONG, declared, delivered

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]
HERE = "/alder/quality/NDA/"
MARGIN = {
    "from_day": "2026-10-01",
    "to_day": "2026-10-31",
    "purpose": "accuracy",
    "sizing": "margin",
    "confidence_percent": "95",
    "margin_percent": "5",
    "allocation": "proportional",
    "adjudicator": "third",
}


@pytest.fixture
def rita(alder: Organization) -> Membership:
    return person(alder, "Rita Alder", Role.REVIEWER)


@pytest.fixture
def olga(alder: Organization) -> Membership:
    return person(alder, "Olga Alder", Role.OWNER)


@pytest.fixture
def stream(alder: Organization, asha: Membership, now: WallClock) -> Workstream:
    """Ten NDAs delivered in October, all of them Asha's calls."""
    now.is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        made = base.workstream(item_prefix="NDA")
        for item in delivered(made, 10):
            work.assign_item(item=item, by=base.system(), member=asha)
    return made


def test_the_form_reads_the_plan_back_before_anything_is_drawn(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    page = client_of(asha).post(f"{HERE}plans/new/", {**MARGIN, "strata_by": "reviewer", "do": "preview"})
    assert page.status_code == 200
    assert "10 of 10: ±5 % at 95 %, expecting 50 %" in words(page.content)
    assert asha.display_name in words(page.content)
    with in_organization(asha.organization_id):
        assert not SamplePlan.objects.exists()


def test_a_plan_that_asks_for_more_than_there_is_keeps_what_was_typed(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    page = client_of(asha).post(f"{HERE}plans/new/", {**MARGIN, "sizing": "number", "number": "11"})
    assert page.status_code == 422
    assert "11 of 10 cannot be drawn" in words(page.content)
    assert 'value="11"' in page.content.decode()


def drawn_for(asha: Membership, checker: Membership, browser: Browser, number: int = 2) -> str:
    made = browser.post(f"{HERE}plans/new/", {**MARGIN, "sizing": "number", "number": str(number)})
    browser.post(f"{made.headers['Location']}assign/", {"checkers": [checker.pk]})
    return str(made.headers["Location"])


def test_a_checker_finds_the_item_in_their_list_and_checks_it_without_a_name(
    stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn
) -> None:
    here = drawn_for(asha, rita, client_of(asha))
    browser = client_of(rita)
    assert words(browser.get("/alder/checks/").content).count("Plan 1") == 2
    page = words(browser.get(f"{here}1/").content)
    assert asha.display_name not in page.replace(rita.display_name, "")
    assert "first call" not in words(browser.get(here).content)  # whose, is said to those who lead
    typed = {"units": "20", "rows": "3", "f0-severity": "major", "f0-wrong": "2", "f0-category": "missed", "f0-root_cause": "training"}
    answer = browser.post(f"{here}1/", typed)
    assert answer.headers["Location"] == f"{here}2/"  # the next of the plan
    with in_organization(rita.organization_id):
        assert (QualityCheck.objects.get().errors, QualityFinding.objects.get().category) == (2, "missed")
    assert browser.post(f"{here}2/", {"units": "5", "rows": "3"}).headers["Location"] == "/alder/checks/"


def test_more_rows_keep_what_was_typed_and_a_finding_without_a_severity_is_asked_for_it(
    stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn
) -> None:
    here = drawn_for(asha, rita, client_of(asha))
    browser = client_of(rita)
    more = browser.post(f"{here}1/", {"units": "20", "rows": "3", "f0-note": "Clause 4", "do": "more"})
    assert (more.status_code, b"f5-severity" in more.content, b"Clause 4" in more.content) == (200, True, True)
    refused = browser.post(f"{here}1/", {"units": "20", "rows": "3", "f0-note": "Clause 4"})
    assert refused.status_code == 422
    assert "Say how severe it is" in words(refused.content)


def test_what_was_given_to_somebody_else_is_refused(
    stream: Workstream, asha: Membership, rita: Membership, olga: Membership, client_of: SignIn
) -> None:
    here = drawn_for(asha, rita, client_of(asha))
    assert client_of(olga).get(f"{here}1/").status_code == 403
    assert client_of(olga).post(f"{here}1/", {"units": "5", "rows": "3"}).status_code == 403


def test_the_checker_does_not_read_earlier_checks_of_the_item_before_their_own(
    stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn
) -> None:
    here = drawn_for(asha, rita, client_of(asha), number=1)
    with in_organization(asha.organization_id):
        item = SampleItem.objects.select_related("item").get().item
        actions.record_quality_check(item=item, units=9, errors=4, by=base.system())
    browser = client_of(rita)
    assert "4 wrong of 9" not in words(browser.get(f"/alder/work/{item.reference}/").content)
    browser.post(f"{here}1/", {"units": "5", "rows": "3"})
    assert "4 wrong of 9" in words(browser.get(f"/alder/work/{item.reference}/").content)


def test_a_third_person_decides_on_the_page_and_the_checker_may_not(
    stream: Workstream, asha: Membership, rita: Membership, olga: Membership, client_of: SignIn
) -> None:
    here = drawn_for(asha, rita, client_of(asha), number=1)
    client_of(rita).post(f"{here}1/", {"units": "20", "rows": "3", "f0-severity": "major", "f0-wrong": "2"})
    assert client_of(asha).get(f"{here}1/adjudicate/").status_code == 403
    third = client_of(olga)
    page = words(third.get(f"{here}1/adjudicate/").content)
    assert "2 wrong of 20 checked" in page
    assert rita.display_name not in page
    refused = third.post(f"{here}1/adjudicate/", {"rows": "3", "f0-severity": "major", "f0-wrong": "1", "reason": ""})
    assert refused.status_code == 422
    third.post(f"{here}1/adjudicate/", {"rows": "3", "f0-severity": "major", "f0-wrong": "1", "reason": "One is as instructed"})
    with in_organization(olga.organization_id):
        assert Adjudication.objects.get().errors == 1
    assert "1 / 20" in words(client_of(asha).get(HERE).content)


def checked(plan: SamplePlan, checker: Membership, found: list[list[Found]], units: int = 10) -> None:
    actions.assign_checks(plan=plan, checkers=[checker], by=base.system())
    rows = SampleItem.objects.filter(plan=plan).order_by("position")
    for row, errors in zip(rows, found, strict=False):
        actions.check_sampled(sampled=row, units=units, found=errors, by=Actor.member(checker))


def test_a_targeted_check_changes_no_random_rate(stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        plan = actions.draw_plan(workstream=stream, declared=declared(number=2), by=base.system())
        checked(plan, rita, [[WRONG], []])
    before = words(client_of(asha).get(HERE).content)
    with in_organization(asha.organization_id):
        actions.record_quality_check(item=SampleItem.objects.select_related("item")[0].item, units=7, errors=7, by=base.system())
    after = words(client_of(asha).get(HERE).content)
    for page in (before, after):
        assert "1 / 20" in page
        assert "0.89–23.61 %" in page  # Wilson of 1 of 20
    assert ("7 / 7" in before, "7 / 7" in after) == (False, True)


def test_overturned_calls_are_named_to_those_who_lead_and_counted_by_tag(
    stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn
) -> None:
    with in_organization(asha.organization_id):
        plan = actions.draw_plan(workstream=stream, declared=declared(number=2), by=base.system())
        item = SampleItem.objects.filter(plan=plan).select_related("item").order_by("position")[0].item
        work.add_tag(item=item, name="privilege", by=base.system())
        checked(plan, rita, [[WRONG], []])
    page = words(client_of(asha).get(HERE).content)
    assert "Overturn by reviewer" in page
    assert "privilege 10.0 % 1 / 10" in page
    assert "Findings by root cause" in page
    assert "Oversight" in page
    assert "Overturn by reviewer" not in words(client_of(rita).get(HERE).content)
    lines = client_of(asha).get(f"{HERE}checks.csv").content.decode().splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("reviewer,checked_by")
    assert asha.display_name in lines[1]
    assert asha.display_name not in client_of(rita).get(f"{HERE}checks.csv").content.decode()


def test_elusion_and_recall_of_what_was_set_aside(
    alder: Organization, asha: Membership, rita: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        stream = base.workstream(item_prefix="NDA")
        delivered(stream, 4, disposition="discarded", quantity=1000)
        delivered(stream, 3, disposition="human_reviewed")
        level = make.accuracy_level(stream)
        aside = declared(number=2, purpose="elusion", disposition="discarded", relevant_found=900, adjudicator="none")
        plan = actions.draw_plan(workstream=stream, declared=aside, by=base.system())
        assert (plan.population, int(plan.population_quantity)) == (4, 4000)
        actions.assign_checks(plan=plan, checkers=[rita], by=base.system())
        for row, relevant in zip(SampleItem.objects.filter(plan=plan).order_by("position"), (5, 0), strict=True):
            actions.check_sampled(sampled=row, units=200, found=[], relevant=relevant, by=Actor.member(rita))
        assert make.counted(level)[-1].denominator == 0  # it enters no error rate
    page = words(client_of(asha).get(HERE).content)
    assert "1.3 %" in page  # 5 of 400
    assert "Recall 94.7 %" in page  # 900 ÷ (900 + 1.25 % × 4,000)


def test_recall_has_the_bounds_of_its_elusion_turned_about() -> None:
    found = recall_of(900, Fraction(4000), Fraction(5, 400), clopper_pearson(5, 400))
    assert found is not None
    assert found.share == Fraction(900, 950)
    assert found.low < found.share < found.high
    assert recall_of(0, Fraction(4000), Fraction(0), clopper_pearson(0, 400)) is None


def test_a_matter_shows_all_its_workstreams(stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        plan = actions.draw_plan(workstream=stream, declared=declared(number=1), by=base.system())
        checked(plan, rita, [[]])
        reference = stream.matter.reference
    page = words(client_of(asha).get(f"/alder/matters/{reference}/quality/").content)
    assert "Plan 1" in page
    assert "1 of 1 checked" in page
