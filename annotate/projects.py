"""Projects and their guidelines: the only writer of Project and GuidelineVersion."""

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from annotate.models import GuidelineVersion, Project


def create(*, slug: str, name: str, overlap: int = 3, guidelines: str, by: User | None) -> Project:
    """Create a project with the first version of its guidelines."""
    with transaction.atomic():
        project = Project(slug=slug, name=name, overlap=overlap)
        project.full_clean()
        project.save()
        publish_guidelines(project, text=guidelines, by=by)
    return project


def change(project: Project, *, name: str, overlap: int, lease_seconds: int, is_active: bool) -> None:
    """Change a project's settings; overlap counts for comparisons that come in from now on."""
    project.name, project.overlap, project.lease_seconds, project.is_active = name, overlap, lease_seconds, is_active
    project.full_clean()
    project.save()


def set_crowd(project: Project, crowd: dict[str, object]) -> None:
    """Store a project's crowd, as annotate.crowd.settings.to_json gives it."""
    project.crowd = crowd
    project.save(update_fields=["crowd"])


def set_pay(project: Project, *, pay_per_hour: Decimal | None, currency: str) -> None:
    """Store what an hour of work is paid."""
    project.pay_per_hour, project.currency = pay_per_hour, currency
    project.save(update_fields=["pay_per_hour", "currency"])


def publish_guidelines(project: Project, *, text: str, by: User | None) -> GuidelineVersion:
    """Publish the next version of the guidelines; earlier versions stay as they were."""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # numbers are drawn one after the other
        last = project.guidelines.aggregate(last=Max("number"))["last"] or 0
        return GuidelineVersion.objects.create(project=project, number=last + 1, text=text, published_by=by)


def current_guidelines(project: Project) -> GuidelineVersion:
    """Return the guidelines in force."""
    return project.guidelines.order_by("-number").first()
