"""More votes where those there are leave a comparison undecided: asked after each submission. Writes nothing itself."""

from annotate import assignments, policy
from annotate.models import Assignment, Comparison, OverlapPolicy, Ranking

State, Purpose = Assignment.State, Assignment.Purpose


def after_submission(place: Assignment) -> bool:
    """Open one more place where the votes on a comparison leave it undecided; say whether one was opened.

    Call it inside the transaction that stores the ranking: of the last two votes at once, one waits for the other here
    and then sees it.
    """
    project = place.project
    if project.overlap_policy != OverlapPolicy.ADAPTIVE or place.purpose != Purpose.WORK:
        return False
    comparison = assignments.lock_comparison(place.comparison_id)
    if policy.keeps_fixed_overlap(comparison.prompt.text_sha256, rate=project.fixed_rate):
        return False
    if comparison.assignments.filter(state__in=(State.OPEN, State.RESERVED), purpose=Purpose.WORK).exists():
        return False
    if not policy.wants_more_votes(_votes(comparison), cap=project.overlap_cap):
        return False
    return assignments.open_one_more(comparison)


def _votes(comparison: Comparison) -> list[list[list[int]]]:
    said = Ranking.objects.filter(comparison=comparison, superseded_at__isnull=True, assignment__purpose=Purpose.WORK)
    return list(said.values_list("tiers", flat=True))
