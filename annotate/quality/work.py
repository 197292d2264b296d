"""What is known about the rankings beside the votes: time, length, guideline, gold, repeats. Input of the detectors."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats, Ints
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


class Grades(NamedTuple):
    """One row for each grade that a counted ranking gave a completion on one scale, by id. (N,) each."""

    completion: Ints
    annotator: Ints
    prompt: Ints
    ranking: Ints
    value: Floats


class Flagged(NamedTuple):
    """One row for each completion of each counted ranking, by id (N,), and which of them each flag was raised on (N,).

    Without any flag in the project there are no rows.
    """

    completion: Ints
    annotator: Ints
    prompt: Ints
    raised: Mapping[str, Flags]


NO_IDS = np.empty(0, dtype=np.int64)
NO_FLAGS = Flagged(NO_IDS, NO_IDS, NO_IDS, MappingProxyType({}))


class Work(NamedTuple):
    """All that the detectors read. Columns (R,) stand in the order of `votes.ranking_ids`, NaN where unknown.

    `seconds`: active where measured, else from showing to submitting; `at`: seconds since 1970; `words`: to read on the
    page, prompt and completions; `guideline`: version number, 0 where unknown; `reason`: a code of the words given as
    the reason, equal for equal ones, -1 for none or few words. `scales`: the grades by the name of their question.
    """

    votes: PairVotes
    seconds: Floats
    at: Floats
    words: Floats
    guideline: Ints
    completions: Completions
    gold: GoldAnswers
    repeats: Repeats
    reason: Ints = NO_IDS
    scales: Mapping[str, Grades] = MappingProxyType({})
    flags: Flagged = NO_FLAGS


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
        reason=np.full(n, -1),
    )
