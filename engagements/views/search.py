"""One box over clients, engagements, matters, workstreams, items and what other rooms add: references and client matter ids, then
words of titles. A page of its own, and what the palette offers while one types."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from engagements import panels
from engagements.models import Client, Engagement, Matter, Milestone, Question, WorkItem, Workstream
from engagements.names import name_key
from engagements.panels import Hit
from engagements.views.edges import address
from engagements.views.questions import found_by_words
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.tenancy.context import current_organization_id

_MOST = 20
# The palette shows a few of each kind; the page shows the rest.
_OFFERED = 5
_MILESTONE = re.compile(r"([A-Z0-9-]{3,20}) M(\d{1,6})")
_WORD = re.compile(r"\w+", re.UNICODE)


def _beginning_with(table: str, column: str, text: str) -> list[int]:
    """Ids of rows whose column begins with `text`: `^@` is leakproof, so its index serves under row-level security."""
    with connection.cursor() as cursor:
        cursor.execute(  # table and column are constants of this module
            f"SELECT id FROM {table} WHERE organization_id = %s AND {column} ^@ %s ORDER BY {column} LIMIT %s",  # noqa: S608
            [current_organization_id(), text, _MOST],
        )
        return [row[0] for row in cursor.fetchall()]


# Every number a matter goes by, and the names of its parties, in one statement; each branch has an index that `^@` can use.
_MATTERS = """
(SELECT id FROM engagements_matter WHERE organization_id = %(organization)s AND reference ^@ %(upper)s ORDER BY reference LIMIT %(most)s)
UNION ALL
(SELECT id FROM engagements_matter WHERE organization_id = %(organization)s AND client_matter_id ^@ %(text)s LIMIT %(most)s)
UNION ALL
(SELECT id FROM engagements_matter WHERE organization_id = %(organization)s AND client_matter_id ^@ %(upper)s LIMIT %(most)s)
UNION ALL
(SELECT id FROM engagements_matter WHERE organization_id = %(organization)s AND own_matter_id ^@ %(text)s LIMIT %(most)s)
UNION ALL
(SELECT id FROM engagements_matter WHERE organization_id = %(organization)s AND own_matter_id ^@ %(upper)s LIMIT %(most)s)
UNION ALL
(SELECT matter_id FROM engagements_matterparty WHERE organization_id = %(organization)s AND name_key ^@ %(key)s LIMIT %(most)s)
"""


def _matters_named(text: str) -> list[int]:
    """Matters of which a number, the client's or ours, as typed or in capitals, or a party's name begins so."""
    values: dict[str, Any] = {"organization": current_organization_id(), "text": text, "upper": text.upper(), "most": _MOST}
    with connection.cursor() as cursor:
        # A name of punctuation alone has no key; the impossible one then stands for it, as every key begins with nothing.
        cursor.execute(_MATTERS, {**values, "key": name_key(text) or " "})
        return [row[0] for row in cursor.fetchall()]


def _items_by_words(words: str) -> list[int]:
    """Newest items whose title has every word, the last one possibly unfinished. Row-level security applies when joined back."""
    terms = _WORD.findall(words)[:8]
    if not terms:
        return []
    query = " & ".join([*(f"'{term}'" for term in terms[:-1]), f"'{terms[-1]}':*"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT item_id FROM search_work_items(%s, %s)", [query, _MOST * 5])
        return [row[0] for row in cursor.fetchall()]


def _matching(model: Any, ids: list[int], words: str, names: tuple[str, ...], *related: str) -> list[Any]:
    """Rows by reference first, then by words in their name. These tables are small: hundreds, read whole."""
    wanted = words.lower()
    by_words = [
        row.id for row in model.objects.only("id", *names)[:5000] if any(wanted in str(getattr(row, name)).lower() for name in names)
    ]
    order = {number: place for place, number in enumerate(dict.fromkeys([*ids, *by_words]))}
    rows = model.objects.filter(id__in=list(order)[:_MOST])
    return sorted(rows.select_related(*related) if related else rows, key=lambda row: order[row.id])


def find(text: str, slug: str) -> list[tuple[str, list[Hit]]]:
    """Groups of hits; only what the viewer may see, because every row is read under the viewer's own scope."""
    upper = text.upper()
    clients = _matching(Client, _beginning_with("engagements_client", "code", upper), text, ("name", "legal_name"))
    engagements = _matching(Engagement, _beginning_with("engagements_engagement", "reference", upper), text, ("title",))
    matters = _matching(Matter, _matters_named(text), text, ("title",))
    prefixes = _beginning_with("engagements_workstream", "item_prefix", upper)
    streams = _matching(Workstream, prefixes, text, ("title",), "matter")
    item_ids = [*_beginning_with("engagements_workitem", "reference", upper), *_items_by_words(text)]
    item_ids += list(WorkItem.objects.filter(external_id=text).values_list("id", flat=True)[:_MOST])
    items = WorkItem.objects.filter(id__in=item_ids).order_by("-received_at", "-id")[:_MOST]
    groups = [
        ("Clients", [Hit(c.code, c.name, address("client", slug, c.code)) for c in clients]),
        ("Engagements", [Hit(e.reference, e.title, address("engagement", slug, e.reference)) for e in engagements]),
        ("Matters", [Hit(m.reference, m.title, address("matter", slug, m.reference)) for m in matters]),
        (
            "Workstreams",
            [
                Hit(w.item_prefix, w.title, address("workstream", slug, w.matter.reference, w.item_prefix))
                for w in sorted(streams, key=lambda w: w.item_prefix)
            ],
        ),
        ("Items", [Hit(i.reference, i.title, address("item", slug, i.reference)) for i in items]),
        ("Milestones", _milestones(text, slug)),
        ("Questions to counsel", _questions(text, slug)),
    ]
    return [(name, hits) for name, hits in groups if hits]


