"""docker-compose.yml against the Compose specification, and against what this project promises about secrets.

compose.schema.json is the Compose specification's own schema (Apache-2.0), as the npm package `dclint` 3.1.0 ships it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|KEY")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(TEXT)
    return loaded


def test_it_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(Path(__file__).with_name("compose.schema.json").read_text())
    errors = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(compose)]
    assert errors == []


def test_the_schema_finds_a_mistake(compose: dict[str, Any]) -> None:
    schema = json.loads(Path(__file__).with_name("compose.schema.json").read_text())
    broken = {**compose, "services": {"web": {"imagee": "lpo"}}}
    assert not jsonschema.Draft7Validator(schema).is_valid(broken)


def test_every_service_of_the_design_is_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", "redis", "pgbouncer", "migrate", "web", "worker", "beat"}


def test_workers_scale(compose: dict[str, Any]) -> None:
    """A fixed name or a published port would allow one worker only."""
    assert not {"container_name", "ports"} & set(compose["services"]["worker"])


def test_no_secret_has_a_default() -> None:
    secrets = [(name, kind) for name, kind, _ in VARIABLE.findall(TEXT) if SECRET.search(name) and name != "LPO_EMAIL_PASSWORD"]
    assert len(secrets) >= 6
    assert [name for name, kind in secrets if kind != "?"] == []


def test_what_must_be_given_says_how() -> None:
    assert [name for name, kind, advice in VARIABLE.findall(TEXT) if kind == "?" and "set it in .env" not in advice] == []


def test_every_variable_is_in_the_example_and_no_secret_has_a_value_there() -> None:
    given = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert sorted({name for name, _, _ in VARIABLE.findall(TEXT)} - set(given)) == []
    assert [name for name, value in given.items() if SECRET.search(name) and value] == []


def test_every_setting_is_in_the_example() -> None:
    settings = (ROOT / "lpo" / "settings.py").read_text()
    read = set(re.findall(r"env\.[a-z]+\(\s*\"([A-Z_]+)\"", settings))
    assert "LPO_SECRET_KEY" in read
    assert sorted(name for name in read if not re.search(rf"^#?{name}=", EXAMPLE, re.MULTILINE)) == []


def test_only_the_migration_knows_the_owner_and_the_superuser(compose: dict[str, Any]) -> None:
    knowing = {
        name
        for name, service in compose["services"].items()
        if {"DATABASE_OWNER_URL", "DATABASE_ADMIN_URL"} & set(service.get("environment", {}))
    }
    assert knowing == {"migrate"}


def test_web_and_workers_reach_the_database_through_the_pooler_in_transaction_mode(compose: dict[str, Any]) -> None:
    for name in ("web", "worker", "beat"):
        assert "@pgbouncer:6432/" in compose["services"][name]["environment"]["DATABASE_URL"]
    assert "pool_mode = transaction" in compose["configs"]["pgbouncer"]["content"]


def test_data_services_are_not_published(compose: dict[str, Any]) -> None:
    assert {name for name, service in compose["services"].items() if "ports" in service} == {"web"}
    assert compose["networks"]["data"]["internal"] is True
    assert all(compose["services"][name]["networks"] == ["data"] for name in ("postgres", "redis", "pgbouncer", "migrate"))


@pytest.mark.parametrize("service", ["postgres", "redis", "pgbouncer", "web", "worker"])
def test_long_running_services_tell_their_health(compose: dict[str, Any], service: str) -> None:
    assert compose["services"][service]["healthcheck"]["test"]


def test_nothing_serves_before_the_schema_is_there(compose: dict[str, Any]) -> None:
    for name in ("web", "worker", "beat"):
        assert compose["services"][name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
