"""The path of a PPO run: its score over the square root of its KL, step by step, beside the watcher's.

Gao et al. 2022 found that the true score is a curve in √KL that turns down; the score that is tuned against goes on.
"""

import math

from rlhf import drawings
from rlhf.drawings import Drawing, Line, Point
from rlhf.models import Metric, Run

LABELS = {"score": "", "scaled_score": "tuned against", "watched_score": "watching"}
MOST = 200
"""Steps that are drawn, evenly taken."""


def path(run: Run) -> Drawing | None:
    """Return the picture of a PPO run; None before its third step."""
    rows = list(Metric.objects.filter(run=run).order_by("step").values_list("step", "values"))
    rows = [(step, row) for step, row in rows if {"kl", "score"} <= row.keys()]
    rows = rows[:: math.ceil(len(rows) / MOST) or 1]
    if len(rows) < 3:
        return None
    is_watched = all("watched_score" in row for _, row in rows)
    names = (("scaled_score", 1), ("watched_score", 2)) if is_watched else (("score", 1),)
    series = [(name, [(_root(row), row[name], step) for step, row in rows], colour) for name, colour in names]
    places = [place for _, found, _ in series for place in found]
    return drawings.drawing(
        [
            Point(
                x,
                y,
                f"{name.replace('_', ' ')} {y:.2f} at step {step}",
                series=colour,
                label=LABELS[name] if step == rows[-1][0] else "",
            )
            for name, found, colour in series
            for x, y, step in found
        ],
        x=drawings.axis([x for x, _, _ in places], "√KL, nats"),
        y=drawings.axis([y for _, y, _ in places], "score, in deviations" if is_watched else "score"),
        lines=[Line([(x, y) for x, y, _ in found], series=colour) for _, found, colour in series],
    )


def _root(row: dict[str, float]) -> float:
    return math.sqrt(max(row["kl"], 0.0))
