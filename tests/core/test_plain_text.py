"""A NUL character, which PostgreSQL cannot hold, is answered as a bad request wherever it stands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client as Browser

from lpo.accounts.models import Membership

SignIn = Callable[[Membership], Browser]


@pytest.mark.parametrize("path", ["clients/%00/", "work/?client=%00", "search/?q=a&%00=b"])
def test_a_nul_in_an_address_or_its_query_is_a_bad_request(asha: Membership, client_of: SignIn, path: str) -> None:
    assert client_of(asha).get(f"/alder/{path}").status_code == 400


def test_a_nul_in_a_posted_form_is_a_bad_request(asha: Membership, client_of: SignIn) -> None:
    answer = client_of(asha).post("/alder/work/bulk/", {"client": "\x00", "do": "assign", "give_to": "nobody", "all_matching": "1"})
    assert answer.status_code == 400


def test_a_form_without_one_is_read(asha: Membership, client_of: SignIn) -> None:
    answer = client_of(asha).post("/alder/work/bulk/", {"do": "assign", "give_to": "nobody", "all_matching": "1"})
    assert answer.status_code == 302


@pytest.mark.parametrize("path", ["calendars/{}/", "service-levels/NDA/{}/", "engagements/ACME-E01/terms/{}/", "jobs/{}/"])
def test_a_number_larger_than_any_rows_is_not_found(asha: Membership, client_of: SignIn, path: str) -> None:
    assert client_of(asha).get("/alder/" + path.format(10**20 - 1)).status_code == 404
