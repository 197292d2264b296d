"""Sampling: the cache changes nothing, leaving early changes nothing, the seed decides."""

import pytest
import torch

from rlhf.training import generation, models, rollout

pytestmark = pytest.mark.torch

PROMPTS = [[2, 70, 71, 1, 3], [2, 80, 1, 3], [2, 90, 91, 92, 93, 1, 3]]


@pytest.fixture
def model(base):
    return models.load_causal_lm(base)


def sampled(model, tokenizer, prompts=PROMPTS, *, seed=1, **changes):
    options = {"max_new_tokens": 12, "temperature": 1.0, "batch_size": 8} | changes
    return generation.generate(model, tokenizer, prompts, generator=torch.Generator().manual_seed(seed), **options)


def test_a_cold_sample_is_what_the_model_says_without_a_cache(model, tokenizer):
    (found,) = sampled(model, tokenizer, [PROMPTS[0]], temperature=1e-4)

    ids = list(PROMPTS[0])
    for token in found.ids:
        with torch.no_grad():
            assert model(torch.tensor([ids])).logits[0, -1].argmax().item() == token
        ids.append(token)


def test_padding_does_not_change_a_cold_sample(model, tokenizer):
    alone = [sampled(model, tokenizer, [prompt], temperature=1e-4)[0] for prompt in PROMPTS]

    assert sampled(model, tokenizer, temperature=1e-4) == alone


def test_the_same_seed_gives_the_same_completions_and_another_seed_others(model, tokenizer):
    assert sampled(model, tokenizer) == sampled(model, tokenizer)
    assert sampled(model, tokenizer) != sampled(model, tokenizer, seed=2)


def test_completions_come_back_in_the_order_of_the_prompts(model, tokenizer):
    found = sampled(model, tokenizer, temperature=1e-4, batch_size=2)

    assert found == [sampled(model, tokenizer, [prompt], temperature=1e-4)[0] for prompt in PROMPTS]


def test_a_prompt_of_several_completions_is_read_once(model, tokenizer, monkeypatch):
    prompts = [prompt for prompt in PROMPTS for _ in range(4)]
    rows, inner = [], model.forward
    monkeypatch.setattr(model, "forward", lambda **o: rows.append(o["input_ids"].shape) or inner(**o))

    found = sampled(model, tokenizer, prompts, batch_size=16)

    width = max(map(len, PROMPTS))
    assert rows[0] == (3, width) and rows[1] == (12, 1)
    assert len({tuple(one.ids) for one in found}) > 3  # they are not copies
    one_by_one = sampled(model, tokenizer, prompts, batch_size=1)
    assert [one.ids for one in found] == [one.ids for one in one_by_one]


def test_the_head_gets_rows_that_lie_together(model, tokenizer):
    given = []
    model.lm_head.register_forward_hook(lambda module, states, logits: given.append(states[0].is_contiguous()))

    sampled(model, tokenizer)

    assert len(given) > 1 and all(given)
    assert not model.lm_head._forward_pre_hooks


@pytest.fixture
def ender(model):
    """A model that likes to end: rows finish at different times."""
    with torch.no_grad():
        model.model.embed_tokens.weight[1] *= 4.0
    return model


def test_rows_that_leave_early_do_not_disturb_the_others(ender, tokenizer, monkeypatch):
    prompts = PROMPTS * 4
    leaving = sampled(ender, tokenizer, prompts, temperature=1e-4, max_new_tokens=20)

    monkeypatch.setattr(generation, "LEAVE_RATE", 2.0)  # nobody leaves

    assert sampled(ender, tokenizer, prompts, temperature=1e-4, max_new_tokens=20) == leaving


def test_a_sample_depends_on_neither_batch_nor_process(model, tokenizer):
    found = sampled(model, tokenizer)

    assert [one.ids for one in sampled(model, tokenizer, batch_size=1)] == [one.ids for one in found]
    assert [one.ids for one in sampled(model, tokenizer, rows=slice(1, None, 2))] == [found[1].ids]


