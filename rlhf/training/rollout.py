"""Prompts and responses side by side, and the log-probs and entropies of the responses under a model.

Logits of the whole vocabulary exist for a few positions at a time only.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.utils.checkpoint import checkpoint

from rlhf.contract.config import ConfigError
from rlhf.training import parallel, precision, unpadded

CHUNK = 256
"""Positions whose logits exist at the same time when log-probs are computed."""


class Batch(NamedTuple):
    """Prompts and responses side by side: prompts padded on the left, responses on the right.

    `ids`, `attention_mask` and `position_ids` are (B, P + R); `response_mask` is (B, R), 1.0 on response tokens up to
    and including EOS. What only a reward model reads (the EOS of a completion that did not end) is attended to but
    does not count.
    """

    ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor
    response_mask: Tensor

    @property
    def response_ids(self) -> Tensor:
        return self.ids[:, -self.response_mask.shape[1] :]  # (B, R)

    @property
    def predicting(self) -> slice:
        """The columns whose states predict the response tokens."""
        return slice(-self.response_mask.shape[1] - 1, -1)

    @property
    def last_columns(self) -> Tensor:
        """The column of each row's last real token. (B,)"""
        columns = torch.arange(self.ids.shape[1], device=self.ids.device)
        return (columns * self.attention_mask).argmax(1)

    def own(self) -> "Batch":
        """Return the rows that are this process's, where several share the work.

        Raises ConfigError where there are fewer rows than processes.
        """
        if len(self.ids) < parallel.count():
            rows, processes = len(self.ids), parallel.count()
            raise ConfigError({"batch_size": f"{rows} completions for {processes} processes. Start fewer processes."})
        mine = parallel.own(len(self.ids))
        return Batch(*(part[mine] for part in self))

    def narrowed(self, rows: Tensor) -> tuple["Batch", slice, slice]:
        """Return some rows without the columns that are padding in all of them, and the columns that were kept.

        The first slice is of the P + R columns, the second of the R of the response.
        """
        used = self.attention_mask[rows].any(0).nonzero().squeeze(1)
        columns = slice(int(used[0]), int(used[-1]) + 1)
        prompt = self.ids.shape[1] - self.response_mask.shape[1]
        response = slice(0, columns.stop - prompt)
        parts = (part[rows][:, columns] for part in (self.ids, self.attention_mask, self.position_ids))
        return Batch(*parts, self.response_mask[rows][:, response]), columns, response


def batch_of(
    prompts: list[list[int]],
    responses: list[list[int]],
    *,
    tails: list[list[int]] | None = None,
    pad_id: int,
    device: torch.device,
) -> Batch:
    """Lay prompts and responses side by side for one forward pass, each with its tail where there are any."""
    tails = tails or [[] for _ in responses]
    width = max(map(len, prompts))
    length = max(len(response) + len(tail) for response, tail in zip(responses, tails, strict=True))
    ids = torch.full((len(prompts), width + length), pad_id)
    attended, counted = torch.zeros_like(ids), torch.zeros(len(prompts), length)
    for row, (prompt, response, tail) in enumerate(zip(prompts, responses, tails, strict=True)):
        whole = [*prompt, *response, *tail]
        columns = slice(width - len(prompt), width - len(prompt) + len(whole))
        ids[row, columns] = torch.tensor(whole)
        attended[row, columns] = 1
        counted[row, : len(response)] = 1.0
    positions = (attended.cumsum(1) - 1).clamp(min=0)
    return Batch(*(part.to(device) for part in (ids, attended, positions, counted)))


def per_token(rows: list[list[float]], batch: Batch) -> Tensor:
    """Return a number for each response token as (B, R), padding 0."""
    table = torch.zeros_like(batch.response_mask)
    for row, values in enumerate(rows):
        table[row, : len(values)] = torch.tensor(values)
    return table


def response_hidden(model: nn.Module, batch: Batch) -> Tensor:
    """Return the last hidden states (B, R, H) of the positions that predict each response token."""
    return hidden_states(model, batch)[:, batch.predicting]


