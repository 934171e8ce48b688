"""Bodies of requests that no program means to send."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from rest_framework.test import APIClient

from engagements import actions as work
from engagements.models import Client
from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Role
from lpo.accounts.tokens import Scope
from lpo.tenancy.context import in_organization
from tests import make
from tests.billing import make as bills
from tests.conftest import person


@pytest.mark.parametrize("body", ["[" * 50_000, '{"a":' * 50_000])
def test_json_nested_without_end_is_the_senders_error(olga: Membership, body: str) -> None:
    with in_organization(olga.organization_id):
        _, raw = accounts.create_token(name="tests", scopes=[Scope.WORK_WRITE.value], days=30, by=Actor.member(olga))
    http = APIClient(headers={"Authorization": f"Bearer {raw}"})
    answer = http.post("/api/v1/clients/", body, content_type="application/json")
    assert answer.status_code == 400
    assert "nested too deeply" in answer.json()["detail"]


@pytest.fixture
def http(olga: Membership) -> APIClient:
    with in_organization(olga.organization_id):
        _, raw = accounts.create_token(name="tests", scopes=[scope.value for scope in Scope], days=30, by=Actor.member(olga))
    return APIClient(headers={"Authorization": f"Bearer {raw}"})


ACME = {
    "code": "ACME",
    "name": "Acme",
    "legal_name": "Acme Inc.",
    "billing_address": "1 Main Street",
    "country": "US",
    "currency": "USD",
    "time_zone": "America/New_York",
}


def fields(answer: Any) -> dict[str, str]:
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json"), answer.content
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_a_field_that_nobody_knows_is_refused_by_name(http: APIClient, alder: Organization) -> None:
    assert fields(http.post("/api/v1/clients/", {**ACME, "curency": "EUR"}, format="json")) == {"curency": "There is no such field."}
    with in_organization(alder.id):
        assert not Client.objects.exists()
        stream = make.workstream()
        item = make.item(stream)
        code = stream.client.code
    assert set(fields(http.patch(f"/api/v1/clients/{code}/", {"colour": "red", "name": "x"}, format="json"))) == {"colour"}
    row = {"external_id": "A", "title": "x", "received_at": "2026-10-06T14:00:00Z", "due": "tomorrow"}
    body = {"workstream": stream.item_prefix, "items": [{**row, "due": 1}], "dry_run": True}
    assert set(fields(http.post("/api/v1/items/", body, format="json"))) == {"dry_run"}
    del body["dry_run"]
    assert set(fields(http.post("/api/v1/items/", body, format="json"))) == {"items[0].due"}
    assert set(fields(http.post(f"/api/v1/items/{item.reference}/moves/", {"to": "in_review", "when": "now"}, format="json"))) == {"when"}


def test_what_was_read_may_be_sent_back_and_what_is_settled_stays(http: APIClient) -> None:
    made = http.post("/api/v1/clients/", ACME, format="json")
    assert made.status_code == 201, made.content
    again = http.patch("/api/v1/clients/ACME/", made.json(), format="json")
    assert again.status_code == 200, again.content
    assert fields(http.patch("/api/v1/clients/ACME/", {"code": "ZENITH"}, format="json")) == {"code": "It cannot be changed."}


@pytest.mark.parametrize(
    ("field", "value"), [("country", "XX"), ("country", "EU"), ("country", "us"), ("currency", "DEM"), ("currency", "XXQ")]
)
def test_countries_and_currencies_are_of_the_iso_lists(http: APIClient, field: str, value: str) -> None:
    assert set(fields(http.post("/api/v1/clients/", {**ACME, field: value}, format="json"))) == {field}


def test_the_description_says_that_nothing_else_is_taken(http: APIClient) -> None:
    parts = http.get("/api/v1/schema/?format=json").json()["components"]["schemas"]
    for name in ("Client", "Engagement", "Matter", "Workstream", "Upsert", "NewItem", "Move", "NewPause", "Resume", "PatchedClient"):
        assert parts[f"{name}Request"]["additionalProperties"] is False, name


def test_lines_behind_a_wall_are_counted_so_that_the_sum_is_the_total(
    http: APIClient, alder: Organization, bill: Membership, bella: Membership
) -> None:
    insider = person(alder, "Inga Holm", Role.OWNER)
    with in_organization(alder.id):
        engagement = make.engagement(starts_on=date(2026, 9, 1))
        for walled, price in ((False, "45"), (True, "100")):
            stream = make.workstream(make.matter(engagement))
            bills.delivered(stream, 2)
            bills.term(engagement, "unit", price, name=f"Work at {price}", workstream=stream)
            if walled:
                work.raise_wall(matter=stream.matter, by=make.system(), insiders=[bill, insider])
        invoice = bills.issued(engagement, bill, bella)
    body = http.get(f"/api/v1/invoices/{invoice.number}/").json()
    assert [line["amount"] for line in body["lines"]] == ["90.0000"]
    assert body["restricted"] == {"count": 1, "amount": "200.0000"}
    assert body["net"] == "290.0000"
    with in_organization(alder.id):
        _, raw = accounts.create_token(name="inside", scopes=["billing:read"], days=30, by=Actor.member(insider))
    inside = APIClient(headers={"Authorization": f"Bearer {raw}"}).get(f"/api/v1/invoices/{invoice.number}/").json()
    assert (len(inside["lines"]), inside["restricted"]) == (2, None)
