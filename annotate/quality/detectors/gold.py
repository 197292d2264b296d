"""Gold: how often an annotator meets the known orders, as a posterior; and which gold is bad.

One gold comparison counts as one trial with the share of its pairs in order, because the pairs of one ranking are
dependent. theta ~ Beta(a0, b0) by the crowd's moments, its strength capped at 10; Beta(8, 2) until three annotators
have done some. With Beta(8, 2), 3 right of 8 gives a mean of 0.61: not yet a hold.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import betaincc, betaincinv

from annotate.quality.arrays import Floats, Ints, coded, sums, tally
from annotate.quality.detectors.crowd import SHOWN, Crowd, percent, too_few
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity, SuspectGold
from annotate.quality.minimum import ANNOTATOR_PROMPTS, GOLD, GOLD_KNOWN
from annotate.quality.significance import number
from annotate.quality.work import GoldAnswers

START = (8.0, 2.0)
STRONGEST = 10.0
MIN_CROWD = 3
PASS_ABOVE = 0.6
SURE = 0.9
HALF_LIFE_SECONDS = 30 * 86_400.0
KNOWS_Z = 3.0
BAD_BELOW, BAD_FROM, LEAKED_Z = 0.55, 5, 3.0
ITEM_PASSED = 0.75  # as annotate.policy.GOLD_PASS_RATE


class Posterior(NamedTuple):
    """By annotator (A,): Beta parameters of the pass rate, and answers, undecayed."""

    a: Floats
    b: Floats
    n: Ints


def prior_of(right: Floats, n: Floats) -> tuple[float, float]:
    """Beta parameters by the moments of the crowd's shares; (8, 2) below three annotators.

    >>> prior_of(np.array([1.0]), np.array([2.0]))
    (8.0, 2.0)
    """
    known = n > 0
    if known.sum() < MIN_CROWD:
        return START
    shares, weight = right[known] / n[known], n[known]
    mean = float(np.average(shares, weights=weight).clip(0.05, 0.95))
    within = mean * (1 - mean) * float(np.average(1 / n[known], weights=weight))
    between = float(np.average((shares - mean) ** 2, weights=weight)) - within
    strength = STRONGEST if between <= 0 else min(STRONGEST, max(2.0, mean * (1 - mean) / between - 1))
    return mean * strength, (1 - mean) * strength


def posterior(annotator: Ints, right: Floats, weight: Floats, *, n_annotators: int) -> Posterior:
    """The pass rates; `right` is the share in order of each answer, `weight` what it still counts (1: all)."""
    won, count = (sums(column, by=annotator, n=n_annotators) for column in (right * weight, weight))
    a, b = prior_of(won, count)
    return Posterior(a + won, b + count - won, tally(annotator, n=n_annotators))


def decay(at: Floats) -> Floats:
    """What each answer still counts: half after 30 days, by the newest answer's clock; unknown times count in full."""
    known = np.isfinite(at)
    newest = float(at[known].max()) if known.any() else 0.0
    weight: Floats = np.where(known, 0.5 ** ((newest - np.where(known, at, newest)) / HALF_LIFE_SECONDS), 1.0)
    return weight


def findings(crowd: Crowd) -> tuple[list[Finding], list[Finding]]:
    """For each annotator how they do on gold, and whether they do better on gold than on the rest."""
    gold, who = _known(crowd)
    now = posterior(who, gold.right, decay(gold.at), n_annotators=crowd.n)
    shares = sums(gold.right, by=who, n=crowd.n)
    passing = [_finding(gold, who, now, k, shares[k]) for k in range(crowd.n)]
    return passing, [_knows(crowd, gold, who, now, k, shares[k]) for k in range(crowd.n)]


def suspects(crowd: Crowd) -> list[SuspectGold]:
    """Gold that most fail, and gold that is passed by those who agree with nobody elsewhere."""
    gold, who = _known(crowd)
    items = coded(gold.comparison)
    n = tally(items.codes, n=len(items.ids))
    passed = (gold.right >= ITEM_PASSED).astype(np.float64)
    rate = sums(passed, by=items.codes, n=len(items.ids)) / np.maximum(n, 1)
    agreement = crowd.mean_agreement[who]
    found = []
    for code in np.flatnonzero(n >= BAD_FROM).tolist():
        inside = items.codes == code
        z = _worse_who_pass(agreement[inside], passed[inside])
        estimate = Estimate(float(rate[code]), n=int(n[code]))
        if rate[code] < BAD_BELOW:
            said = f"Only {percent(rate[code])} of {n[code]} annotators pass it: the known order may be wrong."
            found.append(SuspectGold(int(items.ids[code]), estimate, said))
        elif z > LEAKED_Z:
            said = "Those who pass it agree with the others less elsewhere than those who fail it: it may be known."
            found.append(SuspectGold(int(items.ids[code]), estimate, said))
    return found


