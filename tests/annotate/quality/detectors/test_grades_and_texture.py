"""Flat grades, drift of ties and of strictness, a machine's beat and words: found where put in, and nowhere else."""

import numpy as np
import pytest

from annotate.quality.detectors import drift, flat_grades, texture
from annotate.quality.detectors.crowd import Crowd, crowd_of
from annotate.quality.detectors.graded_work import grade_residuals
from annotate.quality.detectors.rows import rows_of
from annotate.quality.findings import Finding, Severity
from annotate.quality.work import Grades, Work
from tests.annotate.quality.detectors import people

DAY = 86_400.0
START = 1_767_571_200.0  # Monday, 2026-01-05
ODD = 7


def graded(work: Work, *, flat: int | None = None, stricter: np.ndarray | None = None, seed: int = 2) -> Work:
    """The work with grades 1..7 on one scale; one annotator may give one grade a ranking, rankings may be stricter."""
    rng, rows = np.random.default_rng(seed), rows_of(work.votes)
    worth = rng.normal(size=len(rows.completion_ids))[rows.completion]
    shift = np.zeros(len(rows.author)) if stricter is None else stricter
    value = np.clip(np.round(4 + 1.2 * worth + 0.6 * rng.normal(size=len(worth)) - shift[rows.ranking]), 1, 7)
    if flat is not None:
        own = rows.annotator == flat
        value[own] = np.resize([4.0, 4.0, 5.0], len(rows.author))[rows.ranking][own]
    scale = Grades(
        completion=rows.completion_ids[rows.completion],
        annotator=work.votes.annotator_ids[rows.annotator],
        prompt=rows.completion // people.K,
        ranking=work.votes.ranking_ids[rows.ranking],
        value=value,
    )
    return work._replace(scales={"rating": scale})


def weekly(work: Work, *, weeks: int = 12, seed: int = 4) -> Work:
    """The rankings spread evenly over weeks, in no order of the prompts."""
    n = len(work.votes.ranking_ids)
    week = np.random.default_rng(seed).permutation(n) % weeks
    return work._replace(at=START + 7 * DAY * week + np.arange(n))


def noteworthy(findings: list[Finding]) -> list[int]:
    return [k for k, one in enumerate(findings) if one.severity in (Severity.REVIEW, Severity.SERIOUS)]


def crowd(**options: object) -> Crowd:
    return crowd_of(graded(people.crowd({}), **options))


def test_one_grade_for_all_is_serious_and_honest_grades_are_nothing() -> None:
    found = flat_grades.findings(crowd(flat=ODD))

    assert noteworthy(found) == [ODD]
    assert found[ODD].severity == Severity.SERIOUS
    assert found[ODD].effect.value == 1.0
    assert found[ODD].sentence.startswith("One grade for all completions on 100 % of")
    assert "all grades have 1.0 bits" in found[ODD].sentence
    assert len(found[ODD].evidence) == 8


@pytest.mark.parametrize("seed", range(4))
def test_an_honest_crowd_has_no_flat_graders(seed: int) -> None:
    assert noteworthy(flat_grades.findings(crowd(seed=seed))) == []


def test_renaming_annotators_renames_the_finding() -> None:
    work = graded(people.crowd({}), flat=ODD)
    scale = work.scales["rating"]
    last = int(work.votes.annotator_ids[-1])
    votes = work.votes._replace(annotator=last - work.votes.annotator)
    turned = work._replace(votes=votes, scales={"rating": scale._replace(annotator=last - scale.annotator)})

    assert noteworthy(flat_grades.findings(crowd_of(turned))) == [last - ODD]


def test_grades_of_nobody_or_of_few_are_unknown() -> None:
    without = flat_grades.findings(crowd_of(people.crowd({})))
    few = flat_grades.findings(crowd_of(graded(people.crowd({}, n_prompts=20))))

    assert {one.severity for one in [*without, *few]} == {Severity.UNKNOWN}
    assert without[0].effect.reason == "Not enough data: 0 rankings with two grades on a scale, shown from 10."


