"""World B of the simulated crowds as a project in a scratch database: 1,000,000 votes on pairs by 1,000 annotators.

Rows are written past the writing modules, as a dump is loaded; sums and reports are left to be made.
"""

from datetime import UTC, datetime, timedelta
from itertools import repeat
from uuid import UUID

import numpy as np
from django.db import transaction

from annotate import bulk, people, projects
from annotate.models import Assignment, Comparison, Completion, GuidelineVersion, Origin, Project, Prompt, Ranking, Task
from benchmarks.crowd_worlds import World

CATEGORIES = ("brainstorming", "chat", "code", "extraction", "generation", "open question", "rewriting", "summary")
DAYS = 60
SECONDS_SEED = 7
BEGAN_AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
MESSAGES = '[{"role": "user", "content": "Name a river and say in a sentence where it flows."}]'


def load(world: World) -> Project:
    """Store the votes of world B and return their project; two versions of the guidelines, eight categories."""
    project = projects.create(slug="crowd", name="Crowd", overlap=3, guidelines="Be fair.", by=None, task=Task.PAIRWISE)
    versions = [project.guidelines.get().pk, projects.publish_guidelines(project, text="Be fairer.", by=None).pk]
    n_annotators = int(world["annotator"].max()) + 1
    names = [f"a{n:04}" for n in range(n_annotators)]
    made = people.without_account(Origin.SIMULATED, source="crowd", external_ids=names)
    bulk.widen_cache()
    with transaction.atomic():
        comparisons, completions = _comparisons(project, world)
        _votes(project, world, comparisons, completions, np.array([made[name].pk for name in names]), versions)
    bulk.analyze(Prompt, Comparison, Completion, Assignment, Ranking, GuidelineVersion)
    return project


def _comparisons(project: Project, world: World) -> tuple[np.ndarray, np.ndarray]:
    """Store prompts, comparisons and their two completions; return the ids of the comparisons and completions."""
    n = len(world["d"])
    prompts, comparisons = bulk.new_ids(Prompt, n), bulk.new_ids(Comparison, n)
    completions = bulk.new_ids(Completion, 2 * n)
    names = [f"p{number}" for number in range(n)]
    categories = [CATEGORIES[number % len(CATEGORIES)] for number in range(n)]
    columns = ["id", "project_id", "external_id", "messages", "text_sha256", "category"]
    bulk.insert(
        Prompt, columns, zip(prompts, repeat(project.pk), names, repeat(MESSAGES), names, categories, strict=False)
    )
    columns = ["id", "project_id", "prompt_id", "external_id", "overlap", "fingerprint"]
    bulk.insert(
        Comparison, columns, zip(comparisons, repeat(project.pk), prompts, names, repeat(3), names, strict=False)
    )
    systems = np.column_stack([world["si"], world["sj"]]).ravel().tolist()
    homes = np.repeat(comparisons, 2).tolist()
    rows = (
        (pk, home, "ab"[pk % 2], f"It flows {pk}.", f"system-{system}")
        for pk, home, system in zip(completions, homes, systems, strict=True)
    )
    bulk.insert(Completion, ["id", "comparison_id", "external_id", "text", "source"], rows)
    return np.array(comparisons), np.array(completions).reshape(n, 2)


def _votes(
    project: Project,
    world: World,
    comparisons: np.ndarray,
    completions: np.ndarray,
    annotators: np.ndarray,
    versions: list[int],
) -> None:
    task, n = world["task"], len(world["task"])
    i, j = completions[task].T
    left = np.where(world["left"] == world["si"][task], i, j)
    better = np.where(world["i_wins"], i, j)
    slot = np.zeros(n, dtype=np.int64)
    by_task = np.argsort(task, kind="stable")
    starts = np.searchsorted(task[by_task], np.arange(len(comparisons)))
    slot[by_task] = np.arange(n) - np.repeat(starts, np.diff(np.append(starts, n)))
    day = (np.arange(n) * DAYS // n).tolist()
    seconds = np.round(np.exp(np.random.default_rng(SECONDS_SEED).normal(3.3, 0.6, n)), 1).tolist()
    assignments, rankings = bulk.new_ids(Assignment, n), bulk.new_ids(Ranking, n)
    orders = [f"[{first}, {second}]" for first, second in zip(left.tolist(), (i + j - left).tolist(), strict=True)]
    tiers = [
        f"[[{first}], [{second}]]" for first, second in zip(better.tolist(), (i + j - better).tolist(), strict=True)
    ]
    at = [BEGAN_AT + timedelta(days=d) for d in range(DAYS)]
    homes, people_ids = comparisons[task].tolist(), annotators[world["annotator"]].tolist()
    rows = (
        (pk, project.pk, home, place, "submitted", person, versions[2 * d // DAYS], order)
        for pk, home, place, person, d, order in zip(
            assignments, homes, slot.tolist(), people_ids, day, orders, strict=True
        )
    )
    columns = ["id", "project_id", "comparison_id", "slot", "state", "annotator_id", "guideline_id", "order"]
    bulk.insert(Assignment, columns, rows)
    rows = (
        (pk, place, home, person, UUID(int=pk).hex, said, 3, time, at[d])
        for pk, place, home, person, said, time, d in zip(
            rankings, assignments, homes, people_ids, tiers, seconds, day, strict=True
        )
    )
    columns = ["id", "assignment_id", "comparison_id", "annotator_id", "submission", "tiers", "strength"]
    bulk.insert(Ranking, [*columns, "active_seconds", "submitted_at"], rows)
