"""The three facts of the overview in words: what needs the client, are service levels met, what is owed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lpo.core.templatetags.formats import DASH, NBSP, instant, money
from lpo.portal.queries import Level
from lpo.reports.wording import effect


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure, what it means, where its rows are, and its status."""

    value: str
    note: str
    url: str = ""
    kind: str = ""


@dataclass(slots=True)
class Owed:
    """Issued invoices of one currency: what is not due yet, what is past its date. Payments are not recorded here."""

    currency: str
    open: Decimal = Decimal(0)
    overdue: Decimal = Decimal(0)
    next_number: str = ""
    next_due: date | None = None
    overdue_count: int = 0
    numbers: list[str] = field(default_factory=list)


def waiting_fact(items: Sequence[dict[str, Any]], told: bool, url: str) -> Fact:
    if not told:
        return Fact(DASH, "No status update was published yet")
    if not items:
        return Fact("Nothing", "No item waits on you", url)
    first = items[0]
    more = f"; and {len(items) - 1} more" if len(items) > 1 else ""
    since = instant(datetime.fromisoformat(first["since"]))
    note = f"{first['reference']}: {first['reason'].lower()}, since {since}; {effect(first)}{more}"
    return Fact(counted(len(items), "item"), note, url, "paused")


def levels_fact(levels: Sequence[Level], url: str) -> Fact:
    """So far in the present windows where an update tells it, else as the last windows closed."""
    running = [level for level in levels if level.so_far is not None and level.so_far["denominator"]]
    if running:
        met = sum(level.so_far["kind"] == "met" for level in running if level.so_far)
        return Fact(f"{met} of {len(running)} so far", _worst_first(running, _so_far), url, "met" if met == len(running) else "breach")
    closed = [level for level in levels if level.last is not None and level.last.attainment.met is not None]
    if not closed:
        return Fact(DASH, "Nothing was measured and published yet")
    met = sum(bool(level.last and level.last.attainment.met) for level in closed)
    return Fact(f"{met} of {len(closed)} met", _worst_first(closed, _closed), url, "met" if met == len(closed) else "breach")


def _worst_first(levels: Sequence[Level], say: Callable[[Level], str]) -> str:
    """Two levels in words, what is off target before the rest, and how many more there are."""
    ordered = sorted(levels, key=lambda level: level.kind != "breach")
    notes = "; ".join(say(level) for level in ordered[:2]) + (f"; {len(ordered) - 2} more" if len(ordered) > 2 else "")
    return notes.replace(" %", f"{NBSP}%")


def _so_far(level: Level) -> str:
    told = level.so_far or {}
    of = "errors in" if "errors" in level.promise else "of"
    return f"{level.name} {told['actual']} ({told['numerator']:,} {of} {told['denominator']:,}), promised {told['promise']}"


def _closed(level: Level) -> str:
    if level.last is None:
        return level.name
    return f"{level.name} in {level.last.attainment.label}: {level.last.exact}, promised {level.last.figure.promised}"


def owed(rows: Sequence[tuple[str, str, Decimal, date | None]], today: date) -> list[Owed]:
    """Issued invoices as (currency, number, gross, due date), summed by currency."""
    found: dict[str, Owed] = {}
    for currency, number, gross, due in sorted(rows, key=lambda row: row[3] or date.min):
        account = found.setdefault(currency, Owed(currency))
        account.numbers.append(number)
        if due is None or due < today:
            account.overdue += gross
            account.overdue_count += 1
            continue
        account.open += gross
        if account.next_due is None:
            account.next_number, account.next_due = number, due
    return [found[currency] for currency in sorted(found)]


def owed_fact(accounts: Sequence[Owed], url: str) -> Fact:
    """What was issued and is not due yet. Earlier invoices are said apart: payments are not recorded here, so nobody is called overdue."""
    if not accounts:
        return Fact(DASH, "No invoice was issued yet", url)
    value = " + ".join(f"{money(account.open, account.currency)} {account.currency}" for account in accounts)
    notes = [f"{a.next_number}, due {_day(a.next_due)}" for a in accounts if a.next_due is not None]
    late = [
        f"{counted(a.overdue_count, 'earlier invoice')}, {money(a.overdue, a.currency)} {a.currency}" for a in accounts if a.overdue_count
    ]
    note = "; ".join([*notes, *late]) + (". Payments are not recorded here." if late else "")
    return Fact(value, note, url)


def headline(waiting: Sequence[dict[str, Any]], levels: Sequence[Level], told: bool) -> str:
    """The page in one sentence."""
    below = sum(level.kind == "breach" for level in levels)
    measured = sum(level.kind in {"met", "breach"} for level in levels)
    parts = []
    if measured:
        so_far = any(level.so_far and level.so_far["denominator"] for level in levels)
        tail = " so far" if so_far else ""
        if below:
            parts.append(f"{counted(below, 'service level')} {'is' if below == 1 else 'are'} off target{tail}")
        else:
            parts.append(f"{'The service level is' if measured == 1 else f'All {measured} service levels are'} on target{tail}")
    if told:
        parts.append(
            f"{counted(len(waiting), 'item')} {'waits' if len(waiting) == 1 else 'wait'} on you" if waiting else "nothing waits on you"
        )
    if not parts:
        return "Nothing was published to you yet"
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def counted(number: int, noun: str) -> str:
    """1 item · 2 items."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _day(value: date | None) -> str:
    return DASH if value is None else f"{value.day} {value:%B}"
