"""What of this room is open when an engagement is closed."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from engagements import closing
from engagements.closing import Unfinished
from engagements.models import Engagement
from lpo.accounts.roles import Permission
from sla.incidents import CHOICE
from sla.models import Attainment, CreditClaim


def register() -> None:
    if unfinished not in closing.sources:
        closing.sources.append(unfinished)


def unfinished(slug: str, engagement: Engagement) -> Iterator[Unfinished]:
    levels = reverse("sla:levels", args=[slug])
    mine = {"level__workstream__matter__engagement": engagement}
    windows = Attainment.objects.filter(**mine, state="open", level__active=True).exclude(denominator=0, pending=0).count()
    yield Unfinished(windows, "service-level window not closed", "service-level windows not closed", levels, Permission.VIEW_LEVELS)
    provisional = CreditClaim.objects.filter(**mine, state="provisional")
    to_choose = provisional.filter(incident__rule=CHOICE).count()
    ledger = reverse("sla:engagement_ledger", args=[slug, engagement.reference])
    words = "service credit that waits for the client's choice", "service credits that wait for the client's choice"
    yield Unfinished(to_choose, *words, ledger, Permission.VIEW_LEVELS)
    claims = provisional.count() - to_choose
    yield Unfinished(
        claims, "service credit that can still be contested", "service credits that can still be contested", levels, Permission.VIEW_LEVELS
    )
