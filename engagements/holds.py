"""Which legal holds are in force."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from engagements.models import LegalHold, Matter
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id, in_organization


def in_force(client_id: int, matter_id: int | None) -> QuerySet[LegalHold]:
    """Holds on a matter, its client's included; on a client as a whole where no matter is given."""
    scope = Q(matter__isnull=True) | (Q(matter_id=matter_id) if matter_id is not None else Q(pk__in=[]))
    rows: QuerySet[LegalHold] = LegalHold.objects.filter(scope, client_id=client_id, released_at__isnull=True)
    return rows.order_by("id")


def refuse_deletion(client_id: int, matter_id: int | None) -> None:
    """Raise `Refused` while a legal hold keeps everything of this matter or client. The database refuses too."""
    if (hold := in_force(client_id, matter_id).first()) is not None:
        of = "this matter" if hold.matter_id is not None else "this client"
        raise Refused(f"A legal hold on {of} is in force: nothing is deleted until it is released.")


def refuse_deletion_in_engagement(client_id: int, engagement_id: int) -> None:
    """The same for what belongs to an engagement as a whole; holds of walled matters count and are not named."""
    with in_organization(current_organization_id()):
        matters = Matter.objects.filter(engagement_id=engagement_id).values("id")
        rows = LegalHold.objects.filter(Q(matter__isnull=True) | Q(matter_id__in=matters), client_id=client_id, released_at__isnull=True)
        held = rows.exists()
    if held:
        raise Refused("A legal hold on this client or one of its matters is in force: nothing is deleted until it is released.")
