"""Two processes do the work of one: the same PPO, within 1e-5 in every weight."""

import json
import math
import multiprocessing
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from django.conf import settings
from safetensors.torch import load_file

from rlhf import environment, supervisor
from rlhf.contract import profiles, rundir
from rlhf.contract.rundir import RunDirectory
from rlhf.training import dpo, ppo, pretrain, reward, run, sft, watching
from tests.rlhf.training.conftest import pair

pytestmark = pytest.mark.torch

CONFIG = {
    "steps": 2,
    "batch_size": 8,
    "minibatches": 2,
    "epochs": 2,
    "learning_rate": 1e-3,
    "max_new_tokens": 8,
    "microbatch_size": 3,
    "lora_rank": 4,
    "lm_coef": 0.1,
}


def work(rank, port, stage, train, directory):
    """What the launcher lets each process do."""
    AcceleratorState._reset_state(reset_partial_state=True)  # what the parent found out about itself alone
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "RANK": str(rank)}
    os.environ.update(place | {"LOCAL_RANK": str(rank), "ACCELERATE_USE_CPU": "true"})
    torch.set_num_threads(1)
    run.execute(stage, train, directory)


def in_two_processes(stage, train, directory):
    """Run a stage over a directory in two processes and return their exit codes. Forked: nothing is imported again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=work, args=(rank, port, stage, train, directory)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def steps_of(directory):
    return [json.loads(line) for line in directory.metrics.read_text().splitlines()]


@pytest.mark.parametrize("critic", ["ridge", "model"])
def test_two_processes_make_the_policy_of_one(make_run, make_snapshot, base, reward_base, in_float32, critic):
    snapshot = make_snapshot()
    alone, shared = (
        make_run("ppo", snapshot=snapshot, base=base, reward_model=reward_base, config=CONFIG | {"critic": critic})
        for _ in "ab"
    )

    run.execute("ppo", ppo.train, alone)
    codes = in_two_processes("ppo", ppo.train, shared)

    assert codes == [0, 0]
    assert shared.read_result().status == "succeeded"
    assert rundir.verify_manifest(shared.checkpoint)["kind"] == "policy"
    assert [row["step"] for row in steps_of(shared)] == [1, 2]
    for name in ("score", "kl", "policy_loss", "grad_norm", "explained_variance", "lm_loss", "clip_fraction"):
        found, wanted = ([row["values"][name] for row in steps_of(one)] for one in (shared, alone))
        assert found == pytest.approx(wanted, abs=1e-4), name
    assert_same_weights(shared, alone)
    assert alone.read_result().metrics["score_after"] == pytest.approx(
        shared.read_result().metrics["score_after"], abs=1e-4
    )


def assert_same_losses(one, other):
    found, wanted = ([row["values"]["loss"] for row in steps_of(directory)] for directory in (one, other))
    assert found == pytest.approx(wanted, abs=1e-5)


def assert_same_weights(one, other):
    found, wanted = (load_file(directory.checkpoint / "model.safetensors") for directory in (one, other))
    assert set(found) == set(wanted)
    for name, weight in wanted.items():
        torch.testing.assert_close(found[name], weight, atol=1e-5, rtol=0, msg=lambda m, name=name: f"{name}: {m}")


def test_two_processes_make_the_reward_model_of_one_with_twice_the_batch(make_run, make_snapshot, base, in_float32):
    pairs = [pair(n, chosen=f"yes {n}" * (1 + n % 3), rejected=f"no {n}") for n in range(16)]
    pairs += [pair(n, chosen=f"yes {n}" * (1 + n % 3), rejected="maybe") for n in range(0, 16, 5)]  # more of some
    snapshot, config = make_snapshot(pairs=pairs), {"lora_rank": 4, "learning_rate": 1e-2, "epochs": 2}
    alone = make_run("reward", snapshot=snapshot, base=base, config=config | {"batch_size": 8})
    shared = make_run("reward", snapshot=snapshot, base=base, config=config | {"batch_size": 4})

    run.execute("reward", reward.train, alone)
    codes = in_two_processes("reward", reward.train, shared)

    assert codes == [0, 0]
    assert len(steps_of(shared)) == 4
    assert_same_losses(shared, alone)
    assert_same_weights(shared, alone)


@pytest.mark.parametrize("stage", ["pretrain", "sft", "dpo"])
def test_two_processes_make_the_model_of_one_with_twice_the_batch(
    make_run, make_snapshot, make_corpus, base, in_float32, stage
):
    pairs = [pair(n, chosen=f"yes {n}" * (1 + n % 3), rejected=f"no {n}") for n in range(8)]
    text = make_corpus(train=[f"Say {n} boats." for n in range(40)], test=["Say 41 boats."])
    train, config = {
        "pretrain": (pretrain.train, {"steps": 3, "warmup_steps": 0, "block_size": 16, "weights": "model"}),
        "sft": (sft.train, {"epochs": 2, "lora_rank": 4, "learning_rate": 1e-2}),
        "dpo": (dpo.train, {"epochs": 2, "lora_rank": 4, "learning_rate": 1e-2}),
    }[stage]
    inputs = {"snapshot": make_snapshot(pairs=pairs), "base": base, "corpus": text}
    alone = make_run(stage, config=config | {"batch_size": 4}, **inputs)
    shared = make_run(stage, config=config | {"batch_size": 2}, **inputs)

    run.execute(stage, train, alone)
    codes = in_two_processes(stage, train, shared)

    assert codes == [0, 0]
    assert len(steps_of(shared)) > 2
    assert_same_losses(shared, alone)
    assert_same_weights(shared, alone)


@pytest.mark.parametrize("told", ["to cancel", "that time is over"])
def test_two_processes_stop_at_the_same_step_though_one_alone_was_told(
    make_run, make_snapshot, base, monkeypatch, told
):
    pairs = [pair(n, chosen=f"yes {n}", rejected=f"no {n}") for n in range(16)]
    config = {"lora_rank": 4, "epochs": 4, "batch_size": 1}
    shared = make_run("reward", snapshot=make_snapshot(pairs=pairs), base=base, config=config)
    if told == "to cancel":
        monkeypatch.setattr(RunDirectory, "is_cancelled", lambda directory: os.environ["RANK"] == "0")
    else:
        until = property(lambda watcher: 0.0 if os.environ["RANK"] == "0" else math.inf, lambda watcher, seconds: None)
        monkeypatch.setattr(watching.Watcher, "stop_at", until, raising=False)

    assert in_two_processes("reward", reward.train, shared) == [0, 0]

    assert shared.read_result().status == ("cancelled" if told == "to cancel" else "succeeded")
    assert len(steps_of(shared)) <= 1


def launched(stage, directory, *, profile="cpu-2"):
    """Two processes by the very command of the supervisor."""
    return subprocess.Popen(
        supervisor.command(stage, directory.path, profile=profile),
        cwd=settings.BASE_DIR,
        env=environment.for_training() | profiles.PROFILES[profile].environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def trainers_of(directory):
    """The ids of the processes that train over a directory, without the launcher's."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except OSError:  # it has just ended
            continue
        if str(directory.path) in words and "launch" not in words:
            found.append(int(path.parent.name))
    return sorted(found)


