"""Lists cost the same whether ten rows stand behind them or a thousand: the view's own statements are counted at both sizes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from lpo.accounts.roles import Role
from tests.guards import bulk, matrix
from tests.guards.examples import names_of, query_of
from tests.guards.matrix import ALLOWED
from tests.guards.walk import address_of
from tests.guards.world import Place, World

pytestmark = pytest.mark.django_db
BUDGET = 12
PAGES = [row for row in matrix.read(matrix.PAGES) if row.method == "GET"]
# What is spent around a view: session, user, membership, walls, the settings of the transaction, and the count beside Notices.
BEFORE = re.compile(
    "|".join(
        [
            r"^(SAVEPOINT|RELEASE|ROLLBACK|PREPARE)|set_config\(",
            r'FROM "django_session"|UPDATE "django_session"|UPDATE "accounts_membership" SET "last_seen_at"',
            r"FROM engagements_matter m WHERE m.organization_id = \d+ AND m.walled",
            r"FROM engagements_matter WHERE organization_id = \d+ AND supervising",
            r"FROM engagements_notice n WHERE n.organization_id = \d+ AND n.member_id = \d+ AND n.read_at IS NULL LIMIT 99",
            r'FROM "accounts_user" WHERE "accounts_user"."id" = \d+ LIMIT 21|"accounts_organization"."slug" = ',
        ]
    )
)


@dataclass(frozen=True)
class List:
    """A page that lists, who reads it, what fills it, and how many statements it may take where 12 are too few."""

    address: str
    fill: Callable[[Place, int], None]
    who: str = Role.OWNER.value
    budget: int = BUDGET
    why: str = ""

    def __str__(self) -> str:
        return f"{self.address} by {self.fill.__name__}"


VIEWER = Role.CLIENT_VIEWER.value
LISTS = [
    List("accounts:people", bulk.people),
    List("accounts:tokens", bulk.tokens),
    List("jobs:list", bulk.jobs),
    List("audit:list", bulk.events),
    List("engagements:clients", bulk.clients),
    List("engagements:client", bulk.engagements),
    List("engagements:client", bulk.matters),
    List("engagements:engagements", bulk.engagements),
    List("engagements:engagement", bulk.matters, budget=23, why="twelve panels of three rooms, and what they rest on"),
    List("engagements:engagement", bulk.workstreams, budget=23, why="twelve panels of three rooms, and what they rest on"),
    List("engagements:engagement", bulk.orders, budget=23, why="twelve panels of three rooms, and what they rest on"),
    List("engagements:engagement", bulk.team, budget=23, why="twelve panels of three rooms, and what they rest on"),
    List("engagements:engagement", bulk.placements, budget=23, why="twelve panels of three rooms, and what they rest on"),
    List("engagements:placement", bulk.timesheets, budget=24, why="terms, sheets, absences, who follows, its rate and its lines"),
    List("engagements:contract", bulk.clauses, budget=16, why="what rests on a version is asked of every room"),
    List("engagements:protocol", bulk.protocols),
    List("engagements:engagement", bulk.milestones, budget=23, why="twelve panels of three rooms, and what they rest on"),
    List("engagements:engagement", bulk.blockers, budget=23, why="twelve panels of three rooms, and what they rest on"),
    List("engagements:coordination", bulk.milestones),
    List("engagements:coordination (blockers)", bulk.blockers),
    List("engagements:escalation", bulk.escalations),
    List("engagements:notices", bulk.notices),
    List("engagements:matters", bulk.matters),
    List("engagements:workstream", bulk.items, budget=14, why="a page composed of panels of three rooms"),
    List("engagements:queue", bulk.items),
    List("engagements:matter_conflicts", bulk.matches),
    List("engagements:conflict_search", bulk.matches),
    List("engagements:supervision", bulk.sampled, budget=16, why="five kinds of record, gathered"),
    List("engagements:supervision", bulk.questions, budget=16, why="five kinds of record, gathered"),
    List("engagements:deliverables", bulk.versions),
    List("engagements:deliverable", bulk.versions),
    List("portal:deliverables", bulk.versions, VIEWER),
    List("engagements:matter", bulk.workstreams, budget=13, why="twelve of its own, and where else the reader works"),
    List("engagements:queue", bulk.views),
    List("engagements:item_activity", bulk.comments, budget=20, why="ten kinds of record, each read by its own index"),
    List("engagements:matter_activity", bulk.comments, budget=14, why="six kinds of record, each read by its own index"),
    List("engagements:engagement_activity", bulk.comments, budget=16, why="nine kinds of record, each read by its own index"),
    List("engagements:workstream_activity", bulk.events),
    List("engagements:item", bulk.comments, budget=23, why="panels of two rooms, seven kinds of record, similar items"),
    List("engagements:bulk (list)", bulk.bulk_actions),
    List("engagements:bulk_report", bulk.bulk_rows),
    List("engagements:offer", bulk.items, budget=23, why="seven kinds of things are searched, each by its beginning and by words"),
    List("engagements:offer", bulk.drafts, budget=23, why="seven kinds of things are searched, each by its beginning and by words"),
    List("engagements:team", bulk.people),
    List("engagements:time", bulk.time_entries),
    List("engagements:time_sheets", bulk.time_entries),
    List("engagements:approvals", bulk.late_entries),
    List("engagements:waiting", bulk.waits, budget=16, why="the waits, and the facts their effect on the due date follows from"),
    List("engagements:questions", bulk.questions),
    List("engagements:item", bulk.records_of_an_item, budget=23, why="panels of two rooms, seven kinds of record, similar items"),
    List("sla:today", bulk.clocks),
    List("sla:levels", bulk.levels),
    List("sla:ledger", bulk.contests, budget=19, why="two kinds of entry, their effects on due dates, windows and claims"),
    List("sla:engagement_ledger", bulk.contests, budget=19, why="two kinds of entry, their effects on due dates, windows and claims"),
    List("sla:scorecard", bulk.levels),
    List("sla:client_scorecard", bulk.levels),
    List("sla:window", bulk.rows_behind_a_figure, budget=16, why="the figure, its claim, and what today's facts would say"),
    List("sla:checks", bulk.sample_items),
    List("sla:plan", bulk.sample_items),
    List("sla:quality", bulk.sample_plans),
    List("sla:calendars", bulk.calendars),
    List("billing:invoices", bulk.drafts, budget=28, why="every draft with its findings, expenses that wait among them"),
    List("billing:run", bulk.engagements, budget=28, why="every engagement of the month with its invoice, findings and jobs"),
    List("billing:run", bulk.drafts, budget=28, why="every engagement of the month with its invoice, findings and jobs"),
    List("billing:invoice (draft)", bulk.lines, budget=36, why="lines, findings, comparison, its order, events and an opened line"),
    List("billing:entities", bulk.entities),
    List("billing:term", bulk.seats),
    List("billing:term (expenses)", bulk.expenses),
    List("portal:matters", bulk.updates, VIEWER),
    List("portal:levels", bulk.published_levels, VIEWER),
    List("portal:ledger", bulk.published_waits, VIEWER),
    List("portal:scorecard", bulk.published_levels, VIEWER),
    List("portal:overview", bulk.published_levels, VIEWER),
    List("portal:staff", bulk.placements, VIEWER),
    List("portal:person", bulk.timesheets, VIEWER),
    List("portal:invoices", bulk.issued, VIEWER),
    List("portal:window", bulk.rows_behind_a_figure, VIEWER),
    List("portal:line", bulk.charges, VIEWER),
]


def own_statements(place: Place, listed: List) -> list[str]:
    url = address_of(listed.address, place.slug, names_of(listed.address, place))
    with CaptureQueriesContext(connection) as captured:
        answer = place.browser(listed.who).get(url, query_of(listed.address, place))
    assert answer.status_code == 200, answer.status_code
    return [query["sql"] for query in captured.captured_queries if not BEFORE.search(" ".join(query["sql"].split()))]


def told(few: list[str], many: list[str]) -> str:
    """Which statement comes how often at either size; literals are left out, so that repetitions count as one."""
    shapes = [Counter(re.sub(r"\d+|'[^']*'", "…", " ".join(sql.split()))[:240] for sql in found) for found in (few, many)]
    return "\n".join(f"{shapes[0][shape]:4} → {shapes[1][shape]:4}  {shape}" for shape in shapes[0] | shapes[1])


@pytest.mark.parametrize("listed", LISTS, ids=str)
def test_a_list_takes_as_many_statements_for_a_thousand_rows_as_for_ten(world: World, listed: List) -> None:
    found = []
    for rows in (10, 1000):
        with transaction.atomic():
            listed.fill(world.alder, rows)
            found.append(own_statements(world.alder, listed))
            transaction.set_rollback(True)
    few, many = found
    assert len(few) == len(many), told(few, many)
    assert len(many) <= listed.budget, told(few, many)


def test_a_budget_above_the_usual_says_why() -> None:
    assert all(listed.why for listed in LISTS if listed.budget > BUDGET)


@pytest.mark.parametrize("row", PAGES, ids=str)
def test_a_page_caches_nothing_and_has_a_budget_if_it_is_paged(world: World, noted: list[str], row: matrix.Row) -> None:
    """A page in the context of a template is a list; one that is not named above would grow unseen."""
    who = next(who for who, cell in row.cells.items() if cell == ALLOWED)
    answer: Any = world.alder.browser(who).get(
        address_of(row.address, "alder", names_of(row.address, world.alder, who)), query_of(row.address, world.alder)
    )
    paged = answer.context is not None and any(name in answer.context for name in ("page", "next_url"))
    assert not paged or row.address in {listed.address for listed in LISTS}
    assert noted == []
