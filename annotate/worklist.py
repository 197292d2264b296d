"""What waits for an annotator: their active projects with where they stand, and why a queue is empty. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate import standing
from annotate.assignments import SEEN
from annotate.models import Annotator, Assignment, Membership, Project, Task
from annotate.standing import Standing, Step

State = Assignment.State
BEFORE_WORK = {
    Step.CONSENT: gettext_lazy("Begin: what you agree to"),
    Step.GUIDELINES: gettext_lazy("Begin: read the guidelines"),
    Step.TRAINING: gettext_lazy("Go on with the training"),
    Step.QUALIFICATION: gettext_lazy("Go on with the qualification"),
}

ASKED = {
    Task.RANKING: gettext_lazy("Put the completions of a prompt in order, the best first. Ties are fine."),
    Task.PAIRWISE: gettext_lazy("Say which of two completions is better, and how much."),
    Task.DEMONSTRATION: gettext_lazy("Write the ideal output to a prompt, or edit a completion into it."),
}
NEXT = {
    Task.RANKING: gettext_lazy("Rank the next"),
    Task.PAIRWISE: gettext_lazy("Compare the next"),
    Task.DEMONSTRATION: gettext_lazy("Write the next"),
}

STEP_NAMES = {
    Step.NOT_ADMITTED: gettext_lazy("not admitted"),
    Step.PAUSED: gettext_lazy("paused"),
    Step.CONSENT: gettext_lazy("needs consent"),
    Step.GUIDELINES: gettext_lazy("needs the guidelines"),
    Step.TRAINING: gettext_lazy("in training"),
    Step.QUALIFICATION: gettext_lazy("in qualification"),
    Step.FAILED: gettext_lazy("not qualified"),
    Step.QUOTA_DONE: gettext_lazy("quota done"),
    Step.WORKING: gettext_lazy("working"),
}

DONE = """
SELECT COUNT(*) FROM annotate_assignment WHERE annotator_id = %s AND project_id = %s AND state = 'submitted'
    AND purpose NOT IN ('training', 'qualification')
"""


@dataclass(frozen=True)
class Work:
    """A project as an annotator meets it: comparisons they did, and those with a free place for them."""

    project: Project
    done_count: int
    free_count: int
    is_reserved: bool
    standing: Standing

    @property
    def left_count(self) -> int:
        return self.free_count + self.is_reserved

    @property
    def total_count(self) -> int:
        return self.done_count + self.left_count

    @property
    def has_work(self) -> bool:
        return self.left_count > 0

    @property
    def asked(self) -> str:
        """What annotators do in the project, in a sentence."""
        return ASKED[Task(self.project.task)]

    @property
    def step_name(self) -> str:
        return STEP_NAMES[self.standing.step]

    @property
    def action(self) -> str:
        """What the button says that leads on; empty where there is nothing to do."""
        if self.standing.step in BEFORE_WORK:
            return BEFORE_WORK[self.standing.step]
        if self.standing.step != Step.WORKING or not self.has_work:
            return ""
        return _("Go on") if self.is_reserved else str(NEXT[Task(self.project.task)]) if self.done_count else _("Start")


@dataclass(frozen=True)
class Waiting:
    """Comparisons that may come back to an annotator: others hold the last places."""

    comparison_count: int
    earliest_at: datetime | None


def of(annotator: Annotator) -> list[Work]:
    """Return the active projects that let an annotator in; the number of queries does not grow with them."""
    mine = Assignment.objects.filter(annotator=annotator)
    done = _by_project(mine.filter(state=State.SUBMITTED).exclude(purpose__in=standing.KNOWN))
    reserved = _by_project(mine.filter(state=State.RESERVED))
    free = _by_project(_for_them(annotator).filter(state=State.OPEN, project__is_active=True))
    projects = list(Project.objects.filter(is_active=True))
    stands = standing.by_project(annotator, projects)
    return [
        Work(project, done.get(project.pk, 0), free.get(project.pk, 0), project.pk in reserved, stands[project.pk])
        for project in projects
        if stands[project.pk].step != Step.NOT_ADMITTED
    ]


def done_count(annotator: Annotator, project: Project) -> int:
    """Count the comparisons of a project that an annotator has ranked."""
    with connection.cursor() as cursor:  # on an annotator's every page: spared the making of the same statement
        cursor.execute(DONE, [annotator.pk, project.pk])
        return cursor.fetchone()[0]


def waiting(annotator: Annotator, project: Project) -> Waiting:
    """Say what others hold that this annotator has not seen, and when the first of it may come free by itself."""
    held = _unseen(annotator).filter(project=project, state=State.RESERVED)
    return Waiting(**held.aggregate(comparison_count=Count("comparison", distinct=True), earliest_at=Min("expires_at")))


def _unseen(annotator: Annotator) -> QuerySet[Assignment]:
    seen = Assignment.objects.filter(comparison=OuterRef("comparison"), annotator=annotator, state__in=SEEN)
    return Assignment.objects.filter(~Exists(seen))


def _for_them(annotator: Annotator) -> QuerySet[Assignment]:
    """What they have not had, and is everybody's or their cohort's."""
    same_cohort = Membership.objects.filter(annotator=annotator, project=OuterRef("project"), cohort=OuterRef("cohort"))
    return _unseen(annotator).filter(Q(cohort="") | Exists(same_cohort))


def _by_project(places: QuerySet[Assignment]) -> dict[int, int]:
    return dict(places.order_by().values_list("project").annotate(n=Count("comparison", distinct=True)))
