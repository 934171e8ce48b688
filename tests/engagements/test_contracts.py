"""Contract versions: which governs a day, when one may still be put right, and what its clauses are cited by."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from engagements import actions, contracts, queries
from engagements.contracts import Hold, Span
from engagements.models import Contract, ContractClause, Engagement
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.documents import store
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from tests import make
from tests.sla import make as levels

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def amended(engagement: Engagement, starts: date, **terms: Any) -> Contract:
    number = queries.latest_contract(engagement).number
    return actions.amend_contract(engagement=engagement, by=make.system(), number=number, effective_from=starts, **terms)


@pytest.fixture
def held() -> Any:
    """Lets a test say what rests on a contract."""
    found: list[Hold] = []

    def source(engagement_id: int, span: Span) -> list[Hold]:
        return found

    contracts.sources.append(source)
    yield found
    contracts.sources.remove(source)


def test_the_last_version_that_has_begun_governs_a_day(in_alder: Scope) -> None:
    engagement = make.engagement(starts_on=date(2024, 1, 1))
    amended(engagement, date(2024, 7, 1), payment_days=45)
    amended(engagement, date(2025, 1, 1), payment_days=60)
    days = [date(2023, 5, 1), date(2024, 1, 1), date(2024, 6, 30), date(2024, 7, 1), date(2024, 12, 31), date(2025, 1, 1)]
    governing = [queries.contract_on(engagement, day) for day in days]
    assert [contract.number for contract in governing if contract] == [1, 1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("starts", "spans"),
    [
        (["2024-01-01"], [(None, None)]),
        (["2024-01-01", "2024-07-01"], [(None, "2024-07-01"), ("2024-07-01", None)]),
        # Two that begin on one day: the later one governs, the earlier one no day at all from then on.
        (["2024-01-01", "2024-07-01", "2024-07-01"], [(None, "2024-07-01"), ("2024-07-01", "2024-07-01"), ("2024-07-01", None)]),
    ],
)
def test_spans_and_the_governing_version_agree(starts: list[str], spans: list[tuple[str | None, str | None]]) -> None:
    versions = [Contract(pk=n, effective_from=date.fromisoformat(day)) for n, day in enumerate(starts, 1)]
    found = [contracts.span_of(versions, version) for version in versions]
    assert [(str(span.start) if span.start else None, str(span.end) if span.end else None) for span in found] == spans
    for day in (date(2023, 1, 1), date(2024, 1, 1), date(2024, 6, 30), date(2024, 7, 1), date(2030, 1, 1)):
        assert [version for version, span in zip(versions, found, strict=True) if day in span] == [contracts.governing(versions, day)]


def test_a_new_version_takes_the_clauses_along_and_leaves_the_old_one_as_it_was(in_alder: Scope) -> None:
    engagement = make.engagement()
    first = queries.latest_contract(engagement)
    actions.add_clause(contract=first, by=make.system(), number="B 2.1", title="Turnaround", text="95 % within 24 hours")
    second = amended(engagement, date(2024, 7, 1), contest_days=10)
    clause = ContractClause.objects.get(contract=second)
    actions.change_clause(clause=clause, by=make.system(), number="B 2.1", title="Turnaround", text="97 % within 24 hours")
    assert [row.text for row in ContractClause.objects.order_by("contract__number")] == ["95 % within 24 hours", "97 % within 24 hours"]
    first.refresh_from_db()
    assert (first.contest_days, first.version) == (5, 1)


def test_another_date_alone_makes_no_version(in_alder: Scope) -> None:
    engagement = make.engagement()
    assert amended(engagement, date(2024, 7, 1)).number == 1


def test_a_signature_is_not_handed_on_to_the_next_version(in_alder: Scope) -> None:
    engagement = make.engagement()
    file = store(kind="contract", content=b"signed", file_name="a.pdf", media_type="application/pdf", by=make.system())
    first = actions.attach_signed_file(
        contract=queries.latest_contract(engagement), by=make.system(), document=file, signed_on=date(2024, 1, 2)
    )
    second = amended(engagement, date(2024, 7, 1), payment_days=60)
    assert (first.signed_on, second.signed_on, second.signed_file_id) == (date(2024, 1, 2), None, None)
    other = store(kind="contract", content=b"another", file_name="b.pdf", media_type="application/pdf", by=make.system())
    with pytest.raises(Refused, match="has its signed file"):
        actions.attach_signed_file(contract=first, by=make.system(), document=other)


def test_a_version_is_put_right_in_place_while_nothing_rests_on_it(in_alder: Scope) -> None:
    first = queries.latest_contract(make.engagement())
    corrected = actions.correct_contract(contract=first, by=make.system(), version=1, payment_days=14)
    assert (corrected.number, corrected.payment_days) == (1, 14)
    event = Event.objects.get(action="contract.correct")
    assert (event.before, event.after) == ({"payment_days": 30}, {"payment_days": 14})


def test_what_rests_on_a_version_keeps_it_as_it_is_but_lets_clauses_be_added(in_alder: Scope, held: list[Hold]) -> None:
    first = queries.latest_contract(make.engagement())
    clause = actions.add_clause(contract=first, by=make.system(), number="2", title="Fees")
    held.append(Hold("NDA turnaround cites 2", clause="2"))
    for refused in (
        lambda: actions.correct_contract(contract=first, by=make.system(), version=1, payment_days=14),
        lambda: actions.change_clause(clause=clause, by=make.system(), number="2", title="Charges"),
        lambda: actions.remove_clause(clause=clause, by=make.system()),
    ):
        with pytest.raises(Refused, match="new version"):
            refused()
    assert actions.add_clause(contract=first, by=make.system(), number="3", title="Term").position == 2
    assert actions.correct_contract(contract=first, by=make.system(), version=1, payment_days=30) == first


def test_a_new_version_begins_after_what_is_settled(in_alder: Scope, held: list[Hold]) -> None:
    engagement = make.engagement()
    held.append(Hold("Invoice AL-2024-0003 is issued for March 2024", until=date(2024, 3, 31)))
    with pytest.raises(Refused, match="31 Mar 2024") as refusal:
        amended(engagement, date(2024, 3, 31), payment_days=60)
    assert refusal.value.field == "effective_from"
    assert amended(engagement, date(2024, 4, 1), payment_days=60).number == 2


def test_a_version_is_not_corrected_back_into_days_settled_under_the_one_before(in_alder: Scope) -> None:
    engagement = make.engagement(starts_on=date(2024, 1, 1))
    second = amended(engagement, date(2024, 7, 1), payment_days=60)

    def settled_in_march(engagement_id: int, span: Span) -> list[Hold]:
        day = date(2024, 3, 31)
        return [Hold("Invoice AL-2024-0003 is issued for March 2024", until=day)] if day in span else []

    contracts.sources.append(settled_in_march)
    try:
        with pytest.raises(Refused, match="31 Mar 2024"):
            actions.correct_contract(contract=second, by=make.system(), version=1, effective_from=date(2024, 3, 1))
        moved = actions.correct_contract(contract=second, by=make.system(), version=1, effective_from=date(2024, 4, 1))
    finally:
        contracts.sources.remove(settled_in_march)
    assert moved.effective_from == date(2024, 4, 1)


def test_a_service_level_that_cites_a_clause_holds_the_version_in_force_when_it_begins(in_alder: Scope) -> None:
    engagement = make.engagement(starts_on=date(2024, 1, 1))
    stream = make.workstream(make.matter(engagement))
    second = amended(engagement, date(2024, 7, 1), payment_days=60)
    levels.level(stream, name="Turnaround", effective_from=date(2024, 8, 1), clause="B 2.1")
    first = Contract.objects.get(engagement=engagement, number=1)
    assert queries.holds_of(first) == []
    assert [hold.text for hold in queries.holds_of(second)] == ["Service level Turnaround, version 1, cites B 2.1"]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"baseline_volume": Decimal(50)}, None),
        ({"baseline_volume": Decimal(50), "baseline_unit": "NDA", "volume_ceiling": Decimal(40)}, None),
        ({"credit_base": "baseline"}, None),
        ({"baseline_amount": Decimal("10.005")}, "baseline_amount"),
        ({"cap_period": "decade"}, "cap_period"),
        ({"incident_credits": "none"}, "incident_credits"),
        ({"choice_days": -1}, "choice_days"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
    ],
)
def test_terms_that_contradict_each_other_are_refused(in_alder: Scope, terms: dict[str, Any], field: str | None) -> None:
    with pytest.raises(Refused) as refusal:
        amended(make.engagement(), date(2024, 7, 1), **terms)
    assert refusal.value.field == field


def test_only_who_edits_work_writes_contracts(in_alder: Scope, cora: Membership, bill: Membership, sam: Membership) -> None:
    engagement = make.engagement()
    for person in (cora, bill, sam):
        with pytest.raises(NotPermitted):
            actions.amend_contract(engagement=engagement, by=Actor.member(person), number=1, payment_days=60)
        with pytest.raises(NotPermitted):
            actions.add_clause(contract=queries.latest_contract(engagement), by=Actor.member(person), number="1", title="x")


# --- in the browser ----------------------------------------------------------------------------------------------------------

TERMS = {
    "number": 1,
    "effective_from": "2024-07-01",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "payment_days": 30,
    "contest_days": 5,
    "acceptance_days": 5,
    "at_risk_percent": "10",
    "cap_period": "period",
    "credit_base": "fees",
    "baseline_period": "month",
}


@pytest.fixture
def agreed(asha: Membership) -> Engagement:
    """ACME-E01 with a contract of one clause."""
    with in_organization(asha.organization_id):
        engagement = make.engagement(make.client(code="ACME", time_zone="Europe/London", currency="GBP"))
        contract = queries.latest_contract(engagement)
        actions.add_clause(contract=contract, by=make.system(), number="Schedule B 2.1", title="Turnaround", text="At 47.31 an NDA")
        return engagement


def test_a_version_is_written_compared_and_signed_in_the_browser(asha: Membership, agreed: Engagement, client_of: SignIn) -> None:
    browser = client_of(asha)
    form = TERMS | {"baseline_volume": "50", "baseline_unit": "NDA", "baseline_amount": "2500", "volume_ceiling": "80"}
    assert browser.post("/alder/engagements/ACME-E01/contract/", form).headers["Location"] == "/alder/engagements/ACME-E01/contract/2/"
    page = text(browser.get("/alder/engagements/ACME-E01/contract/2/"))
    assert "In force" in page and "50 NDA, monthly" in page and "2,500.00 GBP, monthly" in page and "Schedule B 2.1" in page
    compared = text(browser.get("/alder/engagements/ACME-E01/contract/1/compare/2/"))
    assert "Baseline volume — 50 NDA, monthly Changed" in compared and "Zone Europe/London Europe/London Same" in compared
    signed = SimpleUploadedFile("signed.pdf", b"%PDF-1.7 signed %%EOF", "application/pdf")
    assert browser.post("/alder/engagements/ACME-E01/contract/2/file/", {"file": signed}).status_code == 302
    file = browser.get("/alder/engagements/ACME-E01/contract/2/file/")
    assert (file.content, file["Content-Type"]) == (b"%PDF-1.7 signed %%EOF", "application/octet-stream")
    assert "attachment" in file["Content-Disposition"]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({}, "One credit, the client's choice. One NDA that missed its turnaround (5 %) and its response (3 %) in a month: the 5 % or the"
         " 3 %, as the client says; after 10 business days of silence the 5 %."),
        ({"choice_days": 1}, "after 1 business day of silence the 5 %."),
        ({"choice_days": 0}, "as the client says; the credit waits for that word."),
        ({"incident_credits": "larger"}, "One credit, the larger. One NDA that missed its turnaround (5 %) and its response (3 %)"),
        ({"incident_credits": "each"}, "response (3 %) in a month: 8 %."),
    ],
)  # fmt: skip
def test_which_credit_stands_for_one_incident_is_read_back_with_a_case(
    asha: Membership, agreed: Engagement, client_of: SignIn, terms: dict[str, Any], said: str
) -> None:
    browser = client_of(asha)
    assert browser.post("/alder/engagements/ACME-E01/contract/", TERMS | {"payment_days": 45} | terms).status_code == 302
    assert said in text(browser.get("/alder/engagements/ACME-E01/contract/2/")).replace("&#x27;", "'")


def test_a_wrong_term_is_shown_beside_its_field(asha: Membership, agreed: Engagement, client_of: SignIn) -> None:
    page = client_of(asha).post("/alder/engagements/ACME-E01/contract/", TERMS | {"effective_from": "2023-01-01", "payment_days": 45})
    assert page.status_code == 422
    assert "Version 1 begins later" in text(page)


def test_an_offer_to_correct_a_version_goes_once_something_rests_on_it(
    asha: Membership, agreed: Engagement, client_of: SignIn, held: list[Hold]
) -> None:
    browser, here = client_of(asha), "/alder/engagements/ACME-E01/contract/1/"
    assert "Correct" in text(browser.get(here))
    held.append(Hold("NDA turnaround is closed for March 2024", until=date(2024, 3, 31)))
    page = text(browser.get(here))
    assert "NDA turnaround is closed for March 2024" in page and " Correct " not in page
    late = browser.post(f"{here}correct/", {**TERMS, "version": 1, "payment_days": 12, "effective_from": "2024-01-01"})
    assert late.status_code == 422 and "new version" in text(late)


def test_what_names_prices_is_for_who_may_see_money(cora: Membership, agreed: Engagement, client_of: SignIn) -> None:
    page = text(client_of(cora).get("/alder/engagements/ACME-E01/contract/1/"))
    assert "Turnaround" in page
    assert "47.31" not in page and "Baseline amount" not in page


def test_the_form_of_a_level_offers_the_contracts_clauses(asha: Membership, agreed: Engagement, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        make.workstream(make.matter(agreed), item_prefix="NDA")
    page = client_of(asha).get("/alder/service-levels/new/NDA/turnaround/")
    assert page.status_code == 200
    assert '<option value="Schedule B 2.1">Turnaround</option>' in page.content.decode()


def test_the_currency_is_for_who_may_see_money(in_alder: Scope, bill: Membership, rita: Membership, client_of: Any) -> None:
    engagement = make.engagement()
    pages = [f"/alder/engagements/{engagement.reference}/", f"/alder/engagements/{engagement.reference}/contract/1/"]
    for who, shown in ((bill, True), (rita, False)):
        browser = client_of(who)
        assert [">Currency<" in browser.get(page).content.decode() for page in pages] == [shown, shown]
