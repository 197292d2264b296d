"""How often the two intervals hold the truth: projects drawn from crowds whose long-run agreement is known.

`same_crowd` draws a crowd once and projects of it again and again; the truth is that crowd's agreement on 100,000
prompts. `new_crowd` draws a crowd for each project; the truth is the agreement of 100,000 annotators.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from annotate.quality.estimate import Estimate
from annotate.quality.evidence import Answers, Measure, answers_of, evidence, graded_answers
from annotate.quality.intervals import BothIntervals
from annotate.quality.ranking import RankedCompletions, pair_votes
from annotate.quality.slices import figures

K, OVERLAP, LONG_RUN = 4, 3, 100_000
SCALE = np.arange(1.0, 6.0)


class Crowd(NamedTuple):
    """Annotators by their noise, the width of their ties, their severity in grades, and how much they do."""

    noise: np.ndarray
    tie: np.ndarray
    severity: np.ndarray
    activity: np.ndarray


class Coverage(NamedTuple):
    """The share of projects whose interval held the truth, and how wide the intervals were on average."""

    share: float
    width: float
    projects: int


def draw_crowd(rng: np.random.Generator, *, annotators: int) -> Crowd:
    """Honest noise of all sizes, one in ten who guesses."""
    noise = np.exp(rng.normal(np.log(0.8), 0.5, annotators))
    noise[rng.random(annotators) < 0.1] = 20.0
    activity = np.exp(rng.normal(0, 0.5, annotators))
    return Crowd(noise, rng.gamma(2.0, 0.1, annotators), rng.normal(0, 0.4, annotators), activity / activity.sum())


def draw_answers(rng: np.random.Generator, crowd: Crowd, *, prompts: int, graded: bool) -> Answers:
    """One project: four completions a prompt, three annotators each; rankings with ties, or grades 1..5."""
    annotator = _who(rng, crowd.activity, prompts)
    prompt = np.repeat(np.arange(prompts), OVERLAP)
    quality = 0.6 * rng.normal(size=(prompts, K)) + 0.5 * rng.normal(size=(prompts, 1)) * rng.normal(size=(prompts, K))
    felt = quality[prompt] + crowd.noise[annotator][:, np.newaxis] * rng.normal(size=(len(prompt), K))
    if graded:
        grade = np.clip(np.round(3 + 1.1 * felt + crowd.severity[annotator][:, np.newaxis]), 1, 5)
        unit = prompt[:, np.newaxis] * K + np.arange(K)
        return graded_answers(
            unit=unit.ravel(),
            annotator=np.repeat(annotator, K),
            value=grade.ravel(),
            prompt=np.repeat(prompt, K),
            scale=SCALE,
        )
    return answers_of(pair_votes(_rankings(felt, crowd.tie[annotator], annotator, prompt)))


def same_crowd(
    measures: Sequence[Measure], *, seed: int, projects: int, prompts: int, annotators: int, graded: bool = False
) -> list[Coverage]:
    """Coverage of «these annotators, new prompts» by each measure, over four crowds."""
    rng = np.random.default_rng([seed, 1])
    shown = []
    for _ in range(4):
        crowd = draw_crowd(rng, annotators=annotators)
        truth = _long_run(rng, crowd, measures, graded=graded)
        for _ in range(projects // 4):
            found = _figures(rng, crowd, measures, prompts=prompts, graded=graded)
            shown.append([(true, both.same_annotators) for true, both in zip(truth, found, strict=True)])
    return [_covered(of_measure) for of_measure in zip(*shown, strict=True)]


def new_crowd(
    measures: Sequence[Measure], *, seed: int, projects: int, prompts: int, annotators: int, graded: bool = False
) -> list[Coverage]:
    """Coverage of «new annotators too» by each measure."""
    rng = np.random.default_rng([seed, 2])
    truth = _long_run(rng, draw_crowd(rng, annotators=100_000), measures, graded=graded)
    shown = []
    for _ in range(projects):
        crowd = draw_crowd(rng, annotators=annotators)
        found = _figures(rng, crowd, measures, prompts=prompts, graded=graded)
        shown.append([(true, both.new_annotators) for true, both in zip(truth, found, strict=True)])
    return [_covered(of_measure) for of_measure in zip(*shown, strict=True)]


def _long_run(rng: np.random.Generator, crowd: Crowd, measures: Sequence[Measure], *, graded: bool) -> list[float]:
    answers = draw_answers(rng, crowd, prompts=LONG_RUN, graded=graded)
    return [evidence(answers, measure).value for measure in measures]


def _figures(
    rng: np.random.Generator, crowd: Crowd, measures: Sequence[Measure], *, prompts: int, graded: bool
) -> list[BothIntervals]:
    answers = draw_answers(rng, crowd, prompts=prompts, graded=graded)
    return figures([evidence(answers, measure) for measure in measures], seed=int(rng.integers(2**31)))


def _covered(shown: Sequence[tuple[float, Estimate]]) -> Coverage:
    held = [estimate.low <= truth <= estimate.high for truth, estimate in shown]
    width = [estimate.high - estimate.low for _, estimate in shown]
    return Coverage(float(np.mean(held)), float(np.mean(width)), len(shown))


def _who(rng: np.random.Generator, activity: np.ndarray, prompts: int) -> np.ndarray:
    """Three different annotators for each prompt, the active ones more often."""
    if len(activity) > 1_000:  # two of so many are hardly ever the same: draw again until they differ
        who = rng.choice(len(activity), size=(prompts, OVERLAP), p=activity)
        while (again := (np.diff(np.sort(who, axis=1), axis=1) == 0).any(axis=1)).any():
            who[again] = rng.choice(len(activity), size=(int(again.sum()), OVERLAP), p=activity)
        return who.ravel()
    parts = [
        np.argpartition(-(np.log(activity) + rng.gumbel(size=(size, len(activity)))), OVERLAP, axis=1)[:, :OVERLAP]
        for size in np.diff(np.append(np.arange(0, prompts, 10_000), prompts))
    ]
    return np.concatenate(parts).ravel()


def _rankings(felt: np.ndarray, tie: np.ndarray, annotator: np.ndarray, prompt: np.ndarray) -> RankedCompletions:
    """Bucket orders: a new tier where the gap to the one before is wider than the annotator's ties."""
    order = np.argsort(-felt, axis=1)
    gaps = -np.diff(np.take_along_axis(felt, order, axis=1), axis=1) > tie[:, np.newaxis]
    tiers = np.concatenate([np.zeros((len(felt), 1), dtype=np.int64), np.cumsum(gaps, axis=1)], axis=1)
    tier = np.empty_like(tiers)
    np.put_along_axis(tier, order, tiers, axis=1)
    ranking = np.repeat(np.arange(len(felt)), K)
    completion = (prompt[:, np.newaxis] * K + np.arange(K)).ravel()
    unknown = np.full(len(ranking), -1)
    prompts = np.repeat(prompt, K)
    return RankedCompletions(
        ranking, prompts, prompts, np.repeat(annotator, K), completion, tier.ravel(), position=unknown
    )
