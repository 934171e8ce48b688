"""One incident, several levels: one credit, on the client's word or by the contract, and never two or none."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from engagements.models import ClientDecision, Engagement, Source, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope, in_organization
from sla import actions
from sla.incidents import alike, awaited
from sla.models import Attainment, CreditClaim, ServiceLevelVersion
from sla.verify import verify
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import SignIn, words

pytestmark = pytest.mark.django_db

OCTOBER = new_york("2026-10-01 00:00")
SLOW, FAST = "Within 24 hours", "Within two business days"
CHRISTMAS = new_york("2026-12-24 09:00")


def stream(**contract: object) -> Workstream:
    return base.workstream(base.matter(base.engagement(contract=contract)), item_prefix="NDA")


def late(workstream: Workstream, *, priority: str = "standard", by_days: int = 10) -> WorkItem:
    """Received on 5 October and delivered days later: late under each level that covers it."""
    return make.item(workstream, "2026-10-05 09:00", delivered=f"2026-10-{5 + by_days:02} 09:00", priority=priority)


def two_levels(workstream: Workstream, *, first: str = "5", second: str = "3") -> tuple[ServiceLevelVersion, ServiceLevelVersion]:
    """The first covers every piece of work, the second too, with more time."""
    return (
        make.level(workstream, name=SLOW, credit_percent=Decimal(first)),
        make.level(workstream, name=FAST, target=48 * 3600, credit_percent=Decimal(second)),
    )


def closed(*levels: ServiceLevelVersion, publish: bool = False) -> list[CreditClaim]:
    for level in levels:
        make.counted(level)
        actions.close_window(level=level.level, window_start=OCTOBER, by=base.system(), publish=publish)
    return list(CreditClaim.objects.order_by("id"))


def finalized(at: datetime = CHRISTMAS) -> int:
    return actions.finalize_claims(by=base.system(), now=at)


def states() -> list[tuple[str, int, str]]:
    return [(row.level.name, int(row.percent), row.state) for row in CreditClaim.objects.select_related("level").order_by("id")]


def chosen(claim: CreditClaim, *among: CreditClaim, by: Actor | None = None, **said: object) -> CreditClaim:
    return actions.choose_credit(claim=claim, among=[row.pk for row in among], by=by or base.system(), **said)  # type: ignore[arg-type]


def excluded(level: ServiceLevelVersion, item: WorkItem) -> None:
    actions.exclude_item(level=level.level, item=item, reason="Outside the scope", by=base.system())


def restated(level: ServiceLevelVersion) -> Attainment:
    return actions.restate_window(level=level.level, window_start=OCTOBER, reason="Out of scope", by=base.system())


@pytest.fixture
def incident(in_alder: Scope, now: WallClock) -> tuple[CreditClaim, CreditClaim]:
    """One NDA late under two levels, in October, with the claims of both: 5 % and 3 %."""
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    levels = two_levels(workstream)
    late(workstream)
    one, other = closed(*levels)
    return one, other


def test_two_levels_that_missed_the_same_item_wait_for_the_clients_choice(incident: tuple[CreditClaim, CreditClaim]) -> None:
    one, other = incident
    assert one.incident == {
        "rule": "choice",
        "choose_by": None,
        "shares": [{"claim": other.pk, "number": 1, "items": ["NDA-0001"]}],
    }
    (beside,) = alike([one])[one.pk]
    assert (beside.name, beside.shared) == (f"“{FAST}”, October 2026 (3 %)", "NDA-0001")
    assert awaited(one.incident) == "One incident: the contract pays one credit, the client's choice."
    assert (finalized(), states()) == (0, [(SLOW, 5, "provisional"), (FAST, 3, "provisional")])


def test_what_the_client_chose_becomes_final_and_the_other_says_why_it_is_not_paid(incident: tuple[CreditClaim, CreditClaim]) -> None:
    one, other = incident
    chosen(other, one, other, note="We prefer this one")
    one.refresh_from_db()
    assert (one.state, one.yields_to_id, one.decision is not None) == ("withdrawn", other.pk, True)
    assert one.note.startswith(
        "Not paid: one incident over NDA-0001, one credit, and another level's is paid: the client chose it on 2 Nov"
    )
    assert (finalized(), states()) == (1, [(SLOW, 5, "withdrawn"), (FAST, 3, "final")])


@pytest.mark.parametrize(("both", "waits"), [(2, True), (1, True), (0, False)])
def test_levels_that_share_all_some_or_no_items(in_alder: Scope, now: WallClock, both: int, waits: bool) -> None:
    """Two pieces of rush work, `both` of them so late that the level for all work missed them too, and one of standard work."""
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    rush = make.level(workstream, name="Rush", priority="rush")
    every = make.level(workstream, name="All", target=48 * 3600, credit_percent=Decimal(3))
    for n in range(2):
        delivered = "2026-10-15 09:00" if n < both else "2026-10-06 15:00"
        make.item(workstream, "2026-10-05 09:00", delivered=delivered, priority="rush")
    late(workstream)
    closed(rush, every)
    shared = [[each["number"] for each in row.incident.get("shares", [])] for row in CreditClaim.objects.order_by("id")]
    assert shared == ([[both], [both]] if waits else [[], []])
    assert finalized() == (0 if waits else 2)


def test_of_three_levels_one_is_chosen_and_what_shares_nothing_with_it_stands(in_alder: Scope, now: WallClock) -> None:
    """Rush work and standard work are late; the third level covers both. Choosing one of the two narrow ones leaves the other."""
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    rush, standard = (make.level(workstream, name=name, priority=name) for name in ("rush", "standard"))
    every = make.level(workstream, name="all", credit_percent=Decimal(8))
    late(workstream, priority="rush"), late(workstream, priority="standard")
    one, two, whole = closed(rush, standard, every)
    assert finalized() == 0
    chosen(one, one, two, whole)
    assert [(name, state) for name, _, state in states()] == [("rush", "provisional"), ("standard", "provisional"), ("all", "withdrawn")]
    assert (finalized(), [state for *_, state in states()]) == (2, ["final", "final", "withdrawn"])


def test_three_levels_over_one_item_come_to_one_credit(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    levels = [make.level(workstream, name=name, credit_percent=Decimal(percent)) for name, percent in (("a", 2), ("b", 4), ("c", 3))]
    late(workstream)
    one, two, three = closed(*levels)
    chosen(three, one, two, three)
    assert (finalized(), [state for *_, state in states()]) == (1, ["withdrawn", "withdrawn", "final"])


def test_a_choice_recorded_twice_is_stale_and_changes_nothing(incident: tuple[CreditClaim, CreditClaim]) -> None:
    one, other = incident
    chosen(one, one, other)
    before = states()
    for again in (one, other):
        with pytest.raises(StaleVersion) as stale:
            chosen(again, one, other)
        assert stale.value.yours["credit"] and stale.value.theirs["credit"]
    assert (states(), ClientDecision.objects.filter(what="credit").count()) == (before, 1)


def test_a_choice_among_other_claims_than_wait_now_is_stale(incident: tuple[CreditClaim, CreditClaim]) -> None:
    one, _ = incident
    with pytest.raises(StaleVersion):
        chosen(one, one)


def test_the_provider_brings_the_clients_message_and_the_attorney_signs_in(
    incident: tuple[CreditClaim, CreditClaim], asha: Membership, sam: Membership
) -> None:
    one, other = incident
    with pytest.raises(Refused) as refusal:
        chosen(one, one, other, by=Actor.member(asha))
    assert refusal.value.field == "message"
    chosen(one, one, other, by=Actor.member(asha), message=base.message(WorkItem.objects.get()))
    other.refresh_from_db()
    assert other.decision is not None and (other.decision.source, "recorded by provider" in other.note) == (Source.PROVIDER, True)


def test_after_its_days_of_silence_the_larger_stands(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    workstream = stream(choice_days=3, contest_days=1)
    levels = two_levels(workstream, first="3", second="5")
    late(workstream)
    closed(*levels)
    assert finalized() == 0  # neither figure is published: nobody was asked
    for attainment in Attainment.objects.all():
        actions.publish_attainment(attainment=attainment, by=base.system())
    assert {row.incident["choose_by"] for row in CreditClaim.objects.all()} == {"2026-11-05"}
    assert finalized(new_york("2026-11-05 23:59")) == 0
    assert (finalized(new_york("2026-11-06 00:00")), states()) == (1, [(SLOW, 3, "withdrawn"), (FAST, 5, "final")])
    decision = ClientDecision.objects.get(what="credit")
    assert (decision.source, "3 business days of silence" in decision.clause) == (Source.DEEMED, True)


def test_with_no_days_agreed_silence_says_nothing(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    workstream = stream(choice_days=0)
    levels = two_levels(workstream)
    late(workstream)
    closed(*levels, publish=True)
    assert finalized() == 0


@pytest.mark.parametrize(("rule", "final"), [("larger", ["final", "withdrawn"]), ("each", ["final", "final"])])
def test_a_contract_may_name_the_larger_or_pay_each(in_alder: Scope, now: WallClock, rule: str, final: list[str]) -> None:
    now.is_at("2026-11-02 12:00")
    workstream = stream(incident_credits=rule)
    levels = two_levels(workstream)
    late(workstream)
    one, other = closed(*levels)
    with pytest.raises(Refused):
        chosen(one, one, other)
    finalized()
    assert [state for *_, state in states()] == final


def test_windows_of_two_invoice_periods_are_two_incidents(in_alder: Scope, now: WallClock) -> None:
    """The item is late under the first level in October and under the second, with more time, in November."""
    now.is_at("2026-12-02 12:00")
    workstream = stream()
    levels = make.level(workstream, name="a"), make.level(workstream, name="b", target=72 * 3600)
    make.item(workstream, "2026-10-30 09:00", delivered="2026-11-20 09:00")
    for level, start in zip(levels, (OCTOBER, new_york("2026-11-01 00:00")), strict=True):
        make.counted(level)
        actions.close_window(level=level.level, window_start=start, by=base.system())
    assert finalized() == 2


# --- restated ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def chosen_first(in_alder: Scope, now: WallClock) -> tuple[ServiceLevelVersion, ServiceLevelVersion, WorkItem]:
    """The client chose the first level's 5 %; the second level's 3 % gave way. Both rest on NDA-0001 alone."""
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    levels = two_levels(workstream)
    item = late(workstream)
    one, other = closed(*levels)
    chosen(one, one, other)
    return *levels, item


def test_where_the_chosen_claim_is_restated_to_nothing_the_other_is_made_again(
    chosen_first: tuple[ServiceLevelVersion, ServiceLevelVersion, WorkItem],
) -> None:
    first, _, item = chosen_first
    excluded(first, item)
    restated(first)
    assert states() == [(SLOW, 5, "withdrawn"), (FAST, 3, "withdrawn"), (SLOW, 0, "provisional"), (FAST, 3, "provisional")]
    assert CreditClaim.objects.latest("id").note.startswith("Made again")
    finalized()
    assert states()[2:] == [(SLOW, 0, "final"), (FAST, 3, "final")]


def test_a_final_choice_restated_to_nothing_stands_until_that_is_final_and_only_then_is_the_other_paid(
    chosen_first: tuple[ServiceLevelVersion, ServiceLevelVersion, WorkItem], now: WallClock
) -> None:
    first, _, item = chosen_first
    assert finalized(new_york("2026-11-20 09:00")) == 1
    now.is_at("2026-11-20 12:00")
    excluded(first, item)
    restated(first)
    assert states() == [(SLOW, 5, "final"), (FAST, 3, "withdrawn"), (SLOW, 0, "provisional"), (FAST, 3, "provisional")]
    again = CreditClaim.objects.latest("id")
    # Held by the claim that still stands, whatever its own date says.
    assert (again.incident["rule"], len(again.incident["shares"])) == ("waits", 1)
    CreditClaim.objects.filter(pk=again.pk).update(contestable_until=new_york("2026-11-20 13:00"))
    assert finalized(new_york("2026-11-20 14:00")) == 0
    assert finalized() == 2
    assert [state for *_, state in states()] == ["withdrawn", "withdrawn", "final", "final"]


def test_a_restatement_that_comes_to_the_same_leaves_the_choice(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    levels = two_levels(workstream)
    late(workstream)
    extra = late(workstream)
    one, other = closed(*levels)
    chosen(one, one, other)
    for level in levels:
        excluded(level, extra)
        restated(level)
    assert states() == [(SLOW, 5, "provisional"), (FAST, 3, "withdrawn")]


def test_where_they_share_nothing_any_more_both_are_paid(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    first = make.level(workstream, name="rush", priority="rush")
    every = make.level(workstream, name="all", target=48 * 3600, credit_percent=Decimal(3))
    shared = late(workstream, priority="rush")
    make.item(workstream, "2026-10-05 09:00", delivered="2026-10-06 15:00", priority="rush")
    late(workstream)
    one, other = closed(first, every)
    chosen(one, one, other)
    excluded(every, shared)
    restated(every)
    assert states() == [("rush", 5, "provisional"), ("all", 3, "withdrawn"), ("all", 3, "provisional")]
    assert finalized() == 2


def test_a_window_closed_after_the_other_credit_was_final_reopens_the_choice(in_alder: Scope, now: WallClock) -> None:
    """Choosing the later one, the final claim stands until that is final too: never two, never none."""
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    first, second = two_levels(workstream)
    late(workstream)
    (one,) = closed(first)
    assert finalized(new_york("2026-11-20 09:00")) == 1
    now.is_at("2026-11-20 12:00")
    _, other = closed(second)
    chosen(other, one, other)
    assert states() == [(SLOW, 5, "final"), (FAST, 3, "provisional")]
    finalized()
    assert states() == [(SLOW, 5, "withdrawn"), (FAST, 3, "final")]


def test_a_chosen_claim_that_is_contested_stays_provisional_and_the_other_away(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-10-30 12:00")
    workstream = stream()
    levels = two_levels(workstream)
    late(workstream)
    disputed = late(workstream)
    exclusion = actions.exclude_item(level=levels[0].level, item=disputed, reason="Outside the scope", by=base.system())
    make.counted(levels[0])
    now.is_at("2026-11-02 12:00")
    one, other = closed(*levels)
    actions.contest_exclusion(exclusion=exclusion, by=base.system(), note="It was in scope")
    chosen(one, one, other)
    assert (finalized(), states()) == (0, [(SLOW, 5, "provisional"), (FAST, 3, "withdrawn")])
    actions.accept_exclusion(exclusion=exclusion, by=base.system(), note="Agreed after all")
    assert (finalized(), states()) == (1, [(SLOW, 5, "final"), (FAST, 3, "withdrawn")])


def test_accuracy_counts_the_items_with_errors(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    workstream = stream()
    turnaround, accuracy = make.level(workstream), make.accuracy_level(workstream)
    item = late(workstream)
    actions.record_quality_check(item=item, units=10, errors=1, by=base.system(), checked_at=new_york("2026-10-20 10:00"))
    claims = closed(turnaround, accuracy)
    assert [bool(row.incident) for row in CreditClaim.objects.filter(pk__in=[row.pk for row in claims])] == [True, True]


def test_another_tenants_claims_are_none_of_it(in_alder: Scope, now: WallClock, birch: Organization) -> None:
    now.is_at("2026-11-02 12:00")
    with in_organization(birch.pk):
        theirs = stream()
        levels = two_levels(theirs)
        late(theirs)
        closed(levels[1])
    workstream = stream()
    first, _ = two_levels(workstream)
    late(workstream)
    (claim,) = closed(first)
    assert claim.incident == {}
    assert finalized() == 1


# --- pages ------------------------------------------------------------------------------------------------------------------------


WINDOW = "/alder/service-levels/NDA/{}/2026/10/"


@pytest.fixture
def waiting(alder: Organization, now: WallClock) -> tuple[CreditClaim, CreditClaim]:
    """The same incident, seen from outside the organization's scope."""
    now.is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        workstream = stream()
        levels = two_levels(workstream)
        late(workstream)
        one, other = closed(*levels, publish=True)
    return one, other


