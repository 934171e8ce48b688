"""How messages travel: kombu's Redis transport, made to outlive the loss of its connection.

When the connection is lost, Celery takes its transport apart while messages of it are still being worked on. Kombu then wants to
put those back, and later to acknowledge them, over a connection whose address is gone: an AttributeError, which ends the worker.
Here a message is only a wake-up (its job is in the database), so nothing is put back, and an acknowledgement that comes too late
is what Celery is ready for: a connection error.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as ConnectionLost


class Channel(redis.Channel):  # type: ignore[misc]
    # The sweeper wakes a worker for whatever a stopped one leaves behind.
    do_restore = False

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        """Where to connect to. Raises ConnectionLost once the connection of this channel was taken apart."""
        if self.connection is None or self.connection.client is None:
            raise ConnectionLost("The connection of this channel was lost.")
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)
        return parameters


class Transport(redis.Transport):  # type: ignore[misc]
    Channel = Channel


def install() -> None:
    """Use it for every address of Redis, with and without TLS."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
