"""What was decided about the pay of submissions: the only writer of PayDecision, which nothing changes.

A submission is paid until somebody withholds it, and again once somebody says so; each time with a reason that its
annotator reads, and may dispute (annotate.objections).
"""

from collections import defaultdict
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from annotate import audit
from annotate.models import Annotator, Assignment, Origin, PayDecision


class CannotDecide(Exception):
    """The message says why, in a sentence for the staff."""


def decide(assignment: Assignment, *, is_paid: bool, reason: str, by: User) -> PayDecision:
    """Put on record whether a submission is paid. Raises CannotDecide where that is so already."""
    with transaction.atomic():
        place = Assignment.objects.select_for_update(of=("self",)).select_related("annotator").get(pk=assignment.pk)
        if place.state != Assignment.State.SUBMITTED or place.annotator.origin != Origin.PERSON:
            raise CannotDecide("Only what a person has submitted is paid or not.")
        if is_withheld(place) != is_paid:
            raise CannotDecide("It is paid already." if is_paid else "Its pay is withheld already.")
        decided = PayDecision.objects.create(assignment=place, is_paid=is_paid, reason=reason, decided_by=by)
        said = {"is_paid": is_paid, "reason": reason}
        audit.record(audit.Kind.PAY_DECIDED, f"assignment {place.pk}", before={"is_paid": not is_paid}, after=said)
        return decided


def is_withheld(assignment: Assignment) -> bool:
    """Say whether the last decision about a submission withholds its pay."""
    last = PayDecision.objects.filter(assignment=assignment).order_by("-pk").first()
    return last is not None and not last.is_paid


def withheld() -> QuerySet[PayDecision]:
    """Return the decisions that withhold pay and that no later one has replaced."""
    later = PayDecision.objects.filter(assignment=OuterRef("assignment"), pk__gt=OuterRef("pk"))
    return PayDecision.objects.filter(~Exists(later), is_paid=False)


def about(assignments: Iterable[Assignment]) -> dict[int, list[PayDecision]]:
    """Return what was decided about submissions, by their ids, the first decision first."""
    found: dict[int, list[PayDecision]] = defaultdict(list)
    for one in PayDecision.objects.filter(assignment__in=assignments).select_related("decided_by").order_by("pk"):
        found[one.assignment_id].append(one)
    return found


def decided_for(annotator: Annotator) -> QuerySet[Assignment]:
    """Return the submissions of an annotator that somebody has decided about, the newest first."""
    decided = Exists(PayDecision.objects.filter(assignment=OuterRef("pk")))
    return annotator.assignments.filter(decided).select_related("project").order_by("-pk")
