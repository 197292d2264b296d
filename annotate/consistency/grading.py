"""Ratings, aspects and flags of a project: how far annotators agree on them, and what they say together.

Grades have a model with the severity of each annotator (quality.grades), flags have Dawid and Skene's classes
(quality.dawid_skene). Of both the annotators' parameters are kept, so a comparison's page can weigh its few answers.
"""

from dataclasses import dataclass

import numpy as np

from annotate import questions
from annotate.graded import RATING
from annotate.models import Project
from annotate.quality import alpha
from annotate.quality.arrays import Floats, coded
from annotate.quality.dawid_skene import Answers as Classed
from annotate.quality.dawid_skene import dawid_skene
from annotate.quality.estimate import Estimate
from annotate.quality.evidence import evidence, graded_answers
from annotate.quality.grades import GradeConsensus, grade_consensus
from annotate.quality.intervals import BothIntervals
from annotate.quality.measures import agreement_on, gwet_with, icc_with, krippendorff_with
from annotate.quality.shares import clustered_shares, share_estimate
from annotate.quality.slices import figures
from annotate.quality.work import Flagged, Grades, Work
from annotate.questions import RATING_HIGH, RATING_LOW
from annotate.reports import SEED

SCALE: Floats = np.arange(RATING_LOW, RATING_HIGH + 1, dtype=np.float64)
FLAGGED = 1


@dataclass(frozen=True)
class Grader:
    """An annotator on one scale: above 0 `severity` gives higher grades than the others; `spread` of their noise."""

    annotator: int
    severity: float
    spread: float


@dataclass(frozen=True)
class Scale:
    """Agreement on one scale; `raters` grades the mean completion has, of which `averaged` is the reliability."""

    key: str
    label: str
    grade_count: int
    completion_count: int
    mean: float
    raters: int
    ordinal: BothIntervals
    interval: BothIntervals
    single: BothIntervals
    averaged: BothIntervals
    graders: list[Grader]


@dataclass(frozen=True)
class Flagger:
    """An annotator on one flag: P(raises it | it holds), P(raises it | it does not)."""

    annotator: int
    hit_rate: float
    false_alarm_rate: float


@dataclass(frozen=True)
class Flag:
    """Agreement on one flag; `base_rate` is the share of completions on which it holds, by the model."""

    key: str
    label: str
    raised_count: int
    prevalence: Estimate
    positive: BothIntervals
    negative: BothIntervals
    ac1: BothIntervals
    alpha: BothIntervals
    base_rate: float
    flaggers: list[Flagger]


@dataclass(frozen=True)
class Gradings:
    """All that is asked of single completions in a project, the overall rating first."""

    scales: list[Scale]
    flags: list[Flag]


def gradings(project: Project, work: Work) -> Gradings:
    """Return the agreement on every scale and flag, and the annotators' parameters."""
    names = labels(project)
    return Gradings(
        scales=[_scale(key, names.get(key, key), work.scales[key]) for key in sorted(work.scales, key=_rating_first)],
        flags=[_flag(key, names.get(f"flag:{key}", key), work.flags) for key in work.flags.raised],
    )


def labels(project: Project) -> dict[str, str]:
    """Return what a project calls its scales (by their names in `graded`) and flags (as «flag:key»)."""
    asked = questions.parse(project.questions)
    named = {f"aspect:{one.key}": one.label for one in asked.aspects}
    return {RATING: "Overall rating"} | named | {f"flag:{one.key}": one.label for one in asked.flags}


def consensus_of(grades: Grades) -> tuple[np.ndarray, GradeConsensus]:
    """Return the ids of the graded completions, and their consensus in that order."""
    units, people = coded(grades.completion), coded(grades.annotator)
    return units.ids, grade_consensus(units.codes, people.codes, grades.value)


def _rating_first(key: str) -> tuple[bool, str]:
    return key != RATING, key


def _scale(key: str, label: str, grades: Grades) -> Scale:
    on_scale = np.isin(grades.value, SCALE)
    grades = Grades(*(column[on_scale] for column in grades))
    answers = graded_answers(
        unit=grades.completion, annotator=grades.annotator, value=grades.value, prompt=grades.prompt, scale=SCALE
    )
    ids, fitted = consensus_of(grades)
    raters = max(round(len(grades.value) / max(len(ids), 1)), 1)
    measures = (
        krippendorff_with(alpha.ordinal, name="ordinal"),
        krippendorff_with(alpha.interval, name="interval"),
        icc_with(),
        icc_with(raters),
    )
    both = figures([evidence(answers, one) for one in measures], seed=SEED)
    people = np.unique(grades.annotator).tolist()
    rows = zip(people, fitted.severity.tolist(), fitted.spread.tolist(), strict=True)
    mean = float(grades.value.mean()) if len(grades.value) else 0.0
    return Scale(key, label, len(grades.value), len(ids), mean, raters, *both, [Grader(*row) for row in rows])


def _flag(key: str, label: str, asked: Flagged) -> Flag:
    raised = asked.raised[key]
    answers = graded_answers(
        unit=asked.completion,
        annotator=asked.annotator,
        value=raised.astype(np.float64),
        prompt=asked.prompt,
        scale=np.array([0.0, 1.0]),
    )
    measures = (agreement_on(FLAGGED), agreement_on(0), gwet_with(), krippendorff_with(alpha.nominal, name="nominal"))
    both = figures([evidence(answers, one) for one in measures], seed=SEED)
    everyone = np.zeros(len(raised), dtype=np.int64)
    shares = clustered_shares(raised.astype(np.float64), group=everyone, cluster=coded(asked.prompt).codes, n_groups=1)
    fitted = dawid_skene(Classed(answers.unit, answers.annotator, raised.astype(np.int64)), n_classes=2)
    people = np.unique(asked.annotator).tolist()
    hits, alarms = fitted.confusion[:, 1, FLAGGED].tolist(), fitted.confusion[:, 0, FLAGGED].tolist()
    return Flag(
        key,
        label,
        int(raised.sum()),
        share_estimate(shares, 0, min_votes=1, min_clusters=1, of="answers"),
        *both,
        base_rate=float(fitted.prevalence[FLAGGED]),
        flaggers=[Flagger(*row) for row in zip(people, hits, alarms, strict=True)],
    )
