"""What an annotator learns of a comparison of known order: after training at once, after a qualification once it ended.

Of hidden gold nothing is ever shown. Reads only.
"""

from dataclasses import dataclass

from annotate import presentation
from annotate.models import Assignment, Membership, Ranking
from annotate.quality.tiers import pair_agreement

Purpose = Assignment.Purpose


@dataclass(frozen=True)
class Feedback:
    """An annotator's order beside the known one, in the letters of their page."""

    said: str  # empty: they gave no order
    known: str
    reason: str
    agreement: float | None
    is_retired: bool

    @property
    def is_same(self) -> bool:
        return self.agreement == 1.0


def is_shown(assignment: Assignment) -> bool:
    """Say whether the annotator may see the known order of a comparison of theirs."""
    if assignment.state != Assignment.State.SUBMITTED:
        return False
    if assignment.purpose == Purpose.TRAINING:
        return True
    return assignment.purpose == Purpose.QUALIFICATION and _qualification_ended(assignment)


def of(assignment: Assignment) -> Feedback | None:
    """Return the feedback on an assignment; None where the annotator may not see the known order."""
    ranking = presentation.said_before(assignment) if is_shown(assignment) else None
    return ranking and of_ranking(ranking, assignment)


def of_ranking(ranking: Ranking, assignment: Assignment) -> Feedback:
    """Return a ranking beside the key of its comparison; the caller has asked is_shown."""
    key = assignment.comparison.key
    return Feedback(
        said=presentation.in_words(ranking.tiers, assignment=assignment),
        known=presentation.in_words(key.tiers, assignment=assignment),
        reason=key.reason,
        agreement=pair_agreement(ranking.tiers, key.tiers),
        is_retired=key.is_retired,
    )


def _qualification_ended(assignment: Assignment) -> bool:
    mine = Membership.objects.filter(project=assignment.project_id, annotator=assignment.annotator_id)
    return mine.exclude(qualification=Membership.Qualification.PENDING).exists()
