"""Notices: who may be told of a matter, what each person is told here and by mail, and that it was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from engagements.models import Matter, MatterInsider, Notice
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission, Role
from lpo.core.mail import absolute, compose
from lpo.jobs.queue import enqueue

MAIL = "engagements.mail_notices"
# A mail lists so many; the rest are counted.
IN_A_MAIL = 50


def may_see(members: Sequence[Membership], matter_id: int | None, engagement_id: int) -> list[Membership]:
    """Of these people those who are active and may see the matter, or the engagement where it is about no matter. Call across walls."""
    working = [m for m in members if m.is_active and m.may(Permission.TAKE_NOTICE)]
    of = Matter.objects.filter(engagement_id=engagement_id) if matter_id is None else Matter.objects.filter(pk=matter_id)
    matters = list(of.values_list("id", "walled", "supervising_attorney_id")) if working else []
    walled = [pk for pk, raised, _ in matters if raised]
    inside = set(MatterInsider.objects.filter(matter_id__in=walled).values_list("matter_id", "member_id")) if walled else set()

    def sees(member: Membership) -> bool:
        visible = [row for row in matters if not row[1] or (row[0], member.pk) in inside]
        if member.role == Role.ATTORNEY:
            return any(attorney == member.pk for _, _, attorney in visible)
        return bool(visible) or matter_id is None

    return [member for member in working if sees(member)]


def tell_member(member: Membership, words: str, url: str, client_id: int, matter_id: int | None, **about: Any) -> Notice:
    """An unsaved notice. `words` are mailed: references, never a title or what somebody wrote."""
    own = {"organization_id": member.organization_id, "client_id": client_id, "matter_id": matter_id}
    return Notice(**own, member_id=member.pk, words=words[:200], url=url[:300], **about)


def ask_for_mail(members: Iterable[int], by: Actor) -> None:
    """Have each person's notices mailed; the row of the job commits with them."""
    for number in sorted(set(members)):
        enqueue(MAIL, {"member": number}, by=Actor.system(by.organization_id), key=f"{MAIL}:{number}", title="Mail notices")


@transaction.atomic
def mail_notices(*, member: Membership) -> int:
    """Mail one person what was not mailed yet, in one message. How many notices it was about; none left, no mail.

    The message is sent before its notices are marked: a mail server that is away leaves them to the next attempt. Should the process
    be killed between the two, the next attempt sends the same message under the same Message-ID, by which mail systems know it.
    """
    rows = list(Notice.objects.filter(member=member, mailed_at__isnull=True).select_for_update(of=("self",)).order_by("id")[:1000])
    if not rows:
        return 0
    if member.is_active:
        slug, name = member.organization.slug, member.organization.name
        context = {
            "count": len(rows),
            "organization": name,
            "lines": [row.words for row in rows[:IN_A_MAIL]],
            "more": max(0, len(rows) - IN_A_MAIL),
            "url": absolute(reverse("engagements:notices", args=[slug])),
        }
        message = compose("notices", context, to=member.user.email)
        host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("<> ") or "localhost"
        message.extra_headers["Message-ID"] = f"<notices.{member.organization_id}.{member.pk}.{rows[0].pk}@{host}>"
        message.send()
    Notice.objects.filter(pk__in=[row.pk for row in rows]).update(mailed_at=timezone.now())
    return len(rows)


def unmailed() -> list[int]:
    """People with notices nobody has mailed yet."""
    return list(Notice.objects.filter(mailed_at__isnull=True).order_by("member_id").values_list("member_id", flat=True).distinct()[:1000])


@transaction.atomic
def read_notices(*, by: Actor, ids: Sequence[int] | None = None) -> int:
    """Mark one's own notices as read: these, or all. Not audited: nobody else's record hangs on it."""
    own = Notice.objects.filter(member_id=by.member_id, read_at__isnull=True)
    return (own if ids is None else own.filter(pk__in=list(ids))).update(read_at=timezone.now())
