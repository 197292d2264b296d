"""Control charts: EWMA for a gradual drift, the two-sided tabular CUSUM for a shift.

NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4 and 6.3.2.3. Both take a series or several side by side, the
last axis being time; NaN is «not measured then» and leaves a chart as it was.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats

EWMA_WEIGHT, EWMA_LIMIT = 0.3, 3.0
CUSUM_SLACK, CUSUM_LIMIT = 0.5, 5.0


class Cusum(NamedTuple):
    """Sums above and below the target after each point, in the unit of the series. (..., T)"""

    high: Floats
    low: Floats


def ewma(series: Floats, *, start: float, weight: float = EWMA_WEIGHT) -> Floats:
    """The exponentially weighted mean after each point. (..., T)

    >>> ewma(np.array([52.0, 47.0]), start=50.0).round(2).tolist()
    [50.6, 49.52]
    """
    smoothed = np.empty_like(series, dtype=np.float64)
    state = np.full(series.shape[:-1], start)
    for t in range(series.shape[-1]):
        point = series[..., t]
        state = np.where(np.isfinite(point), weight * np.nan_to_num(point) + (1 - weight) * state, state)
        smoothed[..., t] = state
    return smoothed


def ewma_half_width(*, sigma: float, weight: float = EWMA_WEIGHT, limit: float = EWMA_LIMIT) -> float:
    """How far the control limits lie from the centre line, in the long run."""
    return limit * sigma * float(np.sqrt(weight / (2 - weight)))


def cusum(series: Floats, *, target: float, slack: float, limit: float | None = None) -> Cusum:
    """Both tabular sums after each point; with a `limit` a chart that passes it starts anew after that point."""
    high, low = np.empty_like(series, dtype=np.float64), np.empty_like(series, dtype=np.float64)
    up, down = np.zeros(series.shape[:-1]), np.zeros(series.shape[:-1])
    for t in range(series.shape[-1]):
        point = series[..., t]
        off = np.where(np.isfinite(point), point - target, 0.0)
        is_known = np.isfinite(point)
        up = np.where(is_known, np.maximum(0.0, up + off - slack), up)
        down = np.where(is_known, np.maximum(0.0, down - off - slack), down)
        high[..., t], low[..., t] = up, down
        if limit is not None:
            up, down = np.where(up > limit, 0.0, up), np.where(down > limit, 0.0, down)
    return Cusum(high, low)


def beyond(chart: Floats, *, centre: float, half_width: float) -> Flags:
    """Which points lie outside of the limits."""
    outside: Flags = np.abs(chart - centre) > half_width
    return outside
