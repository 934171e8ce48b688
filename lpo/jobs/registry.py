"""Which function does which kind of job, and which kinds run by the clock."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar, overload

from django.utils.module_loading import autodiscover_modules

from lpo.accounts.actor import Actor


@dataclass(frozen=True)
class Run:
    """One attempt at one job, as its handler sees it. `cursor` is what the last committed chunk left."""

    job_id: int
    organization_id: int
    kind: str
    payload: dict[str, Any]
    cursor: dict[str, Any]
    actor: Actor
    attempt: int = 1


@dataclass(frozen=True)
class Progress:
    """The end of a chunk: everything done since the last one commits with it. None leaves total or cursor as it was."""

    done: int = 0
    total: int | None = None
    message: str = ""
    cursor: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Result:
    """What a finished job leaves: where to look, and small data for its page."""

    url: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""


Short = Callable[[Run], Result | None]
Chunked = Callable[[Run], Generator[Progress, None, Result | None]]


@dataclass(frozen=True)
class Handler:
    kind: str
    function: Callable[[Run], Any]
    chunked: bool


@dataclass(frozen=True)
class Schedule:
    kind: str
    minutes: int
    title: str


class UnknownKind(LookupError):
    """No handler is registered for a kind of job."""


_handlers: dict[str, Handler] = {}
_schedules: dict[str, Schedule] = {}


def _register(kind: str, function: Callable[[Run], Any], chunked: bool) -> None:
    if chunked != inspect.isgeneratorfunction(function):
        raise TypeError(f"The handler of {kind} {'must' if chunked else 'may not'} be a generator; say chunked={not chunked}.")
    known = _handlers.get(kind)
    if known is not None and known.function is not function:
        raise ValueError(f"Two handlers claim the kind {kind}.")
    _handlers[kind] = Handler(kind, function, chunked)


@overload
def handler(kind: str, *, chunked: Literal[False] = False) -> Callable[[Short], Short]: ...
@overload
def handler(kind: str, *, chunked: Literal[True]) -> Callable[[Chunked], Chunked]: ...
def handler(kind: str, *, chunked: bool = False) -> Callable[[Any], Any]:
    """Register the function that does jobs of `kind`. It must be idempotent: any attempt may be the second.

    A short handler is one transaction together with "done". A chunked one is a generator; each `yield Progress(...)` commits
    what it did since the last, so no transaction of its own may span a yield.
    """

    def register(function: Callable[[Run], Any]) -> Callable[[Run], Any]:
        _register(kind, function, chunked)
        return function

    return register


F = TypeVar("F", bound=Callable[[Run], Any])


def every(kind: str, *, minutes: int, title: str = "") -> Callable[[F], F]:
    """Run a handler once per organization every so many minutes. Registers the handler too, unless `@handler` already did."""

    def register(function: F) -> F:
        _register(kind, function, inspect.isgeneratorfunction(function))
        _schedules[kind] = Schedule(kind, minutes, title or kind)
        return function

    return register


@cache
def _load() -> None:
    """Import every room's `tasks`, once, when the first job is asked for: the rooms above register themselves there."""
    autodiscover_modules("tasks")


def handler_of(kind: str) -> Handler:
    _load()
    try:
        return _handlers[kind]
    except KeyError:
        raise UnknownKind(f"No handler is registered for jobs of kind {kind}.") from None


def schedules() -> list[Schedule]:
    _load()
    return sorted(_schedules.values(), key=lambda schedule: schedule.kind)
