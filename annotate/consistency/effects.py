"""What agreement depends on: categories of prompts against the others, versions of the guidelines against the last.

Between versions like is compared with like: only annotators who ranked under both count, and both sides are weighed to
the same mix of categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotate.quality.agreement import DECISIVE
from annotate.quality.arrays import Flags, Ints
from annotate.quality.estimate import Estimate
from annotate.quality.intervals import agreement_with
from annotate.quality.ranking import PairVotes
from annotate.quality.slices import Change, change, of_both, shrunk
from annotate.reports import SEED

NO_CATEGORY = "without a category"


@dataclass(frozen=True)
class Effect:
    """A category or version: `change.after` is its agreement where both chose, `change.before` that of the others.

    `shrunk`: the agreement of a category drawn to the project's, the more the less it rests on; None of a version.
    """

    name: str
    ranking_count: int
    annotator_count: int
    change: Change
    shrunk: Estimate | None = None


def categories(votes: PairVotes, category: Sequence[str], *, project: Estimate) -> list[Effect]:
    """Return each category against all others, by name; none where there is one only.

    `category` is by prompt (P,), `project` the agreement of all.
    """
    names, codes = np.unique(np.array([name or NO_CATEGORY for name in category], dtype=str), return_inverse=True)
    of_vote = codes.reshape(-1)[votes.prompt]
    if len(names) < 2:
        return []
    found = [_effect(votes, name, of_vote != code, of_vote == code) for code, name in enumerate(names.tolist())]
    drawn = shrunk([one.change.after for one in found], project=project)
    return [replace(one, shrunk=estimate) for one, estimate in zip(found, drawn, strict=True)]


def guidelines(votes: PairVotes, guideline: Ints, category: Sequence[str]) -> list[Effect]:
    """Return each version against the one before it; `guideline` is by ranking, 0 where unknown. (R,)"""
    version = guideline[votes.ranking]
    numbers = [number for number in np.unique(version).tolist() if number]
    mix = np.unique(np.array(category, dtype=str), return_inverse=True)[1].reshape(-1).astype(np.int64)
    return [
        _effect(
            votes,
            f"version {later}",
            *of_both(votes, before=version == earlier, after=version == later),
            category=mix,
        )
        for earlier, later in zip(numbers, numbers[1:], strict=False)
    ]


def _effect(votes: PairVotes, name: str, before: Flags, after: Flags, *, category: Ints | None = None) -> Effect:
    return Effect(
        name=name,
        ranking_count=len(np.unique(votes.ranking[after])),
        annotator_count=len(np.unique(votes.annotator[after])),
        change=change(
            votes, before=before, after=after, measure=agreement_with(DECISIVE), seed=SEED, category=category
        ),
    )
