"""What is reported of usage, read from text as files, pages and the API write it: one meaning of each field for all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from billing.models import DIRECTIONS, ChargeTerm, ChargeTermVersion, UsageRecord
from billing.queries import currency_of, local_day
from billing.volume import UNITS
from engagements import utbms
from lpo.core.errors import Refused
from lpo.core.money import is_money
from lpo.core.validators import WRONG_YEAR, plausible, problem_of_text

# The columns of each model's records, the first ones needed; `event id` stands before them in a file.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "per_user": ("subject", "day", "last_day", "quantity"),
    "data_volume": ("day", "subject", "quantity", "unit", "direction"),
    "outcome": ("day", "subject", "amount", "currency"),
    "expense": ("day", "subject", "code", "amount", "currency"),
}
OPTIONAL = {"last_day", "currency", "direction"}
TITLES = {
    "subject": "what",
    "day": "day",
    "last_day": "last day",
    "quantity": "quantity",
    "unit": "unit",
    "direction": "direction",
    "amount": "amount",
    "currency": "currency",
    "code": "code",
}
_LONGEST = 200


@dataclass(frozen=True)
class Reported:
    """One event: what happened, on which local day of the legal entity, and how much."""

    subject: str
    starts_on: date
    ends_on: date | None = None
    quantity: Decimal = Decimal(1)
    unit: str = ""
    direction: str = ""
    amount: Decimal | None = None
    currency: str = ""
    code: str = ""


def reported(term: ChargeTerm, cells: Mapping[str, str], zone: str, currency: str) -> Reported:
    """The cells of one record of a term. Raises `Refused` naming the cell that cannot be read.

    `day` is a date, or an instant with its offset, which belongs to its day in `zone`. An amount without a currency is in `currency`.
    """
    read: dict[str, Any] = {"subject": _text(cells), "starts_on": read_day(cells.get("day", ""), zone, "day")}
    wanted = COLUMNS[term.model]
    if cells.get("last_day"):
        read["ends_on"] = read_day(cells["last_day"], zone, "last_day")
    if "quantity" in wanted and (cells.get("quantity") or term.model == "data_volume"):
        read["quantity"] = _number(cells.get("quantity", ""), "quantity", 6)
    if "unit" in wanted:
        read["unit"] = _choice(cells.get("unit", ""), UNITS, "unit")
    if "direction" in wanted and cells.get("direction"):
        read["direction"] = _choice(cells["direction"].lower(), dict(DIRECTIONS), "direction")
    if "code" in wanted:
        read["code"] = _choice(cells.get("code", "").upper(), utbms.EXPENSES, "code")
    if "amount" in wanted and (cells.get("amount") or term.model == "expense"):
        read |= {"amount": _number(cells.get("amount", ""), "amount", 4), "currency": (cells.get("currency") or currency).upper()}
    return Reported(**read)


def read_day(text: str, zone: str, field: str) -> date:
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-10-01") else _local(text, zone)
    except (ValueError, OverflowError):
        raise Refused(f"“{text[:40]}” is no day. Write 2026-10-01, or an instant with its offset.", field) from None
    if not plausible(day):
        raise Refused(WRONG_YEAR, field)
    return day


def _local(text: str, zone: str) -> date:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant.astimezone(ZoneInfo(zone)).date()


def _text(cells: Mapping[str, str]) -> str:
    text = cells.get("subject", "").strip()
    if not text:
        raise Refused("Say what it was.", "subject")
    if len(text) > _LONGEST:
        raise Refused(f"{len(text)} characters; {_LONGEST} are kept at most.", "subject")
    if problem := problem_of_text(text):
        raise Refused(problem, "subject")
    return text


def _number(text: str, field: str, digits: int) -> Decimal:
    try:
        number = Decimal(text.replace(",", "").replace(" ", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise Refused(f"“{text[:40]}” is no number from zero on.", field)
    if number >= 10**12 or -int(number.as_tuple().exponent) > digits:
        raise Refused(f"Twelve digits before the point are read and {digits} after it.", field)
    return number


def _choice(text: str, known: Mapping[str, Any], field: str) -> str:
    if text not in known:
        raise Refused(f"“{text[:20]}” is not one of {_listed(list(known))}.", field)
    return text


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 9 else f"{names[0]} to {names[-1]}"


def payload(term: ChargeTerm, values: Reported) -> dict[str, Any]:
    """The record as canonical values, by which the same event is known again; what was left out is not named."""
    said: dict[str, Any] = {
        "term": term.id,
        "subject": values.subject,
        "starts_on": str(values.starts_on),
        "ends_on": str(values.ends_on or ""),
        "quantity": plain(values.quantity),
    }
    more = {"unit": values.unit, "direction": values.direction, "currency": values.currency, "code": values.code}
    said |= {name: value for name, value in more.items() if value}
    return said if values.amount is None else said | {"amount": plain(values.amount)}


def as_reported(row: UsageRecord) -> Reported:
    names = Reported.__dataclass_fields__
    return Reported(**{name: getattr(row, name) for name in names})


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def differing(known: UsageRecord, term: ChargeTerm, values: Reported) -> list[str]:
    """`quantity 3, now 4` for each field that says something else than the record."""
    before, now = payload(known.term, as_reported(known)), payload(term, values)
    changed = [name for name in {**before, **now} if name != "term" and before.get(name, "") != now.get(name, "")]
    found = [] if known.term_id == term.id else [f"charge term {known.term.name}, now {term.name}"]
    return found + [f"{_NAMES.get(name, name)} {before.get(name) or 'nothing'}, now {now.get(name) or 'nothing'}" for name in changed]


_NAMES = {"subject": "what", "starts_on": "day", "ends_on": "last day"}


def digest_of(term: ChargeTerm, values: Reported) -> str:
    return hashlib.sha256(json.dumps(payload(term, values), sort_keys=True).encode()).hexdigest()


# --- what a term can charge -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """A record to be, under the id its source knows it by."""

    event_id: str
    values: Reported


@dataclass(frozen=True)
class Judged:
    """An event of several: new, known already, or refused for a reason."""

    event: Event
    new: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Rules:
    """What a term takes, read once for any number of records."""

    term: ChargeTerm
    versions: Sequence[ChargeTermVersion]
    currency: str
    today: date

    def check(self, values: Reported) -> None:
        """Raise `Refused` naming the field where the term cannot charge a record."""
        if self.term.model not in COLUMNS:
            raise Refused(f"{self.term.name} is not charged by reported usage.", "term")
        if values.ends_on is not None and values.ends_on < values.starts_on:
            raise Refused("The last day lies before the first.", "ends_on")
        if self.term.model == "per_user":
            if values.quantity <= 0:
                raise Refused("The quantity is above zero.", "quantity")
            return
        if values.ends_on is not None:
            raise Refused("Only a seat has a last day.", "ends_on")
        self._check_day(values)
        if values.amount is not None:
            self._check_money(values, values.amount)

    def _check_day(self, values: Reported) -> None:
        """A day that no version charges would never be billed, and one to come has not been measured."""
        if values.starts_on > self.today:
            raise Refused("This day has not come yet.", "day")
        begun = [version for version in self.versions if version.effective_from <= values.starts_on]
        if not begun or (begun[-1].effective_to is not None and begun[-1].effective_to < values.starts_on):
            raise Refused(f"{self.term.name} charges nothing on {values.starts_on}.", "day")
        if begun[-1].direction and values.direction != begun[-1].direction:
            raise Refused(f"{self.term.name} charges only the direction “{begun[-1].direction}”.", "direction")
        if self.term.model == "outcome" and begun[-1].percent and values.amount is None:
            raise Refused(f"{self.term.name} charges a share of an amount; write the amount.", "amount")

    def _check_money(self, values: Reported, amount: Decimal) -> None:
        if values.currency != self.currency:
            raise Refused(f"{self.term.engagement.reference} is invoiced in {self.currency}; write the amount in it.", "currency")
        if not is_money(amount, self.currency):
            raise Refused(f"{amount} is finer than {self.currency} can express.", "amount")
        if amount <= 0:
            raise Refused("The amount is above zero.", "amount")


def rules_of(term: ChargeTerm) -> Rules:
    versions = list(ChargeTermVersion.objects.filter(term=term).order_by("number"))
    today = local_day(timezone.now(), term.engagement.legal_entity.time_zone)
    return Rules(term, versions, currency_of(term.engagement), today)


def conflict(known: UsageRecord, term: ChargeTerm, event: Event) -> str:
    """What an event says otherwise than its record; empty where it is the same."""
    if known.payload_hash == digest_of(term, event.values):
        return ""
    what = "; ".join(differing(known, term, event.values)) or "other values"
    return f"Event {event.event_id} of {known.source} was reported before with other values: {what}."


def judge(term: ChargeTerm, source: str, events: Sequence[Event]) -> list[Judged]:
    """What becomes of each event of a file, in a fixed number of statements."""
    rules = rules_of(term)
    ids = [event.event_id for event in events]
    known = {row.event_id: row for row in UsageRecord.objects.filter(source=source, event_id__in=ids).select_related("term")}
    read = UsageRecord.objects.filter(term=term, direction="hosted", withdrawn_at__isnull=True)
    hosted = set(read.values_list("starts_on", "subject")) if term.model == "data_volume" else set()
    before: dict[str, Event] = {}
    found = []
    for event in events:
        found.append(_judged(event, rules, known.get(event.event_id), before.get(event.event_id), hosted))
        before.setdefault(event.event_id, event)
    return found


def _judged(event: Event, rules: Rules, known: UsageRecord | None, before: Event | None, hosted: set[tuple[date, str]]) -> Judged:
    values = event.values
    if before is not None:
        return Judged(event, reason="" if before.values == values else "The file has this event id twice, with other values.")
    if known is not None:
        return Judged(event, reason=conflict(known, rules.term, event))
    try:
        rules.check(values)
    except Refused as refused:
        return Judged(event, reason=refused.message)
    if values.direction == "hosted":
        if (values.starts_on, values.subject) in hosted:
            return Judged(event, reason=f"{values.subject} was read on {values.starts_on} already; withdraw or correct that record.")
        hosted.add((values.starts_on, values.subject))
    return Judged(event, new=True)
