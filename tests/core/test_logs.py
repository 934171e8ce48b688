from __future__ import annotations

import json
import logging

from lpo.core.logs import ContextFilter, JSONFormatter, bind


def line(**extra: object) -> dict[str, object]:
    record = logging.LogRecord("lpo.test", logging.INFO, __file__, 1, "%s happened", ("it",), None)
    vars(record).update(extra)
    ContextFilter().filter(record)
    parsed: dict[str, object] = json.loads(JSONFormatter().format(record))
    return parsed


def test_a_line_carries_what_was_bound_and_what_was_passed() -> None:
    with bind(request_id="abc", organization="alder"):
        written = line(ms=3)
    assert written == written | {"message": "it happened", "request_id": "abc", "organization": "alder", "ms": 3}


def test_an_inner_binding_ends_with_the_outer_one() -> None:
    with bind(request_id="abc"):
        bind(organization="alder")
        assert line()["organization"] == "alder"
    assert "organization" not in line()


def test_a_traceback_stays_on_one_line() -> None:
    try:
        raise ValueError("broken\nin two")
    except ValueError as error:
        record = logging.LogRecord("lpo.test", logging.ERROR, __file__, 1, "failed", (), (type(error), error, error.__traceback__))
    ContextFilter().filter(record)
    assert "\n" not in JSONFormatter().format(record)
