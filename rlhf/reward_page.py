"""The report on a reward model, from result.json and its snapshot: tables and pictures for the run's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from annotate import reward_models
from rlhf import drawings
from rlhf.contract.shares import wilson
from rlhf.drawings import Band, Bar, Drawing, Line, Point
from rlhf.models import Run

Metrics = dict[str, Any]
SLICES = {
    "margin": (
        "By margin of the label",
        "Large margins are easy; a model that is wrong there has learned something else.",
    ),
    "certainty": (
        "By agreement of the annotators",
        "The label's certainty q. Near one half people hardly agree themselves, and no model can be much better.",
    ),
    "category": ("By category", "A category far below the others wants comparisons of its own."),
    "doubt": (
        "By the model's own uncertainty",
        "Pairs on which its heads agree, and those on which they do not. No difference: its uncertainty says nothing.",
    ),
    "length": (
        "By which completion is better",
        "A model that only counts words is right where the longer one is better and wrong where the shorter one is.",
    ),
}
CEILINGS = (
    ("human", "Annotators against the majority of the others"),
    ("single_vote", "Best possible on one vote"),
    ("majority_of_three", "Best possible on a majority of three"),
)
DOUBLINGS = 2
"""So many doublings of the prompts does the fitted curve look ahead."""


@dataclass(frozen=True)
class Share:
    """A row of a table: an accuracy, its 95 % interval and on how many pairs."""

    name: str
    value: float
    low: float
    high: float
    n: int | None
    bar: Bar


@dataclass(frozen=True)
class Slice:
    """A table of accuracies on parts of the held-out pairs, and how to read it."""

    title: str
    reading: str
    rows: list[Share]


@dataclass(frozen=True)
class LengthBias:
    """How often people, and how often the model, take the longer completion for the better one (0..1)."""

    people: float
    model: float

    @property
    def difference(self) -> float:
        """Above 0 the model likes length more than people do."""
        return self.model - self.people


@dataclass(frozen=True)
class Calibration:
    """What the model's probabilities are worth; rows of (predicted, observed, pairs)."""

    error: float
    temperature: float
    rows: list[tuple[float, float, int]]
    drawing: Drawing


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy by number of prompts; rows of (prompts, accuracy, low, high, is measured)."""

    rows: list[tuple[int, float, float, float, bool]]
    drawing: Drawing


@dataclass(frozen=True)
class Report:
    """All that is known of a reward model; a part that was not measured is None or empty."""

    overall: list[Share]
    slices: list[Slice]
    length: LengthBias | None
    calibration: Calibration | None
    learning: LearningCurve | None
    trust_threshold: float | None


def report(run: Run) -> Report | None:
    """Return the report on the reward model that a run trained or evaluated; None where it measured no accuracy."""
    measured: Metrics = (run.result or {}).get("metrics", {})
    if "accuracy_longer_wins" not in measured or run.stage not in {"reward", "evaluate"}:
        return None
    ceiling = _ceiling(run)
    usual = _span(ceiling)
    return Report(
        overall=_overall(measured, ceiling, usual),
        slices=_slices(measured, usual),
        length=_length(measured),
        calibration=_calibration(measured),
        learning=_learning(measured, usual),
        trust_threshold=measured.get("trust_threshold"),
    )


def _ceiling(run: Run) -> list[tuple[str, dict[str, Any]]]:
    """The ceilings that a snapshot knows, by what they are of; snapshots from before they were kept have none."""
    known = run.snapshot.counts.get("ceiling", {})
    return [(name, known[key]) for key, name in CEILINGS if known.get(key, {}).get("low") is not None]


def _span(ceiling: list[tuple[str, dict[str, Any]]]) -> tuple[float, float] | None:
    """From the human line to the best possible on a majority: where a good reward model ends up."""
    values = sorted(one["value"] for name, one in ceiling if name != dict(CEILINGS)["single_vote"])
    return (values[0], values[1]) if len(values) == 2 else None


def _overall(
    measured: Metrics, ceiling: list[tuple[str, dict[str, Any]]], usual: tuple[float, float] | None
) -> list[Share]:
    n = measured["n"]
    found = [
        _share("This reward model", measured["accuracy"], measured["accuracy_low"], measured["accuracy_high"], n, usual)
    ]
    longer = measured["accuracy_longer_wins"]
    found.append(_share("«The longer one wins»", longer, *wilson(longer * n, n), n, usual))
    for name, one in ceiling:
        found.append(_share(name, one["value"], one["low"], one["high"], None, usual))
    return found


def _slices(measured: Metrics, usual: tuple[float, float] | None) -> list[Slice]:
    rows = measured.get("accuracy_by", []) + measured.get("accuracy_by_doubt", [])
    by_name = {name: list(of_name) for name, of_name in groupby(rows, key=lambda row: row["slice"])}
    return [
        Slice(
            title,
            reading,
            [_share(r["value"], r["accuracy"], r["low"], r["high"], r["n"], usual) for r in by_name[name]],
        )
        for name, (title, reading) in SLICES.items()
        if name in by_name
    ]


def _share(name: str, value: float, low: float, high: float, n: int | None, usual: tuple[float, float] | None) -> Share:
    return Share(name, value, low, high, n, drawings.bar(value, low, high, usual=usual))


def _length(measured: Metrics) -> LengthBias | None:
    model = measured.get("longer_scored_higher")
    return None if model is None else LengthBias(people=measured["accuracy_longer_wins"], model=model)


def _calibration(measured: Metrics) -> Calibration | None:
    rows = [(one["predicted"], one["observed"], one["n"]) for one in measured.get("calibration", [])]
    if not rows:
        return None
    points = []
    for predicted, observed, n in rows:
        name = f"predicted {predicted:.0%}, people {observed:.0%}, {n} pairs"
        points.append(Point(predicted, observed, name, *wilson(observed * n, n)))
    picture = drawings.drawing(
        points,
        x=drawings.Axis(0.0, 1.0, "what the model says", (0.0, 0.25, 0.5, 0.75, 1.0)),
        y=drawings.Axis(0.0, 1.0, "what people say", (0.0, 0.25, 0.5, 0.75, 1.0)),
        lines=[Line([(0.0, 0.0), (1.0, 1.0)], series=6, is_dashed=True), Line([row[:2] for row in rows])],
    )
    return Calibration(measured["ece"], measured["temperature"], rows, picture)


def _learning(measured: Metrics, usual: tuple[float, float] | None) -> LearningCurve | None:
    curve: Sequence[dict[str, Any]] = measured.get("learning_curve", [])
    if len(curve) < 2:
        return None
    rows = []
    for one in curve:
        n = one["n_held_out"]
        rows.append((one["n_prompts"], one["accuracy"], *wilson(one["accuracy"] * n, n), True))
    largest = max(row[0] for row in rows)
    ahead = [largest * 2**k for k in range(1, DOUBLINGS + 1)]
    ceiling = usual[1] if usual else 1.0
    fitted = reward_models.learning_fit(curve, ceiling=ceiling, at=sorted({row[0] for row in rows} | set(ahead)))
    rows += [(one.n_prompts, one.accuracy, one.low, one.high, False) for one in fitted if one.n_prompts > largest]
    points = [
        Point(n, accuracy, f"{n} prompts: {accuracy:.1%}", low, high, series=1 if is_measured else 2)
        for n, accuracy, low, high, is_measured in rows
    ]
    shown = [end for row in rows for end in row[1:4]] + list(usual or ())
    picture = drawings.drawing(
        points,
        x=drawings.axis([row[0] for row in rows], "prompts trained on", is_log=True),
        y=drawings.axis(shown, "held-out accuracy"),
        lines=[Line([(one.n_prompts, one.accuracy) for one in fitted], series=2, is_dashed=True)] if fitted else (),
        bands=[Band(*usual, "human line to best possible")] if usual else (),
    )
    return LearningCurve(rows, picture)
