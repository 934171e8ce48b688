"""Years that nobody can mean are refused wherever they come in: one of them stopped the queue for everybody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client as Browser

from engagements import actions
from engagements.imports import history, items
from engagements.imports.reader import Problem
from engagements.models import WorkItem
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization
from tests import make

NOW = datetime(2026, 11, 1, tzinfo=UTC)
COLUMNS = {"external_id": "id", "title": "title", "received_at": "received", "due_hint": "due", "quantity": "quantity"}
ROW = {"id": "1", "title": "One", "received": "2026-10-01", "due": "", "quantity": "1"}


@pytest.mark.parametrize(
    ("column", "field", "text"),
    [
        ("received", "received_at", "0001-01-01"),
        ("received", "received_at", "1969-12-31T23:59:59+00:00"),
        ("due", "due_hint", "0001-01-01"),
        ("due", "due_hint", "9999-12-31"),
    ],
)
def test_a_row_with_such_a_year_is_rejected_by_its_field(column: str, field: str, text: str) -> None:
    found = items.parse({**ROW, column: text}, items.Options(COLUMNS), NOW)
    assert isinstance(found, Problem)
    assert (found.field, found.reason.split(":")[0]) == (field, "The year cannot be right")


def test_an_event_of_such_a_year_is_rejected() -> None:
    options = history.Options({"item": "id", "at": "at", "status": "status"}, {"Done": history.Meaning("delivered")})
    found = history.parse({"id": "1", "at": "0001-01-01", "status": "Done"}, 2, options, NOW)
    assert isinstance(found, Problem)
    assert found.field == "at"


def test_less_than_nothing_of_nothing_is_nothing() -> None:
    found = items.parse({**ROW, "quantity": "-0"}, items.Options(COLUMNS), NOW)
    assert not isinstance(found, Problem)
    assert found["quantity"] == "0"


def test_an_item_and_an_engagement_of_such_a_year_are_refused(asha: Membership, in_alder: Any) -> None:
    with pytest.raises(Refused) as refused:
        actions.create_item(workstream=make.workstream(), by=make.system(), title="Late", due_hint=datetime(9999, 12, 31, tzinfo=UTC))
    assert refused.value.field == "due_hint"
    with pytest.raises(Refused) as refused:
        make.engagement(starts_on=date(1, 1, 1))
    assert refused.value.field == "starts_on"


def test_the_form_names_the_field_and_makes_nothing(asha: Membership, client_of: Callable[[Membership], Browser]) -> None:
    with in_organization(asha.organization_id):
        make.workstream(make.matter(make.engagement(make.client(code="ACME"))), item_prefix="NDA")
    form = {"title": "Late", "kind": "work", "received_at": "2026-10-01T10:00", "quantity": "1", "priority": "standard"}
    answer = client_of(asha).post("/alder/matters/ACME-0001/NDA/items/new/", {**form, "due_hint": "9999-12-31T23:59"})
    assert answer.status_code == 422
    assert "The year cannot be right" in answer.content.decode()
    with in_organization(asha.organization_id):
        assert not WorkItem.objects.exists()


@pytest.mark.parametrize("month", ["0001-01", "9999-12", "2026-13", "0000-00"])
def test_a_billing_month_of_such_a_year_is_not_found(bill: Membership, client_of: Callable[[Membership], Browser], month: str) -> None:
    browser = client_of(bill)
    for page in ("draft", "export", "bulk"):
        assert browser.post(f"/alder/invoices/run/{page}/", {"month": month, "do": "submit"}).status_code == 404
    assert browser.get("/alder/invoices/run/", {"month": month}).status_code == 200