def test_decoding_in_bfloat16_is_nearly_that_in_float32_and_leaves_the_weights_as_they_were(model, tokenizer):
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    known = [one.logprobs[0] for one in sampled(model, tokenizer)]

    found = [one.logprobs[0] for one in sampled(model, tokenizer, use_bfloat16=True)]

    assert found == pytest.approx(known, abs=0.05)
    assert found != known
    assert all(torch.equal(weights, before[name]) for name, weights in model.state_dict().items())


def test_a_finished_completion_ends_with_one_end_token(ender, tokenizer):
    found = sampled(ender, tokenizer, PROMPTS * 10, temperature=2.0, max_new_tokens=40)

    finished = [one for one in found if one.is_finished]
    assert finished
    assert all(one.ids.count(tokenizer.eos_token_id) == 1 and one.ids[-1] == tokenizer.eos_token_id for one in finished)
    assert all(len(one.ids) == 40 for one in found if not one.is_finished)


def test_a_nucleus_keeps_the_likeliest_tokens_only():
    probs = torch.tensor([[0.1, 0.5, 0.3, 0.1]])

    assert generation._nucleus(probs, 0.7).tolist() == [[0.0, 0.5, pytest.approx(0.3), 0.0]]


def test_sampled_tokens_follow_their_probabilities():
    sampler, drawn = generation._Sampler(1.0, 1.0), torch.rand(4000, generator=torch.Generator().manual_seed(0))
    logits = torch.tensor([[0.2, 0.8]]).log().expand(4000, 2)

    share = sampler.draw(logits, drawn).tokens.float().mean().item()

    assert share == pytest.approx(0.8, abs=0.03)  # four standard errors


def statistics(model, prompts, responses, **options):
    batch = rollout.batch_of(prompts, responses, pad_id=0, device=torch.device("cpu"))
    return batch, rollout.response_statistics(model, batch, temperature=1.0, **options)


def test_logprobs_are_those_of_the_whole_softmax(model):
    response = [100, 101, 1]

    _, found = statistics(model, [PROMPTS[0]], [response])

    with torch.no_grad():
        logits = model(torch.tensor([PROMPTS[0] + response])).logits[0, len(PROMPTS[0]) - 1 : -1]
    whole = logits.log_softmax(-1)
    torch.testing.assert_close(found.logprobs[0], whole[range(3), response], atol=1e-5, rtol=0)
    torch.testing.assert_close(found.entropies[0], -(whole.exp() * whole).sum(-1), atol=1e-4, rtol=0)


def test_logprobs_do_not_depend_on_padding(model):
    responses = [[100, 101, 1], [102, 1], [103, 104, 105, 106, 1]]

    batch, together = statistics(model, PROMPTS, responses)

    for row, (prompt, response) in enumerate(zip(PROMPTS, responses, strict=True)):
        _, alone = statistics(model, [prompt], [response])
        torch.testing.assert_close(together.logprobs[row, : len(response)], alone.logprobs[0], atol=1e-5, rtol=0)
    assert together.logprobs[batch.response_mask == 0].abs().sum() == 0


def test_chunks_give_the_same_logprobs_and_gradients(model, monkeypatch):
    def gradient():
        model.zero_grad()
        _, found = statistics(model, PROMPTS, [[100, 101, 1]] * 3)
        found.logprobs.sum().backward()
        return found.logprobs.detach(), model.model.layers[0].self_attn.q_proj.weight.grad.clone()

    whole = gradient()
    monkeypatch.setattr(rollout, "CHUNK", 2)

    for found, expected in zip(gradient(), whole, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_a_frozen_head_gives_the_gradient_of_a_trained_one(temperature):
    torch.manual_seed(0)
    head, tokens = torch.nn.Linear(8, 30, bias=False), torch.randint(30, (2, 5))
    weight, states = torch.randn(2, 5), torch.randn(2, 5, 8)

    def gradient(*, is_trained):
        head.requires_grad_(is_trained)
        hidden = states.clone().requires_grad_()
        found = rollout.token_statistics(head, hidden, tokens, temperature=temperature)
        (found.logprobs * weight).sum().backward()
        return [found.logprobs.detach(), found.entropies.detach(), hidden.grad]

    for frozen, trained in zip(gradient(is_trained=False), gradient(is_trained=True), strict=True):
        torch.testing.assert_close(frozen, trained, atol=1e-6, rtol=1e-5)
