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
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import bdtrc

from annotate.quality.arrays import Coded, Flags, Floats, Ints, coded, sums, tally

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]|_")
"""A word, a mark, or one character of a script that writes no spaces."""
LONGEST_TEXT = 4_000
"""Characters of a text that are looked at."""
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
    seen = _sightings(choices, texts)
    annotators = coded(np.array([choice.annotator for choice in choices], dtype=np.int64))
    tests = _tests(seen, _length_counts(choices, annotators.codes, n=len(annotators.ids)))
    named = (one._replace(annotator=int(annotators.ids[one.annotator])) for one in tests)
    return _apart(
        Phrase(one.annotator, texts.spelled(one.gram), one.n, one.n_chosen, one.expected_rate, one.p_value)
        for one in named
    )


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
    """Texts and their phrases as numbers; each text is read once."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.known: dict[str, tuple[int, set[int]]] = {}

    def read(self, text: str) -> tuple[int, set[int]]:
        """Return the number of a text, and its phrases."""
        if text not in self.known:
            said = WORD.findall(text[:LONGEST_TEXT].casefold())
            words = [min(self.words.setdefault(word, len(self.words) + 1), 2**BITS - 1) for word in said]
            twos = [one | two << BITS for one, two in pairwise(words)]
            threes = [two | three << 2 * BITS for two, three in zip(twos, words[2:], strict=False)]
            self.known[text] = len(self.known), {*words, *twos, *threes}
        return self.known[text]

    def spelled(self, gram: int) -> str:
        """Return the words of a phrase."""
        words = list(self.words)
        numbers = [gram >> shift & 2**BITS - 1 for shift in (0, BITS, 2 * BITS)]
        return " ".join(words[number - 1] for number in numbers if number)


def _sightings(choices: Sequence[Choice], texts: _Texts) -> _Sightings:
    annotator = coded(np.array([choice.annotator for choice in choices], dtype=np.int64)).codes
    lengths = _length_classes(choices)
    apart: list[set[int]] = []
    numbers: list[int] = []
    for choice in choices:
        (chosen, of_chosen), (rejected, of_rejected) = texts.read(choice.chosen), texts.read(choice.rejected)
        numbers += (chosen, rejected)
        apart += (of_chosen - of_rejected, of_rejected - of_chosen)
    times, both = list(map(len, apart)), np.stack([lengths, CLASSES - 1 - lengths], axis=1).reshape(-1)
    return _Sightings(
        annotator=np.repeat(np.repeat(annotator, 2), times),
        gram=np.fromiter(chain.from_iterable(apart), dtype=np.int64, count=sum(times)),
        text=np.repeat(np.array(numbers, dtype=np.int64), times),
        is_chosen=np.repeat(np.tile([1.0, 0.0], len(choices)), times),
        length=np.repeat(both, times),
    )


def _length_classes(choices: Sequence[Choice]) -> Ints:
    """The class of the length of each chosen text beside the rejected one's; the other way it is the mirror's."""
    sizes = np.array([(len(choice.chosen) + 1, len(choice.rejected) + 1) for choice in choices], dtype=np.float64)
    return np.searchsorted(LENGTH_STEPS, np.log(sizes[:, 0] / sizes[:, 1])).astype(np.int64)


def _length_counts(choices: Sequence[Choice], annotator: Ints, *, n: int) -> _LengthCounts:
    chosen = _length_classes(choices)
    won = tally(annotator * CLASSES + chosen, n=n * CLASSES).reshape(n, CLASSES)
    return _LengthCounts(won + won[:, ::-1], won)


def _tests(seen: _Sightings, by_length: _LengthCounts) -> list[_Test]:
    """Return the tests that leave no innocent explanation."""
    seen = _frequent(seen)
    grams = coded(seen.gram)
    n_grams = max(len(grams.ids), 1)
    keys = coded(seen.annotator * n_grams + grams.codes)
    n, won = _by_text(seen, keys)
    is_tested, rate = n >= FEWEST, won / n
    is_suspect = is_tested & (rate >= LEAST_RATE)
    of_gram, of_annotator = keys.ids % n_grams, keys.ids // n_grams
    others = _by_others(seen, keys.codes, of_gram, is_tested, is_suspect)
    expected = _expected(seen, keys.codes, of_annotator, others, by_length)
    p_values = np.minimum(bdtrc(won - 1, n, expected) * is_tested.sum(), 1.0)
    is_found = is_suspect & (p_values < ALPHA) & (rate - expected >= LEAST_LIFT)
    columns = (of_annotator, grams.ids[of_gram], n, won, expected, p_values)
    return [_Test(*row) for row in zip(*(column[is_found].tolist() for column in columns), strict=True)]


def _by_text(seen: _Sightings, keys: Coded) -> tuple[Ints, Ints]:
    """Of each key how many texts it rests on, and how many of those were chosen, rounded down. (K,) each

    One text may stand in many choices; that somebody likes it is one observation.
    """
    n_texts = int(seen.text.max(initial=0)) + 1
    cells = coded(keys.codes * n_texts + seen.text)
    shares = sums(seen.is_chosen, by=cells.codes, n=len(cells.ids)) / tally(cells.codes, n=len(cells.ids))
    of_key = cells.ids // n_texts
    won = sums(shares, by=of_key, n=len(keys.ids))
    return tally(of_key, n=len(keys.ids)), np.floor(won + 1e-9).astype(np.int64)


def _frequent(seen: _Sightings) -> _Sightings:
    """Leave out the phrases that decided too few choices, whoever made them."""
    grams = coded(seen.gram)
    kept = (tally(grams.codes, n=len(grams.ids)) >= FEWEST)[grams.codes]
    return seen._replace(**{name: column[kept] for name, column in seen._asdict().items()})


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
