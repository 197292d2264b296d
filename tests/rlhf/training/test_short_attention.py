"""Attention over short texts in bfloat16: what PyTorch's own gives, as near as bfloat16 can tell."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from rlhf.training import models, short_attention, unpadded

pytestmark = pytest.mark.torch
ROWS, HEADS, GROUPS, LENGTH, WIDTH = 3, 6, 2, 20, 16


@pytest.fixture
def parts():
    drawn = torch.Generator().manual_seed(1)
    return [torch.randn(ROWS, heads, LENGTH, WIDTH, generator=drawn) for heads in (HEADS, GROUPS, GROUPS)]


def half(parts):
    return [one.bfloat16() for one in parts]


def mask_of(lengths):
    """What a causal model sees in rows that are padded on the left; padding sees itself, as transformers has it."""
    seen = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    real = torch.stack([torch.arange(LENGTH) >= LENGTH - length for length in lengths])
    return (seen & real[:, None, :] | torch.eye(LENGTH, dtype=torch.bool))[:, None]


@pytest.mark.parametrize("lengths", [None, [20, 7, 1]])
def test_it_is_pytorchs_attention_but_for_the_rounding(parts, lengths):
    mask = mask_of(lengths) if lengths else None
    exact = scaled_dot_product_attention(*parts, attn_mask=mask, is_causal=mask is None, scale=0.3, enable_gqa=True)

    found = short_attention.attend(*half(parts), mask, scaling=0.3)

    assert found.dtype == torch.bfloat16
    assert (found.transpose(1, 2) - exact).abs().max() < 0.04  # values are around 1, bfloat16 has 8 bits
    assert (found.transpose(1, 2) - exact).abs().mean() < 0.005


def test_one_mask_serves_all_rows(parts):
    mask = torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool).tril()

    assert short_attention.attend(*half(parts), mask, scaling=0.3).equal(
        short_attention.attend(*half(parts), None, scaling=0.3)
    )


@pytest.mark.parametrize("change", [torch.Tensor.float, torch.Tensor.bfloat16])
def test_a_row_that_sees_nothing_takes_the_mean(parts, change):
    query, key, value = (change(one) for one in parts)
    mask = torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool).tril()
    mask[:, :, 3] = False

    found = short_attention.attend(query, key, value, mask, scaling=0.3)[:, 3]

    mean = value.float().mean(2).repeat_interleave(HEADS // GROUPS, dim=1)
    assert (found.float() - mean).abs().max() < 0.01


@pytest.mark.parametrize("lengths", [None, [20, 7, 2]])
def test_the_next_token_sees_all_that_is_real(parts, lengths):
    query, key, value = parts
    last = query[:, :, -1:]
    mask = mask_of(lengths)[:, :, -1:] if lengths else None
    exact = scaled_dot_product_attention(last, key, value, attn_mask=mask, scale=0.3, enable_gqa=True)

    found = short_attention.attend(last, key, value, mask, scaling=0.3)

    assert (found.transpose(1, 2) - exact).abs().max() < 1e-6


@torch.no_grad()
def test_it_is_taken_for_short_texts_in_bfloat16_and_for_next_tokens(parts):
    query, key, _ = half(parts)
    long = torch.zeros(1, 2, short_attention.LONGEST + 1, WIDTH, dtype=torch.bfloat16)

    assert short_attention.suits(query, key)
    assert not short_attention.suits(query.float(), key.float())
    assert not short_attention.suits(long, long)
    assert not short_attention.suits(query[:, :, :2], key)  # a part of a text after another part
    assert short_attention.suits(long[:, :, :1], long)
    assert short_attention.suits(query[:, :, :1].float(), key.float())


def test_what_learns_is_left_to_pytorch(parts):
    query, key, _ = half(parts)

    assert not short_attention.suits(query.requires_grad_(), key)


@torch.no_grad()
def test_a_model_reads_with_it_and_says_the_same(base, monkeypatch):
    model, taken = models.load_causal_lm(base), []
    ids = torch.tensor([[0, 0, 70, 71, 3], [2, 80, 81, 82, 3]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    exact = model(input_ids=ids, attention_mask=mask).logits[:, -1].log_softmax(-1)
    inner = short_attention.attend
    monkeypatch.setattr(unpadded.short_attention, "attend", lambda *a, **o: taken.append(1) or inner(*a, **o))

    found = model.bfloat16()(input_ids=ids, attention_mask=mask).logits[:, -1].float().log_softmax(-1)

    assert len(taken) == len(model.model.layers)
    assert (exact.exp() * (exact - found)).sum(-1).max() < 0.003  # nats
