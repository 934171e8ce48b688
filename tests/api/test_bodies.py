"""Bodies of requests that no program means to send."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.tokens import Scope
from lpo.tenancy.context import in_organization


@pytest.mark.parametrize("body", ["[" * 50_000, '{"a":' * 50_000])
def test_json_nested_without_end_is_the_senders_error(olga: Membership, body: str) -> None:
    with in_organization(olga.organization_id):
        _, raw = accounts.create_token(name="tests", scopes=[Scope.WORK_WRITE.value], days=30, by=Actor.member(olga))
    http = APIClient(headers={"Authorization": f"Bearer {raw}"})
    answer = http.post("/api/v1/clients/", body, content_type="application/json")
    assert answer.status_code == 400
    assert "nested too deeply" in answer.json()["detail"]
