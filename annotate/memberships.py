"""An annotator's membership in a project: the only writer of Membership."""

from django.db import transaction

from annotate.models import Annotator, Membership, Project


def admit(annotator: Annotator, project: Project, *, cohort: str = "", quota: int | None = None) -> Membership:
    """Let an annotator into a project; who is in already keeps what they have, and takes a new cohort or quota."""
    given = {name: value for name, value in (("cohort", cohort), ("quota", quota)) if value not in ("", None)}
    with transaction.atomic():
        member, is_new = Membership.objects.get_or_create(project=project, annotator=annotator, defaults=given)
        if given and not is_new:
            Membership.objects.filter(pk=member.pk).update(**given)
            member.refresh_from_db()
        return member
