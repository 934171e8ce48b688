"""Ways around the addresses: choices posted from elsewhere, prices, work product, mails, caches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from engagements.models import Assignment, Matter, MatterInsider
from lpo.accounts.models import Invitation
from lpo.accounts.roles import ROLE_PERMISSIONS, Permission, Role
from lpo.tenancy.context import in_organization
from tests.guards import matrix
from tests.guards.examples import names_of
from tests.guards.walk import address_of, ask_as, check_words, text_of
from tests.guards.world import PRICES, WORK_PRODUCT, Place, World

pytestmark = pytest.mark.django_db
PAGES = [row for row in matrix.read(matrix.PAGES) if row.method == "GET" and not row.address.startswith("portal:")]
Posted = Callable[[Place, Place], Mapping[str, Any]]
ENGAGEMENT = {"title": "New", "delivery_model": "managed", "location": "onshore", "starts_on": "2026-01-01"}
# (what is posted where, the field whose choice is another organization's)
ELSEWHERE: list[tuple[str, str, Posted]] = [
    ("engagements:assign", "assignee", lambda here, there: {"assignee": there.people["reviewer"].id}),
    ("engagements:new_engagement", "legal_entity", lambda here, there: {**ENGAGEMENT, "legal_entity": there.refs.entity.id}),
    (
        "engagements:new_engagement",
        "manager",
        lambda here, there: {**ENGAGEMENT, "legal_entity": here.refs.entity.id, "manager": there.people["project_manager"].id},
    ),
    (
        "engagements:new_matter",
        "supervising_attorney",
        lambda here, there: {"title": "New", "supervising_attorney": there.people["attorney"].id},
    ),
    (
        "engagements:add_to_profile (conflicts)",
        "client",
        lambda here, there: {"client": there.refs.client.id, "since": "2026-01-01"},
    ),
    ("engagements:wall", "insiders", lambda here, there: {"reason": "Sensitive", "insiders": [there.people["project_manager"].id]}),
    (
        "accounts:invite",
        "client",
        lambda here, there: {"email": "new@example.org", "role": "client_viewer", "client": there.refs.client.id},
    ),
]


@pytest.mark.parametrize("case", ELSEWHERE, ids=lambda case: f"{case[0]} {case[1]}")
def test_a_choice_from_another_organization_is_refused_at_its_field(world: World, case: tuple[str, str, Posted]) -> None:
    address, field, posted = case
    here, there = world.alder, world.birch
    with transaction.atomic():
        url = address_of(address, here.slug, names_of(address, here))
        answer = here.browser("owner").post(url, posted(here, there))
        form = next(answer.context[name] for name in ("assign_form", "form") if name in answer.context)
        assert (answer.status_code, list(form.errors)) == (422, [field])
        check_words(answer, ["birch"], address)
        with in_organization(here.organization.id):
            assert not Assignment.objects.filter(member__organization=there.organization).exists()
            assert not MatterInsider.objects.filter(member__organization=there.organization).exists()
            assert not Matter.objects.filter(supervising_attorney__organization=there.organization).exists()
        assert not Invitation.objects.filter(email="new@example.org").exists()
        transaction.set_rollback(True)


def test_a_bulk_action_passes_over_what_is_elsewhere(world: World) -> None:
    here, there = world.alder, world.birch
    with transaction.atomic():
        data = {"do": "assign", "give_to": here.people["reviewer"].id, "selected": [there.refs.item.reference]}
        answer = here.browser("owner").post(f"/{here.slug}/work/bulk/", data)
        assert answer.status_code == 302  # nothing of one's own was ticked
        with in_organization(there.organization.id):
            assert not Assignment.objects.filter(member__organization=here.organization).exists()
        transaction.set_rollback(True)


def test_the_prices_looked_for_are_on_the_pages_of_those_who_may_see_them(world: World) -> None:
    """That nobody else reads one is asked of every answer, in `walk.ask_as`."""
    text = text_of(ask_as(world.alder, Role.OWNER.value, "billing:terms", "GET"))
    assert {price for price in PRICES if price in text} >= {"47.31", "2,731.19", "97.13"}


OF_FILES = (
    "engagements:deliverable_file",
    "engagements:protocol_file",
    "sla:exclusion_evidence",
    "engagements:milestone_evidence",
    "engagements:comment_file",
)


def test_work_product_is_opened_by_those_who_may_read_it_only(world: World) -> None:
    for role in Role:
        for address in ("engagements:evidence", "engagements:kept", "engagements:question_message", *OF_FILES):
            answer = ask_as(world.alder, role.value, address, "GET")
            reads = WORK_PRODUCT in text_of(answer)
            needed = {Permission.VIEW_WORK_PRODUCT} | ({Permission.COMMENT} if address == "engagements:comment_file" else set())
            assert reads == (needed <= ROLE_PERMISSIONS[role]), f"{address} as {role}"
    assert Permission.VIEW_WORK_PRODUCT not in ROLE_PERMISSIONS[Role.COORDINATOR]


def test_what_the_roles_of_the_issue_may_not_do() -> None:
    """The coordinator: no prices, no approving of pauses, no work product. The auditor and the viewer: no writing."""
    reading = {Permission.VIEW_WORK, Permission.VIEW_LEVELS, Permission.VIEW_MONEY, Permission.VIEW_AUDIT, Permission.VIEW_JOBS}
    assert not {Permission.VIEW_MONEY, Permission.APPROVE_PAUSE, Permission.VIEW_WORK_PRODUCT} & ROLE_PERMISSIONS[Role.COORDINATOR]
    assert ROLE_PERMISSIONS[Role.AUDITOR] == reading | {Permission.ENTER}
    assert ROLE_PERMISSIONS[Role.CLIENT_VIEWER] == {Permission.VIEW_PORTAL, Permission.ENTER}
    assert not {Permission.VIEW_MONEY, Permission.VIEW_AUDIT, Permission.MANAGE_PEOPLE} & ROLE_PERMISSIONS[Role.ATTORNEY]
    assert Permission.VIEW_PORTAL not in frozenset().union(*(ROLE_PERMISSIONS[r] for r in Role if r != Role.CLIENT_VIEWER))


def test_a_mail_names_its_own_organization_only(world: World, django_capture_on_commit_callbacks: Any) -> None:
    for place, other in ((world.alder, "birch"), (world.birch, "alder")):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            place.browser("owner").post(f"/{place.slug}/people/invite/", {"email": "new@example.org", "role": "reviewer"})
        assert [message.to for message in mail.outbox] == [["new@example.org"]]
        told = f"{mail.outbox[0].subject} {mail.outbox[0].body} {mail.outbox[0].from_email}".lower()
        assert other not in told
        assert place.slug in told


def test_what_is_cached_inside_an_organization_carries_its_id(world: World, noted: list[str]) -> None:
    """What the API counts is counted by organization. That pages cache nothing is asked of each in `test_query_budgets.py`."""
    browser = world.alder.browser("owner")
    browser.get("/api/v1/clients/", headers={"Authorization": f"Bearer {world.alder.refs.raw_token}"})
    assert noted
    assert {f":{world.alder.organization.id}:" in key for key in noted} == {True}
