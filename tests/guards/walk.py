"""Asking one address as one person, leaving nothing behind, and what every answer must carry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from django.conf import settings
from django.db import transaction
from django.test import Client as Browser
from django.urls import reverse
from pypdf import PdfReader

from tests.guards.examples import ECHOES, base, data_of, names_of, query_of
from tests.guards.world import Place, forbidden

# The seconds of an instant may read as a price.
_INSTANT = re.compile(r"\d\d:\d\d:\d\d\.\d+")
ANSWERED = {200, 201, 204, 302, 409, 422}


def strict_policy() -> dict[str, set[str]]:
    """The policy of the settings, as the header should read."""
    return {name: {str(source) for source in sources} for name, sources in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items()}


def policy_of(header: str) -> dict[str, set[str]]:
    directives = [part.split() for part in header.split(";") if part.strip()]
    return {words[0]: set(words[1:]) for words in directives}


def lets_nothing_in(policy: dict[str, set[str]]) -> bool:
    """A file's own policy: even stricter than a page's, because a file needs nothing."""
    return policy.get("default-src") == {"'none'"} and all(sources <= {"'none'"} for sources in policy.values())


def check_headers(response: Any, *, private: bool) -> None:
    """Raises for an answer that is not closed as TRUST.md goal 17 says. `private`: the asker was signed in or had a token."""
    where = f"{response.request['REQUEST_METHOD']} {response.request['PATH_INFO']} → {response.status_code}"
    header = response.headers.get("Content-Security-Policy", "")
    assert policy_of(header) == strict_policy() or lets_nothing_in(policy_of(header)), f"{where}: {header!r}"
    assert response.headers.get("X-Content-Type-Options") == "nosniff", where
    assert response.headers.get("Referrer-Policy") == "same-origin", where
    assert response.headers.get("X-Frame-Options") == "DENY", where
    assert response.headers.get("Cross-Origin-Opener-Policy") == "same-origin", where
    assert "HX-Request" in response.headers.get("Vary", ""), where
    if private:
        assert "no-store" in response.headers.get("Cache-Control", ""), where


def address_of(row: str, slug: str, names: Mapping[str, Any]) -> str:
    return reverse(base(row), kwargs={"organization": slug, **names})


def ask(browser: Browser, method: str, url: str, data: Mapping[str, Any] | None = None, **headers: str) -> Any:
    """One request whose every effect is rolled back."""
    with transaction.atomic():
        answer = browser.generic(method, url, headers=headers) if method not in {"GET", "POST"} else None
        if answer is None:
            answer = browser.get(url, data, headers=headers) if method == "GET" else browser.post(url, data, headers=headers)
        transaction.set_rollback(True)
    return answer


def ask_as(place: Place, who: str, row: str, method: str, *, of: Place | None = None) -> Any:
    """A person of `place` asks, below their own organization, for what the example of `of` names."""
    about = of or place
    data = data_of(row, about) if method == "POST" else query_of(row, about)
    url = address_of(row, place.slug, names_of(row, about, who))
    answer = ask(place.browser(who), method, url, data)
    check_headers(answer, private=True)
    if row not in ECHOES and about is place:
        check_words(answer, forbidden(place, who), f"{method} {url} as {who} → {answer.status_code}")
    return answer


def text_of(response: Any) -> str:
    """All that an answer says in lower case: where it leads, and its body (of a PDF, its text)."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    if content.startswith(b"%PDF"):
        words = " ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    elif content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as archive:
            words = " ".join(f"{name} {archive.read(name).decode('utf-8', 'replace')}" for name in archive.namelist())
    else:
        words = content.decode("utf-8", "replace")
    return f"{response.headers.get('Location', '')} {response.headers.get('Content-Disposition', '')} {words}".lower()


def check_words(response: Any, words: Iterable[str], where: str) -> None:
    """Raises for an answer that holds one of the words, showing what stands around it."""
    text = _INSTANT.sub("", text_of(response))
    for word in words:
        place = text.find(word.lower())
        assert place < 0, f"{where} holds “{word}”: …{text[max(0, place - 120) : place + 80]}…"
