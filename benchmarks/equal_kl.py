"""Two PPO runs on one task at the KL that both have spent: what each scored there, and what it cost to get there.

A policy that has gone further from where it began scores more and has lost more: scores compare at equal KL only.
"""

import math
from statistics import mean
from typing import NamedTuple

SMOOTH = 5
"""Steps whose mean is a point of a curve."""
BUDGET = 8.0
"""Nats of KL that a policy may spend."""


class Step(NamedTuple):
    """CPU seconds since training began, and the mean score and KL of the step's rollout."""

    seconds: float
    score: float
    kl: float


def at_equal_kl(mine: list[Step], theirs: list[Step]) -> dict[str, float]:
    """Compare two runs at the KL that both have spent, on means over five steps.

    `kl` is the smaller of the most KL of either; `score` and `other_score` what each scored there, read off its curve
    over the root of the KL. `seconds` and `other_seconds` are those until each had, at no more than that KL, the lower
    of the two scores.
    """
    curves = [_smooth(mine), _smooth(theirs)]
    kl = min(max(step.kl for step in curve) for curve in curves)
    scores = [_read_off(curve, kl) for curve in curves]
    seconds = [next(step.seconds for step in curve if step.score >= min(scores)) for curve in curves]
    return dict(zip(("kl", "score", "other_score", "seconds", "other_seconds"), (kl, *scores, *seconds), strict=True))


def _smooth(steps: list[Step]) -> list[Step]:
    """Return scores and KL as means over five steps; the time is that of the last of them."""
    windows = [steps[at : at + SMOOTH] for at in range(len(steps) - SMOOTH + 1)]
    return [Step(w[-1].seconds, mean(s.score for s in w), mean(s.kl for s in w)) for w in windows]


def _read_off(curve: list[Step], kl: float) -> float:
    """Return the score where a curve first spends a KL, on a line between two steps over the root of the KL."""
    after = next(at for at, step in enumerate(curve) if step.kl >= kl)
    if after == 0:
        return curve[0].score
    (_, low, less), (_, high, more) = curve[after - 1], curve[after]
    share = (math.sqrt(max(kl, 0.0)) - math.sqrt(max(less, 0.0))) / (math.sqrt(more) - math.sqrt(max(less, 0.0)))
    return low + share * (high - low)
