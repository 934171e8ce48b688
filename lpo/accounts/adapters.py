"""How allauth behaves here: sign-up by invitation only, our e-mails, second factors encrypted at rest."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from lpo.accounts import ciphers, invitations
from lpo.accounts.models import User
from lpo.accounts.theme import remember_theme
from lpo.core.mail import absolute, compose, when

_SELF_EVIDENT = frozenset({"account/messages/logged_in.txt", "account/messages/logged_out.txt"})


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

    def add_message(self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **details: Any) -> None:
        """Nobody needs to be told that they signed in."""
        if message_template not in _SELF_EVIDENT:
            super().add_message(request, level, message_template, *args, **details)

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


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's own `encrypt` returns its input; here the database alone does not give second factors away."""

    def encrypt(self, text: str) -> str:
        return ciphers.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises `cryptography.fernet.InvalidToken` when no key of the settings made it."""
        return ciphers.decrypt(encrypted_text)
