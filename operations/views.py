"""What machines ask of a web process: does it live, can it serve, what does it measure."""

from secrets import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from operations import gauges, readiness
from operations.addresses import client_address, is_within

CLOSED = "The metrics are closed: set METRICS_TOKEN or METRICS_NETWORKS. See docs/operations.md.\n"


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer: the process lives. Asks nobody."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 where every check holds, else 503; the body says which do not, and why."""
    found = readiness.problems()
    checks = {name: why or "ok" for name, why in found.items()}
    is_ready = not any(found.values())
    return JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Show Prometheus the counts of this machine's processes and what the rows say."""
    if not _may_scrape(request):
        return HttpResponseForbidden(CLOSED, content_type="text/plain")
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    registry.register(gauges.Rows())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    return is_within(client_address(request), settings.METRICS_NETWORKS)
