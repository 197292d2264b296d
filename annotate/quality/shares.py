"""Shares per annotator when their votes come in clusters: the votes on one prompt are not independent."""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Floats, Ints, coded, sums, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import wilson


class Shares(NamedTuple):
    """For each group the mean credit, its votes and clusters, and how many independent votes those are worth.

    `share` is NaN for a group without votes. All (G,).
    """

    share: Floats
    votes: Ints
    clusters: Ints
    effective: Floats


def clustered_shares(credit: Floats, *, group: Ints, cluster: Ints, n_groups: int) -> Shares:
    """Mean credit (0..1) of each group with its effective number of votes.

    The effective number is share (1 - share) / variance, with the variance of a ratio estimated between clusters, held
    between the number of clusters and the number of votes.
    """
    n_clusters = int(cluster.max(initial=0)) + 1
    cells = coded(group * n_clusters + cluster)
    cell_group = cells.ids // n_clusters
    cell_votes = tally(cells.codes, n=len(cells.ids))
    cell_credit = sums(credit, by=cells.codes, n=len(cells.ids))
    votes, clusters = tally(group, n=n_groups), tally(cell_group, n=n_groups)
    share = _divide(sums(credit, by=group, n=n_groups), votes)
    spread = sums((cell_credit - share[cell_group] * cell_votes) ** 2, by=cell_group, n=n_groups)
    variance = _divide(spread * clusters, (clusters - 1) * votes * votes)
    effective = _divide(share * (1 - share), variance)
    bounded = np.where(np.isnan(effective), clusters, np.clip(effective, clusters, votes))
    return Shares(share, votes=votes, clusters=clusters, effective=bounded)


def share_estimate(shares: Shares, group: int, *, min_votes: int, min_clusters: int, of: str) -> Estimate:
    """The share of one group with Wilson's interval on its effective votes; n counts votes.

    Below `min_votes` votes or `min_clusters` clusters (prompts) it is «not enough data».
    """
    votes, clusters = int(shares.votes[group]), int(shares.clusters[group])
    if votes < min_votes or clusters < min_clusters:
        had = f"{votes} {of} on {clusters} prompts"
        return undefined(f"Not enough data: {had}, shown from {min_votes} on {min_clusters}.", n=votes)
    share, effective = float(shares.share[group]), float(shares.effective[group])
    low, high = wilson(share * effective, effective)
    return Estimate(share, n=votes, low=low, high=high)


def _divide(numerator: Floats, denominator: Floats | Ints) -> Floats:
    """NaN where the denominator is not above zero."""
    quotient: Floats = np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)
    return quotient
