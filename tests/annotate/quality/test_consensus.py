"""The joint model: known truth, symmetry, tiny projects."""

from itertools import islice
from types import ModuleType

import numpy as np
import pytest
from scipy.special import logsumexp

from annotate.quality import margin_model
from annotate.quality.consensus import Consensus, fit
from annotate.quality.pair_design import nothing_known, pair_design
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
    reliability = mixed[0].annotators.reliability

    assert min(reliability[:5]) > 0.6
    assert abs(reliability[CLICKER]) < 0.08


def test_one_who_follows_the_position_has_no_reliability_and_a_bias_near_one(mixed: tuple) -> None:
    annotators = mixed[0].annotators

    assert abs(annotators.reliability[FOLLOWER]) < 0.05
    assert annotators.position_bias[FOLLOWER] > 0.95


def test_a_contrary_annotator_is_found_below_zero(mixed: tuple) -> None:
    assert mixed[0].annotators.reliability[CONTRARY] < -0.6


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
    assert reversed_.annotators.reliability[::-1] == pytest.approx(straight.annotators.reliability)
    assert reversed_.annotators.reliability_se[::-1] == pytest.approx(straight.annotators.reliability_se)


def test_random_clickers_have_reliability_near_zero() -> None:
    rng = np.random.default_rng(6)
    votes, _ = drawn_votes(rng, slopes=[0.0] * 8, pulls=[0.0] * 8, n_pairs=1500)

    fitted = fit(votes, seed=1)

    assert abs(fitted.annotators.reliability.mean()) < 0.2
    assert fitted.annotators.reliability.max() < 0.5
    assert "0.2" in fitted.alarm


@pytest.mark.parametrize("has_systems", [False, True])
def test_the_posterior_density_never_falls_from_round_to_round(has_systems: bool) -> None:
    rng = np.random.default_rng(9)
    votes, _ = drawn_votes(rng, slopes=[3.0, 2.0, 0.0, -1.0], pulls=[0.0, 1.0, 2.0, 0.0], n_pairs=200)
    systems = pair_design(rng.integers(0, 5, 200), rng.integers(0, 5, 200), style=rng.normal(size=(200, 1)))
    design = systems if has_systems else nothing_known(200)
    known = margin_model.evidence(votes, weights=np.ones(len(votes.unit)), design=design)

    rounds = islice(margin_model.em_rounds(known, start=margin_model.start(4, design.shape[1])), 40)
    densities = [_log_density(known, design, state.parameters) for state in rounds]

    assert np.diff(densities).min() > -1e-7
    assert densities[-1] > densities[0] + 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0), ()])
def test_every_vote_weighs_one_whether_or_not_its_display_is_known(order: tuple) -> None:
    votes = votes_on_pairs("++-", "0+", order=order)

    known = margin_model.evidence(votes, weights=np.ones(5), design=nothing_known(2))
    less = margin_model.without(known, votes, weights=np.ones(5), left_out=np.array([0, 0, 0, 0, 1], dtype=bool))

    assert known.table.sum(axis=1).ravel().tolist() == [[3.0, 2.0]]
    assert less.table.sum(axis=1).ravel().tolist() == [[3.0, 1.0]]


def test_a_lower_temperature_makes_less_sure() -> None:
    known = margin_model.evidence(votes_on_pairs("+++"), weights=np.ones(3), design=nothing_known(1))
    start = margin_model.start(3, 0)

    q = [margin_model.better(margin_model.margins_given(known, start, temperature=t))[0] for t in (0.0, 0.5, 1.0, 1.5)]

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


def test_systems_make_better_labels_and_are_left_out_of_the_votes_own(crowd_generator: ModuleType) -> None:
    world = crowd_generator.world_b(np.random.default_rng([8, 2]), N=60_000, A=200, M=20)
    votes, truth = _votes_of(world), world["d"] > 0
    design = pair_design(world["si"].astype(np.int64), world["sj"].astype(np.int64))

    fitted, alone = fit(votes, design=design, seed=1), fit(votes, seed=1)

    assert ((fitted.q_post > 0.5) == truth).mean() > ((alone.q > 0.5) == truth).mean() + 0.02
    assert np.abs(fitted.q_votes - alone.q_votes).mean() < 0.05
    assert np.corrcoef(fitted.coefficients, world["theta"])[0, 1] > 0.9
    assert _calibration_error(fitted.q_post, truth) < 0.015


def test_a_pair_of_systems_that_nobody_judged_is_as_it_would_be_without_the_prior() -> None:
    votes = votes_on_pairs(*["+++", "---"] * 30)
    same = pair_design(np.zeros(60, dtype=np.int64), np.zeros(60, dtype=np.int64))

    fitted = fit(votes, design=same, seed=1)

    assert fitted.q_post == pytest.approx(fit(votes, seed=1).q_post, abs=1e-3)


def test_a_style_that_always_wins_gets_a_coefficient_and_an_empty_one_none() -> None:
    rng = np.random.default_rng(3)
    style = np.column_stack([rng.choice([-1.0, 1.0], 300), np.zeros(300)])
    votes = votes_on_pairs(*("+++" if sign > 0 else "---" for sign in style[:, 0]), order=())
    nobody = np.full(300, -1)

    fitted = fit(votes, design=pair_design(nobody, nobody, style=style), seed=1)

    assert fitted.coefficients[1] > 0.5
    assert fitted.coefficients[[0, 2]] == pytest.approx(0.0, abs=1e-9)


