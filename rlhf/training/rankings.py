"""Prompts and their completions as a reward model reads them: each prompt once, whatever the number of completions.

The keys and values of a prompt serve all its completions, so R prompts of P tokens with S completions of C tokens cost
R P + S C tokens instead of S (P + C).
"""

from typing import NamedTuple

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import DynamicCache

from rlhf.training import models, trunk


class Rankings(NamedTuple):
    """Prompts and completions, both padded on the right; masks are 1 on real tokens, the end of sequence among them."""

    prompt_ids: Tensor  # (R, P)
    prompt_mask: Tensor
    completion_ids: Tensor  # (S, C)
    completion_mask: Tensor
    owners: Tensor  # (S,): the prompt of each completion


class States(NamedTuple):
    """Hidden states of both."""

    prompts: Tensor  # (R, P, H)
    completions: Tensor  # (S, C, H)


def laid_out(prompts: list[list[int]], completions: list[list[list[int]]], *, pad_id: int) -> Rankings:
    """Return prompts and the completions of each as tensors; neither may be empty."""
    owners = [row for row, found in enumerate(completions) for _ in found]
    return Rankings(
        *models.pad_right(prompts, pad_id=pad_id),
        *models.pad_right([one for found in completions for one in found], pad_id=pad_id),
        torch.tensor(owners),
    )


def lower_states(model: nn.Module, rankings: Rankings, *, first_layer: int) -> States:
    """Return the states that enter a layer."""
    with trunk.below(_inner(model).base_model, first_layer) as lower:
        embed = lower.get_input_embeddings()
        return _read(lower, rankings, States(embed(rankings.prompt_ids), embed(rankings.completion_ids)))


def scores(model: nn.Module, rankings: Rankings, *, lower: States | None = None, first_layer: int = 0) -> Tensor:
    """Return the scores (S,) at the last real token of each completion; `lower` are the states that enter a layer."""
    inner = _inner(model)
    if lower is None:
        embed = inner.base_model.get_input_embeddings()
        lower, first_layer = States(embed(rankings.prompt_ids), embed(rankings.completion_ids)), 0
    with trunk.above(inner.base_model, first_layer) as upper:
        hidden = _read(upper, rankings, lower).completions
    last = rankings.completion_mask.sum(1) - 1
    return models.scored(inner.score, hidden[torch.arange(len(last), device=last.device), last])


def scores_apart(model: nn.Module, rankings: Rankings, *, pad_id: int) -> Tensor:
    """Return the scores as `scores` does, each completion read with its prompt anew and no layer twice.

    For a model in shards: what flows back through kept keys and values would find the layer's weights gone.
    """
    rows = (
        rankings.prompt_ids[owner][rankings.prompt_mask[owner].bool()].tolist() + ids[mask.bool()].tolist()
        for owner, ids, mask in zip(rankings.owners, rankings.completion_ids, rankings.completion_mask, strict=True)
    )
    ids, mask = models.pad_right(list(rows), pad_id=pad_id)
    return models.scores_of(model, ids.to(rankings.owners.device), mask.to(rankings.owners.device))


def _read(layers: nn.Module, rankings: Rankings, entering: States) -> States:
    cache, owners = DynamicCache(), rankings.owners
    of_prompts = layers(
        inputs_embeds=entering.prompts, attention_mask=rankings.prompt_mask, past_key_values=cache, use_cache=True
    ).last_hidden_state
    cache.batch_select_indices(owners)
    lengths, width = rankings.prompt_mask.sum(1)[owners], rankings.completion_ids.shape[1]
    of_completions = layers(
        inputs_embeds=entering.completions,
        attention_mask=torch.cat([rankings.prompt_mask[owners], rankings.completion_mask], dim=1),
        position_ids=lengths[:, None] + torch.arange(width, device=lengths.device),
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return States(of_prompts, of_completions)


def _inner(model: nn.Module) -> nn.Module:
    return model.get_base_model() if isinstance(model, PeftModel) else model
