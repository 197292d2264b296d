"""TensorBoard's files say what metrics.jsonl says, for an attempt that goes on from the beginning."""

import struct

import pytest
from tensorboardX.proto.event_pb2 import Event

from rlhf.contract.config import ExportConfig
from rlhf.contract.rundir import Inputs, RunDirectory, RunSpec
from rlhf.training import run
from rlhf.training.events import ShownDirectory

pytestmark = pytest.mark.torch


def written(directory):
    """What the event files hold: {(name, step): value}."""
    found = {}
    for path in sorted((directory.path / "tensorboard").glob("events.*")):
        raw, at = path.read_bytes(), 0
        while at < len(raw):
            (size,) = struct.unpack_from("<Q", raw, at)
            event = Event.FromString(raw[at + 12 : at + 12 + size])
            found |= {(one.tag, event.step): round(one.simple_value, 6) for one in event.summary.value}
            at += 16 + size
    return found


def test_each_metric_stands_in_the_events(tmp_path):
    directory = ShownDirectory(tmp_path)
    directory.append_metric(1, {"loss": 0.5, "accuracy": 0.75})
    directory.append_metric(2, {"loss": 0.25})
    directory.close()

    assert written(directory) == {("loss", 1): 0.5, ("accuracy", 1): 0.75, ("loss", 2): 0.25}
    assert [row["step"] for row in directory.read_metrics()] == [1, 2]


def test_an_attempt_that_goes_on_has_the_whole_curve(tmp_path):
    RunDirectory(tmp_path).append_metric(1, {"loss": 0.5})  # copied from the attempt before

    directory = ShownDirectory(tmp_path)
    directory.append_metric(2, {"loss": 0.25})
    directory.close()

    assert written(directory) == {("loss", 1): 0.5, ("loss", 2): 0.25}


def test_a_run_leaves_them(tmp_path):
    directory = RunDirectory(tmp_path)
    directory.write_spec(RunSpec("export", ExportConfig(), Inputs(base="x")))

    def measures(context):
        context.directory.append_metric(1, {"loss": 0.5})
        return run.StageOutcome()

    assert run.execute("export", measures, directory).status == "succeeded"
    assert written(directory) == {("loss", 1): 0.5}
