"""Charts as numbers: what a template needs to draw an SVG on the server. No markup, no script, no measuring in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from lpo.core.templatetags.formats import DASH, percent_text
from lpo.core.templatetags.formats import target as target_text

_TOP, _BOTTOM = 20, 150  # y of the upper and lower edge of the plot, in pixels
_LEFT = 6  # percent of the width left to the axis labels
MAX_POINTS = 24


@dataclass(frozen=True)
class Point:
    """One measured window: `share` is exact (0 to 1) or None where nothing was counted; `open` while its window is still open.

    `met` is the verdict under its contract, which the height alone does not tell: None where it is not judged, or not yet.
    """

    label: str
    share: Fraction | None
    counted: int
    met: bool | None
    name: str = ""
    open: bool = False

    @property
    def spoken(self) -> str:
        return self.name or self.label


@dataclass(frozen=True)
class Mark:
    """A point with its place: x in percent of the width, y in pixels."""

    point: Point
    kind: str
    state: str
    text: str
    x: str
    y: str
    text_y: str


@dataclass(frozen=True)
class Tick:
    label: str
    y: str
    text_y: str


@dataclass(frozen=True)
class AttainmentChart:
    """Attainment over windows as stems from the target to a dot, the number counted beneath each."""

    title: str
    caption: str
    summary: str
    target_label: str
    target_y: str
    target_text_y: str
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]


def attainment_chart(
    title: str, points: Sequence[Point], target: Fraction, *, lower_is_better: bool = False, window: str = "month", beneath: str = "counted"
) -> AttainmentChart:
    """Lay out at most 24 windows against one target share.

    The axis runs to 100, or to what is beyond, from a round number under everything shown; a rate that should be low runs from 0.
    """
    shown = list(points)[-MAX_POINTS:]
    low, high = _axis([point.share for point in shown if point.share is not None], target, lower_is_better)
    place = _Scale(low, high)
    marks = tuple(_mark(point, index, len(shown), target, place, lower_is_better) for index, point in enumerate(shown))
    caption = (
        f"{title}, by {window}, in percent. Axis from {_number(low)} to {_number(high)}; target {_number(target)}, dashed. "
        f"Under each {window}, how many were {beneath}."
    )
    ticks = tuple(
        Tick(_number(share), _px(place.y(share)), _px(place.y(share) + 4))
        for share in (high, low)
        if abs(place.y(share) - place.y(target)) > 12
    )
    return AttainmentChart(
        title,
        caption,
        _summary(shown, target, lower_is_better, window),
        _number(target),
        _px(place.y(target)),
        _px(place.y(target) + 4),
        ticks,
        marks,
    )


@dataclass(frozen=True)
class _Scale:
    low: Fraction
    high: Fraction

    def y(self, share: Fraction) -> Fraction:
        return _BOTTOM - (share - self.low) / (self.high - self.low) * (_BOTTOM - _TOP)


def _axis(shares: Sequence[Fraction], target: Fraction, lower_is_better: bool) -> tuple[Fraction, Fraction]:
    if lower_is_better:
        highest = max([*shares, target * 2, Fraction(1, 100)])
        return Fraction(0), min(Fraction(1), Fraction((highest * 100).__ceil__(), 100))
    lowest = min([*shares, target])
    # Steps of five percent, with room for a label under the lowest dot.
    # What is delivered may be more than what was due.
    highest = Fraction((max([*shares, Fraction(1)]) * 20).__ceil__(), 20)
    return max(Fraction(0), Fraction(((lowest - Fraction(1, 100)) * 20).__floor__(), 20)), highest


def _mark(point: Point, index: int, count: int, target: Fraction, place: _Scale, lower_is_better: bool) -> Mark:
    x = f"{float(_LEFT + Fraction(100 - _LEFT, count) * (2 * index + 1) / 2):.2f}%"
    if point.share is None:
        return Mark(point, "draft", "Not measured", DASH, x, _px(place.y(target)), _px(place.y(target) - 12))
    y = place.y(point.share)
    kind = {True: "met", False: "breach", None: "progressing"}[point.met]
    state = {True: "Met", False: "Missed", None: "Not decided"}[point.met] + (" so far" if point.open and point.met is not None else "")
    text = percent_text(point.share, target, lower_is_better=lower_is_better)
    return Mark(point, kind, state, text, x, _px(y), _px(y - 11 if point.share >= target else y + 20))


def _summary(points: Sequence[Point], target: Fraction, lower_is_better: bool, window: str) -> str:
    measured = [(point, point.share) for point in points if point.share is not None]
    if not measured:
        return f"Nothing measured in {len(points)} {window}s"
    shares = [share for _, share in measured]
    failed = [point.spoken for point, _ in measured if point.met is False]
    low, high = (percent_text(edge, target, lower_is_better=lower_is_better) for edge in (min(shares), max(shares)))
    against = f"{'the limit' if lower_is_better else 'the target'} of {_number(target)}"
    verdict = f"{_joined(failed) if failed else 'none'} missed"
    return f"{len(measured)} measured {window}s between {low} and {high} percent against {against}; {verdict}"


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _number(share: Fraction) -> str:
    return target_text(share).removesuffix("%").strip()


def _px(value: Fraction | int) -> str:
    return f"{float(value):.1f}"


@dataclass(frozen=True)
class Bar:
    label: str
    text: str
    width: str
    end: str
    y: int
    text_y: int


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars from zero, each with its value at the end."""

    title: str
    caption: str
    summary: str
    unit: str
    height: int
    bars: tuple[Bar, ...]


def bar_chart(title: str, rows: Sequence[tuple[str, Fraction | int, str]], *, unit: str, caption: str = "") -> BarChart:
    """Rows of (label, amount at or above zero, amount as written), drawn from zero."""
    largest = max([Fraction(amount) for _, amount, _ in rows], default=Fraction(0)) or Fraction(1)
    bars = tuple(
        _bar(label, max(Fraction(0), Fraction(amount)) / largest, text, index * 32 + 8) for index, (label, amount, text) in enumerate(rows)
    )
    summary = "; ".join(f"{label}: {text} {unit}" for label, _, text in rows) or "No data"
    return BarChart(title, caption or f"{title}, in {unit}. Bars start at zero.", summary, unit, max(1, len(rows)) * 32 + 4, bars)


def _bar(label: str, share: Fraction, text: str, y: int) -> Bar:
    # Labels and values take a quarter of the width each, so that both fit on a phone; the longest bar has what is left.
    width = share * 48
    return Bar(label, text, f"{float(width):.2f}%", f"{float(24 + width):.2f}%", y, y + 13)
