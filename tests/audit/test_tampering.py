"""The owner of the database changes rows behind the application's back. Each kind of change is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.audit.models import Seal
from lpo.audit.record import record
from lpo.audit.seal import START, link, seal_next
from lpo.tenancy.context import in_organization

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sealed")]

Tamper = Callable[..., int]


def verify(head: Path | None = None) -> str:
    output = StringIO()
    call_command("audit_verify", organization="alder", head=head, stdout=output)
    return output.getvalue()


def differences(head: Path | None = None) -> str:
    output = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("audit_verify", head=head, stdout=output)
    assert failure.value.returncode == 1
    return output.getvalue()


@pytest.fixture
def exported(tmp_path: Path, sealed: None) -> Path:
    path = tmp_path / "heads.jsonl"
    with path.open("w") as file:
        call_command("audit_head", stdout=file)
    return path


def test_an_untouched_chain_is_identical(exported: Path) -> None:
    assert verify() == "alder: identical. 9 events sealed, 0 waiting for the next seal.\n"
    assert verify(exported) == "alder: identical. 9 events sealed, exported head 9 included, 0 waiting for the next seal.\n"


def test_growing_is_no_finding(alder: Organization, exported: Path) -> None:
    with in_organization(alder.id):
        record(by=Actor.system(alder.id), action="test.act")
        assert "1 waiting" in verify(exported)
        seal_next()
    assert "10 events sealed, exported head 9 included" in verify(exported)


def test_an_edit_of_any_column_is_found(tamper: Tamper) -> None:
    changes = [
        'after = \'{"amount": "2400.00"}\'',
        "actor_label = 'Somebody else'",
        "at = at + interval '1 microsecond'",
        "before = '{}'",
        "matter_id = 3",
        "count = 2",
    ]
    tamper(*(f"UPDATE audit_event SET {change} WHERE object_reference = '{number}'" for number, change in enumerate(changes, 2)))
    found = differences().splitlines()
    assert found[0] == "alder: 6 differences in 9 sealed events."
    assert [line.split(":")[0].strip() for line in found[1:]] == [f"Seal {number}" for number in range(2, 8)]
    assert all("edited" in line for line in found[1:])


def test_an_event_put_in_between_is_found(tamper: Tamper) -> None:
    copied = ", ".join(f.strip() for f in COLUMNS.split(",") if f.strip() not in {"id", "at"})
    inserted = tamper(
        f"INSERT INTO audit_event (at, {copied}) SELECT at - interval '2 hours', {copied} FROM audit_event WHERE object_reference = '5'"
    )
    assert inserted == 1
    assert "was never sealed: inserted" in differences()


def test_an_old_event_that_the_job_then_sealed_is_found(alder: Organization, tamper: Tamper) -> None:
    copied = ", ".join(f.strip() for f in COLUMNS.split(",") if f.strip() not in {"id", "at"})
    tamper(f"INSERT INTO audit_event (at, {copied}) SELECT at - interval '2 hours', {copied} FROM audit_event WHERE object_reference = '5'")
    with in_organization(alder.id):
        assert seal_next() == 1
    assert "Seal 10" in differences()
    assert "inserted later" in differences()


def test_a_deleted_event_is_found(tamper: Tamper) -> None:
    assert tamper("DELETE FROM audit_event WHERE object_reference = '5'") == 1
    assert "Seal 5: event" in differences()
    assert "is missing: deleted" in differences()


def test_an_event_deleted_with_its_seal_is_found(tamper: Tamper) -> None:
    assert tamper("DELETE FROM audit_seal WHERE sequence IN (4, 5)", "DELETE FROM audit_event WHERE object_reference IN ('4', '5')") == 4
    assert "Seals 4 to 5 are missing: deleted." in differences()


def test_a_closed_gap_is_found(tamper: Tamper) -> None:
    tamper(
        "DELETE FROM audit_seal WHERE sequence = 9",
        "UPDATE audit_seal SET event_id = (SELECT id FROM audit_event WHERE object_reference = '9') WHERE sequence = 8",
        "DELETE FROM audit_event WHERE object_reference = '8'",
    )
    assert "Seal 8:" in differences()


def test_reordered_events_are_found(tamper: Tamper) -> None:
    swapped = tamper(
        "UPDATE audit_seal s SET event_id = o.event_id FROM audit_seal o"
        " WHERE s.sequence IN (5, 6) AND o.sequence = 11 - s.sequence AND s.organization_id = o.organization_id"
    )
    assert swapped == 2
    found = differences()
    assert "Seal 5:" in found
    assert "Seal 6:" in found
    assert "reordered" in found


def test_a_cut_tail_is_found_against_the_exported_head(tamper: Tamper, exported: Path) -> None:
    assert tamper("DELETE FROM audit_seal WHERE sequence > 7", "DELETE FROM audit_event WHERE object_reference IN ('8', '9')") == 4
    assert "identical" in verify(), "without the exported head a shorter chain fits"
    assert "The chain ends at seal 7, the exported head is seal 9: its tail was cut off." in differences(exported)


def test_a_chain_written_anew_is_found_against_the_exported_head(alder: Organization, tamper: Tamper, exported: Path) -> None:
    """Whoever owns the database can compute the seals again: only what was exported tells."""
    tamper("UPDATE audit_event SET actor_label = 'Somebody else' WHERE object_reference = '5'")
    previous, statements = START, []
    with in_organization(alder.id):
        for seal in Seal.objects.order_by("sequence").select_related("event"):
            previous = link(previous, seal.sequence, seal.sealed_at, seal.event)
            statements.append(f"UPDATE audit_seal SET hash = '{previous}' WHERE sequence = {seal.sequence}")
    tamper(*statements)
    assert "identical" in verify()
    assert "Seal 9 is not the one that was exported: the chain was rewritten." in differences(exported)


def test_a_head_that_was_changed_is_not_believed(exported: Path) -> None:
    head = json.loads(exported.read_text())
    exported.write_text(json.dumps({**head, "sequence": 7}) + "\n")
    with pytest.raises(CommandError, match="line 1: the signature does not fit"):
        verify(exported)


def test_an_organization_that_is_gone_is_a_finding(alder: Organization, exported: Path) -> None:
    Organization.objects.filter(id=alder.id).update(slug="elder")
    assert "alder: there is no such organization." in differences(exported)


COLUMNS = """
    id, organization_id, at, actor_kind, actor_member_id, actor_token_id, actor_label, action, object_type, object_id,
    object_reference, client_id, matter_id, before, after, count, ids_hash, request_id
"""
