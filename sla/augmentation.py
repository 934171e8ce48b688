"""Staff augmentation: hands are contracted, not results, so a missed turnaround earns a credit only where the contract agrees it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from engagements.models import Engagement
from engagements.placing import credit_note, credits_agreed
from engagements.queries import contract_on
from sla.models import LevelKind, ServiceLevelVersion


def _engagement(version: ServiceLevelVersion) -> Engagement:
    found: Engagement = version.level.workstream.matter.engagement
    return found


def credit_applies(version: ServiceLevelVersion, at: datetime) -> bool:
    """Whether a miss may earn a credit; of the contract's versions the one that governs the day of `at` says it."""
    if version.level.kind != LevelKind.TURNAROUND:
        return True
    engagement = _engagement(version)
    if engagement.delivery_model != "augmentation":
        return True
    return credits_agreed(engagement, contract_on(engagement, at.astimezone(ZoneInfo(version.time_zone)).date()))


def note_on(version: ServiceLevelVersion, at: datetime) -> str:
    """In words what becomes of a missed turnaround on staff augmentation; empty for every other level."""
    engagement = _engagement(version)
    if version.level.kind != LevelKind.TURNAROUND or engagement.delivery_model != "augmentation":
        return ""
    return credit_note(engagement, contract_on(engagement, at.astimezone(ZoneInfo(version.time_zone)).date()))
