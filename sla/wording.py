"""Promises and figures in plain English, the same on every page and in every document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from engagements import states
from lpo.core.templatetags.formats import duration
from sla.attain import percent as percent_of
from sla.models import Attainment, LevelKind, ServiceLevelVersion, Unit
from sla.verdict import Basis, Counted, misses_allowed, ordinal

_WORK = {states.WORK: "work", states.ENQUIRY: "enquiries", states.ERROR: "errors"}
_VERB = {
    states.DELIVERED: "delivered",
    states.ACCEPTED: "accepted",
    states.ACKNOWLEDGED: "acknowledged",
    states.ANSWERED: "answered",
    states.CORRECTED: "corrected",
    states.IN_REVIEW: "taken into review",
    states.QUALITY_CHECK: "in quality check",
}
_PARTY = {"client": "the client", "third_party": "a third party"}


def number(value: Decimal | Fraction) -> str:
    """95, 99.5: all digits, no empty decimals."""
    text = f"{Decimal(value) if isinstance(value, Decimal) else Decimal(value.numerator) / Decimal(value.denominator):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def time_promised(version: ServiceLevelVersion) -> str:
    """24 hours · 2 business hours · 3 business days."""
    assert version.target is not None  # noqa: S101 -- accuracy levels are worded apart
    if version.unit == Unit.BUSINESS_DAYS:
        return f"{version.target} business day{'s' if version.target != 1 else ''}"
    of = "business " if version.unit == Unit.BUSINESS else ""
    hours, rest = divmod(version.target, 3600)
    if rest:
        minutes = Fraction(version.target, 60)
        return f"{number(minutes)} {of}minute{'s' if minutes != 1 else ''}"
    return f"{hours} {of}hour{'s' if hours != 1 else ''}"


def on_clock(seconds: int, version: ServiceLevelVersion) -> str:
    """Time on a level's clock: 6 h 24 min. Business time has no days of 24 hours, so its hours are not turned into days."""
    if version.unit == Unit.ELAPSED or abs(seconds) < 86_400:
        return duration(seconds)
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours:,}\N{NO-BREAK SPACE}h" + (f"\N{NO-BREAK SPACE}{minutes}\N{NO-BREAK SPACE}min" if minutes else "")


def used_of(used: int, target: int, version: ServiceLevelVersion) -> str:
    """1 d 45 min of 1 d: to the minute, and to the second where the minutes alone would not tell the two apart."""
    text, against = _in_full(used, version), _in_full(target, version)
    if text == against and used != target:
        text = _in_full(used, version, seconds_too=True)
    return f"{text} of {against}"


