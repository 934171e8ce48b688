"""The API answers as its own description says: schemathesis asks, with good values and bad, and looks at every answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest
import schemathesis
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.tokens import Scope
from lpo.api.throttles import TokenThrottle
from lpo.tenancy.context import in_organization
from tests import make
from tests.billing import make as bills
from tests.trust.conftest import Figure
from tests.trust.sizes import sizes

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def token(olga: Membership, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every scope, in an organization that has one of everything."""
    monkeypatch.setattr(TokenThrottle, "allow_request", lambda *_: True)
    cache.clear()
    with in_organization(olga.organization_id):
        stream = bills.workstream()
        bills.delivered(stream, 3)
        bills.term(bills.engagement_of(stream), "unit", "45", workstream=stream)
        make.item(stream)
        _, raw = accounts.create_token(name="contract", scopes=[scope.value for scope in Scope], days=30, by=Actor.member(olga))
    return raw


@sizes("examples", 2, 40)
@pytest.mark.usefixtures("house")
def test_the_api_keeps_to_its_description(examples: int, token: str, figure: Figure) -> None:
    schema = schemathesis.openapi.from_wsgi(
        "/api/v1/schema/", get_wsgi_application(), headers={"Accept": "application/vnd.oai.openapi+json"}
    )
    failures: Counter[str] = Counter()
    asked = 0
    operations: list[Any] = [result.ok() for result in cast(Any, schema.get_all_operations())]

    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        try:
            case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
        except (FailureGroup, Failure) as failure:  # all are counted and shown together
            failures[f"{case.method} {case.path}: {_words(failure)}"] += 1

    for operation in operations:
        _run(operation, ask, examples)
    figure(
        f"API contract: {len(operations)} operations, {asked} requests with good and bad values",
        f"{sum(failures.values())} failures",
        "0 failures",
        met=not failures,
    )
    assert asked >= examples * len(operations) // 2
    assert failures == {}, "\n\n".join(failures)


def _words(failure: FailureGroup | Failure) -> str:
    parts = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
    return " / ".join(" ".join(str(part).split())[:300] for part in parts)


def _run(operation: Any, ask: Callable[[Any], None], examples: int) -> None:
    rules = settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))

    @rules
    @seed(16)
    @given(case=operation.as_strategy())
    def each(case: Any) -> None:
        ask(case)

    each()
