"""What several of a unit are called."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.units import counted_in, several


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("letter", "letters"),
        ("NDA", "NDAs"),
        ("batch", "batches"),
        ("box", "boxes"),
        ("address", "addresses"),
        ("summary", "summaries"),
        ("day", "days"),
        ("person", "people"),
        ("review hour", "review hours"),
        ("page of text", "pages of text"),
        ("package of 100 documents", "packages of 100 documents"),
        ("GB", "GB"),
        ("seats", "seats"),
        ("y", "ys"),
        ("", ""),
    ],
)
def test_the_rule_of_english(one: str, many: str) -> None:
    assert several(one) == many


def test_what_the_term_says_wins() -> None:
    assert several("Akte", "Akten") == "Akten"
    assert counted_in(Decimal(2), "brief", "brieves") == "brieves"


@pytest.mark.parametrize(
    ("quantity", "word"), [("1", "letter"), ("1.0000", "letter"), ("-1", "letter"), ("0", "letters"), ("25", "letters"), ("0.5", "letters")]
)
def test_one_alone_is_singular(quantity: str, word: str) -> None:
    assert counted_in(Decimal(quantity), "letter") == word
