"""Strengths of systems: known truth, errors by clusters, odd graphs."""

import numpy as np
import pytest
from scipy.special import expit

from annotate.quality.leaderboard import leaderboard
from annotate.quality.ranking import PairUnits, PairVotes
from tests.annotate.quality.crowds import votes_on_pairs


def drawn(rng: np.random.Generator, *, n_prompts: int, pull: float = 0.0, n_systems: int = 6) -> tuple:
    """Three votes by three of 30 annotators on a pair of each prompt; `pull`: how far tastes differ by annotator."""
    theta, taste = np.linspace(-1, 1, n_systems), pull * rng.normal(size=(30, n_systems))
    pairs = np.array([rng.choice(n_systems, 2, replace=False) for _ in range(n_prompts)])
    who = np.array([rng.choice(30, 3, replace=False) for _ in range(n_prompts)])
    liked = theta + taste[who]
    odds = np.take_along_axis(liked, pairs[:, :1, None], 2) - np.take_along_axis(liked, pairs[:, 1:, None], 2)
    answers = rng.random((n_prompts, 3)) < expit(odds[:, :, 0])
    return _votes(answers, who), pairs[:, 0], pairs[:, 1], theta


def test_known_strengths_are_found_and_the_gradient_vanishes() -> None:
    votes, i, j, theta = drawn(np.random.default_rng(1), n_prompts=6000)

    board = leaderboard(votes, i, j, seed=1)

    assert np.abs(board.strengths.ability - theta).max() < 4 * board.new_prompts.max()
    assert board.strengths.gradient < 1e-8
    assert (board.low < board.strengths.ability).all()
    assert board.note == ""


def test_renaming_and_turning_move_nothing() -> None:
    votes, i, j, _ = drawn(np.random.default_rng(2), n_prompts=300)
    turned = votes._replace(relation=-votes.relation)
    new_name = np.array([3, 5, 0, 1, 4, 2])

    board, renamed = leaderboard(votes, i, j, seed=1), leaderboard(turned, new_name[j], new_name[i], seed=1)

    assert renamed.strengths.ability[new_name] == pytest.approx(board.strengths.ability, abs=1e-9)
    assert renamed.new_annotators[new_name] == pytest.approx(board.new_annotators, rel=1e-6)


@pytest.mark.parametrize(("pull", "which"), [(0.0, "new_prompts"), (0.8, "new_annotators")])
def test_the_errors_are_the_spread_over_projects(pull: float, which: str) -> None:
    boards = [
        leaderboard(*drawn(np.random.default_rng(n), n_prompts=200, pull=pull)[:3], replicates=2) for n in range(80)
    ]

    spread = np.std([board.strengths.ability for board in boards], axis=0).mean()
    error = np.mean([getattr(board, which) for board in boards])
    assert error == pytest.approx(spread, rel=0.2)


def test_the_bootstrap_is_as_wide_as_the_sandwich_over_prompts() -> None:
    votes, i, j, _ = drawn(np.random.default_rng(3), n_prompts=1500)

    board = leaderboard(votes, i, j, seed=1, replicates=400)

    assert (board.high - board.low) / 3.92 == pytest.approx(board.new_prompts, rel=0.2)


def test_parts_without_a_common_system_are_ranked_apart_and_it_is_said() -> None:
    votes = votes_on_pairs(*["++-"] * 10, *["+--"] * 10)
    i, j = np.repeat([0, 2], 10), np.repeat([1, 3], 10)

    board = leaderboard(votes, i, j, seed=1)

    assert "2 parts" in board.note
    assert board.strengths.ability == pytest.approx(np.log(2) / 2 * np.array([1, -1, -1, 1]), abs=1e-6)


def test_one_who_always_wins_gets_a_finite_strength_and_it_is_said() -> None:
    board = leaderboard(votes_on_pairs(*["+++"] * 10), np.zeros(10, dtype=np.int64), np.ones(10, dtype=np.int64))

    assert np.isfinite([*board.strengths.ability, *board.low, *board.high, *board.new_annotators]).all()
    assert board.note.startswith("Some systems only ever won")


def test_too_little_is_a_reason() -> None:
    i, j = np.array([0, 0]), np.array([1, 2])

    board = leaderboard(votes_on_pairs("++-", "+"), i, np.array([1, -1]))

    assert "3 comparisons" in board.estimate_of(0).reason
    assert leaderboard(votes_on_pairs("++", "+"), i, j).estimate_of(2).value is None
    assert leaderboard(votes_on_pairs(), i[:0], j[:0]).note == ""


@pytest.mark.parametrize("n", [10, 12, 30, 90, 400])
def test_of_ties_alone_no_strength_follows(n: int) -> None:
    board = leaderboard(votes_on_pairs(*["000"] * n), np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64))

    assert board.estimate_of(0).value is None
    assert "tie" in board.estimate_of(0).reason
    assert np.isfinite([*board.new_prompts, *board.new_annotators]).all()


def _votes(answers: np.ndarray, who: np.ndarray) -> PairVotes:
    n = len(answers)
    numbers, unit = np.arange(n), np.repeat(np.arange(n), 3)
    return PairVotes(
        unit=unit,
        annotator=who.ravel(),
        ranking=np.arange(3 * n),
        relation=np.where(answers.ravel(), 1, -1).astype(np.int8),
        i_first=np.ones(3 * n, dtype=np.int8),
        units=PairUnits(numbers, numbers, 2 * numbers, 2 * numbers + 1, comparison_ids=numbers, prompt_ids=numbers),
        annotator_ids=np.arange(30),
        ranking_ids=np.arange(3 * n),
    )
