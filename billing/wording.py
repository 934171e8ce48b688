"""Charge terms in plain English, as the person who signed them would say it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from billing.explanation import tidy
from billing.models import ChargeTermVersion
from billing.units import several
from billing.volume import UNITS
from engagements.models.placements import AwayKind
from lpo.core.money import exponent

# The one kind of chip, shape and colour, in which a state of an invoice is shown to anybody.
KINDS = {"draft": "draft", "in_review": "progressing", "approved": "met", "issued": "met", "discarded": "paused"}
DISPOSITIONS = {"machine_coded": "machine-coded", "human_reviewed": "human-reviewed", "discarded": "discarded"}


def money(amount: Decimal, currency: str) -> str:
    """`2,500.00 USD`: at least the currency's decimals, and every digit a unit price has."""
    exact = tidy(amount)
    digits = max(exponent(currency), -int(exact.as_tuple().exponent))
    return f"{exact:,.{digits}f} {currency}"


def number(value: Decimal) -> str:
    return f"{tidy(value):,f}"


def day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def describe(version: ChargeTermVersion, model: str, currency: str) -> list[str]:
    """What one version charges, sentence by sentence, in the order in which it is computed."""
    return [*_counted(version, model, currency), *_limits(version, currency), _credits(version), _dates(version)]


def summary(version: ChargeTermVersion, model: str, currency: str) -> str:
    """The price alone, for a list."""
    return next(_counted(version, model, currency))


def _counted(version: ChargeTermVersion, model: str, currency: str) -> Iterator[str]:
    if model == "fixed":
        yield from _fixed(version, currency)
        return
    if model in _OWN_WORDS:
        yield from _OWN_WORDS[model](version, currency)
        return
    yield _price(version, model, currency)
    if model == "unit":
        yield _feed(version)
    elif model == "data_volume":
        yield from _measured(version)
    else:
        yield (
            "A seat counts by the calendar days it was held."
            if version.prorate
            else "A user who held a seat on any day of a period counts as one whole seat."
        )
    if version.free_units:
        yield f"The first {number(version.free_units)} {several(version.unit, version.unit_plural)} of a period are free."


def _fixed(version: ChargeTermVersion, currency: str) -> Iterator[str]:
    amount = money(version.price or Decimal(0), currency)
    if not version.recurring:
        yield f"{amount} once, in the period that holds {day(version.effective_from)}."
        return
    yield f"{amount} for every billing period."
    yield "A part of a period is charged by its calendar days." if version.prorate else "A part of a period is charged in full."


def _staff(version: ChargeTermVersion, currency: str) -> Iterator[str]:
    """Who is priced and by what; a part of a month, overtime, absence, handover and approval, a sentence each."""
    if version.placement is not None:
        who = version.placement.name
    else:
        who = f"everybody placed as {version.staff_level}" if version.staff_level else "everybody placed"
    price, per = money(version.price or Decimal(0), currency), version.rate_per
    yield f"{price} a {per}{' worked' if per != 'month' else ''} for {who}."
    if per == "month":
        yield f"A part of a month is charged by its {version.month_basis} days."
    elif per == "day":
        yield "A day counts by its hours: six of eight are 0.75 of a day."
    if version.overtime:
        each = money(version.overtime_price, currency) if version.overtime_price is not None else f"an hour of the {per}'s rate"
        yield f"Hours beyond a week's contracted ones are charged at {number(version.overtime)} times {each}."
    else:
        yield "Hours beyond a week's contracted ones are not charged."
    kinds = [AwayKind(kind).label.lower() for kind in AwayKind.values if kind in version.charged_away]
    yield f"Absence is not charged{f', except {several_names(kinds)}' if kinds else ''}."
    both = "Both people are charged" if version.overlap_charged else "Who takes over is not charged"
    yield f"{both} while one hands over to the other."
    yield f"A timesheet the client has not approved {'blocks the invoice' if version.unapproved == 'block' else 'is a warning'}."


def _measured(version: ChargeTermVersion) -> Iterator[str]:
    """What of the readings is priced, and by which bytes."""
    which = {"": "", "in": " that comes in", "out": " that goes out", "hosted": " that is hosted"}[version.direction]
    yield (
        {
            "sum": f"The volume of a period is the sum of everything{which}.",
            "average": f"The volume of a period is the average of what{which or ' there is'} on the days that were measured.",
            "peak": f"The volume of a period is what{which or ' there is'} on its highest day.",
            "last": f"The volume of a period is what{which or ' there is'} on the last day that was measured in it.",
        }[version.measure]
        .replace("what that", "what")
        .replace("everything that", "what")
    )
    unit, size = version.unit, UNITS.get(version.unit)
    if size is not None:
        yield f"One {unit} is {size:,f} bytes; readings in another unit are converted."
    if version.measure != "sum":
        yield "A part of a period is charged by its calendar days." if version.prorate else "A part of a period is charged in full."


