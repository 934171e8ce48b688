"""A worker process's sign of life, read by /readyz."""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
from typing import Any

from celery.signals import worker_process_init, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import Error, connection

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
FORGOTTEN_AFTER = "1 day"
_stop = threading.Event()


def show_life(worker: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_workerheartbeat (worker, seen_at) VALUES (%s, clock_timestamp())"
            " ON CONFLICT (worker) DO UPDATE SET seen_at = EXCLUDED.seen_at",
            [worker[:120]],
        )
        cursor.execute("DELETE FROM jobs_workerheartbeat WHERE seen_at < now() - %s::interval", [FORGOTTEN_AFTER])


def leave(worker: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM jobs_workerheartbeat WHERE worker = %s", [worker[:120]])


def _beat(worker: str) -> None:
    while True:
        try:
            show_life(worker)
        except Error:
            logger.warning("The worker could not write its heartbeat.", exc_info=True)
        finally:
            # Closed each time: pool children forked later must not share a connection with this thread.
            connection.close()
        if _stop.wait(HEARTBEAT_SECONDS):
            break
    try:
        leave(worker)
    except Error:
        logger.warning("The worker could not sign off.", exc_info=True)
    finally:
        connection.close()


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_heartbeat(**kwargs: Any) -> None:
    _stop.clear()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    threading.Thread(target=_beat, args=[worker], name="heartbeat", daemon=True).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def stop_heartbeat(**kwargs: Any) -> None:
    _stop.set()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def limit_memory(**kwargs: Any) -> None:
    """A job that hoards gets a MemoryError of its own, before the system ends whichever process it likes."""
    wanted = settings.JOB_MEMORY_MB * 1024 * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
