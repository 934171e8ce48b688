"""Signing in, being locked out, and telling nobody who has an account."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.fernet import InvalidToken
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from pytest_django import Settings

from lpo.accounts.adapters import MFAAdapter
from lpo.accounts.models import Membership, Organization
from tests.accounts.conftest import PASSWORD, html_of, mailed_path, sign_in

SignIn = Callable[[Membership], Browser]
pytestmark = pytest.mark.ignore_template_errors  # allauth's own form elements read variables they may not have


def code(secret: str) -> str:
    cache.delete_many([key for key in getattr(cache, "_cache", {}) if "totp.used" in key])
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def set_up_totp(browser: Browser) -> str:
    """Through the pages, the password once more first; the secret that the person's app now holds."""
    ask = browser.get("/accounts/2fa/totp/activate/")["Location"]
    assert browser.post(ask, {"password": PASSWORD}).status_code == 302
    page = browser.get("/accounts/2fa/totp/activate/")
    assert page.status_code == 200, page["Location"]
    secret = browser.session["mfa.totp.secret"]
    answer = browser.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert answer.status_code == 302, answer.content.decode()
    return str(secret)


def text_of(answer_content: bytes) -> str:
    """A page without what differs every time."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|hx-headers[^>]+', "", answer_content.decode())


def test_asha_signs_in_by_address_in_any_case_and_lands_at_today(asha: Membership) -> None:
    browser, status = sign_in("Asha@Alder.Example")
    assert status == 302
    assert browser.get("/")["Location"] == "/alder/today/"


def test_signed_out_people_are_sent_to_sign_in_and_back(asha: Membership) -> None:
    answer = Browser().get("/alder/people/")
    assert answer["Location"] == "/accounts/login/?next=%2Falder%2Fpeople%2F"


def test_a_wrong_password_and_an_unknown_address_look_alike(asha: Membership) -> None:
    known = Browser().post("/accounts/login/", {"login": asha.user.email, "password": "wrong"})
    unknown = Browser().post("/accounts/login/", {"login": "nobo@alder.example", "password": "wrong"})
    assert known.status_code == unknown.status_code
    assert text_of(known.content).replace(asha.user.email, "") == text_of(unknown.content).replace("nobo@alder.example", "")


def test_asking_for_a_new_password_looks_alike_and_writes_to_both(asha: Membership) -> None:
    known = Browser().post("/accounts/password/reset/", {"email": asha.user.email}, follow=True)
    unknown = Browser().post("/accounts/password/reset/", {"email": "nobody@alder.example"}, follow=True)
    assert (known.status_code, text_of(known.content)) == (unknown.status_code, text_of(unknown.content))
    assert [message.subject for message in mail.outbox] == ["Set a new password", "No account with this address"]


def test_a_forged_host_does_not_steer_the_reset_link(asha: Membership, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    Browser().post("/accounts/password/reset/", {"email": asha.user.email}, headers={"host": "evil.example"})
    assert "http://localhost:8000/accounts/password/reset/key/" in mail.outbox[0].body
    assert "evil.example" not in f"{mail.outbox[0].body}{html_of()}"


def test_a_new_password_is_set_by_the_link_and_ends_other_sessions(asha: Membership) -> None:
    elsewhere, _ = sign_in(asha.user.email)
    browser = Browser()
    browser.post("/accounts/password/reset/", {"email": asha.user.email})
    form = browser.get(mailed_path())["Location"]
    browser.post(form, {"password1": "nine green bottles", "password2": "nine green bottles"})
    assert sign_in(asha.user.email, "nine green bottles")[1] == 302
    assert elsewhere.get("/accounts/profile/").status_code == 302
    assert mail.outbox[-1].subject == "Your password was set anew"


def test_a_common_or_short_password_is_refused(asha: Membership) -> None:
    browser, _ = sign_in(asha.user.email)
    for weak in ("password1234", "tiny", "123456789012"):
        browser.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": weak, "password2": weak})
    assert asha.user.__class__.objects.get(pk=asha.user.pk).check_password(PASSWORD)


def test_five_wrong_passwords_lock_the_account_for_the_right_one_too(asha: Membership) -> None:
    for _ in range(5):
        sign_in(asha.user.email, "wrong")
    answer = Browser().post("/accounts/login/", {"login": asha.user.email, "password": PASSWORD})
    assert answer.status_code == 200 and "Too many failed login attempts" in answer.content.decode()


def test_a_forwarding_header_does_not_dodge_the_lock(asha: Membership, bill: Membership) -> None:
    """Neither the account's lock nor the count of one machine's attempts over many accounts."""
    for number in range(5):
        sign_in(asha.user.email, "wrong", forwarded=f"203.0.113.{number}")
    assert sign_in(asha.user.email, forwarded="203.0.113.99")[1] == 200
    for number in range(10):
        sign_in(f"guess{number}@alder.example", "wrong", forwarded=f"198.51.100.{number}")
    assert sign_in(bill.user.email, forwarded="192.0.2.1")[1] == 200, "this machine has guessed enough"


def test_behind_a_counted_proxy_the_last_address_counts(asha: Membership, settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(10):
        sign_in(f"guess{number}@alder.example", "wrong", forwarded=f"203.0.113.{number}, 198.51.100.7")
    assert sign_in(asha.user.email, forwarded="203.0.113.99, 198.51.100.7")[1] == 200
    assert sign_in(asha.user.email, forwarded="198.51.100.8")[1] == 302


def test_the_session_list_shows_other_sessions_and_ends_them(asha: Membership) -> None:
    here, _ = sign_in(asha.user.email)
    there, _ = sign_in(asha.user.email)
    assert here.get("/accounts/sessions/").status_code == 200
    here.post("/accounts/sessions/", {})
    assert there.get("/accounts/profile/").status_code == 302
    assert here.get("/accounts/profile/").status_code == 200


def test_totp_is_set_up_and_asked_for(asha: Membership) -> None:
    browser, _ = sign_in(asha.user.email)
    secret = set_up_totp(browser)
    assert "Two-step sign-in is on" in [message.subject for message in mail.outbox]
    again, status = sign_in(asha.user.email)
    assert status == 302
    assert again.get("/accounts/profile/").status_code == 302, "the password alone opens nothing"
    assert again.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert again.post("/accounts/2fa/authenticate/", {"code": code(secret)}).status_code == 302
    assert again.get("/accounts/profile/").status_code == 200


def test_codes_cannot_be_guessed_for_long(asha: Membership) -> None:
    secret = set_up_totp(sign_in(asha.user.email)[0])
    browser, _ = sign_in(asha.user.email)
    for _ in range(5):
        browser.post("/accounts/2fa/authenticate/", {"code": "000000"})
    answer = browser.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert answer.status_code != 302
    assert browser.get("/accounts/profile/").status_code == 302


def test_the_database_does_not_hold_the_second_factor(asha: Membership) -> None:
    secret = set_up_totp(sign_in(asha.user.email)[0])
    rows = list(Authenticator.objects.order_by("type"))
    assert {row.type for row in rows} == {"totp", "recovery_codes"}
    assert secret not in str([row.data for row in rows])
    totp = next(row for row in rows if row.type == "totp")
    assert MFAAdapter().decrypt(totp.data["secret"]) == secret


def test_keys_rotate_and_a_removed_key_opens_nothing(settings: Settings) -> None:
    settings.MFA_ENCRYPTION_KEYS = ["old"]
    hidden = MFAAdapter().encrypt("JBSWY3DPEHPK3PXP")
    settings.MFA_ENCRYPTION_KEYS = ["new", "old"]
    assert MFAAdapter().decrypt(hidden) == "JBSWY3DPEHPK3PXP"
    fresh = MFAAdapter().encrypt("JBSWY3DPEHPK3PXP")
    settings.MFA_ENCRYPTION_KEYS = ["new"]
    assert MFAAdapter().decrypt(fresh) == "JBSWY3DPEHPK3PXP"
    with pytest.raises(InvalidToken):
        MFAAdapter().decrypt(hidden)


def test_exchanging_a_key_keeps_everyone_signed_up(asha: Membership, settings: Settings) -> None:
    settings.MFA_ENCRYPTION_KEYS = ["old"]
    secret = set_up_totp(sign_in(asha.user.email)[0])
    settings.MFA_ENCRYPTION_KEYS = ["new", "old"]
    out = StringIO()
    call_command("reencrypt_second_factors", stdout=out)
    assert out.getvalue() == "2 second factors are encrypted with the first key.\n"
    settings.MFA_ENCRYPTION_KEYS = ["new"]
    browser, _ = sign_in(asha.user.email)
    assert browser.post("/accounts/2fa/authenticate/", {"code": code(secret)}).status_code == 302
    settings.MFA_ENCRYPTION_KEYS = ["other"]
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("reencrypt_second_factors")


def test_where_it_is_required_staff_reach_only_the_set_up(alder: Organization, asha: Membership) -> None:
    Organization.objects.filter(pk=alder.pk).update(require_mfa=True)
    browser, _ = sign_in(asha.user.email)
    assert browser.get("/alder/")["Location"] == "/accounts/2fa/totp/activate/"
    set_up_totp(browser)
    assert browser.get("/alder/")["Location"] == "/alder/today/"


def test_it_is_not_required_of_clients_nor_by_other_organizations(alder: Organization, carla: Membership, ben: Membership) -> None:
    Organization.objects.filter(pk=alder.pk).update(require_mfa=True)
    carlas, _ = sign_in(carla.user.email)
    bens, _ = sign_in(ben.user.email)
    assert carlas.get("/alder/people/").status_code == 404, "a staff page does not exist for her, and no set-up stands before that"
    assert bens.get("/birch/")["Location"] == "/birch/today/"


def test_an_unconfirmed_address_does_not_sign_in(asha: Membership) -> None:
    EmailAddress.objects.filter(user=asha.user).update(verified=False)
    browser, _ = sign_in(asha.user.email)
    assert browser.get("/accounts/profile/").status_code == 302
    path = mailed_path()
    Browser().post(path)
    browser, _ = sign_in(asha.user.email)
    assert browser.get("/accounts/profile/").status_code == 200


def test_a_new_address_replaces_the_old_one_once_confirmed(asha: Membership) -> None:
    browser, _ = sign_in(asha.user.email)
    assert browser.get("/accounts/email/").status_code == 200
    ask = browser.post("/accounts/email/", {"action_add": "1", "email": "asha.rao@alder.example"})["Location"]
    browser.post(ask, {"password": PASSWORD})
    asha.user.refresh_from_db()
    assert asha.user.email == "asha@alder.example"
    link = next(mailed_path(number) for number, message in enumerate(mail.outbox) if message.to == ["asha.rao@alder.example"])
    browser.post(link)
    asha.user.refresh_from_db()
    assert asha.user.email == "asha.rao@alder.example"
    assert sign_in("asha.rao@alder.example")[1] == 302
    assert "Your e-mail address was changed" in [message.subject for message in mail.outbox]


def test_somebody_elses_address_cannot_be_taken(asha: Membership, bill: Membership) -> None:
    browser, _ = sign_in(asha.user.email)
    ask = browser.post("/accounts/email/", {"action_add": "1", "email": bill.user.email})["Location"]
    browser.post(ask, {"password": PASSWORD})
    asha.user.refresh_from_db()
    assert asha.user.email == "asha@alder.example"
    assert not EmailAddress.objects.filter(user=asha.user, email=bill.user.email, verified=True).exists()
