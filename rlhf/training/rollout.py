"""Sampling from a policy: our own decode loop over a KV cache, and the log-probs of what was sampled.

The loop keeps tokens only, never the logits of the whole vocabulary. Prompts are sorted by length so that a batch pads
little, and finished rows leave the batch once a quarter of it is done.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache, PreTrainedTokenizerBase

from rlhf.training import precision

LEAVE_RATE = 0.25
CHUNK = 512
"""Positions whose logits exist at the same time when log-probs are computed."""


@dataclass(frozen=True)
class Generated:
    """One sampled completion."""

    ids: list[int]  # response tokens, EOS included where the model ended
    is_finished: bool  # ended by EOS, not by max_new_tokens

    def ended(self, eos: int) -> list[int]:
        """Return the tokens with an end: reward models learn from completions that end, finished or not."""
        return self.ids if self.is_finished else [*self.ids, eos]


class Batch(NamedTuple):
    """Prompts and responses side by side: prompts padded on the left, responses on the right.

    `ids`, `attention_mask` and `position_ids` are (B, P + R); `response_mask` is (B, R), 1.0 on response tokens up to
    and including EOS.
    """

    ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor
    response_mask: Tensor

    @property
    def response_ids(self) -> Tensor:
        return self.ids[:, -self.response_mask.shape[1] :]  # (B, R)


@torch.no_grad()
def generate(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[list[int]],
    *,
    max_new_tokens: int,
    temperature: float,
    top_p: float = 1.0,
    batch_size: int,
    generator: torch.Generator,
    use_bfloat16: bool = False,
    on_batch: Callable[[], None] = lambda: None,
) -> list[Generated]:
    """Sample one completion for each prompt and return them in the order of the prompts."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    found: dict[int, Generated] = {}
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        sampler = _Sampler(temperature, top_p, generator)
        decoder = _Decoder(model, tokenizer, [prompts[i] for i in rows], use_bfloat16=use_bfloat16)
        found.update(zip(rows, decoder.run(sampler, max_new_tokens, on_batch), strict=True))
    return [found[i] for i in range(len(prompts))]


def batch_of(prompts: list[list[int]], responses: list[list[int]], *, pad_id: int, device: torch.device) -> Batch:
    """Lay prompts and responses side by side for one forward pass."""
    width, length = max(map(len, prompts)), max(map(len, responses))
    ids = torch.full((len(prompts), width + length), pad_id)
    mask = torch.zeros_like(ids)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        ids[row, width - len(prompt) : width + len(response)] = torch.tensor([*prompt, *response])
        mask[row, width - len(prompt) : width + len(response)] = 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    parts = (ids, mask, positions, mask[:, width:].float())
    return Batch(*(part.to(device) for part in parts))


def response_hidden(model: nn.Module, batch: Batch) -> Tensor:
    """Return the last hidden states (B, R, H) of the positions that predict each response token."""
    length = batch.response_mask.shape[1]
    trunk = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = trunk.base_model(
        input_ids=batch.ids, attention_mask=batch.attention_mask, position_ids=batch.position_ids, use_cache=False
    ).last_hidden_state
    return hidden[:, -length - 1 : -1]


class TokenStatistics(NamedTuple):
    """Log pi(token) and the entropy of pi at each position, float32, both shaped like the tokens."""

    logprobs: Tensor
    entropies: Tensor


def token_statistics(head: nn.Module, hidden: Tensor, tokens: Tensor, *, temperature: float) -> TokenStatistics:
    """Return log-probs and entropies at `tokens` (…) from the hidden states (…, H) that predict them.

    Logits exist for at most 512 positions at a time, in the backward pass too, and log-sum-exp is taken in float32.
    """
    flat, wanted = hidden.reshape(-1, hidden.shape[-1]), tokens.reshape(-1)
    parts = []
    for start in range(0, len(wanted), CHUNK):
        piece, target = flat[start : start + CHUNK], wanted[start : start + CHUNK]
        if torch.is_grad_enabled():
            parts.append(checkpoint(_statistics, head, piece, target, temperature, use_reentrant=False))
        else:
            parts.append(_statistics(head, piece, target, temperature))
    logprobs, entropies = (torch.cat(part).view(tokens.shape) for part in zip(*parts, strict=True))
    return TokenStatistics(logprobs, entropies)


