"""What Vantic agreed to, written down: clauses, baseline, purchase order, the team and a signed protocol."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engagements import actions as work
from engagements import queries
from engagements.models import Engagement, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.audit.documents import store
from lpo.core.periods import add_months

TERMS: dict[str, Any] = {
    "baseline_volume": Decimal(50),
    "baseline_unit": "NDA",
    "baseline_amount": Decimal(2500),
    "volume_ceiling": Decimal(80),
    "rework_terms": "Free of charge within 30 days of delivery",
}
CLAUSES = (
    ("Schedule B 2.1", "Turnaround of standard NDAs", "95 % of standard NDAs are reviewed within 24 hours of receipt, by calendar month."),
    ("Schedule B 2.3", "Response to enquiries", "Every enquiry is acknowledged within 2 business hours."),
    ("Schedule B 2.4", "Critical errors", "Critical errors are corrected within 4 hours of notification."),
    ("Schedule B 5", "Service credits", "A missed level is worth 5 % of the month's fees, at most 10 % for all levels together."),
    ("Schedule C 1", "Fees", "A flat fee each month for up to 50 standard NDAs."),
)
SIGNED = b"""Master services agreement between Vantic Software GmbH and Alder Legal LLC.

Signed for both parties. Schedules B and C as recorded with this contract.
"""
PROTOCOL = """Review every NDA against the playbook of Vantic Software.

1. Mutual confidentiality only. A one-way NDA in the counterparty's favour goes to counsel.
2. Term: two to five years. Anything longer, or without an end, is marked and returned with the playbook's wording.
3. Governing law: Germany, England and Wales, New York. Ask counsel about any other.
4. Residual knowledge clauses are struck.
5. Where the playbook is silent, ask counsel and record the answer.
"""


def term_of(start: date) -> dict[str, Any]:
    """Fifteen months, renewed by agreement, with sixty days of notice."""
    return {"ends_on": add_months(start, 15) - timedelta(days=1), "renewal": "agreed", "notice_days": 60}


def write_down(engagement: Engagement, stream: Workstream, start: date, people: Mapping[str, Membership]) -> None:
    by = Actor.member(people["asha"])
    contract = queries.latest_contract(engagement)
    for number, title, text in CLAUSES:
        work.add_clause(contract=contract, by=by, number=number, title=title, text=text)
    file = store(
        kind="contract",
        content=SIGNED,
        file_name="Vantic MSA, signed.txt",
        media_type="text/plain",
        by=by,
        client_id=engagement.client_id,
        reference=f"{engagement.reference}/1",
    )
    work.attach_signed_file(contract=contract, by=by, document=file)
    work.add_order(
        engagement=engagement,
        by=by,
        number="VS-20471",
        amount=Decimal(40_000),
        currency=contract.currency,
        valid_from=start,
        valid_to=add_months(start, 15) - timedelta(days=1),
    )
    for key, role in (("asha", "manager"), ("rita", "reviewer"), ("rashid", "reviewer"), ("ren", "quality"), ("sam", "attorney")):
        work.add_team_member(engagement=engagement, by=by, member=people[key], role=role, starts_on=start)
    protocol = work.write_protocol(workstream=stream, by=by, title="NDA protocol", effective_from=start, text=PROTOCOL)
    work.sign_protocol(protocol=protocol, by=Actor.member(people["sam"]))
