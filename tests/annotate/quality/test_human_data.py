"""The figures that the README of the human data states, to the digits it gives."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotate.quality import agreement, alpha, kappa
from annotate.quality.ranking import PairVotes, RankingRow, pair_counts, pair_votes, ranked_completions
from annotate.quality.reliability import annotator_reliability

TIERS = {"a": [[0], [1]], "b": [[1], [0]], "tie": [[0, 1]]}


@pytest.fixture(scope="module")
def arguments(shared: Path) -> PairVotes:
    """UKPConvArg1, train and validation: crowd votes on pairs of arguments."""
    files = ["comparisons/ukpconvarg1.annotations.train", "comparisons/ukpconvarg1.annotations.val"]
    return _pairwise(line for file in files for line in _lines(shared, file))


@pytest.fixture(scope="module")
def pandalm(shared: Path) -> PairVotes:
    return _pairwise(_lines(shared, "comparisons/pandalm.annotations.dev"))


def test_the_arguments_have_their_people_and_votes(arguments: PairVotes) -> None:
    assert len(arguments.unit) == 58_288
    assert len(arguments.units.i) == 11_683
    assert len(arguments.annotator_ids) == 3_753
    made = np.bincount(arguments.annotator)
    assert (made.min(), np.median(made), made.max()) == (1, 3, 2_843)


@pytest.mark.parametrize(("ties", "figure"), [(agreement.STRICT, 0.521), (agreement.DECISIVE, 0.728)])
def test_raw_agreement_on_arguments(arguments: PairVotes, ties: agreement.TieTreatment, figure: float) -> None:
    assert round(agreement.raw_agreement(pair_counts(arguments), ties=ties).value, 3) == figure


@pytest.mark.parametrize(("ties", "figure"), [(agreement.STRICT, 0.263), (agreement.DECISIVE, 0.427)])
def test_alpha_on_arguments_with_and_without_ties(
    arguments: PairVotes, ties: agreement.TieTreatment, figure: float
) -> None:
    assert round(alpha.pair_alpha(pair_counts(arguments), ties=ties).value, 3) == figure


def test_fleiss_kappa_on_the_arguments_with_five_labels(arguments: PairVotes) -> None:
    answers = agreement.answer_counts(pair_counts(arguments))
    five = answers[answers.sum(axis=1) == 5]

    estimate = kappa.fleiss(five).estimate

    assert (round(estimate.value, 3), estimate.n) == (0.263, 11_556)


def test_pandalm_agreement_and_alpha(pandalm: PairVotes) -> None:
    """0.894 is nominal alpha as the labels stand, a first; entered both ways round (pair alpha) it is 0.895."""
    counts = pair_counts(pandalm)
    labels = alpha.ValueCounts(agreement.answer_counts(counts), np.arange(3.0))

    assert (len(counts.n_plus), len(pandalm.annotator_ids)) == (440, 3)
    assert round(agreement.raw_agreement(counts, ties=agreement.STRICT).value, 3) == 0.939
    assert round(alpha.krippendorff_alpha(labels, metric=alpha.nominal).value, 3) == 0.894
    assert round(alpha.pair_alpha(counts, ties=agreement.STRICT).value, 3) == 0.895


def test_squality_agreement_on_the_order_of_two_answers(shared: Path) -> None:
    votes = _squality(shared)

    counts = pair_counts(votes)

    judges = np.unique(np.column_stack([votes.comparison, votes.annotator]), axis=0)[:, 0]
    assert (len(votes.units.comparison_ids), len(votes.annotator_ids)) == (50, 4)
    assert set(np.bincount(judges)) == {3}
    assert round(agreement.strict(counts).value, 3) == 0.876


def test_the_coefficients_agree_with_each_other_on_real_votes(pandalm: PairVotes) -> None:
    """Two ways to the same number: alpha from sums and with Gwet's error; Fleiss and alpha up to the sample term."""
    counts = agreement.answer_counts(pair_counts(pandalm))
    table = alpha.ValueCounts(counts, np.arange(3.0))

    plain = alpha.krippendorff_alpha(table, metric=alpha.nominal).value

    assert kappa.krippendorff(counts).estimate.value == pytest.approx(plain)
    assert kappa.fleiss(counts).estimate.value == pytest.approx(plain, abs=1 / len(pandalm.unit))


@pytest.mark.parametrize(
    ("name", "percent"), [("ukpconvarg1_strict", 77), ("oasst_zh", 76), ("oasst_en", 67), ("hh_harmless", 44)]
)
def test_how_often_the_longer_response_is_the_preferred_one(shared: Path, name: str, percent: int) -> None:
    """The longer one takes the place of the first shown; where both are as long, nothing is known of the order."""
    rows = [_longer_first(line, number) for number, line in enumerate(_lines(shared, f"preferences/{name}.train"))]

    (everybody,) = annotator_reliability(pair_votes(ranked_completions(rows)))

    assert round(100 * everybody.first_shown_rate.value) == percent


def _lines(shared: Path, name: str) -> Iterator[dict]:
    with gzip.open(shared / "data" / f"{name}.jsonl.gz", "rt") as file:
        yield from map(json.loads, file)


def _pairwise(lines: Iterator[dict]) -> PairVotes:
    items: dict[str, int] = {}
    people: dict[str, int] = {}
    rows = []
    for line in lines:
        comparison = items.setdefault(line["item"], len(items))
        annotator = people.setdefault(line["annotator"], len(people))
        tiers = [[2 * comparison + side for side in tier] for tier in TIERS[line["label"]]]
        rows.append(RankingRow(comparison, comparison, annotator, tiers))
    return pair_votes(ranked_completions(rows))


def _squality(shared: Path) -> PairVotes:
    lines = list(_lines(shared, "rankings/squality.annotations.train"))
    number = {item: comparison for comparison, item in enumerate(sorted({line["item"] for line in lines}))}
    return pair_votes(ranked_completions(_from_ranks(line, comparison=number[line["item"]]) for line in lines))


def _longer_first(line: dict, number: int) -> RankingRow:
    chosen, rejected = 2 * number, 2 * number + 1
    ours, theirs = (sum(len(message["content"]) for message in line[side]) for side in ("chosen", "rejected"))
    order = () if ours == theirs else (chosen, rejected) if ours > theirs else (rejected, chosen)
    return RankingRow(number, number, 0, [[chosen], [rejected]], order)


def _from_ranks(line: dict, *, comparison: int) -> RankingRow:
    tiers = [
        [3 * comparison + int(name[1:]) for name, rank in line["ranks"].items() if rank == place] for place in (1, 2, 3)
    ]
    annotator = int(line["annotator"].removeprefix("squality-w"))
    return RankingRow(comparison, comparison, annotator, [tier for tier in tiers if tier])
