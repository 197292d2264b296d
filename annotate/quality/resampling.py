"""The bootstrap by cluster: Poisson(1) weights on the sums of each cluster, one matrix product for all replicates."""

from typing import NamedTuple

import numpy as np
from scipy.special import pdtr

from annotate.quality.arrays import Floats, Ints, row_sums

MAX_CLUSTERS = 5_000
REPLICATES = 1_000
QUANTILES = (np.arange(2**16) + 0.5) / 2**16
POISSON: Floats = np.searchsorted(pdtr(np.arange(12), 1.0), QUANTILES).astype(np.float64)
"""Poisson(1) at 65,536 quantiles: looking draws up here is ten times faster than drawing them."""


class Resampling(NamedTuple):
    """The weights of one bootstrap: the same for every measure and slice that lists the same clusters.

    More than 5,000 clusters are first put into 5,000 groups at random, which leaves the variance as it is.
    """

    group: Ints  # (P,)
    weights: Floats  # (replicates, groups)

    def sums(self, clusters: Floats) -> Floats:
        """Weighted sums over clusters (P, ...), one a replicate. (replicates, ...)"""
        cells = clusters.reshape(len(clusters), int(np.prod(clusters.shape[1:])))
        totals: Floats = self.weights @ row_sums(cells, by=self.group, n=self.weights.shape[1])
        return totals.reshape(len(self.weights), *clusters.shape[1:])


def resampling(n_clusters: int, *, seed: int, replicates: int = REPLICATES) -> Resampling:
    """Draw the weights of a bootstrap over clusters 0..n-1."""
    rng = np.random.default_rng(seed)
    n_groups = min(n_clusters, MAX_CLUSTERS)
    group = np.arange(n_clusters) if n_clusters <= MAX_CLUSTERS else rng.permutation(n_clusters) % MAX_CLUSTERS
    return Resampling(group, POISSON[rng.integers(0, len(POISSON), size=(replicates, n_groups), dtype=np.uint16)])


def bootstrap_sums(clusters: Floats, *, seed: int, replicates: int = REPLICATES) -> Floats:
    """Sums over clusters (P, ...) in each replicate. (replicates, ...)"""
    return resampling(len(clusters), seed=seed, replicates=replicates).sums(clusters)