def _in_full(seconds: int, version: ServiceLevelVersion, *, seconds_too: bool = False) -> str:
    """Every unit that is not zero, for nothing is cut that a breach could hide in."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24) if version.unit == Unit.ELAPSED else (0, hours)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest if seconds_too or seconds < 60 else 0, "s")]
    kept = [f"{count:,}\N{NO-BREAK SPACE}{unit}" for count, unit in parts if count]
    return "\N{NO-BREAK SPACE}".join(kept) or "0\N{NO-BREAK SPACE}s"


def short_target(version: ServiceLevelVersion) -> str:
    """95 % within 24 hours · under 1 % errors."""
    if version.max_error_percent is not None:
        return f"under {number(version.max_error_percent)} % errors"
    assert version.expected_percent is not None  # noqa: S101 -- the database requires one or the other
    return f"{number(version.expected_percent)} % within {time_promised(version)}"


def subject(version: ServiceLevelVersion) -> str:
    """standard work · critical errors · enquiries."""
    narrowing = [word for word in (version.priority, version.severity) if word]
    return " ".join([*narrowing, _WORK[version.item_kind]])


def promise(version: ServiceLevelVersion, *, credited: bool = True) -> str:
    """The whole promise in sentences, to be read beside the contract. `credited`: whether a miss may earn its credit."""
    if version.max_error_percent is not None:
        unit = version.error_unit or "unit"
        text = (
            f"Fewer than {number(version.max_error_percent)} % of the {unit}s checked in delivered {subject(version)} may be wrong,"
            f" counted by {version.window} in {version.time_zone} by the day of the check."
        )
    else:
        text = _clock_promise(version)
    return " ".join([text, *_low_volume(version), *(_credit(version) if credited else [])])


def _low_volume(version: ServiceLevelVersion) -> Iterator[str]:
    """What softens the percentage where few are counted."""
    if version.allowed_misses:
        bands = ", ".join(f"{misses} with up to {most:,} counted" for most, misses in version.allowed_misses)
        yield f"At low volume the misses allowed are {bands}; above that the percentage decides."
    if version.roll_up_below:
        yield f"A {version.window} with fewer than {version.roll_up_below:,} counted is judged together with the end of its quarter."


def credit_share(version: ServiceLevelVersion) -> str:
    """What a default is worth; empty where the level earns no credit."""
    if version.pool_percent is not None and version.allocation_percent is not None:
        return f"{number(version.pool_percent)} % × {number(version.allocation_percent)} % of the amount at risk"
    return f"{number(version.credit_percent)} % of the credit base" if version.credit_percent else ""


def judged(version: ServiceLevelVersion, counted: Counted, basis: Basis) -> str:
    """What a verdict rests on, where it is not the bare percentage of the window."""
    if basis == Basis.ROLLED_UP:
        return f"Fewer than {version.roll_up_below:,} were counted: the {version.window} is judged together with the end of its quarter."
    together = ""
    if counted.carried_denominator:
        whole = result(counted.numerator + counted.carried_numerator, counted.denominator + counted.carried_denominator)
        together = f"With what was rolled up into it: {whole}."
    if basis == Basis.ALLOWED:
        whole_counted = counted.denominator + counted.carried_denominator
        allowed = misses_allowed(version.allowed_misses, whole_counted)
        together = f"{together} With {whole_counted:,} counted, {allowed} {'miss is' if allowed == 1 else 'misses are'} allowed.".strip()
    return together


def _credit(version: ServiceLevelVersion) -> Iterator[str]:
    """What a miss earns, and when it does."""
    if not (of := credit_share(version)):
        if version.minimum_percent is not None:
            yield f"The minimum is {number(version.minimum_percent)} %."
        return
    yield f"A missed {version.window} earns the client a credit of {of}."
    if version.minimum_percent is not None:
        yield (
            f"Below {number(version.minimum_percent)} % it is due at once; from there up to what is promised, from the"
            f" {ordinal(version.misses_before_default + 1)} miss within twelve months."
        )
    if version.no_credit_below:
        yield f"With fewer than {version.no_credit_below:,} counted no credit is due."


def _clock_promise(version: ServiceLevelVersion) -> str:
    assert version.expected_percent is not None  # noqa: S101 -- the database requires it of a level with a target
    share = "All" if version.expected_percent == 100 else f"{number(version.expected_percent)} % of"
    begins = "notification" if version.item_kind == states.ERROR else "receipt"
    text = f"{share} {subject(version)} must be {_VERB[version.stop_state]} within {time_promised(version)} of {begins}"
    if version.calendar_version is not None:
        text += f", counted on the calendar {version.calendar_version.calendar.name} ({version.calendar_version.time_zone})"
    text += ". "
    text += _pauses(version)
    which = "first delivery decides; later rework is shown, not counted" if version.decides == "first" else "last delivery decides"
    if version.stop_state == states.DELIVERED:
        text += f" The {which}."
    return f"{text} Measured by {version.window} in {version.time_zone}."


def _pauses(version: ServiceLevelVersion) -> str:
    if not version.pausing_parties:
        return "No pause stops the clock."
    parties = " or ".join(_PARTY.get(party, party) for party in version.pausing_parties)
    return f"Time spent waiting on {parties} does not count."


def result(numerator: int, denominator: int, *, places: int = 2) -> str:
    """36 of 40 = 90.00 %; not measured."""
    if not denominator:
        return "not measured"
    return f"{numerator:,} of {denominator:,} = {percent_of(Fraction(numerator, denominator), places)} %"


def method(version: ServiceLevelVersion) -> str:
    """How a figure of this promise is counted, for who reads the figure without the page behind it."""
    if version.max_error_percent is not None:
        unit = version.error_unit or "unit"
        return (
            f"Wrong {unit}s of those checked in delivered work, by the day of the check; what is found before delivery does not count."
            " The measured rate decides; the interval says how strongly it is shown."
        )
    return (
        f"Each piece of work counts once, in the {version.window} that holds the earlier of its end and its due time: met if it had ended"
        " by then. Pending and excluded work is outside the fraction; the exact fraction is compared."
    )


def credit_formula(version: ServiceLevelVersion, attainment: Attainment, shares: Mapping[str, str], why: str = "") -> str:
    """5 % of the credit base for October 2026: 36 of 40 = 90.00 % against 95 %."""
    against = (
        f"against under {number(version.max_error_percent)} %"
        if version.max_error_percent is not None
        else f"against {number(version.expected_percent or Decimal(0))} %"
    )
    counted = result(attainment.numerator + attainment.carried_numerator, attainment.denominator + attainment.carried_denominator)
    worth = (
        f"{shares['pool_percent']} % × {shares['allocation_percent']} % × {shares['at_risk_percent']} %"
        if "pool_percent" in shares
        else f"{shares['credit_percent']} %"
    )
    return " ".join(filter(None, [f"{worth} of the credit base for {attainment.label}: {counted} {against}.", why])).removesuffix(".")


def kind_label(version: ServiceLevelVersion) -> str:
    return str(LevelKind(version.level.kind).label)
