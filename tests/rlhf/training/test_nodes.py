"""Several machines train one model: what they make is what one makes, and none goes on where another ended.

The other machine is this one, behind a shell as ssh would be; only the network between is missing.
"""

import os
import signal
import time

import pytest

from rlhf.contract import rundir
from rlhf.training import reward, run
from tests.rlhf.training.conftest import pair
from tests.rlhf.training.test_parallel import assert_same_weights, launched, steps_of, trainers_of

pytestmark = pytest.mark.torch
CONFIG = {"lora_rank": 4, "epochs": 2}


@pytest.fixture
def two_machines(settings):
    settings.TRAINING_NODES = ["127.0.0.1", "localhost"]
    settings.TRAINING_NODE_SHELL = "sh -c {command}"
    settings.TRAINING_NODE_PROCESSES = 1


@pytest.fixture
def snapshot(make_snapshot):
    return make_snapshot(pairs=[pair(n, chosen=f"yes {n}", rejected=f"no {n}") for n in range(16)])


def test_two_machines_make_the_model_of_one(two_machines, make_run, snapshot, base):
    alone = make_run("reward", snapshot=snapshot, base=base, config=CONFIG | {"batch_size": 4})
    shared = make_run("reward", snapshot=snapshot, base=base, config=CONFIG | {"batch_size": 2})
    run.execute("reward", reward.train, alone)

    with launched("reward", shared, profile="cpu-nodes") as launcher:
        said, _ = launcher.communicate(timeout=240)

    assert launcher.returncode == 0, said[-2000:]
    assert len(steps_of(shared)) == len(steps_of(alone)) > 2
    assert rundir.verify_manifest(shared.checkpoint)["kind"] == "reward"
    assert_same_weights(shared, alone)


def test_when_one_is_killed_none_is_left_on_any_machine(two_machines, make_run, snapshot, base):
    shared = make_run("reward", snapshot=snapshot, base=base, config=CONFIG | {"epochs": 50, "batch_size": 1})

    with launched("reward", shared, profile="cpu-nodes") as launcher:
        while not shared.metrics.exists() and launcher.poll() is None:
            time.sleep(0.05)
        trainers = [pid for pid in trainers_of(shared) if pid != launcher.pid]
        os.kill(trainers[-1], signal.SIGKILL)
        launcher.communicate(timeout=60)

    until = time.monotonic() + 15
    while (left := trainers_of(shared)) and time.monotonic() < until:
        time.sleep(0.1)
    assert len(trainers) >= 2
    assert left == []
    assert launcher.returncode != 0
