"""Comments: internal, mentions inside the wall, put right within minutes, files, and the activity they stand in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions
from engagements.models import Comment, CommentEdit, Matter, Notice, WorkItem
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.middleware import scope_of
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.jobs.runner import run_due
from lpo.tenancy.context import Scope, in_organization, scoped
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def say(item: WorkItem, by: Membership, words: str) -> Comment:
    matter = item.workstream.matter
    return actions.add_comment(engagement=matter.engagement, matter=matter, item=item, by=Actor.member(by), text=words, url="/here/")


def test_who_is_mentioned_is_told_once_here_and_by_mail(in_alder: Scope, asha: Membership, rita: Membership, cora: Membership) -> None:
    item = make.item(title="Secret merger NDA")
    say(item, asha, "@Rita O'Brien and @cora@alder.example: is it signed? See mail@example.org and @Rita O'Brien.")
    assert {row.member_id for row in Notice.objects.all()} == {rita.pk, cora.pk}
    assert {row.words for row in Notice.objects.all()} == {f"Asha Rao mentioned you on {item.reference}"}
    run_due(asha.organization_id)
    assert sorted(message.to[0] for message in mail.outbox) == ["cora@alder.example", "rita@alder.example"]
    assert "is it signed" not in mail.outbox[0].body and "merger" not in mail.outbox[0].body
    assert say(item, asha, Comment.objects.get().text).pk == Comment.objects.get().pk


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("@Nobody at all", "Nobody here is called “@Nobody”"),
        ("Ask @Sam Pell", "does not see this"),
        ("Ask @Audrey Kim", "does not see this"),
        ("Ask @Íñigo O'Dowd, please", "called “@Íñigo O'Dowd”."),
        ("(@Zoë Smith-Łęcka) knows", "called “@Zoë Smith-Łęcka”."),
        ("Ask @nobody@Else.test. Thanks", "called “@nobody@Else.test”."),
        ("Ask @rita please", "called “@rita”."),
    ],
)
def test_a_mention_that_would_tell_nobody_is_refused(
    in_alder: Scope, asha: Membership, sam: Membership, audrey: Membership, words: str, why: str
) -> None:
    with pytest.raises(Refused) as refusal:
        say(make.item(), asha, words)
    assert why in refusal.value.message


def test_nobody_outside_the_wall_is_mentioned(in_alder: Scope, asha: Membership, rita: Membership) -> None:
    item = make.item()
    actions.raise_wall(matter=Matter.objects.get(pk=item.matter_id), by=Actor.member(asha), insiders=[])
    with pytest.raises(Refused, match="Rita O'Brien does not see this"):
        say(item, asha, "@Rita O'Brien?")


def test_its_author_puts_it_right_for_minutes_and_what_it_said_is_kept(in_alder: Scope, asha: Membership, rita: Membership) -> None:
    comment = say(make.item(), asha, "Sent todday")
    with pytest.raises(NotPermitted):
        actions.edit_comment(comment=comment, by=Actor.member(rita), text="Mine", url="/")
    actions.edit_comment(comment=comment, by=Actor.member(asha), text="Sent today", url="/")
    assert (Comment.objects.get().text, CommentEdit.objects.get().text) == ("Sent today", "Sent todday")
    late = Comment.objects.create(
        client_id=comment.client_id,
        engagement_id=comment.engagement_id,
        text="Old",
        by_member=asha,
        by_label="Asha Rao",
        at=timezone.now() - timedelta(minutes=12),
    )
    with pytest.raises(Refused, match="within ten minutes"):
        actions.edit_comment(comment=late, by=Actor.member(asha), text="New", url="/")
    with pytest.raises(DatabaseError, match="no longer put right"), transaction.atomic():
        Comment.objects.filter(pk=late.pk).update(text="New")


def test_outside_counsel_reads_none_whatever_is_asked_for(alder: Any, asha: Membership, sam: Membership, client_of: SignIn) -> None:
    with in_organization(alder.id):
        matter = make.matter(supervising_attorney=sam)
        item = make.item(make.workstream(matter))
        say(item, asha, "Counsel must not read this")
    with scoped(scope_of(sam)), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM engagements_comment")
        assert cursor.fetchone() == (0,)
    assert "must not read" not in text(client_of(sam).get(f"/alder/work/{item.reference}/"))
    assert client_of(sam).post(f"/alder/work/{item.reference}/comments/", {"text": "Mine"}).status_code == 403


def test_comments_are_written_read_and_listed_in_the_browser(asha: Membership, cora: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        item = make.item()
        matter = item.workstream.matter
    browser = client_of(cora)
    places = [f"work/{item.reference}", f"matters/{matter.reference}", f"engagements/{matter.engagement.reference}"]
    for place in places:
        file = SimpleUploadedFile("l'été.txt", b"as sent", "text/plain")
        answer = browser.post(f"/alder/{place}/comments/", {"text": f"About {place}", "attached": [file]})
        assert answer.headers["Location"] == f"/alder/{place}/#comments"
        assert f"About {place}" in text(browser.get(f"/alder/{place}/"))
        assert f"About {place}" in text(browser.get(f"/alder/{place}/activity/"))
    with in_organization(asha.organization_id):
        number = Comment.objects.order_by("id")[0].pk
    assert browser.get(f"/alder/comments/{number}/files/1/").status_code == 403
    assert client_of(asha).get(f"/alder/comments/{number}/files/1/").content == b"as sent"
    assert client_of(asha).get(f"/alder/comments/{number}/files/2/").status_code == 404
    assert browser.post(f"/alder/comments/{number}/", {"text": "Put right"}).status_code == 302
    assert "What it said before" in text(client_of(asha).get(f"/alder/comments/{number}/"))
    empty = browser.post(f"/alder/{places[0]}/comments/", {"text": " "})
    assert empty.status_code == 422


def test_activity_goes_back_page_by_page_without_loss(asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        item = make.item()
        matter = item.workstream.matter
        own = {"client_id": item.client_id, "engagement": matter.engagement, "matter": matter, "item": item}
        at = timezone.now()
        Comment.objects.bulk_create([Comment(**own, text=f"c{n}", at=at - timedelta(seconds=n // 3), by_label="Asha") for n in range(120)])
        actions.pause_item(item=item, by=make.system(), party="client", reason="information")
    browser, url, seen = client_of(asha), f"/alder/work/{item.reference}/activity/", []
    while url:
        page = browser.get(url).context["page"]
        seen += [line.note for line in page.lines if line.text == "Comment"]
        url = f"/alder/work/{item.reference}/activity/{page.older_url}" if page.older_url else ""
    assert len(seen) == len(set(seen)) == 120
    assert browser.get(f"/alder/work/{item.reference}/activity/?before=nonsense").status_code == 200
