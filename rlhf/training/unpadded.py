"""Forward passes over the real tokens of a batch alone: rows end to end, no padding but within the attention.

Prompts of unlike length with completions of unlike length are two fifths padding as soon as they stand side by side.
Every layer but the attention reads one token at a time, so it is given the real ones only, as one long row; the
attention lays them out by their rows, from the left, where a causal mask keeps the padding from being seen.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from rlhf.training import short_attention

NAME = "sdpa_over_rows"
"""Of the attention that knows both layouts; without a layout it takes what transformers gives PyTorch's own."""


class Layout(NamedTuple):
    """Where the N real tokens of a batch stand in its B x T columns, and where among B rows of the longest length L."""

    columns: Tensor  # (N,) into B x T
    slots: Tensor  # (N,) into B x L
    rows: int
    length: int


def prepare(model: PreTrainedModel) -> None:
    """Let a model read rows without padding, where its attention can be exchanged and sees all that came before."""
    kinds = getattr(model.config, "layer_types", None) or ["full_attention"]
    sees_all = set(kinds) == {"full_attention"} and not getattr(model.config, "sliding_window", None)
    can_change = model._supports_attention_backend and model.config._attn_implementation == "sdpa"  # noqa: SLF001
    if sees_all and can_change:
        model.set_attn_implementation(NAME)


def knows(trunk: nn.Module) -> bool:
    """Say whether a decoder can be given rows without padding."""
    found: bool = trunk.config._attn_implementation == NAME  # noqa: SLF001  there is no public name
    return found


def hidden_states(trunk: nn.Module, *, mask: Tensor, positions: Tensor, **inputs: Tensor) -> Tensor:
    """Return the last states (B, T, H) of a prepared decoder; those of padding are 0.

    `mask` and `positions` (B, T) as it would take them; `inputs` is either `input_ids` (B, T) or `inputs_embeds`
    (B, T, H).
    """
    layout = _layout(mask)
    packed = {name: _Gather.apply(given.flatten(0, 1), layout.columns)[None] for name, given in inputs.items()}
    states = trunk(
        **packed,
        attention_mask=torch.ones((1, 1, 1, 1), dtype=torch.bool, device=mask.device),  # four axes: build none
        position_ids=positions.flatten()[layout.columns][None],
        use_cache=False,
        layout=layout,
    ).last_hidden_state[0]
    return _Scatter.apply(states, layout.columns, mask.numel()).unflatten(0, mask.shape)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    layout: Layout | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it: query (B, heads, T, D) to (B, T, heads, D); with a layout B is 1."""
    if layout is None:
        return _attend(module, query, key, value, attention_mask, **options), None
    by_row = (_by_row(part, layout) for part in (query, key, value))
    found = _attend(module, *by_row, None, **options)  # (B, L, heads, D)
    return _Gather.apply(found.flatten(0, 1), layout.slots)[None], None


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> Tensor:
    """Return what each token attends to, (B, T, heads, D), the quicker way."""
    if short_attention.suits(query, key) and options.get("position_bias") is None:
        scaling = options.get("scaling") or query.shape[-1] ** -0.5
        return short_attention.attend(query, key, value, mask, scaling=scaling)
    found: Tensor = sdpa_attention_forward(module, query, key, value, mask, **options)[0]
    return found


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)


def _layout(mask: Tensor) -> Layout:
    attended = mask.bool()
    columns = attended.flatten().nonzero().squeeze(1)
    places, lengths = attended.cumsum(1) - 1, attended.sum(1)
    length = int(lengths.max())
    starts = length * torch.arange(len(mask), device=mask.device)
    return Layout(columns, (starts[:, None] + places).flatten()[columns], len(mask), length)


def _by_row(packed: Tensor, layout: Layout) -> Tensor:
    """Lay (1, heads, N, D) out as (B, heads, L, D)."""
    tokens = packed[0].transpose(0, 1)  # (N, heads, D)
    laid = _Scatter.apply(tokens, layout.slots, layout.rows * layout.length)
    return laid.unflatten(0, (layout.rows, layout.length)).transpose(1, 2)


class _Gather(torch.autograd.Function):
    """Rows of a table at places that are all different: the gradient is put there, nothing is added up."""

    @staticmethod
    def forward(ctx: FunctionCtx, table: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.size = len(table)
        return table.index_select(0, places)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        return _put(gradient, places, ctx.size), None


class _Scatter(torch.autograd.Function):
    """Rows put at places of a table of zeros that are all different."""

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor, places: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(places)
        return _put(rows, places, size)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        return gradient.index_select(0, places), None, None


def _put(rows: Tensor, places: Tensor, size: int) -> Tensor:
    table = rows.new_zeros((size, *rows.shape[1:]))
    return table.index_copy_(0, places, rows)
