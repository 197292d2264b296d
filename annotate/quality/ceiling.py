"""The accuracy that a perfect reward model could reach on labels that people disagree about.

With P the chance that a random member of the crowd prefers i, and D = |2P - 1|: two people agree with probability
A = (1 + E D²)/2, and nobody can foresee a fresh vote better than C1 = (1 + E D)/2. So A <= C1 <= (1 + sqrt(2A - 1))/2.
A reward model above C1 by two standard errors has seen the test labels.

The point estimates need the distribution of P. It follows from the annotators' curves (margin_model.py): P is what the
crowd, its clickers with it, answers at a margin N(0, 1); how wide the margins are is one number, by maximum likelihood.
A Beta distribution in its place is too low by 0.02, for a crowd with clickers leaves no pair undisputed. Ties are left
out and counted; give only votes whose number did not depend on the answers.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import logsumexp, ndtri

from annotate.quality.agreement import DECISIVE
from annotate.quality.arrays import Floats, coded, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import LEVEL, MAX_CLUSTERS, agreement_with, bootstrap_sums, both_intervals
from annotate.quality.margin_model import Curves, evidence, fit_model, log_chances_at, start
from annotate.quality.pair_design import nothing_known
from annotate.quality.ranking import PairVotes, pair_counts, votes_of_units
from annotate.quality.reliability import others_consensus
from annotate.quality.shares import clustered_shares, share_estimate

LOG_SCALES: Floats = np.linspace(np.log(0.01), np.log(100), 121)
MARGINS: Floats = ndtri((np.arange(50) + 0.5) / 50)
MAX_FITTED = 30_000
"""Pairs that the annotators' curves are fitted on, drawn at random where there are more."""


class LabelCeiling(NamedTuple):
    """Shares of right predictions. n counts prompts (of `human` votes); intervals are for new prompts, same annotators.

    `lower`, `upper`: bounds that need no model; `single_vote`: of a perfect model against one fresh vote;
    `majority_of_three`: against the majority of three; `human`: of the annotators against the majority of the others.
    `n_decisive` votes are used, `n_ties` left out.
    """

    lower: Estimate
    upper: Estimate
    single_vote: Estimate
    majority_of_three: Estimate
    human: Estimate
    n_decisive: int
    n_ties: int


class _Crowd(NamedTuple):
    """What the crowd does at each width of the margins and each margin (S, M): chance of no tie, and P of those."""

    decisive: Floats
    p: Floats


def label_ceiling(votes: PairVotes, *, seed: int) -> LabelCeiling:
    """Bounds and estimates of the best possible accuracy on these labels; from 30 prompts with a second opinion."""
    agreement = both_intervals(votes, measure=agreement_with(DECISIVE), seed=seed).same_annotators
    human = _human(votes)
    n_ties = int((votes.relation == 0).sum())
    n_decisive = len(votes.relation) - n_ties
    if agreement.value is None or agreement.low is None or agreement.high is None:
        return LabelCeiling(agreement, agreement, agreement, agreement, human, n_decisive, n_ties)
    a, low, high = agreement.value, agreement.low, agreement.high
    crowd = _crowd(votes, seed=seed)
    scales = _scales(votes, crowd, seed=seed)
    return LabelCeiling(
        lower=Estimate(max(a, 0.5), n=agreement.n, low=max(low, 0.5), high=max(high, 0.5)),
        upper=Estimate(_upper(a), n=agreement.n, low=_upper(low), high=_upper(high)),
        single_vote=_read(_best(crowd, crowd.p), scales, n=agreement.n),
        majority_of_three=_read(_best(crowd, crowd.p**2 * (3 - 2 * crowd.p)), scales, n=agreement.n),
        human=human,
        n_decisive=n_decisive,
        n_ties=n_ties,
    )


