"""The laptop's queue: whatever the moment, a worker finds a message whole or not at all."""

import os

import pytest
from kombu import Connection, Queue
from kombu.transport.virtual import BrokerState

from config import celery, file_queue


@pytest.fixture(autouse=True)
def nothing_is_bound(monkeypatch):
    """Kombu remembers for the whole process what is bound: another test's «gpu» would never be bound in this folder."""
    monkeypatch.setattr(file_queue.Transport, "global_state", BrokerState())


def opened(directory):
    options = {
        "data_folder_in": str(directory),
        "data_folder_out": str(directory),
        "control_folder": str(directory / "control"),
    }
    return Connection("filesystem://", transport_options=options)


def test_a_message_is_seen_only_when_it_is_whole(tmp_path, monkeypatch):
    seen = []
    replace = os.replace

    def just_before(source, target):
        with opened(tmp_path) as other:
            seen.append(other.SimpleQueue("gpu").queue(other.channel()).get())
        replace(source, target)

    with opened(tmp_path) as connection:
        assert isinstance(connection.transport, file_queue.Transport)
        queue = connection.SimpleQueue("gpu")
        monkeypatch.setattr(file_queue.os, "replace", just_before)
        queue.put({"run": 7})
        monkeypatch.undo()

        assert seen == [None]
        message = queue.get(timeout=5)
        assert message.payload == {"run": 7}
        message.ack()
        assert Queue("gpu")(connection.channel()).get() is None


def test_celery_uses_it_wherever_files_are_the_broker():
    assert celery.TRANSPORT_ALIASES["filesystem"] == "config.file_queue:Transport"
