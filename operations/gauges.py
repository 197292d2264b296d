"""What the rows say now, for Prometheus: queue and lease ages, runs, places, agreement today, webhooks, disk, GPUs.

Asked at each scrape in a fixed number of statements, however many projects there are.
"""

import csv
import io
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import fmean

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from annotate.models import Assignment, Delivery, Ranking, Tally
from rlhf import invariants
from rlhf.models import Run

NEWEST = 5000
"""Rankings that «agreement today» looks at: the newest, of all projects together."""
GPU_FIELDS = ("index", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu")
MIB = 2**20


class Rows(Collector):
    """The gauges, made anew for each scrape."""

    def collect(self) -> Iterator[Metric]:
        yield from _runs(timezone.now())
        yield from _places()
        yield from _today(timezone.now())
        yield from _webhooks(timezone.now())
        yield _gauge("concord_data_free_bytes", "Free space in the data directory.", _free_bytes())
        yield from _gpus()


def _runs(now: datetime) -> Iterator[Metric]:
    states = dict.fromkeys(Run.State.values, 0) | dict(
        Run.objects.order_by().values_list("state").annotate(n=Count("pk"))
    )
    yield _by("concord_runs", "Runs by state.", "state", states.items())
    oldest = Run.objects.filter(state=Run.State.QUEUED).aggregate(at=Min("created_at"))["at"]
    yield _gauge("concord_run_queue_age_seconds", "How long the oldest queued run waits; 0 without.", _age(oldest, now))
    running = (
        Run.objects.filter(state=Run.State.RUNNING).order_by("pk").values_list("pk", "heartbeat_at", "lease_until")
    )
    found = list(running)
    silent = [(str(pk), _age(beat, now)) for pk, beat, _until in found]
    left = [(str(pk), (until - now).total_seconds()) for pk, _beat, until in found]
    yield _by("concord_run_lease_age_seconds", "Since the last heartbeat of each running run.", "run", silent)
    broken = invariants.breaking().count()
    yield _gauge("concord_runs_broken", "Runs that break a rule; /admin/rlhf/run/?breaks=yes lists them.", broken)
    yield _by("concord_run_lease_left_seconds", "Until the lease of each running run ends.", "run", left)


def _places() -> Iterator[Metric]:
    live = [Assignment.State.OPEN, Assignment.State.RESERVED]
    places = Assignment.objects.filter(state__in=live, slot__isnull=False).order_by()
    counted = places.values_list("project__slug", "state").annotate(n=Count("pk"))
    family = GaugeMetricFamily("concord_places", "Places by project and state.", labels=["project", "state"])
    for slug, state, n in counted:
        family.add_metric([slug, state], n)
    yield family
    oldest = places.filter(state=Assignment.State.RESERVED).aggregate(at=Min("reserved_at"))["at"]
    yield _gauge(
        "concord_reservation_age_seconds", "Of the oldest reserved place; 0 without.", _age(oldest, timezone.now())
    )


def _today(now: datetime) -> Iterator[Metric]:
    """Rankings since midnight UTC, and the mean agreement of the comparisons that they are on."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    columns = ("comparison__project__slug", "comparison_id", "submitted_at")
    newest = Ranking.objects.order_by("-pk").values_list(*columns)[:NEWEST]
    on: dict[str, list[int]] = defaultdict(list)
    for slug, comparison, submitted_at in newest:
        if submitted_at >= midnight:
            on[slug].append(comparison)
    told = {comparison for found in on.values() for comparison in found}
    tallies = Tally.objects.filter(comparison__in=told, agreement__isnull=False)
    agreement = dict(tallies.values_list("comparison_id", "agreement"))
    counted = {slug: len(found) for slug, found in on.items()}
    means = {slug: _mean(agreement, found) for slug, found in on.items()}
    yield _by(
        "concord_rankings_today", f"Rankings since midnight UTC, of the newest {NEWEST}.", "project", counted.items()
    )
    yield _by(
        "concord_agreement_today",
        "Mean agreement of two annotators on the comparisons ranked since midnight UTC (0 to 1, ties by half).",
        "project",
        [(slug, mean) for slug, mean in means.items() if mean is not None],
    )


def _webhooks(now: datetime) -> Iterator[Metric]:
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, webhook__is_active=True)
    found = waiting.aggregate(n=Count("pk"), oldest=Min("event__created_at"))
    yield _gauge("concord_webhooks_waiting", "Events on their way to webhooks.", found["n"])
    yield _gauge(
        "concord_webhook_age_seconds", "Of the oldest event on its way; 0 without.", _age(found["oldest"], now)
    )


def _gpus() -> Iterator[Metric]:
    """The GPUs of this machine as nvidia-smi tells them; nothing where there is none."""
    names = {
        "concord_gpu_busy_ratio": ("Share of time in which the GPU worked, 0 to 1.", 1, 0.01),
        "concord_gpu_memory_used_bytes": ("Memory in use on the GPU.", 2, MIB),
        "concord_gpu_memory_bytes": ("Memory of the GPU.", 3, MIB),
        "concord_gpu_celsius": ("Temperature of the GPU.", 4, 1),
    }
    rows = _nvidia_smi()
    for name, (told, column, unit) in names.items() if rows else ():
        values = [(row[0], float(row[column]) * unit) for row in rows if _is_number(row[column])]
        yield _by(name, told, "gpu", values)


def _nvidia_smi() -> list[list[str]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    asked = [program, f"--query-gpu={','.join(GPU_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True)
    except (subprocess.SubprocessError, OSError):
        return []  # no figures is what monitoring shows of a GPU that does not answer
    rows = csv.reader(io.StringIO(done.stdout), skipinitialspace=True)
    return [row for row in rows if len(row) == len(GPU_FIELDS)]


def _is_number(written: str) -> bool:
    return written.replace(".", "", 1).isdigit()


def _mean(agreement: dict[int, float], comparisons: list[int]) -> float | None:
    found = [agreement[comparison] for comparison in set(comparisons) if comparison in agreement]
    return fmean(found) if found else None


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


def _free_bytes() -> int:
    return shutil.disk_usage(settings.DATA_DIR).free


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, value=value)


def _by(name: str, told: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family
