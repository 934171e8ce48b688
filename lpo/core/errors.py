"""What an action says when it will not do what was asked. Pages show it beside the field, the API as a problem document."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """The input is not acceptable. `field` names what to correct, None when it is the whole."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class StaleVersion(Refused):
    """Somebody else saved first. `theirs` and `yours` hold the values that differ, by field; `version` is the row's as it stands."""

    def __init__(
        self,
        message: str,
        *,
        theirs: Mapping[str, object] | None = None,
        yours: Mapping[str, object] | None = None,
        version: int | None = None,
    ) -> None:
        super().__init__(message, "version")
        self.version = version
        self.theirs = dict(theirs or {})
        self.yours = dict(yours or {})


class Conflicting(Refused):
    """What was sent contradicts what is there already under the same name; the message names what differs."""
