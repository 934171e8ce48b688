"""How allauth behaves here: sign-up by invitation only, our e-mails, second factors encrypted at rest."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from lpo.accounts import invitations
from lpo.accounts.models import User
from lpo.accounts.theme import remember_theme
from lpo.core.mail import absolute, compose, when


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """The client's address is allauth's own reading of it: X-Forwarded-For counts only behind `ALLAUTH_TRUSTED_PROXY_COUNT` proxies."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return invitations.of_session(request) is not None

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Whoever holds the invitation's link has read the mail sent to that address."""
        invitation = invitations.of_session(request)
        return invitation is not None and invitation.email.lower() == email.lower()

    def post_login(self, request: HttpRequest, user: User, **details: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **details)
        if user.theme != "system":  # a choice made on this device only is left alone
            remember_theme(response, user.theme)
        return response

    def get_reset_password_from_key_url(self, key: str) -> str:
        return absolute(urlsplit(super().get_reset_password_from_key_url(key)).path)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return absolute(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def send_account_already_exists_mail(self, email: str) -> None:
        self.send_mail("account/email/account_already_exists", email, {"password_reset_url": absolute(reverse("account_reset_password"))})

    def render_mail(self, template_prefix: str, email: str, context: dict[str, Any], headers: dict[str, str] | None = None) -> EmailMessage:
        """allauth names its mails `account/email/x` and `mfa/email/x`; ours lie flat in `templates/email/`."""
        message = compose(template_prefix.rpartition("/")[2], context, to=email)
        message.extra_headers.update(headers or {})
        return message

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """After the commit, so that nothing rolled back is announced; a mail server that is away fails no page (the log has it)."""
        details = {**context, "email": email}
        if "timestamp" in details:
            details["when"] = when(details["timestamp"])
        message = self.render_mail(template_prefix, email, details)
        transaction.on_commit(message.send, robust=True)


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    """The first key encrypts, every key decrypts. The settings hold words of any length, so each is stretched to a Fernet key."""
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in keys])


def _derive(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"lpo second factors").derive(key.encode())


def cipher() -> MultiFernet:
    return _cipher(tuple(settings.MFA_ENCRYPTION_KEYS))


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's own `encrypt` returns its input; here the database alone does not give second factors away."""

    def encrypt(self, text: str) -> str:
        return cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Raises `cryptography.fernet.InvalidToken` when no key of the settings made it."""
        return cipher().decrypt(encrypted_text.encode()).decode()
