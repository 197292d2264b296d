"""Choosing a policy: what each policy of a project is worth by reward models and by people, and the next look at it.

A figure is comparable only under one reward model, the judge; best is one that the policy was not tuned against. Reads
rows only; evaluations and comparisons are runs like all others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from annotate.consistency import report
from annotate.consistency.codec import revived
from annotate.models import Project, Task
from annotate.win_rates import WinRate
from rlhf import drawings, runs
from rlhf.contract.config import EvaluateConfig, SampleConfig
from rlhf.drawings import Drawing, Line, Point
from rlhf.models import Checkpoint, Run, Snapshot
from rlhf.preflight import Refused, RunOrder

Kind = Checkpoint.Kind
MOST = 200
"""Policies that are looked at, the newest."""
FIGURES = (
    *("kl", "outside_rate", "distinct_2", "self_bleu", "length_mean"),
    *("score_mean", "score_low", "score_high", "win_rate_mean", "win_rate_low", "win_rate_high"),
)


@dataclass(frozen=True)
class Standing:
    """A policy, or the SFT model that others started from, and what is known of it; None where nothing is.

    `score` and `wins` are by the judge, on held-out prompts, `own_score` by the reward model that it was tuned against.
    `people`: how often its completions were ranked above those of `start`, which is the SFT model it began as.
    """

    checkpoint: Checkpoint
    start: Checkpoint | None
    previous: Checkpoint | None
    evaluation: Run | None
    is_waiting: bool  # an evaluation by the judge is queued or running
    own_score: float | None
    people: WinRate | None

    @property
    def figures(self) -> dict[str, Any]:
        """What the judge's evaluation measured; None where it did not."""
        measured = (self.evaluation.result or {}).get("metrics", {}) if self.evaluation else {}
        return {name: measured.get(name) for name in FIGURES}

    @property
    def root_kl(self) -> float | None:
        """The square root of the KL to where it began, in nats; 0 for a model that began nowhere."""
        if self.start is None:
            return 0.0 if self.evaluation else None
        kl = self.figures["kl"]
        return None if kl is None else math.sqrt(max(kl, 0.0))


@dataclass(frozen=True)
class Choice:
    """The page: rows, the newest first, and its pictures; a picture is None where fewer than two points are known."""

    rows: list[Standing]
    judges: list[Checkpoint]
    judge: Checkpoint | None
    score: Drawing | None
    diversity: Drawing | None
    agreement: Drawing | None


def choice(project: Project, *, judge: Checkpoint | None = None) -> Choice:
    """Return what is known of a project's policies under a judge; by default the newest reward model that judged."""
    judges = list(Checkpoint.objects.filter(project=project, kind=Kind.REWARD))
    evaluations = list(
        Run.objects.filter(project=project, stage=Run.Stage.EVALUATE, reward_model__isnull=False).select_related("base")
    )
    if judge is None:
        known = [run.reward_model_id for run in evaluations if run.state == Run.State.SUCCEEDED]
        judge = next((one for one in judges if one.pk in known), judges[0] if judges else None)
    rows = _rows(project, [run for run in evaluations if judge and run.reward_model_id == judge.pk])
    return Choice(rows, judges, judge, _score(rows), _diversity(rows), _agreement(rows))


def evaluate_all(project: Project, *, judge: Checkpoint, snapshot: Snapshot, by: User) -> tuple[int, list[str]]:
    """Queue evaluations of the policies and of where they began that the judge has not made; how many, and refusals."""
    count, refused = 0, []
    for row in choice(project, judge=judge).rows:
        if row.evaluation or row.is_waiting:
            continue
        order = RunOrder(
            project=project,
            stage="evaluate",
            config=EvaluateConfig(),
            snapshot=snapshot,
            base=row.checkpoint,
            reward_model=judge,
            baseline=row.start,
        )
        try:
            runs.create(order, by=by)
            count += 1
        except (Refused, runs.AlreadyActive) as problem:
            refused.append(f"{row.checkpoint.name}: {problem}")
    return count, refused


def compare(
    project: Project, chosen: Sequence[Standing], *, snapshot: Snapshot, max_prompts: int, by: User
) -> tuple[int, list[str]]:
    """Queue blind comparisons of policies with where they began and with the policy before; how many, and refusals."""
    each = 1 if project.task == Task.PAIRWISE else 2
    count, refused = 0, []
    config = SampleConfig(completions_per_prompt=each, prompts="test", max_prompts=max_prompts)
    for row in chosen:
        for against in {one.pk: one for one in (row.start, row.previous) if one}.values():
            order = RunOrder(project, "sample", config, snapshot, row.checkpoint, baseline=against)
            try:
                runs.create(order, by=by)
                count += 1
            except (Refused, runs.AlreadyActive) as problem:
                refused.append(f"{row.checkpoint.name} against {against.name}: {problem}")
    return count, refused


