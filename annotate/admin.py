"""Django's admin site: accounts and groups are managed there; the tables of annotation can only be looked at.

Each of those tables has one writing module, which keeps its rules; a form that saves rows behind its back would not.
The role `admin` opens the site, with no permissions to be ticked first.
"""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from annotate import access, audit
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

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        request.account_before = audit.account(obj) if change else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: list[object], change: bool) -> None:
        """Put on record what the account may do now, its groups among it; in the transaction of the page."""
        super().save_related(request, form, formsets, change)
        subject, after = f"account {form.instance.pk}", audit.account(form.instance)
        if request.account_before is None:
            audit.record(audit.Kind.ACCOUNT_MADE, subject, after=after)
        else:
            audit.changed(audit.Kind.ACCOUNT_CHANGED, subject, before=request.account_before, after=after)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        audit.record(audit.Kind.ACCOUNT_DELETED, f"account {obj.pk}", before=audit.account(obj))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic():
            for account in queryset:
                self.delete_model(request, account)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if response.status_code == 302:
                audit.record(audit.Kind.PASSWORD_SET, f"account {id}")
        return response


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
