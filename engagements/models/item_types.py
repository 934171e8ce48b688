"""What kinds of pieces a workstream's items are, where its contract promises and charges by them."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from engagements.models.clients import Workstream
from lpo.tenancy.models import TenantForeignKey, TenantModel

LONGEST_CODE = 20
type_code_validator = RegexValidator(
    r"^[a-z0-9][a-z0-9_-]{0,19}\Z", "Use 1 to 20 lower-case letters, digits, hyphens and underscores, beginning with a letter or digit."
)


class ItemType(TenantModel):
    """A type of a workstream's items: standard NDA, mutual NDA, MSA. Items, promises and prices name it by its code, so that never
    changes and the row never goes; a retired one is offered for no further items."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"])
    code = models.CharField(max_length=LONGEST_CODE, validators=[type_code_validator])
    name = models.CharField(max_length=60)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            # Items refer to it by these, and prove client and matter with it.
            models.UniqueConstraint(fields=["organization", "client_id", "matter_id", "workstream", "code"], name="itemtype_code_once"),
            models.UniqueConstraint(fields=["organization", "workstream", "name"], name="itemtype_name_once"),
        ]

    def __str__(self) -> str:
        return self.name
