"""Self-consistency: the same comparison again, blind and shuffled. Did they change their mind, or follow the place?

Of the pairs whose order on the page was swapped, a choice that changed stayed with a place: with the first place both
times or with the last both times. Somebody who merely wavers does either equally often, so the surplus of one over the
other is what followed the position; all other changes are a changed mind.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv

from annotate.quality.arrays import Flags, Floats, Ints, coded, sums, tally
from annotate.quality.detectors.crowd import SHOWN, Crowd, percent, too_few
from annotate.quality.detectors.gold import prior_of
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import SELF_CONSISTENCY
from annotate.quality.significance import NORMAL_95, benjamini_hochberg, number, two_tails
from annotate.quality.work import Repeats

WEAK = 0.6
SURE = 0.9
Q_BELOW = 0.05


class Changes(NamedTuple):
    """By annotator (A,), in pairs: compared, changed (both times a choice), stayed with the first or last place."""

    pairs: Ints
    changed: Ints
    with_first: Ints
    with_last: Ints

    @property
    def followed(self) -> Ints:
        """Changes that followed the position."""
        surplus: Ints = np.abs(self.with_first - self.with_last)
        return surplus

    @property
    def mind(self) -> Ints:
        """Changes of mind."""
        other: Ints = self.changed - self.followed
        return other


def changes_of(repeats: Repeats, who: Ints, *, n_annotators: int) -> Changes:
    """Count the changes; `who` are codes of annotators."""
    changed = (repeats.first * repeats.again) == -1
    swapped = changed & (repeats.first_shown + repeats.again_shown == 1) & (repeats.first_shown >= 0)
    swapped &= repeats.again_shown >= 0
    chose_first = (repeats.first == 1) == (repeats.first_shown == 1)

    def count(chosen: Flags) -> Ints:
        return tally(who[chosen], n=n_annotators)

    everything = np.ones(len(who), dtype=np.bool_)
    sides = count(swapped & chose_first), count(swapped & ~chose_first)
    return Changes(count(everything), count(changed), *sides)


def findings(crowd: Crowd) -> tuple[list[Finding], list[Finding]]:
    """For each annotator the agreement with themselves, and how far what changed followed the position."""
    repeats, who = _known(crowd)
    again, author, share = _by_repeat(repeats, who)
    changes = changes_of(repeats, who, n_annotators=crowd.n)
    n, total = tally(author, n=crowd.n), sums(share, by=author, n=crowd.n)
    a0, b0 = prior_of(total, n.astype(np.float64))
    moved = (changes.with_first + changes.with_last).astype(np.float64)
    surplus = (changes.with_first - changes.with_last).astype(np.float64)
    z = np.divide(surplus, np.sqrt(moved), out=np.full(crowd.n, np.nan), where=moved > 0)
    q = benjamini_hochberg(two_tails(z))
    evidence = [_evidence(again, author, share, k) for k in range(crowd.n)]
    steady = [
        _consistency(int(n[k]), a0 + total[k], b0 + n[k] - total[k], total[k], changes, k, evidence[k])
        for k in range(crowd.n)
    ]
    return steady, [_followed(int(n[k]), changes, k, z[k], q[k], evidence[k]) for k in range(crowd.n)]


def crowd_finding(crowd: Crowd) -> Finding:
    """The crowd's agreement with itself, with annotators as clusters."""
    repeats, who = _known(crowd)
    _, author, share = _by_repeat(repeats, who)
    n = len(share)
    if not SELF_CONSISTENCY.is_shown(n):
        return too_few(Detector.REPEATS, n, SELF_CONSISTENCY)
    mean = float(share.mean())
    error = float(np.sqrt((sums(share - mean, by=author, n=crowd.n) ** 2).sum())) / n
    estimate = Estimate(mean, n=n, low=max(0.0, mean - NORMAL_95 * error), high=min(1.0, mean + NORMAL_95 * error))
    sentence = f"Asked again, annotators say the same on {percent(mean)} of the pairs, over {n} blind repeats."
    return Finding(Detector.REPEATS, estimate, Severity.NONE, sentence)


def _known(crowd: Crowd) -> tuple[Repeats, Ints]:
    repeats, ids = crowd.work.repeats, crowd.work.votes.annotator_ids
    code = np.searchsorted(ids, repeats.annotator)
    here = np.isin(repeats.annotator, ids)
    return Repeats(*(column[here] for column in repeats)), code[here].astype(np.int64)


def _by_repeat(repeats: Repeats, who: Ints) -> tuple[Ints, Ints, Floats]:
    """The ranking id of each repeat, its author, and the share of pairs said alike, ties by half."""
    again = coded(repeats.ranking)
    n = len(again.ids)
    credit = sums(1 - np.abs(repeats.first - repeats.again) / 2, by=again.codes, n=n)
    author = np.zeros(n, dtype=np.int64)
    author[again.codes] = who
    return again.ids, author, credit / np.maximum(tally(again.codes, n=n), 1)


def _evidence(again: Ints, author: Ints, share: Floats, k: int) -> tuple[int, ...]:
    own = np.flatnonzero((author == k) & (share < 1))
    return tuple(again[own[np.argsort(share[own], kind="stable")[:SHOWN]]].tolist())


def _consistency(
    n: int, a: float, b: float, total: float, changes: Changes, k: int, evidence: tuple[int, ...]
) -> Finding:
    if not SELF_CONSISTENCY.is_shown(n):
        return too_few(Detector.REPEATS, n, SELF_CONSISTENCY)
    is_weak = SELF_CONSISTENCY.is_acted_upon(n) and float(betaincinv(a, b, SURE)) < WEAK
    said = f"Asked again, says the same on {percent(total / n)} of the pairs in {n} blind repeats"
    split = f"{changes.mind[k]} choices changed their mind, {changes.followed[k]} followed the position"
    return Finding(
        Detector.REPEATS,
        Estimate(a / (a + b), n=n, low=float(betaincinv(a, b, 0.025)), high=float(betaincinv(a, b, 0.975))),
        Severity.SERIOUS if is_weak else Severity.NONE,
        f"{said}: {split}." if changes.changed[k] else f"{said}.",
        evidence=evidence if is_weak else (),
    )


def _followed(n: int, changes: Changes, k: int, z: float, q: float, evidence: tuple[int, ...]) -> Finding:
    if not SELF_CONSISTENCY.is_shown(n):
        return too_few(Detector.FOLLOWED_POSITION, n, SELF_CONSISTENCY)
    pairs, followed = int(changes.pairs[k]), int(changes.followed[k])
    follows = SELF_CONSISTENCY.is_acted_upon(n) and bool(q < Q_BELOW)
    place = "first" if changes.with_first[k] > changes.with_last[k] else "last"
    sentence = "What changed between the two times followed no place on the page."
    if follows:
        sentence = f"{followed} of {pairs} choices stayed with the {place} place when the order was swapped."
    return Finding(
        Detector.FOLLOWED_POSITION,
        Estimate(followed / max(pairs, 1), n=pairs),
        Severity.REVIEW if follows else Severity.NONE,
        sentence,
        z=number(abs(z)),
        q=number(q),
        evidence=evidence if follows else (),
    )
