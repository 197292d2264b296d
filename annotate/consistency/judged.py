"""A judgement as it is stored, of which a page takes out what it shows: a thousand people have 15 findings each."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

from annotate.consistency.codec import revived
from annotate.quality.findings import AnnotatorFindings, Detector, Finding, Judged, Judgement, Ring
from annotate.report_store import Content


@dataclass(frozen=True)
class Verdict:
    """The verdict on an annotator in short; `risk` only orders a list."""

    verdict: Judged
    reason: str
    risk: float | None


def in_short(judgement: Judgement, *, detectors: Collection[Detector] = ()) -> Judgement:
    """Return a judgement with the verdict on each annotator, and what these detectors found: all that a list shows."""
    short = [
        replace(one, evidence=(), parts={}, findings=tuple(each for each in one.findings if each.detector in detectors))
        for one in judgement.annotators
    ]
    return replace(judgement, annotators=short)


@dataclass(frozen=True)
class Judgements:
    """All that was found about a project's annotators; `content` is what codec.plain made of a findings.Judgement."""

    content: Content

    @cached_property
    def verdicts(self) -> dict[int, Verdict]:
        """The verdicts by annotator id, most at risk first."""
        rows = self.content["annotators"]
        return {row["annotator"]: Verdict(Judged(row["verdict"]), row["reason"], row["risk"]) for row in rows}

    @cached_property
    def crowd(self) -> list[Finding]:
        """What is found about the crowd as a whole."""
        return revived(list[Finding], self.content["crowd"])

    @cached_property
    def rings(self) -> list[Ring]:
        """Annotators who answer alike more often than their quality explains."""
        return revived(list[Ring], self.content["rings"])

    def of(self, annotator_id: int) -> AnnotatorFindings | None:
        """Everything about one annotator; None where they were not judged."""
        rows = (row for row in self.content["annotators"] if row["annotator"] == annotator_id)
        found = next(rows, None)
        return None if found is None else revived(AnnotatorFindings, found)

    def by(self, detector: Detector) -> dict[int, Finding]:
        """One detector's finding of each annotator, by id."""
        return {
            row["annotator"]: revived(Finding, finding)
            for row in self.content["annotators"]
            for finding in row["findings"]
            if finding["detector"] == detector
        }