def hidden_states(model: nn.Module, batch: Batch) -> Tensor:
    """Return the last hidden states (B, P + R, H) of a model with a head, on the ids of a batch."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return through(inner.base_model, batch, input_ids=batch.ids)


def through(trunk: nn.Module, batch: Batch, **inputs: Tensor) -> Tensor:
    """Return the states (B, P + R, H) that a decoder makes of `input_ids` (B, P + R) or `inputs_embeds` (…, H).

    Those of padding mean nothing.
    """
    if unpadded.knows(trunk):
        return unpadded.hidden_states(trunk, mask=batch.attention_mask, positions=batch.position_ids, **inputs)
    options = {"attention_mask": batch.attention_mask, "position_ids": batch.position_ids, "use_cache": False}
    return trunk(**inputs, **options).last_hidden_state


class TokenStatistics(NamedTuple):
    """Log pi(token) and the entropy of pi at each position, float32, both shaped like the tokens."""

    logprobs: Tensor
    entropies: Tensor


def token_statistics(head: nn.Module, hidden: Tensor, tokens: Tensor, *, temperature: float) -> TokenStatistics:
    """Return log-probs and entropies at `tokens` (…) from the hidden states (…, H) that predict them.

    Logits exist for at most 256 positions at a time, in the backward pass too, and log-sum-exp is taken in float32.
    Only log-probs have a gradient.
    """
    flat, wanted = hidden.reshape(-1, hidden.shape[-1]), tokens.reshape(-1)
    parts = []
    for start in range(0, len(wanted), CHUNK):
        piece, target = flat[start : start + CHUNK], wanted[start : start + CHUNK]
        if not torch.is_grad_enabled():
            parts.append(_statistics(head, piece, target, temperature))
        elif any(p.requires_grad for p in head.parameters()):
            parts.append(checkpoint(_statistics, head, piece, target, temperature, use_reentrant=False))
        else:
            parts.append(_UnderFrozenHead.apply(piece, head, target, temperature))
    logprobs, entropies = (torch.cat(part).view(tokens.shape) for part in zip(*parts, strict=True))
    return TokenStatistics(logprobs, entropies)


def response_statistics(
    model: nn.Module, batch: Batch, *, temperature: float, use_bfloat16: bool = False
) -> TokenStatistics:
    """Return (B, R) log-probs and entropies of the response tokens under a model; padding positions hold 0."""
    with precision.autocast(batch.ids.device, use_bfloat16=use_bfloat16):
        hidden = response_hidden(model, batch)
        return counted_statistics(head_of(model), hidden, batch, temperature=temperature)


def counted_statistics(head: nn.Module, hidden: Tensor, batch: Batch, *, temperature: float) -> TokenStatistics:
    """Return (B, R) log-probs and entropies from the states (B, R, H) that predict the response tokens.

    Padding positions hold 0, and no logits are computed for them.
    """
    counts = batch.response_mask.bool()
    found = token_statistics(head, hidden[counts], batch.response_ids[counts], temperature=temperature)
    spread = (torch.zeros_like(batch.response_mask).masked_scatter(counts, part) for part in found)
    return TokenStatistics(*spread)


def head_of(model: nn.Module) -> nn.Module:
    """Return the language-modelling head."""
    return model.get_output_embeddings()


def _statistics(head: nn.Module, hidden: Tensor, tokens: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    logits = head(hidden).float() / temperature
    total = logits.logsumexp(-1)
    logprobs = logits.gather(-1, tokens[:, None]).squeeze(-1) - total
    with torch.no_grad():
        entropies = total - ((logits - total[:, None]).exp() * logits).sum(-1)
    return logprobs, entropies


class _UnderFrozenHead(torch.autograd.Function):
    """`_statistics` of a head W that is not trained: the gradient is known as soon as the logits are.

    d log p(token) / d hidden = (W[token] - sum over v of p(v) W[v]) / temperature, so the backward pass only scales
    it, and the logits need not be computed a second time.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, hidden: Tensor, head: nn.Module, tokens: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        logits = head(hidden).float() / temperature
        total = logits.logsumexp(-1)
        logprobs = logits.gather(-1, tokens[:, None]).squeeze(-1) - total
        probs = (logits - total[:, None]).exp_()
        entropies = total - (probs * logits).sum(-1)
        expected = nn.functional.linear(probs, head.weight.T)
        ctx.save_for_backward(((head.weight[tokens] - expected) / temperature).to(hidden.dtype))
        ctx.mark_non_differentiable(entropies)
        return logprobs, entropies

    @staticmethod
    def backward(ctx: FunctionCtx, on_logprobs: Tensor, on_entropies: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return on_logprobs[:, None].to(slope.dtype) * slope, None, None, None
