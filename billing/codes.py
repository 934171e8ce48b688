"""Codes that an invoice prints: countries of ISO 3166-1 and the currencies of ISO 4217 that are legal tender today."""

from __future__ import annotations

from babel import Locale
from babel.numbers import get_territory_currencies

# Regions that Unicode names with two letters and ISO 3166-1 does not assign.
_UNASSIGNED = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
_NAMES = Locale("en")

COUNTRIES: dict[str, str] = {
    code: name
    for code, name in sorted(_NAMES.territories.items(), key=lambda pair: pair[1])
    if len(code) == 2 and code.isalpha() and code not in _UNASSIGNED
}
_TENDER = {currency for country in COUNTRIES for currency in get_territory_currencies(country)}
CURRENCIES: dict[str, str] = {code: _NAMES.currencies[code] for code in sorted(_TENDER)}
