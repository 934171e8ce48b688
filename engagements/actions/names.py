"""Keeps the words under which a conflict check finds names, in the transaction that changes them."""

from __future__ import annotations

from collections.abc import Iterable

from engagements.models import Client, Conflict, Matter, MatterParty, NameKind, NameWord
from engagements.names import index_words
from lpo.tenancy.context import current_organization_id

Name = tuple[str, str]


def _write(names: Iterable[Name], **whose: int) -> None:
    """(kind, name) of one client, matter or member → a row for each word."""
    organization_id = current_organization_id()
    NameWord.objects.bulk_create(
        NameWord(organization_id=organization_id, word=word[:200], kind=kind, name=name[:200], **whose)
        for kind, name in dict.fromkeys(names)
        for word in sorted(index_words(name))
    )


def index_client(client: Client) -> None:
    NameWord.objects.filter(client=client, kind=NameKind.CLIENT).delete()
    _write([(NameKind.CLIENT, name) for name in (client.name, client.legal_name) if name], client_id=client.pk)


def index_matter(matter: Matter) -> None:
    """The end client, the parties and those that were parties once."""
    NameWord.objects.filter(matter=matter).delete()
    found: list[Name] = [(NameKind.END_CLIENT, matter.end_client)] if matter.end_client else []
    parties = list(MatterParty.objects.filter(matter=matter).order_by("id"))
    now = {row.name_key for row in parties if row.removed_at is None}
    found += [(NameKind.PARTY, row.name) for row in parties if row.removed_at is None]
    found += [(NameKind.FORMER_PARTY, row.name) for row in parties if row.removed_at is not None and row.name_key not in now]
    _write(found, client_id=matter.client_id, matter_id=matter.pk)


def index_member(member_id: int) -> None:
    """For whom somebody must not work."""
    NameWord.objects.filter(member_id=member_id).delete()
    rows = Conflict.objects.filter(member_id=member_id).select_related("client").order_by("id")
    names = [name for row in rows for name in ([row.client.name, row.client.legal_name] if row.client is not None else [row.party])]
    _write([(NameKind.STAFF, name) for name in names if name], member_id=member_id)
