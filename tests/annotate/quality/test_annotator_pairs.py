"""All annotators who met: agreement, what is expected of them, and who copies."""

import numpy as np
import pandas as pd
import pytest

from annotate.quality import annotator_pairs
from annotate.quality.annotator_pairs import matrix
from annotate.quality.ranking import PairVotes, RankingRow, pair_votes, ranked_completions
from tests.annotate.quality.crowds import drawn_votes, votes_on_pairs


def by_pandas(votes: PairVotes) -> pd.DataFrame:
    """A self-join of the votes: agreement of each two annotators, a tie by half."""
    table = pd.DataFrame({"unit": votes.unit, "annotator": votes.annotator, "relation": votes.relation})
    both = table.merge(table, on="unit")
    both = both[both.annotator_x < both.annotator_y]
    both["agrees"] = 1 - (both.relation_x.astype(float) - both.relation_y).abs() / 2
    return both.groupby(["annotator_x", "annotator_y"]).agrees.agg(["mean", "size"])


def ranked_crowd(seed: int) -> PairVotes:
    """Partial rankings by eight annotators, who each rank two to four of the completions of some comparisons."""
    rng = np.random.default_rng(seed)
    rows = [
        RankingRow(number, number, annotator, [[4 * number + c] for c in rng.permutation(4)[: rng.integers(2, 5)]])
        for number in range(40)
        for annotator in rng.permutation(8)[:4]
    ]
    return pair_votes(ranked_completions(rows))


def with_a_copier(votes: PairVotes, *, of: int, copier: int) -> PairVotes:
    """The copier says what the other said of the same pair, where they did."""
    said = np.full(len(votes.units.i), 2, dtype=np.int8)
    said[votes.unit[votes.annotator == of]] = votes.relation[votes.annotator == of]
    copied = (votes.annotator == copier) & (said[votes.unit] != 2)
    return votes._replace(relation=np.where(copied, said[votes.unit], votes.relation))


@pytest.mark.parametrize("seed", [1, 2])
def test_agreement_equals_a_self_join_in_pandas(seed: int) -> None:
    votes = ranked_crowd(seed)

    ours = annotator_pairs.annotator_pairs(votes)

    theirs = by_pandas(votes)
    assert list(zip(ours.first, ours.second, strict=True)) == list(theirs.index)
    assert ours.agreement == pytest.approx(theirs["mean"].to_numpy())
    assert ours.compared.tolist() == theirs["size"].tolist()


def test_a_pair_is_shown_from_five_shared_prompts() -> None:
    votes = votes_on_pairs(*["++0"] * 4, "+-.", "..0")

    pairs = annotator_pairs.annotator_pairs(votes)

    assert pairs.between(1, 0).value == pytest.approx(4 / 5)
    assert pairs.between(0, 2).reason == "Not enough data: 4 prompts that both judged, shown from 5."
    assert pairs.between(0, 9).reason == "They judged nothing in common."


def test_who_cannot_share_five_prompts_is_left_out() -> None:
    assert len(annotator_pairs.annotator_pairs(votes_on_pairs(*["+++"] * 4)).first) == 0


def test_what_the_quality_of_both_explains_is_expected_and_a_copier_stands_out() -> None:
    """Annotators 0-7 are alike, 8 and 9 click, 10 copies from 9."""
    rng = np.random.default_rng(5)
    votes, _ = drawn_votes(rng, slopes=[4.0] * 8 + [0.0] * 3, pulls=[0.0] * 11, n_pairs=900, overlap=6)

    pairs = annotator_pairs.annotator_pairs(with_a_copier(votes, of=9, copier=10))

    z, expected, agreement = (
        matrix(pairs, column, n_annotators=11) for column in (pairs.z, pairs.expected, pairs.agreement)
    )
    others = pairs.z[(pairs.first != 9) | (pairs.second != 10)]
    assert z[9, 10] == z[10, 9] == np.nanmax(z) > 8
    assert np.abs(others).max() < 4
    assert others.std() == pytest.approx(1.0, abs=0.3)
    assert expected[8, 0] == pytest.approx(0.5, abs=0.06)
    assert np.nanmean(expected[:8, :8]) == pytest.approx(np.nanmean(agreement[:8, :8]), abs=0.01)


def test_two_who_always_agree_and_nobody_else_are_no_division_by_zero() -> None:
    pairs = annotator_pairs.annotator_pairs(votes_on_pairs(*["++", "--"] * 10))

    assert pairs.agreement.tolist() == [1.0]
    assert np.isfinite(pairs.z).all()


def test_a_million_annotators_on_one_pair_share_too_little() -> None:
    everybody = np.arange(1_000_000)
    said = np.ones(len(everybody), dtype=np.int8)
    many = PairVotes(
        0 * everybody, everybody, everybody, said, said, votes_on_pairs("+").units, everybody, ranking_ids=everybody
    )

    assert len(annotator_pairs.annotator_pairs(many).first) == 0


def test_too_many_meetings_are_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotator_pairs, "MOST_MEETINGS", 10)

    pairs = annotator_pairs.annotator_pairs(votes_on_pairs(*["+++"] * 5))

    assert pairs.between(0, 1).reason.startswith("Too many annotators on the same comparisons")


def test_no_votes_have_no_pairs() -> None:
    assert len(annotator_pairs.annotator_pairs(votes_on_pairs()).first) == 0
