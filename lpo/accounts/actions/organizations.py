"""The organization's own settings, and a person's own profile."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from lpo.accounts import trail
from lpo.accounts.actor import Actor
from lpo.accounts.models import RESERVED_SLUGS, Membership, Organization, User
from lpo.accounts.roles import Permission, Role
from lpo.core.errors import Refused, StaleVersion
from lpo.core.validators import problem_of_text
from lpo.core.zones import zone_names
from lpo.tenancy.context import in_organization


@transaction.atomic
def create_organization(
    *, slug: str, name: str, time_zone: str, owner: User, require_mfa: bool | None = None, is_demo: bool = False
) -> tuple[Organization, Membership]:
    """A new tenant and its first owner. For commands: there is no page that makes one. Raises `Refused`."""
    organization = Organization(
        slug=slug,
        name=_clean_name(name),
        time_zone=_clean_zone(time_zone),
        require_mfa=settings.REQUIRE_STAFF_MFA_DEFAULT if require_mfa is None else require_mfa,
        is_demo=is_demo,
    )
    if slug in RESERVED_SLUGS:
        raise Refused(f"“{slug}” is reserved for an address of the application.", "slug")
    try:
        organization.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(messages[0], field) from None
    organization.save()
    with in_organization(organization.id):
        membership = Membership.objects.create(organization=organization, user=owner, role=Role.OWNER)
        system = Actor.system(organization.id)
        trail.record(by=system, action="organization.create", target=organization, after={**_values(organization), "owner": owner.email})
    return organization, membership


@transaction.atomic
def create_person(*, email: str, name: str, password: str | None = None) -> User:
    """A user whose address is taken as verified, for commands. Without a password they set one by "Forgot your password?"."""
    user = User.objects.create_user(email.strip(), password, name=name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@transaction.atomic
def update_organization(
    *, organization: Organization, name: str, time_zone: str, require_mfa: bool, version: int, by: Actor
) -> Organization:
    """Raises `StaleVersion` when somebody else saved since `version`, `Refused` naming the field."""
    by.need(Permission.MANAGE_ORGANIZATION)
    current = Organization.objects.select_for_update().get(pk=organization.pk)
    wanted = {"name": _clean_name(name), "time_zone": _clean_zone(time_zone), "require_mfa": require_mfa}
    before = _values(current)
    changed = {field: value for field, value in wanted.items() if before[field] != value}
    if current.version != version:
        raise StaleVersion("The settings were changed meanwhile.", theirs={field: before[field] for field in changed}, yours=changed)
    if not changed:
        return current
    for field, value in changed.items():
        setattr(current, field, value)
    current.version += 1
    current.save(update_fields=[*changed, "version"])
    trail.record(by=by, action="organization.update", target=current, before={field: before[field] for field in changed}, after=changed)
    return current


@transaction.atomic
def update_profile(*, user: User, name: str, time_zone: str, theme: str, keyboard_shortcuts: bool) -> User:
    """A person's own choices, the same in every organization they belong to; each of those records it. No zone means the organization's."""
    zone = _clean_zone(time_zone) if time_zone else ""
    if theme not in dict(User._meta.get_field("theme").choices or ()):
        raise Refused("Choose a theme.", "theme")
    current = User.objects.select_for_update().get(pk=user.pk)
    before = {"name": current.name, "time_zone": current.time_zone, "theme": current.theme}
    after = {"name": _clean_name(name), "time_zone": zone, "theme": theme}
    for field, value in after.items():
        setattr(current, field, value)
    current.save(update_fields=list(after))
    memberships = list(Membership.objects.select_related("organization", "user").filter(user=user, is_active=True).order_by("id"))
    for membership in memberships:
        shortcuts_before = membership.keyboard_shortcuts
        membership.keyboard_shortcuts = keyboard_shortcuts
        membership.save(update_fields=["keyboard_shortcuts"])
        if before == after and shortcuts_before == keyboard_shortcuts:
            continue
        with in_organization(membership.organization_id):
            trail.record(
                by=Actor.member(membership),
                action="profile.update",
                target=membership,
                before={**before, "keyboard_shortcuts": shortcuts_before},
                after={**after, "keyboard_shortcuts": keyboard_shortcuts},
                reference=user.email,
            )
    return current


def _values(organization: Organization) -> dict[str, object]:
    return {"name": organization.name, "time_zone": organization.time_zone, "require_mfa": organization.require_mfa}


def _clean_name(name: str) -> str:
    if problem := problem_of_text(name.strip()):
        raise Refused(problem, "name")
    name = " ".join(name.split())
    if not name:
        raise Refused("Enter a name.", "name")
    if len(name) > 150:
        raise Refused("A name has at most 150 characters.", "name")
    return name


def _clean_zone(zone: str) -> str:
    if zone not in zone_names():
        raise Refused("Choose a time zone.", "time_zone")
    return zone
