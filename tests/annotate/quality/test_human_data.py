"""The figures that the README of the human data states, to the digits it gives."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotate.quality import agreement, alpha, kappa
from annotate.quality.ranking import PairCounts, PairVotes, RankingRow, pair_counts, pair_votes, ranked_completions

TIERS = {"a": [[0], [1]], "b": [[1], [0]], "tie": [[0, 1]]}


@pytest.fixture(scope="module")
def arguments(shared: Path) -> PairVotes:
    """UKPConvArg1, train and validation: crowd votes on pairs of arguments."""
    files = ["comparisons/ukpconvarg1.annotations.train", "comparisons/ukpconvarg1.annotations.val"]
    return _pairwise(line for file in files for line in _lines(shared, file))


@pytest.fixture(scope="module")
def pandas(shared: Path) -> PairCounts:
    return pair_counts(_pairwise(_lines(shared, "comparisons/pandalm.annotations.dev")))


def test_the_arguments_have_their_people_and_votes(arguments: PairVotes) -> None:
    assert len(arguments.unit) == 58_288
    assert len(arguments.units.i) == 11_683
    assert len(arguments.annotator_ids) == 3_753


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


def test_pandalm_agreement_and_alpha(pandas: PairCounts) -> None:
    """0.894 is nominal alpha as the labels stand, a first; entered both ways round (pair alpha) it is 0.895."""
    labels = alpha.ValueCounts(agreement.answer_counts(pandas), np.arange(3.0))

    assert round(agreement.raw_agreement(pandas, ties=agreement.STRICT).value, 3) == 0.939
    assert round(alpha.krippendorff_alpha(labels, metric=alpha.nominal).value, 3) == 0.894
    assert round(alpha.pair_alpha(pandas, ties=agreement.STRICT).value, 3) == 0.895


def test_squality_agreement_on_the_order_of_two_answers(shared: Path) -> None:
    lines = list(_lines(shared, "rankings/squality.annotations.train"))
    number = {item: comparison for comparison, item in enumerate(sorted({line["item"] for line in lines}))}
    rows = [_from_ranks(line, comparison=number[line["item"]]) for line in lines]

    counts = pair_counts(pair_votes(ranked_completions(rows)))

    assert len(number) == 50
    assert round(agreement.strict(counts).value, 3) == 0.876


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


def _from_ranks(line: dict, *, comparison: int) -> RankingRow:
    tiers = [
        [3 * comparison + int(name[1:]) for name, rank in line["ranks"].items() if rank == place] for place in (1, 2, 3)
    ]
    annotator = int(line["annotator"].removeprefix("squality-w"))
    return RankingRow(comparison, comparison, annotator, [tier for tier in tiers if tier])