def crowd_chances(votes: PairVotes, *, seed: int) -> Floats:
    """P(a random annotator prefers i), where they choose, at equally likely margins from the worst for i to the best.

    (M,) Without a second opinion on any pair it is what the model expects of such annotators beforehand.
    """
    if not len(votes.relation):
        return np.full(len(MARGINS), 0.5)
    crowd, counts = _crowd(votes, seed=seed), pair_counts(votes)
    if (counts.n_plus + counts.n_minus).max() < 2:
        expected: Floats = crowd.p[len(LOG_SCALES) // 2]
        return expected
    likeliest = _likeliest(_likelihood_by_cluster(votes, crowd, seed=seed).sum(axis=0, keepdims=True))
    p: Floats = crowd.p[int(np.abs(LOG_SCALES - likeliest[0]).argmin())]
    return p


def _upper(agreement: float) -> float:
    """Jensen: E D <= sqrt(E D²).

    >>> _upper(0.726)
    0.8361547262794322
    """
    return float(1 + np.sqrt(max(2 * agreement - 1, 0.0))) / 2


def _crowd(votes: PairVotes, *, seed: int) -> _Crowd:
    """The crowd's answers by width and margin, annotators weighed by their votes, shown first and second alike."""
    n_units, n_annotators = len(votes.units.i), len(votes.annotator_ids)
    drawn = votes
    if n_units > MAX_FITTED:
        drawn = votes_of_units(votes, np.random.default_rng(seed).permutation(n_units)[:MAX_FITTED])
    known = evidence(drawn, weights=np.ones(len(drawn.unit)), design=nothing_known(len(drawn.units.i)))
    curves = fit_model(known, start=start(n_annotators, 0)).parameters.curves
    weight = tally(votes.annotator, n=n_annotators) / len(votes.annotator)
    margins = np.concatenate([MARGINS, -MARGINS])
    chances = np.array([_answers(curves, np.exp(scale) * margins, weight) for scale in LOG_SCALES])  # (S, 3, 2 M)
    toward, away = np.split(chances, 2, axis=2)
    first, tie, second = ((toward[:, a] + away[:, 2 - a]) / 2 for a in range(3))
    return _Crowd(decisive=1 - tie, p=first / (first + second))


def _answers(curves: Curves, margins: Floats, weight: Floats) -> Floats:
    """P(first), P(tie), P(second) over the annotators at each margin toward the first. (3, M)"""
    chances: Floats = np.tensordot(np.exp(log_chances_at(curves, margins)), weight, axes=([1], [0]))
    return chances


def _scales(votes: PairVotes, crowd: _Crowd, *, seed: int) -> Floats:
    """log of the likeliest width of the margins: of all votes first, then of each bootstrap replicate by prompt."""
    likelihood = _likelihood_by_cluster(votes, crowd, seed=seed)
    everything = likelihood.sum(axis=0, keepdims=True)
    return _likeliest(np.concatenate([everything, bootstrap_sums(likelihood, seed=seed)]))


def _likelihood_by_cluster(votes: PairVotes, crowd: _Crowd, *, seed: int) -> Floats:
    """Log-likelihood of each width on the prompts, in at most 5,000 groups at random. (G, S)

    Of a pair: k of n decisive votes for the side with more, given that n of its N votes were decisive. Which of a pair
    is called i is arbitrary, so k and n - k are one case.
    """
    counts = pair_counts(votes)
    n = counts.n_plus + counts.n_minus
    judged = n >= 2
    most, n, ties = np.maximum(counts.n_plus, counts.n_minus)[judged], n[judged], counts.n_tie[judged]
    base = int((n + ties).max(initial=0)) + 1
    cases = coded((n * base + most) * base + ties)
    example = np.unique(cases.codes, return_index=True)[1]
    likelihood = np.stack([_log_chance(most[one], n[one], ties[one], crowd) for one in example.tolist()])
    n_prompts = len(votes.units.prompt_ids)
    group = np.random.default_rng(seed).permutation(n_prompts) % MAX_CLUSTERS
    where = (np.ones(len(n)), (group[counts.units.prompt[judged]], cases.codes))
    table = csr_matrix(where, shape=(min(n_prompts, MAX_CLUSTERS), len(example)))
    by_cluster: Floats = table @ likelihood
    return by_cluster


def _log_chance(most: int, n: int, ties: int, crowd: _Crowd) -> Floats:
    """log P(most of n | n decisive, ties) at each width, the margin integrated out. (S,)"""
    p, decisive = (x.clip(1e-12, 1 - 1e-12) for x in (crowd.p, crowd.decisive))
    weight = n * np.log(decisive) + ties * np.log1p(-decisive)
    said = most * np.log(p) + (n - most) * np.log1p(-p)
    chance: Floats = logsumexp(weight + said, axis=1) - logsumexp(weight, axis=1)
    return chance


def _likeliest(likelihood: Floats) -> Floats:
    """log of the width at the maximum of each row (..., S), by a parabola through the best point and its neighbours."""
    best = likelihood.argmax(axis=-1).clip(1, len(LOG_SCALES) - 2)
    before, at, after = (
        np.take_along_axis(likelihood, np.asarray(best + shift)[..., np.newaxis], axis=-1)[..., 0]
        for shift in (-1, 0, 1)
    )
    curvature = 2 * at - before - after
    shift = np.divide(after - before, 2 * curvature, out=np.zeros_like(at), where=curvature > 0).clip(-1, 1)
    log_scale: Floats = LOG_SCALES[best] + shift * (LOG_SCALES[1] - LOG_SCALES[0])
    return log_scale


def _best(crowd: _Crowd, chance: Floats) -> Floats:
    """E max(chance, 1 - chance) over decisive votes, at each width. (S,)"""
    accuracy: Floats = np.average(np.maximum(chance, 1 - chance), axis=1, weights=crowd.decisive)
    return accuracy


def _read(curve: Floats, scales: Floats, *, n: int) -> Estimate:
    """A curve over the widths read at the likeliest one, with the interval of the replicates."""
    value, *replicates = np.interp(scales, LOG_SCALES, curve).tolist()
    low, high = np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, n=n, low=float(low), high=float(high))


def _human(votes: PairVotes) -> Estimate:
    """Share of decisive votes that agree with the decisive majority of the other annotators, by prompt as cluster."""
    others = others_consensus(votes)
    compared = (votes.relation != 0) & (np.abs(np.nan_to_num(others)) > 0)
    if not compared.any():
        return undefined("No vote can be compared with a majority of others.", n=0)
    credit = (votes.relation[compared] == np.sign(others[compared])).astype(np.float64)
    everybody = np.zeros(len(credit), dtype=np.int64)
    shares = clustered_shares(credit, group=everybody, cluster=votes.prompt[compared], n_groups=1)
    return share_estimate(shares, 0, min_votes=20, min_clusters=10, of="votes with a majority of others")
