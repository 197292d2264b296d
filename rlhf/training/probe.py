"""A reward model of which the head alone is learned: a linear probe on the last states of a model that stays as it is.

Bradley-Terry on states that do not change is logistic regression: convex, without a rate and epochs, and with one
penalty against learning a few pairs by heart, which cross-validation over the prompts chooses.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from rlhf.contract.records import FailureReason
from rlhf.training.bradley_terry import soft_loss
from rlhf.training.run import StageError

PENALTIES = tuple(10 ** (half / 2) for half in range(3, -9, -1))
"""Of the squared weights, on states of unit deviation; from strong to weak, half a power of ten apart."""
LEAST_GAIN = 1e-3
"""By so much a weaker penalty must lower the loss: where the loss is flat, rounding does not choose."""
FOLDS = 5
LEAST_PROMPTS = 2
"""One to learn from and one to measure on."""
STEPS = 100
"""Of L-BFGS; the problem is convex."""


class Comparisons(NamedTuple):
    """N pairs of texts and what people said of them.

    `chosen` and `rejected` are the last states (N, H) of their completions; `q` is P(chosen is better), `weight` its
    weight, `margin` what the winner must be ahead by, `prompt` the code of its prompt, from 0. (N,) each
    """

    chosen: Tensor
    rejected: Tensor
    q: Tensor
    weight: Tensor
    margin: Tensor
    prompt: Tensor

    def where(self, mask: Tensor) -> "Comparisons":
        """Return some of the pairs."""
        return Comparisons(*(part[mask] for part in self))


class Tried(NamedTuple):
    """What a penalty gave on prompts that the head had not seen: the mean loss, and the share in the right order."""

    penalty: float
    loss: float
    accuracy: float


class Probe(NamedTuple):
    """A head (H,) for the states as they are, the penalty it was fitted with, and what each penalty gave."""

    head: Tensor
    penalty: float
    tried: list[Tried]


def fit(
    found: Comparisons, *, center: float, seed: int, on_try: Callable[[int, Tried], None] = lambda *_: None
) -> Probe:
    """Return the best head under the strongest penalty that is as good as any on held-out prompts (five folds).

    Raises StageError where all pairs are of one prompt: then nothing can be held out.
    """
    prompts = int(found.prompt.max()) + 1
    if prompts < LEAST_PROMPTS:
        raise StageError(
            FailureReason.EMPTY_DATA,
            "trained head: expected pairs of at least two prompts, to choose a penalty on those held out; got one. "
            "Rank more prompts, or set trained to model.",
        )
    size = torch.cat([found.chosen, found.rejected]).std(0).clamp(min=1e-6)  # (H,)
    scaled = found._replace(chosen=found.chosen / size, rejected=found.rejected / size)
    fold_of_prompt = torch.randperm(prompts, generator=torch.Generator().manual_seed(seed)) % min(FOLDS, prompts)
    folds = [fold_of_prompt[found.prompt] == fold for fold in range(min(FOLDS, prompts))]
    heads = [torch.zeros_like(size) for _ in folds]
    tried = []
    for step, penalty in enumerate(PENALTIES, start=1):
        heads = [_fitted(scaled.where(~fold), penalty, center, head) for fold, head in zip(folds, heads, strict=True)]
        tried.append(_measured([scaled.where(fold) for fold in folds], heads, penalty, center))
        on_try(step, tried[-1])
    lowest = min(one.loss for one in tried)
    best = next(one.penalty for one in tried if one.loss <= lowest + LEAST_GAIN)
    return Probe(_fitted(scaled, best, center, torch.zeros_like(size)) / size, best, tried)


def _fitted(found: Comparisons, penalty: float, center: float, start: Tensor) -> Tensor:
    head = start.clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([head], max_iter=STEPS, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimiser.zero_grad()
        total = _loss(found, head, center) + penalty * head.square().sum()
        total.backward()
        return total

    optimiser.step(objective)
    return head.detach()


def _loss(found: Comparisons, head: Tensor, center: float) -> Tensor:
    chosen, rejected = found.chosen @ head, found.rejected @ head
    return soft_loss(chosen, rejected, found.q, found.weight, center=center, margin=found.margin)


def _measured(held_out: list[Comparisons], heads: list[Tensor], penalty: float, center: float) -> Tried:
    n = sum(len(part.q) for part in held_out)
    loss = right = 0.0
    for part, head in zip(held_out, heads, strict=True):
        loss += _loss(part, head, center).item() * len(part.q)
        gap, said = (part.chosen - part.rejected) @ head, part.q - 0.5
        right += ((gap * said > 0).float() + 0.5 * (gap * said == 0).float()).sum().item()
    return Tried(penalty, loss / n, right / n)
