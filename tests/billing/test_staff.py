"""People rated by month, day and hour: worked figures as Decimal tables, and what holds whatever the days are."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.explanation import LeafKind
from billing.late import billed_lines, difference
from billing.rating import RatedLine, total
from billing.staff import Basis, Per, Person, Rule, WorkedDay, rate_staff
from billing.terms import Days, Model, Term

D = Decimal
# October 2026: 31 calendar days, 22 working days; it begins on a Thursday and its last week is cut on Saturday the 31st.
OCTOBER = Days(date(2026, 10, 1), date(2026, 11, 1))
EIGHT, FORTY = D(8), D(40)


def day(n: int, hours: str | None = None, *, month: int = 10, **facts: Any) -> WorkedDay:
    """A day of an eight-hour, five-day week; worked as contracted unless it says otherwise."""
    at = date(2026, month, n)
    contracted = EIGHT if at.isoweekday() < 6 else D(0)
    away = D(facts.pop("away_hours", contracted if facts.get("away") else 0))
    worked = contracted - away if hours is None else D(hours)
    return WorkedDay(at, worked, contracted, EIGHT, FORTY, away_hours=away, **facts)


def person(days: list[WorkedDay], *, name: str = "Dana", counted: set[date] | None = None) -> Person:
    return Person(f"p{name}", name, "12345", tuple(days), frozenset(counted if counted is not None else {one.day for one in days}))


def whole(**facts: Any) -> list[WorkedDay]:
    return [day(n, **facts) for n in range(1, 32)]


def rule(price: str, per: Per = Per.MONTH, *, minimum: str | None = None, cap: str | None = None, **rules: Any) -> Rule:
    term = Term(
        "Paralegal v1",
        "Paralegal",
        Model.STAFF,
        "USD",
        unit=per.value,
        unit_price=D(price),
        minimum=D(minimum) if minimum else None,
        cap=D(cap) if cap else None,
    )
    return Rule(term, per, **rules)


def rated(rule: Rule, *people: Person) -> tuple[RatedLine, ...]:
    lines = rate_staff(rule, people, OCTOBER, OCTOBER)
    for line in lines:
        assert line.explanation.total() == line.amount
    return lines


def amounts(rule: Rule, *people: Person) -> list[str]:
    return [f"{line.amount}" for line in rated(rule, *people)]


# --- a part of a month -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "calendar", "working"),
    [
        (1, 31, "6400.00", "6400.00"),
        (15, 31, "3509.68", "3490.91"),  # 17 of 31; 12 of 22
        (1, 14, "2890.32", "2909.09"),  # 14 of 31; 10 of 22
        (3, 4, "412.90", None),  # a weekend: 2 of 31 calendar days, no working day
        (30, 30, "206.45", "290.91"),
    ],
)
def test_a_part_of_a_month_by_calendar_and_by_working_days(first: int, last: int, calendar: str, working: str | None) -> None:
    placed = person([day(n) for n in range(first, last + 1)])
    assert amounts(rule("6400"), placed) == [calendar]
    assert amounts(rule("6400", basis=Basis.WORKING), placed) == ([working] if working else [])


def test_a_part_of_a_month_says_what_was_taken_off() -> None:
    (line,) = rated(rule("6400"), person([day(n) for n in range(15, 32)]))
    fee, less, *rest = line.explanation.leaves()
    assert (fee.amount, less.kind, less.label) == (
        D(6400),
        LeafKind.PRORATION,
        "14 of 31 calendar days outside the placement or under another rate",
    )
    assert line.detail == "15 Oct – 31 Oct 2026, 17 of 31 calendar days"
    assert [leaf.kind for leaf in rest] == [LeafKind.ROUNDING]
    assert (line.unit, line.unit_price) == ("month", D(6400))


def test_a_whole_month_is_one_leaf_without_rounding() -> None:
    (line,) = rated(rule("6400"), person(whole()))
    assert [(leaf.kind, leaf.amount) for leaf in line.explanation.leaves()] == [(LeafKind.FEE, D(6400))]


def test_a_rate_by_month_over_a_quarter_is_three_months() -> None:
    days = [day(n, month=m) for m, last in ((10, 31), (11, 30), (12, 31)) for n in range(1, last + 1)]
    quarter = Days(date(2026, 10, 1), date(2027, 1, 1))
    (line,) = rate_staff(rule("6400"), [person(days)], quarter, quarter)
    assert (line.amount, line.quantity) == (D("19200.00"), D(3))


# --- days and hours ---------------------------------------------------------------------------------------------------------


def test_days_count_by_their_hours_and_hours_as_they_are() -> None:
    days = person([day(1), day(2, "6"), day(3), day(5, "4")])
    assert amounts(rule("520", Per.DAY), days) == ["1170.00"]  # 1 + 0.75 + 0.5 days
    assert amounts(rule("65", Per.HOUR), days) == ["1170.00"]  # 18 hours
    (line,) = rated(rule("520", Per.DAY), days)
    assert [(leaf.label, leaf.quantity) for leaf in line.explanation.leaves()] == [
        ("Thu 1 Oct 2026, 8 h", D(1)),
        ("Fri 2 Oct 2026, 6 h", D("0.75")),
        ("Mon 5 Oct 2026, 4 h", D("0.5")),
    ]
    assert line.quantity == D("2.25")


# --- absence -----------------------------------------------------------------------------------------------------------------

SICK_WEEK = [day(n, away="sickness") if 12 <= n <= 16 else day(n) for n in range(1, 32)]
LEAVE_WITH_WEEKENDS = [day(n, away="leave") if 10 <= n <= 18 else day(n) for n in range(1, 32)]


@pytest.mark.parametrize(
    ("priced", "days", "expected"),
    [
        (rule("6400"), SICK_WEEK, "5367.74"),  # 5 of 31 calendar days
        (rule("6400", basis=Basis.WORKING), SICK_WEEK, "4945.45"),  # 5 of 22 working days
        (rule("6400", charged_away=frozenset({"sickness"})), SICK_WEEK, "6400.00"),
        (rule("6400", charged_away=frozenset({"leave"})), SICK_WEEK, "5367.74"),  # another kind is not charged
        (rule("6400"), LEAVE_WITH_WEEKENDS, "4541.94"),  # nine calendar days, both weekends among them
        (rule("6400", basis=Basis.WORKING), LEAVE_WITH_WEEKENDS, "4945.45"),
        (rule("520", Per.DAY), SICK_WEEK, "8840.00"),  # 17 days
        (rule("65", Per.HOUR, charged_away=frozenset({"sickness"})), SICK_WEEK, "11440.00"),  # all 176 hours
    ],
)
def test_absence_is_taken_off_as_the_term_says(priced: Rule, days: list[WorkedDay], expected: str) -> None:
    assert amounts(priced, person(days)) == [expected]


@pytest.mark.parametrize(
    ("priced", "days", "words"),
    [
        (rule("6400", basis=Basis.WORKING), SICK_WEEK, "17 of 22 working days, 5 absent and not charged"),
        (rule("6400"), LEAVE_WITH_WEEKENDS, "22 of 31 calendar days, 9 absent and not charged"),
        (rule("6400", basis=Basis.WORKING, charged_away=frozenset({"sickness"})), SICK_WEEK, "22 of 22 working days"),
        (
            rule("6400", basis=Basis.WORKING),
            [day(1, away="leave", away_hours="2"), *whole()[1:]],
            "21.75 of 22 working days, 0.25 absent and not charged",
        ),
        (
            rule("6400", basis=Basis.WORKING),
            [day(n, handover=n <= 7, away="sickness" if n in (7, 8) else "") for n in range(1, 32)],
            "16 of 22 working days, 2 absent and not charged, 4 of handover not charged",
        ),
    ],
)
def test_the_days_a_line_names_are_the_days_it_charges(priced: Rule, days: list[WorkedDay], words: str) -> None:
    (line,) = rated(priced, person(days))
    assert line.detail == f"1 Oct – 31 Oct 2026, {words}"
    charged, whole = words.split(" ")[0], words.split(" ")[2]
    assert line.quantity == (D(charged) / D(whole)).quantize(D("1E-6"))


def test_a_month_of_absence_comes_to_nothing() -> None:
    away = person(whole(away="leave"))
    assert amounts(rule("6400"), away) == []
    assert amounts(rule("6400", basis=Basis.WORKING), away) == []
    assert amounts(rule("65", Per.HOUR), away) == []


def test_half_a_day_of_absence_takes_half_a_day_off() -> None:
    days = [day(n, away="leave", away_hours="4") if n == 7 else day(n) for n in range(1, 32)]
    assert amounts(rule("6400", basis=Basis.WORKING), person(days)) == ["6254.55"]  # 0.5 of 22
    (line,) = rated(rule("6400", basis=Basis.WORKING), person(days))
    assert "Wed 7 Oct 2026, leave (0.5 of the day), not charged" in [leaf.label for leaf in line.explanation.leaves()]


# --- overtime ------------------------------------------------------------------------------------------------------------------

LONG_WEEK = [day(5, "10"), day(6, "10"), day(7, "10"), day(8, "8"), day(9, "6")]  # 44 hours


@pytest.mark.parametrize(
    ("priced", "expected"),
    [
        (rule("65", Per.HOUR, overtime=D("1.5")), ["2600.00", "390.00"]),  # 40 h + 4 h × 97.50
        (rule("65", Per.HOUR, overtime=D(1)), ["2600.00", "260.00"]),
        (rule("65", Per.HOUR), ["2600.00"]),  # beyond the week: not charged
        (rule("520", Per.DAY, overtime=D("1.5")), ["2600.00", "390.00"]),  # an hour is the day's rate by eight
        (rule("520", Per.DAY, overtime=D("1.5"), overtime_price=D(50)), ["2600.00", "300.00"]),
    ],
)
def test_overtime_is_what_a_week_exceeds_its_contracted_hours_by(priced: Rule, expected: list[str]) -> None:
    assert amounts(priced, person(LONG_WEEK)) == expected


def test_a_long_day_in_a_short_week_is_no_overtime() -> None:
    days = person([day(5, "10"), day(6, "6"), day(7), day(8), day(9)])
    assert amounts(rule("65", Per.HOUR, overtime=D(2)), days) == ["2600.00"]


def test_overtime_beside_a_months_rate_has_an_hours_price_of_its_own() -> None:
    days = [*(day(n) for n in range(1, 5)), *LONG_WEEK, *(day(n) for n in range(10, 32))]
    assert amounts(rule("6400", overtime=D("1.25"), overtime_price=D(60)), person(days)) == ["6400.00", "300.00"]
    with pytest.raises(ValueError, match="needs the price of an hour"):
        rule("6400", overtime=D("1.25"))


def test_a_week_that_the_month_cuts_is_reckoned_whole() -> None:
    """Monday to Wednesday lie in September: 10 hours each. Thursday to Saturday: the week passes 40 hours on Friday."""
    before = [day(n, "10", month=9) for n in (28, 29, 30)]
    october = [day(1, "8"), day(2, "8"), day(3, "4")]
    placed = person([*before, *october], counted={one.day for one in october})
    hourly = rule("65", Per.HOUR, overtime=D("1.5"))
    assert amounts(hourly, placed) == ["650.00", "975.00"]  # 10 h, then 6 + 4 h beyond 40
    assert amounts(hourly, person(october)) == ["1300.00"]  # alone these days are no overtime


# --- replacement -----------------------------------------------------------------------------------------------------------------


def test_a_handover_is_not_charged_twice_unless_agreed() -> None:
    """Dana to the 16th, Noor from the 12th: five days both are there."""
    dana = person([day(n) for n in range(1, 17)])
    noor = person([day(n, handover=n <= 16) for n in range(12, 32)], name="Noor")
    assert amounts(rule("6400"), dana, noor) == ["3303.23", "3096.77"]  # 16 and 15 of 31 days: one month
    assert amounts(rule("6400", basis=Basis.WORKING), dana, noor) == ["3490.91", "2909.09"]  # 12 and 10 of 22
    assert amounts(rule("6400", overlap_charged=True), dana, noor) == ["3303.23", "4129.03"]
    assert amounts(rule("520", Per.DAY), dana, noor) == ["6240.00", "5200.00"]  # 12 and 10 days
    assert amounts(rule("520", Per.DAY, overlap_charged=True), dana, noor) == ["6240.00", "7800.00"]


# --- a rate that changes ---------------------------------------------------------------------------------------------------------


def test_a_rate_changed_within_the_month_prices_each_day_once() -> None:
    days = whole()
    before = person(days, counted={one.day for one in days if one.day.day < 16})
    after = person(days, counted={one.day for one in days if one.day.day >= 16})
    assert amounts(rule("6400"), before) == ["3096.77"]  # 15 of 31
    assert amounts(rule("6800"), after) == ["3509.68"]  # 16 of 31
    assert amounts(rule("65", Per.HOUR), before) == ["5720.00"]  # 88 h
    assert amounts(rule("70", Per.HOUR), after) == ["6160.00"]  # 88 h
    # Overtime of the week that the change cuts is priced by its day: the week runs from the 12th.
    long = [day(n, "10") for n in range(12, 17)]
    late = person(long, counted={date(2026, 10, 16)})
    assert amounts(rule("70", Per.HOUR, overtime=D("1.5")), late) == ["1050.00"]  # Friday's ten hours are all beyond forty


# --- limits and corrections ------------------------------------------------------------------------------------------------------


def test_cap_and_minimum_hold_over_all_people_of_the_term() -> None:
    two = (person(whole()), person(whole(), name="Noor"))
    assert amounts(rule("6400", cap="12000"), *two) == ["6400.00", "6400.00", "-800.00"]
    assert amounts(rule("6400", minimum="15000"), *two) == ["6400.00", "6400.00", "2200.00"]


def test_a_correction_after_issue_is_the_difference_and_names_the_month() -> None:
    hourly = rule("65", Per.HOUR, overtime=D("1.5"))
    billed = billed_lines(rated(hourly, person(LONG_WEEK)), "AL-2026-0007")
    corrected = [day(5, "8"), *LONG_WEEK[1:]]  # two hours less on Monday
    lines = difference(rated(hourly, person(corrected)), billed, "October 2026")
    assert [(line.description, f"{line.amount}") for line in lines] == [
        ("Paralegal: Dana, overtime, correction for October 2026", "-195.00")
    ]
    assert all(line.explanation.total() == line.amount for line in lines)
    gone = difference(rated(hourly), billed, "October 2026")
    assert total(gone) == D("-2990.00")


def test_a_person_or_a_day_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="Dana is listed twice"):
        rated(rule("6400"), person(whole()), person(whole()))
    with pytest.raises(ValueError, match="is listed twice"):
        rated(rule("6400"), person([day(1), day(1)]))


# --- whatever the days are ---------------------------------------------------------------------------------------------------------

HOURS = st.integers(0, 48).map(lambda quarters: D(quarters) / 4)
KINDS = st.sampled_from(["", "", "", "leave", "sickness"])
RULES = st.builds(
    lambda per, basis, price, overtime, overlap: rule(
        str(price),
        per,
        basis=basis,
        overtime=overtime,
        overtime_price=D("51.37"),
        overlap_charged=overlap,
        charged_away=frozenset({"leave"}),
    ),
    st.sampled_from(list(Per)),
    st.sampled_from(list(Basis)),
    st.integers(1, 999_999).map(lambda cents: D(cents) / 100),
    st.sampled_from([D(0), D(1), D("1.5")]),
    st.booleans(),
)


@st.composite
def days_of_october(draw: st.DrawFn) -> list[WorkedDay]:
    first = draw(st.integers(1, 31))
    found = []
    for n in range(first, draw(st.integers(first, 31)) + 1):
        away = draw(KINDS)
        hours = draw(HOURS)
        found.append(day(n, str(hours), away=away, away_hours=min(EIGHT, 24 - hours) if away else 0, handover=draw(st.booleans())))
    return found


@given(RULES, days_of_october(), days_of_october(), st.randoms())
def test_order_changes_nothing_and_leaves_sum_to_each_line(priced: Rule, dana: list[WorkedDay], noor: list[WorkedDay], random: Any) -> None:
    people = [person(dana), person(noor, name="Noor")]
    lines = rated(priced, *people)
    random.shuffle(dana)
    random.shuffle(noor)
    assert rated(priced, person(noor, name="Noor"), person(dana)) == lines
    assert difference(lines, billed_lines(lines, "AL-2026-0001"), "October 2026") == ()
    assert total(rated(priced, people[0])) + total(rated(priced, people[1])) == total(lines)


@given(RULES, days_of_october(), st.integers(1, 31))
def test_days_cut_between_two_rates_come_to_the_whole(priced: Rule, days: list[WorkedDay], cut: int) -> None:
    """Each day is priced once: two versions at the same price that meet within the month differ by no more than a cent a line."""
    early, late = ({one.day for one in days if (one.day.day < cut) == before} for before in (True, False))
    parts = total(rated(priced, person(days, counted=early))) + total(rated(priced, person(days, counted=late)))
    assert abs(parts - total(rated(priced, person(days)))) <= D("0.02")


@given(days_of_october())
def test_hours_split_at_the_week_add_up(days: list[WorkedDay]) -> None:
    plain = [WorkedDay(one.day, one.hours, one.contracted, EIGHT, FORTY) for one in days]
    lines = rated(rule("1", Per.HOUR, overtime=D(1)), person(plain))
    assert total(lines) == sum((one.hours for one in plain), D(0))
    weeks: dict[date, Decimal] = {}
    for one in plain:
        monday = one.day - timedelta(days=one.day.weekday())
        weeks[monday] = weeks.get(monday, D(0)) + one.hours
    assert sum((line.amount for line in lines if line.key.endswith("overtime")), D(0)) == sum(
        (max(D(0), hours - 40) for hours in weeks.values()), D(0)
    )
