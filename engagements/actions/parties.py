"""Who else a matter concerns."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from engagements.actions.checks import build
from engagements.models import Matter, MatterParty
from engagements.names import name_key
from lpo.core.errors import Refused


def set_parties(matter: Matter, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Make the matter's parties these, in the caller's transaction; (before, after) by name. One that leaves keeps its row."""
    cleaned = [" ".join(name.split()) for name in names]
    wanted = {key: name for name in cleaned if (key := name_key(name))}
    present = {row.name_key: row for row in MatterParty.objects.filter(matter=matter, removed_at__isnull=True)}
    if any(len(name) > 200 for name in wanted.values()):
        raise Refused("A party's name has at most 200 characters.", "parties")
    gone = [row.pk for key, row in present.items() if key not in wanted]
    if gone:
        MatterParty.objects.filter(pk__in=gone).update(removed_at=timezone.now())
    for key, name in wanted.items():
        if key not in present:
            build(MatterParty, {"client_id": matter.client_id, "matter": matter, "name": name, "name_key": key[:200]}).save()
    return sorted(row.name for row in present.values()), sorted(present[key].name if key in present else wanted[key] for key in wanted)
