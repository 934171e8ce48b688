"""Each check is written once and runs in two sizes: small in bin/test, in full (mark `proof`) by bin/proof."""

from __future__ import annotations

import os
from typing import Any

import pytest

PROOF = os.environ.get("LPO_PROOF") == "1"


def sizes(name: str, small: Any, full: Any) -> pytest.MarkDecorator:
    """`@sizes("kills", 5, 200)`; several values at once as in `sizes("kills, rounds", (5, 1), (200, 20))`."""
    return pytest.mark.parametrize(
        name, [pytest.param(*_row(small), id="small"), pytest.param(*_row(full), id="full", marks=pytest.mark.proof)]
    )


def _row(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
