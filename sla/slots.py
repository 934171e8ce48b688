"""Slots on the pages of service levels that rooms above fill in their AppConfig.ready; this room knows no money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.models import CreditClaim

if TYPE_CHECKING:
    from lpo.accounts.access import TenantRequest


@dataclass(frozen=True)
class Became:
    """What a credit claim became elsewhere, in words, with its address."""

    text: str
    url: str


# Returns None where the claim became nothing yet, or nothing this viewer may see.
Source = Callable[["TenantRequest", CreditClaim], Became | None]

claim_became: list[Source] = []


def became(request: TenantRequest, claim: CreditClaim) -> list[Became]:
    return [found for source in claim_became if (found := source(request, claim)) is not None]
