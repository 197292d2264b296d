"""What is found about annotators: the words that the detectors, the verdicts and the pages share.

A finding has an effect with its n, how far that is from chance or from the crowd, one plain sentence, and the rankings
that show it. A verdict is pass, fail or unknown; unknown is a result, and never a reason to stop anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from annotate.quality.estimate import Estimate


class Detector(StrEnum):
    """What is looked at; `section` names the part of docs/quality.md that explains it."""

    INFORMATION = "information"
    CONTRARY = "contrary"
    GOLD = "gold"
    KNOWS_GOLD = "knows-gold"
    REPEATS = "self-consistency"
    FOLLOWED_POSITION = "followed-the-position"
    POSITION = "position"
    LENGTH = "length"
    FORMAT = "format"
    STRAIGHT_LINING = "straight-lining"
    HASTE = "haste"
    COPYING = "copying"
    FATIGUE = "fatigue"
    DRIFT = "drift"
    TRANSITIVITY = "transitivity"
    NEWCOMER = "newcomer"
    FLAT_GRADES = "flat-grades"
    TIE_DRIFT = "tie-drift"
    SEVERITY_DRIFT = "severity-drift"
    RHYTHM = "rhythm"
    SAME_WORDS = "same-words"

    @property
    def section(self) -> str:
        """The heading in docs/quality.md."""
        elsewhere = {
            Detector.CONTRARY: "Information",
            Detector.KNOWS_GOLD: "Gold",
            Detector.FOLLOWED_POSITION: "Self-consistency",
            Detector.LENGTH: "Length and format",
            Detector.FORMAT: "Length and format",
            Detector.NEWCOMER: "Newcomers",
            Detector.FLAT_GRADES: "Straight-lining",
            Detector.TIE_DRIFT: "Drift",
            Detector.SEVERITY_DRIFT: "Drift",
            Detector.RHYTHM: "Bot texture",
            Detector.SAME_WORDS: "Bot texture",
        }
        return elsewhere.get(self, self.value.capitalize())


class Severity(StrEnum):
    """How much a finding weighs. Only `SERIOUS` makes a verdict fail; `REVIEW` asks somebody to look."""

    UNKNOWN = "unknown"
    NONE = "none"
    REVIEW = "review"
    SERIOUS = "serious"


class Judged(StrEnum):
    """The verdict on an annotator."""

    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one detector says of one annotator, or of the whole crowd.

    `effect` is in the unit that `sentence` names, with its n; where its value is None the severity is UNKNOWN and the
    sentence is the reason. `z`: standard errors from chance or from the crowd, positive where it is worse. `q`: the
    p-value after Benjamini and Hochberg over all annotators. None where the rule is not a test. An unknown finding may
    have a z: too weak to be shown, it counts in the risk.
    """

    detector: Detector
    effect: Estimate
    severity: Severity
    sentence: str
    z: float | None = None
    q: float | None = None
    evidence: tuple[int, ...] = ()  # ranking ids, the clearest first


@dataclass(frozen=True, slots=True)
class AnnotatorFindings:
    """All that is found about one annotator, by id.

    `because` is the detector that the verdict rests on, `reason` its one sentence, `evidence` the rankings that show
    it. `risk` is the sum of `parts` (0: like the crowd, higher is worse) and only orders a list; None where nothing
    could be measured.
    """

    annotator: int
    verdict: Judged
    because: Detector
    reason: str
    evidence: tuple[int, ...]
    risk: float | None
    parts: Mapping[str, float]
    findings: tuple[Finding, ...]

    def of(self, detector: Detector) -> Finding:
        """The finding of one detector; each annotator has one for each."""
        return next(finding for finding in self.findings if finding.detector == detector)

    @property
    def noteworthy(self) -> list[Finding]:
        """The findings to show first, serious ones before the others."""
        order = [Severity.SERIOUS, Severity.REVIEW]
        return sorted(
            (one for one in self.findings if one.severity in order), key=lambda one: order.index(one.severity)
        )


@dataclass(frozen=True, slots=True)
class Ring:
    """Annotators who answer alike more often than their quality explains; ids, and the rankings that are equal."""

    annotators: tuple[int, ...]
    sentence: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SuspectGold:
    """A gold comparison (id) to retire: the crowd fails it, or only those pass it who fail elsewhere."""

    comparison: int
    pass_rate: Estimate
    sentence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The annotators, most at risk first; and what is found about the crowd as a whole."""

    annotators: list[AnnotatorFindings]
    crowd: list[Finding]
    rings: list[Ring] = field(default_factory=list)
    suspect_gold: list[SuspectGold] = field(default_factory=list)
