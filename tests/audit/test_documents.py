from __future__ import annotations

import hashlib

import pytest

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.audit import documents
from lpo.audit.documents import Corrupt, content_of, store
from lpo.audit.models import Document
from lpo.tenancy.context import Scope, in_organization


def stored(by: Actor, content: bytes = b"%PDF-1.7", kind: str = "invoice", reference: str = "AL-1", published: bool = False) -> Document:
    return store(
        kind=kind, content=content, file_name="AL-1.pdf", media_type="application/pdf", by=by, reference=reference, published=published
    )


def test_a_file_lies_under_its_hash(in_alder: Scope, system: Actor) -> None:
    document = Document.objects.get(id=stored(system).id)
    assert document.sha256 == hashlib.sha256(b"%PDF-1.7").hexdigest()
    assert (document.size, document.media_type, document.created_by_label) == (8, "application/pdf", "System")
    assert content_of(document) == b"%PDF-1.7"


def test_a_large_file_is_read_in_slices(in_alder: Scope, system: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_SLICE", 7)
    content = bytes(range(256)) * 3
    document = stored(system, content)
    stream = documents.stream_of(document.id)
    assert stream.read(5) == content[:5]
    assert stream.read() == content[5:]
    assert stream.read() == b""
    monkeypatch.setattr(documents, "_SAME", "false")
    with pytest.raises(Corrupt, match=r"AL-1\.pdf"):
        documents.stream_of(document.id)


def test_the_same_file_is_stored_once(in_alder: Scope, system: Actor) -> None:
    first = stored(system)
    assert stored(system).id == first.id
    assert content_of(stored(system)) == b"%PDF-1.7"
    assert stored(system, content=b"%PDF-1.8").id != first.id
    assert stored(system, kind="report").id != first.id
    assert stored(system, reference="AL-2").id != first.id
    assert stored(system, published=True).id != first.id, "what the client may read is decided at insertion"
    assert Document.objects.count() == 5


def test_another_organization_has_its_own(alder: Organization, birch: Organization) -> None:
    with in_organization(alder.id):
        ours = stored(Actor.system(alder.id))
    with in_organization(birch.id):
        assert stored(Actor.system(birch.id)).id != ours.id
        assert not Document.objects.filter(id=ours.id).exists()


def test_bytes_that_lost_their_hash_are_not_handed_out(in_alder: Scope, system: Actor) -> None:
    document = stored(system)
    document.content = b"%PDF-1.6"
    with pytest.raises(Corrupt, match=r"AL-1\.pdf"):
        content_of(document)
