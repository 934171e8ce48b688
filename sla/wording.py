"""Promises and figures in plain English, the same on every page and in every document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from engagements import states
from lpo.core.plurals import plural_of
from lpo.core.templatetags.formats import duration
from sla.attain import percent as percent_of
from sla.bearing import Bearing
from sla.models import Adjudicator, LevelKind, Population, ServiceLevelVersion, Severity, Unit, VolumeBy
from sla.statistics import clopper_pearson, under_limit
from sla.verdict import Basis, Counted, Test, bound_of, confidence_of, in_sample, misses_allowed, ordinal
from sla.volume import Volume

_WORK = {states.WORK: "work", states.ENQUIRY: "enquiries", states.ERROR: "errors"}
_ABOUT = {states.ENQUIRY: "about", states.ERROR: "in"}
_VERB = {
    states.DELIVERED: "delivered",
    states.ACCEPTED: "accepted",
    states.ACKNOWLEDGED: "acknowledged",
    states.ANSWERED: "answered",
    states.CORRECTED: "corrected",
    states.IN_REVIEW: "taken into review",
    states.QUALITY_CHECK: "in quality check",
}
_BEGINS = {states.ASSIGNED: "assignment", states.IN_REVIEW: "the start of review"}
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
    text, against = in_full(used, version), in_full(target, version)
    if text == against and used != target:
        text = in_full(used, version, seconds_too=True)
    return f"{text} of {against}"


def in_full(seconds: int, version: ServiceLevelVersion, *, seconds_too: bool = False) -> str:
    """Every unit that is not zero, for nothing is cut that a breach could hide in."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24) if version.unit == Unit.ELAPSED else (0, hours)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest if seconds_too or seconds < 60 else 0, "s")]
    kept = [f"{count:,}\N{NO-BREAK SPACE}{unit}" for count, unit in parts if count]
    return "\N{NO-BREAK SPACE}".join(kept) or "0\N{NO-BREAK SPACE}s"


def short_target(version: ServiceLevelVersion) -> str:
    """95 % within 24 hours · under 1 % errors."""
    if version.min_volume is not None:
        return f"at least {volume_promised(version)} a {version.window}"
    if version.test == Test.ACCEPTANCE:
        return f"at most {version.accepted_errors:,} errors in {version.accepted_sample:,}"
    if version.max_error_percent is not None:
        by = f", upper bound at {number(version.test_confidence_percent)} %" if version.test_confidence_percent is not None else ""
        return f"under {number(version.max_error_percent)} % errors{by}"
    assert version.expected_percent is not None  # noqa: S101 -- the database requires one or the other
    return f"{number(version.expected_percent)} % within {time_promised(version)}"


def subject(version: ServiceLevelVersion) -> str:
    """standard work · critical errors · enquiries · urgent mutual NDAs and MSAs · errors in mutual NDAs."""
    narrowing = [word for word in (version.priority, version.severity) if word]
    types = listed(sorted(plural_of(name) for name in version.item_types.values()))
    if types and version.item_kind == states.WORK:
        return " ".join([*narrowing, types])
    return " ".join([*narrowing, _WORK[version.item_kind], *([_ABOUT[version.item_kind], types] if types else [])])


