"""Every page of signing in and of one's own account comes out whole: no undefined variable, one heading, no inline style."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from lpo.accounts.models import Membership

pytestmark = [pytest.mark.urls("tests.core.urls"), pytest.mark.django_db]

PASSWORD = "correct horse battery"
SignIn = Callable[[Membership], Client]


@pytest.fixture(autouse=True)
def own_counters(settings: Settings) -> None:
    """Rate limits count in the cache; a test's own starts from nothing."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


def heading(answer: Any) -> str:
    page = answer.content.decode()
    found = re.findall(r"<h1>(.*?)</h1>", page)
    assert answer.status_code in {200, 422}, answer.status_code
    assert len(found) == 1, page
    assert " style=" not in page
    return str(found[0])


def confirmed(browser: Client) -> Client:
    """A sign-in fresh enough for what needs one."""
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return browser


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/accounts/login/", "Sign in"),
        ("/accounts/signup/", "Accounts are by invitation"),
        ("/accounts/password/reset/", "Reset your password"),
        ("/accounts/password/reset/done/", "Check your e-mail"),
        ("/accounts/password/reset/key/1-used/", "This link no longer works"),
        ("/accounts/password/reset/key/done/", "Your password is changed"),
        ("/accounts/confirm-email/", "Check your e-mail"),
        ("/accounts/confirm-email/used/", "This link no longer works"),
        ("/accounts/inactive/", "This account is closed"),
    ],
)
def test_a_page_before_signing_in_comes_out_whole(client: Client, path: str, title: str) -> None:
    assert heading(client.get(path)) == title


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/accounts/2fa/", "Two-step sign-in"),
        ("/accounts/sessions/", "Sessions"),
        ("/accounts/password/change/", "Change password"),
        ("/accounts/email/", "E-mail address"),
        ("/accounts/logout/", "Sign out?"),
        ("/accounts/reauthenticate/", "Confirm that it is you"),
        ("/accounts/2fa/totp/activate/", "Set up two-step sign-in"),
    ],
)
def test_a_page_of_ones_own_account_comes_out_whole(client_of: SignIn, asha: Membership, path: str, title: str) -> None:
    assert heading(confirmed(client_of(asha)).get(path)) == title


def test_a_wrong_password_keeps_the_address_and_says_so(client: Client, asha: Membership) -> None:
    answer = client.post("/accounts/login/", {"login": asha.user.email, "password": "wrong"})
    assert heading(answer) == "Sign in"
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert f'value="{asha.user.email}"' in page


def test_the_second_step_is_set_up_shown_and_turned_off(client_of: SignIn, asha: Membership) -> None:
    browser = confirmed(client_of(asha))
    page = browser.get("/accounts/2fa/totp/activate/").content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    wrong = browser.post("/accounts/2fa/totp/activate/", {"code": "000000"})
    assert "Incorrect code" in wrong.content.decode()
    codes = browser.post("/accounts/2fa/totp/activate/", {"code": code_of(wrong.content.decode())}, follow=True)
    assert heading(codes) == "Recovery codes"
    assert codes.content.decode().count("<li>") == 10
    assert "10 of 10 left" in browser.get("/accounts/2fa/").content.decode()
    assert heading(browser.get("/accounts/2fa/recovery-codes/generate/")) == "Make new recovery codes?"
    assert heading(browser.get("/accounts/2fa/totp/deactivate/")) == "Turn off two-step sign-in?"
    assert heading(browser.get("/accounts/2fa/reauthenticate/")) == "Confirm that it is you"


def code_of(page: str) -> str:
    found = re.search(r'id="totp-secret">([A-Z2-7]+)<', page)
    assert found
    return str(format_hotp_value(hotp_value(found.group(1), next(iter(yield_hotp_counters_from_time())))))


def test_a_password_is_reset_through_the_link_in_the_mail(
    client: Client, asha: Membership, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/password/reset/", {"email": asha.user.email})
    found = re.search(r"https?://[^/\s]+(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body))
    assert found
    form = client.get(found.group(1), follow=True)
    assert heading(form) == "Choose a new password"
    short = client.post(form.request["PATH_INFO"], {"password1": "short", "password2": "short"})
    assert "at least 12 characters" in short.content.decode()


def test_an_address_is_confirmed_by_a_button_not_by_opening_the_link(client: Client, asha: Membership) -> None:
    address = EmailAddress.objects.create(user=asha.user, email=f"second{time.time():.0f}@alder.example", verified=False)
    answer = client.get(f"/accounts/confirm-email/{EmailConfirmationHMAC(address).key}/")
    assert heading(answer) == "Confirm your e-mail address"
    address.refresh_from_db()
    assert not address.verified
