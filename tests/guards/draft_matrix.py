"""Prints a first draft of the rows that the matrix lacks, from what the views declare: `python -m tests.guards.draft_matrix`.

A draft is only what the code says of itself. Read each row against what the roles are for before adding it.
"""

from __future__ import annotations

import csv
import os
import sys

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lpo.settings")
    django.setup()
    from lpo.accounts.roles import ROLE_PERMISSIONS, Role
    from lpo.accounts.tokens import SCOPE_PERMISSIONS
    from tests.guards import matrix
    from tests.guards.examples import NAMES, base
    from tests.guards.routes import api_routes, tenant_routes

    writer = csv.writer(sys.stdout, lineterminator="\n")
    known = {(base(row.address), row.method) for row in matrix.read(matrix.PAGES)} if matrix.PAGES.exists() else set()
    for address, route in tenant_routes().items():
        for row in [name for name in NAMES if base(name) == address] or [address]:
            for method, permission in (route.required or {}).items():
                if (address, method) not in known:
                    cells = [
                        "yes" if permission in ROLE_PERMISSIONS[role] else "404" if role == Role.CLIENT_VIEWER else "no" for role in Role
                    ]
                    writer.writerow([row, method, *cells, "sign-in"])
    known = {(row.address, row.method) for row in matrix.read(matrix.API)} if matrix.API.exists() else set()
    for address, route in api_routes().items():
        for method, permission in (route.required or {}).items():
            if (address, method) not in known:
                writer.writerow([address, method, *("yes" if permission in held else "no" for held in SCOPE_PERMISSIONS.values()), "401"])


if __name__ == "__main__":
    main()
