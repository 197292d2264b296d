"""Which kind of comparison next, for how long, and whether one needs more votes: decisions as pure functions.

Numbers in, decisions out; the standard library only, no clock, no database, no state. Chance comes from `draw`, a hash
of its arguments: the same annotator at the same count always meets the same decision, so each can be looked up later.
"""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Tiers = Sequence[Sequence[int]]

REPEAT_AFTER = 50
"""Comparisons that an annotator ranks before one comes back to them …"""
REPEAT_AFTER_SECONDS = 86_400
"""… unless this much time has gone by: one is remembered less than 50 later, or a day later."""

GOLD_PASS_RATE = 0.75
"""A gold comparison is passed with this share of its known pairs in order (InstructGPT, B.1: a soft cut at 75 %)."""
MAX_HIDDEN_RATE = 0.5
GOLD_PRIOR = (8.0, 2.0)
"""Of a pass rate before any gold: what detectors.gold starts from, too."""
USUAL_SD, LEAST_GOLD, MOST_GOLD = 0.1, 0.2, 2.5
FIRST_GOLD_BY = 5

CHARACTERS_PER_SECOND = 15
"""A slow reader of English (180 words a minute); a lease allows three readings."""
READINGS = 3
LONGEST_LEASE_SECONDS = 86_400

DECIDED_PROBABILITY = 0.8
"""Two votes that agree decide a pair (0.875), three to one do (0.8125), two to one do not (0.6875)."""
MOST_VOTES = 6
"""Votes on a comparison at most, unless a project says otherwise. On simulated crowds two at first and six at most
came to 2.95 a pair, with a consensus as right as a majority of five; five at most fell short by 0.002."""
UNDECIDED_RATE = 0.25
"""Of the 6 pairs of 4 completions one may stay open; people who agree on 3 of 4 pairs would else never be done."""


@dataclass(frozen=True)
class Standing:
    """What is known of an annotator in a project when they ask for work; the gold results stand oldest first."""

    done_count: int = 0  # comparisons submitted, of every kind: they cannot tell them apart
    gold_shares: tuple[float, ...] = ()  # of each key's ordered pairs, how many the answer orders likewise


def draw(*seed: object) -> float:
    """Return a number in 0..1 that depends on the seed alone.

    >>> draw("gold", 7, 1) == draw("gold", 7, 1) != draw("gold", 7, 2)
    True
    """
    digest = hashlib.sha256(" ".join(map(str, seed)).encode()).hexdigest()
    return int(digest[:13], 16) / 16**13


def gold_rate(base: float, shares: Sequence[float]) -> float:
    """Return the share of gold for an annotator: 2.5 times the base at first, down to a fifth of it as they are known.

    It is 2.5 base times the standard deviation of their pass rate over 0.1: a Beta posterior under the prior
    Beta(8, 2), each gold comparison one trial with the share (0..1) of its known pairs in order. With a base of 0.1
    that is 0.25 SD / 0.1, within 0.02 and 0.25. Each failure among the last four adds half the base: a change for the
    worse shows in a few comparisons.

    >>> gold_rate(0.1, []), round(gold_rate(0.1, [1.0] * 20), 3)
    (0.25, 0.119)
    """
    right = GOLD_PRIOR[0] + sum(shares)
    wrong = GOLD_PRIOR[1] + len(shares) - sum(shares)
    n = right + wrong
    sd = math.sqrt(right * wrong / (n * n * (n + 1)))
    known = base * min(max(MOST_GOLD * sd / USUAL_SD, LEAST_GOLD), MOST_GOLD)
    recent_failures = sum(share < GOLD_PASS_RATE for share in shares[-4:])
    return min(MAX_HIDDEN_RATE, known + base * 0.5 * recent_failures)


def next_purpose(standing: Standing, *, gold_base: float, repeat_base: float, chance: float) -> str:
    """Return "gold", "repeat" or "work" for a chance in 0..1. What was chosen may not be there; then it is work.

    The fifth comparison is gold where the first four were none.

    >>> next_purpose(Standing(), gold_base=0.1, repeat_base=0.1, chance=0.3)
    'repeat'
    """
    gold = gold_rate(gold_base, standing.gold_shares)
    is_due = gold_base > 0 and standing.done_count == FIRST_GOLD_BY - 1 and not standing.gold_shares
    if is_due or chance < gold:
        return "gold"
    return "repeat" if chance < gold + repeat_base else "work"