def listed(names: Sequence[str]) -> str:
    """a · a and b · a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def promise(version: ServiceLevelVersion, *, credited: bool = True) -> str:
    """The whole promise in sentences, to be read beside the contract. `credited`: whether a miss may earn its credit."""
    if version.min_volume is not None:
        text = " ".join(_volume_promise(version))
    elif version.max_error_percent is not None:
        text = " ".join(_rate_promise(version))
    else:
        text = _clock_promise(version)
    return " ".join([text, *_low_volume(version), *(_credit(version) if credited else [])])


def volume_promised(version: ServiceLevelVersion) -> str:
    """1,200 units · 40 items."""
    return f"{grouped(version.min_volume or Decimal(0))} {version.volume_by}"


def grouped(value: Decimal) -> str:
    """1,200 · 1,200.5."""
    return f"{value.normalize():,f}"


def _volume_promise(version: ServiceLevelVersion) -> Iterator[str]:
    """What is to be delivered, how it is counted, and what becomes of it where less was there."""
    yield (
        f"At least {volume_promised(version)} of {subject(version)} must be delivered in each {_window(version).rstrip(',')}"
        f", in {version.time_zone}."
    )
    each = "An item counts as one" if version.volume_by == VolumeBy.ITEMS else "An item counts with its quantity"
    yield f"{each}, in the {version.window} of its first delivery; later rework is not counted."
    if version.volume_offered:
        yield (
            "Where less was there to deliver, all of that is due: what was open when it began or was received until its end, and was"
            " not cancelled by then."
        )
    else:
        yield "That holds however much was received."


def judged_volume(version: ServiceLevelVersion, volume: Volume | None) -> str:
    """What is due where less was there than promised, and what is missing while the window runs."""
    if volume is None or version.min_volume is None:
        return ""
    by, said = version.volume_by, []
    if volume.binding:
        due = f"{grouped(volume.required)} {by}", f"of {grouped(volume.promised)} promised"
        said.append(
            f"So far {due[0]} are there to deliver, {due[1]}." if volume.running else f"{due[0]} were there, {due[1]}: all of it was due."
        )
    if volume.running and volume.short:
        said.append(f"{grouped(volume.short)} more {by} reach it.")
    return " ".join(said)


def _rate_promise(version: ServiceLevelVersion) -> Iterator[str]:
    """What may be wrong, what decides it, which checks count, what severities count, who decides where two reviews differ."""
    unit, limit = version.error_unit or "unit", number(version.max_error_percent or Decimal(0))
    when = f"counted by {_window(version)} in {version.time_zone} by the day of the check"
    if version.test == Test.ACCEPTANCE:
        yield (
            f"In a sample of at least {version.accepted_sample:,} {unit}s of delivered {subject(version)} at most"
            f" {version.accepted_errors:,} may be wrong, {when}. It stands for a rate under {limit} %."
        )
    else:
        yield f"Fewer than {limit} % of the {unit}s checked in delivered {subject(version)} may be wrong, {when}."
    if version.test == Test.UPPER_BOUND and version.test_confidence_percent is not None:
        confidence = number(version.test_confidence_percent)
        yield f"Tested is the exact upper bound of the rate, one-sided at {confidence} %, not the measured rate."
    if version.population == Population.RANDOM:
        yield "Only checks of random samples count; strata drawn out of proportion weigh what they stand for."
    if version.severity_weights:
        counted = [
            f"a {severity} one {version.severity_weights[severity]}" for severity in Severity.values if severity in version.severity_weights
        ]
        yield f"By severity an error counts 1, {', '.join(counted)}."
    if version.adjudicator and version.adjudicator != Adjudicator.NONE:
        yield f"Where two reviews differ, {Adjudicator(version.adjudicator).label.lower()} decides."


def bound_text(bound: float, limit: Decimal | None) -> str:
    """1.93 %: with as many digits as it takes not to read as the limit it lies beside."""
    texts = (f"{bound * 100:.{places}f}" for places in range(2, 9))
    return f"{next((text for text in texts if limit is None or Decimal(text) != limit), f'{bound * 100:.8f}')} %"


def strength(version: ServiceLevelVersion, counted: Counted) -> str:
    """Under 1 % not statistically shown (upper bound 1.93 %, one-sided at 95 %); 373 more without an error would show it. Empty where
    nothing was checked. It stands apart from the contract's result."""
    errors, units = in_sample(counted)
    interval = clopper_pearson(errors, units)
    limit = float(Fraction(version.max_error_percent or 0) / 100)
    if interval is None or not 0 < limit < 1:
        return ""
    shown = under_limit(errors, units, limit, confidence_of(version))
    bound = f"upper bound {bound_text(shown.upper_bound, version.max_error_percent)}, one-sided at {confidence_of(version) * 100:g} %"
    said = f"under {number(version.max_error_percent or Decimal(0))} % {'' if shown.shown else 'not '}statistically shown ({bound})"
    more = "" if shown.shown else f"; {shown.more_clean:,} more without an error would show it"
    return f"{said[0].upper()}{said[1:]}{more}. The exact two-sided 95 % interval is {interval.text}."


