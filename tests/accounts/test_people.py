"""Roles, deactivation and who may do what to whom."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client as Browser

from engagements.models import Client
from lpo.accounts import actions, queries
from lpo.accounts.actor import Actor
from lpo.accounts.models import ApiToken, Invitation, Membership, Organization, User
from lpo.accounts.roles import Role
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization
from tests.accounts.conftest import after, membership, sign_in

SignIn = Callable[[Membership], Browser]
Invite = Callable[..., tuple[Invitation, str]]


def change(by: Membership, member: Membership, role: str, was: str | None = None) -> Membership:
    with in_organization(by.organization_id):
        return actions.change_role(membership=member, role=role, was=was or member.role, by=Actor.member(by))


def deactivate(by: Membership, member: Membership) -> Membership:
    with in_organization(by.organization_id):
        return actions.deactivate_membership(membership=member, by=Actor.member(by))


def test_the_list_shows_everyone_with_role_and_second_factor(
    olga: Membership, rita: Membership, carla: Membership, offered: Client, client_of: SignIn
) -> None:
    rita.user.authenticator_set.create(type="totp", data={"secret": "x"})  # type: ignore[attr-defined]
    page = client_of(olga).get("/alder/people/").content.decode()
    assert "Rita O&#x27;Brien" in page and "Reviewer" in page
    assert "Vantic Software" in page
    assert "1 of 2" in page, "two staff, one with a second factor; the client's counsel is not counted"


def test_the_list_asks_the_same_number_of_queries_for_more_people(
    olga: Membership, alder: Organization, client_of: SignIn, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(30):
        user = User.objects.create_user(f"p{number}@alder.example")
        Membership.objects.create(organization=alder, user=user, role=Role.REVIEWER)
    browser = client_of(olga)
    browser.get("/alder/people/")
    with django_assert_max_num_queries(20):  # type: ignore[attr-defined]
        browser.get("/alder/people/")


def test_a_long_list_has_a_next_page(olga: Membership, alder: Organization, client_of: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    for name in ("ann", "bob", "cleo"):
        Membership.objects.create(organization=alder, user=User.objects.create_user(f"{name}@alder.example"), role=Role.REVIEWER)
    first = client_of(olga).get("/alder/people/").content.decode()
    assert "bob@alder.example" in first and "cleo@alder.example" not in first
    second = client_of(olga).get("/alder/people/?after=bob@alder.example").content.decode()
    assert "cleo@alder.example" in second and "olga@alder.example" in second and "ann@" not in second


def test_an_administrator_changes_a_role_and_it_is_recorded(
    adam: Membership, rita: Membership, alder: Organization, client_of: SignIn
) -> None:
    answer = client_of(adam).post("/alder/people/rita@alder.example/", {"role": Role.COORDINATOR, "was": Role.REVIEWER})
    assert answer.status_code == 302
    assert membership(alder, "rita@alder.example").role == Role.COORDINATOR
    with in_organization(alder.id):
        event = Event.objects.get(action="membership.change_role")
    assert event.before == {"role": "reviewer", "client_id": None}
    assert (after(event)["role"], event.actor_label) == ("coordinator", "Adam Lis")


def test_a_decision_on_an_outdated_role_is_refused_with_both(
    adam: Membership, rita: Membership, olga: Membership, client_of: SignIn
) -> None:
    change(olga, rita, Role.BILLING)
    answer = client_of(adam).post("/alder/people/rita@alder.example/", {"role": Role.COORDINATOR, "was": Role.REVIEWER})
    assert answer.status_code == 409
    assert "Billing" in answer.content.decode() and "Coordinator" in answer.content.decode()
    rita.refresh_from_db()
    assert rita.role == Role.BILLING


def test_the_last_owner_stays(olga: Membership, client_of: SignIn) -> None:
    answer = client_of(olga).post("/alder/people/olga@alder.example/", {"role": Role.AUDITOR, "was": Role.OWNER})
    assert answer.status_code == 422 and "last owner" in answer.content.decode()
    olga.refresh_from_db()
    assert olga.role == Role.OWNER


def test_an_owner_steps_down_once_there_is_another(olga: Membership, rita: Membership) -> None:
    rita = change(olga, rita, Role.OWNER)
    with pytest.raises(Refused, match="deactivate yourself"):
        deactivate(olga, olga)
    assert change(olga, olga, Role.AUDITOR).role == Role.AUDITOR
    olga.refresh_from_db()
    with pytest.raises(Refused, match="last owner"):
        change(rita, rita, Role.REVIEWER)


def test_an_inactive_owner_does_not_count_as_one(olga: Membership, rita: Membership) -> None:
    rita = change(olga, rita, Role.OWNER)
    deactivate(olga, rita)
    with pytest.raises(Refused, match="last owner"):
        change(olga, olga, Role.AUDITOR)


@pytest.mark.parametrize("act", ["role", "deactivate", "reactivate"])
def test_an_administrator_does_nothing_to_an_owner(olga: Membership, adam: Membership, client_of: SignIn, act: str) -> None:
    address = "/alder/people/olga@alder.example/"
    browser = client_of(adam)
    if act == "role":
        assert browser.post(address, {"role": Role.REVIEWER, "was": Role.OWNER}).status_code == 422
    else:
        browser.post(f"{address}{act}/")
        assert "Only an owner can change an owner" in browser.get(address).content.decode()
    olga.refresh_from_db()
    assert (olga.role, olga.is_active) == (Role.OWNER, True)


def test_nobody_raises_themselves(olga: Membership, adam: Membership) -> None:
    for role in (Role.OWNER, Role.PROJECT_MANAGER, Role.BILLING):
        with pytest.raises(Refused):
            change(adam, adam, role)
    assert change(adam, adam, Role.AUDITOR).role == Role.AUDITOR


def test_a_deactivated_person_is_out_at_once(olga: Membership, rita: Membership, client_of: SignIn) -> None:
    browser, _ = sign_in(rita.user.email)
    assert rita.user.usersession_set.count() == 1  # type: ignore[attr-defined]
    client_of(olga).post("/alder/people/rita@alder.example/deactivate/")
    assert browser.get("/accounts/profile/").status_code == 302, "the session is gone"
    again, status = sign_in(rita.user.email)
    assert status == 302
    assert "you belong to no organization" in again.get("/", follow=True).content.decode()
    assert again.get("/alder/").status_code == 404


def test_a_person_needed_elsewhere_keeps_the_session(olga: Membership, ben: Membership, alder: Organization) -> None:
    here = Membership.objects.create(organization=alder, user=ben.user, role=Role.REVIEWER)
    browser, _ = sign_in(ben.user.email)
    deactivate(olga, here)
    assert browser.get("/alder/").status_code == 404
    assert browser.get("/birch/").status_code == 302


def test_tokens_and_invitations_of_the_deactivated_die(olga: Membership, adam: Membership, invite: Invite) -> None:
    with in_organization(adam.organization_id):
        actions.create_token(name="Import", scopes=["work:read"], days=30, by=Actor.member(adam))
    _, link = invite(adam, "friend@example.com", Role.PROJECT_MANAGER)
    deactivate(olga, adam)
    assert ApiToken.objects.get().revoked_at is not None
    assert Browser().get(link).status_code == 410


def test_a_deactivated_person_is_activated_again(olga: Membership, rita: Membership, client_of: SignIn) -> None:
    deactivate(olga, rita)
    client_of(olga).post("/alder/people/rita@alder.example/reactivate/")
    browser, _ = sign_in(rita.user.email)
    assert browser.get("/alder/").status_code == 302


def test_people_of_another_organization_are_not_found(olga: Membership, ben: Membership, client_of: SignIn) -> None:
    browser = client_of(olga)
    assert browser.get("/alder/people/ben@birch.example/").status_code == 404
    assert browser.post("/alder/people/ben@birch.example/deactivate/").status_code == 404
    assert browser.get("/birch/people/").status_code == 404
    ben.refresh_from_db()
    assert ben.is_active


def test_an_address_with_an_apostrophe_has_a_page(olga: Membership, alder: Organization, client_of: SignIn) -> None:
    user = User.objects.create_user("zoë.o'brien+law@alder.example", name="Zoë O'Brien")
    Membership.objects.create(organization=alder, user=user, role=Role.REVIEWER)
    page = client_of(olga).get("/alder/people/").content.decode()
    link = unescape(next(part for part in page.split('href="') if "brien" in part.split('"')[0]).split('"')[0])
    answer = client_of(olga).get(link)
    assert answer.status_code == 200 and "Zoë O&#x27;Brien" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_owners_stepping_down_at_the_same_moment_leave_one(olga: Membership, rita: Membership) -> None:
    Membership.objects.filter(pk=rita.pk).update(role=Role.OWNER)
    start = Barrier(2)

    def step_down(member: Membership) -> str:
        try:
            member = Membership.objects.select_related("user").get(pk=member.pk)
            start.wait()
            return change(member, member, Role.AUDITOR).role
        except Refused as refused:
            return refused.message
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(step_down, [olga, rita]))
    assert said == ["This is the last owner. Make someone else an owner first.", "auditor"]
    assert Membership.objects.filter(role=Role.OWNER, is_active=True).count() == 1