@pytest.mark.parametrize("killed", ["one of the two", "the launcher"])
def test_of_two_processes_none_is_left_when_one_or_their_launcher_is_killed(make_run, make_snapshot, base, killed):
    pairs = [pair(n, chosen=f"yes {n}", rejected=f"no {n}") for n in range(16)]
    config = {"lora_rank": 4, "epochs": 20, "batch_size": 1}
    shared = make_run("reward", snapshot=make_snapshot(pairs=pairs), base=base, config=config)

    with launched("reward", shared) as launcher:
        while not shared.metrics.exists() and launcher.poll() is None:
            time.sleep(0.05)
        found = trainers_of(shared)
        os.kill(launcher.pid if killed == "the launcher" else found[-1], signal.SIGKILL)
        said, _ = launcher.communicate(timeout=60)

    assert len(found) == 2
    assert trainers_of(shared) == []
    if killed == "one of the two":
        assert supervisor._reason_of(launcher.returncode, said[-supervisor.LOG_TAIL_CHARS :]) == "out_of_memory"


def test_a_profile_launches_two_processes_that_leave_one_checkpoint(make_run, make_snapshot, base):
    """A batch of 4 in each is half the steps of a batch of 4 in one."""
    pairs = [pair(n, chosen=f"yes {n}", rejected=f"no {n}") for n in range(16)]
    config = {"lora_rank": 4, "epochs": 2, "batch_size": 4}
    shared = make_run("reward", snapshot=make_snapshot(pairs=pairs), base=base, config=config)

    with launched("reward", shared) as launcher:
        said, _ = launcher.communicate(timeout=240)

    assert launcher.returncode == 0, said[-2000:]
    assert [row["step"] for row in steps_of(shared)] == [1, 2, 3, 4]
    assert shared.read_result().status == "succeeded"
    assert rundir.verify_manifest(shared.checkpoint)["kind"] == "reward"
