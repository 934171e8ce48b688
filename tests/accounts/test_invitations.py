"""The only way in: a link sent to an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client as Browser
from django.utils import timezone

from engagements.models import Client
from lpo.accounts import actions, invitations
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Invitation, Membership, Organization, User
from lpo.accounts.roles import Role
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization
from tests.accounts.conftest import PASSWORD, html_of, mailed_path, membership, sign_in

Invite = Callable[..., tuple[Invitation, str]]
SignIn = Callable[[Membership], Browser]
SIGN_UP = {"name": "Zoë O'Brien", "password1": "nine green bottles", "password2": "nine green bottles"}


def actions_recorded(organization: Organization) -> list[str]:
    with in_organization(organization.id):
        return list(Event.objects.order_by("id").values_list("action", flat=True))


def test_zoe_is_invited_signs_up_and_is_in(olga: Membership, alder: Organization, client_of: SignIn) -> None:
    answer = client_of(olga).post("/alder/people/invite/", {"email": "Zoe@Example.com", "role": Role.COORDINATOR})
    assert answer.status_code == 302 and answer["Location"] == "/alder/people/"
    assert mail.outbox[0].to == ["zoe@example.com"]

    zoe, link = Browser(), mailed_path()
    page = zoe.get(link)
    assert "Olga Brandt invites zoe@example.com to Alder Legal as coordinator" in page.content.decode()
    assert zoe.post(link)["Location"] == "/accounts/signup/"
    assert zoe.post("/accounts/signup/", SIGN_UP)["Location"] == "/"
    assert zoe.get("/")["Location"] == "/alder/today/"

    member = membership(alder, "zoe@example.com")
    assert (member.role, member.is_active, member.user.name) == (Role.COORDINATOR, True, "Zoë O'Brien")
    address = member.user.emailaddress_set.get()  # type: ignore[attr-defined]
    assert (address.verified, address.primary) == (True, True)
    assert len(mail.outbox) == 1, "the address was proven by the link; nobody asks for it again"
    assert actions_recorded(alder) == ["invitation.create", "invitation.accept"]


def test_the_mail_reads_right_in_both_parts(olga: Membership, alder: Organization, invite: Invite) -> None:
    User.objects.filter(pk=olga.user_id).update(name="Zoë O'Brien & Sons")
    Organization.objects.filter(pk=alder.pk).update(name="O'Hara <Legal>")
    invite(olga, "new@example.com", Role.REVIEWER)
    message = mail.outbox[0]
    html = html_of()
    assert message.subject == "Zoë O'Brien & Sons invites you to O'Hara <Legal>"
    assert "O'Brien & Sons" in message.body and "&#x27;" not in message.body
    assert "O&#x27;Hara &lt;Legal&gt;" in html and "<Legal>" not in html
    assert mailed_path() in html and "<table" not in html
    assert "Accept the invitation: http://localhost:8000/invitations/" in message.body


def test_the_link_is_stored_as_a_digest_only(olga: Membership, invite: Invite) -> None:
    invitation, link = invite(olga, "new@example.com", Role.REVIEWER)
    token = link.strip("/").rpartition("/")[2]
    assert len(token) >= 43
    assert invitation.token_digest == invitations.digest(token)
    assert token not in str(Invitation.objects.filter(pk=invitation.pk).values().get())


def test_sign_up_is_closed_without_an_invitation(olga: Membership) -> None:
    browser = Browser()
    assert "password1" not in browser.get("/accounts/signup/").content.decode()
    browser.post("/accounts/signup/", {"email": "mallory@example.com", **SIGN_UP})
    assert not User.objects.filter(email="mallory@example.com").exists()


def test_the_invited_address_cannot_be_exchanged(olga: Membership, invite: Invite) -> None:
    _, link = invite(olga, "zoe@example.com", Role.OWNER)
    browser = Browser()
    browser.post(link)
    browser.post("/accounts/signup/?email=mallory@example.com", {"email": "mallory@example.com", **SIGN_UP})
    assert not User.objects.filter(email="mallory@example.com").exists()
    assert User.objects.filter(email="zoe@example.com").exists()


def test_opening_the_link_changes_nothing(olga: Membership, invite: Invite) -> None:
    """Mail scanners open links before people do."""
    invitation, link = invite(olga, "zoe@example.com", Role.REVIEWER)
    scanner = Browser()
    scanner.get(link)
    scanner.get("/accounts/signup/")
    invitation.refresh_from_db()
    assert invitation.accepted_at is None
    assert Browser().get(link).status_code == 200


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "has expired"),
        ({"revoked_at": timezone.now()}, "was withdrawn"),
    ],
)
def test_an_expired_or_withdrawn_link_says_so(olga: Membership, invite: Invite, change: dict[str, object], said: str) -> None:
    invitation, link = invite(olga, "zoe@example.com", Role.REVIEWER)
    waiting = Browser()
    waiting.post(link)
    Invitation.objects.filter(pk=invitation.pk).update(**change)
    for answer in (Browser().get(link), Browser().post(link)):
        assert answer.status_code == 410 and said in answer.content.decode()
    waiting.post("/accounts/signup/", SIGN_UP)
    assert not User.objects.filter(email="zoe@example.com").exists(), "the form was open when the link died"


def test_a_used_link_lets_nobody_else_in(olga: Membership, invite: Invite) -> None:
    _, link = invite(olga, "zoe@example.com", Role.REVIEWER)
    zoe = Browser()
    zoe.post(link)
    zoe.post("/accounts/signup/", SIGN_UP)
    answer = Browser().get(link)
    assert answer.status_code == 410 and "used already" in answer.content.decode()


def test_an_unknown_link_is_not_found(db: None) -> None:
    assert Browser().get("/invitations/no-such-token/").status_code == 404


def test_sending_again_replaces_the_link(olga: Membership, invite: Invite, client_of: SignIn) -> None:
    _, first = invite(olga, "zoe@example.com", Role.REVIEWER)
    client_of(olga).post("/alder/people/invitations/zoe@example.com/resend/")
    second = mailed_path()
    assert first != second
    assert (Browser().get(first).status_code, Browser().get(second).status_code) == (404, 200)


def test_withdrawing_closes_the_link(olga: Membership, alder: Organization, invite: Invite, client_of: SignIn) -> None:
    _, link = invite(olga, "zoe@example.com", Role.REVIEWER)
    client_of(olga).post("/alder/people/invitations/zoe@example.com/revoke/")
    assert Browser().get(link).status_code == 410
    assert actions_recorded(alder)[-1] == "invitation.revoke"


def test_the_same_address_is_not_invited_twice(olga: Membership, asha: Membership, invite: Invite) -> None:
    invite(olga, "zoe@example.com", Role.REVIEWER)
    with pytest.raises(Refused, match="already invited"):
        invite(olga, " ZOE@example.com ", Role.REVIEWER)
    with pytest.raises(Refused, match="already a member"):
        invite(olga, asha.user.email, Role.REVIEWER)


def test_an_expired_invitation_gives_way_to_a_new_one(olga: Membership, invite: Invite) -> None:
    first, _ = invite(olga, "zoe@example.com", Role.REVIEWER)
    Invitation.objects.filter(pk=first.pk).update(expires_at=timezone.now() - timedelta(days=1))
    _, link = invite(olga, "zoe@example.com", Role.BILLING)
    assert "as billing" in Browser().get(link).content.decode()


def test_ben_of_birch_joins_alder_with_his_own_account(olga: Membership, ben: Membership, alder: Organization, invite: Invite) -> None:
    _, link = invite(olga, ben.user.email, Role.REVIEWER)
    browser = Browser()
    to_login = browser.post(link)["Location"]
    assert to_login.startswith("/accounts/login/?next=")
    answer = browser.post(to_login, {"login": ben.user.email, "password": PASSWORD})
    assert answer["Location"] == link
    assert browser.post(link)["Location"] == "/alder/today/"
    assert membership(alder, ben.user.email).role == Role.REVIEWER
    assert browser.get("/")["Location"] == "/organizations/"
    chooser = browser.get("/organizations/").content.decode()
    assert "/alder/today/" in chooser and "/birch/today/" in chooser


def test_somebody_elses_invitation_cannot_be_accepted(
    olga: Membership, ben: Membership, alder: Organization, invite: Invite, client_of: SignIn
) -> None:
    _, link = invite(olga, "zoe@example.com", Role.OWNER)
    browser = client_of(ben)
    assert "for another address" in browser.get(link).content.decode()
    assert browser.post(link)["Location"] == link
    assert not Membership.objects.filter(organization=alder, user=ben.user).exists()


def test_a_former_member_comes_back_in_the_new_role(
    olga: Membership, rita: Membership, alder: Organization, invite: Invite, client_of: SignIn
) -> None:
    with in_organization(alder.id):
        actions.deactivate_membership(membership=rita, by=Actor.member(olga))
    _, link = invite(olga, rita.user.email, Role.COORDINATOR)
    browser, _ = sign_in(rita.user.email)
    browser.post(link)
    back = membership(alder, rita.user.email)
    assert (back.id, back.role, back.is_active) == (rita.id, Role.COORDINATOR, True)


def test_an_administrator_cannot_make_an_owner(adam: Membership, invite: Invite, client_of: SignIn) -> None:
    with pytest.raises(Refused, match="Only an owner"):
        invite(adam, "zoe@example.com", Role.OWNER)
    answer = client_of(adam).post("/alder/people/invite/", {"email": "zoe@example.com", "role": Role.OWNER})
    assert answer.status_code == 422
    assert not Invitation.objects.exists() and mail.outbox == []


def test_a_project_manager_invites_nobody(asha: Membership, invite: Invite, client_of: SignIn) -> None:
    with pytest.raises(NotPermitted):
        invite(asha, "zoe@example.com", Role.REVIEWER)
    assert client_of(asha).get("/alder/people/invite/").status_code == 403


def test_a_client_viewer_is_given_one_client_on_offer(
    adam: Membership, alder: Organization, offered: Client, invite: Invite, client_of: SignIn
) -> None:
    page = client_of(adam)
    for client in ("", "999999"):
        answer = page.post("/alder/people/invite/", {"email": "gc@vantic.example", "role": Role.CLIENT_VIEWER, "client": client})
        assert answer.status_code == 422
    page.post("/alder/people/invite/", {"email": "gc@vantic.example", "role": Role.CLIENT_VIEWER, "client": offered.id})
    link = mailed_path()
    viewer = Browser()
    viewer.post(link)
    viewer.post("/accounts/signup/", SIGN_UP)
    assert membership(alder, "gc@vantic.example").client_id == offered.id
    assert viewer.get("/")["Location"] == "/alder/portal/"


def test_staff_are_given_no_client(olga: Membership, offered: Client, invite: Invite) -> None:
    invitation, _ = invite(olga, "zoe@example.com", Role.REVIEWER, offered.id)
    assert invitation.client_id is None


def test_invitations_of_another_organization_are_not_found(olga: Membership, ben: Membership, invite: Invite, client_of: SignIn) -> None:
    invite(olga, "zoe@example.com", Role.REVIEWER)
    Membership.objects.filter(pk=ben.pk).update(role=Role.OWNER)
    answer = client_of(ben).post("/birch/people/invitations/zoe@example.com/revoke/")
    assert answer.status_code == 404
    assert Invitation.objects.get().revoked_at is None


def test_the_log_does_not_hold_the_link(olga: Membership, invite: Invite, caplog: pytest.LogCaptureFixture) -> None:
    _, link = invite(olga, "zoe@example.com", Role.REVIEWER)
    with caplog.at_level("INFO", "lpo.request"):
        Browser().get(link)
    assert "GET /invitations/…/ 200" in caplog.text
    assert link.strip("/").rpartition("/")[2] not in caplog.text + str([vars(record) for record in caplog.records])
