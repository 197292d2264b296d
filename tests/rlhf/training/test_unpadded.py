"""Passes over real tokens only: the states and gradients of the padded pass, and no other change."""

import json
from itertools import cycle

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from rlhf.training import models, precision, rollout, trunk, unpadded
from rlhf.training.policy import Policy
from rlhf.training.run import StageError

pytestmark = pytest.mark.torch

PROMPTS = [[2, 70, 71, 1, 3], [2, 80, 3], [2, 90, 91, 92, 93, 94, 95, 1, 3]]
RESPONSES = [[100, 101, 102, 103, 1], [110, 1], [120, 121, 1]]
SIZE = {
    "vocab_size": 261,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


@pytest.fixture
def batch():
    return rollout.batch_of(PROMPTS, RESPONSES, pad_id=0, device=torch.device("cpu"))


def padded(model):
    """The same weights with PyTorch's own attention, which is given padding and a mask."""
    model.set_attn_implementation("sdpa")
    return model


def test_a_loaded_model_reads_real_tokens_only(base, batch, monkeypatch):
    model, lengths = models.load_causal_lm(base), []
    inner = model.model.layers[0].forward
    monkeypatch.setattr(
        model.model.layers[0], "forward", lambda states, **o: lengths.append(states.shape[:2]) or inner(states, **o)
    )

    rollout.hidden_states(model, batch)

    assert lengths == [(1, int(batch.attention_mask.sum()))]


def test_states_and_gradients_are_those_of_the_padded_pass(base, batch):
    def of(model):
        states = rollout.hidden_states(model, batch)
        logprobs = rollout.response_statistics(model, batch, temperature=1.0).logprobs
        logprobs.sum().backward()
        return states.detach(), logprobs.detach(), [p.grad for p in model.parameters()]

    states, logprobs, gradients = of(models.load_causal_lm(base))
    wanted_states, wanted, wanted_gradients = of(padded(models.load_causal_lm(base)))

    real = batch.attention_mask.bool()
    torch.testing.assert_close(states[real], wanted_states[real], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logprobs, wanted, atol=1e-5, rtol=1e-5)
    assert states[~real].abs().max() == 0
    for mine, theirs in zip(gradients, wanted_gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_rows_do_not_see_each_other(base, batch):
    model = models.load_causal_lm(base)
    states = rollout.hidden_states(model, batch)
    ids = batch.ids.clone()
    ids[0, batch.attention_mask[0].bool()] = 77

    changed = rollout.hidden_states(model, batch._replace(ids=ids))

    assert torch.equal(changed[1:], states[1:])
    assert not torch.allclose(changed[0], states[0])


@pytest.mark.parametrize("frozen_share", [0.0, 0.5])
def test_gradient_checkpointing_gives_the_same_gradients(base, batch, frozen_share):
    def of(*, gradient_checkpointing):
        torch.manual_seed(3)
        policy = Policy(
            models.load_causal_lm(base),
            lora_rank=4,
            frozen_share=frozen_share,
            temperature=1.0,
            use_bfloat16=False,
            gradient_checkpointing=gradient_checkpointing,
        )
        policy.outputs(batch, policy.trunk_states(batch)).logprobs.sum().backward()
        return [p.grad for p in policy.trained.values() if p.grad is not None]

    for mine, theirs in zip(of(gradient_checkpointing=True), of(gradient_checkpointing=False), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_model_with_grouped_heads_and_one_of_another_kind_read_the_same(batch):
    for model in (LlamaForCausalLM(LlamaConfig(**SIZE)), Qwen2ForCausalLM(Qwen2Config(**SIZE))):
        model.eval()
        wanted = rollout.response_statistics(padded(model), batch, temperature=1.0).logprobs
        unpadded.prepare(model)
        assert unpadded.knows(model.model)

        found = rollout.response_statistics(model, batch, temperature=1.0).logprobs

        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_a_model_that_sees_a_window_only_keeps_its_own_attention(batch):
    model = MistralForCausalLM(MistralConfig(**SIZE, sliding_window=4)).eval()
    wanted = rollout.response_statistics(model, batch, temperature=1.0).logprobs

    unpadded.prepare(model)

    assert not unpadded.knows(model.model)
    assert torch.equal(rollout.response_statistics(model, batch, temperature=1.0).logprobs, wanted)


def test_a_checkpoint_does_not_say_how_attention_was_worked_out(base, tokenizer, tmp_path):
    models.save_checkpoint(tmp_path / "saved", model=models.load_causal_lm(base), tokenizer=tokenizer, kind="policy")

    assert unpadded.NAME not in json.dumps(json.loads((tmp_path / "saved" / "config.json").read_text()))


def test_bfloat16_is_chosen_where_a_layer_of_the_model_is_faster_for_it(base, monkeypatch):
    model = models.load_causal_lm(base)
    monkeypatch.setattr(precision, "choose_bfloat16", lambda device: True)

    for times, chosen in (([2.0, 1.0], True), ([1.0, 1.0], False)):
        left = cycle(times)
        monkeypatch.setattr(precision, "_seconds", lambda call, left=left: call() or next(left))
        assert precision.choose_to_train(model) is chosen
    assert all(p.grad is None for p in model.parameters())
    monkeypatch.setattr(precision, "choose_bfloat16", lambda device: False)
    monkeypatch.setattr(precision, "_seconds", lambda call: pytest.fail("a product that is slower decides alone"))
    assert precision.choose_to_train(model) is False


def test_a_machine_that_is_busy_for_a_while_does_not_decide(monkeypatch):
    busy = [5.0] * precision.REPEATS + [1.0] * precision.REPEATS  # for the first half of the time, whatever is timed
    left = iter(busy)
    monkeypatch.setattr(precision, "_seconds", lambda call: next(left))

    assert precision._best(print, print) == (1.0, 1.0)


def test_a_decoder_that_cannot_be_taken_apart_is_judged_by_the_product(base, monkeypatch):
    model = models.load_causal_lm(base)
    model.model.final_layernorm = model.model.norm
    del model.model.norm
    monkeypatch.setattr(precision, "choose_bfloat16", lambda device: True)

    assert precision.choose_to_train(model) is True
    with pytest.raises(StageError, match="cannot be read in two parts"):
        trunk.first_trained_layer(model, frozen_share=0.5)


@torch.no_grad()
def test_what_is_only_scored_in_bfloat16_takes_the_quicker_attention(base, batch, monkeypatch):
    model, taken = models.load_causal_lm(base), []
    exact = rollout.response_statistics(model, batch, temperature=1.0).logprobs
    inner = unpadded.short_attention.attend
    monkeypatch.setattr(unpadded.short_attention, "attend", lambda *a, **o: taken.append(1) or inner(*a, **o))

    found = rollout.response_statistics(model.bfloat16(), batch, temperature=1.0).logprobs

    assert len(taken) == len(model.model.layers)
    assert (found - exact).abs().max() < 0.15  # bfloat16 has 8 bits
