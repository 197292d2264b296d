"""Projects and their guidelines: the only writer of Project and GuidelineVersion."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from annotate.models import GuidelineVersion, Project, Task
from annotate.questions import parse, to_json


def create(
    *,
    slug: str,
    name: str,
    task: str = Task.RANKING,
    questions: dict[str, Any] | None = None,
    overlap: int = 3,
    guidelines: str,
    by: User | None,
) -> Project:
    """Create a project with the first version of its guidelines. Raises BadQuestions."""
    asked = parse(questions or {})
    with transaction.atomic():
        project = Project(slug=slug, name=name, task=task, questions=to_json(asked), overlap=overlap)
        project.full_clean()
        project.save()
        publish_guidelines(project, text=guidelines, by=by)
    return project


def change(
    project: Project,
    *,
    name: str,
    overlap: int,
    lease_seconds: int,
    is_active: bool,
    questions: dict[str, Any] | None = None,
) -> None:
    """Change a project's settings; overlap counts for comparisons that come in from now on. Raises BadQuestions.

    The task stays: comparisons are made for it. Questions that are left out stay as they were.
    """
    project.name, project.overlap, project.lease_seconds, project.is_active = name, overlap, lease_seconds, is_active
    if questions is not None:
        project.questions = to_json(parse(questions))
    project.full_clean()
    project.save()


def publish_guidelines(project: Project, *, text: str, by: User | None) -> GuidelineVersion:
    """Publish the next version of the guidelines; earlier versions stay as they were."""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # numbers are drawn one after the other
        last = project.guidelines.aggregate(last=Max("number"))["last"] or 0
        return GuidelineVersion.objects.create(project=project, number=last + 1, text=text, published_by=by)


def current_guidelines(project: Project) -> GuidelineVersion:
    """Return the guidelines in force."""
    return project.guidelines.order_by("-number").first()
