"""Two processes that each hold a part of the model make the model of one, within 1e-5 in every weight."""

import json

import pytest
import torch
from torch.distributed.tensor import DTensor

from rlhf.contract import profiles, rundir
from rlhf.training import dpo, models, pretrain, reward, run, sft, sharding
from rlhf.training.run import StageError
from tests.rlhf.training.conftest import pair
from tests.rlhf.training.test_parallel import (
    assert_same_losses,
    assert_same_weights,
    in_two_processes,
    launched,
    steps_of,
)

pytestmark = pytest.mark.torch

SMALL = {"gradient_checkpointing": True, "microbatch_size": 1}
STAGES = {
    "new": (
        "pretrain",
        pretrain.train,
        {"steps": 3, "warmup_steps": 0, "block_size": 16, "layers": 2, "evaluate_every": 2},
    ),
    "further": (
        "pretrain",
        pretrain.train,
        {"steps": 3, "warmup_steps": 0, "block_size": 16, "weights": "model"} | SMALL,
    ),
    "sft": ("sft", sft.train, {"epochs": 2, "lora_rank": 0, "learning_rate": 1e-3}),
    "sft, adapters": ("sft", sft.train, {"epochs": 2, "lora_rank": 4, "learning_rate": 1e-2}),
    "reward": ("reward", reward.train, {"epochs": 2, "lora_rank": 0, "learning_rate": 1e-3}),
    "reward, adapters": ("reward", reward.train, {"epochs": 2, "lora_rank": 4, "learning_rate": 1e-2, "ensemble": 2}),
    "dpo": ("dpo", dpo.train, {"epochs": 2, "lora_rank": 0, "learning_rate": 1e-3, "microbatch_size": 1}),
    "dpo, adapters": ("dpo", dpo.train, {"epochs": 2, "lora_rank": 4, "learning_rate": 1e-2, "microbatch_size": 1}),
}


@pytest.fixture
def held(monkeypatch, tmp_path):
    """What share of the model's weights the first process held when it was saved, once it is."""
    file, real = tmp_path / "held.json", sharding.whole

    def whole(model):
        weights = [one for one in model.parameters() if isinstance(one, DTensor)]
        mine = sum(one.to_local().numel() for one in weights)
        file.write_text(json.dumps(mine / max(1, sum(one.numel() for one in weights))))
        return real(model)

    monkeypatch.setattr(sharding, "whole", whole)
    return file


@pytest.mark.parametrize("case", STAGES)
def test_two_processes_with_a_part_each_make_the_model_of_one(
    make_run, make_snapshot, make_corpus, base, in_float32, monkeypatch, held, case
):
    stage, train, config = STAGES[case]
    pairs = [pair(n, chosen=f"yes {n}" * (1 + n % 3), rejected=f"no {n}") for n in range(8)]
    text = make_corpus(train=[f"Say {n} boats." for n in range(40)], test=["Say 41 boats."])
    inputs = {"snapshot": make_snapshot(pairs=pairs), "base": base, "corpus": text}
    alone = make_run(stage, config=config | {"batch_size": 4}, **inputs)
    shared = make_run(stage, config=config | {"batch_size": 2}, **inputs)

    run.execute(stage, train, alone)
    monkeypatch.setenv(profiles.SHARDED, "true")
    codes = in_two_processes(stage, train, shared)

    assert codes == [0, 0]
    assert shared.read_result().status == "succeeded", shared.read_result().message
    assert json.loads(held.read_text()) == pytest.approx(0.5, abs=0.02)
    assert len(steps_of(shared)) > 2
    assert_same_losses(shared, alone)
    assert_same_weights(shared, alone)
    assert rundir.verify_manifest(shared.checkpoint)["kind"] == rundir.verify_manifest(alone.checkpoint)["kind"]
    ours, theirs = (json.loads((one.checkpoint / "config.json").read_text()) for one in (shared, alone))
    assert ours == theirs


def test_the_supervisors_own_command_shards(make_run, make_snapshot, base):
    shared = make_run("sft", snapshot=make_snapshot(), base=base, config={"epochs": 1, "batch_size": 2, "lora_rank": 4})

    with launched("sft", shared, profile="cpu-2-fsdp") as launcher:
        said, _ = launcher.communicate(timeout=120)

    assert launcher.returncode == 0, said[-2000:]
    assert "shards: each of 2 processes holds a part" in said
    assert rundir.verify_manifest(shared.checkpoint)["kind"] == "sft"


def test_a_model_whose_layers_cannot_be_found_is_refused(base):
    model = models.load_causal_lm(base)
    model.model.blocks = model.model.layers
    del model.model.layers

    with pytest.raises(StageError, match="a llama model is not built so that its layers can be held in shards"):
        sharding.in_parts(None, lambda: model, torch.device("cpu"))


def test_alone_there_is_nothing_to_share(monkeypatch):
    monkeypatch.setenv(profiles.SHARDED, "true")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not sharding.is_wanted()
