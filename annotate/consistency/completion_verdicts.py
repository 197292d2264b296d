"""What the annotators of one comparison say together of each completion: grades and flags, weighed by who said it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from annotate.consistency.grading import FLAGGED, Flag, Grader, Gradings, Scale
from annotate.graded import RATING
from annotate.models import Ranking
from annotate.quality.dawid_skene import posterior_given
from annotate.quality.grades import item_grade


@dataclass(frozen=True)
class Verdict:
    """What annotators say of one completion: grades as (label, grade, error, how many), flags as (label, P, raised,
    asked)."""

    grades: list[tuple[str, float, float, int]]
    flags: list[tuple[str, float, int, int]]


def verdicts(rankings: Iterable[Ranking], found: Gradings) -> dict[int, Verdict]:
    """Return what the rankings of one comparison say of each completion, weighed by who said it.

    Completions of which nothing was said are left out; who is unknown to the report is like the middle one.
    """
    said = [one for one in rankings if one.tiers]
    completions = sorted({pk for one in said for tier in one.tiers for pk in tier})
    verdict = {
        pk: Verdict(
            grades=[row for scale in found.scales if (row := _grade_row(scale, said, str(pk)))],
            flags=[row for flag in found.flags if (row := _flag_row(flag, said, str(pk)))],
        )
        for pk in completions
    }
    return {pk: one for pk, one in verdict.items() if one.grades or one.flags}


def _grade_row(scale: Scale, said: list[Ranking], completion: str) -> tuple[str, float, float, int] | None:
    given = [(one.annotator_id, grade) for one in said if (grade := _grade(one, scale.key, completion)) is not None]
    if not given:
        return None
    known = {one.annotator: one for one in scale.graders}
    middle = float(np.median([one.spread for one in scale.graders])) if scale.graders else 1.0
    unknown = Grader(0, 0.0, middle)
    by = [known.get(annotator, unknown) for annotator, _ in given]
    grade, error = item_grade(
        np.array([float(grade) for _, grade in given]),
        np.array([one.severity for one in by]),
        np.array([one.spread for one in by]),
    )
    return scale.label, grade, error, len(given)


def _grade(ranking: Ranking, key: str, completion: str) -> int | None:
    details: Mapping[str, Mapping[str, int]] = ranking.details
    if key == RATING:
        return details.get("ratings", {}).get(completion)
    aspects: Mapping[str, Mapping[str, int]] = ranking.details.get("aspects", {})
    return aspects.get(key.removeprefix("aspect:"), {}).get(completion)


def _flag_row(flag: Flag, said: list[Ranking], completion: str) -> tuple[str, float, int, int] | None:
    answers = [int(flag.key in one.details.get("flags", {}).get(completion, ())) for one in said]
    if not any(answers):
        return None
    known = {one.annotator: (one.hit_rate, one.false_alarm_rate) for one in flag.flaggers}
    middle = tuple(np.median(list(known.values()), axis=0).tolist()) if known else (0.75, 0.25)
    rates = [known.get(one.annotator_id, middle) for one in said]
    confusion = np.array([[[1 - alarm, alarm], [1 - hit, hit]] for hit, alarm in rates])
    prevalence = np.array([1 - flag.base_rate, flag.base_rate])
    chance = float(posterior_given(np.array(answers), confusion, prevalence)[FLAGGED])
    return flag.label, chance, sum(answers), len(answers)
