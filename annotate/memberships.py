"""An annotator's membership in a project: the only writer of Membership.

A membership begins when someone is admitted or takes the first step; nothing here removes one. What bars an annotator
from work (a pause, a failed qualification) always carries a message.
"""

from django.db import transaction
from django.utils import timezone, translation

from annotate import qualification
from annotate.models import Annotator, Comparison, ConsentVersion, GuidelineVersion, Membership, Project
from annotate.qualification import Verdict

Qualification = Membership.Qualification


class OutdatedVersion(Exception):
    """What was agreed to or read is no longer the version in force."""


def admit(annotator: Annotator, project: Project, *, cohort: str = "", quota: int | None = None) -> Membership:
    """Let an annotator into a project; who is in already keeps what they have, and takes a new cohort or quota."""
    given = {name: value for name, value in (("cohort", cohort), ("quota", quota)) if value not in ("", None)}
    with transaction.atomic():
        member, is_new = Membership.objects.get_or_create(project=project, annotator=annotator, defaults=given)
        if given and not is_new:
            Membership.objects.filter(pk=member.pk).update(**given)
            member.refresh_from_db()
        return member


def consent(annotator: Annotator, version: ConsentVersion) -> None:
    """Record that an annotator agrees to a consent text. Raises OutdatedVersion if it is not the one in force."""
    if version.project.consents.filter(number__gt=version.number).exists():
        raise OutdatedVersion
    member = admit(annotator, version.project)
    Membership.objects.filter(pk=member.pk).update(consent=version, consented_at=timezone.now())


def acknowledge(annotator: Annotator, version: GuidelineVersion) -> None:
    """Record that an annotator has read guidelines. Raises OutdatedVersion if they are not the ones in force."""
    if version.project.guidelines.filter(number__gt=version.number).exists():
        raise OutdatedVersion
    member = admit(annotator, version.project)
    Membership.objects.filter(pk=member.pk).update(guideline=version, guideline_read_at=timezone.now())


def end_qualification(annotator: Annotator, project: Project) -> Verdict:
    """Judge what an annotator ranked for their qualification and record it; one that has ended stays as it is."""
    with translation.override("en"):  # the staff's language; qualification.note_of says it in the annotator's
        verdict = qualification.verdict_of(annotator, project)
    member = admit(annotator, project)
    pending = Membership.objects.filter(pk=member.pk, qualification=Qualification.PENDING)
    pending.update(qualification=verdict.outcome, qualification_note=verdict.note)
    return verdict


def judge_again(comparison: Comparison) -> int:
    """Judge anew those who failed with a comparison whose key was retired; return how many failed no longer."""
    failed = Membership.objects.filter(
        project=comparison.project_id,
        qualification=Qualification.FAILED,
        annotator__assignments__comparison=comparison,
    )
    return sum(_judge_again(member) for member in failed.select_related("project", "annotator").distinct())


def decide_qualification(member: Membership, *, outcome: Qualification, note: str) -> None:
    """Record the staff's own word on a qualification, with its reason; it replaces what was there."""
    Membership.objects.filter(pk=member.pk).update(qualification=outcome, qualification_note=note)


def pause(member: Membership, *, message: str) -> None:
    """Give an annotator no more work in one project, and tell them why; what they ranked stays."""
    Membership.objects.filter(pk=member.pk).update(is_paused=True, pause_message=message)


def resume(member: Membership) -> None:
    """Give an annotator work again."""
    Membership.objects.filter(pk=member.pk).update(is_paused=False, pause_message="")


def _judge_again(member: Membership) -> bool:
    with translation.override("en"):
        verdict = qualification.verdict_of(member.annotator, member.project)
    if verdict.outcome == Qualification.FAILED:
        return False
    decide_qualification(member, outcome=verdict.outcome, note=verdict.note)
    return True
