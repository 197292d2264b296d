"""Two processes do the work of one: the same PPO, within 1e-5 in every weight."""

import json
import multiprocessing
import os
import socket

import pytest
import torch
from safetensors.torch import load_file

from rlhf.contract import rundir
from rlhf.training import ppo, run

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


def work(rank, port, directory):
    """What the launcher lets each process do."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "RANK": str(rank)}
    os.environ.update(place | {"LOCAL_RANK": str(rank)})
    torch.set_num_threads(1)
    run.execute("ppo", ppo.train, directory)


def in_two_processes(directory):
    """Run PPO over a directory in two processes and return their exit codes. Forked: nothing is imported again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=work, args=(rank, port, directory)) for rank in (0, 1)]
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
    codes = in_two_processes(shared)

    assert codes == [0, 0]
    assert shared.read_result().status == "succeeded"
    assert rundir.verify_manifest(shared.checkpoint)["kind"] == "policy"
    assert [row["step"] for row in steps_of(shared)] == [1, 2]
    for name in ("score", "kl", "policy_loss", "grad_norm", "explained_variance", "lm_loss", "clip_fraction"):
        found, wanted = ([row["values"][name] for row in steps_of(one)] for one in (shared, alone))
        assert found == pytest.approx(wanted, abs=1e-4), name
    found, wanted = (load_file(one.checkpoint / "model.safetensors") for one in (shared, alone))
    for name, weight in wanted.items():
        torch.testing.assert_close(found[name], weight, atol=1e-5, rtol=0, msg=lambda m, name=name: f"{name}: {m}")
    assert alone.read_result().metrics["score_after"] == pytest.approx(
        shared.read_result().metrics["score_after"], abs=1e-4
    )
