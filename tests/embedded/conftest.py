from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lpo.embedded.places import Account, Place, server_account
from lpo.embedded.postgres import Postgres
from lpo.embedded.redis import Redis


@pytest.fixture(scope="session")
def account() -> Account:
    return server_account() if os.geteuid() == 0 else Account(os.geteuid(), os.getegid())


def make_place(account: Account, state: Path, *, durable: bool = True) -> Place:
    sockets = state / "s"
    sockets.mkdir(mode=0o700)
    os.chown(sockets, account.uid, account.gid)
    return Place(state, sockets, state / "pg" if account.is_other else None, account, durable=durable)


@pytest.fixture(scope="module")
def place(account: Account) -> Iterator[Place]:
    """A place of lasting data, with fsync as for real ones."""
    with _temporary_place(account, durable=True) as made:
        yield made


@pytest.fixture(scope="module")
def quick_place(account: Account) -> Iterator[Place]:
    """For tests that kill nothing."""
    with _temporary_place(account, durable=False) as made:
        yield made


@contextmanager
def _temporary_place(account: Account, *, durable: bool) -> Iterator[Place]:
    """Short enough for sockets; servers left running in it are stopped at the end."""
    state = Path(tempfile.mkdtemp(prefix="lpo-e-", dir="/tmp"))
    state.chmod(0o755)
    made = make_place(account, state, durable=durable)
    with ExitStack() as cleaning:
        cleaning.callback(shutil.rmtree, state, ignore_errors=True)
        cleaning.callback(Redis(made).stop)
        cleaning.callback(Postgres(made).stop)
        yield made
