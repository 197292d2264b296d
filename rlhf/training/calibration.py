"""Whether a reward model's probabilities mean what they say, on held-out pairs with soft labels.

The model's chance that the chosen completion is better is s(d), d the gap of the scores; the label's is q. A pair
enters twice, once turned round, because which of two completions is called the chosen one must not matter.
"""

from typing import NamedTuple

import torch
from torch import Tensor

BINS = 10


class Bin(NamedTuple):
    """Pairs whose predicted probability lies in [low, high): what was predicted and what people said, on average."""

    low: float
    high: float
    predicted: float
    observed: float
    n: int  # turned pairs, too


def curve(gaps: Tensor, q: Tensor, *, bins: int = BINS) -> list[Bin]:
    """Return the reliability curve of score gaps (N,) against labels (N,); empty bins are left out.

    >>> [(round(b.predicted, 2), b.observed) for b in curve(torch.tensor([2.0]), torch.tensor([1.0]))]
    [(0.12, 0.0), (0.88, 1.0)]
    """
    predicted, observed = _both_ways(gaps, q)
    place = (predicted * bins).long().clamp(max=bins - 1)
    found = []
    for k in range(bins):
        inside = place == k
        if inside.any():
            means = predicted[inside].mean().item(), observed[inside].mean().item()
            found.append(Bin(k / bins, (k + 1) / bins, *means, int(inside.sum())))
    return found


def expected_calibration_error(gaps: Tensor, q: Tensor, *, bins: int = BINS) -> float:
    """Return the mean distance between predicted and observed over the bins, weighted by their pairs, 0..1."""
    found = curve(gaps, q, bins=bins)
    return sum(b.n * abs(b.predicted - b.observed) for b in found) / sum(b.n for b in found)


def temperature(gaps: Tensor, q: Tensor) -> float:
    """Return the T that makes s(d / T) predict the labels best: above 1 the model is too sure of itself.

    By golden-section search on log T in -4..4; the log-loss is convex in 1 / T.
    """
    low, high, ratio = -4.0, 4.0, (5**0.5 - 1) / 2
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(gaps, q, left) < _loss(gaps, q, right):
            high = right
        else:
            low = left
    return float(torch.tensor((low + high) / 2).exp())


def _both_ways(gaps: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    predicted = torch.sigmoid(gaps.double())
    return torch.cat([predicted, 1 - predicted]), torch.cat([q.double(), 1 - q.double()])


def _loss(gaps: Tensor, q: Tensor, log_temperature: float) -> float:
    scaled = gaps.double() / torch.tensor(log_temperature, dtype=torch.float64).exp()
    return torch.nn.functional.binary_cross_entropy_with_logits(scaled, q.double()).item()
