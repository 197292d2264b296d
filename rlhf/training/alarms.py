"""When a policy degenerates: rules over the metrics of a PPO run, against its own first rollout.

The first rollout is the SFT model's, drawn in the same number as every later one, so figures that depend on how much
was drawn can be compared. A rule looks at the mean of the last three steps, and speaks once.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

RECENT = 3
UNEXPLAINED_STEPS = 5
WATCHED_STEPS = 5
FALL = 0.3
"""In deviations: by so much may the watcher's score, a mean over five rollouts, lie below its best."""

Values = dict[str, float]


class Alarm(NamedTuple):
    """What a rule found, in a sentence that says what to do."""

    step: int
    name: str
    sentence: str


class Rule(NamedTuple):
    """`is_broken(now, start)` of one metric, and what it means."""

    name: str
    is_broken: Callable[[float, float], bool]
    sentence: str


RULES = (
    Rule(
        "entropy",
        lambda now, start: now < 0.3 * start,
        "The entropy has fallen from {start:.2f} to {now:.2f} nats a token: the policy hardly varies its words. Raise "
        "kl_coef or lower the learning rate.",
    ),
    Rule(
        "distinct_2",
        lambda now, start: now < 0.5 * start,
        "Distinct word pairs have fallen from {start:.2f} to {now:.2f}: completions grow alike. Raise kl_coef or stop "
        "earlier.",
    ),
    Rule(
        "self_bleu",
        lambda now, start: now > start + 0.3,
        "Completions resemble each other: self-BLEU rose from {start:.2f} to {now:.2f}. Raise kl_coef or stop earlier.",
    ),
    Rule(
        "repetition",
        lambda now, start: now > start + 0.25,
        "Completions repeat themselves: the share of repeated phrases rose from {start:.2f} to {now:.2f}. Look at the "
        "samples; the reward model may like repetition.",
    ),
    Rule(
        "ngram_perplexity",
        lambda now, start: now > 3 * start,
        "Completions are {ratio:.1f} times as surprising under the SFT data as at the start ({now:.0f} against "
        "{start:.0f}): the text may be degenerate. Look at the samples.",
    ),
    Rule(
        "outside_rate",
        lambda now, start: now > max(0.25, start + 0.2),
        "{now:.0%} of completions lie outside the range in which the reward model can be trusted ({start:.0%} at the "
        "start): its scores mean little there. Stop earlier, or have these completions ranked and train it again.",
    ),
    Rule(
        "uncertainty",
        lambda now, start: now > 1.5 * start,
        "The reward model is {ratio:.1f} times as unsure of the completions as at the start (its heads differ by "
        "{now:.2f} deviations, {start:.2f} before): have such completions ranked, train it again, or stop earlier.",
    ),
    Rule(
        "length",
        lambda now, start: now > 2 * start or now < 0.5 * start,
        "The length went from {start:.0f} to {now:.0f} tokens: length is the first thing that PPO games. Look at the "
        "samples, and at the reward model's accuracy where the shorter completion won.",
    ),
    Rule(
        "eos_rate",
        lambda now, start: now < 0.5 * start and start - now > 0.2,
        "Only {now:.0%} of completions end by themselves ({start:.0%} at the start). Raise max_new_tokens or "
        "missing_eos_penalty.",
    ),
    Rule(
        "clip_fraction",
        lambda now, start: now > 0.3,
        "{now:.0%} of tokens are clipped: the steps are too large. Lower the learning rate or the epochs.",
    ),
    Rule(
        "sampler_gap",
        lambda now, start: now > 0.1,
        "What wrote the completions gave their tokens other probabilities than the policy does ({now:.2f} nats a token "
        "apart): the steps are taken on another policy's text. Write by our own loop (profile «one»), or in float32.",
    ),
)


def check(history: Sequence[Values], *, raised: Sequence[Alarm] = ()) -> list[Alarm]:
    """Return the alarms that the newest of the metrics raise, one row a step from step 1, but for those raised before.

    >>> rows = [{"entropy": 2.0}, {"entropy": 0.5}, {"entropy": 0.4}, {"entropy": 0.3}]
    >>> [alarm.name for alarm in check(rows)]
    ['entropy']
    """
    known = {alarm.name for alarm in raised}
    found = [_broken(rule, history) for rule in RULES if rule.name not in known]
    if "explained_variance" not in known:
        found.append(_unexplained(history))
    if "watched_score" not in known:
        found.append(_over_optimised(history))
    return [alarm for alarm in found if alarm is not None]


def _broken(rule: Rule, history: Sequence[Values]) -> Alarm | None:
    recent = [row[rule.name] for row in history[1:][-RECENT:] if rule.name in row]
    if len(recent) < RECENT or rule.name not in history[0]:
        return None
    start, now = history[0][rule.name], sum(recent) / len(recent)
    if not rule.is_broken(now, start):
        return None
    ratio = now / start if start else float("inf")
    return Alarm(len(history), rule.name, rule.sentence.format(now=now, start=start, ratio=ratio))


def _unexplained(history: Sequence[Values]) -> Alarm | None:
    recent = [row["explained_variance"] for row in history[1:][-UNEXPLAINED_STEPS:] if "explained_variance" in row]
    if len(recent) < UNEXPLAINED_STEPS or max(recent) >= 0:
        return None
    sentence = (
        f"The critic has been worse than a constant for {UNEXPLAINED_STEPS} steps (explained variance "
        f"{recent[-1]:.2f}). Use larger batches, or the other critic."
    )
    return Alarm(len(history), "explained_variance", sentence)


def _over_optimised(history: Sequence[Values]) -> Alarm | None:
    """Speak where the watcher's score has fallen from its best, while the score that is tuned against rose since."""
    rows = [row for row in history if "watched_score" in row]
    windows = [rows[end - WATCHED_STEPS : end] for end in range(WATCHED_STEPS, len(rows) + 1)]
    if len(windows) <= WATCHED_STEPS:
        return None
    watched, tuned = ([_mean(window, name) for window in windows] for name in ("watched_score", "scaled_score"))
    best = max(range(len(watched)), key=watched.__getitem__)
    if watched[-1] > watched[best] - FALL or tuned[-1] <= tuned[best]:
        return None
    sentence = (
        f"Over-optimisation: around step {best + WATCHED_STEPS // 2 + 1} the watching reward model, which learned from "
        f"other comparisons, was at its best ({watched[best]:.2f} deviations); it fell to {watched[-1]:.2f}, "
        f"while the score that is tuned against rose from {tuned[best]:.2f} to {tuned[-1]:.2f}. Stop near that step, "
        "raise kl_coef, or collect more comparisons."
    )
    return Alarm(len(history), "watched_score", sentence)


def _mean(window: Sequence[Values], name: str) -> float:
    return sum(row[name] for row in window) / len(window)
