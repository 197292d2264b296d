"""The joint model: known truth, symmetry, tiny projects."""

from itertools import islice
from types import ModuleType

import numpy as np
import pytest
from scipy.special import logsumexp

from annotate.quality import margin_model
from annotate.quality.consensus import Consensus, fit
from annotate.quality.ranking import PairVotes, RankedCompletions, pair_counts, pair_votes
from tests.annotate.quality.crowds import drawn_votes, votes_on_pairs

CLICKER, FOLLOWER, CONTRARY = 5, 6, 7


@pytest.fixture(scope="module")
def mixed() -> tuple[Consensus, np.ndarray]:
    """Five careful annotators, a clicker, one who follows the position, a contrary one; and the true margins."""
    rng = np.random.default_rng(11)
    slopes, pulls = [4.0] * 5 + [0.0, 0.0, -4.0], [0.0] * 5 + [0.0, 6.0, 0.0]
    votes, margins = drawn_votes(rng, slopes=slopes, pulls=pulls, n_pairs=2500)
    return fit(votes, seed=1), margins


def test_a_careful_annotator_is_reliable_and_a_clicker_is_not(mixed: tuple) -> None:
    reliability = [row.reliability.value for row in mixed[0].annotators]

    assert min(reliability[:5]) > 0.6
    assert abs(reliability[CLICKER]) < 0.08


def test_one_who_follows_the_position_has_no_reliability_and_a_bias_near_one(mixed: tuple) -> None:
    follower = mixed[0].annotators[FOLLOWER]

    assert abs(follower.reliability.value) < 0.05
    assert follower.position_bias.value > 0.95


def test_a_contrary_annotator_is_found_below_zero(mixed: tuple) -> None:
    assert mixed[0].annotators[CONTRARY].reliability.value < -0.6


def test_soft_labels_are_calibrated_against_the_truth(mixed: tuple) -> None:
    q, margins = mixed[0].q, mixed[1]
    sure = np.maximum(q, 1 - q)
    right = (q > 0.5) == (margins > 0)

    assert sure.mean() == pytest.approx(right.mean(), abs=0.02)
    assert sure[sure > 0.9].mean() == pytest.approx(right[sure > 0.9].mean(), abs=0.02)


def test_consensus_beats_the_majority_on_a_simulated_crowd(crowd_generator: ModuleType) -> None:
    world = crowd_generator.world_b(np.random.default_rng([7, 2]), N=90_000, A=1000)
    votes, truth = _votes_of(world), world["d"] > 0

    fitted = fit(votes, seed=1)

    counts = pair_counts(votes)
    majority = (counts.n_plus > counts.n_minus) == truth
    assert ((fitted.q > 0.5) == truth).mean() > majority.mean() + 0.01
    assert fitted.temperature.value == pytest.approx(1.0, abs=0.15)


def test_a_single_vote_never_makes_sure() -> None:
    q = fit(votes_on_pairs(*["+", "-"] * 150), seed=1).q

    assert q[::2] == pytest.approx(0.65, abs=0.15)
    assert q[1::2] == pytest.approx(0.35, abs=0.15)


def test_one_who_chose_the_first_shown_three_hundred_times_told_nothing() -> None:
    q = fit(votes_on_pairs(*["+"] * 300), seed=1).q

    assert q == pytest.approx(0.5, abs=0.02)


def test_more_votes_for_the_same_completion_make_surer() -> None:
    q = fit(votes_on_pairs("+..", "++.", "+++", "---", ".--", "..-", order=()), seed=1).q

    assert 0.5 < q[0] < q[1] < q[2] < 1
    assert q[3:] == pytest.approx(1 - q[2::-1], abs=0.02)


def test_ties_pull_to_one_half_and_raise_the_chance_of_a_tie() -> None:
    fitted = fit(votes_on_pairs("+++", "++0", "+00", "000"), seed=1)

    assert fitted.q[0] > fitted.q[1] > fitted.q[2] > fitted.q[3] == pytest.approx(0.5, abs=0.05)
    assert fitted.p_tie[0] < fitted.p_tie[1] < fitted.p_tie[2] < fitted.p_tie[3]


def test_turning_every_pair_turns_every_probability() -> None:
    straight = fit(votes_on_pairs("++-", "+0.", "--+", ".+-", order=()), seed=1)

    turned = fit(votes_on_pairs("--+", "-0.", "++-", ".-+", order=()), seed=1)

    assert turned.q == pytest.approx(1 - straight.q)
    assert turned.p_tie == pytest.approx(straight.p_tie)


def test_permuting_annotators_permutes_their_parameters_and_nothing_else() -> None:
    prompts = ["++-", "+0+", "--+", "-+-", "++0"] * 6

    straight = fit(votes_on_pairs(*prompts), seed=1)
    reversed_ = fit(votes_on_pairs(*(signs[::-1] for signs in prompts)), seed=1)

    assert reversed_.q == pytest.approx(straight.q)
    assert [row.reliability.value for row in reversed_.annotators[::-1]] == pytest.approx(
        [row.reliability.value for row in straight.annotators]
    )


