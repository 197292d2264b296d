"""What the numbers of the consistency pages mean: docs/quality.md."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, quality_guide


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest) -> HttpResponse:
    return render(request, "staff/quality_guide.html", {"guide": quality_guide.guide()})
