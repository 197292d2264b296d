"""Redis as broker that goes away twice in a row: what closes the worker's channel then does not end the worker."""

import shutil
import subprocess
import time

import pytest
from kombu import Connection, Queue

from benchmarks.chaos_cluster import free_port
from config import celery, redis_queue


@pytest.fixture
def server(tmp_path):
    """A Redis of the test's own: its process and its address."""
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed here: nothing to kill")
    port = free_port()
    given = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(["redis-server", *given], stdout=subprocess.DEVNULL)
    yield process, f"redis://127.0.0.1:{port}/0"
    process.kill()
    process.wait()


def connected(address):
    connection, until = Connection(address), time.monotonic() + 20
    while True:
        try:
            return connection.ensure_connection(max_retries=1)
        except connection.connection_errors:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_channel_without_connection_is_closed_with_what_was_not_acknowledged(server, caplog):
    process, address = server
    connection = connected(address)
    assert isinstance(connection.transport, redis_queue.Transport)
    queue = Queue("default", channel=connection.default_channel)
    queue.declare()
    connection.Producer().publish({"n": 1}, routing_key="default")
    assert queue.get().payload == {"n": 1}  # and not acknowledged
    process.kill()
    process.wait()
    connection.transport.client = None  # as a second loss leaves it

    connection.release()

    assert "the broker went away while a channel to it was closed" in caplog.text


def test_the_worker_uses_it():
    assert {celery.TRANSPORT_ALIASES[name] for name in ("redis", "rediss")} == {"config.redis_queue:Transport"}
