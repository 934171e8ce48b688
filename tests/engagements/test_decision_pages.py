"""The pages of decisions: what the client said on an item, what waits for a second person or for a client, what counsel was asked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions
from engagements.models import ClientDecision, LateEntry, Matter, Pause, Question, WorkItem, Workstream
from engagements.views.timeline import spans
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from tests import make
from tests.sla import make as levels

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


@pytest.fixture
def stream(asha: Membership, sam: Membership) -> Workstream:
    """ACME-0001/NDA, supervised by Sam."""
    with in_organization(asha.organization_id):
        client = make.client(code="ACME", name="Acme d'Été")
        matter = make.matter(make.engagement(client), supervising_attorney=sam)
        return make.workstream(matter, item_prefix="NDA", title="NDA review")


def item(stream: Workstream, **fields: Any) -> WorkItem:
    with in_organization(stream.organization_id):
        return make.item(stream, **fields)


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_provider_records_a_return_with_the_message_and_the_page_says_so(
    asha: Membership, rita: Membership, stream: Workstream, client_of: SignIn
) -> None:
    made, browser = item(stream, state="delivered"), client_of(asha)
    move = {"to": "returned", "version": made.version}
    refused = browser.post("/alder/work/NDA-0001/move/", move)
    assert refused.status_code == 422 and "the provider cannot decide for the client" in text(refused)
    assert browser.post("/alder/work/NDA-0001/move/", move | {"message_text": "Clause 4 is wrong. Dana"}).status_code == 302
    page = browser.get("/alder/work/NDA-0001/")
    assert "Returned Recorded by provider" in text(page)
    kept = browser.get("/alder/work/NDA-0001/kept/message/1/")
    assert kept.content == b"Clause 4 is wrong. Dana" and "attachment" in kept.headers["Content-Disposition"]
    assert browser.get("/alder/work/NDA-0001/kept/message/2/").status_code == 404
    assert browser.get("/alder/work/NDA-0001/kept/nothing/1/").status_code == 404


def test_the_attorney_decides_without_a_message_and_alone_takes_it_back(
    asha: Membership, sam: Membership, stream: Workstream, client_of: SignIn
) -> None:
    made, counsel = item(stream, state="delivered"), client_of(sam)
    page = text(counsel.get("/alder/work/NDA-0001/"))
    assert "Your sign-in is the client's word" in page and "Or its words" not in page
    assert counsel.post("/alder/work/NDA-0001/move/", {"to": "accepted", "version": made.version}).status_code == 302
    assert "Undo “Accepted”" not in text(client_of(asha).get("/alder/work/NDA-0001/"))
    with in_organization(stream.organization_id):
        made.refresh_from_db()
    undo = {"version": made.version}
    assert client_of(asha).post("/alder/work/NDA-0001/undo/", undo).status_code == 403
    assert "Undo “Accepted”" in text(counsel.get("/alder/work/NDA-0001/"))
    assert counsel.post("/alder/work/NDA-0001/undo/", undo).status_code == 302


def test_a_late_move_waits_on_the_list_until_somebody_else_approves_it(
    asha: Membership, olga: Membership, stream: Workstream, client_of: SignIn
) -> None:
    made = item(stream, received_at=timezone.now() - timedelta(days=30))
    at = (timezone.now() - timedelta(days=20)).strftime("%Y-%m-%dT%H:%M")
    late = {"to": "delivered", "version": made.version, "at": at, "reason": "by mail"}
    assert client_of(asha).post("/alder/work/NDA-0001/move/", late).status_code == 302
    own = client_of(asha).get("/alder/approvals/")
    assert "Somebody else decides" in text(own) and b"late/1/approve" not in own.content
    other = client_of(olga)
    assert b"late/1/approve" in other.get("/alder/approvals/").content
    assert "Waiting for approval" in text(other.get("/alder/work/NDA-0001/"))
    told = other.post("/alder/work/NDA-0001/late/1/refuse/", {"from": "list"}, follow=True)
    assert "NDA-0001: Say why it is refused." in text(told)
    assert other.post("/alder/work/NDA-0001/late/1/approve/", {"from": "list"}).headers["Location"] == "/alder/approvals/"
    page = text(other.get("/alder/work/NDA-0001/"))
    assert "Delivered" in page and "approved by Olga Brandt" in page and "Waiting for approval" not in page
    assert "Nothing waits for approval" in text(other.get("/alder/approvals/"))
    assert other.post("/alder/work/NDA-0001/late/1/stamp/").status_code == 404
    assert other.post("/alder/work/NDA-0001/late/2/approve/").status_code == 404


def test_the_ledger_shows_each_wait_with_its_effect_and_the_file_says_the_same(
    asha: Membership, bill: Membership, stream: Workstream, client_of: SignIn
) -> None:
    received = timezone.now() - timedelta(hours=10)
    with in_organization(stream.organization_id):
        levels.level(stream)
        waiting = make.item(stream, title="NDA with Orrin", received_at=received)
        began = received + timedelta(hours=1)
        actions.pause_item(item=waiting, by=make.system(), party="client", reason="signature", note="Who signs?", at=began)
        other = make.item(stream, received_at=received)
        actions.pause_item(item=other, by=make.system(), party="provider", reason="internal")
    browser = client_of(asha)
    page = text(browser.get("/alder/waiting/"))
    assert "NDA with Orrin" in page and "Who signs?" in page and "no evidence" in page and other.title not in page
    file = browser.get("/alder/waiting/waiting.csv")
    (row,) = csv.DictReader(io.StringIO(file.content.decode()))
    assert (row["Item"], row["Client"], row["Evidence"], row["Service level"]) == ("NDA-0001", "ACME", "no", "NDA turnaround")
    without = (received + timedelta(hours=24)).strftime("%Y-%m-%dT%H:%M")
    assert row["Due without it"].startswith(without) and row["Due"] > row["Due without it"]
    assert "Nothing matches these filters" in text(browser.get("/alder/waiting/?client=NONE"))
    with in_organization(stream.organization_id):
        actions.resume_item(item=waiting, by=make.system())
    assert "No client is waited for" in text(browser.get("/alder/waiting/"))
    assert "NDA with Orrin" in text(client_of(bill).get("/alder/waiting/?show=all&matter=ACME-0001"))


def test_waits_that_overlap_are_shown_as_one_span(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    received = timezone.now() - timedelta(hours=10)
    with in_organization(stream.organization_id):
        made = make.item(stream, received_at=received)
        for party, start, end in (("client", 1, 3), ("third_party", 2, 5), ("provider", 6, 7)):
            at, until = received + timedelta(hours=start), received + timedelta(hours=end)
            actions.pause_item(item=made, by=make.system(), party=party, reason="other", note="asked", at=at)
            actions.resume_item(item=made, by=make.system(), party=party, at=until)
        found = spans(list(Pause.objects.filter(item=made).order_by("started_at", "id")))
    assert [((span.start - received).seconds // 3600, len(span.rows)) for span in found] == [(1, 2), (6, 1)]
    assert found[0].end == received + timedelta(hours=5)
    page = text(client_of(asha).get("/alder/work/NDA-0001/"))
    assert "2 that overlap, counted once" in page
    assert page.count("Resumed") == 2


def test_the_clients_reply_resumes_and_is_kept(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    made, browser = item(stream), client_of(asha)
    with in_organization(stream.organization_id):
        actions.pause_item(item=made, by=make.system(), party="client", reason="signature")
    mail = SimpleUploadedFile("reply.eml", b"Dana signs.", content_type="message/rfc822")
    assert browser.post("/alder/work/NDA-0001/resume/", {"note": "Dana signs", "message": mail}).status_code == 302
    assert "The client: replied Recorded by provider “Dana signs”" in text(browser.get("/alder/work/NDA-0001/"))
    assert browser.get("/alder/work/NDA-0001/kept/message/1/").content == b"Dana signs."


def test_a_contest_on_the_page_needs_the_clients_words(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    made, browser = item(stream), client_of(asha)
    with in_organization(stream.organization_id):
        actions.pause_item(item=made, by=make.system(), party="client", reason="signature")
    contest = "/alder/work/NDA-0001/pauses/1/contest/"
    refused = browser.post(contest, {"note": "they disagree"})
    assert refused.status_code == 422 and "the provider cannot decide for the client" in text(refused)
    assert browser.post(contest, {"note": "they disagree", "message_text": "It was open. Dana"}).status_code == 302
    with in_organization(stream.organization_id):
        assert Pause.objects.get().contested_at is not None
    assert browser.post("/alder/work/NDA-0001/pauses/1/uphold/", {"note": "it stands"}).status_code == 422


def test_a_notice_of_delivery_is_recorded_with_what_was_sent(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    item(stream, state="delivered")
    browser, told = client_of(asha), {"channel": "email", "recipient": "dana@acme.example"}
    assert browser.post("/alder/work/NDA-0001/notice/", told).status_code == 422
    assert browser.post("/alder/work/NDA-0001/notice/", told | {"message_text": "Delivered today"}).status_code == 302
    page = text(browser.get("/alder/work/NDA-0001/"))
    assert "Accepted unless returned by" in page and "within 5 business days" in page
    assert browser.get("/alder/work/NDA-0001/kept/notice/1/").content == b"Delivered today"


def test_counsel_is_asked_answers_and_is_found_again(rita: Membership, sam: Membership, stream: Workstream, client_of: SignIn) -> None:
    item(stream)
    reviewer, counsel = client_of(rita), client_of(sam)
    asked = reviewer.post("/alder/work/NDA-0001/ask/", {"question": "May we accept Delaware law?"})
    assert asked.headers["Location"] == "/alder/matters/ACME-0001/questions/1/"
    assert "Not answered yet" in text(reviewer.get("/alder/matters/ACME-0001/questions/1/"))
    assert reviewer.post("/alder/matters/ACME-0001/questions/1/", {"answer": "Yes"}).status_code == 403
    assert counsel.post("/alder/matters/ACME-0001/questions/1/", {"answer": ""}).status_code == 422
    answer = {"answer": "Yes, for mutual NDAs.", "protocol": "NDA protocol 4"}
    assert counsel.post("/alder/matters/ACME-0001/questions/1/", answer).status_code == 302
    page = text(reviewer.get("/alder/matters/ACME-0001/questions/1/"))
    assert "Yes, for mutual NDAs." in page and "Supervising attorney" in page and "Led to NDA protocol 4" in page
    for words in ("delaware", "mutual nda"):
        assert "ACME-0001 Q1" in text(reviewer.get("/alder/search/", {"q": words}))
        assert "May we accept Delaware law?" in text(reviewer.get("/alder/decisions/", {"q": words}))
    assert "Nothing matches" in text(reviewer.get("/alder/decisions/?show=open"))
    assert "May we accept Delaware law?" in text(reviewer.get("/alder/work/NDA-0001/"))
    assert reviewer.get("/alder/matters/ACME-0001/questions/2/").status_code == 404
    with in_organization(stream.organization_id):
        assert Question.objects.get().decision is not None


def test_the_provider_records_counsels_answer_with_its_mail(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    browser = client_of(asha)
    browser.post("/alder/matters/ACME-0001/ask/", {"question": "Which form?"})
    here = "/alder/matters/ACME-0001/questions/1/"
    assert browser.post(here, {"answer": "Form B"}).status_code == 422
    assert browser.post(here, {"answer": "Form B", "message_text": "Use form B. Sam"}).status_code == 302
    assert browser.get(here + "message/").content == b"Use form B. Sam"
    assert browser.post(here, {"protocol": "Protocol 5"}).status_code == 302
    assert "Led to Protocol 5" in text(browser.get(here))


def test_an_errors_severity_and_notices_are_on_its_page(asha: Membership, cora: Membership, stream: Workstream, client_of: SignIn) -> None:
    item(stream, kind="error", severity="critical", received_at=timezone.now() - timedelta(hours=2))
    browser = client_of(asha)
    assert browser.post("/alder/work/NDA-0001/severity/", {"severity": "minor"}).status_code == 422
    agreed = {"severity": "minor", "message_text": "Minor is fine. Dana"}
    assert browser.post("/alder/work/NDA-0001/severity/", agreed).status_code == 302
    assert client_of(cora).post("/alder/work/NDA-0001/notified/", {"channel": "telephone", "reporter": "Dana"}).status_code == 302
    page = text(browser.get("/alder/work/NDA-0001/"))
    assert "The client: severity agreed Recorded by provider “critical → minor.”" in page
    assert "Error notified, telephone" in page
    form = browser.get("/alder/work/NDA-0001/edit/").context["form"]
    edited = {name: value for name, value in form.initial.items() if value is not None}
    at = edited["received_at"].astimezone(ZoneInfo("America/New_York")).strftime("%Y-%m-%dT%H:%M")
    refused = browser.post("/alder/work/NDA-0001/edit/", edited | {"severity": "", "received_at": at})
    assert refused.status_code == 422 and "agrees to a lower one" in text(refused)


def test_what_is_kept_behind_a_wall_is_not_found_from_outside(
    asha: Membership, olga: Membership, stream: Workstream, client_of: SignIn
) -> None:
    made = item(stream, received_at=timezone.now() - timedelta(hours=3))
    with in_organization(stream.organization_id):
        matter = Matter.objects.get(pk=made.matter_id)
        at = timezone.now() - timedelta(hours=1)
        actions.move_item(item=made, to="delivered", by=Actor.member(asha), at=at, reason="by mail")
        actions.ask_counsel(matter=matter, item=made, by=Actor.member(asha), question="Is the merger public?")
        actions.raise_wall(matter=matter, by=Actor.member(asha))
        assert (LateEntry.objects.count(), ClientDecision.objects.count()) == (1, 0)
    outside = client_of(olga)
    assert "Nothing waits for approval" in text(outside.get("/alder/approvals/"))
    assert "Is the merger public?" not in text(outside.get("/alder/decisions/?q=merger"))
    assert outside.get("/alder/matters/ACME-0001/questions/1/").status_code == 404
    assert outside.post("/alder/work/NDA-0001/late/1/approve/").status_code == 404
