"""A small n-gram model of the SFT data: text that it finds surprising is a cheap sign of degenerate completions.

Interpolated Kneser-Ney with one discount for each order (Chen and Goodman 1999, section 4.1.6): the highest order
counts occurrences, the lower ones count in how many contexts a token was seen, and the bottom is uniform.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

ORDER = 3
START = -1
"""Stands before the first token; it is never predicted."""


class NgramModel:
    """P(token | the tokens before it), over a vocabulary of token ids 0..vocabulary-1."""

    def __init__(self, texts: Sequence[Sequence[int]], *, vocabulary: int, order: int = ORDER) -> None:
        """Count the n-grams of `texts` (token lists, EOS included). Raises ValueError where there is no token."""
        if not any(len(ids) for ids in texts):
            raise ValueError("An n-gram model needs at least one token to count.")
        self.order, self.uniform = order, 1 / vocabulary
        counts: Counter[tuple[int, ...]] = Counter()
        for ids in texts:
            padded = [START] * (order - 1) + list(ids)
            counts.update(tuple(padded[i : i + order]) for i in range(len(ids)))
        self.orders = [_Order(counts)]  # highest first
        while len(self.orders) < order:
            counts = Counter(gram[1:] for gram in counts)
            self.orders.append(_Order(counts))

    def probability(self, token: int, before: Sequence[int]) -> float:
        """Return P(token | before), which sums to 1 over the vocabulary.

        >>> model = NgramModel([[0, 1], [0, 1]], vocabulary=4, order=2)
        >>> round(sum(model.probability(token, [0]) for token in range(4)), 12)
        1.0
        """
        padded = (*[START] * (self.order - 1), *before)
        found = self.uniform
        for table in reversed(self.orders):
            found = table.interpolated(token, padded[len(padded) - table.context :], found)
        return found

    def perplexity(self, texts: Sequence[Sequence[int]]) -> float:
        """Return exp of the mean surprise of a token of `texts`; NaN where they hold none."""
        total, n = 0.0, 0
        for ids in texts:
            for i, token in enumerate(ids):
                total -= math.log(self.probability(token, ids[max(0, i - self.order + 1) : i]))
            n += len(ids)
        return math.exp(total / n) if n else math.nan


class _Order:
    """The discounted counts of one order."""

    def __init__(self, counts: Counter[tuple[int, ...]]) -> None:
        self.counts = counts
        self.context = len(next(iter(counts))) - 1
        self.total: defaultdict[tuple[int, ...], int] = defaultdict(int)
        self.followers: defaultdict[tuple[int, ...], int] = defaultdict(int)
        for gram, count in counts.items():
            self.total[gram[:-1]] += count
            self.followers[gram[:-1]] += 1
        once, twice = (sum(1 for count in counts.values() if count == k) for k in (1, 2))
        self.discount = once / (once + 2 * twice) if once and twice else 0.5

    def interpolated(self, token: int, before: tuple[int, ...], lower: float) -> float:
        total = self.total.get(before, 0)
        if not total:
            return lower
        kept = max(self.counts.get((*before, token), 0) - self.discount, 0.0)
        return (kept + self.discount * self.followers[before] * lower) / total
