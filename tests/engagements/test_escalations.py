"""Escalation: who is told, when, exactly once; by notice and by mail; who acknowledges ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions
from engagements.models import Engagement, Escalation, Matter, Notice
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.jobs.runner import run_due
from lpo.tenancy.context import Scope, in_organization
from tests import make
from tests.sla import make as levels

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def step(engagement: Engagement, trigger: str, member: Membership, after: int = 0) -> None:
    actions.add_step(engagement=engagement, by=make.system(), trigger=trigger, after=after, member=member)


def late(engagement: Engagement | None = None, **fields: Any) -> Any:
    plain: dict[str, Any] = {
        "name": "Signing of the secret merger",
        "due_on": date(2026, 1, 5),
        "engagement": engagement or make.engagement(),
    }
    return actions.add_milestone(by=make.system(), **(plain | fields))


def run(now: datetime | None = None) -> int:
    return actions.escalate_due(by=make.system(), now=now or timezone.now())


def told() -> list[tuple[str, str]]:
    return [(row.member.user.name, row.words) for row in Notice.objects.select_related("member__user").order_by("id")]


def test_run_three_times_by_the_worker_one_person_is_told_once(alder: Any, asha: Membership) -> None:
    with in_organization(alder.id):
        row = late()
        step(row.engagement, "milestone", asha, after=1)
    for _ in range(3):
        with in_organization(alder.id):
            from lpo.jobs.queue import enqueue

            enqueue("engagements.escalate", by=make.system())
        run_due(alder.id)
    with in_organization(alder.id):
        assert [name for name, _ in told()] == ["Asha Rao"]
        assert Notice.objects.get().mailed_at is not None
    (message,) = mail.outbox
    assert message.to == [asha.user.email] and message.subject == "1 notice from Alder Legal"
    assert f"{row.engagement.reference} M1 slips by" in message.body and "merger" not in message.body
    assert message.extra_headers["Message-ID"].startswith("<notices.")


def test_the_key_refuses_a_second_telling(in_alder: Scope, asha: Membership) -> None:
    row = late()
    step(row.engagement, "milestone", asha, after=1)
    assert run() == 1
    first = Escalation.objects.get()
    first.pk = None
    with pytest.raises(IntegrityError, match="escalation_once"), transaction.atomic():
        first.save(force_insert=True)


def test_acknowledging_ends_the_path_for_that_subject(in_alder: Scope, asha: Membership, olga: Membership) -> None:
    row = late()
    step(row.engagement, "milestone", asha, after=1)
    assert run() == 1
    with pytest.raises(NotPermitted, match="was not told"):
        actions.acknowledge(escalation=Escalation.objects.get(), by=Actor.member(olga))
    for _ in range(2):
        actions.acknowledge(escalation=Escalation.objects.get(), by=Actor.member(asha), note="I speak to counsel")
    step(row.engagement, "milestone", olga, after=2)
    assert run() == 0
    late(row.engagement, name="Another")
    assert run() == 2
    assert {name for name, _ in told()} == {"Asha Rao", "Olga Brandt"}


def test_clocks_are_told_of_as_their_time_runs_out(in_alder: Scope, asha: Membership) -> None:
    """24 hours: 75 % at 18, 90 % at 21 h 36 min, breached by 2 hours at 26."""
    stream = make.workstream()
    levels.level(stream, name="Turnaround", effective_from=date(2020, 1, 1))
    engagement = stream.matter.engagement
    old = make.item(stream, received_at=timezone.now() - timedelta(days=3))
    for trigger, after in (("used_75", 0), ("used_90", 0), ("due", 0), ("breached", 2)):
        step(engagement, trigger, asha, after)
    item = make.item(stream)
    began = item.received_at
    found = []
    for hours in (17.9, 18.1, 21.7, 24.5, 26.1, 30):
        run(began + timedelta(hours=hours))
        found.append([words.partition(": ")[2] for _, words in told()])
    assert [len(words) for words in found] == [0, 1, 2, 3, 4, 4]
    assert found[-1][-1].startswith("breached by 2")
    assert all(old.reference not in words for _, words in told())  # it lay behind when the path was made


def test_what_is_on_hold_or_done_is_left_alone(in_alder: Scope, asha: Membership) -> None:
    stream = make.workstream()
    levels.level(stream, effective_from=date(2020, 1, 1))
    step(stream.matter.engagement, "due", asha)
    held, done = make.item(stream), make.item(stream)
    actions.pause_item(item=held, by=make.system(), party="client", reason="information")
    actions.move_item(item=done, to="delivered", by=make.system())
    assert run(timezone.now() + timedelta(days=5)) == 0


def test_blockers_and_questions_that_wait(in_alder: Scope, asha: Membership) -> None:
    matter = make.matter()
    for trigger in ("blocker", "question"):
        step(matter.engagement, trigger, asha, after=3)
    actions.raise_blocker(engagement=matter.engagement, by=make.system(), text="No access", party="client")
    actions.ask_counsel(matter=matter, by=make.system(), question="May we?")
    now = timezone.now()
    assert [run(now + timedelta(days=days)) for days in (2, 4, 5)] == [0, 2, 0]
    assert {words for _, words in told()} == {
        f"{matter.engagement.reference} B1 has been open for 4 days",
        f"{matter.reference} Q1 has had no answer for 4 days",
    }


def test_the_part_in_the_team_says_who_and_the_manager_stands_in(in_alder: Scope, asha: Membership, rita: Membership) -> None:
    engagement = make.engagement(manager=asha)
    for role in ("manager", "lead"):
        actions.add_step(engagement=engagement, by=make.system(), trigger="milestone", after=1, role=role)
    late(engagement)
    assert run() == 2
    assert [row.told for row in Escalation.objects.order_by("id")] == ["Asha Rao", ""]
    actions.add_team_member(engagement=engagement, by=make.system(), member=rita, role="lead", starts_on=make.today())
    late(engagement, name="Another")
    run()
    assert {name for name, _ in told()} == {"Asha Rao", "Rita O'Brien"}


def test_nobody_outside_the_wall_is_told(in_alder: Scope, asha: Membership, rita: Membership, sam: Membership) -> None:
    matter = make.matter()
    for member in (asha, rita, sam):
        step(matter.engagement, "milestone", member, after=1)
    matter = actions.raise_wall(matter=Matter.objects.get(pk=matter.pk), by=Actor.member(asha), insiders=[])
    late(matter.engagement, matter=matter)
    run()
    assert [name for name, _ in told()] == ["Asha Rao"]


def test_a_step_is_added_and_removed_in_the_browser(asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        engagement = make.engagement(manager=asha)
    here, browser = f"/alder/engagements/{engagement.reference}/escalation/", client_of(asha)
    wrong = browser.post(here, {"trigger": "blocker", "after": "", "role": "manager"})
    assert wrong.status_code == 422 and "after how many hours or days" in wrong.content.decode()
    both = browser.post(here, {"trigger": "due", "role": "manager", "member": asha.pk})
    assert both.status_code == 422 and "not both" in both.content.decode()
    neither = browser.post(here, {"trigger": "due", "role": "", "member": ""})
    assert neither.status_code == 422 and "Choose a part in the team or a person." in neither.content.decode()
    assert browser.post(here, {"trigger": "milestone", "after": "1", "role": "manager"}).status_code == 302
    with in_organization(asha.organization_id):
        late(engagement)
        assert run() == 1
        number = Notice.objects.get().pk
    listed = browser.get("/alder/notices/").content.decode()
    assert "M1 slips by" in listed and "A milestone slips by 1 day or more" in listed
    assert '<span class="count">1</span>' in browser.get("/alder/work/").content.decode()
    for _ in range(2):
        assert browser.post(f"/alder/notices/{number}/acknowledge/").status_code == 302
    page = browser.get(here).content.decode()
    assert "Acknowledged" in page
    assert browser.post(f"{here}1/remove/").status_code == 302
    assert "Nobody is told yet" in browser.get(here).content.decode()


def test_anothers_notice_is_not_found(asha: Membership, olga: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        row = late()
        step(row.engagement, "milestone", asha, after=1)
        run()
        number = Notice.objects.get().pk
    assert client_of(olga).post(f"/alder/notices/{number}/acknowledge/").status_code == 404


def test_a_path_has_a_step_once(in_alder: Scope, asha: Membership) -> None:
    engagement = make.engagement()
    step(engagement, "due", asha)
    with pytest.raises(Refused, match="already"):
        step(engagement, "due", asha)