def tested(version: ServiceLevelVersion) -> str:
    """What the contract tests, to be said beside the strength of the figure."""
    if version.test == Test.UPPER_BOUND:
        return "The contract tests this bound."
    return "The contract tests an acceptance plan." if version.test == Test.ACCEPTANCE else "The contract tests the measured rate."


def measured(state: str, version: ServiceLevelVersion, counted: Counted) -> str:
    """Met, 3 of 400 clauses, 0.75 %; where something weighs, the rate as weighed."""
    share = counted.fraction
    if share is None:
        return "Not measured"
    weighed = ", weighed" if counted.rate is not None else ""
    return f"{state}, {counted.numerator:,} of {counted.denominator:,} {version.error_unit or 'unit'}s, {percent_of(share)} %{weighed}"


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
    if basis == Basis.BOUND:
        limit = version.max_error_percent or Decimal(0)
        bound = bound_text(bound_of(version, counted), limit)
        return f"The upper bound of the rate, {bound}, is what is held against {number(limit)} %."
    if basis in (Basis.ACCEPTANCE, Basis.SHORT):
        plan = f"at most {version.accepted_errors:,} errors are accepted in a sample of at least {version.accepted_sample:,}"
        return f"{counted.denominator:,} were checked: {plan}{', so nothing is decided yet' if basis == Basis.SHORT else ''}."
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
    if version.earn_back_percent is not None and version.earn_back_windows is not None:
        yield f"It is given back once {earn_back(version)}."
    if version.no_credit_below:
        yield f"With fewer than {version.no_credit_below:,} counted no credit is due."


def earn_back(version: ServiceLevelVersion) -> str:
    """The next month reaches 98 %; each of the next 3 months stays under 0.5 % errors."""
    target, windows = number(version.earn_back_percent or Decimal(0)), version.earn_back_windows or 1
    which = f"the next {version.window}" if windows == 1 else f"each of the next {windows} {version.window}s"
    return f"{which} stays under {target} % errors" if version.max_error_percent is not None else f"{which} reaches {target} %"


def _clock_promise(version: ServiceLevelVersion) -> str:
    assert version.expected_percent is not None  # noqa: S101 -- the database requires it of a level with a target
    share = "All" if version.expected_percent == 100 else f"{number(version.expected_percent)} % of"
    begins = "notification" if version.item_kind == states.ERROR else _BEGINS.get(version.start_state, "receipt")
    text = f"{share} {subject(version)} must be {_VERB[version.stop_state]} within {time_promised(version)} of {begins}"
    if version.calendar_version is not None:
        text += f", counted on the calendar {version.calendar_version.calendar.name} ({version.calendar_version.time_zone})"
    text += ". "
    text += _pauses(version)
    which = "first delivery decides; later rework is shown, not counted" if version.decides == "first" else "last delivery decides"
    if version.stop_state == states.DELIVERED:
        text += f" The {which}."
    return f"{text} Measured by {_window(version)} in {version.time_zone}."


def _window(version: ServiceLevelVersion) -> str:
    return "week, Monday to Sunday," if version.window == "week" else str(version.window)


def _pauses(version: ServiceLevelVersion) -> str:
    if not version.pausing_parties:
        return "No pause stops the clock."
    parties = " or ".join(_PARTY.get(party, party) for party in version.pausing_parties)
    return f"Time spent waiting on {parties} does not count."


def result(numerator: int, denominator: int, *, weighed: Fraction | None = None) -> str:
    """36 of 40 = 90.00 %; 2 of 150 = 1.33 %, weighed 1.00 %; not measured."""
    if not denominator:
        return "not measured"
    text = f"{numerator:,} of {denominator:,} = {percent_of(Fraction(numerator, denominator))} %"
    return text if weighed is None else f"{text}, weighed {percent_of(weighed)} %"


