"""The way into the portal: a client's viewer, on its own client's pages only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header

from engagements.models import Client, Placement
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.navigation import NavGroup, NavItem
from lpo.accounts.roles import Permission
from lpo.portal.columns import readable

PAGES = (
    ("Overview", "overview"),
    ("Matters", "matters"),
    ("Deliverables", "deliverables"),
    ("Service levels", "levels"),
    ("Staff", "staff"),
    ("Invoices", "invoices"),
)

PortalView = Callable[..., HttpResponseBase]


def own_client(request: TenantRequest) -> Client:
    """The client whose viewer is signed in. The database shows this role no other."""
    client_id = request.membership.client_id
    found = readable(Client).filter(pk=client_id).first() if client_id is not None else None
    if found is None:
        raise Http404
    return found


def portal(view: PortalView) -> PortalView:
    """Guards a page of one client: `view(request, client, …)`. Another client's address is 404, as if it did not exist."""

    @requires(Permission.VIEW_PORTAL)
    @wraps(view)
    def opened(request: TenantRequest, organization: str, client: str, **kwargs: Any) -> HttpResponseBase:
        own = own_client(request)
        if own.code.lower() != client:
            raise Http404
        return view(request, own, **kwargs)

    return opened


def address(request: TenantRequest, client: Client, name: str, *args: object) -> str:
    return reverse(f"portal:{name}", args=[request.organization.slug, client.code.lower(), *args])


def _has_staff(client: Client) -> bool:
    """Most clients have nobody placed with them, and no page for it."""
    return readable(Placement).filter(client_id=client.pk, published_at__isnull=False).exists()


def page(request: TenantRequest, client: Client, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page of the portal with its navigation."""
    items = []
    for label, name in PAGES:
        if name == "staff" and not _has_staff(client):
            continue
        url = address(request, client, name)
        items.append(NavItem(label, url, "", request.path == url if name == "overview" else request.path.startswith(url)))
    return render(request, f"portal/{template}", {"client": client, "nav": [NavGroup("", items)], **context})


def download(content: bytes, name: str, media_type: str) -> HttpResponse:
    """A file that is saved and never rendered on this origin."""
    return HttpResponse(content, content_type=media_type, headers=_saved(name))


def streamed(content: Iterable[bytes], name: str, media_type: str) -> StreamingHttpResponse:
    """The same in pieces."""
    return StreamingHttpResponse(content, content_type=media_type, headers=_saved(name))


def _saved(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
