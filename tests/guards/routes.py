"""Every address the application answers, as the resolver knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

ORGANIZATION = "<slug:organization>/"
API = "api/v1/"


@dataclass(frozen=True)
class Route:
    """`address` is the name as `reverse` takes it; `path` is for people to read."""

    address: str
    path: str
    view: Callable[..., Any]

    @property
    def required(self) -> dict[str, Any] | None:
        """What `requires` declared, HEAD left out: it goes with GET. For an API view, its class's declaration."""
        view: Any = getattr(self.view, "cls", self.view)
        declared = getattr(view, "required", None)
        if declared is None or self.view is view:
            return declared and {method: permission for method, permission in declared.items() if method != "HEAD"}
        served = {method.upper() for method in getattr(self.view, "actions", {})}
        return {method: permission for method, permission in declared.items() if method in served}


def _walk(patterns: list[Any], namespace: str, path: str) -> Iterator[Route]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry.url_patterns, inner, path + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield Route(f"{namespace}{entry.name}" if entry.name else "", path + str(entry.pattern), entry.callback)


def all_routes() -> list[Route]:
    return list(_walk(get_resolver().url_patterns, "", ""))


def tenant_routes() -> dict[str, Route]:
    """Routes below `/<organization>/`, by address. Each has a name of its own.

    Of two routes with one path the first answers; a room above may so replace a plainer page of one below.
    """
    first: dict[str, Route] = {}
    for route in all_routes():
        if route.path.startswith(ORGANIZATION):
            first.setdefault(route.path, route)
    found = list(first.values())
    named = {route.address: route for route in found}
    assert len(named) == len(found) and "" not in named, "every route of an organization has a name of its own"
    return named


def api_routes() -> dict[str, Route]:
    return {route.address: route for route in all_routes() if route.path.startswith(API)}


def public_routes() -> list[Route]:
    return [route for route in all_routes() if not route.path.startswith((ORGANIZATION, API))]
