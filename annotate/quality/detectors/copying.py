"""D7: two annotators who answer alike more often than their quality explains, and rings of such.

On rankings of the same completions, agreement (ties half) is set against what both people's own agreement with
everybody else predicts: with c = 2 agreement - 1, independent errors give E c = c_a c_b / c, c being the crowd's. Each
partner counts at most three rankings in c_a, or a ring would vouch for itself. Rankings that tie everything show
nothing.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from annotate.quality.arrays import Flags, Floats, Ints, coded, sums, tally
from annotate.quality.detectors.crowd import SHOWN, Crowd, percent, unknown
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Ring, Severity
from annotate.quality.minimum import ANNOTATOR_PAIR
from annotate.quality.significance import MIN_CROWD, benjamini_hochberg, number, upper_tail

Q_NOTEWORTHY, Q_SERIOUS = 0.05, 0.01
SERIOUS_Z = 5.0
PARTNER_CAP = 3.0
PRIOR = 10.0
MOST_RANKINGS = 50  # of one comparison: pairs grow with the square
BLOCK = 200_000


class Met(NamedTuple):
    """Annotators who met: codes `one` < `other`, comparisons shared, mean agreement, what was expected, z and q."""

    one: Ints
    other: Ints
    shared: Ints
    agreement: Floats
    expected: Floats
    z: Floats
    q: Floats


class _Meetings(NamedTuple):
    """Two rankings of one comparison each: codes of rankings and annotators, and their agreement."""

    first: Ints
    second: Ints
    one: Ints
    other: Ints
    agreement: Floats


def findings(crowd: Crowd, *, names: Mapping[int, str]) -> tuple[list[Finding], list[Ring]]:
    """For each annotator the partner whose answers are most suspiciously like theirs; and the rings."""
    meetings = _meetings(crowd)
    met = pairs_met(meetings, n_annotators=crowd.n)
    suspicious = np.flatnonzero(met.q < Q_NOTEWORTHY)
    by_annotator = enumerate(_rows_by_annotator(met, crowd.n))
    told = [_of_annotator(crowd, met, meetings, k, rows, names) for k, rows in by_annotator]
    return told, _rings(crowd, met, meetings, suspicious)


def pairs_met(meetings: _Meetings, *, n_annotators: int) -> Met:
    """All pairs of annotators with 5 shared comparisons or more."""
    pairs = coded(meetings.one * max(n_annotators, 1) + meetings.other)
    n_pairs = len(pairs.ids)
    one, other = pairs.ids // max(n_annotators, 1), pairs.ids % max(n_annotators, 1)
    shared = tally(pairs.codes, n=n_pairs)
    beyond = sums(2 * meetings.agreement - 1, by=pairs.codes, n=n_pairs)
    usual = float(beyond.sum() / max(shared.sum(), 1))
    expected = _expected(one, other, shared, beyond, usual, n_annotators)
    off = 2 * meetings.agreement - 1 - expected[pairs.codes]
    spread = float(np.sqrt((off**2).mean())) if len(off) else np.nan
    is_crowd = len(np.union1d(meetings.one, meetings.other)) >= MIN_CROWD  # else nothing says what is usual
    tested = (shared >= ANNOTATOR_PAIR.shown) & is_crowd
    z = np.full(n_pairs, np.nan)
    if spread > 0:
        z[tested] = ((beyond - shared * expected) / (spread * np.sqrt(shared)))[tested]
    q = benjamini_hochberg(upper_tail(z))
    agreement, predicted = (1 + beyond / shared) / 2, (1 + expected) / 2
    ends = (one[tested], other[tested], shared[tested])
    return Met(*ends, agreement[tested], predicted[tested], z[tested], q[tested])


def _expected(one: Ints, other: Ints, shared: Ints, beyond: Floats, usual: float, n: int) -> Floats:
    """What both people's agreement with everybody else predicts, -1..1. (pairs,)"""
    weight = np.minimum(shared, PARTNER_CAP) / shared
    ends = np.concatenate([one, other])
    total = sums(np.tile(weight * beyond, 2), by=ends, n=n)
    count = sums(np.tile(weight * shared, 2), by=ends, n=n)

    def with_everybody_else(who: Ints) -> Floats:
        own: Floats = (total[who] - weight * beyond + PRIOR * usual) / (count[who] - weight * shared + PRIOR)
        return own

    if usual <= 0:
        return np.full(len(one), usual)
    product = with_everybody_else(one) * with_everybody_else(other) / usual
    return product.clip(-1.0, 1.0)


def _meetings(crowd: Crowd) -> _Meetings:
    """Every two rankings of the same comparison by different people that do not tie everything."""
    rows, votes = crowd.rows, crowd.work.votes
    comparison = np.full(len(rows.author), -1)
    comparison[votes.ranking] = votes.comparison
    says = sums(np.abs(rows.worth), by=rows.ranking, n=len(rows.author)) > 0
    counted = np.flatnonzero(says & (rows.author >= 0))
    counted = counted[np.argsort(comparison[counted], kind="stable")]
    home = comparison[counted]
    n_of = tally(home, n=len(votes.units.comparison_ids))
    firsts, seconds = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for step in range(1, min(int(n_of.max(initial=0)), MOST_RANKINGS)):
        near = (home[step:] == home[:-step]) & (n_of[home[step:]] <= MOST_RANKINGS)
        firsts.append(counted[:-step][near])
        seconds.append(counted[step:][near])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    agreement = _agreement(first, second, crowd)
    compared = np.isfinite(agreement)
    first, second, agreement = first[compared], second[compared], agreement[compared]
    one, other = rows.author[first], rows.author[second]
    return _Meetings(first, second, np.minimum(one, other), np.maximum(one, other), agreement)


