"""`manage.py create_organization alder "Alder Legal" --zone America/New_York --owner olga@alder.example --owner-name "Olga Brandt"`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lpo.accounts import actions
from lpo.accounts.models import User
from lpo.core.errors import Refused


class Command(BaseCommand):
    help = "Make an organization and its first owner, who sets a password by “Forgot your password?” on the sign-in page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the word in the organization's addresses: lower-case letters, digits and hyphens")
        parser.add_argument("name")
        parser.add_argument("--zone", default="UTC", help="time zone, such as Europe/Berlin")
        parser.add_argument("--owner", required=True, help="e-mail address of the first owner; an existing person is taken as they are")
        parser.add_argument("--owner-name", default="", help="name of a new person")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        email = options["owner"].strip().lower()
        owner = User.objects.filter(email=email).first() or actions.create_person(email=email, name=options["owner_name"])
        try:
            organization, _ = actions.create_organization(
                slug=options["slug"], name=options["name"], time_zone=options["zone"], owner=owner
            )
        except Refused as refused:
            raise CommandError(refused.message) from None
        self.stdout.write(f"{organization.name} is at /{organization.slug}/; {owner.email} owns it.")
