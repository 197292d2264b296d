"""What was made from what an annotator said in a project: snapshots, runs, models. Reads only.

A snapshot keeps consensus pairs, not who said what, so every snapshot frozen while they counted is named: it may rest
on them. What was trained on it, and on models that were, follows.
"""

from dataclasses import dataclass

from django.db.models import Min, Q

from annotate.models import Annotator, Demonstration, Project, Ranking
from rlhf.models import Checkpoint, Run, Snapshot


@dataclass(frozen=True)
class Touched:
    """Snapshots that may rest on an annotator, the runs that read them or a touched model, and the models they left."""

    snapshots: list[Snapshot]
    runs: list[Run]
    checkpoints: list[Checkpoint]


def touched(annotator: Annotator, project: Project) -> Touched:
    """Return what to look at where an annotator takes their consent back; in a fixed number of queries a generation."""
    snapshots = _snapshots(annotator, project)
    runs: dict[int, Run] = {}
    models: set[int] = set()
    found = list(Run.objects.filter(snapshot__in=snapshots))
    while found:
        runs |= {run.pk: run for run in found}
        models |= set(Checkpoint.objects.filter(run__in=found).values_list("pk", flat=True))
        reads = Q(base__in=models) | Q(reward_model__in=models) | Q(baseline__in=models) | Q(watcher__in=models)
        found = list(Run.objects.filter(reads).exclude(pk__in=runs))
    return Touched(
        snapshots=snapshots,
        runs=[runs[pk] for pk in sorted(runs)],
        checkpoints=list(Checkpoint.objects.filter(pk__in=models).order_by("pk")),
    )


def _snapshots(annotator: Annotator, project: Project) -> list[Snapshot]:
    ranked = Ranking.objects.filter(annotator=annotator, comparison__project=project)
    written = Demonstration.objects.filter(author=annotator, prompt__project=project)
    moments = [
        ranked.aggregate(first=Min("submitted_at"))["first"],
        written.aggregate(first=Min("created_at"))["first"],
    ]
    begun = [moment for moment in moments if moment]
    if not begun:
        return []
    since = Snapshot.objects.filter(project=project, created_at__gte=min(begun))
    member = project.memberships.filter(annotator=annotator).first()
    if member and member.recalled_at:
        since = since.filter(created_at__lte=member.recalled_at)
    return list(since.order_by("pk"))
