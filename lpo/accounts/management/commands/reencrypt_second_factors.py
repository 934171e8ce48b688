"""`manage.py reencrypt_second_factors`: the step between adding a key to LPO_MFA_KEYS and removing an old one."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from lpo.accounts import actions


class Command(BaseCommand):
    help = "Encrypt every stored second factor with the first key of LPO_MFA_KEYS. Running it again does no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = actions.reencrypt_second_factors()
        except InvalidToken:
            raise CommandError(
                "A second factor was encrypted with a key that LPO_MFA_KEYS no longer holds. Add that key; nothing was changed."
            ) from None
        self.stdout.write(f"{count} second factors are encrypted with the first key.")
