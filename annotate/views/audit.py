"""The audit log, for admins: newest first, by person and kind."""

from django import forms
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from annotate import access, audit
from annotate.models import AuditEntry, Role

PER_PAGE = 50


class AuditFilter(forms.Form):
    """Which entries are asked for."""

    kind = forms.ChoiceField(required=False, choices=[("", "Everything"), *((kind, kind) for kind in audit.Kind)])
    by = forms.ModelChoiceField(User.objects.none(), required=False, label="Person", empty_label="Everybody")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        acted = AuditEntry.objects.exclude(by=None).order_by().values("by").distinct()
        self.fields["by"].queryset = User.objects.filter(pk__in=acted).order_by("username")


@require_GET
@never_cache
@access.requires(Role.ADMIN)
def index(request: HttpRequest) -> HttpResponse:
    form = AuditFilter(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    person = asked.get("by")
    found = audit.entries(kind=asked.get("kind", ""), by=person.pk if person else None)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    status = 200 if form.is_valid() else 422
    return render(request, "staff/audit.html", {"form": form, "page": page}, status=status)