def _milestones(text: str, slug: str) -> list[Hit]:
    """By what people call them, as in ACME-E01 M3, or by words of their name."""
    named = _MILESTONE.fullmatch(text.upper())
    numbered = Milestone.objects.filter(engagement__reference=named[1], number=int(named[2])) if named else Milestone.objects.none()
    rows = _matching(Milestone, [row.pk for row in numbered[:1]] if named else [], text, ("name",), "engagement")
    return [
        Hit(f"{row.engagement.reference} M{row.number}", row.name, address("milestone", slug, row.engagement.reference, row.number))
        for row in rows
    ]


def _questions(text: str, slug: str) -> list[Hit]:
    """What was decided before, by words of the question or the answer."""
    rows = Question.objects.filter(id__in=found_by_words(text, _MOST * 5)).select_related("matter").order_by("-asked_at", "-id")[:_MOST]
    return [Hit(f"{q.matter.reference} Q{q.number}", str(q), address("question", slug, q.matter.reference, q.number)) for q in rows]


def _found(request: TenantRequest) -> tuple[str, list[tuple[str, list[Hit]]]]:
    text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:120]
    if not text:
        return "", []
    others = [(name, list(source(request, text, _MOST))) for name, source in panels.searches.items()]
    return text, [*find(text, request.organization.slug), *((name, hits) for name, hits in others if hits)]


@requires(P.VIEW_WORK)
def search(request: TenantRequest, organization: str) -> HttpResponse:
    text, groups = _found(request)
    return render(request, "engagements/search.html", {"query": text, "groups": groups})


@requires(P.VIEW_WORK)
def offer(request: TenantRequest, organization: str) -> HttpResponse:
    """The same search for the palette: a few hits of each kind, as data."""
    _, groups = _found(request)
    hits = [
        {"kind": name.removesuffix("s"), "reference": hit.reference, "title": hit.title, "url": hit.url}
        for name, found in groups
        for hit in found[:_OFFERED]
    ]
    return JsonResponse({"hits": hits})
