"""Work as tests need it, made through the real actions. Call inside an organization; what is not named gets a plain value."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

from engagements import actions
from engagements.models import Client, Engagement, ItemType, LegalEntity, Matter, WorkItem, Workstream
from engagements.staffing import today_of
from lpo.accounts.actor import Actor
from lpo.audit.models import Document
from lpo.tenancy.context import current_organization_id

_number = count(1)


def system() -> Actor:
    return Actor.system(current_organization_id())


def today() -> date:
    """The day at Alder. From its evening on, UTC's is the next one."""
    return today_of("America/New_York")


def letters(n: int) -> str:
    """0 → AAAA, 27 → AABB: codes that are unique and valid, and in the order of their making whatever was made before."""
    text = ""
    for _ in range(4):
        n, digit = divmod(n, 26)
        text = chr(65 + digit) + text
    return text


def legal_entity(**fields: Any) -> LegalEntity:
    """Entities are set up by the billing room's pages; here the row is enough."""
    existing: LegalEntity | None = LegalEntity.objects.order_by("id").first()
    if existing is not None and not fields:
        return existing
    n = next(_number)
    plain: dict[str, Any] = {
        "name": f"Alder Legal {n} LLC",
        "address": "20 Exchange Place\nNew York, NY 10005",
        "country": "US",
        "tax_id": "13-2655998",
        "time_zone": "America/New_York",
        "currency": "USD",
        "number_prefix": f"AL{n}",
        "remittance": "First Harbor Bank, 021000021, 4471 0098",
        "query_contact": "billing@alder.example",
    }
    made: LegalEntity = LegalEntity.objects.create(**(plain | fields))
    return made


def client(*, by: Actor | None = None, **fields: Any) -> Client:
    n = next(_number)
    plain: dict[str, Any] = {
        "code": f"C{letters(n)}",
        "name": f"Client {n}",
        "legal_name": f"Client {n}, Inc.",
        "billing_address": "1 Harbor Way\nBoston, MA 02110",
        "country": "US",
        "currency": "USD",
        "time_zone": "America/New_York",
    }
    return actions.create_client(by=by or system(), **(plain | fields))


def engagement(client: Client | None = None, *, by: Actor | None = None, **fields: Any) -> Engagement:
    n = next(_number)
    plain: dict[str, Any] = {
        "legal_entity": fields.pop("legal_entity", None) or legal_entity(),
        "title": f"Commercial contracts {n}",
        "starts_on": date(2024, 1, 1),
    }
    return actions.create_engagement(client=client or globals()["client"](), by=by or system(), **(plain | fields))


def matter(engagement: Engagement | None = None, *, by: Actor | None = None, **fields: Any) -> Matter:
    plain: dict[str, Any] = {"title": f"Matter {next(_number)}"}
    return actions.create_matter(engagement=engagement or globals()["engagement"](), by=by or system(), **(plain | fields))


def workstream(matter: Matter | None = None, *, by: Actor | None = None, **fields: Any) -> Workstream:
    n = next(_number)
    plain: dict[str, Any] = {"kind": "nda_review", "title": f"NDA review {n}", "unit": "NDA", "item_prefix": f"W{letters(n)}"}
    return actions.create_workstream(matter=matter or globals()["matter"](), by=by or system(), **(plain | fields))


def item_types(workstream: Workstream, **named: str) -> list[ItemType]:
    """Types of a workstream's items, by code: `mutual="mutual NDA"`."""
    return [actions.add_type(workstream=workstream, by=system(), code=code, name=name) for code, name in named.items()]


def item(workstream: Workstream | None = None, *, by: Actor | None = None, **fields: Any) -> WorkItem:
    """`state` walks the item there directly along one move, `moved_at` says when."""
    to, moved_at = fields.pop("state", None), fields.pop("moved_at", None)
    plain: dict[str, Any] = {"title": f"NDA with counterparty {next(_number)}"}
    made = actions.create_item(workstream=workstream or globals()["workstream"](), by=by or system(), **(plain | fields))
    if to is None:
        return made
    return actions.move_item(item=made, to=to, by=by or system(), at=moved_at, reason="as recorded" if moved_at else "")


def message(item: WorkItem, text: str = "We agree. Dana, General Counsel") -> Document:
    """What a client wrote, kept."""
    matter: Matter = Matter.objects.get(pk=item.matter_id)
    return actions.keep_message(
        item=item, matter=matter, content=text.encode(), file_name="mail.eml", media_type="message/rfc822", by=system()
    )
