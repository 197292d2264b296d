"""The consistency report of a project: how far its annotators agree, who stands out, what is disputed."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, reports, tiles, verdicts

PER_PAGE = 50


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    report = reports.consistency(project)
    annotators = Paginator(report.annotators, PER_PAGE).get_page(request.GET.get("annotators"))
    comparisons = Paginator(report.comparisons, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "report": report,
        "tiles": tiles.tiles(report),
        "annotators": annotators,
        "people": [(row, tiles.ruler(row.reliability.agreement)) for row in annotators],
        "comparisons": comparisons,
        "rows": reports.listed(comparisons.object_list),
        "disputed_below": verdicts.DISPUTED_BELOW,
    }
    return render(request, "staff/consistency.html", context)
