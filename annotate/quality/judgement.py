"""Pass, fail or unknown for each annotator, with the reason in one sentence and the rankings that show it.

Fail: a detector is serious, which takes its minimum of data, an effect that matters and a test corrected for the number
of annotators. Pass: nothing serious or suspect, and it is known that they tell something (by the others, or by gold).
Else unknown, which is no accusation. The verdict stops nobody: see annotate.pausing.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from annotate.quality.detectors import (
    copying,
    drift,
    fatigue,
    flat_grades,
    gold,
    haste,
    information,
    newcomers,
    position,
    repeats,
    straight_lining,
    style,
    texture,
    transitivity,
)
from annotate.quality.detectors.crowd import Crowd, crowd_of
from annotate.quality.detectors.information import SURE, Information, p_clicker
from annotate.quality.findings import AnnotatorFindings, Detector, Finding, Judged, Judgement, Severity
from annotate.quality.minimum import ANNOTATOR_PROMPTS
from annotate.quality.work import Work

RISK_FROM, RISK_WEIGHT = 2.0, 2.0
SUSPECT = tuple(
    set(Detector)
    - {Detector.FORMAT, Detector.FATIGUE, Detector.NEWCOMER, Detector.TRANSITIVITY}
    - {Detector.DRIFT, Detector.TIE_DRIFT, Detector.SEVERITY_DRIFT}
)
"""What must be looked at before somebody passes."""
RISKY = (
    Detector.POSITION,
    Detector.LENGTH,
    Detector.FORMAT,
    Detector.HASTE,
    Detector.COPYING,
    Detector.STRAIGHT_LINING,
    Detector.FLAT_GRADES,
    Detector.FATIGUE,
    Detector.FOLLOWED_POSITION,
)


def judge(work: Work, *, names: Mapping[int, str] | None = None) -> Judgement:
    """All findings about a crowd: a pure function of the work, in a few seconds for a million votes.

    `names` by annotator id are what sentences call people; without a name it is «annotator 7».

    Nothing known beside the votes is no error: the detectors that need more say so (`work.bare`).
    """
    crowd = crowd_of(work)
    informed = information_of(crowd)
    told, rings = copying.findings(crowd, names=names or {})
    tiring, session = fatigue.findings(crowd)
    columns = list(_columns(crowd, informed, told, tiring))
    people = [_annotator(crowd, informed, k, tuple(column[k] for column in columns)) for k in range(crowd.n)]
    people.sort(key=lambda one: (one.risk is None, -(one.risk or 0.0), one.annotator))
    about = [style.crowd_length_odds(crowd), session, repeats.crowd_finding(crowd)]
    return Judgement(people, crowd=about, rings=rings, suspect_gold=gold.suspects(crowd))


def information_of(crowd: Crowd) -> Information:
    """What each annotator tells; see detectors/information.py."""
    return information.information_of(crowd)


def _columns(
    crowd: Crowd, informed: Information, told: list[Finding], tiring: list[Finding]
) -> Iterator[list[Finding]]:
    """Each detector's findings, one for each annotator, in the order of the page."""
    least, contrary = information.findings(crowd, informed)
    yield contrary  # before «tells nothing», which is true of them, too
    yield least
    yield from gold.findings(crowd)
    yield from repeats.findings(crowd)
    yield position.findings(crowd)
    yield style.length_findings(crowd)
    yield style.format_findings(crowd)
    yield straight_lining.findings(crowd)
    yield haste.findings(crowd)
    yield told
    yield tiring
    yield flat_grades.findings(crowd)
    yield texture.rhythm_findings(crowd)
    yield texture.words_findings(crowd)
    yield from drift.findings(crowd)
    yield newcomers.findings(crowd)
    yield transitivity.findings(crowd)


def _annotator(crowd: Crowd, informed: Information, k: int, findings: tuple[Finding, ...]) -> AnnotatorFindings:
    verdict, because = _verdict(crowd, informed, k, findings)
    parts = _parts(informed, k, findings)
    return AnnotatorFindings(
        annotator=int(crowd.work.votes.annotator_ids[k]),
        verdict=verdict,
        because=because.detector,
        reason=because.sentence,
        evidence=because.evidence,
        risk=float(sum(parts.values())) if parts else None,
        parts=parts,
        findings=findings,
    )


def _verdict(crowd: Crowd, informed: Information, k: int, findings: tuple[Finding, ...]) -> tuple[Judged, Finding]:
    """The verdict and the finding that it rests on."""
    serious = [finding for finding in findings if finding.severity == Severity.SERIOUS]
    if serious:
        return Judged.FAIL, serious[0]
    suspect = [one for one in findings if one.severity == Severity.REVIEW and one.detector in SUSPECT]
    if suspect:
        return Judged.UNKNOWN, suspect[0]
    by_others = next(finding for finding in findings if finding.detector == Detector.INFORMATION)
    by_gold = next(finding for finding in findings if finding.detector == Detector.GOLD)
    n = int(crowd.others.rankings[k])
    if (
        ANNOTATOR_PROMPTS.is_acted_upon(n)
        and by_others.severity == Severity.NONE
        and p_clicker(informed)[k] <= 1 - SURE
    ):
        return Judged.PASS, by_others
    if by_gold.severity == Severity.NONE:
        return Judged.PASS, by_gold
    return Judged.UNKNOWN, _why_unknown(by_others, n)


def _why_unknown(by_others: Finding, n: int) -> Finding:
    reason = by_others.sentence
    if by_others.severity != Severity.UNKNOWN and not ANNOTATOR_PROMPTS.is_acted_upon(n):
        reason = f"Not enough data: {n} {ANNOTATOR_PROMPTS.of}, judged from {ANNOTATOR_PROMPTS.acted_upon}."
    return Finding(Detector.INFORMATION, by_others.effect, Severity.UNKNOWN, reason, evidence=by_others.evidence)


def _parts(informed: Information, k: int, findings: tuple[Finding, ...]) -> dict[str, float]:
    """What the risk is made of: standard errors below the crowd, and twice what exceeds 2 of each other detector.

    Haste counts only in those who agree less than the crowd's middle: fast and good is fine.
    """
    parts = {}
    if np.isfinite(informed.z[k]):
        parts[str(Detector.INFORMATION)] = float(informed.z[k])
    for finding in findings:
        counts = finding.detector in RISKY and finding.z is not None
        if finding.detector == Detector.HASTE and parts.get(str(Detector.INFORMATION), 0.0) < 0:
            counts = False
        if counts and finding.z is not None and finding.z > RISK_FROM:
            parts[str(finding.detector)] = RISK_WEIGHT * (finding.z - RISK_FROM)
    return parts
