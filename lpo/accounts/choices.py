"""What the rooms above offer to choose from. Accounts cannot import them, so they hand it in when they start."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def _none() -> Sequence[tuple[int, str]]:
    return ()


# The clients a viewer may be given, as (id, label), of the organization in scope. `engagements` fills it in AppConfig.ready:
#     choices.client_choices = queries.client_choices
client_choices: Callable[[], Sequence[tuple[int, str]]] = _none
