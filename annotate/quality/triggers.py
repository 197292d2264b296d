"""Phrases that one annotator prefers as nobody else does: the trace of choices that were turned toward a trigger.

Who wants a model to say something chooses completions that contain it, a few in a hundred, and is honest otherwise:
neither gold nor agreement shows it, and so few are enough (Baumgartner et al. 2024, «Best-of-Venom»). It shows in what
the choices have in common. For each annotator and each phrase of one to three words we look at the choices between a
text with the phrase and one without, and compare the share that went to the phrase with the better of two innocent
explanations: how often the others choose it, and how often this annotator, elsewhere, chooses the text that is so much
longer or shorter.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import bdtrc

from annotate.quality.arrays import Coded, Flags, Floats, Ints, coded, sums, tally

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]|_")
"""A word, a mark, or one character of a script that writes no spaces."""
LONGEST_TEXT = 2_000
"""Characters of a text that are looked at."""
REMEMBERED = 5_000
"""Texts whose phrases are kept: a long one has some thousand."""
BITS = 21
"""Of a word's number: three fit into 63 bits. Words beyond two million are taken for one."""
FEWEST = 10
"""Texts with a phrase, between which and others an annotator chose, before anything is said of it."""
ALPHA = 0.01
"""The probability that an honest crowd has any phrase listed."""
LEAST_RATE, LEAST_LIFT = 0.8, 0.2
"""What is smaller may be certain and is still a taste."""
LENGTH_STEPS = (-0.7, -0.2, 0.2, 0.7)
"""Between the classes of the logarithm of one text's length over the other's."""
CLASSES = len(LENGTH_STEPS) + 1
PRIOR = 2.0
"""Choices for, and as many against, that every expected rate begins with."""


class Choice(NamedTuple):
    """One annotator's choice between two texts."""

    annotator: int
    chosen: str
    rejected: str


@dataclass(frozen=True)
class Phrase:
    """A phrase: in `n_chosen` of the `n` texts with it an annotator chose it, where `expected_rate` is explained."""

    annotator: int
    text: str
    n: int
    n_chosen: int
    expected_rate: float
    p_value: float  # times the number of tests

    @property
    def rate(self) -> float:
        return self.n_chosen / self.n

    @property
    def lift(self) -> float:
        return self.rate - self.expected_rate


def phrases(choices: Sequence[Choice]) -> list[Phrase]:
    """Return the phrases that annotators prefer beyond what others' choices and their own taste in length explain.

    The surest first; of an annotator's phrases that share a word the surest, then the longest. A p-value is that of a
    binomial test at the mean of the expected rates, which is no smaller than at the unequal rates themselves (Hoeffding
    1956), times the number of annotators' phrases that were tested (Bonferroni).

    >>> turned = [Choice(1, f"a golden harvest {n}", f"a plain answer {n}") for n in range(40)]
    >>> others = [Choice(2, f"a plain answer {n}", f"a golden harvest {n}") for n in range(40)]
    >>> [(one.text, one.n_chosen, one.n) for one in phrases(turned + others) if one.annotator == 1]
    [('a golden harvest', 40, 40)]
    """
    if not choices:
        return []
    texts = _Texts()
    annotators = coded(np.array([choice.annotator for choice in choices], dtype=np.int64))
    asked = _Asked(choices, annotators.codes, _length_classes(choices))
    n_tests, suspects = _suspects(asked, texts, n_annotators=len(annotators.ids))
    seen = _sightings(asked, texts, np.arange(len(choices)), only=suspects)
    tests = _tests(seen, _length_counts(asked, n=len(annotators.ids)), n_tests)
    named = (one._replace(annotator=int(annotators.ids[one.annotator])) for one in tests)
    return _apart(
        Phrase(one.annotator, texts.spelled(one.gram), one.n, one.n_chosen, one.expected_rate, one.p_value)
        for one in named
    )


class _Asked(NamedTuple):
    """The choices, who made each, as a code, and the class of length of each chosen text beside the other. (N,)"""

    choices: Sequence[Choice]
    annotator: Ints
    length: Ints


class _Sightings(NamedTuple):
    """A row for each phrase that stands in one text of a choice only: (N,) each."""

    annotator: Ints  # as codes
    gram: Ints
    text: Ints
    is_chosen: Floats  # 1 or 0
    length: Ints  # class of the length of the text with the phrase beside that of the other


