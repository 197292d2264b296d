"""Django's admin site for training: tables to look at; their writing modules write them."""

from django.contrib import admin

from annotate.admin import LookOnlyAdmin
from rlhf.models import Checkpoint, Corpus, Run, Snapshot, Sweep


@admin.register(Snapshot)
class SnapshotAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "sha256", "has_simulated", "created_at"]
    list_filter = ["project"]


@admin.register(Corpus)
class CorpusAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "sha256", "created_at"]
    list_filter = ["project"]


@admin.register(Sweep)
class SweepAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "created_by", "created_at"]
    list_filter = ["project", "stage"]


@admin.register(Run)
class RunAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "state", "failure_reason", "fence", "heartbeat_at", "created_at"]
    list_filter = ["project", "stage", "state"]


@admin.register(Checkpoint)
class CheckpointAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "kind", "size_bytes", "created_at"]
    list_filter = ["project", "kind"]
