"""What is known about the rankings beside the votes: time, length, guideline, gold, repeats. Input of the detectors."""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Floats, Ints
from annotate.quality.ranking import PairVotes


class Completions(NamedTuple):
    """Columns by completion: sorted ids (N,), a code of its prompt and text together (N,), words (N,), and counts of
    Markdown headers, list lines, bold (N, 3)."""

    ids: Ints
    text: Ints
    words: Floats
    marks: Floats


class GoldAnswers(NamedTuple):
    """One row for each current answer on a gold comparison; retired gold is left out. (G,) each.

    `right` is the share of the known pairs in order, 0..1; `at` seconds since 1970, NaN where unknown.
    """

    annotator: Ints
    comparison: Ints
    ranking: Ints
    right: Floats
    at: Floats


class Repeats(NamedTuple):
    """One row for each pair of completions of each blind repeat: what was said the first time and again. (T,) each.

    Relations as in PairVotes. `first_shown`: 1 i was shown before j the first time, 0 after, -1 unknown; `again_shown`
    the same at the repeat. `ranking` is the id of the repeat's ranking, `first_ranking` of the one it repeats.
    """

    annotator: Ints
    first_ranking: Ints
    ranking: Ints
    first: Ints
    again: Ints
    first_shown: Ints
    again_shown: Ints


class Work(NamedTuple):
    """All that the detectors read. Columns (R,) stand in the order of `votes.ranking_ids`, NaN where unknown.

    `seconds`: active where measured, else from showing to submitting; `at`: seconds since 1970; `words`: to read on the
    page, prompt and completions; `guideline`: version number, 0 where unknown.
    """

    votes: PairVotes
    seconds: Floats
    at: Floats
    words: Floats
    guideline: Ints
    completions: Completions
    gold: GoldAnswers
    repeats: Repeats


def bare(votes: PairVotes) -> Work:
    """Votes about which nothing else is known."""
    n = len(votes.ranking_ids)
    unknown, none, real = np.full(n, np.nan), np.empty(0, dtype=np.int64), np.empty(0)
    return Work(
        votes=votes,
        seconds=unknown,
        at=unknown,
        words=unknown,
        guideline=np.zeros(n, dtype=np.int64),
        completions=Completions(none, none, real, np.empty((0, 3))),
        gold=GoldAnswers(none, none, none, real, real),
        repeats=Repeats(none, none, none, none, none, none, none),
    )
