"""Grades and flags: several figures side by side, each with both intervals."""

import numpy as np
import pytest

from annotate.quality import grades, intervals, kappa, measures
from annotate.quality.alpha import ValueCounts, interval, krippendorff_alpha, ordinal
from annotate.quality.evidence import Answers, counts_of, evidence, graded_answers
from annotate.quality.icc import icc_one_way

SCALE = np.arange(1.0, 6.0)


def graded(seed: int, *, n_units: int = 120, n_annotators: int = 8, overlap: int = 3) -> Answers:
    """Grades 1..5 of two completions a prompt: item, severity of the annotator, noise."""
    rng = np.random.default_rng(seed)
    annotator = np.argsort(rng.random((n_units, n_annotators)), axis=1)[:, :overlap].ravel()
    unit = np.repeat(np.arange(n_units), overlap)
    severity = rng.normal(0, 0.3, n_annotators)
    value = 3 + rng.normal(0, 1, n_units)[unit] + severity[annotator] + rng.normal(0, 0.6, len(unit))
    return graded_answers(
        unit=unit, annotator=annotator, value=np.clip(np.round(value), 1, 5), prompt=unit // 2, scale=SCALE
    )


def flags(*units: str) -> Answers:
    """One string a completion, one letter an annotator: f flags, . does not, blank has not looked."""
    cells = [(u, a, letter == "f") for u, row in enumerate(units) for a, letter in enumerate(row) if letter != " "]
    unit, annotator, flagged = np.array(cells).T.reshape(3, -1)
    return graded_answers(
        unit=unit, annotator=annotator, value=flagged.astype(float), prompt=unit, scale=np.array([0.0, 1.0])
    )


def without(answers: Answers, annotator: int) -> Answers:
    rows = answers.annotator != annotator
    return answers._replace(unit=answers.unit[rows], annotator=answers.annotator[rows], answer=answers.answer[rows])


MEASURES = [
    measures.krippendorff_with(ordinal, name="ordinal"),
    measures.krippendorff_with(interval, name="interval"),
    measures.gwet_with(),
    measures.gwet_with(kappa.quadratic_weights(SCALE)),
    measures.icc_with(),
    measures.icc_with(3),
    measures.agreement_on(2),
]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_leaving_an_annotator_out_equals_reckoning_without_their_answers(measure) -> None:
    answers = graded(1)

    found = evidence(answers, measure)

    left = evidence(without(answers, 5), measure)
    assert found.of(found.without[5]) == pytest.approx(left.value)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_the_bootstrap_mean_lies_at_the_value(measure) -> None:
    found = evidence(graded(2), measure)

    values = found.of(intervals.bootstrap_sums(found.prompts, seed=3))

    assert values.mean() == pytest.approx(found.value, abs=0.2 * values.std())


def test_the_figures_of_grades_are_those_of_their_formulas() -> None:
    answers = graded(3)
    table = ValueCounts(counts_of(answers), SCALE)

    found = grades.grade_agreement(answers, seed=1)

    assert found.alpha.same_annotators.value == pytest.approx(krippendorff_alpha(table, metric=ordinal).value)
    assert found.icc.same_annotators.value == pytest.approx(icc_one_way(table).value)
    assert found.icc_mean.new_annotators.value == pytest.approx(icc_one_way(table, raters=3).value)
    assert found.alpha.new_annotators.low < found.alpha.same_annotators.low < found.alpha.same_annotators.value


def test_weighted_prompts_count_for_more() -> None:
    answers = graded(4)
    doubled = np.where(np.arange(answers.n_prompts) < 30, 2.0, 1.0)
    rows = np.concatenate([np.arange(len(answers.unit)), np.flatnonzero(answers.prompt < 30)])
    again = answers.unit[rows] + np.where(np.arange(len(rows)) < len(answers.unit), 0, len(answers.prompt_of_unit))
    twice = answers._replace(unit=again, annotator=answers.annotator[rows], answer=answers.answer[rows])
    twice = twice._replace(prompt_of_unit=np.tile(answers.prompt_of_unit, 2))

    found = evidence(answers, MEASURES[1], weight=doubled)

    copied = evidence(twice, MEASURES[1])
    assert found.value == pytest.approx(copied.value)
    assert found.without == pytest.approx(copied.without)


def test_positive_and_negative_agreement_of_two_are_worked_by_hand() -> None:
    """Both flag 10, one of them 5, neither 25: 2 * 10 / (20 + 5), 2 * 25 / (50 + 5)."""
    found = grades.flag_agreement(flags(*["ff"] * 10, *["f."] * 5, *[".."] * 25), seed=1)

    assert found.positive.same_annotators.value == pytest.approx(20 / 25)
    assert found.negative.same_annotators.value == pytest.approx(50 / 55)
    assert found.prevalence.value == pytest.approx(25 / 80)
    assert found.ac1.same_annotators.value > found.alpha.same_annotators.value


def test_flags_that_nobody_raised_agree_on_nothing_that_could_be_told_from_chance() -> None:
    found = grades.flag_agreement(flags(*["..."] * 40), seed=1)

    assert found.positive.same_annotators.reason.startswith("No variation")
    assert found.ac1.same_annotators.reason.startswith("No variation")
    assert found.prevalence.value == 0.0
    assert found.prevalence.high > 0.01


def test_a_flag_is_nought_or_one() -> None:
    with pytest.raises(ValueError, match="A flag is 0 or 1"):
        grades.flag_agreement(graded(1), seed=1)


def test_answers_off_the_scale_and_double_answers_are_refused() -> None:
    two = np.array([7, 7])
    with pytest.raises(ValueError, match="not on the scale"):
        graded_answers(unit=two, annotator=np.array([1, 2]), value=np.array([1.0, 9.0]), prompt=two, scale=SCALE)
    with pytest.raises(ValueError, match="answered one unit twice"):
        graded_answers(unit=two, annotator=np.array([1, 1]), value=np.array([1.0, 2.0]), prompt=two, scale=SCALE)


def test_the_spread_of_each_unit_is_worked_by_hand() -> None:
    """Grades 1, 1, 5 and 3, 3 and 2: variances 16/3, 0 and none."""
    counts = np.array([[2, 0, 0, 0, 1], [0, 0, 2, 0, 0], [0, 1, 0, 0, 0]], dtype=float)

    spread = grades.unit_spread(ValueCounts(counts, SCALE))

    assert spread.mean == pytest.approx([7 / 3, 3, 2])
    assert spread.variance[:2] == pytest.approx([16 / 3, 0])
    assert spread.range[:2].tolist() == [4.0, 0.0]
    assert spread.disagreement[:2] == pytest.approx([5 / 3, 0])
    assert np.isnan([spread.variance[2], spread.range[2], spread.disagreement[2]]).all()


@pytest.mark.parametrize("rows", [[], ["f"] * 40, ["f."] * 29, ["ff"] * 40])
def test_too_little_or_no_variation_gives_reasons(rows: list[str]) -> None:
    found = grades.flag_agreement(flags(*rows), seed=1)

    assert found.positive.same_annotators.value is None
    assert found.alpha.new_annotators.value is None