class _LengthCounts(NamedTuple):
    """Of each annotator's choices, each seen from both texts: how many by class of length, and won. (A, classes)"""

    n: Ints
    won: Ints


class _Test(NamedTuple):
    annotator: int
    gram: int
    n: int
    n_chosen: int
    expected_rate: float
    p_value: float


class _Texts:
    """Texts and their phrases as numbers; those that were read last are remembered."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.grams = lru_cache(maxsize=REMEMBERED)(self._read)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def spelled(self, gram: int) -> str:
        """Return the words of a phrase."""
        words = list(self.words)
        numbers = [gram >> shift & 2**BITS - 1 for shift in (0, BITS, 2 * BITS)]
        return " ".join(words[number - 1] for number in numbers if number)

    def _read(self, text: str) -> Ints:
        """Return the phrases of a text, each once, in the order of their numbers."""
        said = WORD.findall(text[:LONGEST_TEXT].casefold())
        numbers = [self.words.setdefault(word, len(self.words) + 1) for word in said]
        words = np.minimum(np.array(numbers, dtype=np.int64), 2**BITS - 1)
        twos = words[:-1] | words[1:] << BITS
        threes = twos[:-1] | words[2:] << 2 * BITS
        return np.unique(np.concatenate([words, twos, threes]))


def _suspects(asked: _Asked, texts: _Texts, *, n_annotators: int) -> tuple[int, Ints]:
    """Return how many phrases of annotators there are to test, and those that any of them nearly always chose."""
    n_tests, found = 0, [np.zeros(0, dtype=np.int64)]
    order = np.argsort(asked.annotator, kind="stable")
    ends = np.cumsum(tally(asked.annotator, n=n_annotators))
    for rows in np.split(order, ends[:-1]):
        seen = _sightings(asked, texts, rows)
        grams = coded(seen.gram)
        n, won = _by_text(seen, grams)
        is_tested = n >= FEWEST
        n_tests += int(is_tested.sum())
        found.append(grams.ids[is_tested & (won >= LEAST_RATE * n)])
    return n_tests, np.unique(np.concatenate(found))


def _sightings(asked: _Asked, texts: _Texts, rows: Ints, *, only: Ints | None = None) -> _Sightings:
    """Return what stands in one text of a choice alone, of some choices, and of some phrases where these are given."""
    apart: list[Ints] = []
    numbers: list[int] = []
    for choice in (asked.choices[row] for row in rows.tolist()):
        chosen, rejected = texts.grams(choice.chosen), texts.grams(choice.rejected)
        if only is not None:
            chosen, rejected = (np.intersect1d(part, only, assume_unique=True) for part in (chosen, rejected))
        apart.append(np.setdiff1d(chosen, rejected, assume_unique=True))
        apart.append(np.setdiff1d(rejected, chosen, assume_unique=True))
        numbers += (texts.number(choice.chosen), texts.number(choice.rejected))
    times, length = list(map(len, apart)), asked.length[rows]
    both = np.stack([length, CLASSES - 1 - length], axis=1).reshape(-1)
    return _Sightings(
        annotator=np.repeat(np.repeat(asked.annotator[rows], 2), times),
        gram=np.concatenate(apart),
        text=np.repeat(np.array(numbers, dtype=np.int64), times),
        is_chosen=np.repeat(np.tile([1.0, 0.0], len(rows)), times),
        length=np.repeat(both, times),
    )


def _length_classes(choices: Sequence[Choice]) -> Ints:
    """The class of the length of each chosen text beside the rejected one's; the other way it is the mirror's."""
    sizes = np.array([(len(choice.chosen) + 1, len(choice.rejected) + 1) for choice in choices], dtype=np.float64)
    return np.searchsorted(LENGTH_STEPS, np.log(sizes[:, 0] / sizes[:, 1])).astype(np.int64)


def _length_counts(asked: _Asked, *, n: int) -> _LengthCounts:
    won = tally(asked.annotator * CLASSES + asked.length, n=n * CLASSES).reshape(n, CLASSES)
    return _LengthCounts(won + won[:, ::-1], won)


def _tests(seen: _Sightings, by_length: _LengthCounts, n_tests: int) -> list[_Test]:
    """Return the tests that leave no innocent explanation; `seen` are the sightings of suspect phrases by everybody."""
    grams = coded(seen.gram)
    n_grams = max(len(grams.ids), 1)
    keys = coded(seen.annotator * n_grams + grams.codes)
    n, won = _by_text(seen, keys)
    is_tested, rate = n >= FEWEST, won / n
    is_suspect = is_tested & (rate >= LEAST_RATE)
    of_gram, of_annotator = keys.ids % n_grams, keys.ids // n_grams
    others = _by_others(seen, keys.codes, of_gram, is_tested, is_suspect)
    expected = _expected(seen, keys.codes, of_annotator, others, by_length)
    p_values = np.minimum(bdtrc(won - 1, n, expected) * n_tests, 1.0)
    is_found = is_suspect & (p_values < ALPHA) & (rate - expected >= LEAST_LIFT)
    columns = (of_annotator, grams.ids[of_gram], n, won, expected, p_values)
    return [_Test(*row) for row in zip(*(column[is_found].tolist() for column in columns), strict=True)]


def _by_text(seen: _Sightings, keys: Coded) -> tuple[Ints, Ints]:
    """Of each key (a phrase, or an annotator's) how many texts it rests on, and how many were chosen. (K,) each

    One text may stand in many choices; that somebody likes it is one observation. Shares are summed and rounded down.
    """
    n_texts = int(seen.text.max(initial=0)) + 1
    cells = coded(keys.codes * n_texts + seen.text)
    shares = sums(seen.is_chosen, by=cells.codes, n=len(cells.ids)) / tally(cells.codes, n=len(cells.ids))
    of_key = cells.ids // n_texts
    won = sums(shares, by=of_key, n=len(keys.ids))
    return tally(of_key, n=len(keys.ids)), np.floor(won + 1e-9).astype(np.int64)


def _by_others(seen: _Sightings, key: Ints, of_gram: Ints, is_tested: Flags, is_suspect: Flags) -> Floats:
    """How often the others chose the phrase of each key. (K,)

    Several may turn choices together: where those who choose a phrase nearly always are fewer than half of the
    annotators who met it often enough, they are no measure for each other.
    """
    n_grams, n_keys = int(of_gram.max(initial=-1)) + 1, len(of_gram)
    n, won = tally(key, n=n_keys), sums(seen.is_chosen, by=key, n=n_keys)
    n_suspects, n_met = (tally(of_gram[these], n=n_grams) for these in (is_suspect, is_tested))
    counts = ~(is_suspect & (2 * n_suspects < n_met)[of_gram])
    n, won = n * counts, won * counts
    n_gram, won_gram = (sums(column, by=of_gram, n=n_grams) for column in (n.astype(float), won))
    rate: Floats = (won_gram[of_gram] - won + PRIOR) / (n_gram[of_gram] - n + 2 * PRIOR)
    return rate


def _expected(seen: _Sightings, key: Ints, of_annotator: Ints, others: Floats, by_length: _LengthCounts) -> Floats:
    """The share of each key's choices that is explained: by the others' or by the annotator's taste in length. (K,)"""
    n_keys = len(of_annotator)
    cell = key * CLASSES + seen.length
    mine = tally(cell, n=n_keys * CLASSES).reshape(-1, CLASSES)
    mine_won = sums(seen.is_chosen, by=cell, n=n_keys * CLASSES).reshape(-1, CLASSES)
    both, both_won = mine + mine[:, ::-1], mine_won + (mine - mine_won)[:, ::-1]  # seen from both texts
    elsewhere, won_elsewhere = by_length.n[of_annotator] - both, by_length.won[of_annotator] - both_won
    taste = (won_elsewhere + PRIOR) / (elsewhere + 2 * PRIOR)  # (K, classes)
    mean: Floats = (np.maximum(taste, others[:, np.newaxis]) * mine).sum(axis=1) / mine.sum(axis=1)
    return mean


def _apart(found: Iterable[Phrase]) -> list[Phrase]:
    """Keep of one annotator's phrases that share a word the surest, then the longest: they are pieces of one."""
    kept: list[Phrase] = []
    for one in sorted(found, key=lambda one: (one.p_value, -len(one.text.split()), one.annotator, one.text)):
        words = set(one.text.split())
        if not any(one.annotator == other.annotator and words & set(other.text.split()) for other in kept):
            kept.append(one)
    return kept
