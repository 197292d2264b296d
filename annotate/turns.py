"""Whose turn is it: the next comparison of an annotator in a project, or why there is none.

The steps before the work come first (annotate.standing). A qualification whose comparisons are done is ended here.
"""

from dataclasses import dataclass

from annotate import assignments, memberships, standing
from annotate.models import Annotator, Assignment, Project, Use
from annotate.standing import Standing, Step


@dataclass(frozen=True)
class Turn:
    """Where an annotator stands, and the comparison that is reserved for them, if there is one."""

    standing: Standing
    assignment: Assignment | None = None
    has_ended_qualification: bool = False


def next_turn(annotator: Annotator, project: Project) -> Turn:
    """Reserve what an annotator ranks next: training, qualification or work. No assignment: the step says why."""
    stands = standing.of(annotator, project)
    if stands.step == Step.TRAINING:
        return Turn(stands, assignments.reserve_known(annotator, project, Use.TRAINING))
    if stands.step == Step.QUALIFICATION and stands.facts.qualification_left:
        return Turn(stands, assignments.reserve_known(annotator, project, Use.QUALIFICATION))
    if stands.step == Step.QUALIFICATION:
        memberships.end_qualification(annotator, project)
        return Turn(standing.of(annotator, project), has_ended_qualification=True)
    if stands.step == Step.WORKING:
        return Turn(stands, assignments.reserve_next(annotator, project, membership=stands.membership))
    return Turn(stands)
