"""A project's policy «pause annotators who fail the quality checks»: off unless staff turn it on, and undone by them.

It gives no more work and tells the annotator why in a kind sentence; what they ranked stays, and so does its pay. Only
people are paused, only on the verdict «fail», and never again once staff have given them work after a pause.
"""

from django.utils.translation import gettext_noop

from annotate import judging, memberships
from annotate.models import Annotator, Membership, Origin, Project, Ranking
from annotate.quality.findings import AnnotatorFindings, Detector, Judged

CLOSING = gettext_noop(
    "Your work here is paused until somebody of the staff has looked at it with you. What you ranked is kept and paid "
    "as agreed. If we are wrong, tell us: a word from the staff gives you work again."
)
WHY = {
    Detector.INFORMATION: gettext_noop(
        "Your rankings differ from those of the other annotators so often that we may have explained the task badly."
    ),
    Detector.CONTRARY: gettext_noop(
        "Your rankings are often the reverse of the others': perhaps the page made you read best and worst the wrong "
        "way round."
    ),
    Detector.GOLD: gettext_noop("Several comparisons whose order is known came out in another order."),
    Detector.REPEATS: gettext_noop("Comparisons that came to you twice were often ranked in two ways."),
    Detector.POSITION: gettext_noop("The place of a completion on the page seems to decide more than its text."),
    Detector.LENGTH: gettext_noop("The length of a completion seems to decide more than what it says."),
    Detector.STRAIGHT_LINING: gettext_noop("Most of your comparisons have the same answer, whatever their texts."),
    Detector.FLAT_GRADES: gettext_noop("Most of your ratings are the same for all texts of a comparison."),
    Detector.HASTE: gettext_noop("Your comparisons are submitted faster than their texts can be read."),
    Detector.COPYING: gettext_noop(
        "Your rankings and another annotator's are more alike than two people's own judgements are."
    ),
}
"""What the annotator reads, by the detector that the verdict rests on."""


def apply(project: Project) -> list[Membership]:
    """Pause whom the policy says to, and return their memberships; nobody where it is off."""
    if not project.pauses_failing:
        return []
    failing = [one for one in judging.judgement_of(project).annotators if one.verdict == Judged.FAIL]
    people = Annotator.objects.filter(origin=Origin.PERSON).in_bulk([one.annotator for one in failing])
    found = ((one, people[one.annotator]) for one in failing if one.annotator in people)
    return [member for one, person in found if (member := _pause(project, person, one)) is not None]


def message_to(findings: AnnotatorFindings) -> str:
    """Return what an annotator is told, in English; annotate.standing shows it in their language."""
    return f"{WHY[findings.because]}\n{CLOSING}"


def _pause(project: Project, annotator: Annotator, findings: AnnotatorFindings) -> Membership | None:
    member = memberships.admit(annotator, project)
    if memberships.was_resumed_by_staff(member):
        return None
    shown_by = Ranking.objects.filter(pk__in=findings.evidence).in_bulk()
    comparisons = [shown_by[pk].comparison_id for pk in findings.evidence if pk in shown_by]
    paused = memberships.pause(
        member,
        message=message_to(findings),
        by=None,
        reason=findings.reason,
        evidence=list(dict.fromkeys(comparisons)),
    )
    return member if paused else None
