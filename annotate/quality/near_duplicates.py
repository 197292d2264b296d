"""Texts that say nearly the same, by MinHash (Broder 1997): which of a stream belong together.

Two texts share about as many of their 64 hashes as their sets of five-character shingles overlap (Jaccard). Bands of
four hashes find the candidates, all 64 decide: from an estimated overlap of 0.85 on. A text costs 256 bytes of memory
and no more, however long it is.
"""

import hashlib
import unicodedata
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from annotate.quality.arrays import Ints

Hashes = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]

SHINGLE = 5
N_HASHES = 64
BAND = 4
ENOUGH = round(0.85 * N_HASHES)
LONGEST = 20_000
"""Characters of a text that are looked at."""


def first_alike(texts: Iterable[str]) -> Ints:
    """For each text the number of the first one that it, or what it is alike to, is nearly the same as. (P,)

    >>> first_alike(["The river Rhine rises in the Alps.", "A lake.", "the river rhine rises  in the Alps"]).tolist()
    [0, 1, 0]
    """
    signatures = np.frombuffer(b"".join(_signature(text).tobytes() for text in texts), dtype=np.uint32)
    table = signatures.reshape(-1, N_HASHES)
    leader = np.arange(len(table))
    for start in range(0, N_HASHES, BAND):
        for earlier, later in _candidates(table[:, start : start + BAND]):
            if (table[earlier] == table[later]).sum() >= ENOUGH:
                _join(leader, earlier, later)
    return np.array([_leader_of(leader, n) for n in range(len(leader))], dtype=np.int64)


def folded(text: str) -> str:
    """A text without differences of case and white space.

    >>> folded("The  Rhine\\n")
    'the rhine'
    """
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _constants(name: str) -> Hashes:
    """64 numbers drawn from a name: the same on every machine and for ever. (64, 1)"""
    digests = b"".join(hashlib.sha256(f"{name} {n}".encode()).digest()[:4] for n in range(N_HASHES))
    return np.frombuffer(digests, dtype="<u4").astype(np.uint32)[:, np.newaxis]


MULTIPLIERS, SHIFTS = _constants("multiplier") | np.uint32(1), _constants("shift")
CHARACTER = np.uint64(0x9E3779B97F4A7C15)
"""An odd number without a pattern (2^64 over the golden ratio)."""


def _signature(text: str) -> Hashes:
    """The least of each hash over the text's shingles. (64,)"""
    characters = np.frombuffer(folded(text)[:LONGEST].encode("utf-32-le", "surrogatepass"), dtype="<u4")
    n_shingles = max(len(characters) - SHINGLE + 1, 1)
    shingles = np.zeros(n_shingles, dtype=np.uint64)
    for place in range(min(SHINGLE, len(characters))):
        shingles = shingles * CHARACTER + characters[place : place + n_shingles].astype(np.uint64) + np.uint64(1)
    mixed = _mixed(shingles)
    parts = [mixed[start : start + 1000] * MULTIPLIERS + SHIFTS for start in range(0, len(mixed), 1000)]
    least: Hashes = np.min([part.min(axis=1) for part in parts], axis=0)
    return least


def _mixed(values: Words) -> Hashes:
    """32 bits of each value, spread over all places (the finaliser of MurmurHash3)."""
    for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        values = (values ^ (values >> np.uint64(33))) * np.uint64(multiplier)
    return (values >> np.uint64(32)).astype(np.uint32)


def _candidates(band: Hashes) -> list[tuple[int, int]]:
    """Texts whose band is equal: each with the first of them."""
    order = np.lexsort(band.T[::-1])
    ordered = band[order]
    is_same = np.append(False, (ordered[1:] == ordered[:-1]).all(axis=1)) if len(band) else np.zeros(0, dtype=np.bool_)
    heads = order[np.maximum.accumulate(np.where(is_same, 0, np.arange(len(order))))]
    return list(zip(heads[is_same].tolist(), order[is_same].tolist(), strict=True))


def _join(leader: Ints, one: int, other: int) -> None:
    """Put the groups of two texts together, under the earlier of their leaders."""
    first, second = sorted((_leader_of(leader, one), _leader_of(leader, other)))
    leader[second] = first


def _leader_of(leader: Ints, n: int) -> int:
    while leader[n] != n:
        leader[n] = leader[leader[n]]
        n = int(leader[n])
    return n
