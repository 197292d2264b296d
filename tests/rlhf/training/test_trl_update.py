"""One rollout's update against TRL 1.12.0's PPOTrainer, the last there was: every parameter within 1e-6.

trl_update.safetensors was written by `python -m benchmarks.trl_update`, which needs TRL 1.12.0; this test does not.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

from rlhf.contract.config import PpoConfig
from rlhf.contract.rundir import RunDirectory
from rlhf.training import judge, policy, ppo, ppo_setting, ppo_update, value_model, writers
from rlhf.training.data import TokenisedPrompt
from rlhf.training.generation import Generated

pytestmark = pytest.mark.torch

FILE = Path(__file__).with_name("trl_update.safetensors")
PAD = 0


@pytest.fixture(scope="module")
def kept():
    with safe_open(FILE, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict


@pytest.fixture(scope="module")
def facts():
    with safe_open(FILE, framework="pt") as file:
        found = file.metadata()
    return json.loads(found["setting"]), int(found["width"])


@pytest.fixture
def setting(kept, facts, tokenizer, tmp_path):
    """The models as they were before the update, with our value model and no ridge."""
    wanted, _ = facts
    config = PpoConfig(
        batch_size=8,
        minibatches=1,
        lora_rank=0,
        critic="model",
        epoch_kl_stop=0.0,
        max_grad_norm=1000.0,  # TRL's clips nothing
        score_clip=100.0,
        **{name: value for name, value in wanted.items() if name != "kl_coef"},
    )
    critic = value_model.ValueModel(model(kept, LlamaForSequenceClassification, "value"), mean=0.0, std=1.0)
    options = {"temperature": 1.0, "use_bfloat16": False, "has_value_head": False, "value_model": critic}
    tuned = policy.Policy(model(kept, LlamaForCausalLM, "policy"), lora_rank=0, **options)
    tuned.reference_model = model(kept, LlamaForCausalLM, "ref")
    return ppo_setting.Setting(
        config=config,
        directory=RunDirectory(tmp_path),
        base=tmp_path,
        tokenizer=tokenizer,
        policy=tuned,
        writer=writers.OwnLoop(tuned, tokenizer, 8, 8, 1.0, 1, lambda: None),
        judge=judge.OwnModel(model(kept, LlamaForSequenceClassification, "reward"), use_bfloat16=False),
        critic=None,
        score_mean=0.0,
        score_std=1.0,
        prompts=[],
        held_out=[],
        language=[],
        ngrams=None,
        device=torch.device("cpu"),
    )


def model(kept, kind, name):
    size = LlamaConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32,
        pad_token_id=PAD,
        tie_word_embeddings=True,
        num_labels=1,
    )
    made = kind(size).eval()
    weights = {key.removeprefix(f"{name}."): value for key, value in kept.items() if key.startswith(f"{name}.")}
    loaded = made.load_state_dict(weights, strict=False)
    assert not loaded.unexpected_keys
    assert set(loaded.missing_keys) <= {"lm_head.weight"}  # tied
    return made


def experience(setting, tokens, *, width, kl_coef):
    """A rollout of ours over the tokens that TRL was given: without the padding."""
    prompts = [TokenisedPrompt(None, [t for t in row[:width].tolist() if t != PAD]) for row in tokens]
    responses = [Generated([t for t in row[width:].tolist() if t != PAD], is_finished=True) for row in tokens]
    return ppo._experience(setting, prompts, responses, kl_coef=kl_coef)


def updated(setting, found):
    """The weights after the epochs of one rollout."""
    groups = setting.policy.parameter_groups(setting.config.learning_rate)
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0, eps=1e-5)
    ppo_update.optimise(setting, optimiser, found, torch.Generator().manual_seed(0), 1)
    return dict(setting.policy.model.named_parameters()), dict(setting.policy.value_model.model.named_parameters())


def assert_same(found, kept, prefix):
    wanted = {key.removeprefix(prefix): value for key, value in kept.items() if key.startswith(prefix)}
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, atol=1e-6, rtol=0, msg=lambda m, name=name: f"{name}: {m}")


def test_kl_advantages_and_every_parameter_of_policy_and_value_model_are_trls(setting, kept, facts):
    wanted, width = facts
    found = experience(setting, kept["whole.tokens"], width=width, kl_coef=wanted["kl_coef"])

    torch.testing.assert_close(found.advantages, kept["whole.advantages"], atol=1e-5, rtol=0)
    tuned, valued = updated(setting, found)

    moved = max((tuned[name] - kept[f"policy.{name}"]).abs().max().item() for name in tuned)
    assert moved > 1e-3
    assert_same(tuned, kept, "whole.policy.")
    assert_same(valued, kept, "whole.value.")


def test_with_ends_in_between_the_policys_update_is_trls_for_its_advantages(setting, kept, facts):
    """TRL pays the score on the token after the end and we on the end, so the advantages are TRL's here."""
    wanted, width = facts
    found = experience(setting, kept["ended.tokens"], width=width, kl_coef=wanted["kl_coef"])
    found = found._replace(advantages=kept["ended.advantages"])

    tuned, _ = updated(setting, found)

    assert_same(tuned, kept, "ended.policy.")
