"""A frozen invoice has one form, survives a round trip, and cannot hold figures that disagree."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from billing.pdf_view import view
from billing.snapshot import INLINE_ROWS, Attachment, Inconsistent, Invoice
from tests.billing.invoices import invoice, long_invoice, negative_invoice, untaxed_invoice

D = Decimal
ALL = [invoice, long_invoice, negative_invoice, untaxed_invoice]


@pytest.mark.parametrize("make", ALL)
def test_a_snapshot_survives_json(make: Any) -> None:
    frozen = make()
    assert Invoice.from_json(frozen.to_json()) == frozen
    assert Invoice.from_json(frozen.to_json()).to_json() == frozen.to_json()


def test_the_json_is_canonical() -> None:
    text = invoice().to_json().decode()
    data = json.loads(text)
    assert text == json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert data["groups"][0]["lines"][3]["unit_price"] == "0.0125"
    assert data["issued_at"] == "2026-12-02T15:04:05.678901Z"
    assert data["period_end"] == "2026-11-30"
    assert data["version"] == 1


def test_the_same_instant_in_another_zone_is_the_same_snapshot() -> None:
    frozen = invoice()
    elsewhere = replace(frozen, issued_at=frozen.issued_at.astimezone(timezone(timedelta(hours=-5))))
    assert elsewhere.to_json() == frozen.to_json()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"net": D("1.00")}, "net is 1.00"),
        ({"tax": D("1.00")}, "tax is 1.00"),
        ({"gross": D("1.00")}, "gross is 1.00"),
        ({"amount_due": D("1.00")}, "amount due is 1.00"),
        ({"taxes": ()}, "exactly one tax row"),
        ({"period_end": date(2026, 10, 1)}, "ends before it starts"),
        ({"issued_at": datetime(2026, 12, 2)}, "no zone"),  # noqa: DTZ001
        ({"attachments": ()}, None),
        ({"matters": ()}, "not listed"),
        ({"credits": (replace(invoice().credits[0], amount=D("-999.00")),)}, "does not match that line"),
        ({"attachments": (Attachment("a", "", ""), Attachment("a", "", ""))}, "names of their own"),
    ],
)
def test_figures_that_disagree_cannot_be_frozen(change: dict[str, Any], says: str | None) -> None:
    if says is None:
        assert replace(invoice(), **change)
        return
    with pytest.raises(Inconsistent, match=says):
        replace(invoice(), **change)


def test_a_subtotal_must_be_the_sum_of_its_lines() -> None:
    groups = invoice().groups
    with pytest.raises(Inconsistent, match="subtotal of Unit rate"):
        replace(invoice(), groups=(replace(groups[0], subtotal=D("0.00")), *groups[1:]))


def test_tax_must_be_taken_once_on_the_sum_of_the_lines() -> None:
    frozen = invoice()
    off = replace(frozen.taxes[0], tax=frozen.taxes[0].tax + D("0.01"))
    with pytest.raises(Inconsistent, match=r"tax on 20839\.41 is 4167\.88"):
        replace(frozen, taxes=(off,), tax=off.tax, gross=frozen.net + off.tax, amount_due=frozen.net + off.tax)


def test_a_retainer_reduces_what_is_due_and_not_the_total() -> None:
    frozen = invoice()
    paid = replace(frozen, prepaid=D("5000.00"), amount_due=frozen.gross - D("5000.00"))
    assert (paid.gross, paid.amount_due) == (D("25007.29"), D("20007.29"))


def test_long_tables_go_to_the_attached_file() -> None:
    frozen = long_invoice()
    table = frozen.appendix[0]
    with pytest.raises(Inconsistent, match="rows are printed"):
        replace(frozen, appendix=(replace(table, rows=table.rows * 5, row_count=500),))
    with pytest.raises(Inconsistent, match="in an attached file"):
        replace(frozen, appendix=(replace(table, filename=""),))
    with pytest.raises(Inconsistent, match="which is not line 3"):
        replace(frozen, appendix=(replace(table, total=D("1.00")),))
    assert INLINE_ROWS == 200


@pytest.mark.parametrize("damage", [{"version": 2}, {"surprise": 1}])
def test_another_version_or_an_unknown_key_is_refused(damage: dict[str, Any]) -> None:
    data = json.loads(invoice().to_json()) | damage
    with pytest.raises(ValueError, match=r"version|surprise"):
        Invoice.from_json(json.dumps(data))


def test_a_missing_key_is_refused() -> None:
    data = json.loads(invoice().to_json())
    del data["seller"]["address"]
    with pytest.raises(ValueError, match="address"):
        Invoice.from_json(json.dumps(data))


def test_a_plural_is_frozen_where_the_term_says_one_and_older_documents_keep_their_bytes() -> None:
    frozen = invoice()
    assert b"unit_plural" not in frozen.to_json()
    group = frozen.groups[0]
    named = replace(group.lines[0], quantity=D(25), unit="brief", unit_plural="brieves")
    said = replace(frozen, groups=(replace(group, lines=(named, *group.lines[1:])), *frozen.groups[1:]))
    again = Invoice.from_json(said.to_json())
    assert (again, again.groups[0].lines[0].counted_in) == (said, "brieves")
    assert view(again, draft=False)["groups"][0]["lines"][0]["unit"] == "brieves"
