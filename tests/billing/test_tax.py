"""Tax once per (category, rate) on the sum of the lines; credit notes that cover an invoice sum to it exactly."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.rating import rounding_adjustment
from billing.tax import Taxed, TaxKey, bases, credit_note_totals, line_taxes, totals
from lpo.core.money import add

D = Decimal
STANDARD = TaxKey("S", D(20))
REDUCED = TaxKey("S", D(5))
REVERSE = TaxKey("AE", D(0))
FOUR = [Taxed(D(net), STANDARD) for net in ("68.33", "68.33", "57.50", "85.00")]

nets = st.decimals(min_value=-100_000, max_value=100_000, places=2)
lines = st.lists(st.builds(Taxed, nets, st.sampled_from([STANDARD, REDUCED, REVERSE, TaxKey("S", D("18.5"))])), min_size=1, max_size=20)


def test_four_lines_at_20_percent_are_taxed_once_on_their_sum() -> None:
    result = totals(FOUR, "USD")
    assert (result.net, result.tax, result.gross) == (D("279.16"), D("55.83"), D("334.99"))


def test_two_rates_are_taxed_apart() -> None:
    result = totals([Taxed(D("105.55"), STANDARD), Taxed(D("33.35"), REDUCED)], "USD")
    assert {row.key.rate: row.tax for row in result.rows} == {D(20): D("21.11"), D(5): D("1.67")}
    assert result.gross == D("161.68")


def test_ledes_line_of_12345_pages_needs_an_adjustment_of_a_quarter_cent() -> None:
    assert rounding_adjustment(D(12345), D("0.0125"), D("154.31")) == D("-0.0025")


def test_98bi_line_taxes_sum_to_the_invoice_tax() -> None:
    assert line_taxes(FOUR, "USD") == (D("13.67"), D("13.66"), D("11.50"), D("17.00"))
    assert add(*line_taxes(FOUR, "USD")) == D("55.83")


def test_reverse_charge_is_shown_with_its_base_and_no_tax() -> None:
    result = totals([Taxed(D("100.00"), REVERSE)], "EUR")
    assert [(row.key.category, row.base, row.tax) for row in result.rows] == [("AE", D(100), D(0))]


def test_the_same_rate_written_differently_is_one_row() -> None:
    assert len(totals([Taxed(D("0.10"), TaxKey("S", D("20"))), Taxed(D("0.10"), TaxKey("S", D("20.00")))], "USD").rows) == 1


def test_yen_tax_has_no_decimals() -> None:
    assert totals([Taxed(D(1005), TaxKey("S", D(10)))], "JPY").tax == D(101)


def test_an_unrounded_line_is_refused() -> None:
    with pytest.raises(ValueError, match="finer"):
        totals([Taxed(D("1.005"), STANDARD)], "USD")


@settings(deadline=None)
@given(lines)
def test_gross_is_net_plus_tax_and_the_order_of_lines_is_of_no_account(some: list[Taxed]) -> None:
    result = totals(some, "USD")
    assert result.gross == result.net + result.tax
    assert result.net == add(*(line.net for line in some))
    assert result == totals(some[::-1], "USD")


@settings(deadline=None)
@given(lines)
def test_line_taxes_always_sum_to_the_invoice_tax(some: list[Taxed]) -> None:
    assert add(*line_taxes(some, "USD")) == totals(some, "USD").tax


@settings(deadline=None)
@given(st.data())
def test_credit_notes_that_cover_an_invoice_sum_to_it_in_any_order(data: st.DataObject) -> None:
    invoice = data.draw(lines)
    order = data.draw(st.permutations(range(len(invoice))))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(invoice)), max_size=4)) | {0, len(invoice)})
    before: dict[TaxKey, Decimal] = {}
    notes = []
    for start, end in pairwise(cuts):
        note = [Taxed(-invoice[position].net, invoice[position].key) for position in order[start:end]]
        notes.append(credit_note_totals(before, note, "USD"))
        for key, base in bases(note, "USD").items():
            before[key] = before.get(key, D(0)) + base
    whole = totals(invoice, "USD")
    assert add(*(note.net for note in notes)) == -whole.net
    assert add(*(note.tax for note in notes)) == -whole.tax
    assert add(*(note.gross for note in notes)) == -whole.gross


def test_two_half_cent_credits_do_not_credit_two_cents_of_tax() -> None:
    half = Taxed(D("-0.02"), TaxKey("S", D(25)))  # 0.005 of tax each, 0.01 together
    first = credit_note_totals({}, [half], "USD")
    second = credit_note_totals({half.key: D("-0.02")}, [half], "USD")
    assert (first.tax, second.tax) == (D("-0.01"), D("0.00"))
