"""What agreement depends on: categories of prompts against the others, versions of the guidelines against the last.

Between versions like is compared with like: only annotators who ranked under both count, and both sides are weighed to
the same mix of categories.
"""

from dataclasses import dataclass

import numpy as np

from annotate.consistency.ballots import Ballots
from annotate.quality.agreement import DECISIVE
from annotate.quality.arrays import Flags, Ints
from annotate.quality.intervals import agreement_with
from annotate.quality.slices import Change, change, of_both
from annotate.reports import SEED

NO_CATEGORY = "without a category"


@dataclass(frozen=True)
class Effect:
    """A category or version: `change.after` is its agreement where both chose, `change.before` that of the others."""

    name: str
    ranking_count: int
    annotator_count: int
    change: Change


def categories(ballots: Ballots) -> list[Effect]:
    """Return each category of prompts against all others, by name; none where there is one category only."""
    of_vote = np.array([name or NO_CATEGORY for name in ballots.category], dtype=str)[_ranking(ballots)]
    names = np.unique(of_vote).tolist()
    if len(names) < 2:
        return []
    return [_effect(ballots, name, of_vote != name, of_vote == name) for name in names]


def guidelines(ballots: Ballots) -> list[Effect]:
    """Return each version of the guidelines against the one before it, over those who ranked under both."""
    version = ballots.guideline[_ranking(ballots)]
    numbers = [number for number in np.unique(version).tolist() if number]
    return [
        _effect(
            ballots,
            f"version {later}",
            *of_both(ballots.votes, before=version == earlier, after=version == later),
            category=_category_of_prompt(ballots),
        )
        for earlier, later in zip(numbers, numbers[1:], strict=False)
    ]


def _effect(ballots: Ballots, name: str, before: Flags, after: Flags, *, category: Ints | None = None) -> Effect:
    votes, measure = ballots.votes, agreement_with(DECISIVE)
    return Effect(
        name=name,
        ranking_count=len(np.unique(votes.ranking[after])),
        annotator_count=len(np.unique(votes.annotator[after])),
        change=change(votes, before=before, after=after, measure=measure, seed=SEED, category=category),
    )


def _category_of_prompt(ballots: Ballots) -> Ints:
    """The code of each prompt's category. (P,)"""
    votes = ballots.votes
    codes = np.unique(np.array(ballots.category, dtype=str), return_inverse=True)[1].reshape(-1)
    category = np.zeros(len(votes.units.prompt_ids), dtype=np.int64)
    category[votes.prompt] = codes[_ranking(ballots)]
    return category


def _ranking(ballots: Ballots) -> Ints:
    return ballots.votes.ranking_ids[ballots.votes.ranking]
