"""Saved views: what a list shows under a name, for oneself or shared, and what is said of filters that are gone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from engagements import actions
from engagements.models import DefaultView, SavedView
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def titles(page: Any) -> list[str]:
    return [item.title for item in page.context["page"].rows]


@pytest.fixture
def work(asha: Membership) -> None:
    with in_organization(asha.organization_id):
        stream = make.workstream(item_prefix="NDA")
        make.item(stream, title="Received one")
        make.item(stream, title="Question", kind="enquiry")


def test_a_view_keeps_filters_columns_order_and_groups(asha: Membership, work: None, client_of: SignIn) -> None:
    browser = client_of(asha)
    query = "kind=enquiry&columns=kind&columns=quantity&sort=newest&group=state"
    assert "Save as a view" in text(browser.get(f"/alder/work/?{query}"))
    places = {browser.post(f"/alder/views/new/queue/?{query}", {"name": "L'été's questions"}).headers["Location"] for _ in range(2)}
    assert places == {"/alder/work/?view=1"}
    page = browser.get("/alder/work/?view=1")
    assert titles(page) == ["Question"]
    assert page.context["columns"] == ["kind", "quantity"] and [heading for heading, _ in page.context["groups"]] == ["Received"]
    assert "Edit view" in text(page) and "L&#x27;été&#x27;s questions" in text(page)
    changed = browser.get("/alder/work/?view=1&kind=work")
    assert titles(changed) == ["Received one"] and "Changed, not saved" in text(changed)
    assert browser.post("/alder/views/1/keep/?kind=work", {"version": 1}).status_code == 302
    assert titles(browser.get("/alder/work/?view=1")) == ["Received one"]
    assert browser.post("/alder/views/1/keep/?kind=enquiry", {"version": 1}).status_code == 409


def test_a_default_opens_the_list_and_all_is_one_click_away(asha: Membership, work: None, client_of: SignIn) -> None:
    browser = client_of(asha)
    browser.post("/alder/views/new/queue/?kind=enquiry", {"name": "Questions", "default": "on"})
    assert titles(browser.get("/alder/work/")) == ["Question"]
    assert len(titles(browser.get("/alder/work/?view=0"))) == 2
    assert titles(browser.get("/alder/work/?kind=work")) == ["Received one"]
    assert browser.post("/alder/views/1/", {"name": "Questions", "version": 1}).status_code == 302
    assert len(titles(browser.get("/alder/work/"))) == 2


def test_a_private_view_is_its_owners_and_a_shared_one_everybodys(
    asha: Membership, cora: Membership, work: None, client_of: SignIn
) -> None:
    owner, colleague = client_of(asha), client_of(cora)
    owner.post("/alder/views/new/queue/?kind=enquiry", {"name": "Questions"})
    assert "gone, or its owner no longer shares it" in text(colleague.get("/alder/work/?view=1"))
    assert colleague.get("/alder/views/1/").status_code == 404
    owner.post("/alder/views/1/", {"name": "All questions", "shared": "on", "version": 1})
    assert titles(colleague.get("/alder/work/?view=1")) == ["Question"]
    assert colleague.post("/alder/views/1/", {"name": "Mine now", "default": "on", "version": 2}).status_code == 302
    with in_organization(asha.organization_id):
        assert SavedView.objects.get().name == "All questions"
        assert DefaultView.objects.get().member_id == cora.pk
    assert colleague.post("/alder/views/1/delete/").status_code == 403
    assert owner.post("/alder/views/1/delete/").status_code == 302
    assert len(titles(colleague.get("/alder/work/"))) == 2


def test_a_filter_that_is_gone_is_explained(asha: Membership, work: None, client_of: SignIn) -> None:
    browser = client_of(asha)
    browser.post("/alder/views/new/queue/?client=GONE", {"name": "Gone"})
    page = text(browser.get("/alder/work/?view=1"))
    assert "Client “GONE” is not among those to choose from any more" in page and "Nothing matches" in page


@pytest.mark.parametrize(
    ("page", "path", "query", "found"),
    [
        ("engagements", "engagements", "status=closed", "No closed engagements"),
        ("matters", "matters", "status=closed", "Nothing matches these filters"),
        ("waiting", "waiting", "show=all", "Mine"),
    ],
)
def test_other_lists_have_views_too(asha: Membership, work: None, client_of: SignIn, page: str, path: str, query: str, found: str) -> None:
    browser = client_of(asha)
    assert browser.post(f"/alder/views/new/{page}/?{query}", {"name": "Mine"}).headers["Location"] == f"/alder/{path}/?view=1"
    assert found in text(browser.get(f"/alder/{path}/?view=1"))
    assert browser.get("/alder/views/new/invoices/").status_code == 404


@pytest.mark.parametrize(
    ("page", "query", "columns", "groups"),
    [
        ("engagements", "columns=entity&columns=client&sort=newest&group=client", ["client", "entity"], ["Second", "First"]),
        ("matters", "columns=ours&columns=opened&sort=newest&group=client", ["ours", "opened"], ["Second", "First"]),
        ("waiting", "columns=since&columns=recorded&sort=newest&group=client", ["since", "recorded"], ["Second", "First"]),
    ],
)
def test_other_lists_keep_columns_order_and_groups(
    asha: Membership, client_of: SignIn, page: str, query: str, columns: list[str], groups: list[str]
) -> None:
    with in_organization(asha.organization_id):
        for name in ("First", "Second"):
            item = make.item(make.workstream(make.matter(make.engagement(make.client(name=name, code=name.upper())))))
            actions.pause_item(item=item, by=make.system(), party="client", reason="documents")
    browser = client_of(asha)
    plain = browser.get(f"/alder/{page}/")
    assert [heading for heading, _ in plain.context["groups"]] == [""]
    browser.post(f"/alder/views/new/{page}/?{query}", {"name": "Mine"})
    kept = browser.get(f"/alder/{page}/?view=1")
    assert kept.context["columns"] == columns
    assert [heading for heading, _ in kept.context["groups"]] == groups
    assert "Edit view" in text(kept) and "Changed, not saved" not in text(kept)
    oldest = browser.get(f"/alder/{page}/?view=1&group=client&columns=nothing")
    assert [heading for heading, _ in oldest.context["groups"]] == groups[::-1]
    assert oldest.context["columns"] == plain.context["columns"]


def test_newest_first_goes_on_page_by_page(asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        engagement = make.engagement()
        made = [make.matter(engagement).reference for _ in range(52)]
    browser = client_of(asha)
    first = browser.get("/alder/matters/?sort=newest")
    second = browser.get(f"/alder/matters/{first.context['page'].next_url}")
    shown = [row.reference for page in (first, second) for row in page.context["page"].rows]
    assert shown == made[::-1]


def test_a_name_is_used_once(asha: Membership, work: None, client_of: SignIn) -> None:
    browser = client_of(asha)
    browser.post("/alder/views/new/queue/?kind=enquiry", {"name": "Questions"})
    again = browser.post("/alder/views/new/queue/?kind=work", {"name": "Questions"})
    assert again.status_code == 422 and "You have a view of this name." in again.content.decode()
