"""Projects, their guidelines and consent texts: the only writer of Project and its versions and changes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotate import audit
from annotate.models import Assignment, ConsentVersion, GuidelineVersion, PayRate, PolicyChange, Project, Task
from annotate.questions import parse, to_json

QUEUE_FIELDS = ("overlap_policy", "overlap_cap", "fixed_rate", "gold_rate", "repeat_rate", "grace_seconds")
"""What decides whom a comparison is handed to, beside the overlap: more votes, gold, repeats, how long to go back."""

FAILED_STAYS = "discards_failed_stays"


class BadPay(Exception):
    """A pay that would break a promise: the field of the form, and a sentence for it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


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
        audit.record(audit.Kind.PROJECT_MADE, _named(project), after={"name": name, "task": task, "overlap": overlap})
    return project


def change(
    project: Project,
    *,
    name: str,
    overlap: int,
    lease_seconds: int,
    is_active: bool,
    questions: dict[str, Any] | None = None,
    queue: Mapping[str, Any] | None = None,
) -> None:
    """Change a project's settings; overlap counts for comparisons that come in from now on. Raises BadQuestions.

    The task stays: comparisons are made for it. Questions that are left out stay as they were, and so do the fields of
    the queue (QUEUE_FIELDS).
    """
    for field in QUEUE_FIELDS if queue else ():
        setattr(project, field, queue[field])
    project.name, project.overlap, project.lease_seconds, project.is_active = name, overlap, lease_seconds, is_active
    if questions is not None:
        project.questions = to_json(parse(questions))
    _save(project)


def change_onboarding(
    project: Project,
    *,
    is_open: bool,
    training_count: int,
    qualification_count: int,
    qualification_pass_rate: float,
    pauses_failing: bool = False,
) -> None:
    """Change who may work on a project, and what they do before they work; who works already is asked too.

    `pauses_failing` is the policy of annotate.pausing.
    """
    project.is_open, project.training_count = is_open, training_count
    project.qualification_count, project.qualification_pass_rate = qualification_count, qualification_pass_rate
    project.pauses_failing = pauses_failing
    _save(project)


def set_crowd(project: Project, crowd: dict[str, object], *, by: User | None = None) -> None:
    """Store a project's crowd, as annotate.crowd.settings.to_json gives it; a new policy stays on record."""
    with audit.change(audit.Kind.PROJECT_CHANGED, project, _named(project)):
        before = Project.objects.select_for_update().get(pk=project.pk).crowd.get(FAILED_STAYS, False)
        project.crowd = crowd
        project.save(update_fields=["crowd"])
        if (now := crowd.get(FAILED_STAYS, False)) != before:
            PolicyChange.objects.create(project=project, policy=FAILED_STAYS, is_on=now, changed_by=by)


def set_pay(
    project: Project, *, pay_per_hour: Decimal | None, currency: str, covers_past: bool = False, by: User | None = None
) -> None:
    """Store what an hour of work is paid that is handed out from now on, or of all work where it `covers_past`.

    What was promised stands: raises BadPay where work would be paid less than when it was handed out, or where it would
    be paid in another currency.
    """
    with audit.change(audit.Kind.PROJECT_CHANGED, project, _named(project)):
        stored = Project.objects.select_for_update().get(pk=project.pk)  # one rate after the other
        earlier = list(project.pay_rates.all())
        has_work = Assignment.objects.filter(project=project, state=Assignment.State.SUBMITTED).exists()
        if earlier and has_work and stored.currency != currency:
            raise BadPay("currency", f"The work so far is paid in {stored.currency}: a project has one currency.")
        best = max((rate.per_hour or Decimal(0) for rate in earlier), default=Decimal(0))
        if covers_past and (pay_per_hour or Decimal(0)) < best:
            raise BadPay("covers_past", f"Some of the work was promised {best} an hour: it can only be paid more.")
        project.pay_per_hour, project.currency = pay_per_hour, currency
        project.save(update_fields=["pay_per_hour", "currency"])
        if covers_past or not earlier or earlier[-1].per_hour != pay_per_hour:
            since = None if covers_past else timezone.now()
            PayRate.objects.create(project=project, since=since, per_hour=pay_per_hour, set_by=by)


def publish_guidelines(project: Project, *, text: str, by: User | None) -> GuidelineVersion:
    """Publish the next version of the guidelines; earlier versions stay as they were."""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # numbers are drawn one after the other
        last = project.guidelines.aggregate(last=Max("number"))["last"] or 0
        if last:
            _published(project, "guidelines", last)
        return GuidelineVersion.objects.create(project=project, number=last + 1, text=text, published_by=by)


def publish_consent(project: Project, *, text: str, by: User | None) -> ConsentVersion:
    """Publish the next version of the consent text; whoever works is asked for it before their next comparison."""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # numbers are drawn one after the other
        last = project.consents.aggregate(last=Max("number"))["last"] or 0
        _published(project, "consent", last)
        return ConsentVersion.objects.create(project=project, number=last + 1, text=text, published_by=by)


def current_consent(project: Project) -> ConsentVersion | None:
    """Return the consent text in force; None where the project asks for none, which an empty text says."""
    last = project.consents.order_by("-number").first()
    return last if last and last.text.strip() else None


def current_guidelines(project: Project) -> GuidelineVersion:
    """Return the guidelines in force."""
    return project.guidelines.order_by("-number").first()


def _save(project: Project) -> None:
    project.full_clean()
    with audit.change(audit.Kind.PROJECT_CHANGED, project, _named(project)):
        project.save()


def _published(project: Project, what: str, last: int) -> None:
    """Put on record that a text has a new version; the texts themselves are kept by version."""
    audit.record(audit.Kind.PROJECT_CHANGED, _named(project), before={what: last}, after={what: last + 1})


def _named(project: Project) -> str:
    return f"project {project.slug}"
