"""Second factors are encrypted at rest with keys of their own, so that either they or SECRET_KEY can be exchanged alone."""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    """The settings hold words of any length, so each is stretched to a Fernet key."""
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in keys])


def _derive(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"lpo second factors").derive(key.encode())


def _current() -> MultiFernet:
    return _cipher(tuple(settings.MFA_ENCRYPTION_KEYS))


def encrypt(text: str) -> str:
    """With the first key."""
    return _current().encrypt(text.encode()).decode()


def decrypt(hidden: str) -> str:
    """With whichever key made it. Raises `cryptography.fernet.InvalidToken` when none of the settings' did."""
    return _current().decrypt(hidden.encode()).decode()


def rotate(hidden: str) -> str:
    """The same text under the first key. Raises `InvalidToken`."""
    return _current().rotate(hidden.encode()).decode()
