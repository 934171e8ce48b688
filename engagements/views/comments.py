"""Comments on items, matters and engagements, their files, and everything that happened to each of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from engagements import actions, activity
from engagements.actions.comments import MOST_FILES, Upload, may_edit
from engagements.file_fields import SafeFile
from engagements.forms import Refusable
from engagements.models import Comment, CommentEdit, CommentFile, Engagement, Matter, WorkItem
from engagements.views.edges import (
    acting,
    address,
    attempt,
    engagement_crumbs,
    engagement_or_404,
    form_page,
    item_or_404,
    matter_crumbs,
    matter_or_404,
    posted,
    workstream_crumbs,
    workstream_or_404,
)
from engagements.views.messages import download
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

About = tuple[Engagement, Matter | None, WorkItem | None]


class Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(SafeFile):
    """Several files, each of them what its name says."""

    widget = Files

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data] if data else []
        if len(given) > MOST_FILES:
            raise forms.ValidationError(f"At most {MOST_FILES} files with one comment.")
        return [super(FilesField, self).clean(each, initial) for each in given]


class CommentForm(Refusable, forms.Form):
    text = forms.CharField(
        max_length=4000,
        label="Comment",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Only colleagues read it. Write @ and a colleague's name to tell them.",
    )
    attached = FilesField(required=False, label="Files")


class EditForm(Refusable, forms.Form):
    text = forms.CharField(max_length=4000, label="Comment", widget=forms.Textarea(attrs={"rows": 5}))


def _item(reference: str) -> About:
    item = item_or_404(reference)
    return item.workstream.matter.engagement, item.workstream.matter, item


def _matter(reference: str) -> About:
    matter = matter_or_404(reference)
    return matter.engagement, matter, None


def _engagement(reference: str) -> About:
    return engagement_or_404(reference), None, None


def place_of(slug: str, about: About) -> str:
    """The page of what is commented on."""
    engagement, matter, item = about
    if item is not None:
        return address("item", slug, item.reference)
    return address("matter", slug, matter.reference) if matter is not None else address("engagement", slug, engagement.reference)


def _crumbs(slug: str, about: About) -> list[tuple[str, str]]:
    engagement, matter, item = about
    if item is not None:
        return [*workstream_crumbs(slug, item.workstream), (item.reference, place_of(slug, about))]
    return matter_crumbs(slug, matter) if matter is not None else engagement_crumbs(slug, engagement)


def _comment(request: TenantRequest, about: About) -> HttpResponse:
    slug, form = request.organization.slug, CommentForm(posted(request), request.FILES if request.method == "POST" else None)
    engagement, matter, item = about
    place = place_of(slug, about)

    def act() -> Comment:
        files = [Upload(file.read(), file.name, file.content_type or "") for file in form.cleaned_data["attached"]]
        facts: Any = {"matter": matter, "item": item, "files": files, "url": place}
        return actions.add_comment(engagement=engagement, by=request.actor, text=form.cleaned_data["text"], **facts)

    if attempt(form, act) is not None:
        return HttpResponseRedirect(f"{place}#comments")
    return _form(request, form, "New comment", "Comment", _crumbs(slug, about))


def _form(request: TenantRequest, form: forms.Form, title: str, submit: str, crumbs: list[tuple[str, str]]) -> HttpResponse:
    return form_page(request, form, title=title, submit=submit, crumbs=crumbs)


@requires(P.COMMENT, POST=P.COMMENT)
@acting
def comment_item(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    return _comment(request, _item(reference))


@requires(P.COMMENT, POST=P.COMMENT)
@acting
def comment_matter(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    return _comment(request, _matter(reference))


@requires(P.COMMENT, POST=P.COMMENT)
@acting
def comment_engagement(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    return _comment(request, _engagement(reference))


def _comment_or_404(number: int) -> Comment:
    rows = Comment.objects.filter(pk=min(number, 2**63 - 1))
    beside = ("engagement__client", "matter__engagement__client", "matter__client", "item__workstream__matter__engagement__client")
    found: Comment | None = rows.select_related(*beside, "item__workstream__client").first()
    if found is None:
        raise Http404("No such page.")
    return found


@requires(P.COMMENT, POST=P.COMMENT)
@acting
def edit_comment(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """Put one's own right; what a comment said before is shown to everybody who reads comments."""
    row = _comment_or_404(number)
    about = (row.engagement, row.matter, row.item)
    place, form = place_of(organization, about), EditForm(posted(request), initial={"text": row.text})
    if request.method == "POST":
        done = attempt(form, lambda: actions.edit_comment(comment=row, by=request.actor, text=form.cleaned_data["text"], url=place))
        if done is not None:
            return HttpResponseRedirect(f"{place}#comments")
    context = {
        "row": row,
        "form": form if may_edit(row, request.actor) else None,
        "earlier": list(CommentEdit.objects.filter(comment=row).order_by("-id")[:50]),
        "place": place,
        "crumbs": [*_crumbs(organization, about), ("Comment", "")],
    }
    return render(request, "engagements/comment.html", context, status=422 if form.is_bound else 200)


@requires(P.COMMENT)
@acting
def comment_file(request: TenantRequest, organization: str, number: int, file: int) -> HttpResponse:
    """The nth file of a comment. What is attached may be work product."""
    request.actor.need(P.VIEW_WORK_PRODUCT)
    rows = CommentFile.objects.filter(comment=_comment_or_404(number)).select_related("document").order_by("id")
    found = list(rows[file - 1 : file]) if 0 < file < 1000 else []
    if not found:
        raise Http404("No such page.")
    return download(found[0].document)


def _activity(request: TenantRequest, page: activity.Page, title: str, crumbs: list[tuple[str, str]]) -> HttpResponse:
    context = {"page": page, "title": title, "crumbs": [*crumbs, ("Activity", "")]}
    return render(request, "engagements/activity.html", context)


def _asked(request: TenantRequest) -> tuple[str, bool]:
    return request.GET.get("before", "")[:100], request.membership.may(P.COMMENT)


@requires(P.VIEW_WORK)
def item_activity(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    about = _item(reference)
    assert about[2] is not None  # noqa: S101 -- it was found
    return _activity(request, activity.of_item(about[2], *_asked(request)), reference, _crumbs(organization, about))


@requires(P.VIEW_WORK)
def matter_activity(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    about = _matter(reference)
    assert about[1] is not None  # noqa: S101 -- it was found
    return _activity(request, activity.of_matter(about[1], *_asked(request)), about[1].title, _crumbs(organization, about))


@requires(P.VIEW_WORK)
def engagement_activity(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    about = _engagement(reference)
    return _activity(request, activity.of_engagement(about[0], *_asked(request)), about[0].title, _crumbs(organization, about))


@requires(P.VIEW_WORK)
def workstream_activity(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    stream = workstream_or_404(reference, prefix)
    page = activity.of_workstream(stream, *_asked(request))
    return _activity(request, page, stream.title, workstream_crumbs(organization, stream))
