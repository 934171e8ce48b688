#!/usr/bin/env python3
"""Django's command line, with the database role each command needs."""

from __future__ import annotations

import os
import sys

# Schema changes belong to the owner role; everything else, tests included, runs as the application.
OWNER_COMMANDS = {"migrate", "sqlmigrate", "showmigrations"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lpo.settings")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ["LPO_DATABASE_ROLE"] = "owner"
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
