"""Money over many generated invoices: explanation, lines, tax and total agree to the last digit."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from billing.rating import RatedLine, rate
from billing.tax import Taxed, TaxKey, credit_note_totals, line_taxes, totals
from billing.terms import Days, Increment, Model, Shape, Term, Tier, Usage
from lpo.core.money import is_money
from tests.trust.conftest import Figure
from tests.trust.sizes import sizes

D = Decimal
PERIOD = Days(date(2026, 11, 1), date(2026, 12, 1))
RATES = [TaxKey("S", D(20)), TaxKey("S", D("5.5")), TaxKey("S", D("19.6")), TaxKey("O", D(0))]


def a_term(chance: Random, currency: str, number: int) -> Term:
    shape = chance.choice(list(Shape))
    price = D(chance.randrange(0, 5_000_000)).scaleb(-chance.choice([0, 2, 4, 5]))
    bounds = sorted(chance.sample(range(1, 400), chance.randrange(0, 4)))
    tiers = (*(Tier(D(bound), price / (step + 2)) for step, bound in enumerate(bounds)), Tier(None, price / 7))
    cap = chance.choice([None, None, D(chance.randrange(1, 20_000))])
    minimum = chance.choice([None, None, D(chance.randrange(1, 5_000))])
    return Term(
        f"T-{number}",
        "Review",
        chance.choice([model for model in Model if model is not Model.FIXED]),
        currency,
        shape=shape,
        unit_price=price,
        tiers=tiers if shape in (Shape.GRADUATED, Shape.VOLUME) else (),
        package_size=D(chance.choice([1, 3, 100])),
        free_units=chance.choice([D(0), D("0.5"), D(50)]),
        discount_percent=chance.choice([D(0), D("7.5"), D("33.33")]),
        cap=cap,
        minimum=min(minimum, cap) if minimum is not None and cap is not None else minimum,
        prorated=chance.random() < 0.5,
        increment=chance.choice(list(Increment)),
    )


def some_usage(chance: Random) -> list[Usage]:
    days = [PERIOD.start + timedelta(days=chance.randrange(30)) for _ in range(chance.randrange(0, 9))]
    return [Usage(f"R-{number}", D(chance.randrange(0, 400_000)).scaleb(-3), day) for number, day in enumerate(days)]


def drift_of(lines: list[tuple[RatedLine, TaxKey]], currency: str) -> Decimal:
    """Everything by which leaves, lines, tax, total and a run of credit notes over the whole fail to agree."""
    taxed = [Taxed(line.amount, key) for line, key in lines]
    sums = totals(taxed, currency)
    drift = sum((abs(sum((leaf.amount for leaf in line.explanation.leaves()), D(0)) - line.amount) for line, _ in lines), D(0))
    drift += abs(sums.net - sum((line.amount for line, _ in lines), D(0)))
    drift += abs(sums.gross - sums.net - sums.tax) + abs(sums.tax - sum((row.tax for row in sums.rows), D(0)))
    drift += abs(sum(line_taxes(taxed, currency), D(0)) - sums.tax)
    return drift + credit_drift(taxed, currency)


def credit_drift(taxed: list[Taxed], currency: str) -> Decimal:
    """Crediting an invoice line by line, in any order, comes to the invoice."""
    before: dict[TaxKey, Decimal] = {}
    credited = D(0)
    for one in reversed(taxed):
        note = credit_note_totals(before, [one], currency)
        credited += note.gross
        before[one.key] = before.get(one.key, D(0)) + one.net
    return abs(credited - totals(taxed, currency).gross)


@sizes("invoices", 2_000, 100_000)
def test_generated_invoices_have_no_cent_of_drift(invoices: int, figure: Figure) -> None:
    chance = Random(14)  # noqa: S311 - repeatable figures, no secrets
    drift, drifting, all_lines = D(0), 0, 0
    for number in range(invoices):
        currency = chance.choice(["USD", "EUR", "JPY", "BHD"])
        lines = []
        for each in range(chance.randrange(1, 4)):
            key = chance.choice(RATES)
            lines += [(line, key) for line in rate(a_term(chance, currency, each), some_usage(chance), PERIOD)]
        assert all(is_money(line.amount, currency) for line, _ in lines), f"invoice {number}"
        found = drift_of(lines, currency)
        drift, drifting, all_lines = drift + found, drifting + bool(found), all_lines + len(lines)
    figure(
        f"money over {invoices:,} generated invoices, {all_lines:,} lines",
        f"drift {drift.normalize()}, in {drifting} invoices",
        "0 cents of drift",
        met=drift == 0,
    )
    assert all_lines > invoices
    assert drift == 0
