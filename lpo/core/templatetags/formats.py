"""How figures, times and amounts are written. Every page, message and document uses these, so that one value reads the same everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from django import template
from django.template.defaultfilters import date as django_date
from django.utils import timezone

register = template.Library()

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EM DASH}"
NBSP = "\N{NO-BREAK SPACE}"
_TENTH = Decimal("0.1")

Exact = Decimal | Fraction | int


def _signed(number: Decimal, pattern: str) -> str:
    text = format(abs(number), pattern)
    # A negative amount that rounds to nothing is nothing: "−0.00" would be read as an error.
    return f"{MINUS}{text}" if number < 0 and any(digit in "123456789" for digit in text) else text


def _exact(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"An exact number is written here, not {type(value).__name__}.")
    return Decimal(value)


@register.filter
def money(amount: Decimal | int | None, currency: object = "") -> str:
    """`2,960.00`: the currency's own number of decimals, rounded half-up for display; an em dash where there is no amount."""
    if amount is None or amount == "":
        return DASH
    places = get_currency_precision(str(currency)) if currency else 2
    return _signed(_exact(amount).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), ",f")


@register.filter
def price(amount: Decimal | None, currency: object = "") -> str:
    """A unit price with all its digits and at least the currency's decimals: `0.11`, `0.1125`, `95.00`."""
    if amount is None:
        return DASH
    exact = _exact(amount).normalize()
    places = get_currency_precision(str(currency)) if currency else 2
    digits = max(places, -int(exact.as_tuple().exponent))
    return _signed(exact, f",.{digits}f")


@register.filter
def quantity(value: Exact | None, places: int | None = None) -> str:
    """`12,480` or `1.5`: thousands grouped, no empty decimals; `places` fixes their number (half-up)."""
    if value is None or value == "":
        return DASH
    number = _decimal(value) if isinstance(value, Fraction) else _exact(value)
    if places is not None:
        return _signed(number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), ",f")
    text = _signed(number, ",f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@register.filter
def count_capped(count: int | None, cap: int = 1000) -> str:
    """`1,000+` when more than `cap` were counted; lists never count further than that."""
    if count is None:
        return DASH
    return f"{cap:,}+" if count > cap else f"{count:,}"


def _decimal(value: Exact) -> Decimal:
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    return _exact(value)


def _share(value: Exact) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Decimal | Fraction | int):
        raise TypeError(f"A share is an exact Fraction or Decimal between 0 and 1, not {type(value).__name__}.")
    return Fraction(value)


def percent_text(share: Exact | None, target: Exact | None = None, *, lower_is_better: bool = False) -> str:
    """A share (0 to 1) in percent with one decimal and no unit, rounded half-up, except where that would flatter.

    A share short of its target is never written as the target, nor one short of 1 as 100, nor one above 0 as 0: there the digits
    are cut toward the failing side (94.996 against 95 reads 94.9; an error rate of 1.004 against 1 reads 1.1).
    """
    if share is None:
        return DASH
    exact = _share(share) * 100
    scaled = exact * 10
    rounded = Decimal((scaled + Fraction(1, 2)).__floor__()) * _TENTH
    for bound in {Fraction(100), Fraction(0)} | ({_share(target) * 100} if target is not None else set()):
        failing_below = exact < bound <= Fraction(rounded) and not (lower_is_better and bound not in (0, 100))
        failing_above = Fraction(rounded) <= bound < exact and (lower_is_better or bound == 0)
        if failing_below:
            rounded = Decimal(scaled.__floor__()) * _TENTH
        elif failing_above:
            rounded = Decimal(scaled.__ceil__()) * _TENTH
    return _signed(rounded, ",.1f")


@register.filter
def percent(share: Exact | None, target: Exact | None = None) -> str:
    """`94.8 %` of a share between 0 and 1; give the target so that a miss never reads as a hit."""
    text = percent_text(share, target)
    return text if text == DASH else f"{text}{NBSP}%"


@register.filter
def percent_number(share: Exact | None, target: Exact | None = None) -> str:
    """`percent` without its unit, for columns whose header names it."""
    return percent_text(share, target)


@register.filter
def error_percent(share: Exact | None, limit: Exact | None = None) -> str:
    """`percent` of a rate that must stay under its limit: cut toward more errors, never toward fewer."""
    text = percent_text(share, limit, lower_is_better=True)
    return text if text == DASH else f"{text}{NBSP}%"


