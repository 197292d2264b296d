"""The frame of benchmarks/quality.py: goals, what a call costs, and simulated crowds as the arrays our code takes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from annotate.quality import agreement
from annotate.quality.ranking import pair_counts
from benchmarks import crowd_worlds
from benchmarks.measuring import at_least, at_most, between, cost

SEED = 3


@pytest.fixture
def small(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crowds of a twentieth, drawn anew."""
    monkeypatch.setenv("CROWD_SCALE", "0.05")
    monkeypatch.setattr(crowd_worlds, "CACHE", tmp_path)


def forty_megabytes(seed: int) -> Callable[[], object]:
    """What `cost` measures in a process of its own: an array of 40 MB that holds the seed."""
    return lambda: float(np.full(5_000_000, float(seed)).mean())


def test_a_goal_is_met_within_its_bounds_and_reads_as_it_is() -> None:
    assert [str(goal) for goal in (at_most(3), at_least(0.9), between(0.93, 0.97))] == ["≤ 3", "≥ 0.9", "0.93 to 0.97"]
    assert between(0.93, 0.97).is_met(0.95)
    assert not at_most(3).is_met(3.1)


def test_a_call_is_measured_in_a_process_of_its_own() -> None:
    spent = cost(forty_megabytes, seed=SEED)

    assert spent.result == SEED
    assert spent.megabytes == pytest.approx(38, abs=4)
    assert 0 < spent.cpu_seconds < 2


def test_binary_votes_of_the_crowd_are_what_its_generator_says(small: None) -> None:
    drawn = crowd_worlds.world("b", seed=SEED)

    votes = crowd_worlds.binary_votes(drawn)

    chose_first = (votes.relation == 1) == (votes.i_first == 1)
    assert chose_first.tolist() == drawn["left_wins"].tolist()
    assert (votes.annotator_ids[votes.annotator] == drawn["annotator"]).all()


def test_rankings_of_the_crowd_are_six_votes_each(small: None) -> None:
    drawn = crowd_worlds.world("a", seed=SEED)

    votes = crowd_worlds.ranking_votes(drawn)

    assert len(votes.unit) == 6 * len(drawn["rank"])
    better = drawn["rank"][:, 0] < drawn["rank"][:, 1]
    of_first_two = (votes.units.i % 4 == 0)[votes.unit] & (votes.units.j % 4 == 1)[votes.unit]
    assert (votes.relation[of_first_two] == 1).sum() == better.sum()
    assert agreement.half_credit(pair_counts(votes)).value == pytest.approx(0.65, abs=0.05)


def test_without_the_generator_the_message_says_what_is_missing(
    small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(crowd_worlds, "GENERATOR", tmp_path / "gen.py")

    with pytest.raises(SystemExit, match="is not there"):
        crowd_worlds.world("c", seed=SEED)
