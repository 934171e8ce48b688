"""Comments with their files and mentions. Who is mentioned is told, once; who may not see the thing cannot be mentioned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from engagements.actions.checks import build, check, locked
from engagements.actions.notices import ask_for_mail, may_see, tell_member
from engagements.models import Comment, CommentEdit, CommentFile, Engagement, Matter, Notice, WorkItem
from engagements.models.comments import EDITABLE
from engagements.queries import staff
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.documents import store
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization

MOST_FILES = 5
MOST_MENTIONS = 20
# An at sign that begins a word; one inside a word is an address.
_MENTION = re.compile(r"(?<![\w@.])@(?=\w)")
# Words with what stands inside of them (O'Dowd, Smith-Lee, an address); after the first, those with a capital. At most four.
_NAME = re.compile(r"\w+(?:[@.'’+-]\w+)*(?: (?=\w)(?![\d_a-zß-öø-ÿ])\w+(?:['’-]\w+)*){0,3}")
MOST_QUOTED = 80
_SENT_TWICE = timedelta(seconds=60)


@dataclass(frozen=True)
class Upload:
    """A file as it was sent."""

    content: bytes
    name: str
    media_type: str


def mentioned(text: str, people: Sequence[Membership]) -> list[Membership]:
    """Who is mentioned, by name or address after an at sign. Raises `Refused` for nobody's name, and for one that two people have."""
    named: dict[str, list[Membership]] = {}
    for member in people:
        for called in {member.display_name.casefold(), member.user.email.casefold()}:
            named.setdefault(called, []).append(member)
    longest_first, found = sorted(named, key=len, reverse=True), {}
    reach = max(map(len, named), default=0) + 1
    for match in _MENTION.finditer(text):
        # Folding makes a text longer, never shorter: so many letters hold any name and the one after it.
        rest = text[match.end() : match.end() + reach].casefold()
        word: str | None = next((w for w in longest_first if rest.startswith(w) and not re.match(r"\w", rest[len(w) : len(w) + 1])), None)
        if word is None:
            typed = _typed(text[match.end() :])
            raise Refused(f"Nobody here is called “@{typed}”. Write a colleague's whole name after the @, or the address.", "text")
        if len(named[word]) > 1:
            raise Refused(f"Two people are called “{named[word][0].display_name}”: write the address after the @.", "text")
        found[named[word][0].pk] = named[word][0]
    if len(found) > MOST_MENTIONS:
        raise Refused(f"Mention at most {MOST_MENTIONS} people.", "text")
    return list(found.values())


def _typed(rest: str) -> str:
    """What seems meant as a name, as it was typed: the first word, and those after it that begin with a capital."""
    found = _NAME.match(rest)
    typed = found[0] if found else rest.split()[0]
    return typed if len(typed) <= MOST_QUOTED else f"{typed[:MOST_QUOTED]}…"


def _mention(text: str, engagement: Engagement, matter_id: int | None, by: Actor) -> list[Membership]:
    people = mentioned(text, list(staff()[:1000]))
    with in_organization(engagement.organization_id):
        may = {member.pk for member in may_see(people, matter_id, engagement.pk) if member.may(Permission.COMMENT)}
    for member in people:
        if member.pk not in may:
            raise Refused(f"{member.display_name} does not see this, so mentioning them would tell them nothing.", "text")
    return [member for member in people if member.pk != by.member_id]


def _tell(comment: Comment, people: Sequence[Membership], where: str, url: str, by: Actor) -> None:
    known = set(Notice.objects.filter(comment=comment).values_list("member_id", flat=True))
    words = f"{by.label} mentioned you on {where}"
    new = [
        tell_member(member, words, url, comment.client_id, comment.matter_id, comment=comment)
        for member in people
        if member.pk not in known
    ]
    Notice.objects.bulk_create(new, ignore_conflicts=True)
    ask_for_mail({notice.member_id for notice in new}, by)


@transaction.atomic
def add_comment(
    *,
    engagement: Engagement,
    by: Actor,
    text: str,
    url: str,
    matter: Matter | None = None,
    item: WorkItem | None = None,
    files: Sequence[Upload] = (),
) -> Comment:
    """Say something about an item, a matter or an engagement. `url` is its page. The same words within a minute are the first."""
    by.need(Permission.COMMENT)
    text, where = text.strip(), reference_of(engagement, matter, item)
    matter_id = item.matter_id if item is not None else matter.pk if matter is not None else None
    locked(engagement)
    same: dict[str, Any] = {"engagement": engagement, "matter_id": matter_id, "item": item, "by_member_id": by.member_id, "text": text}
    twin: Comment | None = Comment.objects.filter(**same, at__gt=timezone.now() - _SENT_TWICE).first()
    if twin is not None:
        return twin
    if len(files) > MOST_FILES:
        raise Refused(f"At most {MOST_FILES} files with one comment.", "attached")
    people = _mention(text, engagement, matter_id, by)
    values = {"client_id": engagement.client_id, "engagement": engagement, "matter_id": matter_id, "item": item}
    comment = build(Comment, {**values, "text": text, "by_member_id": by.member_id, "by_label": by.label[:200]})
    comment.save()
    for file in files:
        _attach(comment, file, where, by)
    _tell(comment, people, where, url, by)
    # The words stay with the comment: they can be privileged, and the audit log is read by others.
    after = {"characters": len(text), "files": len(files), "mentioned": len(people)}
    record(by=by, action="comment.add", target=comment, after=after, reference=where)
    return comment


def reference_of(engagement: Engagement, matter: Matter | None, item: WorkItem | None) -> str:
    """As people say it."""
    return item.reference if item is not None else matter.reference if matter is not None else engagement.reference


def _attach(comment: Comment, file: Upload, where: str, by: Actor) -> None:
    document = store(
        kind="comment",
        content=file.content,
        file_name=file.name,
        media_type=file.media_type or "application/octet-stream",
        by=by,
        client_id=comment.client_id,
        matter_id=comment.matter_id,
        reference=where,
    )
    own = {"client_id": comment.client_id, "matter_id": comment.matter_id, "comment": comment}
    if not CommentFile.objects.filter(comment=comment, document=document).exists():
        CommentFile.objects.create(**own, document=document)


def may_edit(comment: Comment, by: Actor) -> bool:
    """Its author, for some minutes."""
    return by.member_id is not None and comment.by_member_id == by.member_id and timezone.now() < comment.at + EDITABLE


@transaction.atomic
def edit_comment(*, comment: Comment, by: Actor, text: str, url: str) -> Comment:
    """Put one's own comment right within ten minutes; what it said before is kept. Who is mentioned anew is told.

    Raises `NotPermitted` for somebody else's, `Refused` when it is too late.
    """
    by.need(Permission.COMMENT)
    row, text = locked(comment), text.strip()
    if row.by_member_id is None or row.by_member_id != by.member_id:
        raise NotPermitted(f"{by.label} did not write this.")
    if row.text == text:
        return row
    if not may_edit(row, by):
        raise Refused("A comment is put right within ten minutes. Write another one.", "text")
    people = _mention(text, comment.engagement, row.matter_id, by)
    CommentEdit.objects.create(client_id=row.client_id, matter_id=row.matter_id, comment=row, text=row.text)
    row.text, row.edited_at = text, timezone.now()
    check(row)
    row.save(update_fields=["text", "edited_at"])
    where = reference_of(comment.engagement, comment.matter, comment.item)
    _tell(row, people, where, url, by)
    record(by=by, action="comment.edit", target=row, after={"characters": len(text)}, reference=where)
    return row
