"""How strongly a measured error rate is shown, in words. The contract's own result does not depend on it."""

from __future__ import annotations

from sla import wording
from sla.queries import Figure
from sla.statistics import clopper_pearson, under_limit


def interval_text(figure: Figure) -> str:
    """0.15–2.18 %: the exact two-sided 95 % interval of an error rate; empty where none was measured."""
    interval = clopper_pearson(figure.numerator, figure.denominator) if figure.accuracy else None
    return "" if interval is None else f"{interval.low * 100:.2f}–{interval.high * 100:.2f} %"


def strength(figure: Figure) -> str:
    """The interval, and whether the limit is statistically shown or what would show it."""
    interval = interval_text(figure)
    if not interval:
        return ""
    limit = under_limit(figure.numerator, figure.denominator, float(figure.goal))
    text = f"The exact two-sided 95 % interval is {interval}."
    shown = wording.number(figure.version.max_error_percent) if figure.version.max_error_percent is not None else ""
    if limit.shown:
        return f"{text} Under {shown} % is statistically shown."
    more = f"{limit.more_clean:,} further checks without an error would show it (one-sided, 95 %)."
    return f"{text} Under {shown} % is not statistically shown; {more}"
