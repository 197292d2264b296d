"""Django's admin site: accounts and groups are managed there; the tables of annotation can only be looked at.

Each of those tables has one writing module, which keeps its rules; a form that saves rows behind its back would not.
The role `admin` opens the site, with no permissions to be ticked first.
"""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import models
from django.http import HttpRequest

from annotate import access
from annotate.models import (
    Adjudication,
    Annotator,
    Assignment,
    Comparison,
    Completion,
    Demonstration,
    GuidelineVersion,
    Project,
    Prompt,
    Ranking,
    Role,
)


def _is_admin(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff and access.has_role(request.user, Role.ADMIN)


class LookOnlyAdmin(admin.ModelAdmin):
    """A table that only its writing module writes."""

    list_per_page = 50
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_admin(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_admin(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ManagedByAdmins:
    """Accounts and groups, for the role `admin`."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_admin(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_admin(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_admin(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_admin(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_admin(request)


class AccountAdmin(ManagedByAdmins, UserAdmin):
    """Accounts and their groups (the roles). Only a superuser makes superusers."""

    list_display = ["username", "is_active", "is_staff", "last_login"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_admin(request) and (request.user.is_superuser or not (obj and obj.is_superuser))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self.has_change_permission(request, obj)


class RoleAdmin(ManagedByAdmins, GroupAdmin):
    """Groups; the four roles are known by name, so they can be neither renamed nor deleted."""

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return _is_admin(request) and (obj is None or obj.name not in Role.values)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Project)
class ProjectAdmin(LookOnlyAdmin):
    list_display = ["name", "slug", "overlap", "is_active", "created_at"]


@admin.register(GuidelineVersion)
class GuidelineVersionAdmin(LookOnlyAdmin):
    list_display = ["project", "number", "published_by", "published_at"]
    list_select_related = ["project", "published_by"]


@admin.register(Annotator)
class AnnotatorAdmin(LookOnlyAdmin):
    list_display = ["pseudonym", "origin", "source", "is_paused", "created_at"]
    list_filter = ["origin", "is_paused"]
    search_fields = ["pseudonym"]


@admin.register(Prompt)
class PromptAdmin(LookOnlyAdmin):
    list_display = ["external_id", "project", "category", "language", "created_at"]
    list_select_related = ["project"]
    search_fields = ["external_id"]


@admin.register(Comparison)
class ComparisonAdmin(LookOnlyAdmin):
    list_display = ["external_id", "project", "overlap", "source", "created_at"]
    list_select_related = ["project"]
    search_fields = ["external_id"]


@admin.register(Completion)
class CompletionAdmin(LookOnlyAdmin):
    list_display = ["external_id", "comparison", "source"]
    list_select_related = ["comparison"]


@admin.register(Assignment)
class AssignmentAdmin(LookOnlyAdmin):
    list_display = ["comparison", "slot", "state", "annotator", "reserved_at", "closed_at"]
    list_select_related = ["comparison", "annotator"]
    list_filter = ["state"]


@admin.register(Ranking)
class RankingAdmin(LookOnlyAdmin):
    list_display = ["comparison", "annotator", "revision", "submitted_at", "superseded_at"]
    list_select_related = ["comparison", "annotator"]


@admin.register(Adjudication)
class AdjudicationAdmin(LookOnlyAdmin):
    list_display = ["comparison", "reviewer", "created_at", "superseded_at"]
    list_select_related = ["comparison", "reviewer"]


@admin.register(Demonstration)
class DemonstrationAdmin(LookOnlyAdmin):
    list_display = ["prompt", "author", "created_at"]
    list_select_related = ["prompt", "author"]


admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.register(User, AccountAdmin)
admin.site.register(Group, RoleAdmin)