def test_random_clickers_have_reliability_near_zero() -> None:
    rng = np.random.default_rng(6)
    votes, _ = drawn_votes(rng, slopes=[0.0] * 8, pulls=[0.0] * 8, n_pairs=1500)

    reliability = np.array([row.reliability.value for row in fit(votes, seed=1).annotators])

    assert abs(reliability.mean()) < 0.3
    assert reliability.max() < 0.5


def test_the_posterior_density_never_falls_from_round_to_round() -> None:
    rng = np.random.default_rng(9)
    votes, _ = drawn_votes(rng, slopes=[3.0, 2.0, 0.0, -1.0], pulls=[0.0, 1.0, 2.0, 0.0], n_pairs=200)
    table = margin_model.answer_table(votes, counted=np.ones(len(votes.unit), dtype=bool))

    rounds = islice(margin_model.em_rounds(table, start=margin_model.starting_curves(4)), 25)
    densities = [_log_density(table, state.curves) for state in rounds]

    assert np.diff(densities).min() > -1e-7
    assert densities[-1] > densities[0] + 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0), ()])
def test_every_vote_weighs_one_whether_or_not_its_display_is_known(order: tuple) -> None:
    votes = votes_on_pairs("++-", "0+", order=order)

    table = margin_model.answer_table(votes, counted=np.array([True, True, True, True, False]))

    assert table.sum(axis=1).ravel().tolist() == [[3.0, 1.0]]


def test_a_lower_temperature_makes_less_sure() -> None:
    table = margin_model.answer_table(votes_on_pairs("+++"), counted=np.ones(3, dtype=bool))
    curves = margin_model.starting_curves(3)

    q = [margin_model.better(margin_model.margins_given(table, curves, temperature=t))[0] for t in (0.0, 0.5, 1.0, 1.5)]

    assert q[0] == pytest.approx(0.5)
    assert q[0] < q[1] < q[2] < q[3]


def test_three_alike_annotators_are_worth_three_and_a_clicker_adds_little(mixed: tuple) -> None:
    alike = fit(votes_on_pairs(*["+++", "---"] * 20), seed=1)

    assert alike.n_eff == pytest.approx(3.0, abs=0.01)
    assert mixed[0].n_eff.min() < 2.2


def test_without_held_out_votes_enough_the_temperature_says_so() -> None:
    temperature = fit(votes_on_pairs(*["++"] * 30), seed=1).temperature

    assert temperature.value is None
    assert temperature.reason.startswith("Not enough data to check the calibration")


@pytest.mark.parametrize(
    "prompts",
    [[], ["+"], ["0"], ["000"] * 40, ["+++"] * 3, ["+" * 3000], [".", "+"], ["+-"] * 3],
    ids=["empty", "one vote", "one tie", "only ties", "three comparisons", "one pair", "unheard", "split"],
)
def test_tiny_and_odd_projects_get_finite_answers_without_a_warning(prompts: list[str]) -> None:
    fitted = fit(votes_on_pairs(*prompts), seed=1)

    assert np.isfinite(fitted.q).all()
    assert np.isfinite(fitted.p_tie).all()
    assert ((fitted.q > 0) & (fitted.q < 1)).all()


def _votes_of(world: dict) -> PairVotes:
    n, task = len(world["task"]), world["task"].astype(np.int64)
    is_i_left = world["left"] == world["si"][task]
    columns = [np.arange(n), task, task, world["annotator"].astype(np.int64)]
    ranking, comparison, prompt, annotator = (np.repeat(column, 2) for column in columns)
    completion = np.column_stack([2 * task, 2 * task + 1]).ravel()
    tier = np.column_stack([~world["i_wins"], world["i_wins"]]).astype(np.int64).ravel()
    position = np.column_stack([~is_i_left, is_i_left]).astype(np.int64).ravel()
    return pair_votes(RankedCompletions(ranking, comparison, prompt, annotator, completion, tier, position))


def _log_density(table, curves: margin_model.Curves) -> float:
    """Log likelihood of the votes plus that of the pseudo-votes, written out anew."""
    chances = margin_model.log_chances(curves)
    both = np.concatenate([chances, chances[:, :, ::-1]]).reshape(table.shape[1], -1)
    votes = logsumexp(table.toarray() @ both, axis=1).sum()
    tie_rate = 0.01
    nodes = margin_model.N_NODES
    right = np.where(margin_model.NODES > 0, 3.0, 1.0) * 2 / nodes
    ties = np.full(nodes, tie_rate / (1 - tie_rate) * 4 * 2 / nodes)
    pseudo = np.stack([right, ties, right[::-1]])
    return float(votes + (chances * pseudo[:, np.newaxis, :]).sum())
