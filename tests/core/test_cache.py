"""Counters while Redis is away."""

from __future__ import annotations

import socket

import pytest
from django.test import Client as Browser
from django.test import override_settings

from lpo.accounts.models import Membership
from lpo.core.cache import CounterCache


def nobody_listens() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


def test_it_counts_in_this_process_while_redis_is_away() -> None:
    cache = CounterCache(nobody_listens(), {"KEY_PREFIX": "test"})
    cache.clear()
    assert cache.get("attempts") is None
    assert cache.add("attempts", 1) and not cache.add("attempts", 7)
    assert cache.incr("attempts") == 2
    assert cache.get_many(["attempts", "others"]) == {"attempts": 2}
    assert cache.delete("attempts") and not cache.has_key("attempts")


@pytest.mark.django_db
def test_people_sign_in_and_guessing_is_still_limited(asha: Membership) -> None:
    away = {"default": {"BACKEND": "lpo.core.cache.CounterCache", "LOCATION": nobody_listens()}}
    with override_settings(CACHES=away):
        browser = Browser()
        right = {"login": asha.user.email, "password": "correct horse battery"}
        assert browser.post("/accounts/login/", right).status_code == 302
        guesses = [Browser().post("/accounts/login/", {**right, "password": f"guess {n}"}) for n in range(30)]
        assert any(answer.status_code == 429 or b"Too many" in answer.content for answer in guesses)
