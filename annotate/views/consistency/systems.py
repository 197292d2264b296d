"""The systems that wrote the completions, by strength, and where the rules of voting see it otherwise."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences
from annotate.consistency import report
from annotate.consistency.codec import revived
from annotate.win_rates import WinRate

WIN_RATES_PER_PAGE = 25


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    reading = report.reading(project)
    rates = report.win_rates(project, reading=reading).content or []
    page = Paginator(rates, WIN_RATES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "shown": report.board(project, reading=reading),
        "page": page,
        "win_rates": revived(list[WinRate], page.object_list),
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/systems.html", context)
