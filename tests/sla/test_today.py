"""Today: grouped and narrowed, kept as views, the steps inline; and the thresholds that tell along an engagement's path once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions as work
from engagements import escalating
from engagements.models import Engagement, Escalation, EscalationStep, Notice, Pause, WorkItem
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import Scope, in_organization
from sla import actions, escalations
from sla.models import Clock
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\N{NO-BREAK SPACE}", " ")


def headings(page: Any) -> list[str]:
    return [group.title for group in page.context["groups"]]


def titles(page: Any) -> list[str]:
    return [row.item.title for group in page.context["groups"] for row in group.rows]


@pytest.fixture
def day(alder: Organization, now: WallClock, asha: Membership) -> dict[str, str]:
    """Two clients at two on a Friday, 24 hours each: one breached, ones with 98 %, 81 % and 4 % of their time used, one on hold."""
    now.is_at("2026-11-20 14:00")
    with in_organization(alder.id):
        first, second = base.workstream(item_prefix="NDA"), base.workstream(item_prefix="LSE")
        for stream in (first, second):
            make.level(stream)
        late = make.item(first, "2026-11-19 13:18", title="Late one")
        make.item(first, "2026-11-20 13:00", title="Fresh one")
        make.item(second, "2026-11-19 18:30", title="Three quarters")
        make.item(second, "2026-11-19 14:30", title="Nearly due")
        make.item(second, "2026-11-19 09:00", title="Held one", paused=[("2026-11-19 11:00", None)])
        work.assign_item(item=late, by=base.system(), member=asha)
        return {"client": second.client.code, "engagement": second.matter.engagement.reference, "late": late.reference}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Late one", "Nearly due", "Three quarters", "Fresh one", "Held one"]),
        ("threshold=75", ["Late one", "Nearly due", "Three quarters"]),
        ("threshold=90", ["Late one", "Nearly due"]),
        ("threshold=due", ["Late one"]),
        ("workstream=NDA", ["Late one", "Fresh one"]),
        ("client={client}", ["Nearly due", "Three quarters", "Held one"]),
        ("engagement={engagement}&threshold=90", ["Nearly due"]),
        ("owner=nobody&show=waiting", ["Held one"]),
        ("owner=999999999", []),
    ],
)
def test_filters_leave_what_they_name(client_of: SignIn, asha: Membership, day: dict[str, str], query: str, expected: list[str]) -> None:
    assert titles(client_of(asha).get(f"/alder/today/?{query.format(**day)}")) == expected


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("threshold", ["Due or breached", "90 % used or more", "75 % used or more", "Under 75 %", "On hold"]),
        ("owner", ["Asha Rao", "Nobody"]),
        ("client", 2),
        ("engagement", 2),
        ("matter", 2),
        ("workstream", 2),
    ],
)
def test_groups_stand_in_the_order_of_their_most_urgent(
    client_of: SignIn, asha: Membership, day: dict[str, str], by: str, expected: list[str] | int
) -> None:
    page = client_of(asha).get(f"/alder/today/?group={by}")
    if isinstance(expected, int):
        assert len(headings(page)) == expected and sorted(titles(page))[0] == "Fresh one"
        assert [group.kind for group in page.context["groups"]] == ["breach", "risk"]
        assert titles(page)[:2] == ["Late one", "Fresh one"], "a group is not torn apart by the time left of another's"
    else:
        assert headings(page) == expected


def test_a_group_counts_its_rows_on_every_page(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock) -> None:
    now.is_at("2026-11-20 14:00")
    with in_organization(alder.id):
        stream = base.workstream()
        make.level(stream)
        for number in range(52):
            base.item(stream, received_at=timezone.now() - timedelta(minutes=number), title=f"NDA {number}")
    browser = client_of(asha)
    page = browser.get("/alder/today/?group=client")
    assert page.context["groups"][0].text == "52 open clocks, 50 on this page"
    following = browser.get(f"/alder/today/{page.context['next_url']}")
    assert len(titles(following)) == 2 and not set(titles(page)) & set(titles(following))


def test_a_view_of_today_is_kept_and_opens_it(client_of: SignIn, asha: Membership, olga: Membership, day: dict[str, str]) -> None:
    browser = client_of(asha)
    made = browser.post("/alder/views/new/today/?threshold=75&group=client", {"name": "Soon", "shared": "on", "default": "on"})
    assert made.headers["Location"] == "/alder/today/?view=1"
    page = browser.get("/alder/today/")
    assert titles(page) == ["Late one", "Nearly due", "Three quarters"] and "Edit view" in words(page)
    assert len(titles(browser.get("/alder/today/?view=0"))) == 5
    assert titles(client_of(olga).get("/alder/today/?view=1")) == titles(page), "shared"
    step = browser.post("/alder/today/move/", {"reference": day["late"], "version": "1", "to": "in_review", "view": "1"})
    assert step.headers["Location"].startswith("/alder/today/?view=1&changed=")
    gone = words(browser.get("/alder/today/?client=NONE"))
    assert "Client “NONE” is not among those to choose from any more" in gone


def test_the_steps_of_a_row_are_those_its_reader_may_take(
    client_of: SignIn, asha: Membership, rita: Membership, audrey: Membership, day: dict[str, str]
) -> None:
    here = f"/alder/today/{day['late']}/steps/"
    assert {"Assign", "Put on hold", "Start review"} <= set(
        re.findall(r"Assign|Put on hold|Start review", words(client_of(asha).get(here)))
    )
    rita_sees = words(client_of(rita).get(here))
    assert "Start review" in rita_sees and "Assign " not in rita_sees
    reading = words(client_of(audrey).get(here))
    assert "Start review" not in reading and "Put on hold" not in reading
    assert client_of(audrey).post(f"/alder/today/{day['late']}/assign/", {"assignee": rita.pk}).status_code == 403


def test_an_item_is_given_held_and_let_run_without_leaving_the_list(
    client_of: SignIn, asha: Membership, rita: Membership, alder: Organization, day: dict[str, str]
) -> None:
    browser, base_url = client_of(asha), f"/alder/today/{day['late']}"
    given = browser.post(f"{base_url}/assign/", {"assignee": rita.pk, "group": "client"})
    assert given.headers["Location"] == f"/alder/today/?group=client&changed={day['late']}"
    with in_organization(alder.id):
        assert WorkItem.objects.get(reference=day["late"]).assignee_id == rita.pk
    browser.post(f"{base_url}/hold/", {"party": "client", "reason": "information", "note": "Who signs?"})
    assert "today_problem" not in browser.session, browser.session["today_problem"]
    held = words(browser.get("/alder/today/"))
    assert "Breached by 42 min" in held and "On hold: client. Information needed: Who signs?" in held, "a hold heals no breach"
    browser.post(f"{base_url}/resume/")
    with in_organization(alder.id):
        assert Pause.objects.get(note="Who signs?").ended_at is not None
    refused = browser.get(browser.post(f"{base_url}/hold/", {"party": "nobody", "reason": "information"}).headers["Location"])
    assert f"{day['late']}: Waiting for: Select a valid choice" in words(refused)


# Thresholds.


def path(engagement: Engagement, member: Membership, *triggers: tuple[str, int]) -> None:
    for trigger, after in triggers:
        step = work.add_step(engagement=engagement, by=base.system(), trigger=trigger, after=after, member=member)
        # The wall clock of the test, which the default of the column does not read.
        EscalationStep.objects.filter(pk=step.pk).update(created_at=timezone.now())


def run(at: datetime) -> int:
    return work.escalate_due(by=base.system(), now=at)


def told() -> list[str]:
    return [row.step.trigger for row in Escalation.objects.select_related("step").order_by("id")]


def test_once_over_a_pause_a_new_target_and_a_reopening(in_alder: Scope, asha: Membership, now: WallClock) -> None:
    """24 hours from noon. 75 % at 6:00; held; let run; a longer target under which less is used; delivered and reopened."""
    now.is_at("2026-11-18 12:00")
    stream = base.workstream()
    version = make.level(stream, decides="first")
    path(stream.matter.engagement, asha, ("used_75", 0), ("due", 0))
    item = base.item(stream)
    assert run(make.new_york("2026-11-19 05:59")) == 0
    assert run(make.new_york("2026-11-19 06:01")) == 1
    now.is_at("2026-11-19 06:02")
    work.pause_item(item=item, by=base.system(), party="client", reason="information")
    assert run(make.new_york("2026-11-21 12:00")) == 0, "held"
    now.is_at("2026-11-21 12:00")
    work.resume_item(item=item, by=base.system())
    assert run(make.new_york("2026-11-21 12:01")) == 0, "told of already"
    longer = make.promise_of(version) | {"target": 48 * 3600}
    actions.add_level_version(level=version.level, effective_from=date(2026, 11, 1), by=base.system(), **longer)
    actions.recompute(level=version.level, by=base.system(), repin=True)
    from lpo.jobs.runner import run_due

    run_due(in_alder.organization_id)
    assert Clock.objects.get().target_seconds == 48 * 3600
    assert run(make.new_york("2026-11-22 11:00")) == 0, "75 % of the longer target was the same threshold of the same clock"
    assert run(Clock.objects.get().due_at) == 1 and told() == ["used_75", "due"]
    assert run(Clock.objects.get().due_at + timedelta(days=3)) == 0


def test_two_workers_that_found_the_same_tell_it_once(in_alder: Scope, asha: Membership, now: WallClock) -> None:
    """The second has looked before the first has told: the key decides."""
    from engagements.actions import escalations as acts

    now.is_at("2026-11-18 12:00")
    stream = base.workstream()
    make.level(stream)
    path(stream.matter.engagement, asha, ("used_75", 0))
    base.item(stream)
    step = EscalationStep.objects.select_related("engagement__manager__user", "member__user").get()
    at = make.new_york("2026-11-19 07:00")
    reached = escalating.sources[step.trigger](step, at, at.date())
    for moment in (at, at + timedelta(seconds=1)):
        acts._take(step, reached, "alder", base.system(), moment, at.date())
    assert (Escalation.objects.count(), Notice.objects.count()) == (1, 1)


def test_thresholds_are_of_the_time_the_calendar_counts(in_alder: Scope, asha: Membership, now: WallClock) -> None:
    """Eight business hours from Thursday at three: two are used on Thursday, 75 % on Friday at one, not over the night."""
    now.is_at("2026-11-19 15:00")
    stream = base.workstream()
    make.business_level(stream, hours=8)
    path(stream.matter.engagement, asha, ("used_75", 0))
    base.item(stream)
    assert [run(make.new_york(f"2026-11-20 {at}")) for at in ("08:00", "12:59", "13:00", "13:01")] == [0, 0, 1, 0]


def test_what_lay_behind_when_the_path_was_made_does_not_hide_what_is_new(
    in_alder: Scope, asha: Membership, now: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(escalations, "_LOOKED_AT", 5)
    now.is_at("2026-11-10 12:00")
    stream = base.workstream()
    make.level(stream)
    for number in range(8):
        base.item(stream, title=f"Old {number}")
    now.is_at("2026-11-15 12:00")
    path(stream.matter.engagement, asha, ("used_90", 0), ("due", 0))
    base.item(stream, title="New")
    assert run(make.new_york("2026-11-16 12:01")) == 2


def test_an_acknowledged_clock_goes_no_further_up_and_a_rework_cycle_begins_anew(in_alder: Scope, asha: Membership, now: WallClock) -> None:
    now.is_at("2026-11-18 12:00")
    stream = base.workstream()
    make.level(stream)
    path(stream.matter.engagement, asha, ("used_75", 0), ("due", 0))
    item = base.item(stream)
    assert run(make.new_york("2026-11-19 07:00")) == 1
    work.acknowledge(escalation=Escalation.objects.get(), by=base.system())
    assert run(make.new_york("2026-11-19 12:01")) == 0
    now.is_at("2026-11-19 13:00")
    item.refresh_from_db()
    item = work.move_item(item=item, to="delivered", by=base.system())
    item = work.move_item(item=item, to="returned", by=base.system())
    now.is_at("2026-11-22 13:00")
    assert [clock.cycle for clock in Clock.objects.order_by("cycle")] == [1, 2]
    assert run(make.new_york("2026-11-22 13:00")) == 2, "another clock"
