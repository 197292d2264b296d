"""The only way from an id in a URL to an object, and the one place for roles.

A view takes its object here or not at all. What a person may not see does not exist for them: 404. What their role may
not do is 403. Superusers count as admins.
"""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from annotate import people
from annotate.models import (
    Annotator,
    Assignment,
    Comparison,
    Delivery,
    Membership,
    Objection,
    Project,
    Role,
    Webhook,
)

User = AbstractBaseUser | AnonymousUser
View = Callable[..., HttpResponse]

STAFF = (Role.REVIEWER, Role.ADMIN, Role.ML_ENGINEER)
"""Roles that may see other people's work."""


def roles_of(user: User) -> frozenset[str]:
    """Return the role names of an account; a session's came with it (annotate.accounts), others are asked for once."""
    if not user.is_authenticated:
        return frozenset()
    if not hasattr(user, "_concord_roles"):
        names = getattr(user, "group_names", None) or set(user.groups.values_list("name", flat=True))
        user._concord_roles = frozenset(names & set(Role.values) | ({Role.ADMIN.value} if user.is_superuser else set()))
    return user._concord_roles


def has_role(user: User, *roles: str) -> bool:
    """Say whether the account has at least one of the roles."""
    return not roles_of(user).isdisjoint(roles)


def requires(*roles: str) -> Callable[[View], View]:
    """Let only these roles into a view: strangers go to the login page, others get 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not has_role(request.user, *roles):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def only(user: User, *roles: str) -> None:
    """Go on for these roles; 403 for anyone else."""
    if not has_role(user, *roles):
        raise PermissionDenied


def annotator_of(user: User) -> Annotator:
    """Return the annotator behind an account with the annotator role; 403 for anyone else."""
    if not has_role(user, Role.ANNOTATOR):
        raise PermissionDenied
    return people.annotator_for(user)


def project_for_annotator(slug: str) -> Project:
    """Return an active project; 404 otherwise."""
    return get_object_or_404(Project, slug=slug, is_active=True)


def assignment_for(user: User, pk: int) -> Assignment:
    """Return the annotator's own assignment with all that its page shows; other people's do not exist."""
    return _own(user, pk, "comparison__prompt", "project", "guideline", "annotator")


def assignment_to_answer(user: User, pk: int) -> Assignment:
    """Return the annotator's own assignment with what is needed to store something on it, and no texts to show."""
    return _own(user, pk, "project", "annotator")


def project_for_staff(user: User, slug: str) -> Project:
    """Return any project for staff; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Project, slug=slug)


def comparison_for_staff(user: User, pk: int) -> Comparison:
    """Return any comparison for staff, with prompt and project; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Comparison.objects.select_related("prompt", "project"), pk=pk)


def comparison_to_rule(user: User, pk: int) -> Comparison:
    """Return a comparison for a ruling; 403 for whoever has ranked it: nobody judges their own work."""
    comparison = comparison_for_staff(user, pk)
    if comparison.rankings.filter(annotator__user=user).exists():
        raise PermissionDenied
    return comparison


def membership_for_staff(user: User, pk: int) -> Membership:
    """Return any membership for staff, with annotator and project; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Membership.objects.select_related("annotator", "project"), pk=pk)


def submission_for_staff(user: User, pk: int) -> Assignment:
    """Return any submitted assignment for staff, with annotator and project; 403 for others."""
    _only_staff(user)
    submitted = Assignment.objects.filter(state=Assignment.State.SUBMITTED).select_related("annotator", "project")
    return get_object_or_404(submitted, pk=pk)


def objection_for_staff(user: User, pk: int) -> Objection:
    """Return any objection for staff, with its comparison and key; 403 for others."""
    _only_staff(user)
    objections = Objection.objects.select_related("comparison__project", "comparison__key", "annotator")
    return get_object_or_404(objections, pk=pk)


def annotator_for_staff(user: User, pk: int) -> Annotator:
    """Return any annotator for staff; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Annotator, pk=pk)


def webhook_for_staff(user: User, pk: int) -> Webhook:
    """Return any webhook, with its project, for staff; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Webhook.objects.select_related("project"), pk=pk)


def delivery_for_staff(user: User, pk: int) -> Delivery:
    """Return any delivery for staff; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Delivery, pk=pk)


def _own(user: User, pk: int, *related: str) -> Assignment:
    if not has_role(user, Role.ANNOTATOR):
        raise PermissionDenied
    return get_object_or_404(Assignment.objects.select_related(*related), pk=pk, annotator__user=user)


def _only_staff(user: User) -> None:
    only(user, *STAFF)
