"""Reported errors: who told of them first, and how grave the client says they are."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from engagements import states
from engagements.actions.checks import check, locked, need_any
from engagements.actions.items import lowers, update_item
from engagements.actions.sources import decided, source_of
from engagements.actions.timing import told
from engagements.models import ErrorNotice, What, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused


@transaction.atomic
def record_error_notice(
    *, item: WorkItem, by: Actor, channel: str, at: datetime | None = None, reporter: str = "", evidence: Document | None = None
) -> ErrorNotice:
    """Put on record that the client told of an error. Notified is the first notice by any channel.

    One from before the recorded time of receipt restates that time, which counts once a second person has approved it.
    """
    by.need(Permission.TRACK_ITEMS)
    item, now = locked(item), timezone.now()
    if item.kind != states.ERROR:
        raise Refused("Only an error is notified.")
    said_at = at or (now if ErrorNotice.objects.filter(item=item).exists() else item.received_at)
    if said_at > now:
        raise Refused("This lies in the future.", "at")
    known: ErrorNotice | None = ErrorNotice.objects.filter(item=item, at=said_at, channel=channel).first()
    if known is not None:
        return known
    notice = ErrorNotice(
        organization_id=item.organization_id,
        client_id=item.client_id,
        matter_id=item.matter_id,
        item=item,
        at=said_at,
        channel=channel,
        reporter=reporter.strip(),
        evidence=evidence,
        by_label=by.label,
    )
    check(notice)
    notice.save(force_insert=True)
    after = {"channel": channel, "at": said_at.isoformat(), "reporter": reporter}
    record(by=by, action="error.notice", target=notice, after=after, reference=item.reference)
    if said_at < item.received_at:
        why = f"The client had told of it before: {notice.get_channel_display().lower()}."
        update_item(item=item, by=by, version=item.version, reason=why, received_at=said_at)
    return notice


@transaction.atomic
def set_severity(*, item: WorkItem, severity: str, by: Actor, note: str = "", message: Document | None = None) -> WorkItem:
    """The severity the client gives an error. Anyone who tracks items raises it; a lower one needs the client's agreement."""
    item = locked(item)
    if item.kind != states.ERROR:
        raise Refused("Only an error has a severity.", "severity")
    if severity not in states.SEVERITIES[:3]:
        raise Refused("Choose critical, major or minor.", "severity")
    if item.severity == severity:
        return item
    before = item.severity
    need_any(by, {Permission.TRACK_ITEMS, Permission.EDIT_WORK, Permission.DECIDE_FOR_CLIENT})
    said = message is not None and Permission.EDIT_WORK in by.permissions
    source = source_of(by, message) if lowers(item, severity) or said or Permission.DECIDE_FOR_CLIENT in by.permissions else ""
    item.severity = severity
    item.version += 1
    item.save(update_fields=["severity", "version"])
    if source:
        change = f"{before or 'none'} → {severity}. {note}".strip()[:500]
        decided(by=by, what=What.SEVERITY, source=source, at=timezone.now(), item=item, message=message, note=change)
    after = {"severity": severity, "source": source, "note": note}
    record(by=by, action="error.severity", target=item, before={"severity": before}, after=after, reference=item.reference)
    told(item)
    return item
