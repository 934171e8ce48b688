"""Who may do what: every address and method as every kind of person, against `matrix.csv`."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from lpo.accounts.roles import ROLE_PERMISSIONS, Role
from tests.guards import matrix
from tests.guards.examples import base, data_of, names_of
from tests.guards.matrix import ALLOWED, HIDDEN, REFUSED, SIGN_IN, Row
from tests.guards.routes import public_routes, tenant_routes
from tests.guards.walk import ANSWERED, address_of, ask, ask_as, check_headers
from tests.guards.world import World

ROWS = matrix.read(matrix.PAGES)
STATUS = {REFUSED: 403, HIDDEN: 404}
# What the view lets in, its action decides: the move asked for, whose job it is, how far back a pause reaches.
DECIDED_BY_ACTION = {
    "engagements:bulk",
    "engagements:new_import (history)",
    "engagements:move",
    "engagements:move (accept)",
    "engagements:pause (backdated)",
    "engagements:undo",
    "engagements:profile",
    "engagements:undo (decision)",
    "engagements:resume",
    "engagements:notice",
    "engagements:severity",
    "engagements:ask",
    "engagements:ask_about_matter",
    "engagements:question",
    "engagements:admission",
    "engagements:new_sample",
    "engagements:placement",
    "engagements:timesheet",
    "engagements:timesheet (draft)",
    "engagements:timesheet_csv",
    "engagements:timesheet_message",
    "engagements:decide_timesheet",
    "engagements:do_milestone (reopen)",
    "engagements:do_milestone (publish)",
    "engagements:new_blocker",
    "engagements:edit_comment",
    "engagements:comment_file",
    "engagements:bulk (list)",
    "engagements:bulk_report",
    "engagements:bulk_csv",
    "engagements:bulk_undo",
    "engagements:blocker",
    "engagements:decide_pause (withdraw)",
    "engagements:decide_pause (uphold)",
    "engagements:decide_pause (contest)",
    "engagements:decide_pause (accept)",
    "sla:decide_exclusion (contest)",
    "sla:decide_exclusion (accept)",
    "sla:decide_exclusion (withdraw)",
    "sla:choose_credit",
    "jobs:cancel",
    "sla:today_move",
    "sla:sampled",
    "sla:adjudicate",
    "billing:run_bulk (submit)",
    "billing:run_bulk (approve)",
}
# Pages outside any organization that are not ours to mark, by the package that brings them.
ALLAUTH = ("account_", "mfa_", "usersessions_")
FRAMEWORK = {
    "favicon.ico": "a constant redirect to a static file",
    "gallery/": "the component gallery: invented figures only",
}
# Leads each person to the own first page.
WAY_IN = "accounts:landing"


def test_every_route_and_method_of_an_organization_has_its_row_and_every_row_its_route() -> None:
    declared = {(address, method) for address, route in tenant_routes().items() for method in route.required or {}}
    written = {(base(row.address), row.method) for row in ROWS}
    assert sorted(declared - written) == [], "add these to matrix.csv (python -m tests.guards.draft_matrix drafts them)"
    assert sorted(written - declared) == [], "matrix.csv names what no view answers"


def test_no_row_is_there_twice_and_every_cell_is_a_known_word() -> None:
    assert len({(row.address, row.method) for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert list(row.cells) == matrix.COLUMNS[2:]
        assert {value for name, value in row.cells.items() if name != "anonymous"} <= {ALLOWED, REFUSED, HIDDEN}, str(row)
        assert row.cells["anonymous"] == SIGN_IN, f"{row}: nothing of an organization is open"


def test_every_view_of_an_organization_says_what_it_requires() -> None:
    assert [address for address, route in tenant_routes().items() if not route.required] == []


def test_the_matrix_and_the_views_agree() -> None:
    """A "yes" needs the permission that the view asks for; only where an action decides may a holder be refused."""
    routes = tenant_routes()
    for row in ROWS:
        permission = (routes[base(row.address)].required or {})[row.method]
        for role in Role:
            holds, cell = permission in ROLE_PERMISSIONS[role], row.cells[role.value]
            if cell == ALLOWED:
                assert holds, f"{row}: {role} is allowed by the matrix and lacks “{permission.value}”"
            elif holds:
                assert row.address in DECIDED_BY_ACTION, f"{row}: {role} is refused by the matrix and holds “{permission.value}”"


def test_a_client_viewer_meets_404_on_staff_pages_and_staff_on_none_but_the_portal() -> None:
    for row in ROWS:
        if row.address.startswith("portal:") or row.address == WAY_IN:
            continue
        assert row.cells[Role.CLIENT_VIEWER.value] == HIDDEN, str(row)
        assert HIDDEN not in {value for role, value in row.cells.items() if role != Role.CLIENT_VIEWER.value}, str(row)


def test_an_auditor_writes_nothing() -> None:
    """The one thing an auditor sets off is the comparison of the audit log, which changes no record."""
    written = [row.address for row in ROWS if row.method != "GET" and row.cells[Role.AUDITOR.value] == ALLOWED]
    assert written == ["jobs:verify_audit"]


def test_a_client_viewer_writes_nothing() -> None:
    assert [str(row) for row in ROWS if row.method != "GET" and row.cells[Role.CLIENT_VIEWER.value] == ALLOWED] == []


@pytest.mark.django_db
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_person_is_answered_as_the_matrix_says(world: World, row: Row) -> None:
    for who, cell in row.cells.items():
        if who == "anonymous":
            continue
        status = ask_as(world.alder, who, row.address, row.method).status_code
        if cell == ALLOWED:
            assert status in ANSWERED, f"{row} as {who}: {status}"
        else:
            assert status == STATUS[cell], f"{row} as {who}: {status}, where the matrix says {cell}"


@pytest.mark.django_db
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_nobody_in_particular_is_sent_to_sign_in(world: World, row: Row) -> None:
    url = address_of(row.address, "alder", names_of(row.address, world.alder))
    answer = ask(Browser(), row.method, url, data_of(row.address, world.alder) if row.method == "POST" else {})
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")
    check_headers(answer, private=False)
    fragment = ask(Browser(), row.method, url, {}, **{"HX-Request": "true"})
    assert (fragment.status_code, fragment["HX-Redirect"], fragment.content) == (401, "/accounts/login/", b"")


@pytest.mark.django_db
@pytest.mark.parametrize("address", sorted(tenant_routes()))
def test_a_method_that_no_view_answers_is_405(world: World, address: str) -> None:
    required = tenant_routes()[address].required or {}
    row = next(row.address for row in ROWS if base(row.address) == address)
    url = address_of(row, "alder", names_of(row, world.alder))
    led_back = {"GET"} if "POST" in required else set()  # the next test's
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - required.keys() - led_back:
        answer = ask(world.alder.browser("owner"), method, url)
        assert answer.status_code == 405, method
        check_headers(answer, private=True)


@pytest.mark.django_db
@pytest.mark.parametrize("address", sorted(a for a, route in tenant_routes().items() if "GET" not in (route.required or {"GET": ""})))
def test_a_reload_where_only_a_form_is_sent_to_leads_to_the_page_above(world: World, address: str) -> None:
    """After a refusal the browser stands at the form's own address; loading it again is no error."""
    row = next(row.address for row in ROWS if base(row.address) == address)
    url = address_of(row, "alder", names_of(row, world.alder))
    browser = world.alder.browser("owner")
    for method in ("GET", "HEAD"):
        answer = ask(browser, method, url)
        assert (answer.status_code, url.startswith(answer["Location"])) == (302, True), method
        check_headers(answer, private=True)
        assert ask(browser, method, answer["Location"]).status_code == 200, answer["Location"]


def test_pages_outside_any_organization_are_marked_so_or_come_with_a_package() -> None:
    unmarked = {
        route.path: route.address
        for route in public_routes()
        if not getattr(route.view, "public", False) and not route.address.startswith(ALLAUTH)
    }
    assert set(unmarked) == set(FRAMEWORK)