def offered(page: bytes) -> dict[str, str]:
    """What the form names each claim by, and what it says it has shown."""
    shown = re.search(r'name="shown" value="([^"]+)"', page.decode())
    assert shown is not None
    first, second = shown[1].split()
    assert f'value="{first}"' in page.decode() and f'value="{second}"' in page.decode()
    return {SLOW: first, FAST: second, "shown": shown[1]}


def test_each_window_names_the_other_and_leads_to_the_choice(
    waiting: tuple[CreditClaim, CreditClaim], asha: Membership, rita: Membership, client_of: SignIn
) -> None:
    page = client_of(asha).get(WINDOW.format(1))
    text = words(page.content)
    assert f"This claim and that of “{FAST}”, October 2026 (3 %) share NDA-0001." in text
    assert "the contract pays one credit, the client's choice" in text.replace("&#x27;", "'")
    assert WINDOW.format(1) + "choose/" in page.content.decode() and WINDOW.format(2) in page.content.decode()
    assert WINDOW.format(1) + "choose/" not in client_of(rita).get(WINDOW.format(1)).content.decode()
    assert client_of(rita).get(WINDOW.format(1) + "choose/").status_code == 403


def test_the_choice_is_recorded_with_the_clients_message_once(
    alder: Organization, waiting: tuple[CreditClaim, CreditClaim], asha: Membership, client_of: SignIn
) -> None:
    browser, url = client_of(asha), WINDOW.format(1) + "choose/"
    names = offered(browser.get(url).content)
    sent = {"credit": names[FAST], "shown": names["shown"], "note": "As agreed by telephone"}
    assert browser.post(url, sent).status_code == 422  # the provider cannot decide for the client
    assert browser.post(url, sent | {"message_text": "Please credit the second one. Carla Reyes"}).status_code == 302
    text = words(browser.get(WINDOW.format(1)).content)
    assert "Withdrawn" in text and f"Paid instead: “{FAST}”, October 2026" in text
    with in_organization(alder.id):
        reference = Engagement.objects.get().reference
    scorecard = words(browser.get(f"/alder/engagements/{reference}/scorecard/?period=2026-10").content)
    assert "5 %, withdrawn" in scorecard and "Not paid: one incident over NDA-0001, one credit" in scorecard
    late_save = browser.post(url, sent | {"credit": names[SLOW], "message_text": "No, the first. Carla Reyes"})
    assert late_save.status_code == 409 and "As agreed by telephone" in late_save.content.decode()
    assert browser.get(url).status_code == 302
    with in_organization(alder.id):
        assert states() == [(SLOW, 5, "withdrawn"), (FAST, 3, "provisional")]
        finalized()
        assert [(finding.subject, finding.identical) for finding in verify() if finding.subject.startswith("Credit")] == [
            (f"Credit of “{SLOW}”, October 2026", True)
        ]


