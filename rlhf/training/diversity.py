"""How varied completions are: RL eats diversity, and these figures show how much. Token lists in, numbers out.

All are measured on completions drawn in the same number for the same prompts: each depends on how many there are, so
compare a policy with its SFT model on equal draws only.
"""

import math
from collections import Counter
from collections.abc import Sequence

BLEU_ORDER = 4
SMOOTHING = 0.1
"""Stands for a count of 0 where no n-gram of an order matches (Chen and Cherry 2014, method 1)."""
REPEATED_ORDER = 4

Tokens = Sequence[int]


def distinct(texts: Sequence[Tokens], n: int) -> float:
    """Return the share of distinct n-grams among all n-grams of token lists, 0..1 (Li et al. 2016); 0 where none.

    >>> distinct([[1, 2, 1, 2]], 2)
    0.6666666666666666
    """
    grams = [gram for ids in texts for gram in _grams(ids, n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def repetition(texts: Sequence[Tokens], n: int = REPEATED_ORDER) -> float:
    """Return the mean share of n-grams within a completion that it said before, 0..1 (Welleck et al. 2020, seq-rep-n).

    Completions shorter than n tokens repeat nothing.

    >>> repetition([[7, 7, 7, 7, 7], [1, 2, 3, 4, 5]])
    0.25
    """
    shares = [1 - distinct([ids], n) if len(ids) >= n else 0.0 for ids in texts]
    return sum(shares) / len(shares) if shares else 0.0


def self_bleu(texts: Sequence[Tokens], order: int = BLEU_ORDER) -> float:
    """Return the mean BLEU of each completion with all others as its references, 0..1 (Zhu et al. 2018).

    1 means that every completion can be put together from the others. Orders up to `order` that a completion is long
    enough for, the brevity penalty from the nearest length. 0 for fewer than two completions.

    >>> self_bleu([[1, 2, 3, 4], [1, 2, 3, 4]])
    1.0
    """
    written = [ids for ids in texts if len(ids)]
    if len(written) < 2:
        return 0.0
    most = [_TwoLargest(written, n) for n in range(1, order + 1)]
    lengths = Counter(map(len, written))
    return sum(_bleu(i, ids, most, lengths) for i, ids in enumerate(written)) / len(written)


class _TwoLargest:
    """For each n-gram the largest count in any text and the largest in any other: references without one's own."""

    def __init__(self, texts: Sequence[Tokens], n: int) -> None:
        self.n = n
        self.best: dict[Tokens, tuple[int, int, int]] = {}  # n-gram → (count, whose, next count)
        for owner, ids in enumerate(texts):
            for gram, count in Counter(_grams(ids, n)).items():
                first, whose, second = self.best.get(gram, (0, -1, 0))
                self.best[gram] = (count, owner, first) if count > first else (first, whose, max(second, count))

    def beside(self, owner: int, gram: Tokens) -> int:
        """The largest count of an n-gram in a text that is not `owner`'s."""
        first, whose, second = self.best[gram]
        return second if whose == owner else first


def _bleu(owner: int, ids: Tokens, most: list[_TwoLargest], lengths: Counter[int]) -> float:
    logs = []
    for table in most[: len(ids)]:
        counts = Counter(_grams(ids, table.n))
        matched = sum(min(count, table.beside(owner, gram)) for gram, count in counts.items())
        logs.append(math.log((matched or SMOOTHING) / counts.total()))
    nearest = min(_others(lengths, len(ids)), key=lambda length: (abs(length - len(ids)), length))
    brevity = min(0.0, 1 - nearest / len(ids))
    return math.exp(sum(logs) / len(logs) + brevity)


def _others(lengths: Counter[int], own: int) -> list[int]:
    return [length for length, count in lengths.items() if length != own or count > 1]


def _grams(ids: Tokens, n: int) -> list[tuple[int, ...]]:
    return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