def method(version: ServiceLevelVersion) -> str:
    """How a figure of this promise is counted, for who reads the figure without the page behind it."""
    if version.min_volume is not None:
        return (
            f"Each piece of work counts once, in the {version.window} of its first delivery, as {version.volume_by}; excluded work is left"
            " out. What was delivered is compared with what was due."
        )
    if version.max_error_percent is not None:
        unit = version.error_unit or "unit"
        return (
            f"Wrong {unit}s of those checked in delivered work, by the day of the check; what is found before delivery does not count."
            f" {tested(version)} The interval says how strongly the rate is shown."
        )
    return (
        f"Each piece of work counts once, in the {version.window} that holds the earlier of its end and its due time: met if it had ended"
        " by then. Pending and excluded work is outside the fraction; the exact fraction is compared."
    )


def bears(found: Bearing, version: ServiceLevelVersion) -> str:
    """How many further misses a running window bears, in words."""
    if found.bears is None:
        return f"Too few are counted: the {version.window} is judged together with the end of its quarter."
    accuracy = version.max_error_percent is not None
    noun = "error" if accuracy else "miss"
    if found.bears < 0:
        if accuracy:
            return "Over its limit already."
        return f"Missed even with {_open_ones(found)} in time." if found.open_ones else "Below target already."
    if accuracy:
        return f"Bears {found.bears:,} more {noun}{'' if found.bears == 1 else 's'} in the units checked so far."
    if not found.open_ones:
        return "Bears a further miss." if found.bears else "Bears no further miss."
    if found.bears >= found.open_ones:
        return f"Bears all {found.open_ones:,} open ones late." if found.open_ones > 1 else "Bears the open one late."
    return (
        f"Bears {found.bears:,} of the {found.open_ones:,} open ones late." if found.bears else f"Bears none of {_open_ones(found)} late."
    )


def _open_ones(found: Bearing) -> str:
    return f"the {found.open_ones:,} open ones" if found.open_ones > 1 else "the open one"


def costs(found: Bearing, version: ServiceLevelVersion, percent: Decimal, money: str) -> str:
    """What the misses that it does not bear would cost; empty where there are none. `money`: the percentage in money, where known."""
    noun = "error" if version.max_error_percent is not None else "miss"
    if found.costs_from is None:
        return found.ruling.why
    if not percent:
        return "No credit is agreed for it."
    worth = f"{number(percent)} % of the credit base{f': {money}' if money else ''}"
    begins = "As it stands it" if found.costs_from == 0 else f"The {ordinal(found.costs_from)} further {noun}"
    return " ".join(filter(None, [f"{begins} earns the client {worth}.", found.ruling.why]))


def held_against(version: ServiceLevelVersion, counted: Counted) -> str:
    """36 of 40 = 90.00 % against 95 %; with the upper bound where that is what the contract tests."""
    whole = counted.numerator + counted.carried_numerator, counted.denominator + counted.carried_denominator
    if version.min_volume is not None:
        return f"{result(*whole)} of what was due; at least {volume_promised(version)} promised"
    text = result(*whole, weighed=counted.rate)
    if version.test == Test.ACCEPTANCE:
        return f"{text}; at most {version.accepted_errors:,} accepted in a sample of at least {version.accepted_sample:,}"
    if version.max_error_percent is None:
        return f"{text} against {number(version.expected_percent or Decimal(0))} %"
    bound = f", upper bound {bound_text(bound_of(version, counted), version.max_error_percent)}" if version.test == Test.UPPER_BOUND else ""
    return f"{text}{bound} against under {number(version.max_error_percent)} %"


def credit_formula(version: ServiceLevelVersion, counted: Counted, label: str, shares: Mapping[str, str], why: str = "") -> str:
    """5 % of the credit base for October 2026: 36 of 40 = 90.00 % against 95 %."""
    worth = (
        f"{shares['pool_percent']} % × {shares['allocation_percent']} % × {shares['at_risk_percent']} %"
        if "pool_percent" in shares
        else f"{shares['credit_percent']} %"
    )
    said = f"{worth} of the credit base for {label}: {held_against(version, counted)}."
    return " ".join(filter(None, [said, why])).removesuffix(".")


def kind_label(version: ServiceLevelVersion) -> str:
    return str(LevelKind(version.level.kind).label)
