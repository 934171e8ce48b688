"""The folding of an event log, without a database."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engagements.imports.history import Event, Folded, Meaning, Move, Wait, combine, difference, fold, retell

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
WAIT, ELSEWHERE = Meaning("paused", "client", "information"), Meaning("paused", "third_party", "other")


def at(minutes: int) -> datetime:
    return T0 + timedelta(minutes=minutes)


def log(*rows: tuple[int, str | Meaning]) -> list[Event]:
    return [Event(at(m), Meaning(what) if isinstance(what, str) else what, line) for line, (m, what) in enumerate(rows, 2)]


def told(folded: Folded) -> list[tuple[str, str, datetime]]:
    return [(m.before, m.to, m.at) for m in folded.moves]


def test_the_first_row_makes_an_item_received_whatever_it_says() -> None:
    assert told(fold(log((0, "assigned"), (5, "delivered")))) == [
        ("", "received", at(0)),
        ("received", "assigned", at(0)),
        ("assigned", "delivered", at(5)),
    ]


def test_a_repeated_state_is_no_move_and_reopenings_stay() -> None:
    folded = fold(
        log((0, "received"), (1, "in_review"), (2, "in_review"), (3, "delivered"), (4, "delivered"), (5, "in_review"), (6, "delivered"))
    )
    assert [m.to for m in folded.moves] == ["received", "in_review", "delivered", "in_review", "delivered"]


def test_a_wait_ends_at_the_next_row_that_says_something_else() -> None:
    folded = fold(log((0, "in_review"), (2, WAIT), (3, WAIT), (5, ELSEWHERE), (9, "in_review"), (12, WAIT)))
    assert folded.waits == (
        Wait("client", "information", at(2), at(5)),
        Wait("third_party", "other", at(5), at(9)),
        Wait("client", "information", at(12), None),
    )
    assert [m.to for m in folded.moves] == ["received", "in_review"]


def test_ignored_rows_end_nothing_and_waits_of_no_length_are_left_out() -> None:
    folded = fold(log((0, "received"), (1, WAIT), (2, "ignore"), (3, "in_review"), (4, WAIT), (4, "delivered")))
    assert folded.waits == (Wait("client", "information", at(1), at(3)),)
    assert fold(log((0, "ignore"))) == Folded()


meanings = st.sampled_from(
    [Meaning(s) for s in ("received", "assigned", "in_review", "delivered", "cancelled", "ignore")] + [WAIT, ELSEWHERE]
)
logs = st.lists(st.tuples(st.integers(0, 60), meanings), min_size=1, max_size=14)
distinct = st.lists(st.tuples(st.integers(0, 200), meanings), min_size=1, max_size=14, unique_by=lambda row: row[0])


def applied(known: Folded, new: Folded) -> Folded:
    """What readers see after `difference` was written: remaining rows by instant, then in the order written."""
    change = difference(known, new)
    moves = [move for place, move in enumerate(known.moves) if place not in change.take_back] + list(change.add)
    ends = dict(change.end)
    waits = [
        Wait(w.party, w.reason, w.start, ends.get(place, w.end)) for place, w in enumerate(known.waits) if place not in change.withdraw
    ]
    return Folded(tuple(sorted(moves, key=lambda m: m.at)), tuple(sorted([*waits, *change.begin], key=lambda w: w.start)))


@given(distinct, st.randoms(use_true_random=False))
def test_the_order_of_rows_in_the_file_does_not_matter_when_instants_differ(rows: list[tuple[int, Meaning]], chance: random.Random) -> None:
    shuffled = rows[:]
    chance.shuffle(shuffled)
    assert fold(log(*rows)) == fold(log(*shuffled))


@given(logs)
def test_the_chain_of_states_is_unbroken_and_waits_do_not_overlap(rows: list[tuple[int, Meaning]]) -> None:
    folded = fold(log(*rows))
    assert all(a.to == b.before and a.at <= b.at and b.before != b.to for a, b in zip(folded.moves, folded.moves[1:], strict=False))
    assert all(a.end is not None and a.end <= b.start for a, b in zip(folded.waits, folded.waits[1:], strict=False))


@given(logs)
def test_the_same_file_again_changes_nothing(rows: list[tuple[int, Meaning]]) -> None:
    known = fold(log(*rows))
    assert difference(known, combine(known, log(*rows))).nothing


@given(distinct)
def test_what_is_retold_folds_into_the_same_history(rows: list[tuple[int, Meaning]]) -> None:
    known = fold(log(*rows))
    assert fold(retell(known)) == known


@given(logs, st.integers(0, 13))
def test_a_file_with_more_rows_leads_where_it_alone_would_have_led(rows: list[tuple[int, Meaning]], cut: int) -> None:
    known = fold(log(*rows[:cut]))
    whole = fold(log(*rows))
    if known.moves:
        assert applied(known, combine(known, log(*rows))) == whole


@given(distinct, st.integers(1, 13))
def test_a_file_of_later_rows_alone_is_added_and_twice_is_once(rows: list[tuple[int, Meaning]], cut: int) -> None:
    ordered = sorted(rows)
    known = fold(log(*ordered[:cut]))
    if not known.moves or not ordered[cut:]:
        return
    after = applied(known, combine(known, log(*ordered[cut:])))
    assert after == fold(log(*ordered))
    assert difference(after, combine(after, log(*ordered[cut:]))).nothing


@given(logs, logs)
def test_what_is_written_is_what_was_meant(first: list[tuple[int, Meaning]], second: list[tuple[int, Meaning]]) -> None:
    known, new = fold(log(*first)), fold(log(*second))
    assert applied(known, new).moves == new.moves


def test_later_rows_only_add() -> None:
    known = fold(log((0, "received"), (1, "in_review")))
    change = difference(known, combine(known, log((0, "received"), (1, "in_review"), (5, "delivered"))))
    assert (change.take_back, change.add) == ((), (Move("in_review", "delivered", at(5)),))
