"""What an import keeps in pieces, so that a file of any size is read and written with little memory."""

from __future__ import annotations

from django.db import models

from engagements.models.imports import ImportBatch
from lpo.tenancy.models import TenantForeignKey, TenantModel


class ImportPart(TenantModel):
    """A stretch of a load file as it was taken in, allowed columns only: zlib over rows of `\\x1f`-separated cells. Append-only."""

    matter_id = models.BigIntegerField()
    batch = TenantForeignKey(ImportBatch, via=["matter_id"])
    number = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "batch", "number"], name="importpart_once")]

    def __str__(self) -> str:
        return f"Part {self.number}"


class ImportChunk(TenantModel):
    """Checked rows that wait for confirmation, in the very form COPY reads: zlib over its text. Gone once they are loaded."""

    matter_id = models.BigIntegerField()
    batch = TenantForeignKey(ImportBatch, via=["matter_id"], on_delete=models.CASCADE)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "batch", "number"], name="importchunk_once")]

    def __str__(self) -> str:
        return f"Chunk {self.number}"
