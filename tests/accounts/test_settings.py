"""An organization's settings and a person's own profile."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client as Browser

from engagements.models import Client
from lpo.accounts import actions
from lpo.accounts.models import Membership, Organization
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization
from tests.accounts.conftest import after, mailed_path, sign_in

SignIn = Callable[[Membership], Browser]
SETTINGS = {"name": "Alder & O'Hara", "time_zone": "Europe/Berlin", "version": "1"}
PROFILE = {"name": "Zoë O'Brien", "time_zone": "Asia/Kolkata", "theme": "dark"}


def test_an_administrator_changes_the_settings(adam: Membership, alder: Organization, client_of: SignIn) -> None:
    browser = client_of(adam)
    assert browser.post("/alder/settings/", SETTINGS).status_code == 302
    alder.refresh_from_db()
    assert (alder.name, alder.time_zone, alder.require_mfa, alder.version) == ("Alder & O'Hara", "Europe/Berlin", False, 2)
    assert "Alder &amp; O&#x27;Hara" in browser.get("/alder/settings/").content.decode()
    with in_organization(alder.id):
        event = Event.objects.get()
    zones = {"name": "Alder Legal", "time_zone": "America/New_York"}, {"name": "Alder & O'Hara", "time_zone": "Europe/Berlin"}
    assert (event.action, event.before, event.after) == ("organization.update", *zones)


def test_a_stale_save_shows_both_values_and_changes_nothing(
    adam: Membership, olga: Membership, alder: Organization, client_of: SignIn
) -> None:
    client_of(adam).post("/alder/settings/", {**SETTINGS, "name": "Adam's choice"})
    answer = client_of(olga).post("/alder/settings/", {**SETTINGS, "name": "Olga's choice"})
    page = answer.content.decode()
    assert answer.status_code == 409 and "Adam&#x27;s choice" in page and "Olga&#x27;s choice" in page
    alder.refresh_from_db()
    assert alder.name == "Adam's choice"


def test_saving_without_a_change_writes_nothing(adam: Membership, alder: Organization, client_of: SignIn) -> None:
    client_of(adam).post("/alder/settings/", {"name": alder.name, "time_zone": alder.time_zone, "version": "1"})
    alder.refresh_from_db()
    assert alder.version == 1
    with in_organization(alder.id):
        assert not Event.objects.exists()


@pytest.mark.parametrize(("field", "value"), [("name", " "), ("time_zone", "Mars/Olympus"), ("version", "")])
def test_bad_settings_are_refused_beside_the_form(adam: Membership, client_of: SignIn, field: str, value: str) -> None:
    assert client_of(adam).post("/alder/settings/", {**SETTINGS, field: value}).status_code == 422


def test_a_project_manager_does_not_see_the_settings(asha: Membership, client_of: SignIn) -> None:
    assert client_of(asha).get("/alder/settings/").status_code == 403


def test_a_profile_is_saved_for_every_organization(asha: Membership, alder: Organization, birch: Organization, client_of: SignIn) -> None:
    Membership.objects.create(organization=birch, user=asha.user, role="reviewer")
    browser = client_of(asha)
    answer = browser.post("/accounts/profile/", PROFILE)
    assert answer.status_code == 302 and answer.cookies["theme"].value == "dark"
    asha.user.refresh_from_db()
    assert (asha.user.name, asha.user.time_zone, asha.user.theme) == ("Zoë O'Brien", "Asia/Kolkata", "dark")
    assert set(Membership.objects.filter(user=asha.user).values_list("keyboard_shortcuts", flat=True)) == {False}
    for organization in (alder, birch):
        with in_organization(organization.id):
            assert after(Event.objects.get())["name"] == "Zoë O'Brien"
    page = browser.get("/accounts/profile/").content.decode()
    assert "Zoë O&#x27;Brien" in page and 'data-theme="dark"' in page


def test_clients_have_a_profile_too(carla: Membership, client_of: SignIn) -> None:
    assert client_of(carla).post("/accounts/profile/", {**PROFILE, "time_zone": ""}).status_code == 302
    carla.user.refresh_from_db()
    assert carla.user.time_zone == ""


@pytest.mark.parametrize(("field", "value"), [("name", ""), ("theme", "neon"), ("time_zone", "Mars/Olympus")])
def test_a_bad_profile_is_refused(asha: Membership, client_of: SignIn, field: str, value: str) -> None:
    assert client_of(asha).post("/accounts/profile/", {**PROFILE, field: value}).status_code == 422
    asha.user.refresh_from_db()
    assert asha.user.name == "Asha Rao"


def test_the_theme_follows_the_person_to_a_new_browser(asha: Membership, client_of: SignIn) -> None:
    client_of(asha).post("/accounts/profile/", PROFILE)
    browser, _ = sign_in(asha.user.email)
    assert browser.cookies["theme"].value == "dark"


def test_an_organization_is_made_with_its_first_owner(db: None) -> None:
    owner = actions.create_person(email="Nora@Elm.example", name="Nora Elm", password="nine green bottles")
    elm, membership = actions.create_organization(slug="elm", name="Elm", time_zone="UTC", owner=owner)
    browser, status = sign_in("nora@elm.example", "nine green bottles")
    assert status == 302 and browser.get("/elm/people/").status_code == 200
    with in_organization(elm.id):
        assert Event.objects.get().actor_kind == "system"
    assert membership.role == "owner"


@pytest.mark.parametrize("slug", ["accounts", "invitations", "El m", "x", ""])
def test_an_organization_takes_no_reserved_or_odd_address(asha: Membership, slug: str) -> None:
    with pytest.raises(Refused) as refused:
        actions.create_organization(slug=slug, name="Elm", time_zone="UTC", owner=asha.user)
    assert refused.value.field == "slug"


def test_the_database_refuses_a_reserved_address_as_well(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Organization.objects.create(slug="invitations", name="x")


def test_the_client_of_a_viewer_is_named_on_the_persons_page(
    olga: Membership, carla: Membership, offered: Client, client_of: SignIn
) -> None:
    assert "Client viewer, Vantic Software" in client_of(olga).get("/alder/people/carla@alder.example/").content.decode()


def test_the_command_makes_an_organization_whose_owner_sets_a_password(db: None) -> None:
    out = StringIO()
    call_command("create_organization", "elm", "Elm & Sons", "--owner=Nora@Elm.example", "--owner-name=Nora Elm", stdout=out)
    assert out.getvalue() == "Elm & Sons is at /elm/; nora@elm.example owns it.\n"
    browser = Browser()
    browser.post("/accounts/password/reset/", {"email": "nora@elm.example"})
    form = browser.get(mailed_path())["Location"]
    browser.post(form, {"password1": "nine green bottles", "password2": "nine green bottles"})
    assert sign_in("nora@elm.example", "nine green bottles")[1] == 302
    with pytest.raises(CommandError, match="reserved"):
        call_command("create_organization", "api", "Elm", "--owner=nora@elm.example")
