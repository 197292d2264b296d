"""How much of what a project holds, for the staff's lists: a fixed number of grouped queries however many projects."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from annotate.models import AnnotatorWeek, Assignment, Comparison, Demonstration, Membership, Origin, Project, Prompt

State = Assignment.State


@dataclass(frozen=True)
class ProjectCounts:
    """A project's rows; `ranking_count` counts the rankings that count, and `annotator_count` those who gave them."""

    prompt_count: int
    demonstration_count: int
    comparison_count: int
    open_count: int
    reserved_count: int
    submitted_count: int
    ranking_count: int
    annotator_count: int
    has_simulated: bool

    @property
    def place_count(self) -> int:
        return self.open_count + self.reserved_count + self.submitted_count

    @property
    def submitted_rate(self) -> float | None:
        return self.submitted_count / self.place_count if self.place_count else None


def by_project(projects: QuerySet[Project]) -> dict[int, ProjectCounts]:
    """Return the counts of each of the projects by its id."""
    ids = set(projects.values_list("pk", flat=True))
    prompts = _grouped(Prompt.objects.filter(project__in=ids), "project")
    written = _grouped(Demonstration.objects.filter(prompt__project__in=ids), "prompt__project")
    comparisons = _grouped(Comparison.objects.filter(project__in=ids), "project")
    places = _grouped(Assignment.objects.filter(project__in=ids, slot__isnull=False), "project", "state")
    rankings = _rankings(ids)
    return {
        pk: ProjectCounts(
            prompt_count=prompts.get((pk,), 0),
            demonstration_count=written.get((pk,), 0),
            comparison_count=comparisons.get((pk,), 0),
            open_count=places.get((pk, State.OPEN), 0),
            reserved_count=places.get((pk, State.RESERVED), 0),
            submitted_count=places.get((pk, State.SUBMITTED), 0),
            ranking_count=sum(rankings.get((pk, origin), (0, 0))[0] for origin in Origin.values),
            annotator_count=sum(rankings.get((pk, origin), (0, 0))[1] for origin in Origin.values),
            has_simulated=(pk, Origin.SIMULATED) in rankings,
        )
        for pk in ids
    }


def of(project: Project) -> ProjectCounts:
    """Return the counts of one project."""
    return by_project(Project.objects.filter(pk=project.pk))[project.pk]


def cohorts_without_members(project: Project) -> dict[str, int]:
    """Return how many places are open for each cohort that nobody belongs to: nobody will be given them."""
    waiting = _grouped(Assignment.objects.filter(project=project, state=State.OPEN).exclude(cohort=""), "cohort")
    manned = set(Membership.objects.filter(project=project).values_list("cohort", flat=True))
    return {cohort: n for (cohort,), n in sorted(waiting.items()) if cohort not in manned}


def _grouped(rows: QuerySet, *keys: str) -> dict[tuple[object, ...], int]:
    counted = rows.order_by().values_list(*keys).annotate(n=Count("pk"))
    return {tuple(key): n for *key, n in counted}


def _rankings(ids: set[int]) -> dict[tuple[int, str], tuple[int, int]]:
    """Return (rankings that count, annotators) by project and origin: from the sums, as counting a million is slow."""
    sums = AnnotatorWeek.objects.filter(project__in=ids, rankings__gt=0).order_by()
    counted = sums.values_list("project", "annotator__origin").annotate(
        n=Sum("rankings"), people=Count("annotator", distinct=True)
    )
    return {(project, origin): (n, people) for project, origin, n, people in counted}
