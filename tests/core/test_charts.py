from __future__ import annotations

from fractions import Fraction

from lpo.core.charts import Point, attainment_chart, bar_chart

TARGET = Fraction(95, 100)


def test_a_miss_hangs_below_the_target_and_a_hit_stands_above() -> None:
    points = [Point("Oct", Fraction(75, 77), 77, True), Point("Nov", Fraction(73, 77), 77, False)]
    chart = attainment_chart("NDA turnaround", points, TARGET)
    met, missed = chart.marks
    assert (met.kind, missed.kind) == ("met", "breach")
    assert float(met.y) < float(chart.target_y) < float(missed.y)
    assert (met.text, missed.text) == ("97.4", "94.8")
    assert "against the target of 95; Nov missed" in chart.summary


def test_exactly_on_target_is_met() -> None:
    chart = attainment_chart("x", [Point("Nov", Fraction(19, 20), 20, True)], TARGET)
    (mark,) = chart.marks
    assert (mark.kind, mark.text, mark.y) == ("met", "95.0", chart.target_y)


def test_nothing_counted_is_not_measured_and_never_zero() -> None:
    chart = attainment_chart("x", [Point("Nov", None, 0, None)], TARGET)
    assert (chart.marks[0].kind, chart.marks[0].text, chart.marks[0].state) == ("draft", "—", "Not measured")
    assert chart.summary == "Nothing measured in 1 months"


def test_an_open_window_is_said_to_be_so_far() -> None:
    (mark,) = attainment_chart("x", [Point("Nov", Fraction(1, 2), 2, False, open=True)], TARGET).marks
    assert mark.state == "Missed so far"


def test_every_dot_lies_inside_the_plot() -> None:
    points = [Point(str(n), Fraction(n, 10), 10, n >= 10) for n in range(11)]
    for mark in attainment_chart("x", points, TARGET).marks:
        assert 20 <= float(mark.y) <= 150
        assert 0 < float(mark.x.removesuffix("%")) < 100


def test_a_rate_that_should_be_low_starts_at_zero_and_fails_above() -> None:
    chart = attainment_chart("Errors", [Point("Nov", Fraction(1004, 100_000), 100_000, False)], Fraction(1, 100), lower_is_better=True)
    assert chart.marks[0].kind == "breach"
    assert chart.marks[0].text == "1.1"
    assert "Axis from 0" in chart.caption


def test_the_verdict_is_the_callers_and_not_read_from_the_height() -> None:
    """A rate of exactly its limit is not under it; a share below its target may be met by a table of misses allowed."""
    limit = Fraction(1, 100)
    (mark,) = attainment_chart("Errors", [Point("Nov", limit, 100, False)], limit, lower_is_better=True).marks
    assert (mark.kind, mark.state, mark.y) == ("breach", "Missed", attainment_chart("x", [], limit, lower_is_better=True).target_y)
    (small,) = attainment_chart("x", [Point("Nov", Fraction(7, 8), 8, True)], TARGET).marks
    (later,) = attainment_chart("x", [Point("Nov", Fraction(7, 8), 8, None)], TARGET).marks
    assert (small.state, later.kind, later.state) == ("Met", "progressing", "Not decided")


def test_bars_start_at_zero_and_the_largest_is_the_longest() -> None:
    chart = bar_chart("Ageing", [("Not due", 400, "400.00"), ("Over 60", 100, "100.00"), ("None", 0, "0.00")], unit="USD")
    widths = [float(bar.width.removesuffix("%")) for bar in chart.bars]
    assert widths == [48.0, 12.0, 0.0]
    assert "Not due: 400.00 USD" in chart.summary