def _agreement(first: Ints, second: Ints, crowd: Crowd) -> Floats:
    """The agreement of two rankings on their pairs, ties by half. (meetings,)

    NaN where they did not rank the same completions.
    """
    votes = crowd.work.votes
    by_ranking = np.lexsort((votes.unit, votes.ranking))
    unit, relation = votes.unit[by_ranking], votes.relation[by_ranking].astype(np.float64)
    n_of = tally(votes.ranking, n=len(crowd.rows.author))
    starts = np.cumsum(n_of) - n_of
    agreement = np.full(len(first), np.nan)
    alike = n_of[first] == n_of[second]
    for size in np.unique(n_of[first[alike]]).tolist():
        chosen = np.flatnonzero(alike & (n_of[first] == size))
        for block in np.array_split(chosen, len(chosen) * size // BLOCK + 1):
            cells = np.arange(size)
            left, right = starts[first[block]][:, np.newaxis] + cells, starts[second[block]][:, np.newaxis] + cells
            same = (unit[left] == unit[right]).all(axis=1)
            credit = 1 - np.abs(relation[left] - relation[right]).mean(axis=1) / 2
            agreement[block] = np.where(same, credit, np.nan)
    return agreement


def _rows_by_annotator(met: Met, n: int) -> list[Ints]:
    """The rows of `met` in which each annotator stands, the most suspicious first."""
    ends = np.concatenate([met.one, met.other])
    rows = np.tile(np.arange(len(met.one)), 2)
    order = np.lexsort((-np.nan_to_num(met.z[rows]), ends))
    bounds = np.searchsorted(ends[order], np.arange(1, n))
    return np.split(rows[order], bounds)[:n] if n else []


def _of_annotator(crowd: Crowd, met: Met, meetings: _Meetings, k: int, rows: Ints, names: Mapping[int, str]) -> Finding:
    if not len(rows):
        reason = f"Met nobody on {ANNOTATOR_PAIR.shown} comparisons or more, or the crowd is smaller than {MIN_CROWD}."
        return unknown(Detector.COPYING, reason, n=0)
    best = int(rows[0])
    shared, q, z = int(met.shared[best]), float(met.q[best]), float(met.z[best])
    severity = Severity.NONE
    if q < Q_NOTEWORTHY:
        severe = ANNOTATOR_PAIR.is_acted_upon(shared) and q < Q_SERIOUS and z > SERIOUS_Z
        severity = Severity.SERIOUS if severe else Severity.REVIEW
    partner = int(met.other[best] if met.one[best] == k else met.one[best])
    said = f"agrees on {percent(met.agreement[best])} of the pairs of {shared} comparisons"
    about = f"their quality explains {percent(met.expected[best])}"
    partner_id = int(crowd.work.votes.annotator_ids[partner])
    name = names.get(partner_id, f"annotator {partner_id}")
    is_alike = severity != Severity.NONE
    sentence = f"With {name} {said}; {about}." if is_alike else "Answers like nobody more than their quality explains."
    return Finding(
        Detector.COPYING,
        Estimate(float(met.agreement[best] - met.expected[best]), n=shared),
        severity,
        sentence,
        z=number(z),
        q=number(q),
        evidence=_alike(crowd, meetings, _between(meetings, k, partner)) if is_alike else (),
    )


def _rings(crowd: Crowd, met: Met, meetings: _Meetings, suspicious: Ints) -> list[Ring]:
    """The connected components of annotators joined by suspicious pairs."""
    ends = (met.one[suspicious], met.other[suspicious])
    graph = coo_matrix((np.ones(len(suspicious)), ends), shape=(crowd.n, crowd.n))
    _, component = connected_components(graph, directed=False)
    rings = []
    for ring in np.unique(component[ends[0]]):
        members = np.flatnonzero(component == ring)
        inside = np.isin(meetings.one, members) & np.isin(meetings.other, members)
        said = percent(float(meetings.agreement[inside].mean()))
        rings.append(
            Ring(
                annotators=tuple(crowd.work.votes.annotator_ids[members].tolist()),
                sentence=f"{len(members)} annotators agree on {said} of the pairs where two of them met.",
                evidence=_alike(crowd, meetings, inside),
            )
        )
    return rings


def _between(meetings: _Meetings, k: int, partner: int) -> Flags:
    low, high = min(k, partner), max(k, partner)
    between: Flags = (meetings.one == low) & (meetings.other == high)
    return between


def _alike(crowd: Crowd, meetings: _Meetings, chosen: Flags) -> tuple[int, ...]:
    """The rankings of the meetings that agree most, pair by pair."""
    rows = np.flatnonzero(chosen)
    best = rows[np.argsort(-meetings.agreement[rows], kind="stable")[: SHOWN // 2]]
    codes = np.column_stack([meetings.first[best], meetings.second[best]]).ravel()
    return tuple(dict.fromkeys(crowd.work.votes.ranking_ids[codes].tolist()))