def agreement(tiers: Tiers, key: Tiers) -> float:
    """Return the share (0..1) of the pairs that the key orders which an answer orders likewise; a tie there is half.

    A key without an order (all tied) is met by ties: then it is the share of pairs that are tied.

    >>> agreement([[1], [2, 3]], [[1], [2], [3]])
    0.8333333333333334
    """
    said, known = _tier_of(tiers), _tier_of(key)
    pairs = list(combinations(sorted(known), 2))
    ordered = [(i, j) for i, j in pairs if known[i] != known[j]]
    if not ordered:
        return sum(said[i] == said[j] for i, j in pairs) / len(pairs) if pairs else 1.0
    return sum(_likeness(said[i] - said[j], known[i] - known[j]) for i, j in ordered) / len(ordered)


def is_passed(tiers: Tiers, key: Tiers) -> bool:
    """Say whether an answer passes a gold comparison; one that says «cannot be ranked» (no tiers) does not."""
    return bool(tiers) and agreement(tiers, key) >= GOLD_PASS_RATE


def wants_more_votes(votes: Sequence[Tiers], *, cap: int) -> bool:
    """Say whether a comparison needs one more vote than it has: more than a quarter of its pairs are undecided.

    A vote of no tiers says «cannot be ranked»; where at least half say so, more votes do not help.

    >>> wants_more_votes([[[1], [2]], [[1], [2]]], cap=5), wants_more_votes([[[1], [2]], [[2], [1]]], cap=5)
    (False, True)
    """
    orders = [_tier_of(tiers) for tiers in votes if tiers]
    if len(votes) >= cap or 2 * len(orders) <= len(votes):
        return False
    pairs = list(combinations(sorted(orders[0]), 2))
    undecided = sum(not _is_decided([order[j] - order[i] for order in orders]) for i, j in pairs)
    return undecided > UNDECIDED_RATE * len(pairs)


def probability_of_majority(ahead: int, behind: int) -> float:
    """Return P(more than half of all people say so | votes): 1/2 below a Beta(ahead + 1, behind + 1), in closed form.

    >>> probability_of_majority(2, 0), probability_of_majority(3, 1)
    (0.875, 0.8125)
    """
    n = ahead + behind + 1
    return sum(math.comb(n, k) for k in range(ahead + 1)) / 2**n


def doubt(ahead: int, ties: int, behind: int) -> float:
    """Return what votes leave open about a pair, in bits: the entropy of what most people say, times who chose at all.

    >>> doubt(1, 0, 1), doubt(0, 3, 0), round(doubt(3, 0, 0), 2)
    (1.0, 0.0, 0.34)
    """
    p, n = probability_of_majority(ahead, behind), ahead + ties + behind
    return -(p * math.log2(p) + (1 - p) * math.log2(1 - p)) * (ahead + behind) / n if n else 0.0


def keeps_fixed_overlap(prompt_sha256: str, *, rate: float) -> bool:
    """Say whether a prompt is of the share whose votes do not depend on what was said, by the hash of its text.

    The text's own digits decide the test split (annotate.splits); hashed again, the two choices are independent.
    """
    return draw("fixed overlap", prompt_sha256) < rate


def lease_seconds(base: int, *, character_count: int) -> int:
    """Return how long a comparison stays reserved: the project's time, or three slow readings of a longer text.

    >>> lease_seconds(1800, character_count=6_900), lease_seconds(600, character_count=6_900)
    (1800, 1380)
    """
    reading = READINGS * character_count // CHARACTERS_PER_SECOND
    return min(LONGEST_LEASE_SECONDS, max(base, reading))


def reshuffled(order: Sequence[int], *, seed: str) -> list[int]:
    """Return an order by chance in which another completion stands first: a repeat is not the page they saw.

    >>> reshuffled([4, 9], seed="any")
    [9, 4]
    """
    if len(order) < 2:
        return list(order)
    rng = random.Random(f"repeat {seed}")  # noqa: S311  reproducible, not secret
    first = rng.choice(order[1:])
    rest = [one for one in order if one != first]
    rng.shuffle(rest)
    return [first, *rest]


def _tier_of(tiers: Tiers) -> Mapping[int, int]:
    return {completion: rank for rank, tier in enumerate(tiers) for completion in tier}


def _likeness(said: int, known: int) -> float:
    """Return 1.0 for two differences of ranks with the same sign, 0.5 where the first is a tie, 0.0 otherwise."""
    if said == 0:
        return 0.5
    return float((said > 0) == (known > 0))


def _is_decided(leads: Sequence[int]) -> bool:
    """Say whether a pair is decided: mostly tied, or one side is likely what most people say; a tie counts for none."""
    ahead, behind = sum(lead > 0 for lead in leads), sum(lead < 0 for lead in leads)
    if 2 * (len(leads) - ahead - behind) > len(leads):
        return True
    return probability_of_majority(max(ahead, behind), min(ahead, behind)) >= DECIDED_PROBABILITY
