"""A simulated crowd that ranks four completions, in which some people judge in ways of their own."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import coded
from annotate.quality.ranking import RankedCompletions, pair_votes
from annotate.quality.work import Completions, GoldAnswers, Repeats, Work, bare

K = 4


class Seen(NamedTuple):
    """What an annotator sees of each of their rankings: true quality, length (standardised), slot. (n, 4)"""

    quality: np.ndarray
    length: np.ndarray
    slot: np.ndarray
    prompt: np.ndarray  # (n,)
    rng: np.random.Generator


Judge = Callable[[Seen], np.ndarray]


def honest(seen: Seen) -> np.ndarray:
    return seen.quality + 0.8 * seen.rng.normal(size=seen.quality.shape)


def clicker(seen: Seen) -> np.ndarray:
    return seen.rng.normal(size=seen.quality.shape)


def contrary(seen: Seen) -> np.ndarray:
    return -honest(seen)


def first_shown(seen: Seen) -> np.ndarray:
    return -seen.slot.astype(float)


def longest(seen: Seen) -> np.ndarray:
    return seen.length + 0.1 * seen.rng.normal(size=seen.quality.shape)


def ties_all(seen: Seen) -> np.ndarray:
    return np.zeros_like(seen.quality)


def keyed(seen: Seen) -> np.ndarray:
    """Everybody with this key gives the same answer to a prompt, and it has nothing to do with its quality."""
    return np.stack([np.random.default_rng([5, prompt]).normal(size=K) for prompt in seen.prompt])


def crowd(
    special: Mapping[int, Judge], *, seed: int = 3, n_prompts: int = 900, n_annotators: int = 24, overlap: int = 3
) -> Work:
    """Annotators 0.. who rank at random prompts; those of `special` in their own way. Nothing else is known of them."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(n_prompts, K))
    length = 0.3 * quality + rng.normal(size=(n_prompts, K))
    who = np.argsort(rng.random((n_prompts, n_annotators)), axis=1)[:, :overlap].ravel()
    prompt = np.repeat(np.arange(n_prompts), overlap)
    slot = np.argsort(rng.random((len(prompt), K)), axis=1)
    value = np.zeros((len(prompt), K))
    for annotator in range(n_annotators):
        own = who == annotator
        seen = Seen(quality[prompt[own]], length[prompt[own]], slot[own], prompt[own], rng)
        value[own] = special.get(annotator, honest)(seen)
    tier = (value[:, :, np.newaxis] < value[:, np.newaxis, :]).sum(axis=2)
    work = bare(_votes(prompt, who, tier, slot))
    ids = np.arange(n_prompts * K)
    words = np.exp(5 + 0.5 * length).ravel()
    return work._replace(completions=Completions(ids, ids, words, np.zeros((len(ids), 3))))


def gold(right: Mapping[int, list[float]], *, at: float = np.nan) -> GoldAnswers:
    """Answers on gold comparisons 0.., each with the share of its pairs in order."""
    each = [(who, item, share) for who, shares in right.items() for item, share in enumerate(shares)]
    rows = [(who, item, 1000 * who + item, share, at) for who, item, share in each]
    columns = np.array(rows, dtype=float).reshape(-1, 5).T
    return GoldAnswers(*columns[:3].astype(np.int64), right=columns[3], at=columns[4])


def repeats(annotator: int, said: list[tuple[int, int, int, int]]) -> Repeats:
    """One repeat of one pair each: (first relation, relation again, i first shown, i first shown again)."""
    n = len(said)
    columns = np.array(said, dtype=np.int64).reshape(-1, 4).T
    return Repeats(np.full(n, annotator), np.arange(n), np.arange(n) + 500, *columns)


def _votes(prompt: np.ndarray, who: np.ndarray, tier: np.ndarray, slot: np.ndarray):
    n = len(prompt)
    long = {name: np.repeat(column, K) for name, column in (("prompt", prompt), ("annotator", who))}
    completion = long["prompt"] * K + np.tile(np.arange(K), n)
    ranked = RankedCompletions(
        ranking=np.repeat(np.arange(n), K),
        comparison=long["prompt"],
        completion=completion,
        tier=coded(tier.ravel()).codes,
        position=slot.ravel(),
        **long,
    )
    return pair_votes(ranked)
