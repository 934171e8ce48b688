"""Telling the client: one update composed of what several rooms measured."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from engagements import actions
from engagements.models import Matter, StatusUpdate
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.reports import queries


@transaction.atomic
def publish_status(*, matter: Matter, by: Actor, note: str = "") -> StatusUpdate:
    """Freeze a note, the work's figures, the service levels so far and what waits on the client. The client sees it from then on."""
    by.need(Permission.EDIT_WORK)
    return actions.publish_update(matter=matter, by=by, note=note.strip(), figures=queries.figures(matter, timezone.now()))
