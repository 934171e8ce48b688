"""What the client says of pauses and exclusions: the ledger, and what a dispute keeps open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.test import Client as Browser

from engagements import actions as work
from engagements.models import ClientDecision, Pause, Source
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Role
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from sla import actions, ledger
from sla.models import CreditClaim, Exclusion
from tests import make as base
from tests.conftest import person
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import words

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]
OCTOBER = new_york("2026-10-01 00:00")


def october(now: WallClock, *, accuracy: bool = False) -> tuple[Any, Exclusion]:
    """A missed October with one item excluded on Friday 30 October: contestable for five business days, until 6 November."""
    now.is_at("2026-10-30 12:00")
    stream = base.workstream(item_prefix="NDA")
    level = make.accuracy_level(stream) if accuracy else make.level(stream)
    late = make.item(stream, "2026-10-05 09:00", delivered="2026-10-09 09:00")
    excluded = make.item(stream, "2026-10-06 09:00", delivered="2026-10-12 09:00", external_id="T-77")
    if accuracy:
        for item in (late, excluded):
            actions.record_quality_check(item=item, units=10, errors=1, by=base.system(), checked_at=new_york("2026-10-20 10:00"))
    exclusion = actions.exclude_item(level=level.level, item=excluded, reason="Outside the scope", by=base.system())
    make.counted(level)
    return level, exclusion


def closed(now: WallClock, level: Any, at: str = "2026-11-02 09:00") -> CreditClaim:
    now.is_at(at)
    attainment = actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())
    return CreditClaim.objects.get(attainment=attainment)


@pytest.mark.parametrize("accuracy", [False, True])
def test_a_contested_exclusion_keeps_the_claim_provisional_until_it_is_settled(in_alder: Scope, now: WallClock, accuracy: bool) -> None:
    level, exclusion = october(now, accuracy=accuracy)
    assert exclusion.contest_by == date(2026, 11, 6)
    closed(now, level)
    actions.contest_exclusion(exclusion=exclusion, by=base.system(), note="It was in scope")
    later = new_york("2026-12-24 09:00")
    assert actions.finalize_claims(by=base.system(), now=later) == 0
    settled = actions.accept_exclusion(exclusion=exclusion, by=base.system(), note="Schedule B says otherwise")
    assert (settled.contested_at, settled.resolution) == (None, "Schedule B says otherwise")
    assert actions.finalize_claims(by=base.system(), now=later) == 1


@pytest.mark.parametrize("accuracy", [False, True])
def test_a_claim_waits_for_the_last_day_on_which_an_exclusion_can_be_contested(in_alder: Scope, now: WallClock, accuracy: bool) -> None:
    level, exclusion = october(now, accuracy=accuracy)
    Exclusion.objects.filter(pk=exclusion.pk).update(contest_by=date(2026, 12, 1))
    assert closed(now, level).contestable_until == new_york("2026-12-02 00:00")


def test_one_that_the_client_accepted_is_waited_for_no_longer(in_alder: Scope, now: WallClock) -> None:
    level, exclusion = october(now)
    Exclusion.objects.filter(pk=exclusion.pk).update(contest_by=date(2026, 12, 1))
    actions.accept_exclusion(exclusion=exclusion, by=base.system())
    assert closed(now, level).contestable_until == new_york("2026-11-10 00:00")
    with pytest.raises(Refused, match="accepted this exclusion"):
        actions.contest_exclusion(exclusion=exclusion, by=base.system(), note="After all")


def test_the_provider_needs_the_clients_message_and_the_attorney_none(
    in_alder: Scope, now: WallClock, asha: Membership, sam: Membership
) -> None:
    _, exclusion = october(now)
    with pytest.raises(Refused) as refusal:
        actions.contest_exclusion(exclusion=exclusion, by=Actor.member(asha), note="It was in scope")
    assert refusal.value.field == "message"
    message = base.message(exclusion.item)
    actions.contest_exclusion(exclusion=exclusion, by=Actor.member(asha), note="It was in scope", message=message)
    actions.accept_exclusion(exclusion=exclusion, by=Actor.member(sam), note="We looked again")
    sources = ClientDecision.objects.filter(what__startswith="excl").order_by("id").values_list("source", flat=True)
    assert list(sources) == [Source.PROVIDER, Source.ATTORNEY]


def test_after_its_day_silence_has_settled_it(in_alder: Scope, now: WallClock) -> None:
    _, exclusion = october(now)
    now.is_at("2026-11-07 09:00")
    with pytest.raises(Refused, match="It could be contested until 06 Nov 2026"):
        actions.contest_exclusion(exclusion=exclusion, by=base.system(), note="Late")
    said = new_york("2026-11-06 09:00")
    assert actions.contest_exclusion(exclusion=exclusion, by=base.system(), note="In time", at=said).contested_at == said


def test_a_contested_one_is_withdrawn_with_a_word_and_its_item_counts_again(in_alder: Scope, now: WallClock) -> None:
    level, exclusion = october(now)
    actions.contest_exclusion(exclusion=exclusion, by=base.system(), note="It was in scope")
    with pytest.raises(Refused, match="Say how the dispute ended"):
        actions.withdraw_exclusion(exclusion=exclusion, by=base.system())
    actions.withdraw_exclusion(exclusion=exclusion, by=base.system(), note="It was")
    (figure,) = make.counted(level)
    assert (figure.numerator, figure.denominator, figure.excluded) == (0, 2, 0)


def test_the_clients_word_on_a_pause_ends_its_contest_days(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-30 12:00")
    level = make.level()
    make.item(level.level.workstream, "2026-10-26 09:00", paused=[("2026-10-26 10:00", "2026-10-26 11:00")], delivered="2026-10-29 09:00")
    pause = Pause.objects.get()
    Pause.objects.filter(pk=pause.pk).update(contest_by=date(2026, 12, 1))
    work.accept_pause(pause=pause, by=base.system(), note="Yes, we were late")
    with pytest.raises(Refused, match="accepted this pause"):
        work.contest_pause(pause=pause, by=base.system(), note="After all")
    make.counted(level)
    assert closed(now, level).contestable_until == new_york("2026-11-10 00:00")


STANDS: dict[str, Any] = {"withdrawn_at": None, "contested_at": None, "resolved_at": None, "contest_note": "", "contest_by": None}


@pytest.mark.parametrize("model", [Pause, Exclusion])
def test_every_row_is_in_exactly_one_state_and_the_filter_agrees_with_the_word(in_alder: Scope, now: WallClock, model: Any) -> None:
    _, exclusion = october(now)
    make.item(exclusion.item.workstream, "2026-10-26 09:00", paused=[("2026-10-26 10:00", "2026-10-26 11:00")])
    row, today = model.objects.get(), date(2026, 11, 6)
    rows = model.objects.filter(pk=row.pk)
    at = datetime.fromisoformat("2026-11-01T09:00:00+00:00")
    for withdrawn in (None, at):
        for contested in (None, at):
            for resolved in (None, at):
                for note in ("", "Not so"):
                    for day in (None, today, today - timedelta(days=1)):
                        told = dict(zip(STANDS, (withdrawn, contested, resolved, note, day), strict=True))
                        rows.update(**told)
                        row.refresh_from_db()
                        states = [state for state in ledger.STATES if rows.filter(ledger.state_q(state, today)).exists()]
                        assert states == [ledger.state_of(row, today)], told


def test_the_ledger_tells_both_kinds_with_what_hangs_on_them(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    with in_organization(alder.id):
        level, _ = october(now)
        stream = level.level.workstream
        make.item(stream, "2026-10-20 09:00", paused=[("2026-10-20 10:00", "2026-10-20 12:00")], delivered="2026-10-22 09:00")
        make.counted(level)
        closed(now, level)
        reference = stream.matter.engagement.reference
    browser = client_of(asha)
    for path in ("/alder/contest-ledger/", f"/alder/engagements/{reference}/contest-ledger/"):
        page = words(browser.get(path).content)
        assert "Excluded: Outside the scope no evidence" in page
        assert "6 Nov 2026 Open to contest" in page
        assert "Outside the fraction of NDA turnaround" in page
        assert "Keeps provisional NDA turnaround, October 2026: 5 % of the credit base" in page
        assert "Client: information needed" in page
        assert "NDA turnaround due" in page
    only = words(browser.get("/alder/contest-ledger/?kind=pause").content)
    assert "Client: information needed" in only
    assert "Outside the scope" not in only
    assert "Nothing matches these filters" in words(browser.get("/alder/contest-ledger/?state=contested").content)
    file = browser.get("/alder/contest-ledger/entries.csv").getvalue().decode().splitlines()
    assert len(file) == 3
    assert sum("Exclusion," in line for line in file) == 1


def test_the_client_contests_in_the_browser_with_its_message(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    with in_organization(alder.id):
        _, exclusion = october(now)
        path = f"/alder/work/{exclusion.item.reference}/exclusions/1/decide/contest/"
    browser = client_of(asha)
    assert browser.get(path).status_code == 200
    assert "Attach or paste" in words(browser.post(path, {"note": "It was in scope"}).content)
    assert browser.post(path, {"note": "It was in scope", "message_text": "It was in scope. Dana"}).status_code == 302
    page = words(browser.get("/alder/contest-ledger/?state=contested").content)
    assert "Contested It was in scope" in page
    # Counting it again from the item's page asks for the word that ends the dispute.
    again = browser.post(path.replace("decide/contest", "withdraw"))
    assert again.headers["Location"].endswith("/exclusions/1/decide/withdraw/")


def test_pages_of_both_kinds_follow_each_other_in_both_directions(in_alder: Scope, now: WallClock) -> None:
    _, exclusion = october(now)
    stream = exclusion.item.workstream
    for day in range(10, 14):
        make.item(stream, f"2026-10-{day} 09:00", paused=[(f"2026-10-{day} 10:00", f"2026-10-{day} 12:00")])
    # One instant for all: then kind and number decide.
    Pause.objects.update(recorded_at=exclusion.at)
    asked, at = ledger.Asked(), new_york("2026-10-30 12:00")
    seen, page = [], ledger.page_of(Q(), asked, at, size=2)
    while True:
        seen.append([(entry.kind, entry.row.pk) for entry in page.entries])
        if not page.next:
            break
        page = ledger.page_of(Q(), asked, at, after=page.next, size=2)
    assert [len(part) for part in seen] == [2, 2, 1]
    assert len({key for part in seen for key in part}) == 5
    back = ledger.page_of(Q(), asked, at, before=page.previous, size=2)
    assert [(entry.kind, entry.row.pk) for entry in back.entries] == seen[1]


def test_the_client_reads_what_counts_in_a_published_window_and_how_it_was_settled(
    alder: Organization, client_of: SignIn, now: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_organization(alder.id):
        level, exclusion = october(now)
        stream = level.level.workstream
        make.item(stream, "2026-10-20 09:00", paused=[("2026-10-20 10:00", "2026-10-20 12:00")], delivered="2026-10-22 09:00")
        make.item(stream, "2026-10-29 09:00", paused=[("2026-10-29 10:00", None)])
        make.counted(level)
        attainment = closed(now, level).attainment
        code = stream.client.code.lower()
        viewer = person(alder, "Carla", Role.CLIENT_VIEWER, stream.client_id)
    browser, path = client_of(viewer), f"/alder/portal/{code}/contest-ledger/"
    assert "Nothing was published yet" in words(browser.get(path).content)
    with in_organization(alder.id):
        actions.publish_attainment(attainment=attainment, by=base.system())
        actions.contest_exclusion(exclusion=exclusion, by=base.system(), note="It was in scope")
        actions.accept_exclusion(exclusion=exclusion, by=base.system(), note="Schedule B says otherwise")
    page = words(browser.get(path).content)
    assert "NDA-0002 Excluded: Outside the scope NDA turnaround" in page
    assert "Resolved: it stands It was in scope Schedule B says otherwise" in page
    assert "NDA-0003 Pause, client: information needed" in page
    # The one that still waits is no row of the published window; what the provider noted is nobody else's.
    assert "NDA-0004" not in page
    assert "asked" not in page
    assert words(browser.get(f"{path}?state=open").content).count("Pause, client") == 1
    monkeypatch.setattr(ledger, "BATCH", 1)
    file = browser.get(f"{path}entries.csv").getvalue().decode().splitlines()
    assert sorted(line.split(",")[0] for line in file[1:]) == ["Exclusion", "Pause"], "every batch of it"
    assert all("asked" not in line for line in file)


def test_a_view_of_the_ledger_is_kept(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock) -> None:
    with in_organization(alder.id):
        october(now)
    browser = client_of(asha)
    made = browser.post("/alder/views/new/ledger/?kind=exclusion&state=open", {"name": "Open exclusions"})
    assert made.headers["Location"] == "/alder/contest-ledger/?view=1"
    page = browser.get("/alder/contest-ledger/?view=1")
    assert "Outside the scope" in words(page.content) and "Edit view" in words(page.content)
    assert "entries.csv?state=open&amp;kind=exclusion" in page.content.decode(), "the file holds what the page shows"
    assert "Nothing matches" in words(browser.get("/alder/contest-ledger/?view=1&kind=pause").content)
