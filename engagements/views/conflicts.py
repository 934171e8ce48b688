"""Conflict checks of clients and matters: run, read, decide; a search over every known name; the organization's rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from engagements import actions, conflicts
from engagements.care_forms import CheckForm, ConflictRuleForm, VerdictForm
from engagements.models import Client, ConflictCheck, ConflictFinding, ConflictMatch, ConflictOutcome, Matter, NameKind, Occasion, Verdict
from engagements.views.edges import acting, address, attempt, client_crumbs, client_or_404, matter_crumbs, matter_or_404, posted, to
from engagements.views.messages import download
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

SHOWN = 200
_CHECKS = 20
_STATUS: dict[str, str] = {Verdict.CONFLICT: "breach", Verdict.NONE: "met", Verdict.WAIVED: "progressing"}


@dataclass(frozen=True)
class Subject:
    """What is checked: a matter, or a client as a whole."""

    client: Client
    matter: Matter | None
    slug: str

    @property
    def name(self) -> str:
        return self.matter.title if self.matter is not None else self.client.name

    @property
    def own(self) -> dict[str, Any]:
        return {"client_id": self.client.pk, "matter": self.matter}

    def url(self, *parts: object) -> str:
        kind, ref = ("matter", self.matter.reference) if self.matter is not None else ("client", self.client.code)
        name = ("conflicts", "match", "consent")[len(parts)]
        return address(f"{kind}_{name}", self.slug, ref, *parts)

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        return matter_crumbs(self.slug, self.matter) if self.matter is not None else client_crumbs(self.slug, self.client)

    def standing(self) -> conflicts.Standing:
        if self.matter is None:
            return conflicts.standing_of_client(self.client)
        return conflicts.standings([self.matter])[self.matter.pk]


@dataclass(frozen=True)
class Row:
    """A match as this viewer may read it: without what was found where that lies behind a wall."""

    match: Any
    finding: ConflictFinding | None
    url: str

    @property
    def name(self) -> str:
        return self.finding.name if self.finding is not None else "Restricted matter"

    @property
    def kind(self) -> str:
        return NameKind(self.match.kind).label if self.finding is not None else "Somebody inside its wall decides"

    @property
    def status(self) -> tuple[str, str]:
        verdict = self.match.verdict
        return (_STATUS[verdict], Verdict(verdict).label) if verdict else ("risk", "To decide")


def _subject(organization: str, reference: str = "", code: str = "") -> Subject:
    if reference:
        matter = matter_or_404(reference)
        return Subject(matter.client, matter, organization)
    return Subject(client_or_404(code), None, organization)


def _rows(subject: Subject) -> list[Row]:
    """Undecided ones first, then by likeness."""
    matches = conflicts.judged(ConflictMatch.objects.filter(**subject.own))
    found = list(matches.order_by(F("verdict").asc(nulls_first=True), "-strength", "position")[:SHOWN])
    findings = {row.match_id: row for row in ConflictFinding.objects.filter(match__in=[match.pk for match in found])}
    return [Row(match, findings.get(match.pk), subject.url(match.position)) for match in found]


@requires(P.VIEW_STAFF, POST=P.EDIT_WORK)
@acting
def matter_conflicts(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    return _page(request, _subject(organization, reference=reference))


@requires(P.VIEW_STAFF, POST=P.EDIT_WORK)
@acting
def client_conflicts(request: TenantRequest, organization: str, code: str) -> HttpResponse:
    return _page(request, _subject(organization, code=code))


def _page(request: TenantRequest, subject: Subject) -> HttpResponse:
    standing = subject.standing()
    first = Occasion.ONBOARDING if standing.last is None else Occasion.NEW_PARTY if standing.uncovered else Occasion.MID_PROJECT
    form = CheckForm(posted(request), initial={"occasion": first})
    run = attempt(form, lambda: actions.run_check(client=subject.client, matter=subject.matter, by=request.actor, **form.cleaned_data))
    if run is not None:
        return HttpResponseRedirect(subject.url())
    rows = _rows(subject)
    context = {
        "subject": subject,
        "standing": standing,
        "rows": rows,
        "more": len(rows) == SHOWN,
        "checks": list(ConflictCheck.objects.filter(**subject.own).order_by("-number")[:_CHECKS]),
        "form": form,
        "may_edit": request.membership.may(P.EDIT_WORK),
        "rule": conflicts.rule(),
        "crumbs": [*subject.crumbs, ("Conflicts", "")],
    }
    return render(request, "engagements/conflicts.html", context, status=422 if form.is_bound else 200)


@requires(P.VIEW_STAFF, POST=P.EDIT_WORK)
@acting
def matter_match(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    return _match_page(request, _subject(organization, reference=reference), number)


@requires(P.VIEW_STAFF, POST=P.EDIT_WORK)
@acting
def client_match(request: TenantRequest, organization: str, code: str, number: int) -> HttpResponse:
    return _match_page(request, _subject(organization, code=code), number)


def _match_or_404(subject: Subject, number: int) -> Any:
    rows = conflicts.judged(ConflictMatch.objects.filter(**subject.own, position=min(number, 2**31 - 1)))
    found = rows.select_related("check_run").first()
    if found is None:
        raise Http404("No such page.")
    return found


def _match_page(request: TenantRequest, subject: Subject, number: int) -> HttpResponse:
    match = _match_or_404(subject, number)
    form = VerdictForm(posted(request), request.FILES or None)
    if attempt(form, lambda: _decide(request, match, form)) is not None:
        return HttpResponseRedirect(subject.url())
    finding = ConflictFinding.objects.filter(match=match.pk).select_related("matter").first()
    outcomes = list(ConflictOutcome.objects.filter(match=match.pk).order_by("id"))
    context = {
        "subject": subject,
        "row": Row(match, finding, subject.url(match.position)),
        "match": match,
        "finding": finding,
        "outcomes": [(row, _STATUS[row.verdict], subject.url(match.position, n)) for n, row in enumerate(outcomes, 1)][::-1],
        "form": form,
        "may_decide": request.membership.may(P.EDIT_WORK) and finding is not None,
        "may_read": request.membership.may(P.EDIT_WORK),
        "crumbs": [*subject.crumbs, ("Conflicts", subject.url()), (f"Match {number}", "")],
    }
    return render(request, "engagements/conflict_match.html", context, status=422 if form.is_bound else 200)


def _decide(request: TenantRequest, match: ConflictMatch, form: VerdictForm) -> ConflictOutcome:
    data, message = form.cleaned_data, None
    if data["verdict"] == Verdict.WAIVED and (written := form.written()) is not None:
        content, name, media_type = written
        message = actions.keep_consent(match=match, content=content, file_name=name, media_type=media_type, by=request.actor)
    waived = {name: data[name] if data["verdict"] == Verdict.WAIVED else "" for name in ("consented_by", "consent_scope")}
    return actions.decide_match(match=match, by=request.actor, verdict=data["verdict"], note=data["note"], message=message, **waived)


@requires(P.EDIT_WORK)
def matter_consent(request: TenantRequest, organization: str, reference: str, number: int, outcome: int) -> HttpResponse:
    return _consent(_subject(organization, reference=reference), number, outcome)


@requires(P.EDIT_WORK)
def client_consent(request: TenantRequest, organization: str, code: str, number: int, outcome: int) -> HttpResponse:
    return _consent(_subject(organization, code=code), number, outcome)


def _consent(subject: Subject, number: int, outcome: int) -> HttpResponse:
    rows = list(ConflictOutcome.objects.filter(match=_match_or_404(subject, number).pk).select_related("message").order_by("id"))
    if not 1 <= outcome <= len(rows) or rows[outcome - 1].message is None:
        raise Http404("No such page.")
    return download(rows[outcome - 1].message)


@dataclass(frozen=True)
class Hit:
    """What a search found, as this viewer may read it."""

    found: conflicts.Found
    visible: bool


@requires(P.VIEW_STAFF)
def conflict_search(request: TenantRequest, organization: str) -> HttpResponse:
    """Any name among all that are known here, before there is a client or a matter; and what waits for a decision."""
    text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:200]
    found = conflicts.search([(text, "")])[:SHOWN] if text else []
    matters = {each.matter_id for each in found if each.matter_id is not None}
    visible = set(Matter.objects.filter(pk__in=matters).values_list("id", flat=True))
    context = {
        "query": text,
        "hits": [Hit(each, each.matter_id is None or each.matter_id in visible) for each in found],
        "waiting": _waiting(organization),
        "rule": conflicts.rule(),
        "may_rule": request.membership.may(P.MANAGE_ORGANIZATION),
    }
    return render(request, "engagements/conflict_search.html", context)


def _waiting(slug: str) -> list[tuple[Subject, int]]:
    """Subjects with undecided matches, those with most first."""
    rows = conflicts.undecided_by_subject(SHOWN)
    clients = Client.objects.in_bulk({row["client_id"] for row in rows})
    matters = Matter.objects.select_related("client").in_bulk({row["matter_id"] for row in rows if row["matter_id"] is not None})
    return [(Subject(clients[row["client_id"]], matters.get(row["matter_id"]), slug), row["n"]) for row in rows]


@requires(P.MANAGE_ORGANIZATION, POST=P.MANAGE_ORGANIZATION)
@acting
def conflict_rule(request: TenantRequest, organization: str) -> HttpResponse:
    """Whether work waits for the conflict check."""
    rule = conflicts.rule()
    form = ConflictRuleForm(posted(request), instance=rule, initial={"version": rule.version})
    here = address("conflict_search", organization)
    if attempt(form, lambda: actions.set_conflict_rule(by=request.actor, **_ruled(form))) is not None:
        return to("conflict_search", request)
    context = {"form": form, "cancel_url": here, "crumbs": [("Conflicts", here), ("Rule", "")]}
    return render(request, "engagements/conflict_rule.html", context, status=422 if form.is_bound else 200)


def _ruled(form: ConflictRuleForm) -> dict[str, Any]:
    return {"blocks": form.cleaned_data["blocks"], "version": form.cleaned_data["version"]}
