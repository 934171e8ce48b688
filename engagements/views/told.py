"""One message that told the client of many deliveries of a matter: which, until when each may be returned, then recorded on all."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, states
from engagements.decision_forms import ManyNoticesForm, SentForm
from engagements.models import DeliveryNotice, Matter, WorkItem
from engagements.views.edges import acting, attempt, matter_crumbs, matter_or_404, posted, to
from engagements.views.messages import message_of
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

# What one message names and one person reads through.
_MOST = 500


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
def tell_of_many(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """By POST the preview of what is ticked; with the message, the notices themselves."""
    matter = matter_or_404(reference)
    context: dict[str, Any] = {"matter": matter, "crumbs": [*matter_crumbs(organization, matter), ("Notice of deliveries", "")]}
    ticked = WorkItem.objects.filter(matter_id=matter.pk, reference__in=request.POST.getlist("selected")[:_MOST])
    chosen = list(ticked.order_by("state_at", "id")) if request.method == "POST" else []
    sent = SentForm(posted(request))
    if not chosen or not sent.is_valid():
        problem = "Tick at least one item." if request.method == "POST" and not chosen else ""
        context |= {"rows": _untold(matter), "sent_form": sent, "problem": problem}
        return render(request, "engagements/tell_of_many.html", context, status=422 if sent.is_bound else 200)
    recording = request.POST.get("do") == "record"
    form = ManyNoticesForm(request.POST if recording else None, request.FILES if recording else None, initial=sent.cleaned_data)
    done = attempt(form, lambda: _record(request, form, matter, chosen))
    if done is not None:
        return _done(request, done, matter)
    telling = actions.judge_notices(matter=matter, items=chosen, sent_at=sent.cleaned_data["sent_at"] or timezone.now())
    context |= {"form": form, "telling": telling, "selected": [item.reference for item in chosen]}
    return render(request, "engagements/tell_of_many.html", context, status=422 if form.errors else 200)


def _record(request: TenantRequest, form: ManyNoticesForm, matter: Matter, chosen: list[WorkItem]) -> actions.Telling:
    data, evidence = form.cleaned_data, message_of(request, form, None, matter)
    said = {"channel": data["channel"], "recipient": data["recipient"], "sent_at": data["sent_at"]}
    return actions.record_notices(matter=matter, ids=[item.pk for item in chosen], by=request.actor, evidence=evidence, **said)


def _done(request: TenantRequest, done: actions.Telling, matter: Matter) -> HttpResponse:
    told = len(done.going)
    messages.success(request, f"Notice recorded of {told:,} deliver{'y' if told == 1 else 'ies'}.")
    for failure in done.failures[:20]:
        messages.error(request, f"{failure.reference}: {failure.reason}")
    return to("tell_of_many", request, matter.reference)


def _untold(matter: Matter) -> list[WorkItem]:
    """Delivered work whose delivery the client was not told of, the oldest first."""
    rows = WorkItem.objects.filter(matter_id=matter.pk, state__in=[states.DELIVERED, states.CORRECTED])
    # A notice is of one delivery: one recorded before the item came to its present state is of an earlier one.
    told = DeliveryNotice.objects.filter(item=OuterRef("pk"), transition__at=OuterRef("state_at"))
    return list(rows.filter(~Exists(told)).order_by("state_at", "id")[:_MOST])
