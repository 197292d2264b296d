"""A crowd worker's stay: enter, finish, and what the provider says of it. The only writer of Participation.

While a stay is active the worker has a quota for it; once it has ended the quota is what they have done, so nobody
works unpaid, and what they held is given back. What they submitted stays.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate import assignments, memberships, people
from annotate.crowd import prolific
from annotate.crowd import settings as crowds
from annotate.crowd.entry import Claim, Refused
from annotate.crowd.settings import Crowd
from annotate.models import Annotator, Assignment, Membership, Participation, Project

Purpose, Status = Assignment.Purpose, Participation.Status
BEFORE_WORK = (Purpose.TRAINING, Purpose.QUALIFICATION)
GONE = {
    Status.RETURNED: gettext_lazy("You have returned this session at the provider, so it cannot go on here."),
    Status.TIMED_OUT: gettext_lazy("The provider's time for this session is over, so it cannot go on here."),
    Status.REJECTED: gettext_lazy("The provider has closed this session."),
}


class NothingDone(Exception):
    """A stay cannot be finished before anything is submitted."""


@dataclass(frozen=True)
class Synced:
    """What a look at the provider's list found; `unknown_count` are submissions that never came here."""

    listed_count: int = 0
    changed_count: int = 0
    unknown_count: int = 0

    @property
    def sentence(self) -> str:
        return (
            f"{self.listed_count} submissions at Prolific: {self.changed_count} changed here, "
            f"{self.unknown_count} never came here."
        )


def forget(annotator: Annotator) -> int:
    """Drop the provider's numbers of a worker's stays, by which it knows them; return how many stays there are."""
    stays = list(Participation.objects.filter(annotator=annotator).values_list("pk", flat=True))
    for pk in stays:
        Participation.objects.filter(pk=pk).update(study_id="", session_id=f"erased-{pk}")
    return len(stays)


def enter(project: Project, crowd: Crowd, claimed: Claim) -> Participation:
    """Let a worker begin a stay, or go on with it. Raises Refused."""
    annotator = people.worker(source=crowd.provider, external_id=claimed.worker)
    with transaction.atomic():
        Annotator.objects.select_for_update().get(pk=annotator.pk)  # their two tabs come in one after the other
        stays = Participation.objects.filter(project=project, annotator=annotator, study_id=claimed.study)
        if known := stays.first():
            return _may_go_on(known, claimed)
        memberships.admit(annotator, project, cohort=crowd.cohort, quota=done_count(annotator, project) + crowd.quota)
        return Participation.objects.create(
            project=project,
            annotator=annotator,
            provider=crowd.provider,
            study_id=claimed.study,
            session_id=claimed.session,
        )


def current(annotator: Annotator, project: Project) -> Participation | None:
    """Return an annotator's last stay in a project."""
    return Participation.objects.filter(annotator=annotator, project=project).order_by("-pk").first()


def done_count(annotator: Annotator, project: Project) -> int:
    """Count what an annotator has submitted in a project; training and qualification come before the work."""
    return _done(annotator, project).count()


def done_in(participation: Participation) -> int:
    """Count what a worker has submitted since a stay began."""
    done = _done(participation.annotator, participation.project)
    return done.filter(closed_at__gte=participation.started_at).count()


def has_failed(participation: Participation) -> bool:
    """Say whether the worker has failed the project's qualification."""
    member = Membership.objects.filter(project=participation.project_id, annotator=participation.annotator_id)
    return member.filter(qualification=Membership.Qualification.FAILED).exists()


def finish(participation: Participation) -> Participation:
    """End a stay for its worker: screened out if they did not qualify, else submitted. Raises NothingDone."""
    is_screened_out = has_failed(participation)
    if not is_screened_out and not done_in(participation):
        raise NothingDone
    _set_status(participation, Status.SCREENED_OUT if is_screened_out else Status.SUBMITTED)
    participation.refresh_from_db()
    return participation


def sync(project: Project) -> Synced:
    """Bring the statuses of a project's stays from Prolific. Raises prolific.ProlificError; what came before stays."""
    crowd, total = crowds.parse(project.crowd), Synced()
    for study in crowd.studies if crowd.is_prolific else ():
        total = _sync_study(project, list(prolific.submissions(study)), total)
    return total


def approve(participation: Participation) -> None:
    """Approve a stay at Prolific, which pays it. Raises prolific.ProlificError."""
    _follow(participation, prolific.approve(participation.session_id).status)


def _done(annotator: Annotator, project: Project) -> QuerySet[Assignment]:
    mine = Assignment.objects.filter(annotator=annotator, project=project, state=Assignment.State.SUBMITTED)
    return mine.exclude(purpose__in=BEFORE_WORK)


def _may_go_on(known: Participation, claimed: Claim) -> Participation:
    if known.session_id != claimed.session:
        raise Refused(
            _("You have been in this study with another session. Ask its staff if that was not you."), status=409
        )
    if known.status in GONE:
        raise Refused(str(GONE[Status(known.status)]), status=409)
    return known


def _sync_study(project: Project, listed: list[prolific.Submission], total: Synced) -> Synced:
    stays = Participation.objects.filter(project=project, study_id__in={one.study for one in listed})
    here = {(stay.session_id, stay.annotator.external_id): stay for stay in stays.select_related("annotator")}
    found = [(here.get((one.id, one.participant)), one) for one in listed]
    return Synced(
        listed_count=total.listed_count + len(listed),
        changed_count=total.changed_count + sum(_follow(stay, one.status) for stay, one in found if stay),
        unknown_count=total.unknown_count + sum(stay is None for stay, _ in found),
    )


def _follow(participation: Participation, status: str) -> bool:
    """Take over a status of Prolific's. Who has finished here may be active there until they follow the link back."""
    new = prolific.STATUSES.get(status)
    if new is None or new == Status.ACTIVE:
        return False
    if participation.status == Status.SCREENED_OUT and new == Status.SUBMITTED:
        return False
    return _set_status(participation, new)


def _set_status(participation: Participation, new: Status) -> bool:
    """Change a stay's status; the one that ends it closes the work."""
    with transaction.atomic():
        as_it_was = Participation.objects.filter(pk=participation.pk, status=participation.status)
        ended_at = participation.ended_at or timezone.now()
        if participation.status == new or as_it_was.update(status=new, ended_at=ended_at) != 1:
            return False
        if participation.status == Status.ACTIVE:
            _close_work(participation.annotator, participation.project)
    return True


def _close_work(annotator: Annotator, project: Project) -> None:
    if Participation.objects.filter(annotator=annotator, project=project, status=Status.ACTIVE).exists():
        return  # another stay of theirs goes on
    assignments.release(annotator, project)
    memberships.admit(annotator, project, quota=done_count(annotator, project))