def _outcome(version: ChargeTermVersion, currency: str) -> Iterator[str]:
    parts = [money(version.price, currency)] if version.price else []
    parts += [f"{number(version.percent)} % of its amount"] if version.percent else []
    yield f"{' and '.join(parts)} for each {version.unit}."
    if version.event_cap is not None:
        yield f"At most {money(version.event_cap, currency)} for one {version.unit}."


def _expense(version: ChargeTermVersion, currency: str) -> Iterator[str]:
    markup = f"with {number(version.markup_percent)} % added" if version.markup_percent else "at cost"
    yield f"Expenses {markup}, in {currency}."
    yield "Each is billed once somebody else than who entered it has approved it; each code is a line of its own."


def _hourly(version: ChargeTermVersion, currency: str) -> Iterator[str]:
    """Who is priced, what a begun increment counts, and what becomes of time nobody approved."""
    if version.timekeeper is not None:
        who = version.timekeeper.display_name
    else:
        who = f"everybody with the role {version.get_role_display().lower()}" if version.role else "everybody"
    where = f" on {version.workstream.title}" if version.workstream is not None else ""
    yield f"{money(version.price or Decimal(0), currency)} an hour for {who}{where}."
    minutes = f"{number(version.increment_minutes)} {'minute' if version.increment_minutes == 1 else 'minutes'}"
    yield {
        "per_entry": f"Each entry is rounded up to whole units of {minutes}.",
        "on_total": f"Each line’s total is rounded up to whole units of {minutes}, the entries are not.",
        "exact": "Minutes are charged as they were recorded.",
    }[version.increment]
    yield "Approved billable time is charged, a line for each person, matter, task and activity."
    yield f"Time that is not approved {'blocks the invoice' if version.unapproved == 'block' else 'is a warning'}."


_OWN_WORDS = {"staff": _staff, "hourly": _hourly, "outcome": _outcome, "expense": _expense}


def several_names(names: list[str]) -> str:
    """`leave`; `leave and sickness`; `leave, sickness and training`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _price(version: ChargeTermVersion, model: str, currency: str) -> str:
    each = "per period" if model == "per_user" else "each"
    price = money(version.price, currency) if version.price is not None else ""
    unit, units = version.unit, several(version.unit, version.unit_plural)
    if version.shape == "package":
        return f"{price} for every package of {number(version.package_size or Decimal(1))} {units}, a begun package counted whole."
    if version.shape == "standard":
        return f"{price} for each {unit}{' and period' if model == 'per_user' else ''}."
    steps = "; ".join(_tiers(version, currency))
    if version.shape == "graduated":
        return f"Graduated, {units} {each}: {steps}."
    return f"By volume, every one of a period's {units} at the price of the tier reached: {steps}."


def _tiers(version: ChargeTermVersion, currency: str) -> Iterator[str]:
    lower = ""
    for bound, price in version.tiers:
        amount = money(Decimal(price), currency)
        if bound is None:
            yield f"{amount} above {lower}" if lower else f"{amount} for any quantity"
            return
        upper = number(Decimal(bound))
        yield f"{amount} above {lower} up to {upper}" if lower else f"{amount} up to {upper}"
        lower = upper


def _feed(version: ChargeTermVersion) -> str:
    stream = version.workstream.title if version.workstream is not None else "a workstream"
    arrived = "accepted by the client" if version.billable_state == "accepted" else "delivered"
    which = f" Only {DISPOSITIONS.get(version.disposition, version.disposition)} items count." if version.disposition else ""
    types = f" Only {several_names(sorted(several(name) for name in version.item_types.values()))} count." if version.item_types else ""
    return f"Counts what {stream} has {arrived}, once, in the period of its first arrival there.{which}{types}"


def _limits(version: ChargeTermVersion, currency: str) -> Iterator[str]:
    if version.discount_percent:
        yield f"A discount of {number(version.discount_percent)} % is taken off."
    part = ", by calendar days where a period is not whole" if version.prorate else ""
    if version.cap is not None:
        yield f"At most {money(version.cap, currency)} a period{part}."
    if version.minimum is not None:
        yield f"At least {money(version.minimum, currency)} a period{part}."


def _credits(version: ChargeTermVersion) -> str:
    if version.credit_base:
        return "Service credits are reckoned on these fees."
    return "These fees are no base of service credits."


def _dates(version: ChargeTermVersion) -> str:
    until = f" to {day(version.effective_to)}" if version.effective_to else ""
    clause = f", under {version.clause}" if version.clause else ""
    return f"In force from {day(version.effective_from)}{until}{clause}."
