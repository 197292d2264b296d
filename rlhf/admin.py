"""Django's admin site for training: tables to look at; their writing modules write them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from annotate.admin import LookOnlyAdmin
from rlhf import invariants
from rlhf.models import Checkpoint, Corpus, Freezing, Run, Snapshot, Sweep


@admin.register(Snapshot)
class SnapshotAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "sha256", "has_simulated", "created_at"]
    list_filter = ["project"]


@admin.register(Freezing)
class FreezingAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "state", "asked_by", "asked_at", "ended_at", "failure"]
    list_filter = ["project"]


@admin.register(Corpus)
class CorpusAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "sha256", "created_at"]
    list_filter = ["project"]


@admin.register(Sweep)
class SweepAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "created_by", "created_at"]
    list_filter = ["project", "stage"]


class Breaks(admin.SimpleListFilter):
    """Only the runs that break a rule (invariants.py)."""

    title = "rules"
    parameter_name = "breaks"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("yes", "broken")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(pk__in=invariants.breaking().values("pk")) if self.value() == "yes" else queryset


@admin.register(Run)
class RunAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "state", "failure_reason", "fence", "heartbeat_at", "created_at", "broken"]
    list_filter = [Breaks, "project", "stage", "state"]

    @admin.display(description="what breaks a rule")
    def broken(self, run: Run) -> str:
        return "; ".join(invariants.broken_by(run)) if run.pk in self._broken else "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        self._broken = set(invariants.breaking().values_list("pk", flat=True))
        return super().get_queryset(request)


@admin.register(Checkpoint)
class CheckpointAdmin(LookOnlyAdmin):
    list_display = ["__str__", "project", "kind", "size_bytes", "created_at"]
    list_filter = ["project", "kind"]
