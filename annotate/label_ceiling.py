"""The ceiling of a project's labels, from votes that were read: for the report, and for what a snapshot says of itself.

With adaptive overlap only prompts of fixed overlap tell of it: how many votes those have depends on nothing.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from annotate import policy
from annotate.models import OverlapPolicy, Project, Prompt
from annotate.quality.ceiling import LabelCeiling, label_ceiling
from annotate.quality.estimate import Estimate
from annotate.quality.ranking import PairVotes, votes_of_units

SEED = 20


def ceiling(project: Project, votes: PairVotes) -> dict[str, Any]:
    """Return the ceiling of labels that rest on these votes, as json can hold it: {name: an Estimate's fields}."""
    return plain(label_ceiling(of_fixed_overlap(project, votes), seed=SEED))


def of_fixed_overlap(project: Project, votes: PairVotes) -> PairVotes:
    """The votes on prompts whose number of votes did not depend on what was said."""
    if project.overlap_policy != OverlapPolicy.ADAPTIVE:
        return votes
    hashes = Prompt.objects.filter(project=project).values_list("pk", "text_sha256")
    fixed = [pk for pk, sha256 in hashes if policy.keeps_fixed_overlap(sha256, rate=project.fixed_rate)]
    is_fixed = np.isin(votes.units.prompt_ids, np.array(fixed, dtype=np.int64))
    return votes_of_units(votes, np.flatnonzero(is_fixed[votes.units.prompt]))


def plain(known: LabelCeiling) -> dict[str, Any]:
    """Return a ceiling as json can hold it."""
    return {name: asdict(value) for name, value in known._asdict().items() if isinstance(value, Estimate)}
