"""What an organization that has no work yet still needs until its first clock runs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, QuerySet
from django.urls import reverse

from engagements.models import Client, Engagement, LegalEntity, Matter, WorkItem, Workstream
from lpo.accounts.models import Organization
from sla.models import ServiceLevel


@dataclass(frozen=True)
class Step:
    """One thing to set up; `url` is where the next one is done, empty for the others."""

    title: str
    why: str
    done: bool
    url: str = ""


_STEPS: list[tuple[str, str, type, str]] = [
    ("A legal entity", "Which of your companies signs and invoices, with its currency and zone.", LegalEntity, "billing:entities"),
    ("A client", "Its code begins every reference.", Client, "engagements:clients"),
    ("An engagement", "Opened on the client's page: delivery model, term and contract.", Engagement, "engagements:clients"),
    ("A matter", "Opened on the engagement's page.", Matter, "engagements:engagements"),
    ("A workstream", "Added on the matter's page: one kind of work with its own unit.", Workstream, "engagements:matters"),
    ("A service level", "Turns a clause of the contract into clocks on the work.", ServiceLevel, "sla:levels"),
    ("Work", "Import a file or add items on the workstream's page; the clocks start.", WorkItem, "engagements:matters"),
]


def first_steps(organization: Organization) -> list[Step]:
    """Empty as soon as there is work, open or finished. Two statements at most."""
    if WorkItem.objects.exists():
        return []
    looked_at: QuerySet[Organization] = Organization.objects.filter(pk=organization.pk)
    kinds = {f"step_{n}": Exists(kind.objects.all()) for n, (_, _, kind, _) in enumerate(_STEPS)}  # type: ignore[attr-defined]
    found = looked_at.annotate(**kinds).values_list(*kinds).get()
    following = found.index(False)
    return [
        Step(title, why, done, reverse(view, args=[organization.slug]) if n == following else "")
        for n, ((title, why, _, view), done) in enumerate(zip(_STEPS, found, strict=True))
    ]
