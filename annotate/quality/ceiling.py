"""The accuracy that a perfect reward model could reach on labels that people disagree about.

With P the chance that a random member of the crowd prefers i, and D = |2P - 1|: two people agree with probability
A = (1 + E D²)/2, and nobody can foresee a fresh vote better than C1 = (1 + E D)/2. So A <= C1 <= (1 + sqrt(2A - 1))/2.
A reward model above C1 by two standard errors has seen the test labels. The point estimates take P ~ Beta(b, b), b by
maximum likelihood of the beta-binomial. Ties are left out; give only votes whose number did not depend on the answers.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import betaln
from scipy.stats import beta, binom

from annotate.quality.agreement import DECISIVE
from annotate.quality.arrays import Floats, coded, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import LEVEL, agreement_with, bootstrap_sums, both_intervals
from annotate.quality.ranking import PairVotes, pair_counts
from annotate.quality.reliability import others_consensus
from annotate.quality.shares import clustered_shares, share_estimate

LOG_B: Floats = np.linspace(np.log(1e-4), np.log(1e3), 401)
QUANTILES: Floats = (np.arange(200) + 0.5) / 200


class LabelCeiling(NamedTuple):
    """Shares of right predictions. n counts prompts (of `human` votes); intervals are for new prompts, same annotators.

    `lower`, `upper`: bounds that need no model; `single_vote`: of a perfect model against one fresh vote;
    `majority_of_three`: against the majority of three; `human`: of the annotators against the majority of the others.
    """

    lower: Estimate
    upper: Estimate
    single_vote: Estimate
    majority_of_three: Estimate
    human: Estimate


def label_ceiling(votes: PairVotes, *, seed: int) -> LabelCeiling:
    """Bounds and estimates of the best possible accuracy on these labels; from 30 prompts with a second opinion."""
    agreement = both_intervals(votes, measure=agreement_with(DECISIVE), seed=seed).same_annotators
    human = _human(votes)
    if agreement.value is None or agreement.low is None or agreement.high is None:
        return LabelCeiling(agreement, agreement, agreement, agreement, human)
    a, low, high = agreement.value, agreement.low, agreement.high
    return LabelCeiling(
        lower=Estimate(max(a, 0.5), n=agreement.n, low=max(low, 0.5), high=max(high, 0.5)),
        upper=Estimate(_upper(a), n=agreement.n, low=_upper(low), high=_upper(high)),
        single_vote=_from_shape(votes, _best_on_one_vote(np.exp(LOG_B)), n=agreement.n, seed=seed),
        majority_of_three=_from_shape(votes, _best_on_majority(np.exp(LOG_B), voters=3), n=agreement.n, seed=seed),
        human=human,
    )


def _upper(agreement: float) -> float:
    """Jensen: E D <= sqrt(E D²).

    >>> _upper(0.726)
    0.8361547262794322
    """
    return float(1 + np.sqrt(max(2 * agreement - 1, 0.0))) / 2


def _from_shape(votes: PairVotes, curve: Floats, *, n: int, seed: int) -> Estimate:
    """A curve over b (at LOG_B) read at the likeliest b, with the interval of the bootstrap by prompt."""
    cells, likelihood = _cells_by_prompt(votes)
    value = float(np.interp(_likeliest(cells.sum(axis=0) @ likelihood), LOG_B, curve))
    replicates = np.interp(_likeliest(bootstrap_sums(cells, seed=seed) @ likelihood), LOG_B, curve)
    low, high = np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, n=n, low=float(low), high=float(high))


def _cells_by_prompt(votes: PairVotes) -> tuple[Floats, Floats]:
    """How often each prompt has k of n decisive votes for the side with more (P, cells), and their log-likelihood at
    each b (cells, B). Which of a pair is called i is arbitrary, so k and n - k are one cell."""
    counts = pair_counts(votes)
    n = counts.n_plus + counts.n_minus
    judged = n >= 2
    n, most = n[judged], np.maximum(counts.n_plus, counts.n_minus)[judged]
    kinds = coded(n * (n.max(initial=0) + 1) + most)
    example = np.unique(kinds.codes, return_index=True)[1]
    k, of, b = most[example, np.newaxis], n[example, np.newaxis], np.exp(LOG_B)
    n_prompts = len(counts.units.prompt_ids)
    where = counts.units.prompt[judged] * len(example) + kinds.codes
    cells = tally(where, n=n_prompts * len(example)).reshape(n_prompts, -1).astype(np.float64)
    return cells, betaln(k + b, of - k + b) - betaln(b, b)


def _likeliest(likelihood: Floats) -> Floats:
    """log b at the maximum of each row (..., B), by a parabola through the best point and its neighbours. (...)"""
    best = likelihood.argmax(axis=-1).clip(1, len(LOG_B) - 2)
    before, at, after = (
        np.take_along_axis(likelihood, np.asarray(best + shift)[..., np.newaxis], axis=-1)[..., 0]
        for shift in (-1, 0, 1)
    )
    curvature = 2 * at - before - after
    shift = np.divide(after - before, 2 * curvature, out=np.zeros_like(at), where=curvature > 0).clip(-1, 1)
    log_b: Floats = LOG_B[best] + shift * (LOG_B[1] - LOG_B[0])
    return log_b


def _best_on_one_vote(b: Floats) -> Floats:
    """C1 = E max(P, 1 - P) = 1/2 + 1 / (4^b b B(b, b))."""
    accuracy: Floats = 0.5 + np.exp(-b * np.log(4) - np.log(b) - betaln(b, b))
    return accuracy


def _best_on_majority(b: Floats, *, voters: int) -> Floats:
    """E max(M, 1 - M), M the chance that most of an odd number of voters prefer i."""
    p = beta.ppf(QUANTILES, b[:, np.newaxis], b[:, np.newaxis])
    majority = binom.sf(voters // 2, voters, p)
    accuracy: Floats = np.maximum(majority, 1 - majority).mean(axis=1)
    return accuracy


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
