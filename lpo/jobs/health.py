"""`/healthz`: the process answers. `/readyz`: everything it needs is there; each part that is not is named."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError

from lpo.accounts.access import public

logger = logging.getLogger(__name__)

WORKER_SILENCE_SECONDS = 45
_migrations_seen_complete = False


@public
@transaction.non_atomic_requests
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@public
@transaction.non_atomic_requests
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Messages are ours and say nothing of addresses or credentials; the cause goes to the log."""
    checks = {name: _outcome(name, check) for name, check in CHECKS.items()}
    failing = [name for name, outcome in checks.items() if outcome != "ok"]
    body = {"status": "failing" if failing else "ok", "failing": failing, "checks": checks}
    return JsonResponse(body, status=503 if failing else 200)


def _outcome(name: str, check: Callable[[], str]) -> str:
    try:
        return check()
    except (Error, RedisError, OSError):
        logger.warning("The readiness check of the %s failed.", name, exc_info=True)
        return "unreachable"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _redis() -> str:
    with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2) as redis:
        redis.ping()
    return "ok"


def _worker() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT floor(extract(epoch FROM clock_timestamp() - max(seen_at)))::int FROM jobs_workerheartbeat")
        age = cursor.fetchone()[0]
    if age is None:
        return "no worker has shown a sign of life"
    return "ok" if age <= WORKER_SILENCE_SECONDS else f"no sign of life from any worker for {age} s"


def _migrations() -> str:
    global _migrations_seen_complete
    if not _migrations_seen_complete:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            return f"{len(missing)} not applied"
        # The code of this process cannot gain migrations, so a complete schema is asked about once.
        _migrations_seen_complete = True
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {"database": _database, "redis": _redis, "worker": _worker, "migrations": _migrations}
