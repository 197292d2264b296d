"""Reward-model scores of many sequences, and how often the better completion of a pair gets the higher one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rlhf.contract.records import FailureReason
from rlhf.contract.shares import wilson
from rlhf.training import models, precision
from rlhf.training.data import TokenisedPair, is_decided
from rlhf.training.run import StageError


@torch.no_grad()
def score(
    model: nn.Module,
    sequences: list[list[int]],
    *,
    pad_id: int,
    batch_size: int,
    use_bfloat16: bool = False,
    on_batch: Callable[[], None] = lambda: None,
) -> Tensor:
    """Return the scores (N,) of token sequences, on the CPU, in the order given; each distinct sequence is run once."""
    distinct = sorted({tuple(s) for s in sequences}, key=len)
    device = next(model.parameters()).device
    found: dict[tuple[int, ...], float] = {}
    for start in range(0, len(distinct), batch_size):
        batch = distinct[start : start + batch_size]
        ids, mask = models.pad_right([list(s) for s in batch], pad_id=pad_id)
        with precision.autocast(device, use_bfloat16=use_bfloat16):
            values = models.scores_of(model, ids.to(device), mask.to(device))
        found.update(zip(batch, values.tolist(), strict=True))
        on_batch()
    scores = torch.tensor([found[tuple(s)] for s in sequences])
    if not torch.isfinite(scores).all():
        raise StageError(FailureReason.NON_FINITE, "non-finite score: the reward model returns NaN or infinity.")
    return scores


def pair_accuracy(
    model: nn.Module,
    pairs: list[TokenisedPair],
    *,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[], None],
    use_bfloat16: bool = False,
) -> dict[str, Any]:
    """Return accuracy on decided pairs with its Wilson interval, n, and the length baselines on the same pairs.

    `accuracy_longer_wins` is what «the longer completion wins» scores (equal lengths count half);
    `accuracy_shorter_won` is the model's accuracy where the chosen completion is the shorter one.
    """
    decided = [pair for pair in pairs if is_decided(pair)]
    if not decided:
        return {"n": 0}
    both = [*(p.chosen for p in decided), *(p.rejected for p in decided)]  # at once: many stand on either side
    found = score(model, both, pad_id=pad_id, batch_size=batch_size, use_bfloat16=use_bfloat16, on_batch=on_batch)
    chosen, rejected = found.chunk(2)
    right = (chosen > rejected).float() + 0.5 * (chosen == rejected).float()
    longer = torch.tensor([_longer_wins(pair) for pair in decided])
    shorter_won = longer == 0.0
    accuracy = right.mean().item()
    low, high = wilson(right.sum().item(), len(decided))
    return {
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "n": len(decided),
        "accuracy_longer_wins": longer.mean().item(),
        "accuracy_shorter_won": right[shorter_won].mean().item() if shorter_won.any() else None,
        "n_shorter_won": int(shorter_won.sum()),
    }


def _longer_wins(pair: TokenisedPair) -> float:
    """1 if the chosen completion is the longer one, 0 if the rejected one is, a half if they are equally long."""
    difference = pair.chosen_length - pair.rejected_length
    return 0.5 if difference == 0 else float(difference > 0)
