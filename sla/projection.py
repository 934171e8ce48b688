"""Clocks follow from facts: whenever facts of items change, their clocks are computed anew and replaced.

One function serves one item, an import and a rebuild; how often it runs changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Min
from django.utils import timezone

from engagements.events import Changed
from engagements.models import WorkItem
from lpo.accounts.actor import Actor
from lpo.core.localtime import to_epoch
from lpo.jobs.queue import asked, enqueue
from lpo.tenancy.context import current_organization_id
from sla import fresh, moved, recomputed, store
from sla.clockrows import FEW, project
from sla.facts import Facts, read
from sla.models import LevelKind, ServiceLevel, ServiceLevelVersion
from sla.volume import of_streams, windows_touched
from sla.windows import window_start

ATTAIN, ATTAIN_KEY = "sla.attain", "sla.attain"
_TITLE = "Count service levels"


def on_changed(changed: Changed) -> None:
    """Bring the clocks of these items up to their facts, in the transaction that changed them."""
    if changed.fresh and len(changed.item_ids) > FEW:
        windows = fresh.write_clocks(changed.item_ids, to_epoch(timezone.now()))
        if windows is not None:
            count_again(windows | _volume_of_new(changed.item_ids))
            return
    left = changed.item_ids
    if changed.moved is not None and len(left) > FEW:
        to, at = changed.moved
        left, touched = moved.write_clocks(left, to, to_epoch(at), to_epoch(timezone.now()))
        count_again(touched)
    # Whoever changed these items holds them.
    refresh(left, lock=False)


def refresh(
    item_ids: Sequence[int],
    *,
    repin: bool = False,
    level_ids: Iterable[int] | None = None,
    reopened: tuple[int, int] | None = None,
    lock: bool = True,
) -> int:
    """Replace the clocks of these items (of these levels only, where given). Returns how many clocks they have now.

    `reopened`: a closed (level, window start) that is being restated and holds no clock that does not belong there.
    """
    if not item_ids:
        return 0
    now = to_epoch(timezone.now())
    facts = read(item_ids, lock=lock, level_ids=level_ids)
    if not (facts.versions or facts.stored or facts.accuracy or facts.volume):
        return 0
    if reopened is not None:
        facts.closed.pop(reopened, None)
    rows = project(facts, now, repin=repin)
    if level_ids is not None:
        wanted = set(level_ids)
        facts.stored = {key: clock for key, clock in facts.stored.items() if key[1] in wanted}
    windows = store.touched(facts.stored, rows, facts.closed) | _accuracy_windows(facts)
    if facts.volume:
        windows |= windows_touched(facts.volume, facts.delivered, facts.begun, now)
    if len(rows) <= store.FEW:
        job = asked(ATTAIN, by=Actor.system(current_organization_id()), key=ATTAIN_KEY, title=_TITLE)
        store.replace_few(facts, rows, now, windows, job)
    else:
        store.replace_clocks(facts, rows, now)
        count_again(windows)
    return len(rows)


def recompute(level: ServiceLevel, item_ids: Sequence[int], *, repin: bool = False) -> None:
    """Clocks of one level for any number of items, from all that happened to them: column by column where they allow it."""
    versions = fresh.versions_of({level.workstream_id}).get(level.pk, [])
    left: Sequence[int] = item_ids
    if recomputed.able(versions) and len(item_ids) > FEW:
        left, windows = recomputed.write_clocks(level, versions, item_ids, to_epoch(timezone.now()), repin=repin)
        count_again(windows)
    refresh(left, repin=repin, level_ids=[level.pk])


def count_again(windows: Iterable[tuple[int, int]]) -> None:
    """Mark windows as to be counted and ask for one job that counts all of the organization's."""
    if store.mark_dirty(windows):
        request_count()


def request_count() -> None:
    enqueue(ATTAIN, by=Actor.system(current_organization_id()), key=ATTAIN_KEY, title=_TITLE)


def _volume_of_new(item_ids: Sequence[int]) -> set[tuple[int, int]]:
    """New work is there to be delivered from its receipt on."""
    streams = set(WorkItem.objects.filter(id__in=item_ids).order_by().values_list("workstream_id", flat=True).distinct())
    if not (versions := of_streams(streams, volume_offered=True)):
        return set()
    earliest = WorkItem.objects.filter(id__in=item_ids).aggregate(at=Min("received_at"))["at"]
    return windows_touched(versions, (), to_epoch(earliest), to_epoch(timezone.now()))


def _accuracy_windows(facts: Facts) -> set[tuple[int, int]]:
    """When an item was delivered decides which of its checks count."""
    streams = {item.id: item.workstream_id for item in facts.items}
    return {
        (version.level_id, window_start(at, version.time_zone, version.window))
        for item_id, at in facts.checked
        for version in facts.accuracy
        if version.level.workstream_id == streams.get(item_id)
    }


def accuracy_windows(workstream_id: int, at: int) -> set[tuple[int, int]]:
    """The windows of a workstream's accuracy levels that hold an instant."""
    versions = ServiceLevelVersion.objects.filter(level__workstream_id=workstream_id, level__kind=LevelKind.ACCURACY)
    return {(version.level_id, window_start(at, version.time_zone, version.window)) for version in versions}


__all__ = ["accuracy_windows", "count_again", "on_changed", "recompute", "refresh", "request_count"]
