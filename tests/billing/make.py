"""Terms, delivered months and claims as billing's tests need them, through the real actions where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing import actions
from billing.models import ChargeTerm, Invoice
from engagements.models import Engagement, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from sla.models import Attainment, CreditClaim, ServiceLevel, ServiceLevelVersion
from tests import make

OCTOBER = datetime(2026, 10, 6, 15, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def workstream(**engagement: Any) -> Workstream:
    fields = {"starts_on": date(2026, 9, 1)} | engagement
    return make.workstream(make.matter(make.engagement(**fields)))


def engagement_of(stream: Workstream) -> Engagement:
    return Engagement.objects.select_related("client", "legal_entity").get(pk=stream.matter.engagement_id)


def term(engagement: Engagement, model: str, price: str, *, name: str = "", by: Actor | None = None, **version: Any) -> ChargeTerm:
    plain = {"effective_from": engagement.starts_on, "price": Decimal(price), "unit": "NDA" if model == "unit" else "seat"}
    return actions.create_term(
        engagement=engagement, name=name or f"{model} fee", model=model, version=plain | version, by=by or make.system()
    )


def delivered(stream: Workstream, n: int, at: datetime = OCTOBER, **fields: Any) -> list[WorkItem]:
    return [
        make.item(stream, received_at=at - timedelta(hours=5), state="delivered", moved_at=at + timedelta(minutes=i), **fields)
        for i in range(n)
    ]


def seats(term: ChargeTerm, names: Sequence[str], starts_on: date, ends_on: date | None = None) -> None:
    for name in names:
        actions.record_usage(
            term=term, source="platform", event_id=f"{term.id}-{name}", subject=name, starts_on=starts_on, ends_on=ends_on, by=make.system()
        )


def claim(
    stream: Workstream, percent: str, *, start: datetime, end: datetime, label: str, state: str = "final", name: str = "NDA turnaround"
) -> CreditClaim:
    """A closed, missed window and its claim, as the sla room leaves them."""
    keys = {"client_id": stream.client_id, "matter_id": stream.matter_id}
    level, _ = ServiceLevel.objects.get_or_create(workstream=stream, name=name, defaults={**keys, "kind": "turnaround"})
    version = ServiceLevelVersion.objects.filter(level=level).first() or ServiceLevelVersion.objects.create(
        **keys, level=level, number=1, effective_from=date(2026, 1, 1), target=86_400, expected_percent=95, time_zone="America/New_York"
    )
    attainment = Attainment.objects.create(
        **keys,
        level=level,
        level_version=version,
        window_start=start,
        window_end=end,
        label=label,
        state="closed",
        numerator=36,
        denominator=40,
        met=False,
        closed_at=end,
        snapshot={},
    )
    return CreditClaim.objects.create(
        **keys, attainment=attainment, level=level, percent=Decimal(percent), state=state, formula="", inputs={}
    )


def drafted(engagement: Engagement, by: Membership, index: int = 1, now: datetime = NOVEMBER) -> Invoice:
    return actions.draft_invoice(engagement=engagement, index=index, by=Actor.member(by), now=now)


def issued(engagement: Engagement, by: Membership, approver: Membership, index: int = 1, now: datetime = NOVEMBER) -> Invoice:
    invoice = drafted(engagement, by, index, now)
    actions.submit_invoice(invoice=invoice, by=Actor.member(by))
    actions.approve_invoice(invoice=invoice, by=Actor.member(approver))
    return actions.issue_invoice(invoice=invoice, by=Actor.member(by), now=now)
