"""Base of every table that belongs to one organization."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, TypeVar

from django.db import models

from lpo.tenancy.context import current_organization_id

M = TypeVar("M", bound=models.Model, covariant=True)


class TenantQuerySet(models.QuerySet[M]):
    """Base of a tenant model's own query set; `TenantManager.from_queryset` joins it to the manager."""


class TenantManager(models.Manager[M]):
    """Raises `NoOrganization` outside an organization, and filters by it inside one.

    Row-level security would hide other rows anyway; this makes a slip loud.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(organization_id=current_organization_id())

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[M]:
        rows = list(objs)
        organization_id = current_organization_id()
        for row in rows:
            if row.organization_id is None:
                row.organization_id = organization_id
        return super().bulk_create(rows, *args, **kwargs)


class TenantForeignKey(models.ForeignKey):  # type: ignore[type-arg]
    """A key to a row of the same organization, enforced by a composite foreign key in the database.

    `SecureTable` (in the migration) writes `FOREIGN KEY (organization_id, *via, column) REFERENCES parent (organization_id,
    *via, id)`. Django's own constraint is left out: both together double the cost of bulk loads. `via` names columns both
    tables share, so that one key also proves client and matter.
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, *, via: Sequence[str] = (), **kwargs: Any) -> None:
        self.via = tuple(via)
        kwargs["db_constraint"] = False
        kwargs.setdefault("db_index", False)
        kwargs.setdefault("related_name", "+")
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.via:
            kwargs["via"] = list(self.via)
        return name, path, args, kwargs


class TenantModel(models.Model):
    """A row of one organization. `organization_id` is filled from the current scope when it is left out."""

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )

    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if getattr(self, "organization_id", None) is None:
            self.organization_id = current_organization_id()
        super().save(*args, **kwargs)
