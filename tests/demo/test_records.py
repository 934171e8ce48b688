"""The demo's recorded months, before any of it reaches a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engagements.states import RETURNED
from lpo.core.localtime import to_epoch
from lpo.reports.demo import records
from sla.businesstime import OpenHours

MARCH = date(2026, 3, 1)
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Europe/London")]
MAKERS: dict[str, Callable[[date], records.Log]] = {
    "NDAs": lambda month: records.ndas(month, 1, 4),
    "letters": lambda month: records.drafts(month, 1, 3),
    "review": lambda month: records.review(month, 1, 10).log,
    "leases": lambda month: records.leases(month, 1, 2),
}


def first(log: records.Log, status: str) -> dict[str, datetime]:
    """When each item first got a status."""
    found: dict[str, datetime] = {}
    for row in log.rows:
        if row[2] == status:
            found.setdefault(row[0], datetime.fromisoformat(row[1]))
    return found


def waited(log: records.Log) -> dict[str, timedelta]:
    """How long each item waited for the client."""
    total: dict[str, timedelta] = {}
    since: dict[str, datetime] = {}
    for row in log.rows:
        at = datetime.fromisoformat(row[1])
        if row[0] in since:
            total[row[0]] = total.get(row[0], timedelta()) + at - since.pop(row[0])
        if row[2] == "Waiting for client":
            since[row[0]] = at
    assert not since, "nobody waits beyond the end of a closed month's log"
    return total


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_month_is_the_same_bytes_each_time_and_differs_from_the_next(make: Callable[[date], records.Log]) -> None:
    assert make(MARCH).content() == make(MARCH).content()
    assert make(MARCH).content() != make(date(2026, 4, 1)).content()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_rows_come_in_the_order_of_time_and_only_with_statuses_the_mapping_knows(make: Callable[[date], records.Log]) -> None:
    log = make(MARCH)
    instants = [row[1] for row in log.rows]
    assert instants == sorted(instants)
    assert {row[2] for row in log.rows} <= set(records.MAPPING["statuses"])
    assert Counter(row[2] for row in log.rows)["New"] == len({row[0] for row in log.rows})


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_items_arrive_on_weekdays_of_the_month_within_somebodys_working_hours(make: Callable[[date], records.Log]) -> None:
    arrivals = first(make(MARCH), "New")
    assert len(arrivals) >= 8
    for at in arrivals.values():
        somewhere = [at.astimezone(zone) for zone in ZONES]
        assert any(local.weekday() < 5 and 8 <= local.hour < 18 and local.date().replace(day=1) == MARCH for local in somewhere), at


@pytest.mark.parametrize("misses", [0, 1, 4])
def test_ndas_later_than_a_day_are_as_many_as_the_month_was_given(misses: int) -> None:
    log = records.ndas(MARCH, 1, misses)
    received, delivered, waits = first(log, "New"), first(log, "Delivered"), waited(log)
    worked = {ticket: delivered[ticket] - at - waits.get(ticket, timedelta()) for ticket, at in received.items()}
    assert 46 <= len(worked) <= 57
    assert waits, "some wait for the client"
    assert sum(spent > timedelta(hours=24) for spent in worked.values()) == misses


@pytest.mark.parametrize(("make", "hours", "misses"), [("letters", 24, 3), ("review", 16, 10)])
def test_misses_in_business_hours_are_as_many_as_the_month_was_given(make: str, hours: int, misses: int) -> None:
    log = MAKERS[make](MARCH)
    office = OpenHours(records.OFFICE, MARCH - timedelta(days=40), MARCH + timedelta(days=60))
    delivered = first(log, "Delivered")
    counted = {ticket: at for ticket, at in first(log, "New").items() if make != "review" or ticket.startswith("BAT")}
    late = [ticket for ticket, at in counted.items() if to_epoch(delivered[ticket]) > office.due(to_epoch(at), hours * 3600)]
    assert len(late) == misses


def test_the_review_adds_up_to_half_a_million_documents_of_which_people_read_sixty_thousand() -> None:
    review = records.review(MARCH, 1, 10)
    quantity = {row[0]: int(row[5]) for row in review.log.rows}
    assert sum(quantity[name] for name in (*review.volumes, *review.batches)) == 500_000
    assert sum(quantity[name] for name in review.batches) == 60_000
    received = [at for ticket, at in first(review.log, "New").items() if ticket in review.batches]
    assert max(received) - min(received) <= timedelta(days=21)


def test_scale_multiplies_items_and_misses() -> None:
    assert len(first(records.ndas(MARCH, 3, 2), "New")) >= 3 * 46
    log = records.leases(MARCH, 2, 0)
    assert 16 <= len(first(log, "New")) <= 26


def test_a_running_month_holds_only_what_is_delivered_by_now() -> None:
    log = records.ndas(MARCH, 1, 1)
    noon = datetime(2026, 3, 16, 12, tzinfo=UTC)
    so_far = records.until(log, noon)
    assert 0 < len(first(so_far, "New")) < len(first(log, "New"))
    assert first(so_far, "New").keys() == first(so_far, "Delivered").keys()
    assert max(row[1] for row in so_far.rows) < noon.isoformat()


def test_on_the_first_of_a_month_the_last_ones_log_ends_with_now() -> None:
    log = records.ndas(MARCH, 1, 1)
    night = datetime(2026, 4, 1, 4, 30, tzinfo=UTC)
    cut = records.before(log, night)
    assert 0 < len(cut.rows) < len(log.rows)
    assert max(row[1] for row in cut.rows) < night.isoformat()
    assert first(cut, "New") == first(log, "New"), "all had arrived"
    assert records.before(log, night + timedelta(days=30)) == log


def test_a_returned_letter_comes_back_after_the_rows_of_its_file() -> None:
    at = datetime(2026, 4, 12, 15, tzinfo=UTC)
    log = records.with_rows(records.drafts(MARCH, 1, 0), [records.returned("M2603-001", "Letter", at)])
    assert log.rows[-1][:3] == ("M2603-001", at.isoformat(timespec="seconds"), "Returned")
    assert records.MAPPING["statuses"]["Returned"] == RETURNED