def response_statistics(
    model: nn.Module, batch: Batch, *, temperature: float, use_bfloat16: bool = False
) -> TokenStatistics:
    """Return (B, R) log-probs and entropies of the response tokens under a model; padding positions hold 0."""
    with precision.autocast(batch.ids.device, use_bfloat16=use_bfloat16):
        hidden = response_hidden(model, batch)
        found = token_statistics(head_of(model), hidden, batch.response_ids, temperature=temperature)
    return TokenStatistics(found.logprobs * batch.response_mask, found.entropies * batch.response_mask)


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


class _Sampler:
    """Draws a token from each row's distribution by the inverse of its cumulative distribution."""

    def __init__(self, temperature: float, top_p: float, generator: torch.Generator) -> None:
        self.temperature, self.top_p, self.generator = temperature, top_p, generator

    def draw(self, logits: Tensor, live: int) -> Tensor:
        """Return one token (b,) for logits (b, V); `live` numbers are drawn whatever the batch's size."""
        probs = (logits.float() / self.temperature).softmax(-1)
        if self.top_p < 1.0:
            probs = _nucleus(probs, self.top_p)
        cumulative = probs.cumsum(-1)
        at = torch.rand((live, 1), generator=self.generator).to(probs.device) * cumulative[:, -1:]
        return torch.searchsorted(cumulative, at).clamp(max=logits.shape[-1] - 1).squeeze(-1)


def _nucleus(probs: Tensor, top_p: float) -> Tensor:
    """Keep the smallest set of tokens whose probability reaches top_p (Holtzman et al. 2020); not renormalised."""
    ordered, index = probs.sort(-1, descending=True)
    is_beyond = ordered.cumsum(-1) - ordered >= top_p
    return probs.scatter(-1, index, ordered.masked_fill(is_beyond, 0.0))


class _Decoder:
    """One batch of prompts on its way to completions."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        prompts: list[list[int]],
        *,
        use_bfloat16: bool,
    ) -> None:
        self.model, self.eos = model, tokenizer.eos_token_id
        self.device = next(model.parameters()).device
        self.use_bfloat16 = use_bfloat16
        width = max(map(len, prompts))
        self.ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(p)) + p for p in prompts], device=self.device)
        self.mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.device)
        self.rows = torch.arange(len(prompts))
        self.done = torch.zeros(len(prompts), dtype=torch.bool)
        self.cache = DynamicCache(config=model.config)
        self.responses: list[list[int]] = [[] for _ in prompts]

    def run(self, sampler: _Sampler, max_new_tokens: int, on_step: Callable[[], None]) -> Iterator[Generated]:
        """Decode to the end and yield the completions in the order of the prompts."""
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)
        step_ids = self.ids
        for _ in range(max_new_tokens):
            logits = self._forward(step_ids, positions)
            drawn = sampler.draw(logits, len(self.rows)).cpu()
            for row, token in zip(self.rows[~self.done].tolist(), drawn[~self.done].tolist(), strict=True):
                self.responses[row].append(token)
            self.done |= drawn == self.eos
            on_step()
            if self.done.all():
                break
            positions = positions[:, -1:] + 1
            drawn, positions = self._let_leave(drawn, positions)
            step_ids = drawn[:, None].to(self.device)
            self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], 1)
        for response in self.responses:
            yield Generated(response, bool(response) and response[-1] == self.eos)

    def _forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Return the logits (b, V) of the next token."""
        with precision.autocast(self.device, use_bfloat16=self.use_bfloat16):
            return self.model(
                input_ids=ids,
                attention_mask=self.mask,
                position_ids=positions,
                past_key_values=self.cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]

    def _let_leave(self, drawn: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Take finished rows out of the batch and its cache once they are a quarter of it."""
        if self.done.float().mean() < LEAVE_RATE:
            return drawn, positions
        kept = (~self.done).nonzero().squeeze(1)
        self.cache.batch_select_indices(kept.to(self.device))
        self.rows, self.done = self.rows[kept], self.done[kept]
        self.mask = self.mask[kept.to(self.device)]
        return drawn[kept], positions[kept.to(self.device)]
