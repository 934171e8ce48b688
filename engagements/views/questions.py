"""The decision log: what counsel was asked, what it answered and which protocol version that led to."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection
from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions, paging
from engagements.decision_forms import AnswerForm, ProtocolForm, QuestionForm
from engagements.models import Escalation, Question, WorkItem
from engagements.views.edges import acting, attempt, form_page, item_or_404, matter_crumbs, matter_or_404, posted, to, workstream_crumbs
from engagements.views.messages import download, message_of
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

_ASKING = frozenset({P.WORK_ITEMS, P.TRACK_ITEMS, P.EDIT_WORK})
_ANSWERING = frozenset({P.DECIDE_FOR_CLIENT, P.EDIT_WORK})
_WORD = re.compile(r"\w+", re.UNICODE)
_MOST = 200


def found_by_words(words: str, most: int = _MOST) -> list[int]:
    """Ids of the newest questions whose question or answer has every word. Row-level security applies when joined back."""
    terms = _WORD.findall(words.lower())[:8]
    if not terms:
        return []
    query = " & ".join([*(f"'{term}'" for term in terms[:-1]), f"'{terms[-1]}':*"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT question_id FROM search_questions(%s, %s)", [query, most])
        return [row[0] for row in cursor.fetchall()]


@requires(P.VIEW_WORK)
def questions(request: TenantRequest, organization: str) -> HttpResponse:
    """Newest first; open ones, answered ones, or those with certain words."""
    show = request.GET.get("show", "") if request.GET.get("show") in {"open", "answered"} else ""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:120]
    rows: Any = Question.objects.all()
    if show:
        rows = rows.filter(answered_at__isnull=show == "open")
    if text:
        rows = rows.filter(id__in=found_by_words(text))
    chosen = {name: value for name, value in (("show", show), ("q", text)) if value}
    query = chosen | {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    listed = rows.select_related("matter__client", "item", "decision")
    page = paging.page_of(listed, query, keys=("asked_at", "id"), parsers=(paging.instant, int), descending=True)
    context = {"page": paging.counted(page, rows), "show": show, "query": text, "kept": {"show": show} if show else {}, "chosen": chosen}
    return render(request, "engagements/questions.html", context)


def _question_or_404(reference: str, number: int) -> Question:
    rows = Question.objects.filter(matter__reference=reference, number=min(number, 2**31 - 1))
    found = rows.select_related("matter__client", "matter__engagement__client", "item", "workstream", "decision").first()
    if found is None:
        raise Http404("No such page.")
    return found


def _page(request: TenantRequest, question: Question, **bound: Any) -> HttpResponse:
    may = bool(_ANSWERING & request.actor.permissions)
    own = P.DECIDE_FOR_CLIENT in request.actor.permissions
    context = {
        "question": question,
        "crumbs": [*matter_crumbs(request.organization.slug, question.matter), (f"Question {question.number}", "")],
        "may_answer": may and question.answered_at is None,
        "may_name": may and question.answered_at is not None and not question.protocol,
        "may_read": request.membership.may(P.VIEW_WORK_PRODUCT),
        "own": own,
        "told": list(Escalation.objects.filter(question=question).order_by("-id")[:20]),
        "answer_form": AnswerForm(),
        "protocol_form": ProtocolForm(),
        **bound,
    }
    return render(request, "engagements/question.html", context, status=422 if bound else 200)


@requires(P.VIEW_WORK, POST=P.VIEW_WORK)
@acting
def question(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """Read it; answer it, or name the protocol version its answer led to."""
    found = _question_or_404(reference, number)
    if request.method == "GET":
        return _page(request, found)
    if not _ANSWERING & request.actor.permissions:
        request.actor.need(P.DECIDE_FOR_CLIENT)
    if found.answered_at is not None and "answer" not in request.POST:
        named = ProtocolForm(request.POST)
        done = attempt(named, lambda: actions.name_protocol(question=found, by=request.actor, protocol=named.cleaned_data["protocol"]))
        return to("question", request, reference, number) if done is not None else _page(request, found, protocol_form=named)
    form = AnswerForm(request.POST, request.FILES)
    done = attempt(form, lambda: _answer(request, found, form))
    return to("question", request, reference, number) if done is not None else _page(request, found, answer_form=form)


def _answer(request: TenantRequest, found: Question, form: AnswerForm) -> Question:
    data, message = form.cleaned_data, message_of(request, form, found.item, found.matter)
    said = {"answer": data["answer"], "protocol": data["protocol"], "at": data["at"]}
    return actions.answer_question(question=found, by=request.actor, message=message, **said)


@requires(P.VIEW_WORK_PRODUCT)
def question_message(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """What counsel wrote, where the provider recorded the answer."""
    found = _question_or_404(reference, number)
    if found.decision is None or found.decision.message is None:
        raise Http404("No such page.")
    return download(found.decision.message)


def _asking(request: TenantRequest) -> None:
    if not _ASKING & request.actor.permissions:
        request.actor.need(P.TRACK_ITEMS)


@requires(P.VIEW_WORK, POST=P.VIEW_WORK)
@acting
def ask(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Ask counsel about an item."""
    _asking(request)
    item: WorkItem = item_or_404(reference)
    form, matter = QuestionForm(posted(request)), item.workstream.matter
    made = attempt(form, lambda: actions.ask_counsel(matter=matter, item=item, by=request.actor, **form.cleaned_data))
    if made is not None:
        return to("question", request, matter.reference, made.number)
    crumbs = [*workstream_crumbs(organization, item.workstream), (reference, "")]
    return form_page(request, form, title=f"Ask counsel about {reference}", submit="Ask", crumbs=crumbs)


@requires(P.VIEW_WORK, POST=P.VIEW_WORK)
@acting
def ask_about_matter(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Ask counsel about a matter as a whole."""
    _asking(request)
    matter = matter_or_404(reference)
    form = QuestionForm(posted(request))
    made = attempt(form, lambda: actions.ask_counsel(matter=matter, by=request.actor, **form.cleaned_data))
    if made is not None:
        return to("question", request, matter.reference, made.number)
    return form_page(request, form, title=f"Ask counsel about {reference}", submit="Ask", crumbs=matter_crumbs(organization, matter))
