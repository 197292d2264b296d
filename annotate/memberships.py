"""An annotator's membership in a project: the only writer of Membership and Intervention.

A membership begins when someone is admitted or takes the first step; nothing here removes one. What bars an annotator
from work (a pause, a failed qualification) always carries a message.
"""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone, translation

from annotate import audit, qualification
from annotate.models import (
    Annotator,
    Comparison,
    ConsentVersion,
    GuidelineVersion,
    Intervention,
    Membership,
    Project,
)
from annotate.qualification import Verdict

Qualification = Membership.Qualification
Action = Intervention.Action


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
    Membership.objects.filter(pk=member.pk).update(consent=version, consented_at=timezone.now(), recalled_at=None)


def recall_consent(member: Membership, *, message: str, reason: str, by: User | None) -> bool:
    """Record that an annotator takes their consent back: nothing they said in the project makes labels from now on.

    They get no more work, and read `message`; `reason` is for the staff. Only consenting anew lifts it. False where it
    was recalled before.
    """
    with transaction.atomic():
        standing = Membership.objects.filter(pk=member.pk, recalled_at=None)
        if standing.update(recalled_at=timezone.now(), consent=None, consented_at=None) != 1:
            return False
        pause(member, message=message, by=by, reason=reason)
        audit.record(audit.Kind.CONSENT_RECALLED, f"membership {member.pk}", before={"consent": member.consent_id})
        return True


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
    with audit.change(audit.Kind.OVERRIDDEN, member, f"membership {member.pk}"):
        Membership.objects.filter(pk=member.pk).update(qualification=outcome, qualification_note=note)


def pause(
    member: Membership,
    *,
    message: str,
    by: User | None,
    reason: str = "",
    evidence: Sequence[int] = (),
    keeps_labels: bool = False,
) -> bool:
    """Give an annotator no more work in one project, and tell them why; what they ranked stays, and its pay.

    Unless the pause `keeps_labels`, what they said since they last passed gold makes none until they are resumed. `by`
    is None where the project's policy did it. False where they were paused already; then nothing changes.
    """
    with transaction.atomic():
        working = Membership.objects.filter(pk=member.pk, is_paused=False)
        if working.update(is_paused=True, pause_message=message, keeps_labels=keeps_labels) != 1:
            return False
        told = {"message": message, "reason": reason, "evidence": list(evidence)}
        Intervention.objects.create(membership=member, action=Action.PAUSED, by=by, **told)
        return True


def resume(member: Membership, *, by: User | None) -> None:
    """Give an annotator work again."""
    with transaction.atomic():
        working = {"is_paused": False, "pause_message": "", "keeps_labels": False}
        if Membership.objects.filter(pk=member.pk, is_paused=True).update(**working) == 1:
            Intervention.objects.create(membership=member, action=Action.RESUMED, by=by)


def quarantine(member: Membership, *, message: str, reason: str, by: User | None) -> bool:
    """Leave all that an annotator said in a project out of its labels, and give them no more work there.

    What is frozen stays as it is; the next snapshot is without them. False where they were in quarantine before.
    """
    with transaction.atomic():
        trusted = Membership.objects.filter(pk=member.pk, quarantined_at=None)
        if trusted.update(quarantined_at=timezone.now()) != 1:
            return False
        pause(member, message=message, by=by, reason=reason)
        Intervention.objects.create(membership=member, action=Action.QUARANTINED, by=by, reason=reason)
        audit.record(audit.Kind.ANNOTATOR_QUARANTINED, f"membership {member.pk}", after={"reason": reason})
        return True


def release(member: Membership, *, by: User | None) -> None:
    """Let what an annotator said make labels again; a pause stays until they are resumed."""
    with transaction.atomic():
        if Membership.objects.filter(pk=member.pk).exclude(quarantined_at=None).update(quarantined_at=None) == 1:
            Intervention.objects.create(membership=member, action=Action.RELEASED, by=by)
            audit.record(audit.Kind.ANNOTATOR_RELEASED, f"membership {member.pk}")


def was_resumed_by_staff(member: Membership) -> bool:
    """Say whether somebody of the staff has ever ended a pause: their word stands against the policy's."""
    return member.interventions.filter(action=Action.RESUMED, by__isnull=False).exists()


def _judge_again(member: Membership) -> bool:
    with translation.override("en"):
        verdict = qualification.verdict_of(member.annotator, member.project)
    if verdict.outcome == Qualification.FAILED:
        return False
    decide_qualification(member, outcome=verdict.outcome, note=verdict.note)
    return True
