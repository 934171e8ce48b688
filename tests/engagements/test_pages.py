"""The pages of work, as people use them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engagements import actions, queries
from engagements.models import Client, Contract, Engagement, Matter, MatterInsider, Pause, StatusUpdate, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope as InOrganization
from lpo.tenancy.context import in_organization
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]

CLIENT = {
    "code": "ACME",
    "name": "Acme d'Été",
    "legal_name": "Acme d'Été SARL",
    "billing_address": "1 rue de l'Église\nParis",
    "country": "FR",
    "currency": "EUR",
    "time_zone": "Europe/Paris",
    "tax_category": "O",
    "tax_rate": "0",
    "billing_cycle": "month",
}


@pytest.fixture
def stream(asha: Membership) -> Workstream:
    """ACME-0001/NDA, with its client, engagement and matter."""
    with in_organization(asha.organization_id):
        client = make.client(code="ACME", name="Acme d'Été")
        return make.workstream(make.matter(make.engagement(client)), item_prefix="NDA", title="NDA review")


def items(stream: Workstream, n: int) -> list[WorkItem]:
    with in_organization(stream.organization_id):
        return [make.item(stream) for _ in range(n)]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@contextmanager
def counted() -> Iterator[list[int]]:
    """The number of statements of the block, as a list of one."""
    found: list[int] = []
    with CaptureQueriesContext(connection) as queries:
        yield found
    found.append(len(queries))


def test_a_client_engagement_matter_and_workstream_are_made_in_the_browser(asha: Membership, client_of: SignIn) -> None:
    browser = client_of(asha)
    with in_organization(asha.organization_id):
        entity = make.legal_entity()
    assert browser.post("/alder/clients/new/", CLIENT).headers["Location"] == "/alder/clients/ACME/"
    engagement = {
        "title": "Commercial contracts",
        "legal_entity": entity.id,
        "delivery_model": "managed",
        "location": "nearshore",
        "starts_on": "2025-12-01",
    }
    assert browser.post("/alder/clients/ACME/engagements/new/", engagement).headers["Location"] == "/alder/engagements/ACME-E01/"
    made = browser.post("/alder/engagements/ACME-E01/matters/new/", {"title": "NDA programme", "client_matter_id": "44-17/B"})
    assert made.headers["Location"] == "/alder/matters/ACME-0001/"
    stream = {"title": "NDA review", "kind": "nda_review", "unit": "NDA", "item_prefix": "NDA"}
    assert browser.post("/alder/matters/ACME-0001/workstreams/new/", stream).headers["Location"] == "/alder/matters/ACME-0001/NDA/"
    for path, words in [
        ("/alder/clients/", "Acme d&#x27;Été"),
        ("/alder/clients/ACME/", "Commercial contracts"),
        ("/alder/engagements/", "ACME-E01"),
        ("/alder/engagements/ACME-E01/", "NDA programme"),
        ("/alder/matters/", "ACME-0001"),
        ("/alder/matters/ACME-0001/", "NDA review"),
        ("/alder/matters/ACME-0001/NDA/", "No items yet"),
    ]:
        page = browser.get(path)
        assert page.status_code == 200
        assert words in page.content.decode(), path


def test_the_same_form_twice_makes_one_and_leads_to_it(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    browser = client_of(asha)
    form = {"title": "Lease programme"}
    first, second = (browser.post("/alder/engagements/ACME-E01/matters/new/", form) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"] == "/alder/matters/ACME-0002/"
    with in_organization(asha.organization_id):
        assert Matter.objects.filter(title="Lease programme").count() == 1


def test_a_mistake_is_shown_beside_its_field_and_keeps_what_was_typed(asha: Membership, client_of: SignIn) -> None:
    page = client_of(asha).post("/alder/clients/new/", CLIENT | {"code": "acme"})
    assert page.status_code == 422
    assert "capital letters" in text(page)
    assert "d&#x27;Été SARL" in page.content.decode()


def test_a_late_save_keeps_what_was_typed_and_says_what_stands(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    browser = client_of(asha)
    form = {"title": "Renamed", "kind": "nda_review", "unit": "NDA", "item_prefix": "NDA", "version": 1}
    assert browser.post("/alder/matters/ACME-0001/NDA/edit/", form).status_code == 302
    typed = form | {"title": "Other name", "kind": "drafting"}
    late = browser.post("/alder/matters/ACME-0001/NDA/edit/", typed)
    assert late.status_code == 409
    assert "Somebody else saved “Renamed” here" in text(late)
    assert "Somebody else saved “NDA review” here" in text(late)
    assert 'value="Other name"' in late.content.decode() and 'name="version" value="2"' in late.content.decode()
    with in_organization(asha.organization_id):
        assert Workstream.objects.get().title == "Renamed"
    assert browser.post("/alder/matters/ACME-0001/NDA/edit/", typed | {"version": 2}).status_code == 302
    with in_organization(asha.organization_id):
        assert Workstream.objects.get().title == "Other name"


def test_changed_terms_are_the_contracts_next_version(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    browser = client_of(asha)
    page = browser.get("/alder/engagements/ACME-E01/contract/")
    assert "reading version 1" in text(page)
    form = {
        "number": 1,
        "effective_from": "2024-07-01",
        "time_zone": "America/New_York",
        "currency": "USD",
        "payment_days": 45,
        "contest_days": 5,
        "acceptance_days": 5,
        "at_risk_percent": "10",
    }
    assert browser.post("/alder/engagements/ACME-E01/contract/", form).status_code == 302
    assert "Version 2, from 1 Jul 2024" in text(browser.get("/alder/engagements/ACME-E01/"))
    with in_organization(asha.organization_id):
        assert [c.payment_days for c in Contract.objects.order_by("number")] == [30, 45]


def test_closing_and_reopening_is_a_button(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    browser = client_of(asha)
    for path in ("clients/ACME", "matters/ACME-0001", "matters/ACME-0001/NDA"):
        assert browser.post(f"/alder/{path}/status/", {"status": "closed", "version": 1}).status_code == 302
        assert "Reopen" in text(browser.get(f"/alder/{path}/"))
        assert browser.post(f"/alder/{path}/status/", {"status": "open", "version": 2}).status_code == 302


def test_an_update_is_published_with_its_figures(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    items(stream, 3)
    browser = client_of(asha)
    for _ in range(2):
        assert browser.post("/alder/matters/ACME-0001/publish/", {"note": "Three NDAs arrived."}).status_code == 302
    page = text(browser.get("/alder/matters/ACME-0001/"))
    assert "NDA review: 3 items, 3 open, 0 on hold" in page
    with in_organization(asha.organization_id):
        assert StatusUpdate.objects.count() == 1


def test_a_walled_matter_is_gone_for_everyone_outside(
    asha: Membership, olga: Membership, rita: Membership, stream: Workstream, client_of: SignIn
) -> None:
    (item,) = items(stream, 1)
    browser = client_of(asha)
    offered = browser.get("/alder/matters/ACME-0001/wall/").content.decode()
    assert f'value="{rita.id}"' in offered and f'name="insiders" value="{asha.id}"' not in offered, "she is inside by changing it"
    assert browser.post("/alder/matters/ACME-0001/wall/", {"reason": "Sensitive", "insiders": [rita.id]}).status_code == 302
    paths = ["matters/ACME-0001/", "matters/ACME-0001/NDA/", f"work/{item.reference}/"]
    for outsider in [olga]:
        assert [client_of(outsider).get(f"/alder/{path}").status_code for path in paths] == [404, 404, 404]
        assert "ACME-0001" not in text(client_of(outsider).get("/alder/matters/"))
        assert item.reference not in text(client_of(outsider).get("/alder/search/?q=NDA"))
    assert [client_of(rita).get(f"/alder/{path}").status_code for path in paths] == [200, 200, 200]
    assert browser.post("/alder/matters/ACME-0001/wall/", {"reason": "Sensitive", "insiders": []}).status_code == 302
    assert client_of(rita).get("/alder/matters/ACME-0001/").status_code == 404
    with in_organization(asha.organization_id):
        assert list(MatterInsider.objects.values_list("member_id", flat=True)) == [asha.id]
    assert browser.post("/alder/matters/ACME-0001/wall/", {"do": "lower", "reason": "It is public now"}).status_code == 302
    assert client_of(olga).get("/alder/matters/ACME-0001/").status_code == 200


def test_another_organization_finds_nothing_of_it(ben: Membership, asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    (item,) = items(stream, 1)
    browser = client_of(ben)
    paths = ["clients/ACME/", "engagements/ACME-E01/", "matters/ACME-0001/", "matters/ACME-0001/NDA/", f"work/{item.reference}/"]
    for path in paths:
        assert browser.get(f"/alder/{path}").status_code == 404
        assert browser.get(f"/birch/{path}").status_code == 404
    for action in ("move", "assign", "pause", "resume", "undo", "edit"):
        assert browser.post(f"/birch/work/{item.reference}/{action}/", {"to": "delivered", "version": 1}).status_code == 404
    assert browser.get("/birch/search/?q=ACME").context["groups"] == []
    with in_organization(asha.organization_id):
        assert WorkItem.objects.get().state == "received"


def test_an_item_is_added_started_paused_resumed_and_delivered(
    asha: Membership, rita: Membership, stream: Workstream, client_of: SignIn
) -> None:
    browser = client_of(asha)
    form = {"title": "NDA with Ünal & O'Neil", "kind": "work", "received_at": "2026-01-05T09:00", "quantity": "1", "priority": "standard"}
    locations = {browser.post("/alder/matters/ACME-0001/NDA/items/new/", form).headers["Location"] for _ in range(2)}
    assert locations == {"/alder/work/NDA-0001/"}
    assert browser.post("/alder/work/NDA-0001/assign/", {"assignee": rita.id}).status_code == 302
    reviewer = client_of(rita)
    assert reviewer.post("/alder/work/NDA-0001/move/", {"to": "in_review", "version": 1}).status_code == 409
    with in_organization(asha.organization_id):
        version = WorkItem.objects.get().version
    assert reviewer.post("/alder/work/NDA-0001/move/", {"to": "in_review", "version": version}).status_code == 302
    assert browser.post("/alder/work/NDA-0001/pause/", {"party": "client", "reason": "signature", "note": "Who signs?"}).status_code == 302
    page = text(browser.get("/alder/work/NDA-0001/"))
    assert "On hold: client" in page
    assert "“Who signs?”" in page
    assert browser.post("/alder/work/NDA-0001/resume/", {}).status_code == 302
    with in_organization(asha.organization_id):
        version = WorkItem.objects.get().version
    for _ in range(2):
        assert reviewer.post("/alder/work/NDA-0001/move/", {"to": "delivered", "version": version}).status_code == 302
    page = text(browser.get("/alder/work/NDA-0001/"))
    assert "Delivered" in page
    assert "Record acceptance" in page
    assert "Record acceptance" not in text(reviewer.get("/alder/work/NDA-0001/"))


def test_a_late_entry_without_a_reason_is_asked_for_one(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        item = make.item(stream, received_at=timezone.now() - timedelta(days=3))
    at = timezone.localtime(timezone.now() - timedelta(days=1), timezone.get_fixed_timezone(0)).strftime("%Y-%m-%dT%H:%M")
    page = client_of(asha).post(f"/alder/work/{item.reference}/move/", {"to": "delivered", "version": 1, "at": at})
    assert page.status_code == 422
    assert "more than 15 minutes later" in text(page)


def test_undo_is_offered_and_shows_what_no_longer_counts(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    (item,) = items(stream, 1)
    browser = client_of(asha)
    browser.post(f"/alder/work/{item.reference}/move/", {"to": "delivered", "version": 1})
    assert "Undo “Delivered”" in text(browser.get(f"/alder/work/{item.reference}/"))
    with in_organization(asha.organization_id):
        version = WorkItem.objects.get().version
    assert browser.post(f"/alder/work/{item.reference}/undo/", {"version": version}).status_code == 302
    page = text(browser.get(f"/alder/work/{item.reference}/"))
    assert "no longer counts" in page
    assert "Taken back: delivered" in page


def test_roles_stop_where_their_work_ends(
    asha: Membership, cora: Membership, rita: Membership, bill: Membership, audrey: Membership, stream: Workstream, client_of: SignIn
) -> None:
    (item,) = items(stream, 1)
    move, pause = f"/alder/work/{item.reference}/move/", f"/alder/work/{item.reference}/pause/"
    deliver = {"to": "delivered", "version": 1}
    assert [client_of(p).post(move, deliver).status_code for p in (cora, bill, audrey)] == [403, 403, 403]
    assert [client_of(p).post(pause, {"party": "client", "reason": "other"}).status_code for p in (rita, bill, audrey)] == [403, 403, 403]
    assert client_of(cora).post(pause, {"party": "client", "reason": "other"}).status_code == 302
    for decision in ("withdraw", "uphold", "contest"):
        assert client_of(cora).post(f"/alder/work/{item.reference}/pauses/1/{decision}/", {"note": "x"}).status_code == 403
    assert client_of(cora).get("/alder/clients/new/").status_code == 403
    backdated = {"party": "provider", "reason": "other", "note": "by phone", "at": "2020-01-01T10:00"}
    assert client_of(cora).post(pause, backdated).status_code == 422
    with in_organization(asha.organization_id):
        old = make.item(stream, received_at=timezone.now() - timedelta(days=900))
    earlier = (timezone.now() - timedelta(days=300)).strftime("%Y-%m-%dT%H:%M")
    assert client_of(cora).post(f"/alder/work/{old.reference}/pause/", backdated | {"at": earlier}).status_code == 302
    approve = f"/alder/work/{old.reference}/late/1/approve/"
    assert [client_of(p).post(approve).status_code for p in (cora, rita, bill, audrey)] == [403, 403, 403, 403]
    with in_organization(asha.organization_id):
        assert not Pause.objects.filter(item=old).exists()
    assert client_of(asha).post(approve).status_code == 302
    with in_organization(asha.organization_id):
        assert Pause.objects.get(item=old).note == "by phone"


def test_a_client_viewer_is_told_of_no_staff_page(carla: Membership, stream: Workstream, client_of: SignIn) -> None:
    browser = client_of(carla)
    assert {browser.get(f"/alder/{path}").status_code for path in ("clients/", "work/", "matters/ACME-0001/", "search/?q=a")} == {404}


def test_the_queue_filters_in_the_address(asha: Membership, rita: Membership, stream: Workstream, client_of: SignIn) -> None:
    first, second = items(stream, 2)
    with in_organization(asha.organization_id):
        actions.assign_item(item=first, by=Actor.member(asha), member=rita)
        actions.pause_item(item=second, by=Actor.member(asha), party="client", reason="other")
        make.item(make.workstream())
    browser = client_of(asha)
    for query, expected in [
        ("", 3),
        ("client=ACME", 2),
        ("workstream=NDA&state=assigned", 1),
        (f"assignee={rita.id}", 1),
        ("assignee=nobody&client=ACME", 1),
        ("paused=yes", 1),
        ("kind=enquiry", 0),
        ("assignee=0%27--", 0),
    ]:
        page = browser.get(f"/alder/work/?{query}")
        assert page.status_code == 200
        assert len(page.context["page"].rows) == expected, query


def test_pages_follow_each_other_in_both_directions(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    references = [item.reference for item in items(stream, 120)]
    browser = client_of(asha)
    seen: list[str] = []
    url = "/alder/work/"
    pages = []
    while url:
        page = browser.get(url).context["page"]
        pages.append([item.reference for item in page.rows])
        seen += pages[-1]
        previous, url = page.previous_url, f"/alder/work/{page.next_url}" if page.next_url else ""
    assert seen == references
    back = browser.get(f"/alder/work/{previous}").context["page"]
    assert [item.reference for item in back.rows] == pages[1]
    assert browser.get("/alder/work/?after=nonsense").status_code == 200


def bulk(browser: Browser, data: dict[str, Any]) -> Any:
    """A bulk action from its preview to its end; returns the preview."""
    preview = browser.post("/alder/work/bulk/", data)
    assert preview.status_code == 200, preview.headers
    done = browser.post("/alder/work/bulk/", data | {"digest": preview.context["preview"].digest})
    assert done.status_code == 302
    return preview


def test_many_are_assigned_and_moved_with_a_report(asha: Membership, rita: Membership, stream: Workstream, client_of: SignIn) -> None:
    references = [item.reference for item in items(stream, 3)]
    browser = client_of(asha)
    bulk(browser, {"do": "assign", "give_to": rita.id, "selected": references[:2]})
    assert "Assign to Rita O&#x27;Brien: 2 changed." in text(browser.get("/alder/work/"))
    assert "2 changed." not in text(browser.get("/alder/work/"))
    bulk(browser, {"do": "move", "to": "delivered", "all_matching": "3"})
    assert "Move to delivered: 3 changed." in text(browser.get("/alder/work/"))
    browser.post("/alder/work/bulk/", {"do": "move", "to": "delivered"})
    assert "Tick at least one item." in text(browser.get("/alder/work/"))
    browser.post("/alder/work/bulk/", {"do": "assign", "give_to": "0", "selected": references})
    assert "Choose who gets them." in text(browser.get("/alder/work/"))


def test_search_finds_references_client_ids_and_words(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        make.item(stream, title="Mutual NDA with Société Générale", external_id="TRK-77", source="upload")
        matter = Matter.objects.get()
        actions.update_matter(matter=matter, by=make.system(), version=1, client_matter_id="44-17/B")
    browser = client_of(asha)
    for query, found in [
        ("nda-0001", "NDA-0001"),
        ("mutual soci", "NDA-0001"),
        ("TRK-77", "NDA-0001"),
        ("44-17", "ACME-0001"),
        ("acme", "ACME-E01"),
        ("d'été", "ACME"),
        ("Commercial", "ACME-E01"),
    ]:
        page = browser.get("/alder/search/", {"q": query})
        assert found in text(page), query
    for hostile in ("'", "a & | !", "%", "x" * 500, ":*"):
        assert browser.get("/alder/search/", {"q": hostile}).status_code == 200
    assert browser.get("/alder/search/", {"q": "\x00"}).status_code == 400


@pytest.mark.parametrize("path", ["work/", "matters/ACME-0001/NDA/", "matters/ACME-0001/", "engagements/ACME-E01/", "search/?q=NDA"])
def test_a_page_costs_the_same_for_ten_and_a_thousand_items(asha: Membership, stream: Workstream, client_of: SignIn, path: str) -> None:
    browser = client_of(asha)
    costs = []
    for n in (10, 990):
        many(stream, n)
        browser.get(f"/alder/{path}")
        with counted() as cost:
            assert browser.get(f"/alder/{path}").status_code == 200
        costs.append(cost[0])
    assert costs[0] == costs[1]
    assert costs[0] <= 38


def many(stream: Workstream, n: int) -> None:
    with in_organization(stream.organization_id), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO engagements_workitem (organization_id, client_id, matter_id, workstream_id, kind, reference, source, title,"
            " quantity, priority, language, disposition, severity, received_at, state, state_at, finished, paused, created_at, version)"
            " SELECT w.organization_id, w.client_id, w.matter_id, w.id, 'work', 'M' || (w.item_count + i), '', 'NDA ' || i, 1,"
            " 'standard', '', '', '', now() - i * interval '1 minute', 'received', now(), false, false, now(), 1"
            " FROM engagements_workstream w, generate_series(1, %s) AS i WHERE w.id = %s",
            [n, stream.id],
        )
        cursor.execute("UPDATE engagements_workstream SET item_count = item_count + %s WHERE id = %s", [n, stream.id])


@pytest.mark.parametrize("n", [2, 40])
def test_lists_of_clients_engagements_and_matters_cost_the_same(asha: Membership, client_of: SignIn, n: int) -> None:
    with in_organization(asha.organization_id):
        for _ in range(n):
            make.matter()
        assert (Client.objects.count(), Engagement.objects.count()) == (n, n)
    browser = client_of(asha)
    for path, most in [("clients/", 18), ("engagements/", 20), ("matters/", 19)]:
        browser.get(f"/alder/{path}")
        with counted() as cost:
            browser.get(f"/alder/{path}")
        assert cost[0] <= most, path


def offered(browser: Browser, text: str) -> list[tuple[str, str]]:
    return [(hit["kind"], hit["reference"]) for hit in browser.get("/alder/search/offer/", {"q": text}).json()["hits"]]


def test_the_palette_is_offered_what_the_search_finds(asha: Membership, client_of: SignIn, in_alder: InOrganization) -> None:
    item = make.item(make.workstream(make.matter(make.engagement(make.client(code="ACME", name="Acme Corp")))), title="NDA with Orion")
    browser = client_of(asha)
    assert offered(browser, "acme")[:3] == [("Client", "ACME"), ("Engagement", "ACME-E01"), ("Matter", "ACME-0001")]
    assert offered(browser, "orion nda") == [("Item", item.reference)]
    assert offered(browser, "  ") == offered(browser, "no such thing") == []


@pytest.mark.parametrize("title", ["\x07\x08", "\u200b", "Bell\x07", "Right\u202eleft"])
def test_a_title_nobody_can_read_is_refused_beside_its_field(
    asha: Membership, client_of: SignIn, in_alder: InOrganization, title: str
) -> None:
    make.client(code="ACME")
    page = client_of(asha).post("/alder/clients/ACME/engagements/new/", {"title": title})
    assert page.status_code == 422
    assert "Leave it out." in page.content.decode() or "no character that can be read" in page.content.decode()
    with pytest.raises(Refused):
        make.matter(title=title)


def test_what_a_large_workstream_delivered_is_what_its_other_states_leave(
    in_alder: InOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = make.workstream()
    for state in ("received", "in_review", "delivered", "delivered", "delivered"):
        make.item(stream, state=state)
    stream.refresh_from_db()
    counted = queries.counts_of([stream.id])[stream.id]
    monkeypatch.setattr(queries, "COUNT_CAP", 2)
    derived = queries.all_counts_of(stream)
    assert derived.by_state == {**counted.by_state, "delivered": 3}
    assert derived.open == counted.open == 2
    for _ in range(2):
        make.item(stream, state="received")
    stream.refresh_from_db()
    assert queries.all_counts_of(stream).by_state["received"] == 3, "more than the cap of another state: each is counted to the cap"


def test_what_cannot_be_is_said_at_its_field_and_empty_lines_are_no_parties(asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        matter = make.matter(make.engagement(make.client(code="ACME")), title="NDA programme")
        make.workstream(matter, item_prefix="NDA")
    browser = client_of(asha)
    form = {"title": "A", "kind": "work", "received_at": "2026-01-05T09:00", "quantity": "-1", "priority": "standard"}
    answer = browser.post("/alder/matters/ACME-0001/NDA/items/new/", form)
    assert answer.status_code == 422
    assert "quantity" in answer.context["form"].errors
    page = browser.get("/alder/engagements/ACME-E01/edit/")
    form = {name: value for name, value in page.context["form"].initial.items() if value is not None} | {"ends_on": "1999-01-01"}
    late = browser.post("/alder/engagements/ACME-E01/edit/", form)
    assert late.context["form"].errors["ends_on"] == ["This lies before the first day."]
    saved = browser.post("/alder/matters/ACME-0001/edit/", {"version": matter.version, "title": "NDA programme", "parties": "\r\n  \r\n"})
    assert saved.status_code == 302
