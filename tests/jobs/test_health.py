from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client as Browser
from django.test import override_settings

from lpo.jobs import health
from lpo.jobs.models import WorkerHeartbeat
from lpo.jobs.worker import leave, show_life


@pytest.fixture
def worker(db: None) -> None:
    show_life("host:1")


def test_live_needs_nothing_at_all(client: Browser) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("worker")
def test_ready_when_every_part_is_there(client: Browser) -> None:
    answer = client.get("/readyz")
    assert answer.json() == {"status": "ok", "failing": [], "checks": dict.fromkeys(["database", "redis", "worker", "migrations"], "ok")}
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.usefixtures("worker")
def test_a_redis_that_is_away_is_named_without_its_address(client: Browser) -> None:
    with override_settings(REDIS_URL="redis://:hunter2@127.0.0.1:1/0"):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["failing"] == ["redis"]
    assert answer.json()["checks"]["redis"] == "unreachable"
    assert "hunter2" not in answer.content.decode()


@pytest.mark.django_db
def test_a_silent_worker_is_named(client: Browser) -> None:
    assert client.get("/readyz").json()["checks"]["worker"] == "no worker has shown a sign of life"
    show_life("host:1")
    WorkerHeartbeat.objects.update(seen_at=datetime.now(UTC) - timedelta(seconds=120))
    answer = client.get("/readyz")
    assert answer.json()["failing"] == ["worker"]
    assert answer.json()["checks"]["worker"].startswith("no sign of life from any worker for 12")


@pytest.mark.usefixtures("worker")
def test_missing_migrations_are_counted(client: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrations_seen_complete", False)
    monkeypatch.setattr("lpo.jobs.health.MigrationExecutor.migration_plan", lambda self, targets: [object(), object()])
    answer = client.get("/readyz")
    assert answer.json()["failing"] == ["migrations"]
    assert answer.json()["checks"]["migrations"] == "2 not applied"


@pytest.mark.usefixtures("worker")
def test_a_database_that_is_away_is_named(client: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection to server at 10.0.0.5 failed: password authentication failed")

    monkeypatch.setattr(connection, "cursor", away)
    answer = client.get("/readyz")
    monkeypatch.undo()
    assert answer.status_code == 503
    assert "database" in answer.json()["failing"]
    assert "10.0.0.5" not in answer.content.decode()


@pytest.mark.usefixtures("worker")
def test_a_worker_signs_off(client: Browser) -> None:
    show_life("host:2")
    leave("host:1")
    assert list(WorkerHeartbeat.objects.values_list("worker", flat=True)) == ["host:2"]