def test_the_ledger_lists_what_waits_for_the_client(
    alder: Organization, waiting: tuple[CreditClaim, CreditClaim], asha: Membership, client_of: SignIn
) -> None:
    browser = client_of(asha)
    text = words(browser.get("/alder/contest-ledger/").content)
    assert f"{SLOW}, October 2026" in text and "16 Nov 2026 then the larger stands" in text
    with in_organization(alder.id):
        reference = Engagement.objects.get().reference
        one, other = waiting
    assert "2 service credits that wait for the client's choice" in words(
        browser.get(f"/alder/engagements/{reference}/close/").content
    ).replace("&#x27;", "'")
    with in_organization(alder.id):
        chosen(one, one, other)
    assert "then the larger stands" not in words(browser.get("/alder/contest-ledger/").content)
    assert browser.get(f"/alder/engagements/{reference}/contest-ledger/").status_code == 200


def test_verify_finds_two_credits_for_one_incident(incident: tuple[CreditClaim, CreditClaim]) -> None:
    CreditClaim.objects.update(state="final")
    assert [finding.identical for finding in verify() if finding.subject.startswith("Credit")] == [False, False]


def test_a_choice_cannot_be_recorded_from_another_organization(
    waiting: tuple[CreditClaim, CreditClaim], ben: Membership, client_of: SignIn
) -> None:
    assert client_of(ben).get(WINDOW.format(1) + "choose/").status_code == 404
    assert client_of(ben).get("/birch/service-levels/NDA/1/2026/10/choose/").status_code == 404


# --- at once ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_windows_closed_at_the_same_moment_know_of_each_other(alder: Organization, now: WallClock) -> None:
    now.is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        workstream = stream()
        levels = two_levels(workstream)
        late(workstream)
        for level in levels:
            make.counted(level)
    start = Barrier(2)

    def close(level: ServiceLevelVersion) -> None:
        try:
            with in_organization(alder.id):
                start.wait()
                actions.close_window(level=level.level, window_start=OCTOBER, by=base.system())
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(close, levels))
    with in_organization(alder.id):
        assert [len(row.incident["shares"]) for row in CreditClaim.objects.all()] == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_two_choices_at_the_same_moment_are_one(alder: Organization, waiting: tuple[CreditClaim, CreditClaim]) -> None:
    start = Barrier(2)

    def choose(claim: CreditClaim) -> str:
        try:
            with in_organization(alder.id):
                start.wait()
                chosen(claim, *waiting)
                return "recorded"
        except StaleVersion:
            return "too late"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(choose, waiting)) == ["recorded", "too late"]
    with in_organization(alder.id):
        assert sorted(state for *_, state in states()) == ["provisional", "withdrawn"]
        assert ClientDecision.objects.filter(what="credit").count() == 1
