"""The comparisons of a project by how far their rankings agree: the disputed ones first."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences, statistics, verdicts
from annotate.consistency import listing

PER_PAGE = 50


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    paginator = Paginator(statistics.listing(project), PER_PAGE)
    paginator.count = sum(statistics.status_counts(project).values())  # a database counts by reading them all
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "project": project,
        "page": page,
        "rows": listing.listed(page.object_list),
        "disputed_below": verdicts.DISPUTED_BELOW,
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/comparisons.html", context)
