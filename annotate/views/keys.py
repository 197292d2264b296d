"""Where an annotator changes the letters of the keys. The choice stays in their browser: nothing is sent."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access
from annotate.models import Role


@require_GET
@access.requires(Role.ANNOTATOR)
def keys(request: HttpRequest) -> HttpResponse:
    return render(request, "annotate/keys.html")
