"""What agreement depends on: categories of prompts against the others, versions of the guidelines against the last.

Between versions the same annotators are compared: only those who ranked under both count on either side.
"""

from dataclasses import dataclass

import numpy as np

from annotate.consistency.ballots import Ballots
from annotate.quality.agreement import DECISIVE
from annotate.quality.arrays import Flags
from annotate.quality.intervals import agreement_with
from annotate.quality.what_if import Change, change
from annotate.reports import SEED

NO_CATEGORY = "without a category"


@dataclass(frozen=True)
class Effect:
    """A category or version: `change.after` is its agreement where both chose, `change.before` that of the others."""

    name: str
    against: str
    ranking_count: int
    annotator_count: int
    change: Change


def categories(ballots: Ballots) -> list[Effect]:
    """Return each category of prompts against all others, by name; none where there is one category only."""
    of_vote = np.array([name or NO_CATEGORY for name in ballots.category], dtype=str)[_ranking(ballots)]
    names = np.unique(of_vote).tolist()
    if len(names) < 2:
        return []
    return [_effect(ballots, name, "all others", before=of_vote != name, after=of_vote == name) for name in names]


def guidelines(ballots: Ballots) -> list[Effect]:
    """Return each version of the guidelines against the one before it, over those who ranked under both."""
    version = ballots.guideline[_ranking(ballots)]
    numbers = [number for number in np.unique(version).tolist() if number]
    return [
        _version(ballots, earlier, later, before=version == earlier, after=version == later)
        for earlier, later in zip(numbers, numbers[1:], strict=False)
    ]


def _version(ballots: Ballots, earlier: int, later: int, *, before: Flags, after: Flags) -> Effect:
    annotator = ballots.votes.annotator
    stayed = np.isin(annotator, np.intersect1d(annotator[before], annotator[after]))
    return _effect(ballots, f"version {later}", f"version {earlier}", before=before & stayed, after=after & stayed)


def _effect(ballots: Ballots, name: str, against: str, *, before: Flags, after: Flags) -> Effect:
    votes = ballots.votes
    return Effect(
        name=name,
        against=against,
        ranking_count=len(np.unique(votes.ranking[after])),
        annotator_count=len(np.unique(votes.annotator[after])),
        change=change(votes, before=before, after=after, measure=agreement_with(DECISIVE), seed=SEED),
    )


def _ranking(ballots: Ballots) -> np.ndarray:
    return ballots.votes.ranking_ids[ballots.votes.ranking]
