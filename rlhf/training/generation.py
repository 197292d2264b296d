"""Sampling from a policy: our own decode loop over a KV cache.

The loop keeps tokens, their log-probabilities and entropies, never the logits of the whole vocabulary. Prompts are
sorted by length so that a batch pads little, one that several completions are asked of is read once, and finished rows
leave the batch once a quarter of it is done.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rlhf.training import growing_cache, precision

LEAVE_RATE = 0.25
ALL = slice(None)


@dataclass(frozen=True)
class Generated:
    """One sampled completion."""

    ids: list[int]  # response tokens, EOS included where the model ended
    is_finished: bool  # ended by EOS, not by max_new_tokens
    logprobs: list[float] = field(default_factory=list)  # of each token under what it was drawn from, before top_p
    entropies: list[float] = field(default_factory=list)

    def tail(self, eos: int) -> list[int]:
        """Return what a reward model reads after the tokens: it learned from completions that end, finished or not."""
        return [] if self.is_finished else [eos]

    def ended(self, eos: int) -> list[int]:
        """Return the tokens with an end."""
        return [*self.ids, *self.tail(eos)]


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
    rows: slice = ALL,
    use_bfloat16: bool = False,
    on_batch: Callable[[], None] = lambda: None,
) -> list[Generated]:
    """Sample one completion for each prompt and return them in the order of the prompts.

    The random numbers are drawn for all prompts first: what a prompt gets depends on neither the batch it is in nor the
    process; one that takes only some `rows` writes and returns those, as it would among all.
    """
    draws = torch.rand((len(prompts), max_new_tokens), generator=generator)[rows]
    prompts = prompts[rows]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    found: dict[int, Generated] = {}
    with precision.stored(model, use_bfloat16=use_bfloat16), _head_on_rows(model):
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            sampler = _Sampler(temperature, top_p)
            decoder = _Decoder(model, tokenizer, [prompts[i] for i in part])
            found.update(zip(part, decoder.run(sampler, draws[part], on_batch), strict=True))
    return [found[i] for i in range(len(prompts))]


@contextmanager
def _head_on_rows(model: nn.Module) -> Iterator[None]:
    """Give the head the last states as rows that lie together, for a while.

    They are a slice of all states, and of a slice PyTorch multiplies a copy of the head's weights for each row: 864 MB
    for 16 prompts of SmolLM2.
    """
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, given: (given[0].contiguous(),))
    try:
        yield
    finally:
        hook.remove()


class _Sampler:
    """Draws a token from each row's distribution by the inverse of its cumulative distribution."""

    def __init__(self, temperature: float, top_p: float) -> None:
        self.temperature, self.top_p = temperature, top_p

    def draw(self, logits: Tensor, at: Tensor) -> "_Drawn":
        """Return one token, its log-probability and the entropy it was drawn from, (b,) each.

        For logits (b, V) and random numbers in 0..1 (b,).
        """
        logits = logits.float() / self.temperature
        total = logits.logsumexp(-1, keepdim=True)
        probs = (logits - total).exp()
        entropies = total.squeeze(-1) - (probs * logits).sum(-1)
        kept = _nucleus(probs, self.top_p) if self.top_p < 1.0 else probs
        cumulative = kept.cumsum(-1)
        wanted = at.to(probs.device)[:, None] * cumulative[:, -1:]
        tokens = torch.searchsorted(cumulative, wanted).clamp(max=logits.shape[-1] - 1)
        logprobs = (logits.gather(-1, tokens) - total).squeeze(-1)
        return _Drawn(tokens.squeeze(-1).cpu(), logprobs.cpu(), entropies.cpu())


class _Drawn(NamedTuple):
    """What was drawn for each row, on the CPU."""

    tokens: Tensor
    logprobs: Tensor
    entropies: Tensor


def _nucleus(probs: Tensor, top_p: float) -> Tensor:
    """Keep the smallest set of tokens whose probability reaches top_p (Holtzman et al. 2020); not renormalised."""
    ordered, index = probs.sort(-1, descending=True)
    is_beyond = ordered.cumsum(-1) - ordered >= top_p
    return probs.scatter(-1, index, ordered.masked_fill(is_beyond, 0.0))


class _Decoder:
    """One batch of prompts on its way to completions."""

    def __init__(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase, prompts: list[list[int]]) -> None:
        self.model, self.eos = model, tokenizer.eos_token_id
        self.device = next(model.parameters()).device
        distinct = list(dict.fromkeys(map(tuple, prompts)))
        place = {prompt: number for number, prompt in enumerate(distinct)}
        self.wanted = torch.tensor([place[tuple(prompt)] for prompt in prompts], device=self.device)
        width, pad = max(map(len, distinct)), tokenizer.pad_token_id
        self.ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in distinct], device=self.device)
        self.mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in distinct], device=self.device)
        self.rows = torch.arange(len(prompts))
        self.done = torch.zeros(len(prompts), dtype=torch.bool)
        self.cache = growing_cache.cache_of(model.config)
        self.responses = [Generated([], False) for _ in prompts]

    def run(self, sampler: _Sampler, draws: Tensor, on_step: Callable[[], None]) -> Iterator[Generated]:
        """Decode to the end and yield the completions in the order of the prompts; `draws` (b, T) are in 0..1."""
        logits = self._begin()
        for number, at in enumerate(draws.T, start=1):
            drawn = sampler.draw(logits, at[self.rows])
            self._keep(drawn)
            self.done |= drawn.tokens == self.eos
            on_step()
            if self.done.all() or number == draws.shape[1]:
                break
            tokens = self._let_leave(drawn.tokens)
            self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], 1)
            logits = self._forward(tokens[:, None].to(self.device))
        for one in self.responses:
            yield replace(one, is_finished=bool(one.ids) and one.ids[-1] == self.eos)

    def _keep(self, drawn: _Drawn) -> None:
        """Add what was drawn to the completions that go on."""
        live = ~self.done
        columns = (part[live].tolist() for part in (self.rows, *drawn))
        for row, token, logprob, entropy in zip(*columns, strict=True):
            one = self.responses[row]
            one.ids.append(token)
            one.logprobs.append(logprob)
            one.entropies.append(entropy)

    def _begin(self) -> Tensor:
        """Read the prompts, each once, and return the logits (b, V) of the first token of every completion."""
        logits = self._forward(self.ids)
        if len(self.wanted) == len(self.ids):
            return logits
        self.cache.batch_select_indices(self.wanted)
        self.mask = self.mask[self.wanted]
        return logits[self.wanted]

    def _forward(self, ids: Tensor) -> Tensor:
        """Return the logits (b, V) of the token that comes after these, which are the last that the mask knows."""
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)
        return self.model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=positions[:, -ids.shape[1] :],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]

    def _let_leave(self, drawn: Tensor) -> Tensor:
        """Take finished rows out of batch and cache once they are a quarter of it; return the tokens of the others."""
        if self.done.float().mean() < LEAVE_RATE:
            return drawn
        kept = (~self.done).nonzero().squeeze(1)
        self.cache.batch_select_indices(kept.to(self.device))
        self.rows, self.done = self.rows[kept], self.done[kept]
        self.mask = self.mask[kept.to(self.device)]
        return drawn[kept]
