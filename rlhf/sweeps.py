"""Sweeps: one order tried with several settings, as runs that belong together. The only writer of Sweep."""

from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from rlhf import axes, drawings, preflight, runs, search
from rlhf.axes import Parallel
from rlhf.contract import config as configs
from rlhf.contract.config import ConfigError
from rlhf.drawings import Drawing, Point
from rlhf.models import Run, Sweep
from rlhf.preflight import RunOrder
from rlhf.search import Value

MEASURES = {
    "pretrain": ("perplexity", "held-out perplexity", False),
    "sft": ("loss_last", "loss at the end", False),
    "reward": ("accuracy", "held-out accuracy", True),
    "dpo": ("accuracy", "held-out accuracy", True),
    "ppo": ("score_after", "score after", True),
    "rloo": ("score_after", "score after", True),
    "grpo": ("score_after", "score after", True),
}
"""What a sweep of a stage is about: the figure of result.json, its name, and whether more is better."""
BESIDE = {"ppo": ("kl", "watched_score_after"), "reward": ("ece",), "rloo": ("kl",), "grpo": ("kl",)}
"""Figures that stand beside it: a high score at a high KL is no find."""


@dataclass(frozen=True)
class Row:
    """A run of a sweep: its settings, what it measured (None before), what stands beside, whether it is best."""

    run: Run
    settings: list[Value]
    measured: float | None
    beside: list[float | None]
    is_best: bool


@dataclass(frozen=True)
class Report:
    """A sweep as its page shows it, the best run first."""

    fields: list[str]
    measure: str
    is_more_better: bool
    beside: list[str]
    rows: list[Row]
    scatter: Drawing | None
    parallel: Parallel | None

    @property
    def waiting_count(self) -> int:
        return sum(not row.run.is_over for row in self.rows)


def create(order: RunOrder, *, text: str, draws: int, by: User | None) -> Sweep:
    """Queue a run for each setting of a search (search.py), or none.

    Raises ConfigError, preflight.Refused, or runs.AlreadyActive where one of the settings is being tried already.
    """
    if order.stage not in MEASURES:
        raise ConfigError({search.FIELD: f"{order.stage} measures nothing to choose by. Leave this empty."})
    found = search.parse(order.stage, text)
    orders = [_with(order, one) for one in search.settings(found, draws=draws, seed=order.config.seed)]
    for one in orders:
        if problems := preflight.problems(one):
            raise preflight.Refused(problems)
    with transaction.atomic():
        sweep = Sweep.objects.create(
            project=order.project, stage=order.stage, search=text, fields=list(found), created_by=by
        )
        for one in orders:
            runs.create(one, by=by, sweep=sweep)
    return sweep


def cancel(sweep: Sweep) -> int:
    """Cancel the runs of a sweep that are not over; return how many."""
    count = 0
    for run in sweep.runs.all():
        try:
            runs.request_cancel(run)
            count += 1
        except runs.AlreadyOver:
            continue
    return count


def report(sweep: Sweep) -> Report:
    """Return what a sweep found so far."""
    name, title, is_more_better = MEASURES[sweep.stage]
    beside = BESIDE.get(sweep.stage, ())
    found = [(run, (run.result or {}).get("metrics", {})) for run in sweep.runs.order_by("pk")]
    found = [(run, measured if run.state == Run.State.SUCCEEDED else {}) for run, measured in found]
    known = [measured[name] for _, measured in found if name in measured]
    best = (max if is_more_better else min)(known) if known else None
    rows = [
        Row(
            run=run,
            settings=[run.config[one] for one in sweep.fields],
            measured=measured.get(name),
            beside=[measured.get(one) for one in beside],
            is_best=name in measured and measured[name] == best,
        )
        for run, measured in found
    ]
    rows.sort(key=lambda row: (row.measured is None, _rank(row.measured, is_more_better)))
    return Report(
        fields=sweep.fields,
        measure=title,
        is_more_better=is_more_better,
        beside=[one.replace("_", " ") for one in beside],
        rows=rows,
        scatter=_scatter(sweep.fields, rows, title),
        parallel=_parallel(sweep.fields, rows, title),
    )


def _with(order: RunOrder, settings: dict[str, Value]) -> RunOrder:
    """The order with some of its settings changed. Raises ConfigError (of `search`) where they do not go together."""
    try:
        config = configs.parse(order.stage, configs.to_json(order.config) | settings)
    except ConfigError as problem:
        told = ", ".join(f"{name} {value}" for name, value in settings.items())
        raise ConfigError({search.FIELD: f"with {told}: {problem}"}) from problem
    return replace(order, config=config)


def _rank(measured: float | None, is_more_better: bool) -> float:
    return 0.0 if measured is None else -measured if is_more_better else measured


def _scatter(fields: list[str], rows: list[Row], title: str) -> Drawing | None:
    """The measure over the only field, where that is a number."""
    known = [row for row in rows if row.measured is not None]
    if len(fields) != 1 or len(known) < 2 or not all(_is_number(row.settings[0]) for row in known):
        return None
    points = [
        Point(
            float(row.settings[0]),
            row.measured,
            f"run {row.run.pk}",
            series=2 if row.is_best else 1,
            label=f"{row.run.pk}",
        )
        for row in known
    ]
    xs = [point.x for point in points]
    is_log = min(xs) > 0 and max(xs) / min(xs) >= axes.LOG_FROM
    x = drawings.axis(xs, fields[0].replace("_", " "), is_log=is_log)
    return drawings.drawing(points, x=x, y=drawings.axis([point.y for point in points], title))


def _parallel(fields: list[str], rows: list[Row], title: str) -> Parallel | None:
    known = [row for row in rows if row.measured is not None]
    if len(fields) < 2 or len(known) < 2:
        return None
    lines = [([*row.settings, row.measured], f"run {row.run.pk}", row.is_best) for row in known]
    return axes.parallel([*(one.replace("_", " ") for one in fields), title], lines)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
