"""Where two annotators met: the comparisons that both ranked, what each said, and how far they agree."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.models import Annotator, Assignment, Comparison, Project, Ranking
from annotate.quality.tiers import sentence, tau_x
from annotate.verdicts import excerpt_of, labels_of

Purpose = Assignment.Purpose


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
    return sorted(_ranked_beside(project, first, second) & _ranked_beside(project, second, first))


def meetings(comparison_ids: Sequence[int], first: Annotator, second: Annotator) -> list[Meeting]:
    """Return what both said on these comparisons, in two queries."""
    rankings = Ranking.objects.filter(
        comparison__in=comparison_ids, annotator__in=[first, second], superseded_at__isnull=True, unrankable=""
    )
    said = {(one.comparison_id, one.annotator_id): one.tiers for one in rankings.exclude(assignment__purpose="repeat")}
    found = Comparison.objects.select_related("prompt").in_bulk(comparison_ids)
    return [_meeting(found[pk], said[pk, first.pk], said[pk, second.pk]) for pk in comparison_ids]


def _ranked_beside(project: Project, one: Annotator, other: Annotator) -> set[int]:
    """The comparisons on which the ranking of one counts and the other had a place."""
    theirs = Assignment.objects.filter(annotator=other).values("comparison")
    mine = Assignment.objects.filter(annotator=one, comparison__in=theirs, project=project, purpose=Purpose.WORK)
    counted = mine.filter(rankings__superseded_at__isnull=True, rankings__unrankable="")
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
