"""The order of work by information: what a reward model is least sure of is handed out first.

What people say of a pair that the model cannot tell apart teaches it most; of a pair that it is sure of, nearly nothing
new (expected information of a Bradley-Terry comparison is highest at even odds: Chaloner and Verdinelli 1995).
"""

import math
from collections.abc import Sequence
from itertools import combinations

from django.db.models import Count

from annotate import assignments
from annotate.models import Comparison, RewardModel, Score, Use

MOST = 100
"""The priority of a comparison all of whose pairs are even; one without doubt has 0, as whatever was never scored."""


def order_work(model: RewardModel, *, source: str) -> int:
    """Set the priority of a source's comparisons by the model's doubt; return how many the model has scored whole."""
    wanted = Comparison.objects.filter(project=model.project_id, source=source, use=Use.WORK)
    scored: dict[int, list[float]] = {}
    values = Score.objects.filter(reward_model=model, completion__comparison__in=wanted)
    for comparison, value in values.values_list("completion__comparison", "value"):
        scored.setdefault(comparison, []).append(value)
    counts = dict(wanted.values_list("pk").annotate(n=Count("completions")))
    whole = {pk: round(MOST * doubt(found)) for pk, found in scored.items() if len(found) == counts[pk]}
    assignments.reprioritise(model.project, whole)
    return len(whole)


def doubt(scores: Sequence[float]) -> float:
    """Return the mean entropy (bits, 0 to 1) of who wins, over all pairs of completions; 0 for fewer than two.

    >>> doubt([1.0, 1.0])
    1.0
    >>> round(doubt([0.0, 1.0, 9.0]), 2)
    0.28
    """
    entropies = [_entropy(abs(one - other)) for one, other in combinations(scores, 2)]
    return sum(entropies) / len(entropies) if entropies else 0.0


def _entropy(gap: float) -> float:
    """Return the entropy in bits of a choice whose log odds are `gap` >= 0: log2(1 + e^-g) + g·p(lose)/ln 2."""
    lose = math.exp(-gap) / (1 + math.exp(-gap))
    return (math.log1p(math.exp(-gap)) + gap * lose) / math.log(2)
