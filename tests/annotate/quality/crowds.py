"""Small crowds for the quality tests, written by hand or drawn at random."""

from collections.abc import Sequence

import numpy as np

from annotate.quality.ranking import PairVotes, RankingRow, pair_votes, ranked_completions

ANSWERS = {"+": [[0], [1]], "0": [[0, 1]], "-": [[1], [0]]}


def votes_on_pairs(*comparisons: str, order: Sequence[int] = (0, 1)) -> PairVotes:
    """One string a comparison of two completions, one sign an annotator: "+-0." is for i, for j, a tie, no vote.

    Comparison c has the completions 2c (which is i) and 2c + 1; `order` (0, 1) shows i first, () leaves it unknown.
    """
    rows = [
        _row(number, annotator, ANSWERS[sign], order)
        for number, signs in enumerate(comparisons)
        for annotator, sign in enumerate(signs)
        if sign != "."
    ]
    return pair_votes(ranked_completions(rows))


def drawn_votes(
    rng: np.random.Generator, *, slopes: Sequence[float], pulls: Sequence[float], n_pairs: int, overlap: int = 3
) -> tuple[PairVotes, np.ndarray]:
    """A crowd that chooses the first shown with log odds slope * margin + pull; and the true margins.

    Slope 0 is a clicker, a large pull one who follows the position, a negative slope a contrary one.
    """
    n_annotators = len(slopes)
    margins = rng.normal(size=n_pairs)
    who = np.argsort(rng.random((n_pairs, n_annotators)), axis=1)[:, :overlap]
    pair = np.repeat(np.arange(n_pairs), overlap)
    i_first = rng.random(len(pair)) < 0.5
    toward = np.where(i_first, margins[pair], -margins[pair])
    odds = np.asarray(slopes)[who.ravel()] * toward + np.asarray(pulls)[who.ravel()]
    chose_first = rng.logistic(size=len(pair)) < odds
    rows = [
        _row(int(p), int(a), ANSWERS["+" if first == shown else "-"], (0, 1) if shown else (1, 0))
        for p, a, first, shown in zip(pair, who.ravel(), chose_first, i_first, strict=True)
    ]
    return pair_votes(ranked_completions(rows)), margins


def _row(comparison: int, annotator: int, tiers: list[list[int]], order: Sequence[int]) -> RankingRow:
    base = 2 * comparison
    return RankingRow(
        comparison=comparison,
        prompt=comparison,
        annotator=annotator,
        tiers=[[base + completion for completion in tier] for tier in tiers],
        order=[base + completion for completion in order],
    )
