"""The permission matrix as files people read: `matrix.csv` for pages, `matrix_api.csv` for the API."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tests.guards.world import ROLES

HERE = Path(__file__).parent
PAGES, API = HERE / "matrix.csv", HERE / "matrix_api.csv"
COLUMNS = ["address", "method", *ROLES, "anonymous"]
ALLOWED, REFUSED, HIDDEN, SIGN_IN = "yes", "no", "404", "sign-in"


@dataclass(frozen=True)
class Row:
    address: str
    method: str
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.address}"


def read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(line.pop("address"), line.pop("method"), line) for line in csv.DictReader(file)]
