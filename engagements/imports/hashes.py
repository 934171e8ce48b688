"""A growing set of texts in eight bytes each. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Hashes:
    """Remembers texts by their hash: `met` may, very rarely, take a text for another one."""

    def __init__(self) -> None:
        self._known = np.zeros(0, dtype=np.int64)

    def add(self, texts: Sequence[str]) -> None:
        fresh = np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts))
        # Two sorted runs: a stable sort merges them in one pass.
        self._known = np.sort(np.concatenate([self._known, np.sort(fresh)]), kind="stable")

    def met(self, texts: Sequence[str]) -> list[int]:
        """Places of the texts that were, in all likelihood, added before."""
        hashes = np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts))
        places = np.searchsorted(self._known, hashes)
        inside = np.flatnonzero(places < len(self._known))
        return [int(place) for place in inside[self._known[places[inside]] == hashes[inside]]]
