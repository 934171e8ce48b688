"""What holds for every charge term and any usage: leaves sum, order and batching change nothing, minimum and cap hold once."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.late import billed_lines, difference
from billing.rating import RatedLine, rate, total
from billing.terms import Days, Increment, Model, Shape, Term, Tier, Usage
from lpo.core.money import add, is_money, round_money

D = Decimal
PERIOD = Days(date(2026, 11, 1), date(2026, 12, 1))
ROUNDS = settings(max_examples=80, deadline=None)

prices = st.decimals(min_value=0, max_value=500, places=4)
quantities = st.decimals(min_value=0, max_value=400, places=3)
money = st.decimals(min_value=0, max_value=20_000, places=0)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    model = draw(st.sampled_from([model for model in Model if model is not Model.FIXED]))
    shape = draw(st.sampled_from(list(Shape)))
    tiers: tuple[Tier, ...] = ()
    if shape in (Shape.GRADUATED, Shape.VOLUME):
        bounds = sorted(draw(st.sets(st.decimals(min_value=1, max_value=900, places=1), max_size=3)))
        tiers = (*(Tier(bound, draw(prices)) for bound in bounds), Tier(None, draw(prices)))
    cap = draw(st.none() | money)
    minimum = draw(st.none() | money)
    return Term(
        "T-1",
        "Review",
        model,
        draw(st.sampled_from(["USD", "JPY", "BHD"])),
        shape=shape,
        unit_price=draw(prices),
        tiers=tiers,
        package_size=draw(st.sampled_from([D(1), D(3), D(100)])),
        source_units=draw(st.sampled_from([D(1), D(3), D(1024)])),
        free_units=draw(st.sampled_from([D(0), D("0.5"), D(50)])),
        discount_percent=draw(st.sampled_from([D(0), D("7.5"), D(100)])),
        cap=cap,
        minimum=minimum if cap is None or minimum is None else min(cap, minimum),
        prorated=draw(st.booleans()),
        increment=draw(st.sampled_from(list(Increment))),
    )


@st.composite
def usages(draw: st.DrawFn) -> list[Usage]:
    rows = draw(st.lists(st.tuples(quantities, st.integers(0, 29)), max_size=12))
    return [Usage(f"R-{number}", quantity, PERIOD.start + timedelta(days=day)) for number, (quantity, day) in enumerate(rows)]


actives = st.none() | st.tuples(st.integers(0, 29), st.integers(1, 30)).map(
    lambda pair: Days(PERIOD.start + timedelta(days=min(pair)), PERIOD.start + timedelta(days=max(pair)))
)


@ROUNDS
@given(terms(), usages(), actives)
def test_leaves_sum_to_every_line_exactly_and_every_line_is_money(term: Term, usage: list[Usage], active: Days | None) -> None:
    for line in rate(term, usage, PERIOD, active=active):
        # Summed in the thread's ordinary context on purpose: whoever adds up the backup file gets the line.
        assert sum((leaf.amount for leaf in line.explanation.leaves()), D(0)) == line.amount
        assert is_money(line.amount, term.currency)


@ROUNDS
@given(terms(), usages(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(term: Term, usage: list[Usage], random: Random) -> None:
    shuffled = list(usage)
    random.shuffle(shuffled)
    assert rate(term, usage, PERIOD) == rate(term, shuffled, PERIOD)


@ROUNDS
@given(terms(), usages(), st.data())
def test_billing_in_batches_comes_to_the_same_as_billing_at_once(term: Term, usage: list[Usage], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(usage)), max_size=3)))
    billed: list[RatedLine] = []
    for number, end in enumerate([*cuts, len(usage)]):
        now = rate(term, usage[:end], PERIOD)
        billed += difference(now, billed_lines(billed, f"INV-{number}"), "November 2026")
    assert total(billed) == total(rate(term, usage, PERIOD))


@ROUNDS
@given(terms(), usages(), actives)
def test_minimum_and_cap_hold_for_the_period(term: Term, usage: list[Usage], active: Days | None) -> None:
    days = len(PERIOD.common(active)) if active is not None and term.prorated else len(PERIOD)
    whole = total(rate(term, usage, PERIOD, active=active))
    if term.cap is not None:
        assert whole <= round_money(term.cap * days / len(PERIOD), term.currency)
    if term.minimum is not None:
        assert whole >= round_money(term.minimum * days / len(PERIOD), term.currency)


@ROUNDS
@given(terms(), usages())
def test_what_was_billed_and_then_withdrawn_leaves_nothing(term: Term, usage: list[Usage]) -> None:
    lines = rate(term, usage, PERIOD)
    assert add(total(lines), total(difference((), billed_lines(lines, "INV-1"), "November 2026"))) == 0


@ROUNDS
@given(prices, quantities, st.integers(1, 5))
def test_splitting_a_row_changes_no_amount(price: Decimal, quantity: Decimal, parts: int) -> None:
    term = Term("T-1", "Review", Model.UNIT, "USD", unit_price=price)
    whole = rate(term, [Usage("R", quantity * parts, PERIOD.start)], PERIOD)
    split = rate(term, [Usage(f"R-{number}", quantity, PERIOD.start) for number in range(parts)], PERIOD)
    assert total(whole) == total(split)
