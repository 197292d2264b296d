"""A project's current rankings as votes with what can be chosen by: who, when, under which guidelines, on what.

A large project is read in part: prompts at random, by the hash of their text, so that a page answers in a second. The
interval of a figure allows for it, and the page says which share was read.
"""

from dataclasses import dataclass

import numpy as np

from annotate import current, statistics
from annotate.models import Annotator, Origin, Project
from annotate.quality.arrays import Flags, Ints
from annotate.quality.ranking import PairVotes, RankingRow, pair_votes, ranked_completions

MAX_RANKINGS = 12_000
HASH_DIGITS = 8


@dataclass(frozen=True)
class Ballots:
    """Pair votes, and columns by ranking (R,) in the order of `votes.ranking_ids`.

    `annotator` holds ids; `guideline` version numbers, 0 where unknown; `category` is by name; `turn` counts the
    rankings of a comparison from 0 by the time of submission. `share` is the part of the prompts that was read.
    """

    votes: PairVotes
    annotator: Ints
    guideline: Ints
    category: list[str]
    is_simulated: Flags
    turn: Ints
    share: float


def read(project: Project) -> Ballots:
    """Return a project's votes: all of them, or those of a random part of its prompts."""
    rankings = current.rankings_of(project)
    total = statistics.counts(project).ranking_count
    share = min(1.0, MAX_RANKINGS / total) if total else 1.0
    if share < 1:
        rankings = rankings.filter(comparison__prompt__text_sha256__lt=_below(share))
    columns = ["comparison_id", "comparison__prompt_id", "annotator_id", "tiers", "assignment__order"]
    about = ["assignment__guideline__number", "comparison__prompt__category", "annotator__origin"]
    stored = list(rankings.order_by("submitted_at", "pk").values_list(*columns, *about).iterator(chunk_size=2000))
    rows = [RankingRow(*row[: len(columns)]) for row in stored]
    guideline, category, origin = ([row[len(columns) + k] for row in stored] for k in range(len(about)))
    votes = pair_votes(ranked_completions(rows))
    return Ballots(
        votes=votes,
        annotator=np.array([row.annotator for row in rows], dtype=np.int64),
        guideline=np.array([number or 0 for number in guideline], dtype=np.int64),
        category=category,
        is_simulated=np.array([one == Origin.SIMULATED for one in origin], dtype=np.bool_),
        turn=_turns([row.comparison for row in rows]),
        share=share,
    )


def people(pseudonyms: list[str]) -> dict[str, int]:
    """Return the ids of annotators by their pseudonyms; who does not exist is left out."""
    return dict(Annotator.objects.filter(pseudonym__in=pseudonyms).values_list("pseudonym", "pk"))


def _turns(comparisons: list[int]) -> Ints:
    met: dict[int, int] = {}
    turns = []
    for comparison in comparisons:
        turns.append(met.get(comparison, 0))
        met[comparison] = turns[-1] + 1
    return np.array(turns, dtype=np.int64)


def _below(share: float) -> str:
    """The hash under which this share of all hashes lies."""
    return f"{int(share * 16**HASH_DIGITS):0{HASH_DIGITS}x}"
