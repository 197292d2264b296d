"""One person's pay, submission by submission: as the staff decide about it, and as the person reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from annotate.crowd import ledger, pay
from annotate.crowd.rates import Rates
from annotate.models import Annotator, Assignment, Demonstration, PayDecision, Project, Ranking


@dataclass(frozen=True)
class Piece:
    """One submission: the work on it, what that is worth, and what was decided, the first decision first."""

    assignment: Assignment
    seconds: float
    is_estimated: bool
    worth: Decimal | None  # None where no hour was paid when it was handed out
    decisions: list[PayDecision]

    @property
    def is_paid(self) -> bool:
        """Whether it is paid as it stands."""
        return not self.decisions or self.decisions[-1].is_paid


def submitted(annotator: Annotator, project: Project) -> QuerySet[Assignment]:
    """Return what a person has submitted in a project, the newest first."""
    said = annotator.assignments.filter(project=project, state=Assignment.State.SUBMITTED)
    return said.select_related("comparison", "project").order_by("-closed_at", "-pk")


def of(assignments: Sequence[Assignment]) -> list[Piece]:
    """Return the pieces of submissions of one project, in four queries."""
    if not assignments:
        return []
    rates, decided = Rates.of(assignments[0].project), ledger.about(assignments)
    said: dict[int, Ranking | Demonstration] = {}
    for model in (Ranking, Demonstration):
        for one in model.objects.filter(assignment__in=assignments, superseded_at=None):
            said[one.assignment_id] = one
    return [_piece(one, said[one.pk], rates.at(one.reserved_at), decided[one.pk]) for one in assignments]


def _piece(
    place: Assignment, said: Ranking | Demonstration, rate: Decimal | None, decisions: list[PayDecision]
) -> Piece:
    is_estimated = said.active_seconds is None
    seconds = min(said.seconds or 0.0, pay.WALL_CAP_SECONDS) if is_estimated else said.active_seconds
    worth = None if rate is None else pay.worth_of(seconds, rate)
    return Piece(place, seconds, is_estimated, worth, decisions)
