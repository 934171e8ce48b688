"""The part of a worker that listens to the broker."""

from __future__ import annotations

import logging

from celery.worker.consumer import Consumer as CeleryConsumer

logger = logging.getLogger(__name__)


class Consumer(CeleryConsumer):  # type: ignore[misc]
    """Outlives the broker.

    When the connection is lost Celery first collects it and then closes it. Where a message is not acknowledged yet, kombu's
    closing wants to put it back through a transport that the collecting has taken apart, and the whole worker would end with an
    AttributeError instead of connecting anew. The message is only a wake-up: its job is in the database.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            logger.warning("The lost connection could not be closed: %s", error)
