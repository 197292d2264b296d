"""Confident disagreements between people and a reward model, asked again blindly: the only writer of Reask.

Where the votes are sure of one completion and the model is sure of the other, one of them is wrong. The comparison gets
more places, which go to annotators who have not seen it and look like any other work. What they say types the outcome.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotate import assignments, policy, preferences, reward_models
from annotate.models import (
    Adjudication,
    Assignment,
    Comparison,
    OverlapPolicy,
    Project,
    Ranking,
    Reask,
    RewardModel,
    Use,
)
from annotate.quality.arrays import Floats
from annotate.quality.model_agreement import chances, confident_disagreements
from annotate.quality.ranking import PairUnits

State, Purpose = Assignment.State, Assignment.Purpose
SURE = 0.85
"""Three annotators who agree make the votes so sure; a model, a difference of its scores of 1.7."""


class Outcome(StrEnum):
    """What came of asking again."""

    WAITING = "waits for rankings"
    LABEL_ERROR = "label error"
    MODEL_ERROR = "model error"
    SPLIT = "truly split"
    UNANSWERED = "nobody answered"


@dataclass(frozen=True)
class Asked:
    """A comparison that was asked again: how many of the new annotators went with people or model, or tied."""

    reask: Reask
    for_people: int
    for_model: int
    tie_count: int
    outcome: Outcome


def ask_again(model: RewardModel, *, limit: int, place_count: int, by: User | None) -> int:
    """Open `place_count` more places on the surest disagreements that were not asked again yet; return on how many."""
    opened = 0
    for pair in _disagreements(model):
        if opened == limit:
            break
        opened += _open(model, pair, place_count=place_count, by=by)
    return opened


def asked(project: Project) -> list[Asked]:
    """Return what was asked again and what came of it, newest first, in a fixed number of queries."""
    reasks = list(
        Reask.objects.filter(reward_model__project=project).select_related("comparison__prompt", "reward_model")
    )
    ids = [reask.comparison_id for reask in reasks]
    unfilled = Assignment.objects.filter(comparison__in=ids, state__in=[State.OPEN, State.RESERVED], slot__isnull=False)
    waiting = set(unfilled.values_list("comparison_id", flat=True))
    said = _fresh(ids)
    return [
        _asked(reask, said.get(reask.comparison_id, []), is_waiting=reask.comparison_id in waiting) for reask in reasks
    ]


def counts(found: Iterable[Asked]) -> list[tuple[Outcome, int]]:
    """Return how many came to what, every outcome in turn."""
    counted = Counter(one.outcome for one in found)
    return [(outcome, counted[outcome]) for outcome in Outcome]


def outcome_of(*, for_people: int, for_model: int, tie_count: int, is_waiting: bool) -> Outcome:
    """Type an outcome by the new rankings alone: decided where one side is likely what most people say.

    >>> str(outcome_of(for_people=0, for_model=2, tie_count=0, is_waiting=False))
    'label error'
    """
    if is_waiting:
        return Outcome.WAITING
    if not for_people + for_model + tie_count:
        return Outcome.UNANSWERED
    ahead, behind = max(for_people, for_model), min(for_people, for_model)
    is_tied = 2 * tie_count >= for_people + for_model + tie_count
    if is_tied or policy.probability_of_majority(ahead, behind) < policy.DECIDED_PROBABILITY:
        return Outcome.SPLIT
    return Outcome.LABEL_ERROR if for_model > for_people else Outcome.MODEL_ERROR


@dataclass(frozen=True)
class _Pair:
    """A disagreement: the completion that people chose and the one that the model chose, and how sure they are."""

    comparison: int
    people_chose: int
    model_chose: int
    q: float
    model_q: float


def _disagreements(model: RewardModel) -> list[_Pair]:
    """The confident disagreements of a project, the widest apart first."""
    verdicts = preferences.beliefs(model.project).verdicts
    open_to_it = set(_askable(model.project).values_list("pk", flat=True))
    rows = [
        (comparison, i, j, verdict.q)
        for comparison, pairs in sorted(verdicts.items())
        if comparison in open_to_it
        for (i, j), verdict in sorted(pairs.items())
    ]
    comparison, i, j = (np.array([row[n] for row in rows], dtype=np.int64) for n in range(3))
    people: Floats = np.array([row[3] for row in rows], dtype=np.float64)
    none = np.zeros(0, dtype=np.int64)
    said = chances(PairUnits(none, none, i, j, none, none), reward_models.scores_of(model))
    found = []
    for n in confident_disagreements(said, people, sure=SURE).tolist():
        one, other = (int(i[n]), int(j[n])) if people[n] > 0.5 else (int(j[n]), int(i[n]))
        q, model_q = max(people[n], 1 - people[n]), max(said[n], 1 - said[n])
        found.append(_Pair(int(comparison[n]), one, other, float(q), float(model_q)))
    return found


def _askable(project: Project) -> QuerySet[Comparison]:
    """Comparisons of work that nobody ruled on and that were not asked again.

    With adaptive overlap the prompts of fixed overlap stay as they are: the statistics rest on them.
    """
    ruled = Adjudication.objects.filter(superseded_at__isnull=True).values("comparison")
    found = Comparison.objects.filter(project=project, use=Use.WORK, prompt__withdrawn_at__isnull=True, reask=None)
    found = found.exclude(pk__in=ruled)
    if project.overlap_policy != OverlapPolicy.ADAPTIVE:
        return found
    hashes = project.prompts.values_list("pk", "text_sha256")
    fixed = [pk for pk, sha256 in hashes if policy.keeps_fixed_overlap(sha256, rate=project.fixed_rate)]
    return found.exclude(prompt__in=fixed)


def _open(model: RewardModel, pair: _Pair, *, place_count: int, by: User | None) -> bool:
    """Ask for more rankings of a comparison; False where it was asked again already or can have no more."""
    try:
        with transaction.atomic():
            reask = Reask.objects.create(
                reward_model=model,
                comparison_id=pair.comparison,
                people_chose_id=pair.people_chose,
                model_chose_id=pair.model_chose,
                q=pair.q,
                model_q=pair.model_q,
                place_count=place_count,
                opened_at=timezone.now(),
                opened_by=by,
            )
            made = assignments.open_more(reask.comparison, place_count)
            if not made:
                reask.delete()
            elif made < place_count:
                Reask.objects.filter(pk=reask.pk).update(place_count=made)
            return bool(made)
    except IntegrityError:  # another pair of it is asked about, or somebody else was faster
        return False


def _fresh(comparison_ids: list[int]) -> dict[int, list[Ranking]]:
    """The current rankings of work on comparisons, with when each was first handed in."""
    found: dict[int, list[Ranking]] = {}
    said = Ranking.objects.filter(comparison__in=comparison_ids, superseded_at__isnull=True, unrankable="")
    for ranking in said.filter(assignment__purpose=Purpose.WORK).select_related("assignment"):
        found.setdefault(ranking.comparison_id, []).append(ranking)
    return found


def _asked(reask: Reask, said: list[Ranking], *, is_waiting: bool) -> Asked:
    fresh = [one.tiers for one in said if one.assignment.closed_at and one.assignment.closed_at > reask.opened_at]
    ranks = [{pk: rank for rank, tier in enumerate(tiers) for pk in tier} for tiers in fresh]
    leads = [of[reask.model_chose_id] - of[reask.people_chose_id] for of in ranks]
    tally = {
        "for_people": sum(lead > 0 for lead in leads),
        "for_model": sum(lead < 0 for lead in leads),
        "tie_count": sum(lead == 0 for lead in leads),
    }
    return Asked(reask, **tally, outcome=outcome_of(**tally, is_waiting=is_waiting))
