"""What the journeys of accounts need: mails as they leave, choices of clients, a counted cache of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.test import Client as Browser
from pytest_django import Settings

from engagements.models import Client
from lpo.accounts import actions, choices
from lpo.accounts.actor import Actor
from lpo.accounts.models import Invitation, Membership, Organization
from lpo.audit.models import Event
from lpo.tenancy.context import in_organization

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def own_counters(settings: Settings) -> Iterator[None]:
    """Rate limits count in the cache; each test starts from nothing."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "accounts"}}
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def commits_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test lies in a transaction that never commits, so what waits for the commit is done at once."""
    monkeypatch.setattr(transaction, "on_commit", lambda act, using=None, robust=False: act())


@pytest.fixture
def offered(vantic: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Vantic is on offer where a client viewer's client is chosen."""
    monkeypatch.setattr(choices, "client_choices", lambda: [(vantic.id, "Vantic Software")])
    return vantic


@pytest.fixture
def invite() -> Callable[..., tuple[Invitation, str]]:
    """Invite as a member does, and the path of the link that was mailed."""

    def send(by: Membership, email: str, role: str, client_id: int | None = None) -> tuple[Invitation, str]:
        with in_organization(by.organization_id):
            invitation = actions.invite(email=email, role=role, client_id=client_id, by=Actor.member(by))
        return invitation, mailed_path()

    return send


def mailed_path(number: int = -1) -> str:
    """The path of the address in a mail's button."""
    found = re.search(r"https?://[^/\s]+(/\S+)", str(mail.outbox[number].body))
    assert found, mail.outbox[number].body
    return found[1]


def sign_in(email: str, password: str = PASSWORD, forwarded: str = "") -> tuple[Browser, int]:
    """Sign in through the form, as a person does; the browser and the status.

    `forwarded` is an X-Forwarded-For header somebody wrote.
    """
    browser = Browser()
    headers = {"x-forwarded-for": forwarded} if forwarded else None
    answer = browser.post("/accounts/login/", {"login": email, "password": password}, headers=headers)
    return browser, answer.status_code


def membership(organization: Organization, email: str) -> Membership:
    return Membership.objects.select_related("user").get(organization=organization, user__email=email)


def html_of(number: int = -1) -> str:
    """The HTML part of a mail."""
    message = mail.outbox[number]
    assert isinstance(message, EmailMultiAlternatives)
    return str(message.alternatives[0][0])


def after(event: Event) -> dict[str, object]:
    assert isinstance(event.after, dict)
    return event.after