def test_a_residual_is_the_mean_distance_to_the_others_and_never_to_the_own_grade() -> None:
    work = people.crowd({}, n_prompts=2, n_annotators=3)  # three rankings each of completions 0-3 and 4-7
    rows = rows_of(work.votes)
    by = dict(enumerate((2.0, 4.0, 6.0)))
    value = np.array([by[annotator] for annotator in rows.annotator.tolist()])
    scale = Grades(rows.completion, rows.annotator, rows.completion // 4, rows.ranking, value)

    residual = grade_residuals(work._replace(scales={"rating": scale}))

    author = rows.author.tolist()
    assert residual.tolist() == [{0: -3.0, 1: 0.0, 2: 3.0}[annotator] for annotator in author]


def test_who_grows_stricter_drifts_and_the_always_strict_do_not() -> None:
    work = weekly(people.crowd({}, n_prompts=2400, n_annotators=16))
    rows = rows_of(work.votes)
    late = (work.at - START) / (7 * DAY) / 12
    stricter = np.where(rows.author == ODD, 2 * late, np.where(rows.author == 3, 1.5, 0.0))

    found = drift.findings(crowd_of(graded(work, stricter=stricter)))[2]

    assert noteworthy(found) == [ODD]
    assert "Grades, less what the others give," in found[ODD].sentence
    assert found[ODD].severity == Severity.REVIEW
    assert found[ODD].evidence


def test_who_ties_more_and_more_drifts() -> None:
    def tires(seen: people.Seen) -> np.ndarray:
        value = people.honest(seen)
        late = np.arange(len(value)) > len(value) // 2
        return np.where(late[:, np.newaxis], np.round(value), value)

    work = people.crowd({ODD: tires}, n_prompts=2400, n_annotators=16)
    n = len(work.votes.ranking_ids)
    work = work._replace(at=START + 7 * DAY * (np.arange(n) * 12 // n) + np.arange(n) % 1000)

    found = drift.findings(crowd_of(work))[1]

    assert noteworthy(found) == [ODD]
    assert found[ODD].sentence.startswith("The share of ties ")


def test_a_clockwork_beat_is_looked_at_and_peoples_times_are_not() -> None:
    work = people.crowd({})
    rows, rng = rows_of(work.votes), np.random.default_rng(9)
    at = np.full(len(rows.author), np.nan)
    for annotator in range(24):
        own = rows.author == annotator
        n = int(own.sum())
        between = np.full(n, 20.0) + rng.normal(0, 1, n) if annotator == ODD else rng.lognormal(3.3, 0.6, n)
        at[own] = START + np.cumsum(between)

    found = texture.rhythm_findings(crowd_of(work._replace(at=at)))

    assert noteworthy(found) == [ODD]
    assert found[ODD].effect.value == pytest.approx(0.05, abs=0.02)
    assert "more even than people work" in found[ODD].sentence


def test_times_of_a_file_that_knows_days_only_say_nothing() -> None:
    work = people.crowd({})
    at = START + DAY * (np.arange(len(work.votes.ranking_ids)) % 30)

    found = texture.rhythm_findings(crowd_of(work._replace(at=at)))

    assert {one.severity for one in found} == {Severity.UNKNOWN}


def test_a_break_ends_a_session_and_is_no_time_between_rankings() -> None:
    work = people.crowd({}, n_prompts=1, n_annotators=3)
    one = work._replace(at=np.array([START, START, START]))._replace(
        votes=work.votes._replace(annotator=np.zeros_like(work.votes.annotator), annotator_ids=np.array([0]))
    )

    gap = texture.gaps(crowd_of(one._replace(at=np.array([START, START + 1800, START + 1800 + 1801]))))

    assert np.array_equal(gap, [np.nan, 1800.0, np.nan], equal_nan=True)


@pytest.mark.parametrize(("code_of_others", "who"), [("own", [ODD]), ("set phrase", [])])
def test_the_same_words_again_and_again_stand_out_unless_everybody_says_them(code_of_others: str, who: list) -> None:
    work = people.crowd({})
    n = len(work.votes.ranking_ids)
    others = np.arange(n) + 1 if code_of_others == "own" else np.ones(n, dtype=np.int64)
    reason = np.where(rows_of(work.votes).author == ODD, 0, others)

    found = texture.words_findings(crowd_of(work._replace(reason=reason)))

    assert noteworthy(found) == who
    assert all(one.effect.value is not None for one in found)


def test_without_reasons_nothing_is_said_of_words() -> None:
    assert {one.severity for one in texture.words_findings(crowd_of(people.crowd({})))} == {Severity.UNKNOWN}
