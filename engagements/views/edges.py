"""What the room's views do alike: pages of forms, refusals, late saves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from engagements import actions, uploads
from engagements.forms import Refusable
from engagements.models import Client, Engagement, Matter, WorkItem, Workstream
from lpo.accounts.access import TenantRequest
from lpo.accounts.actor import NotPermitted
from lpo.core.errors import Refused, StaleVersion
from lpo.core.views import conflict, too_large

View = Callable[..., HttpResponse]
# A form sent twice arrives within moments; later, the same title is a mistake to be told of.
_TWICE = timedelta(seconds=60)


def acting(view: View) -> View:
    """What actions raise becomes an answer: 403 where the role forbids, 409 with both values where somebody else saved first."""

    @wraps(view)
    def guarded(request: TenantRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # The file is gone by now, and perhaps what came after it: half of a form is no form.
        if getattr(request, "upload_too_large", False) and not getattr(view, "takes_too_large", False):
            return too_large(request, most=uploads.most())
        try:
            return view(request, *args, **kwargs)
        except NotPermitted as error:
            raise PermissionDenied(str(error)) from error
        except StaleVersion as stale:
            return conflict(request, yours=_written(stale.yours), theirs=_written(stale.theirs), back=back_of(request))

    return guarded


def says_too_large(view: View) -> View:
    """Marks a view whose form says itself that its file is too large."""
    view.takes_too_large = True  # type: ignore[attr-defined]
    return view


def refused_too_large(request: TenantRequest, form: Any, advice: str = "") -> bool:
    """Whether the form's file was thrown away as it arrived; then the form says so at its field `file`, and nothing else."""
    if not getattr(request, "upload_too_large", False):
        return False
    form.errors.clear()
    form.add_error("file", f"{uploads.too_large()} {advice}".rstrip())
    return True


def _written(values: Mapping[str, object]) -> str:
    return "; ".join(f"{name.replace('_', ' ')}: {value if value not in (None, '') else '—'}" for name, value in values.items())


def back_of(request: TenantRequest) -> str:
    """The page the form was on, if it is one of ours."""
    referrer = request.META.get("HTTP_REFERER", "")
    if url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure()):
        return str(urlsplit(referrer).path)
    return request.path


def posted(request: TenantRequest) -> QueryDict | None:
    """What a form is bound to: the data of a POST, even an empty one, and nothing otherwise."""
    return request.POST if request.method == "POST" else None


def to(name: str, request: TenantRequest, *parts: object) -> HttpResponseRedirect:
    return HttpResponseRedirect(address(name, request.organization.slug, *parts))


def address(name: str, slug: str, *parts: object) -> str:
    return reverse(f"engagements:{name}", args=[slug, *parts])


def form_page(
    request: TenantRequest, form: BaseForm, *, title: str, submit: str, crumbs: list[tuple[str, str]], note: str = ""
) -> HttpResponse:
    context = {
        "form": form,
        "title": title,
        "submit": submit,
        "crumbs": crumbs,
        "cancel_url": crumbs[-1][1] if crumbs else "",
        "note": note,
    }
    context["crumbs"] = [*crumbs, (title, "")]
    status = 409 if getattr(form, "late", False) else 422 if form.is_bound else 200
    return render(request, "engagements/form.html", context, status=status)


def attempt(form: Any, act: Callable[[], Any]) -> Any:
    """Run an action for a valid form. A refusal goes to its field and None is returned; a form sent twice returns what the
    first made."""
    if not form.is_valid():
        return None
    try:
        return act()
    except StaleVersion as stale:
        if not isinstance(form, Refusable) or not form.outdate(stale):
            raise
    except actions.Duplicate as duplicate:
        made = getattr(duplicate.existing, "created_at", None)
        if made is not None and timezone.now() - made < _TWICE:
            return duplicate.existing
        form.refuse(duplicate)
    except Refused as refusal:
        form.refuse(refusal)
    return None


def fields_of(form: Any, keep: Collection[str] = ()) -> dict[str, Any]:
    """The cleaned values of the model's own fields: not the version, not the reason, save those to `keep`."""
    aside = {"version", "number", "reason"} - set(keep)
    return {name: value for name, value in form.cleaned_data.items() if name not in aside}


def client_or_404(code: str) -> Client:
    return _one(Client.objects.filter(code=code))  # type: ignore[no-any-return]


def engagement_or_404(reference: str) -> Engagement:
    return _one(Engagement.objects.filter(reference=reference).select_related("client", "legal_entity", "manager__user"))  # type: ignore[no-any-return]


def matter_or_404(reference: str, among: QuerySet[Any] | None = None) -> Matter:
    rows = Matter.objects.all() if among is None else among
    return _one(rows.filter(reference=reference).select_related("client", "engagement", "supervising_attorney__user"))  # type: ignore[no-any-return]


def workstream_or_404(reference: str, prefix: str) -> Workstream:
    rows = Workstream.objects.filter(matter__reference=reference, item_prefix=prefix)
    return _one(rows.select_related("client", "matter__engagement"))  # type: ignore[no-any-return]


def item_or_404(reference: str) -> WorkItem:
    rows = WorkItem.objects.filter(reference=reference)
    found: WorkItem = _one(rows.select_related("workstream__matter__engagement", "workstream__client", "assignee__user"))
    workstream = found.workstream
    workstream.matter.engagement.client = workstream.client  # one client all the way up; read once
    return found


def _one(queryset: Any) -> Any:
    found = queryset.first()
    if found is None:
        raise Http404("No such page.")
    return found


def client_crumbs(slug: str, client: Client) -> list[tuple[str, str]]:
    return [("Clients", address("clients", slug)), (client.name, address("client", slug, client.code))]


def engagement_crumbs(slug: str, engagement: Engagement) -> list[tuple[str, str]]:
    here = (f"{engagement.reference} {engagement.title}", address("engagement", slug, engagement.reference))
    return [*client_crumbs(slug, engagement.client)[1:], here]


def matter_crumbs(slug: str, matter: Matter) -> list[tuple[str, str]]:
    return [*engagement_crumbs(slug, matter.engagement), (matter.reference, address("matter", slug, matter.reference))]


def workstream_crumbs(slug: str, workstream: Workstream) -> list[tuple[str, str]]:
    matter = workstream.matter
    here = (workstream.title, address("workstream", slug, matter.reference, workstream.item_prefix))
    return [*matter_crumbs(slug, matter), here]