def _points(share: Exact) -> str:
    """A target as the contract writes it: `95`, `99.5`."""
    number = _decimal(_share(share) * 100)
    return format(number.normalize(), "f") if number else "0"


@register.filter
def target(share: Exact | None) -> str:
    """A target share as the contract writes it, all its digits and no more: `95 %`, `99.95 %`."""
    return DASH if share is None else f"{_points(share)}{NBSP}%"


@register.filter
def duration(value: int | Decimal | timedelta | None) -> str:
    """Seconds in words, cut to two units: `6 h 24 min`, `1 d 3 h`, `42 min`, `24 s`. A day here is 24 hours."""
    if value is None:
        return DASH
    seconds = int(value.total_seconds()) if isinstance(value, timedelta) else int(value)
    sign, seconds = (MINUS if seconds < 0 else ""), abs(seconds)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        parts = [(days, "d"), (hours % 24, "h")]
    elif hours:
        parts = [(hours, "h"), (minutes % 60, "min")]
    elif minutes:
        parts = [(minutes, "min")]
    else:
        parts = [(seconds, "s")]
    kept = [f"{number}{NBSP}{unit}" for place, (number, unit) in enumerate(parts) if number or place == 0]
    return sign + NBSP.join(kept)


@register.filter
def time_left(value: int | Decimal | timedelta | None) -> str:
    """`6 h 24 min left`, or `Breached by 42 min`. Exactly due is still in time, so zero reads `Due now`."""
    if value is None:
        return DASH
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 0:
        return f"Breached by {duration(max(1, int(-seconds)))}"
    return "Due now" if int(seconds) == 0 else f"{duration(int(seconds))} left"


def _zone(zone: object) -> tzinfo:
    if not zone:
        # The request's zone: activated from the viewer's membership, UTC where nobody is signed in.
        return timezone.get_current_timezone()
    return zone if isinstance(zone, tzinfo) else ZoneInfo(str(zone))


def _abbreviation(moment: datetime) -> str:
    name = moment.tzname() or "UTC"
    return name if name[:1].isalpha() else f"UTC{name}"


@register.filter
def instant(value: datetime | None, zone: object = "") -> str:
    """`Fri 14:10 EST` for times of this week; farther away the date is named, because a weekday alone would mislead."""
    if value is None:
        return DASH
    local = value.astimezone(_zone(zone))
    now = datetime.now(UTC).astimezone(local.tzinfo)
    clock = f"{local:%H:%M}{NBSP}{_abbreviation(local)}"
    days = (local.date() - now.date()).days
    if -2 < days < 7:
        return f"{local:%a}{NBSP}{clock}"
    if local.year == now.year:
        return f"{local:%a} {local.day}{NBSP}{local:%b}, {clock}"
    return f"{local.day}{NBSP}{local:%b %Y}, {clock}"


@register.filter
def moment(value: datetime | None, zone: object = "") -> str:
    """`Friday 20 November 2026, 20:52 CET`: the long form, for "as of" lines and documents."""
    if value is None:
        return DASH
    local = value.astimezone(_zone(zone))
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M}{NBSP}{_abbreviation(local)}"


@register.filter
def clock_time(value: datetime | None, zone: object = "") -> str:
    """`14:31`, where the day is named nearby."""
    return DASH if value is None else f"{value.astimezone(_zone(zone)):%H:%M}"


@register.filter(name="date")
def day(value: date | datetime | str | None, pattern: str | None = None) -> str:
    """`20 Nov 2026`, an instant in the viewer's zone. With a pattern it is Django's own filter."""
    if pattern is not None:
        return str(django_date(value, pattern))
    if value is None or value == "":
        return DASH
    if isinstance(value, str):
        return value
    local = value.astimezone(_zone("")) if isinstance(value, datetime) else value
    return f"{local.day}{NBSP}{local:%b}{NBSP}{local.year}"


# The first that matches counts: most browsers also name the ones they descend from.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"))


@register.filter
def browser(agent: str) -> str:
    """`Chrome on Linux` of a User-Agent header, so that a person recognizes a session."""
    name = next((name for mark, name in _BROWSERS if mark in agent), "Unknown browser")
    system = next((f" on {name}" for mark, name in _SYSTEMS if mark in agent), "")
    return name + system


@register.filter
def initials(name: object) -> str:
    """`AL` of Alder Legal: the first letters of the first and the last word."""
    words = [word for word in str(name).split() if word[:1].isalnum()]
    if not words:
        return "?"
    return (words[0][:2] if len(words) == 1 else words[0][0] + words[-1][0]).upper()