def p_above(found: Posterior, threshold: float) -> Floats:
    """P(pass rate > threshold). (A,)"""
    chance: Floats = betaincc(found.a, found.b, threshold)
    return chance


def _known(crowd: Crowd) -> tuple[GoldAnswers, Ints]:
    """The gold of annotators who are in the votes, and their codes."""
    gold, ids = crowd.work.gold, crowd.work.votes.annotator_ids
    code = np.searchsorted(ids, gold.annotator)
    here = np.isin(gold.annotator, ids)
    ends = (gold.annotator[here], gold.comparison[here], gold.ranking[here])
    return GoldAnswers(*ends, gold.right[here], gold.at[here]), code[here].astype(np.int64)


def _finding(gold: GoldAnswers, who: Ints, now: Posterior, k: int, right: float) -> Finding:
    n = int(now.n[k])
    if not GOLD.is_shown(n):
        return too_few(Detector.GOLD, n, GOLD)
    a, b = float(now.a[k]), float(now.b[k])
    above = float(p_above(now, PASS_ABOVE)[k])
    severity = Severity.SERIOUS if 1 - above >= SURE else Severity.NONE if above >= SURE else Severity.REVIEW
    end = {Severity.SERIOUS: ", too few.", Severity.NONE: "."}.get(severity, ": more gold will tell.")
    own = np.flatnonzero(who == k)
    wrong = own[np.argsort(gold.right[own], kind="stable")]
    wrong = wrong[gold.right[wrong] < 1][:SHOWN]
    return Finding(
        Detector.GOLD,
        Estimate(a / (a + b), n=n, low=float(betaincinv(a, b, 0.05)), high=float(betaincinv(a, b, 0.95))),
        severity,
        f"{right:.1f} of {n} gold comparisons in the known order" + end,
        evidence=tuple(gold.ranking[wrong].tolist()) if severity != Severity.NONE else (),
    )


def _knows(crowd: Crowd, gold: GoldAnswers, who: Ints, now: Posterior, k: int, right: float) -> Finding:
    n, elsewhere = int(now.n[k]), float(crowd.mean_agreement[k])
    if not GOLD_KNOWN.is_shown(n):
        return too_few(Detector.KNOWS_GOLD, n, GOLD_KNOWN)
    if not ANNOTATOR_PROMPTS.is_shown(int(crowd.others.rankings[k])):
        return too_few(Detector.KNOWS_GOLD, int(crowd.others.rankings[k]), ANNOTATOR_PROMPTS)
    usual = _usual_lead(crowd, gold, who)
    share = right / n
    expected = min(0.99, max(0.01, elsewhere + usual))
    z = (share - expected) / np.sqrt(expected * (1 - expected) / n)
    knows = bool(z > KNOWS_Z)
    said = f"{percent(share)} right on {n} gold comparisons, but {percent(elsewhere)} agreement on the rest"
    sentence = f"{said}: they may know the gold." if knows else "Does on gold as their other rankings promise."
    return Finding(
        Detector.KNOWS_GOLD,
        Estimate(share - elsewhere, n=n),
        Severity.REVIEW if knows else Severity.NONE,
        sentence,
        z=number(z),
        evidence=tuple(gold.ranking[who == k][:SHOWN].tolist()) if knows else (),
    )


def _usual_lead(crowd: Crowd, gold: GoldAnswers, who: Ints) -> float:
    """How much better the crowd does on gold than in agreement with the others: its middle annotator's."""
    n = tally(who, n=crowd.n)
    share = sums(gold.right, by=who, n=crowd.n) / np.maximum(n, 1)
    lead = (share - crowd.mean_agreement)[(n >= GOLD.shown) & np.isfinite(crowd.mean_agreement)]
    return float(np.median(lead)) if len(lead) else 0.0


def _worse_who_pass(agreement: Floats, passed: Floats) -> float:
    """z of the agreement elsewhere of those who fail an item less that of those who pass it."""
    ahead, behind = agreement[(passed == 0) & np.isfinite(agreement)], agreement[(passed == 1) & np.isfinite(agreement)]
    if len(ahead) < 2 or len(behind) < 2:
        return 0.0
    variance = ahead.var(ddof=1) / len(ahead) + behind.var(ddof=1) / len(behind)
    return float((ahead.mean() - behind.mean()) / np.sqrt(variance)) if variance > 0 else 0.0