def _rows(project: Project, evaluations: list[Run]) -> list[Standing]:
    """The policies and where they began, the newest first."""
    known = {one.pk: one for one in Checkpoint.objects.filter(project=project).select_related("run")}
    known |= {one.pk: one for one in Checkpoint.objects.filter(project=None)}
    policies = [one for one in known.values() if one.kind == Kind.POLICY and one.project_id and not _is_export(one)]
    policies = sorted(policies, key=lambda one: -one.pk)[:MOST]
    starts = {policy.pk: _start(policy, known) for policy in policies}
    roots = sorted({one.pk: one for one in starts.values() if one}.values(), key=lambda one: -one.pk)
    rated = _people(project)
    found = []
    for at, policy in enumerate(policies):
        previous = policies[at + 1] if at + 1 < len(policies) else None
        found.append(_standing(policy, starts[policy.pk], previous, evaluations, rated))
    return found + [_standing(root, None, None, evaluations, {}) for root in roots]


def _is_export(checkpoint: Checkpoint) -> bool:
    return checkpoint.run is not None and checkpoint.run.stage == Run.Stage.EXPORT


def _start(policy: Checkpoint, known: dict[int, Checkpoint]) -> Checkpoint | None:
    """The model that a line of policies began as."""
    found = policy
    while found.kind == Kind.POLICY and found.parent_id in known:
        found = known[found.parent_id]
    return None if found.kind == Kind.POLICY else found


def _standing(
    checkpoint: Checkpoint,
    start: Checkpoint | None,
    previous: Checkpoint | None,
    evaluations: list[Run],
    rated: dict[tuple[str, str], WinRate],
) -> Standing:
    mine = [run for run in evaluations if run.base_id == checkpoint.pk]
    own = (checkpoint.run.result or {}).get("metrics", {}) if checkpoint.run else {}
    sides = (f"checkpoint/{checkpoint.pk}", f"checkpoint/{start.pk}") if start else ("", "")
    return Standing(
        checkpoint=checkpoint,
        start=start,
        previous=previous,
        evaluation=next((run for run in mine if run.state == Run.State.SUCCEEDED), None),
        is_waiting=any(not run.is_over for run in mine),
        own_score=own.get("score_after"),
        people=rated.get(sides),
    )


def _people(project: Project) -> dict[tuple[str, str], WinRate]:
    """Win rates by (source, against), each seen from both sides; as the consistency pages have them."""
    content = report.win_rates(project).content or []
    found = {}
    for one in revived(list[WinRate], content):
        found[one.source, one.against] = one
        found[one.against, one.source] = one.turned
    return found


def _score(rows: list[Standing]) -> Drawing | None:
    places = [
        Point(row.root_kl, row.figures["score_mean"], _name(row), *_interval(row.figures, "score"), label=_short(row))
        for row in rows
        if row.root_kl is not None and row.figures["score_mean"] is not None
    ]
    return _drawn(places, x="√KL to where it began", y="score by the judge")


def _diversity(rows: list[Standing]) -> Drawing | None:
    places = [
        Point(row.root_kl, row.figures["distinct_2"], _name(row), series=5, label=_short(row))
        for row in rows
        if row.root_kl is not None and row.figures["distinct_2"] is not None
    ]
    return _drawn(places, x="√KL to where it began", y="distinct word pairs")


def _agreement(rows: list[Standing]) -> Drawing | None:
    places = [
        Point(
            row.figures["win_rate_mean"],
            row.people.rate.value,
            _name(row),
            low=row.people.rate.low,
            high=row.people.rate.high,
            series=3,
            label=_short(row),
        )
        for row in rows
        if row.figures["win_rate_mean"] is not None and row.people and row.people.rate.value is not None
    ]
    if not places:
        return None
    unit = (0.0, 0.25, 0.5, 0.75, 1.0)
    diagonal = Line([(0.0, 0.0), (1.0, 1.0)], series=6, is_dashed=True)
    x, y = (drawings.Axis(0.0, 1.0, title, unit) for title in ("win rate by the judge", "win rate by people"))
    return drawings.drawing(places, x=x, y=y, lines=[diagonal])


def _drawn(places: list[Point], *, x: str, y: str) -> Drawing | None:
    if len(places) < 2:
        return None
    ends = [end for place in places for end in (place.y, place.low, place.high) if end is not None]
    return drawings.drawing(places, x=drawings.axis([place.x for place in places], x), y=drawings.axis(ends, y))


def _interval(figures: dict[str, Any], name: str) -> tuple[float | None, float | None]:
    return figures[f"{name}_low"], figures[f"{name}_high"]


def _name(row: Standing) -> str:
    return f"{row.checkpoint.name}, checkpoint {row.checkpoint.pk}"


def _short(row: Standing) -> str:
    return f"{row.checkpoint.pk}" if row.start else f"{row.checkpoint.pk} (start)"