def test_a_design_of_another_length_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="`design` has 3 rows; expected one for each of 1 pairs"):
        fit(votes_on_pairs("+++"), design=nothing_known(3))


def test_the_error_of_reliability_is_the_spread_over_projects() -> None:
    """Eight annotators on 300 pairs, drawn 40 times anew: the mean error is near the spread of the estimates."""
    slopes, pulls = [4.0, 3.0, 3.0, 2.0, 2.0, 2.0, 1.0, 0.0], [0.0] * 8
    drawn = [drawn_votes(np.random.default_rng(n), slopes=slopes, pulls=pulls, n_pairs=300)[0] for n in range(40)]

    fits = [fit(votes, seed=1).annotators for votes in drawn]

    for rate in ("reliability", "position_bias"):
        spread = np.std([getattr(one, rate) for one in fits], axis=0)
        error = np.mean([getattr(one, f"{rate}_se") for one in fits], axis=0)
        assert error == pytest.approx(spread, rel=0.5)
        assert (error / spread).mean() == pytest.approx(1.0, abs=0.15)


def test_an_annotators_figures_are_estimates_with_an_interval_or_a_reason(mixed: tuple) -> None:
    clicker = mixed[0].annotators.reliability_of(CLICKER)
    few = fit(votes_on_pairs("+++"), seed=1).annotators

    assert clicker.low < 0 < clicker.high
    assert few.reliability_of(0).reason == "Not enough data: 1 prompts that others judged too, shown from 10."
    assert few.position_bias_of(0).value is None


def test_a_contrary_crowd_raises_the_alarm_and_a_careful_one_does_not(mixed: tuple) -> None:
    rng = np.random.default_rng(5)
    votes, _ = drawn_votes(rng, slopes=[3.0, 0.0, 0.0, 0.0, 0.0, -3.0], pulls=[0.0] * 6, n_pairs=400)

    assert "reliability is" in fit(votes, seed=1).alarm
    assert mixed[0].alarm == ""


def test_a_million_votes_on_one_pair_have_a_finite_answer() -> None:
    single = votes_on_pairs("+" * 600 + "-" * 400)
    many = single._replace(
        unit=np.tile(single.unit, 1000),
        annotator=np.tile(single.annotator, 1000),
        ranking=np.arange(1_000_000),
        relation=np.tile(single.relation, 1000),
        i_first=np.resize(np.array([0, 1, 1], dtype=np.int8), 1_000_000),
        ranking_ids=np.arange(1_000_000),
    )

    fitted = fit(many, seed=1)

    assert np.isfinite([*fitted.q, *fitted.q_votes, *fitted.p_tie]).all()
    assert np.isfinite(fitted.annotators.reliability_se).all()


def _calibration_error(q: np.ndarray, truth: np.ndarray) -> float:
    bins = np.minimum((q * 10).astype(int), 9)
    return float(np.abs(np.bincount(bins, weights=q - truth, minlength=10)).sum() / len(q))


def _votes_of(world: dict) -> PairVotes:
    n, task = len(world["task"]), world["task"].astype(np.int64)
    is_i_left = world["left"] == world["si"][task]
    columns = [np.arange(n), task, task, world["annotator"].astype(np.int64)]
    ranking, comparison, prompt, annotator = (np.repeat(column, 2) for column in columns)
    completion = np.column_stack([2 * task, 2 * task + 1]).ravel()
    tier = np.column_stack([~world["i_wins"], world["i_wins"]]).astype(np.int64).ravel()
    position = np.column_stack([~is_i_left, is_i_left]).astype(np.int64).ravel()
    return pair_votes(RankedCompletions(ranking, comparison, prompt, annotator, completion, tier, position))


def _log_density(known: margin_model.Evidence, design, parameters: margin_model.Parameters) -> float:
    """Log likelihood of the votes, of the pseudo-votes and pseudo-pairs and of the ridge, written out anew."""
    nodes, sigma, coefficients = margin_model.NODES, parameters.sigma, parameters.coefficients
    chances = margin_model.log_chances(parameters.curves)
    both = np.concatenate([chances, chances[:, :, ::-1]]).reshape(-1, len(nodes))
    expected = (design @ coefficients)[:, np.newaxis]
    prior = margin_model.LOG_SPACING - (nodes - expected) ** 2 / (2 * sigma**2) - np.log(sigma)
    votes = logsumexp(known.table[:, : both.shape[0]] @ both + prior, axis=1).sum()
    spread = np.exp(margin_model.LOG_SPACING - nodes**2 / (2 * 1.2**2))
    spread /= spread.sum()
    right, tie_rate = np.where(nodes > 0, 3.0, 1.0), 0.01
    ties = np.full(len(nodes), tie_rate / (1 - tie_rate) * 4)
    pseudo = (chances * (np.stack([right, ties, right[::-1]]) * 2 * spread)[:, np.newaxis, :]).sum()
    ridge = -(coefficients**2).sum() / (2 * sigma**2) - len(coefficients) * np.log(sigma)
    return float(votes + pseudo + ridge - 4 * (1.5**2 / (2 * sigma**2) + np.log(sigma)))
