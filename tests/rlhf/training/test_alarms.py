"""The rules that notice a policy degenerating."""

import pytest

from rlhf.training.alarms import Alarm, check

pytestmark = pytest.mark.torch

HEALTHY = {
    "entropy": 2.0,
    "distinct_2": 0.8,
    "self_bleu": 0.2,
    "repetition": 0.05,
    "ngram_perplexity": 40.0,
    "outside_rate": 0.02,
    "length": 20.0,
    "eos_rate": 0.9,
    "clip_fraction": 0.05,
    "sampler_gap": 0.01,
    "explained_variance": 0.4,
}


def history(**changed):
    """A healthy start, then four steps with some metrics changed."""
    return [HEALTHY, *[HEALTHY | changed for _ in range(5)]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("entropy", 0.5),
        ("distinct_2", 0.3),
        ("self_bleu", 0.6),
        ("repetition", 0.4),
        ("ngram_perplexity", 130.0),
        ("outside_rate", 0.3),
        ("length", 45.0),
        ("length", 8.0),
        ("eos_rate", 0.4),
        ("clip_fraction", 0.4),
        ("sampler_gap", 0.2),
        ("explained_variance", -0.1),
    ],
)
def test_each_rule_speaks_of_what_it_watches(name, value):
    (alarm,) = check(history(**{name: value}))

    assert (alarm.step, alarm.name) == (6, name)


def test_a_healthy_run_raises_nothing_and_one_bad_step_neither():
    assert check(history()) == []
    assert check([HEALTHY, HEALTHY, HEALTHY, HEALTHY | {"clip_fraction": 0.35}]) == []
    assert check([HEALTHY]) == []


def test_an_alarm_speaks_once_and_says_what_to_do():
    rows = history(clip_fraction=0.5)
    (alarm,) = check(rows)

    assert (
        alarm.sentence == "50% of tokens are clipped: the steps are too large. Lower the learning rate or the epochs."
    )
    assert check(rows, raised=[Alarm(*alarm)]) == []


def test_what_a_run_does_not_measure_raises_nothing():
    rows = [{name: value for name, value in row.items() if name != "ngram_perplexity"} for row in history()]

    assert check(rows) == []


def watched(tuned, watcher):
    return [{"scaled_score": a, "watched_score": b} for a, b in zip(tuned, watcher, strict=True)]


UP = [0.1 * k for k in range(20)]


def test_a_score_that_rises_while_the_watcher_falls_is_over_optimisation():
    falls = UP[:11] + [0.9 - 0.1 * k for k in range(9)]

    (alarm,) = check(watched(UP, falls))

    assert (alarm.name, alarm.step) == ("watched_score", 20)
    assert "around step 11" in alarm.sentence


@pytest.mark.parametrize(
    ("tuned", "watcher"),
    [
        (UP, UP),  # both rise
        (UP, [0.5 - 0.01 * k for k in range(20)]),  # it falls by less than noise
        (UP[::-1], UP[::-1]),  # both fall: the run is bad, but nothing is gamed
        (UP[:8], UP[:8][::-1]),  # too early to say
    ],
)
def test_otherwise_the_watcher_is_silent(tuned, watcher):
    assert check(watched(tuned, watcher)) == []


@pytest.mark.parametrize(("now", "is_raised"), [(0.5, True), (0.35, False)])
def test_a_reward_model_that_grows_unsure_is_told(now, is_raised):
    rows = [{"uncertainty": 0.3}, *[{"uncertainty": now}] * 3]

    assert bool(check(rows)) == is_raised
