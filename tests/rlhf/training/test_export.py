"""Models handed on: a plain folder that transformers reads by itself."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from rlhf.contract import rundir
from rlhf.training import export, models, run
from tests.rlhf.training.conftest import make_model

pytestmark = pytest.mark.torch


@pytest.fixture
def exported(make_run):
    def exported(base, **config):
        directory = make_run("export", snapshot="", base=base, config=config)
        result = run.execute("export", export.export, directory)
        assert result.status == "succeeded", result.message
        return directory.checkpoint, result

    return exported


def test_a_policy_in_bfloat16_is_the_same_model_to_three_digits_and_half_as_large(exported, base):
    folder, result = exported(base)

    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    ours = models.load_causal_lm(base)
    assert model.dtype == torch.bfloat16
    assert torch.allclose(model.model.embed_tokens.weight.float(), ours.model.embed_tokens.weight, rtol=1e-2)
    assert result.metrics["megabytes"] == pytest.approx(2 * ours.num_parameters() / 1e6, abs=0.06)


def test_in_float32_it_is_the_same_to_the_last_bit(exported, base):
    folder, _ = exported(base, dtype="float32")

    mine, theirs = (models.load_causal_lm(one).state_dict() for one in (folder, base))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_reward_model_keeps_its_head_and_the_scale_of_its_scores(exported, reward_base):
    folder, result = exported(reward_base, dtype="float32")

    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
    assert torch.equal(model.score.weight, models.load_reward_model(reward_base).score.weight)
    assert rundir.verify_manifest(folder)["score_std"] == 0.05
    assert result.checkpoint_kind == "reward"


def test_a_large_model_is_written_in_several_files(exported, tmp_path, tokenizer):
    models.save_checkpoint(tmp_path / "big", model=make_model(layers=40), tokenizer=tokenizer, kind="sft")

    folder, result = exported(tmp_path / "big", dtype="float32", shard_megabytes=1)

    assert result.metrics["n_weight_files"] > 1
    assert models.load_causal_lm(folder).config.num_hidden_layers == 40


def test_the_folder_has_a_card_with_the_lineage(exported, base):
    folder, _ = exported(base)

    assert "# Base model\n" in (folder / "README.md").read_text()
    assert json.loads((folder / "manifest.json").read_text())["lineage"][-1]["stage"] == "export"
