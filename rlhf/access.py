"""The only way from an id in a URL to a run, a snapshot or a checkpoint; staff look, admins and ML engineers act."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from annotate.access import STAFF, User, has_role
from annotate.models import Role
from rlhf.contract.config import STAGES
from rlhf.models import Checkpoint, Run, Snapshot, Sweep

ENGINEERS = (Role.ADMIN, Role.ML_ENGINEER)
"""Roles that may freeze, start and cancel."""


def run_for_staff(user: User, pk: int) -> Run:
    """Return any run for staff, with what it was made of; 403 for others."""
    _only_staff(user)
    made_of = ("project", "snapshot", "corpus", "created_by", "base", "reward_model", "baseline", "watcher", "sweep")
    return get_object_or_404(Run.objects.select_related(*made_of), pk=pk)


def sweep_for_staff(user: User, pk: int) -> Sweep:
    """Return any sweep for staff; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Sweep.objects.select_related("project"), pk=pk)


def snapshot_for_staff(user: User, pk: int) -> Snapshot:
    """Return any snapshot for staff; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Snapshot.objects.select_related("project", "created_by", "signed_by"), pk=pk)


def checkpoint_for_staff(user: User, pk: int) -> Checkpoint:
    """Return any checkpoint for staff; 403 for others."""
    _only_staff(user)
    return get_object_or_404(Checkpoint, pk=pk)


def stage_named(name: str) -> str:
    """Return the stage of a URL; 404 where there is none of that name."""
    if name not in STAGES:
        raise Http404
    return name


def _only_staff(user: User) -> None:
    if not has_role(user, *STAFF):
        raise PermissionDenied
