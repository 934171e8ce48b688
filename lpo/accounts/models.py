"""Users, organizations and who belongs where. These tables are global: they decide the scope, so they cannot lie inside one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from lpo.accounts.roles import Permission, Role, permissions_of

RESERVED_SLUGS = frozenset(
    {
        "account",
        "accounts",
        "admin",
        "api",
        "app",
        "assets",
        "auth",
        "billing",
        "docs",
        "favicon",
        "gallery",
        "healthz",
        "help",
        "home",
        "invitations",
        "login",
        "logout",
        "metrics",
        "mfa",
        "new",
        "organizations",
        "portal",
        "public",
        "readyz",
        "robots",
        "session",
        "sessions",
        "settings",
        "signup",
        "static",
        "status",
        "support",
        "usersessions",
        "www",
    }
)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """One person, whatever the organizations; signs in by e-mail address (stored in lower case)."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, help_text="Empty until chosen: the organization's zone.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    theme = models.CharField(max_length=8, default="system", choices=[("system", "System"), ("light", "Light"), ("dark", "Dark")])

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    objects = UserManager()

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.display_name

    # Django's admin is not installed and its permission system is not used; third-party code still asks.
    is_staff = False
    is_superuser = False


class Organization(models.Model):
    """The provider: the tenant."""

    slug = models.SlugField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[a-z][a-z0-9-]{1,38}[a-z0-9]$", "Use 3 to 40 lower-case letters, digits and hyphens.")],
    )
    name = models.CharField(max_length=150)
    time_zone = models.CharField(max_length=64, default="UTC")
    require_mfa = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(slug__in=sorted(RESERVED_SLUGS)), name="organization_slug_not_reserved"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper()


class Membership(models.Model):
    """A person's role in one organization. A client viewer's row also names the one client it sees."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    # References engagements_client by a composite key; accounts lies below engagements, so only the number is here.
    client_id = models.BigIntegerField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    keyboard_shortcuts = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_once"),
            models.UniqueConstraint(fields=["organization", "id"], name="membership_organization_id_key"),
            models.CheckConstraint(
                condition=models.Q(role=Role.CLIENT_VIEWER, client_id__isnull=False)
                | (~models.Q(role=Role.CLIENT_VIEWER) & models.Q(client_id__isnull=True)),
                name="membership_client_iff_viewer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role_label})"

    @property
    def display_name(self) -> str:
        return self.user.display_name

    @property
    def role_label(self) -> str:
        return str(Role(self.role).label)

    @property
    def permissions(self) -> frozenset[Permission]:
        return permissions_of(self.role)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


class Invitation(models.Model):
    """An address invited to a role. The link's token is stored as its SHA-256 only."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role.choices)
    client_id = models.BigIntegerField(null=True, blank=True)
    token_digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | models.Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_at_by",
            ),
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.organization}"


class ApiToken(models.Model):
    """A token of one organization for the API. Only its SHA-256 is stored; scopes are data (`lpo.api.scopes`)."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=12)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="apitoken_organization_id_key"),
            models.CheckConstraint(condition=models.Q(expires_at__gt=models.F("created_at")), name="apitoken_expires_after_creation"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
