"""People, organizations and the rules every test runs under."""

from __future__ import annotations

import gc
import ipaddress
import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.models import QuerySet
from django.test import Client as Browser
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings

from engagements.models import Client
from lpo.accounts.models import Membership, Organization, User
from lpo.accounts.roles import Role
from lpo.jobs.runner import run_due
from lpo.tenancy.context import Scope, in_organization
from tests import database

# A busy machine is no reason for a property to fail.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    name = f"{database.PREFIX}_{worker}"
    with django_db_blocker.unblock():
        database.recreate(name)
        connections["default"].settings_dict["NAME"] = name
        yield
        database.drop(name)


def _recreate_instead_of_flushing(self: TransactionTestCase) -> None:
    database.recreate(str(connections["default"].settings_dict["NAME"]))


TransactionTestCase._fixture_teardown = _recreate_instead_of_flushing  # type: ignore[attr-defined]


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """No test reaches beyond this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            host = "127.0.0.1" if address[0] == "localhost" else address[0]
            if not ipaddress.ip_address(host).is_loopback:
                raise RuntimeError(f"A test tried to reach {address[0]}")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def shuffle_unordered() -> Iterator[None]:
    """What has no order comes in a different one each time, so no test leans on it."""
    fetch = QuerySet._fetch_all

    def shuffled(self: QuerySet[Any]) -> None:
        fresh = self._result_cache is None
        fetch(self)
        if fresh and self._result_cache and not self.ordered and not self.query.is_sliced:
            random.shuffle(self._result_cache)

    QuerySet._fetch_all = shuffled  # type: ignore[method-assign]
    yield
    QuerySet._fetch_all = fetch  # type: ignore[method-assign]


@pytest.fixture
def alder(db: None) -> Organization:
    return Organization.objects.create(slug="alder", name="Alder Legal", time_zone="America/New_York")


@pytest.fixture
def birch(db: None) -> Organization:
    return Organization.objects.create(slug="birch", name="Birch Legal Support", time_zone="Europe/London")


def person(organization: Organization, name: str, role: Role, client_id: int | None = None) -> Membership:
    user = User.objects.create_user(f"{name.split()[0].lower()}@{organization.slug}.example", "correct horse battery", name=name)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)  # type: ignore[attr-defined]
    return Membership.objects.create(organization=organization, user=user, role=role, client_id=client_id)


@pytest.fixture
def asha(alder: Organization) -> Membership:
    """Project manager at Alder."""
    return person(alder, "Asha Rao", Role.PROJECT_MANAGER)


@pytest.fixture
def ben(birch: Organization) -> Membership:
    """Project manager at Birch."""
    return person(birch, "Ben Whitlock", Role.PROJECT_MANAGER)


@pytest.fixture
def olga(alder: Organization) -> Membership:
    """Owner of Alder."""
    return person(alder, "Olga Brandt", Role.OWNER)


@pytest.fixture
def adam(alder: Organization) -> Membership:
    """Administrator at Alder."""
    return person(alder, "Adam Lis", Role.ADMINISTRATOR)


@pytest.fixture
def cora(alder: Organization) -> Membership:
    """Coordinator at Alder."""
    return person(alder, "Cora Núñez", Role.COORDINATOR)


@pytest.fixture
def rita(alder: Organization) -> Membership:
    """Reviewer at Alder."""
    return person(alder, "Rita O'Brien", Role.REVIEWER)


@pytest.fixture
def bill(alder: Organization) -> Membership:
    """Billing at Alder."""
    return person(alder, "Bill Tanaka", Role.BILLING)


@pytest.fixture
def bella(alder: Organization) -> Membership:
    """The second billing person at Alder: preparer and approver differ."""
    return person(alder, "Bella Costa", Role.BILLING)


@pytest.fixture
def sam(alder: Organization) -> Membership:
    """Supervising attorney of some of Alder's matters."""
    return person(alder, "Sam Pell", Role.ATTORNEY)


@pytest.fixture
def audrey(alder: Organization) -> Membership:
    """Auditor at Alder."""
    return person(alder, "Audrey Kim", Role.AUDITOR)


def vantic_of_alder() -> Client:
    """Call inside Alder."""
    return Client.objects.create(
        code="VAN",
        name="Vantic Software",
        legal_name="Vantic Software, Inc.",
        billing_address="1 Harbor Way\nBoston, MA 02110",
        country="US",
        currency="USD",
        time_zone="America/New_York",
    )


@pytest.fixture
def vantic(alder: Organization) -> Client:
    """A client of Alder."""
    with in_organization(alder.id):
        return vantic_of_alder()


@pytest.fixture
def carla(alder: Organization, vantic: Client) -> Membership:
    """General counsel of Vantic, a client of Alder."""
    return person(alder, "Carla Mendes", Role.CLIENT_VIEWER, vantic.id)


@pytest.fixture
def in_alder(alder: Organization) -> Iterator[Scope]:
    with in_organization(alder.id) as scope:
        yield scope


@pytest.fixture
def run_jobs(alder: Organization) -> Callable[[], int]:
    """Does every due job of Alder through the real runner, in this process; returns how many."""
    return lambda: run_due(alder.id)


@pytest.fixture
def client_of() -> Callable[[Membership], Browser]:
    """A browser signed in as a person: `client_of(asha).get("/alder/today/")`."""

    def sign_in(member: Membership) -> Browser:
        browser = Browser()
        browser.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return browser

    return sign_in
