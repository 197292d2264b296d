"""What the web processes of this machine count as they work, for Prometheus: requests and how long they took.

The processes share their counts by files in METRICS_DIR; gunicorn.conf.py removes those of dead processes at a start.
What can be asked of the rows is not counted here: see operations.gauges.
"""

from prometheus_client import Counter, Histogram

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)
"""Seconds; 0.3 is the promise for next and submit, 1 that for the staff's pages."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

requests = Counter("concord_requests_total", "Requests by view, method and status.", ["view", "method", "status"])
seconds = Histogram("concord_request_seconds", "Seconds from request to response.", ["view", "method"], buckets=BUCKETS)


def count_request(view: str, method: str, status: int, took_seconds: float) -> None:
    """Count an answered request; methods that nobody knows are counted as one."""
    known = method if method in METHODS else "other"
    requests.labels(view, known, status).inc()
    seconds.labels(view, known).observe(took_seconds)
