"""A reward model as an annotator: its scores come in here, and it is set beside the people. It never has a vote.

The only writer of RewardModel and Score, and the door by which training brings them.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from django.db import transaction
from django.utils import timezone

from annotate.models import Completion, Project, RewardModel, Score
from annotate.quality import budget
from annotate.quality.budget import CurvePoint
from annotate.quality.intervals import LEVEL

BATCH = 1000
CURVE_SEED = 20
"""Of the bands: the same curve gives the same."""


class Scored(NamedTuple):
    """What a model gives a completion, which is known by its prompt's id and its text."""

    prompt_id: str
    completion: str
    score: float


def record(
    project: Project,
    *,
    source: str,
    name: str,
    scores: Iterable[Scored],
    learning_curve: Sequence[dict[str, Any]] | None = None,
) -> RewardModel:
    """Store what a reward model scored; what it scored before is replaced where it is scored anew.

    Scores of completions that the project does not have are passed over. Without a learning curve the old one stays.
    Raises ValueError for a score that is not finite, and then nothing is stored.
    """
    with transaction.atomic():
        model, _ = RewardModel.objects.get_or_create(project=project, source=source, defaults={"name": name})
        RewardModel.objects.filter(pk=model.pk).update(name=name, scored_at=timezone.now())
        if learning_curve is not None:
            RewardModel.objects.filter(pk=model.pk).update(learning_curve=list(learning_curve))
        for batch in _batches(iter(scores)):
            Score.objects.bulk_create(
                _rows(model, batch),
                batch_size=BATCH,
                update_conflicts=True,
                unique_fields=["reward_model", "completion"],
                update_fields=["value"],
            )
        model.refresh_from_db()
    return model


class Fitted(NamedTuple):
    """Held-out accuracy at a number of prompts by the power law of a learning curve, with its 95 % band."""

    n_prompts: int
    accuracy: float
    low: float
    high: float


def learning_fit(points: Sequence[dict[str, Any]], *, ceiling: float, at: Sequence[int]) -> list[Fitted]:
    """Return acc(n) = c - a n^(-b), fitted to a learning curve, at some numbers of prompts; [] below four sizes.

    `points` are as training leaves them: {n_prompts, accuracy, n_held_out}. `ceiling`: no model passes it (0..1).
    """
    measured = [CurvePoint(p["n_prompts"], p["accuracy"], p["n_held_out"]) for p in points]
    if len({point.n_prompts for point in measured}) < budget.MIN_POINTS:
        return []
    law = budget.fit(measured, ceiling=ceiling, seed=CURVE_SEED)
    found = []
    for n in at:
        value, *replicates = law.at(n).tolist()
        low, high = np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
        found.append(Fitted(n, value, low, high))
    return found


def newest(project: Project) -> RewardModel | None:
    """Return the reward model that scored last in a project."""
    return RewardModel.objects.filter(project=project).first()


def scores_of(model: RewardModel) -> dict[int, float]:
    """Return a model's scores by completion."""
    return dict(model.scores.values_list("completion_id", "value").iterator(chunk_size=BATCH))


def _batches(scores: Iterator[Scored]) -> Iterator[list[Scored]]:
    while batch := list(islice(scores, BATCH)):
        yield batch


def _rows(model: RewardModel, batch: Sequence[Scored]) -> list[Score]:
    """Return the scores of a batch as rows: a text that stands in several comparisons of a prompt has it in each."""
    wanted: dict[str, dict[str, float]] = defaultdict(dict)
    for scored in batch:
        if not math.isfinite(scored.score):
            raise ValueError(f"the score of a completion of {scored.prompt_id[:60]} is {scored.score}")
        wanted[scored.prompt_id][scored.completion] = scored.score
    here = Completion.objects.filter(
        comparison__project=model.project_id, comparison__prompt__external_id__in=wanted
    ).values_list("pk", "comparison__prompt__external_id", "text")
    return [
        Score(reward_model=model, completion_id=pk, value=wanted[prompt][text])
        for pk, prompt, text in here
        if text in wanted[prompt]
    ]
