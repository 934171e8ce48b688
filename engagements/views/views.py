"""Saved views of lists: kept, renamed, shared, made the default, deleted."""

from __future__ import annotations

from django import forms
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse

from engagements import actions, listing
from engagements.actions.views import may_change
from engagements.forms import Refusable
from engagements.models import DefaultView, SavedView
from engagements.views.edges import acting, attempt, posted
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


class ViewForm(Refusable, forms.Form):
    name = forms.CharField(max_length=60)
    shared = forms.BooleanField(required=False, label="Shared", help_text="Every colleague may use it; what each sees is still their own.")
    default = forms.BooleanField(required=False, label="Open the list with it")


class EditViewForm(ViewForm):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)


def _kept(values: QueryDict, page: str) -> dict[str, str]:
    return {name: value for name, value in listing.said(values, listing.lists[page].kept).items() if value}


def _list_address(page: str, slug: str) -> str:
    return reverse(listing.lists[page].url, args=[slug])


def _to_list(slug: str, page: str, view: SavedView | None) -> HttpResponseRedirect:
    return HttpResponseRedirect(_list_address(page, slug) + (f"?view={view.number}" if view else "?view=0"))


def _view_or_404(request: TenantRequest, number: int) -> SavedView:
    found: SavedView | None = SavedView.objects.filter(number=min(number, 2**31 - 1)).select_related("owner__user").first()
    if found is None or not (found.shared or found.owner_id == request.membership.pk):
        raise Http404("No such page.")
    return found


@requires(P.SAVE_VIEWS, POST=P.SAVE_VIEWS)
@acting
def new_view(request: TenantRequest, organization: str, page: str) -> HttpResponse:
    """Keep the list as its address says it."""
    if page not in listing.lists:
        raise Http404("No such page.")
    form = ViewForm(posted(request))
    made = attempt(form, lambda: _save(request, page, form))
    if made is not None:
        return _to_list(organization, page, made)
    return _form(request, form, page, "Save this view", None)


def _save(request: TenantRequest, page: str, form: ViewForm) -> SavedView:
    data, member = form.cleaned_data, request.membership
    query = _kept(request.GET, page)
    made = actions.save_view(by=request.actor, owner=member, page=page, name=data["name"], query=query, shared=data["shared"])
    if data["default"]:
        actions.set_default_view(member=member, page=page, view=made, by=request.actor)
    return made


def _form(request: TenantRequest, form: forms.Form, page: str, title: str, view: SavedView | None) -> HttpResponse:
    slug = request.organization.slug
    back = _list_address(page, slug) + (f"?view={view.number}" if view else "")
    context = {"form": form, "title": title, "view": view, "back": back, "crumbs": [(listing.lists[page].title, back), (title, "")]}
    return render(request, "engagements/saved_view.html", context, status=422 if form.is_bound else 200)


@requires(P.SAVE_VIEWS, POST=P.SAVE_VIEWS)
@acting
def edit_view(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """Rename it, share it, make it the default. Somebody else's shared one can only be made the default."""
    view = _view_or_404(request, number)
    default = DefaultView.objects.filter(member=request.membership, view=view).exists()
    first = {"name": view.name, "shared": view.shared, "default": default, "version": view.version}
    form = EditViewForm(posted(request), initial=first)
    own = may_change(view, request.actor)
    if not own:
        del form.fields["name"], form.fields["shared"]
    if attempt(form, lambda: _change(request, view, form, own)) is not None:
        return _to_list(organization, view.page, view)
    return _form(request, form, view.page, view.name, view if own else None)


def _change(request: TenantRequest, view: SavedView, form: EditViewForm, own: bool) -> SavedView:
    data = form.cleaned_data
    if own:
        view = actions.change_view(view=view, by=request.actor, version=data["version"], name=data["name"], shared=data["shared"])
    had = DefaultView.objects.filter(member=request.membership, view=view).exists()
    if data["default"] or had:
        chosen = view if data["default"] else None
        actions.set_default_view(member=request.membership, page=view.page, view=chosen, by=request.actor)
    return view


@requires(POST=P.SAVE_VIEWS)
@acting
def keep_view(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """Keep the list under the same name as it is shown now."""
    view = _view_or_404(request, number)
    version = int(request.POST["version"]) if request.POST.get("version", "").isdecimal() else view.version
    actions.change_view(view=view, by=request.actor, version=version, query=_kept(request.GET, view.page))
    return _to_list(organization, view.page, view)


@requires(POST=P.SAVE_VIEWS)
@acting
def delete_view(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    view = _view_or_404(request, number)
    actions.delete_view(view=view, by=request.actor)
    return _to_list(organization, view.page, None)
