"""Make the demo organizations, or print their sign-ins."""

from __future__ import annotations

import io
import logging
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lpo.accounts.models import Organization
from lpo.jobs.runner import run_due
from lpo.reports.demo import cast, story
from lpo.reports.demo.standing import Standing, standing
from lpo.reports.waiting import Waiter

# The exit code that says: only a part of the demo is there. Whoever owns the database may then start it afresh.
UNFINISHED = 3
# Nothing that follows reads the PDF files: the worker draws them beside the rest, or once it is started.
LATER = ("billing.render",)


class Command(BaseCommand):
    help = "Two organizations with a year of recorded work, invoices and open work. Refused in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="Make nothing when any organization exists.")
        parser.add_argument("--sign-ins", action="store_true", help="Print the sign-ins; alone, make nothing.")
        parser.add_argument("--leave-last-month", action="store_true", help="Leave the last month's windows and invoices to do.")
        parser.add_argument("--by-worker", action="store_true", help="Have the running worker do the jobs, and wait for it.")
        parser.add_argument("--scale", type=int, default=1, help="Multiply the number of items (default 1).")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["scale"] < 1:
            raise CommandError("--scale is 1 or more.")
        if options["sign_ins"] and not options["if_empty"]:
            self.sign_ins()
            return
        found = standing()
        if found == Standing.UNFINISHED:
            self.stderr.write("An earlier start was interrupted while it made the demo; only a part is there.")
            raise SystemExit(UNFINISHED)
        if found == Standing.EMPTY and not (options["if_empty"] and settings.PRODUCTION):
            self.make(options)
        elif not options["if_empty"]:
            raise CommandError("There are organizations already. The demo is made in an empty database.")
        if options["sign_ins"]:
            self.sign_ins()

    def make(self, options: dict[str, Any]) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo has known passwords and is refused in production.")
        started = time.monotonic()
        settle = wait_for_worker if options["by_worker"] else work_off
        with _quiet():
            story.build(settle=settle, tell=self.tell, scale=options["scale"], leave_last_month=options["leave_last_month"])
        self.stderr.write(f"The demo is ready after {time.monotonic() - started:.0f} s.")

    def tell(self, done: int, steps: int, text: str) -> None:
        """A bar that redraws itself on a terminal, a line a step elsewhere."""
        filled = 24 * done // steps
        bar = f"[{'█' * filled}{'·' * (24 - filled)}] {done}/{steps} {text}"
        if self.stderr.isatty():
            self.stderr.write(f"\r\033[K{bar}", ending="" if done < steps else "\n")
            self.stderr.flush()
        else:
            self.stderr.write(bar)

    def sign_ins(self) -> None:
        if not Organization.objects.filter(slug="alder", is_demo=True).exists():
            return
        width = max(len(person.email) for person in (*cast.ALDER, *cast.VIEWERS, *cast.BIRCH))
        for person in (*cast.ALDER, *cast.VIEWERS, *cast.BIRCH):
            if person.shows:
                self.stdout.write(f"  {person.email:<{width}}  {person.shows}")
        self.stdout.write(f"  Everybody's password: {cast.PASSWORD}")


def work_off(organization: Organization) -> None:
    """Get due work done in this process, through the real runner: no worker runs yet."""
    run_due(organization.id, leave=LATER)


def wait_for_worker(organization: Organization) -> None:
    Waiter(organization.pk, io.StringIO(), leave=LATER)()


@contextmanager
def _quiet() -> Iterator[None]:
    """Jobs done here report to nobody: the progress is told."""
    logger = logging.getLogger("lpo.jobs.runner")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
