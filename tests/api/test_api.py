"""The API as a client program meets it: tokens, scopes, problems, pages, and the thread's endpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engagements import actions
from engagements import queries as work
from engagements.models import Client, Pause, WorkItem, Workstream
from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.models import ApiToken, Membership, Organization
from lpo.accounts.tokens import Scope
from lpo.tenancy.context import in_organization
from tests import make
from tests.billing import make as bills
from tests.sla import make as levels

ALL = [scope.value for scope in Scope]
Call = Callable[..., Any]


class Program:
    """A client program with a token."""

    def __init__(self, raw: str) -> None:
        self.http = Browser(headers={"Authorization": f"Bearer {raw}"})

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any) -> Any:
        return self.http.post(f"/api/v1/{path}", body, content_type="application/json")

    def patch(self, path: str, body: Any) -> Any:
        return self.http.patch(f"/api/v1/{path}", body, content_type="application/json")


def program(member: Membership, scopes: list[str]) -> Program:
    with in_organization(member.organization_id):
        _, raw = accounts.create_token(name="tests", scopes=scopes, days=30, by=Actor.member(member))
    return Program(raw)


@pytest.fixture
def app(olga: Membership) -> Program:
    return program(olga, ALL)


@pytest.fixture
def stream(alder: Organization) -> Workstream:
    with in_organization(alder.id):
        return bills.workstream()


def test_without_a_valid_token_the_answer_is_401_as_a_problem(alder: Organization) -> None:
    for http in (Browser(), Browser(headers={"Authorization": "Bearer lpo_wrong"}), Browser(headers={"Authorization": "Basic x"})):
        answer = http.get("/api/v1/clients/")
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_signed_in_browser_is_nobody_here(client_of: Call, olga: Membership) -> None:
    assert client_of(olga).get("/api/v1/clients/").status_code == 401


def test_expired_and_revoked_tokens_are_refused(olga: Membership, app: Program) -> None:
    past = timezone.now() - timedelta(days=1)
    ApiToken.objects.update(created_at=past - timedelta(days=1), expires_at=past)
    assert app.get("clients/").status_code == 401
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1), revoked_at=past)
    assert app.get("clients/").status_code == 401


def test_a_token_does_what_its_scopes_say_and_never_more_than_its_maker_may(olga: Membership, vantic: Client) -> None:
    reader = program(olga, ["work:read"])
    assert reader.get("clients/").status_code == 200
    refused = reader.post("clients/", {"code": "NEW"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "This token may not edit work.")
    assert reader.get("invoices/").status_code == 403
    Membership.objects.filter(pk=olga.pk).update(role="reviewer")
    assert program_again(reader).get("clients/").status_code == 200


def program_again(reader: Program) -> Program:
    return reader


def test_a_token_sees_its_own_organization_only(app: Program, ben: Membership, birch: Organization, vantic: Client) -> None:
    with in_organization(birch.id):
        make.client(code="BIR", name="Birch's client")
    assert [row["code"] for row in app.get("clients/").json()["results"]] == ["VAN"]
    assert app.get("clients/BIR/").status_code == 404


def test_a_client_is_created_read_and_changed(app: Program) -> None:
    body = {
        "code": "ACME",
        "name": "Acme",
        "legal_name": "Acme São Paulo Ltda",
        "billing_address": "Rua Augusta 1",
        "country": "BR",
        "currency": "BRL",
        "time_zone": "America/Sao_Paulo",
    }
    made = app.post("clients/", body)
    assert made.status_code == 201, made.content
    assert app.get("clients/ACME/").json()["legal_name"] == "Acme São Paulo Ltda"
    changed = app.patch("clients/ACME/", {"name": "Acme Brasil", "version": 1})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = app.patch("clients/ACME/", {"name": "Other", "version": 1})
    assert stale.status_code == 409


def test_a_problem_names_the_field(app: Program) -> None:
    answer = app.post("clients/", {"code": "acme corp", "name": "Acme"})
    assert answer.status_code == 422
    fields = {error["field"] for error in answer.json()["errors"]}
    assert {"code", "legal_name", "currency"} <= fields


def test_unreadable_json_is_a_problem(app: Program) -> None:
    answer = app.http.post("/api/v1/clients/", "{", content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_the_thread_down_to_an_item(app: Program, vantic: Client, alder: Organization) -> None:
    with in_organization(alder.id):
        entity = make.legal_entity()
    engagement = app.post(
        "engagements/", {"client": "VAN", "legal_entity": entity.name, "title": "Commercial contracts", "starts_on": "2026-09-01"}
    )
    assert engagement.status_code == 201, engagement.content
    matter = app.post("matters/", {"engagement": engagement.json()["reference"], "title": "NDAs", "client_matter_id": "LEG-7"})
    assert matter.status_code == 201, matter.content
    stream = app.post(
        "workstreams/", {"matter": matter.json()["reference"], "kind": "nda_review", "title": "NDAs", "unit": "NDA", "item_prefix": "NDA"}
    )
    assert stream.status_code == 201, stream.content
    send = {
        "workstream": "NDA",
        "items": [
            {"external_id": "T-1", "title": "Mutual NDA, Orrin", "received_at": "2026-10-06T14:00:00Z"},
            {"external_id": "T-2", "title": "O'Neill & Söhne", "received_at": "2026-10-06T15:00:00-04:00", "quantity": "2"},
        ],
    }
    first = app.post("items/", send)
    assert [row["outcome"] for row in first.json()["results"]] == ["created", "created"], first.content
    again = app.post("items/", send)
    assert [row["outcome"] for row in again.json()["results"]] == ["unchanged", "unchanged"]
    send["items"][1]["title"] = "O'Neill & Söhne GmbH"  # type: ignore[index]
    assert [row["outcome"] for row in app.post("items/", send).json()["results"]] == ["unchanged", "changed"]
    reference = first.json()["results"][0]["reference"]
    moved = app.post(f"items/{reference}/moves/", {"to": "in_review"})
    assert (moved.status_code, moved.json()["state"]) == (200, "in_review"), moved.content
    paused = app.post(f"items/{reference}/pauses/", {"party": "client", "reason": "signature", "note": "signature block"})
    assert paused.json()["paused"] is True, paused.content
    resumed = app.post(f"items/{reference}/resume/", {})
    assert resumed.json()["paused"] is False
    done = app.post(f"items/{reference}/moves/", {"to": "delivered"})
    assert [row["to_state"] for row in done.json()["transitions"]] == ["received", "in_review", "delivered"] or done.json()[
        "state"
    ] == "delivered"
    with in_organization(alder.id):
        assert Pause.objects.count() == 1


def test_a_move_the_state_table_lacks_is_refused_by_field(app: Program, stream: Workstream, alder: Organization) -> None:
    with in_organization(alder.id):
        item = make.item(stream)
    answer = app.post(f"items/{item.reference}/moves/", {"to": "accepted"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "to")


def test_one_refused_item_writes_none(app: Program, stream: Workstream, alder: Organization) -> None:
    rows = [
        {"external_id": "A", "title": "fine", "received_at": "2026-10-06T14:00:00Z"},
        {"external_id": "B", "title": "from the future", "received_at": (timezone.now() + timedelta(days=9)).isoformat()},
    ]
    answer = app.post("items/", {"workstream": stream.item_prefix, "items": rows})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("items[1]")
    with in_organization(alder.id):
        assert WorkItem.objects.count() == 0


def test_lists_are_keyset_paged_and_every_row_comes_once(app: Program, stream: Workstream, alder: Organization) -> None:
    with in_organization(alder.id):
        made = {make.item(stream).reference for _ in range(7)}
    seen: list[str] = []
    address: str | None = "/api/v1/items/?limit=3"
    while address:
        page = app.http.get(address).json()
        seen += [row["reference"] for row in page["results"]]
        address = page["next"]
    assert (len(seen), set(seen)) == (7, made)
    assert app.get("items/", limit=0).status_code == 422
    assert app.get("items/", after="nonsense").status_code == 422


def test_a_list_costs_the_same_whatever_its_length(app: Program, stream: Workstream, alder: Organization) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert app.get("items/", limit=500).status_code == 200
        return len(captured)

    app.get("items/")
    with in_organization(alder.id):
        make.item(stream)
    few = queries()
    with in_organization(alder.id):
        for _ in range(30):
            make.item(stream)
    assert queries() == few


def test_an_issued_invoice_is_read_with_its_lines_and_pdf(
    app: Program, bill: Membership, bella: Membership, alder: Organization, run_jobs: Call
) -> None:
    with in_organization(alder.id):
        stream = bills.workstream()
        engagement = bills.engagement_of(stream)
        bills.delivered(stream, 2)
        bills.term(engagement, "unit", "45", workstream=stream)
        invoice = bills.issued(engagement, bill, bella)
    assert app.get(f"invoices/{invoice.number}/pdf/").status_code == 404
    run_jobs()
    body = app.get(f"invoices/{invoice.number}/").json()
    assert (body["gross"], [line["amount"] for line in body["lines"]]) == ("90.0000", ["90.0000"])
    pdf = app.get(f"invoices/{invoice.number}/pdf/")
    assert pdf.content.startswith(b"%PDF-")
    assert [row["number"] for row in app.get("invoices/", state="issued").json()["results"]] == [invoice.number]
    assert app.get("charge-terms/").json()["results"][0]["versions"][0]["price"] == "45.00000000"


def test_deliverables_are_read_with_hash_and_decision(app: Program, sam: Membership, alder: Organization) -> None:
    with in_organization(alder.id):
        item = make.item(make.workstream(), state="delivered")
        actions.keep_deliverable(item=item, by=make.system(), content=b"words", file_name="NDA.txt", label="Mutual NDA")
        actions.move_item(item=item, to="accepted", by=Actor.member(sam))
        matter = item.workstream.matter.reference
    (row,) = app.get("deliverables/", matter=matter, item=item.reference).json()["results"]
    assert (row["item"], row["number"], row["label"]) == (item.reference, 1, "Mutual NDA")
    assert (row["sha256"], row["decision"], row["decided_source"]) == (hashlib.sha256(b"words").hexdigest(), "accepted", "attorney")
    assert app.get("deliverables/", matter="NONE-0001").json()["results"] == []


def test_contracts_and_purchase_orders_are_read_with_what_is_left(
    app: Program, bill: Membership, bella: Membership, alder: Organization
) -> None:
    with in_organization(alder.id):
        engagement = bills.engagement_of(bills.workstream())
        bills.term(engagement, "fixed", "2500")
        contract = work.latest_contract(engagement)
        actions.add_clause(contract=contract, by=make.system(), number="B 2.1", title="Turnaround")
        order: Any = {"number": "PO-1", "amount": Decimal(6000), "currency": "USD", "valid_from": date(2026, 9, 1)}
        actions.add_order(engagement=engagement, by=make.system(), **order)
        bills.issued(engagement, bill, bella)
    (read,) = app.get("contracts/", engagement=engagement.reference).json()["results"]
    assert (read["number"], read["clauses"]) == (1, [{"number": "B 2.1", "title": "Turnaround", "text": ""}])
    (left,) = app.get("purchase-orders/").json()["results"]
    assert (left["number"], left["drawn"], left["remaining"]) == ("PO-1", "2500.0000", "3500.0000")
    assert app.get("purchase-orders/", engagement="NONE-E01").json()["results"] == []


def test_closed_figures_open_into_their_rows(app: Program, alder: Organization) -> None:
    with in_organization(alder.id):
        stream = bills.workstream()
        bills.claim(stream, "5", start=bills.OCTOBER.replace(day=1), end=bills.NOVEMBER, label="October 2026")
    listed = app.get("attainments/", workstream=stream.item_prefix, window=str(date(2026, 10, 15))).json()["results"]
    assert [(row["numerator"], row["denominator"], row["met"]) for row in listed] == [(36, 40, False)]
    rows = app.get("attainments/rows/", workstream=stream.item_prefix, level="NDA turnaround", window="2026-10-15")
    assert rows.status_code == 200
    assert app.get("attainments/rows/").status_code == 422


@pytest.mark.parametrize(("day", "found"), [("2026-09-30", 0), ("2026-10-01", 1), ("2026-10-31", 1), ("2026-11-01", 0)])
def test_a_window_is_found_by_any_of_its_days_in_its_own_zone(app: Program, alder: Organization, day: str, found: int) -> None:
    with in_organization(alder.id):
        stream = bills.workstream()
        version = levels.level(stream, time_zone="Pacific/Auckland")
        delivered = datetime(2026, 10, 15, tzinfo=UTC)
        make.item(stream, received_at=delivered - timedelta(hours=5), state="delivered", moved_at=delivered)
        levels.counted(version)
    assert len(app.get("attainments/", window=day).json()["results"]) == found


def test_the_schema_and_its_page_are_open_and_name_every_path(alder: Organization) -> None:
    http = Browser()
    assert http.get("/api/v1/docs/").status_code == 200
    schema = http.get("/api/v1/schema/?format=json").json()
    assert "/api/v1/items/{reference}/moves/" in schema["paths"]


def test_a_program_records_what_the_client_decided_with_its_words(app: Program, stream: Workstream, alder: Organization) -> None:
    with in_organization(alder.id):
        item = make.item(stream, received_at=timezone.now() - timedelta(hours=5), state="delivered")
    moves = f"items/{item.reference}/moves/"
    refused = app.post(moves, {"to": "accepted"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "message")
    done = app.post(moves, {"to": "accepted", "message": "All fine. Dana, 4 March"})
    assert (done.status_code, done.json()["state"]) == (200, "accepted")
    assert [(row["what"], row["source"]) for row in done.json()["decisions"]] == [("accepted", "provider")]


def test_what_a_program_records_late_waits_for_a_person(app: Program, stream: Workstream, alder: Organization) -> None:
    with in_organization(alder.id):
        item = make.item(stream, received_at=timezone.now() - timedelta(hours=5))
    at = (timezone.now() - timedelta(hours=2)).isoformat()
    answer = app.post(f"items/{item.reference}/moves/", {"to": "delivered", "at": at, "reason": "nightly run"}).json()
    assert (answer["state"], [row["state"] for row in answer["late_entries"]]) == ("received", ["waiting"])


def test_a_type_of_item_is_taken_kept_where_nothing_is_said_and_given_back(app: Program, stream: Workstream, alder: Organization) -> None:
    with in_organization(alder.id):
        make.item_types(stream, mutual="mutual NDA")
    row = {"external_id": "A", "title": "One", "received_at": "2026-03-01T09:00:00Z"}

    def sent(**more: object) -> tuple[int, list[str | None]]:
        answer = app.post("items/", {"workstream": stream.item_prefix, "items": [{**row, **more}]})
        return answer.status_code, [item["type"] for item in app.get("items/").json()["results"]]

    assert sent(type="mutual NDA") == (200, ["mutual"])
    assert sent(title="Renamed") == (200, ["mutual"])
    assert sent(type="lease")[0] == 422
    assert [len(app.get(f"items/?type={code}").json()["results"]) for code in ("mutual", "lease")] == [1, 0]
    assert sent(type=None) == (200, [None])
