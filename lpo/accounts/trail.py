"""Where the acts of this room are recorded. The audit room lies above, so it hands its `record` in when it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lpo.accounts.actor import Actor


class Recorder(Protocol):
    def __call__(
        self,
        *,
        by: Actor,
        action: str,
        target: Any,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        ids: Sequence[int] | None = None,
        reference: str = "",
    ) -> Any: ...


_recorder: Recorder | None = None


def register(recorder: Recorder) -> None:
    """Called once, by the audit room's AppConfig.ready."""
    global _recorder
    _recorder = recorder


def record(
    *,
    by: Actor,
    action: str,
    target: Any,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reference: str = "",
) -> None:
    """Write one audit event inside the caller's transaction. Raises `RuntimeError` when nobody listens: no act goes unrecorded."""
    if _recorder is None:
        raise RuntimeError("No audit trail is registered; lpo.audit must be installed.")
    _recorder(by=by, action=action, target=target, before=before, after=after, reference=reference)
