"""Money in Decimal: currency exponents, rounding by name, and exact allocation.

Two roundings exist in the product, and each is named where it is chosen:

* **half up** (`round_money`): a tie goes away from zero, so −0.005 becomes −0.01 and a credit mirrors its charge to the cent;
* **up to a step** (`round_up_to`): a begun unit counts as whole, as six-minute units and packages of 100 do.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext

# Digits after the point, ISO 4217; every currency not listed has two.
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
# Wide enough that sums and products of any money or quantity the product stores stay exact.
EXACT = Context(prec=80)


class NotDecimal(TypeError):
    """A float, or another type that cannot carry money, reached a money function."""


def exponent(currency: str) -> int:
    """Digits after the point in `currency` (ISO 4217 code): USD 2, JPY 0, BHD 3."""
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise ValueError(f"not an ISO 4217 currency code: {currency!r}")
    return _EXPONENTS.get(currency, 2)


def smallest_unit(currency: str) -> Decimal:
    """The smallest amount `currency` can express: 0.01 for USD, 1 for JPY."""
    return Decimal(1).scaleb(-exponent(currency))


def require_decimal(*values: object) -> None:
    """Raise `NotDecimal` unless every value is a finite Decimal: bool, int and float are refused alike."""
    for value in values:
        if not isinstance(value, Decimal):
            raise NotDecimal(f"money and quantities are Decimal, not {type(value).__name__}: {value!r}")
        if not value.is_finite():
            raise NotDecimal(f"not a finite number: {value}")


def round_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` at the currency's exponent, half up (a tie goes away from zero); never a negative zero."""
    require_decimal(amount)
    rounded = amount.quantize(smallest_unit(currency), ROUND_HALF_UP, context=EXACT)
    return abs(rounded) if rounded.is_zero() else rounded


def is_money(amount: Decimal, currency: str) -> bool:
    """Whether `amount` has no more digits than `currency` can express."""
    return amount == round_money(amount, currency)


def round_up_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `value`: a begun unit counts as whole."""
    require_decimal(value, step)
    if step <= 0:
        raise ValueError(f"a step is above zero, not {step}")
    with localcontext(EXACT):
        return (value / step).to_integral_value(ROUND_CEILING) * step if value % step else value


def add(*amounts: Decimal) -> Decimal:
    """The exact sum, whatever precision the calling thread's decimal context has."""
    with localcontext(EXACT):
        return sum(amounts, Decimal(0))


def largest_remainder(total: Decimal, weights: Sequence[Decimal], currency: str) -> tuple[Decimal, ...]:
    """Split `total` in proportion to `weights`, each share at the currency's exponent, the shares summing to `total` exactly.

    Every share is cut toward zero, then the missing units go one each to the largest remainders; ties go to the earlier position.
    Raises `ValueError` for a total finer than the currency, a negative weight, or weights that sum to zero.
    """
    require_decimal(total, *weights)
    if not is_money(total, currency):
        raise ValueError(f"{total} is finer than {currency} can express")
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is never negative")
    unit, whole = smallest_unit(currency), add(*weights)
    if not whole:
        raise ValueError("weights sum to zero, so there is nothing to share by")
    with localcontext(EXACT):
        # Remainders are compared as exact numerators over the common denominator `whole`; a quotient would have been rounded.
        units = abs(total) / unit
        cuts = [(units * weight / whole).to_integral_value(ROUND_DOWN) for weight in weights]
        remainders = [units * weight - cut * whole for weight, cut in zip(weights, cuts, strict=True)]
        missing = int(units - sum(cuts, Decimal(0)))
    first = sorted(range(len(weights)), key=lambda position: (-remainders[position], position))[:missing]
    sign = -1 if total < 0 else 1
    shares = [sign * (cut + (position in first)) * unit for position, cut in enumerate(cuts)]
    return tuple(round_money(share, currency) for share in shares)
