"""What holds of every measure of agreement whatever the votes; and what each says when there is little or odd data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.quality import agreement, alpha, annotator_pairs, concordance, intervals, measures, slices
from annotate.quality.agreement import DECISIVE, HALF_CREDIT, INTERVAL, STRICT
from annotate.quality.estimate import Estimate
from annotate.quality.evidence import Evidence, answers_of, evidence
from annotate.quality.minimum import PROJECT
from annotate.quality.ranking import PairVotes, RankingRow, pair_counts, pair_votes, ranked_completions
from tests.annotate.quality.crowds import drawn_votes, votes_on_pairs

OF_SUMS = {
    "agreement, strict": intervals.agreement_with(STRICT),
    "agreement, ties by half": intervals.agreement_with(HALF_CREDIT),
    "agreement, where both chose": intervals.agreement_with(DECISIVE),
    "alpha, strict": intervals.alpha_with(STRICT),
    "alpha, ties by half": intervals.alpha_with(HALF_CREDIT),
    "alpha, squared": intervals.alpha_with(INTERVAL),
    "alpha, where both chose": intervals.alpha_with(DECISIVE),
    "tau_x": measures.tau_x_with(HALF_CREDIT),
}
ON_RANKINGS = {"rho": concordance.rho_evidence, "tau_b": concordance.tau_b_evidence}
EVERY = [*OF_SUMS, *ON_RANKINGS]
COMPARISONS = st.lists(
    st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=4), min_size=1, max_size=5
)


PROMPTS = st.permutations(range(5))


def found(name: str, votes: PairVotes) -> Evidence:
    return ON_RANKINGS[name](votes) if name in ON_RANKINGS else evidence(answers_of(votes), OF_SUMS[name])


def figure(name: str, votes: PairVotes) -> intervals.BothIntervals:
    return slices.figures([found(name, votes)], seed=1, minimum=PROJECT)[0]


def ranked(comparisons: list, *, completion=int, annotator=int, prompt=int, order=None) -> PairVotes:
    """Tiers of three completions by annotators 0, 1, …; the functions give ids to those numbers."""
    rows = []
    for number, rankings in enumerate(comparisons):
        for who, tiers in enumerate(rankings):
            best_first = [
                [completion(3 * number + c) for c in range(3) if tiers[c] == tier] for tier in sorted(set(tiers))
            ]
            shown = [completion(3 * number + c) for c in order or ()]
            rows.append(RankingRow(prompt(number), prompt(number), annotator(who), best_first, shown))
    return pair_votes(ranked_completions(rows))


@given(
    COMPARISONS,
    st.permutations(range(15)),
    st.permutations(range(4)),
    st.permutations(range(5)),
    st.sampled_from(EVERY),
)
def test_no_measure_depends_on_what_anything_is_called_or_where_it_was_shown(
    comparisons: list, completions: list, annotators: list, prompts: list, name: str
) -> None:
    plain = found(name, ranked(comparisons, order=(0, 1, 2)))

    renamed = ranked(
        comparisons,
        completion=lambda number: 100 + completions[number],
        annotator=lambda who: 70 + annotators[who],
        prompt=lambda number: 30 + prompts[number],
        order=(2, 0, 1),
    )

    assert found(name, renamed).value == pytest.approx(plain.value, abs=1e-12, nan_ok=True)


@given(COMPARISONS, st.sampled_from(EVERY))
def test_a_comparison_that_one_annotator_ranked_changes_nothing(comparisons: list, name: str) -> None:
    alone = found(name, ranked(comparisons))

    joined = found(name, ranked([*comparisons, [[0, 1, 2]]]))

    assert joined.value == pytest.approx(alone.value, abs=1e-12, nan_ok=True)
    assert len(joined.has_second_opinion) == len(alone.has_second_opinion)


@pytest.mark.parametrize("name", EVERY)
def test_a_perfect_crowd_is_one_with_intervals_of_one(name: str) -> None:
    both = figure(name, ranked([[[0, 1, 2]] * 5, [[2, 1, 0]] * 5, [[1, 0, 2]] * 5] * 12))

    same, new = both
    assert (same.low, same.value, same.high) == pytest.approx((1.0, 1.0, 1.0), abs=1e-12)
    assert (new.low, new.high) == pytest.approx((1.0, 1.0), abs=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_every_prompt_twice_leaves_the_value_and_halves_the_variance(name: str) -> None:
    rng = np.random.default_rng(3)
    once = [rng.integers(0, 3, (4, 3)).tolist() if n % 2 else [[0, 1, 2]] * 4 for n in range(150)]

    single, double = figure(name, ranked(once)), figure(name, ranked(once * 2))

    widths = [estimate.high - estimate.low for estimate in (single.same_annotators, double.same_annotators)]
    assert double.same_annotators.value == pytest.approx(single.same_annotators.value, abs=2e-3)
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(0.5), rel=0.12)


@pytest.mark.parametrize("name", ["alpha, strict", "alpha, ties by half", "alpha, where both chose", "rho", "tau_b"])
def test_random_clickers_lie_at_nought_over_two_hundred_projects(name: str) -> None:
    rng = np.random.default_rng(11)
    projects = [ranked(rng.integers(0, 3, (40, 3, 3)).tolist()) for _ in range(200)]

    values = np.array([found(name, votes).value for votes in projects])

    assert abs(values.mean()) < 3 * values.std() / np.sqrt(200)


@pytest.mark.parametrize("name", EVERY)
def test_the_bootstrap_mean_lies_at_the_value(name: str) -> None:
    rng = np.random.default_rng(5)
    sums = found(name, ranked([[(np.arange(3) + rng.integers(0, 3, 3)).tolist() for _ in range(4)] for _ in range(60)]))

    values = sums.of(intervals.bootstrap_sums(sums.prompts, seed=2))

    assert values.mean() == pytest.approx(sums.value, abs=0.2 * values.std())


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30))
def test_the_jackknife_of_a_mean_is_its_usual_standard_error(values: list[float]) -> None:
    x = np.array(values)
    without = (x.sum() - x) / (len(x) - 1)

    assert intervals.jackknife_variance(without) == pytest.approx(x.var(ddof=1) / len(x), abs=1e-9)


NOBODY = votes_on_pairs()
BAD = {
    "nothing": NOBODY,
    "one annotator": votes_on_pairs(*["+"] * 50),
    "everybody ties everything": votes_on_pairs(*["000"] * 50),
    "no overlap": votes_on_pairs(*["+..", ".+.", "..-"] * 20),
    "one prompt": votes_on_pairs("++-"),
    "below the minimum": votes_on_pairs(*["++-"] * 29),
}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("votes", BAD.values(), ids=BAD.keys())
def test_too_little_to_say_is_a_reason_with_its_n_and_never_a_number(name: str, votes: PairVotes) -> None:
    same, new = figure(name, votes)

    assert same.value is new.value is None
    assert same.reason.startswith(("Not enough data", "No variation"))
    assert same.n == new.n <= 50


@pytest.mark.parametrize("name", EVERY)
def test_an_annotator_with_one_vote_among_others_is_no_trouble(name: str) -> None:
    same, new = figure(name, ranked([*[[[0, 1, 2], [0, 2, 1], [1, 0, 2], [0, 0, 1], [0, 1, 2]]] * 40, [[0, 1, 2]] * 6]))

    assert 0 < same.low <= same.value <= same.high < 1
    assert new.low < same.low


@pytest.fixture(scope="module")
def million() -> PairVotes:
    """A million annotators, half of them for either side, on one pair."""
    everybody = np.arange(1_000_000)
    said = np.where(everybody % 2 == 0, 1, -1).astype(np.int8)
    return PairVotes(0 * everybody, everybody, everybody, said, said, votes_on_pairs("+").units, everybody, everybody)


@pytest.mark.parametrize("name", EVERY)
def test_a_million_votes_on_one_pair_are_one_prompt(name: str, million: PairVotes) -> None:
    same, _ = figure(name, million)

    assert same.reason == "Not enough data: 1 prompts with two annotators, shown from 30."


def test_a_million_votes_on_one_pair_have_an_agreement_and_no_meeting(million: PairVotes) -> None:
    counts = pair_counts(million)

    assert agreement.half_credit(counts) == Estimate(pytest.approx(0.5, abs=1e-5), n=1)
    assert alpha.pair_alpha(counts, ties=DECISIVE).value == pytest.approx(0.0, abs=1e-5)
    assert len(annotator_pairs.annotator_pairs(million).first) == 0


def test_both_sides_of_a_change_are_known_or_there_is_a_reason() -> None:
    votes, _ = drawn_votes(np.random.default_rng(1), slopes=[3.0] * 5, pulls=[0.0] * 5, n_pairs=60)
    nobody = np.zeros(len(votes.unit), dtype=bool)

    for before, after in ((nobody, ~nobody), (~nobody, nobody), (nobody, nobody)):
        changed = slices.change(votes, before=before, after=after, measure=OF_SUMS["alpha, strict"], seed=1)
        assert changed.sentence == "Not enough data: 0 prompts with two annotators, shown from 30."
        assert not changed.is_evidence
