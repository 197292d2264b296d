"""A table of the consistency pages as a file."""

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from annotate import access
from annotate.consistency import downloads, tables
from annotate.forms_consistency import DownloadForm


@require_GET
@access.requires(*access.STAFF)
def download(request: HttpRequest, slug: str, table: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    if table not in downloads.TABLES:
        raise Http404(f"No table is called {table}; there are {', '.join(downloads.TABLES)}.")
    asked = DownloadForm(request.GET)
    if not asked.is_valid():
        return HttpResponse("form: expected csv, json or parquet.\n", status=422, content_type="text/plain")
    form = asked.cleaned_data["form"]
    chunks = tables.chunks(downloads.table(project, table), form)
    response = StreamingHttpResponse(chunks, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(True, f"{project.slug}-{table}.{form}")
    return response
