"""Production settings: clean under Django's own deployment check, and not to be had without secrets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "LPO_PRODUCTION": "1",
    "LPO_SECRET_KEY": "kq3Vb-0mQxJ7uYh2Zp_Rt8sWc5LnD1fGa9oEiK4vXjBzT6yMPUHCdN",
    "LPO_MFA_KEYS": "w8Zr2cT5nLq0Jx7vGk4Hy1mDs9Bp3FuXaE6oIjKtRbVQYhWNzMCPUg",
    "LPO_ALLOWED_HOSTS": "lpo.example.com",
    "LPO_BASE_URL": "https://lpo.example.com",
    "LPO_PROXY_COUNT": "1",
    "LPO_EMAIL_HOST": "mail.example.com",
    "LPO_EMAIL_FROM": "lpo@example.com",
}


def manage(*arguments: str, without: str = "", **changed: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LPO_", "PYTEST", "DJANGO_"))}
    environment = {**kept, **PRODUCTION, **changed}
    environment.pop(without, None)
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_deployment_check_is_clean() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


@pytest.mark.parametrize("secret", ["LPO_SECRET_KEY", "LPO_MFA_KEYS"])
def test_production_does_not_start_without_a_secret(secret: str) -> None:
    done = manage("check", without=secret)
    assert done.returncode != 0
    assert f"{secret} is not set" in done.stderr


def test_production_answers_to_no_host_that_was_not_named() -> None:
    done = manage("shell", "-c", "from django.conf import settings; print(settings.ALLOWED_HOSTS)", without="LPO_ALLOWED_HOSTS")
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_image_installs_by_hash_and_runs_as_nobody_special() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes -r /tmp/requirements.txt" in dockerfile
    stages = dockerfile.split("\nFROM ")
    assert re.search(r"^USER lpo$", stages[-1], re.MULTILINE)
    assert dockerfile.index("\nUSER lpo") < dockerfile.index("\nCMD ")


def test_the_image_carries_every_room() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    for name in ("lpo", "engagements", "sla", "billing", "templates", "static"):
        assert f"COPY {name} ./{name}" in dockerfile
        assert f"\n!{name}\n" in (ROOT / ".dockerignore").read_text()
