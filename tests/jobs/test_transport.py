"""A worker outlives its broker: what is left of a lost connection answers with a connection error, which Celery expects."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest
from kombu import Connection, Consumer, Message, Producer

from lpo.jobs.broker import app
from lpo.jobs.transport import Transport


@pytest.fixture
def queue() -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex}"
    yield name
    with app.connection_for_write() as connection:
        connection.channel().queue_delete(name)


def received(connection: Connection, queue: str) -> Message:
    """A message taken from the queue and not acknowledged yet."""
    messages: list[Message] = []
    with connection.channel() as channel:
        Producer(channel).publish({"job_id": 1}, routing_key=queue, serializer="json", declare=[app.amqp.queues.new_missing(queue)])
    with Consumer(connection.channel(), [app.amqp.queues.new_missing(queue)], callbacks=[lambda body, message: messages.append(message)]):
        connection.drain_events(timeout=5)
    return messages[0]


def test_the_messages_of_a_lost_connection_are_let_go(queue: str, caplog: pytest.LogCaptureFixture) -> None:
    connection = app.connection_for_read()
    assert isinstance(connection.transport, Transport)
    message = received(connection, queue)

    connection.collect()
    connection.close()
    with caplog.at_level(logging.CRITICAL):
        message.ack_log_error(logging.getLogger(__name__), connection.connection_errors)
    assert "connection of this channel was lost" in caplog.text, "a late acknowledgement is logged, it ends nothing"
