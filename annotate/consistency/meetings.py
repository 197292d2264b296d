"""Where two annotators met: the comparisons that both ranked, what each said, and how far they agree."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.models import Annotator, Assignment, Comparison, Project, Ranking
from annotate.quality.tiers import sentence, tau_x
from annotate.verdicts import excerpt_of, labels_of

Purpose = Assignment.Purpose
LOOKED_UP_AT_ONCE = 1_000


@dataclass(frozen=True)
class Meeting:
    """A comparison that both ranked; `agreement` is 0..1, a tie half agreeing with a choice."""

    comparison: Comparison
    excerpt: str
    first: str
    second: str
    agreement: float | None


def shared_ids(project: Project, first: Annotator, second: Annotator) -> list[int]:
    """Return the comparisons that both ranked, by id.

    Which comparisons both were given is read from an index alone; only of those the rankings are looked up.
    """
    given = (Assignment.objects.filter(annotator=one).values_list("comparison", flat=True) for one in (first, second))
    met = sorted(set.intersection(*map(set, given)))
    parts = [met[at : at + LOOKED_UP_AT_ONCE] for at in range(0, len(met), LOOKED_UP_AT_ONCE)]
    return [pk for part in parts for pk in sorted(_counted(project, first, part) & _counted(project, second, part))]


def meetings(comparison_ids: Sequence[int], first: Annotator, second: Annotator) -> list[Meeting]:
    """Return what both said on these comparisons, in two queries."""
    rankings = Ranking.objects.filter(
        comparison__in=comparison_ids, annotator__in=[first, second], superseded_at__isnull=True, unrankable=""
    )
    said = {(one.comparison_id, one.annotator_id): one.tiers for one in rankings.exclude(assignment__purpose="repeat")}
    found = Comparison.objects.select_related("prompt").in_bulk(comparison_ids)
    return [_meeting(found[pk], said[pk, first.pk], said[pk, second.pk]) for pk in comparison_ids]


def _counted(project: Project, one: Annotator, comparison_ids: Sequence[int]) -> set[int]:
    """Those of the comparisons on which an annotator's ranking counts."""
    mine = Assignment.objects.filter(annotator=one, comparison__in=comparison_ids, project=project)
    counted = mine.filter(purpose=Purpose.WORK, rankings__superseded_at__isnull=True, rankings__unrankable="")
    return set(counted.values_list("comparison_id", flat=True))


def _meeting(comparison: Comparison, first: list[list[int]], second: list[list[int]]) -> Meeting:
    labels = labels_of({pk for tiers in (first, second) for tier in tiers for pk in tier})
    tau = tau_x(first, second)
    return Meeting(
        comparison=comparison,
        excerpt=excerpt_of(comparison),
        first=sentence(first, labels=labels),
        second=sentence(second, labels=labels),
        agreement=None if tau is None else (1 + tau) / 2,
    )
