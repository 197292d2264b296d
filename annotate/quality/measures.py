"""The measures of agreement as functions of sums, for `intervals.both_intervals` and `slices`.

Pairs of completions: agreement, alpha, tau_x. Grades and flags: Krippendorff's alpha, Gwet's AC1 and AC2, ICC, and
agreement on one answer (positive agreement of a flag).
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from annotate.quality.agreement import TieTreatment, pair_agreement_of
from annotate.quality.alpha import Metric, alpha_of, pair_alpha_of, unit_coincidences
from annotate.quality.arrays import Floats
from annotate.quality.evidence import Measure
from annotate.quality.icc import icc_of, icc_parts
from annotate.quality.kappa import chance_parts, gwet_of


def agreement_with(ties: TieTreatment) -> Measure:
    """Pair agreement, 0..1."""
    return _of_pairs(f"pair agreement, {ties.name}", ties, lambda sums: pair_agreement_of(sums, ties=ties), lowest=0.0)


def alpha_with(ties: TieTreatment) -> Measure:
    """Pair alpha, symmetrised: -1..1."""
    return _of_pairs(f"pair alpha, {ties.name}", ties, lambda sums: pair_alpha_of(sums, ties=ties), lowest=-1.0)


def tau_x_with(ties: TieTreatment) -> Measure:
    """Mean tau_x of the pairs of annotators, -1..1: 2 A - 1 of the pair agreement A where a tie half agrees."""
    return _of_pairs("mean tau_x", ties, lambda sums: 2 * pair_agreement_of(sums, ties=ties) - 1, lowest=-1.0)


def krippendorff_with(metric: Metric, *, name: str) -> Measure:
    """Krippendorff's alpha of grades or flags; ordinal distances are those of the answers at hand."""
    return Measure(f"alpha, {name}", _coincidences, partial(_alpha, metric=metric), lowest=-1.0)


def gwet_with(weights: Floats | None = None) -> Measure:
    """Gwet's AC1, or AC2 with weights of agreement (V, V)."""
    return Measure(
        "AC1" if weights is None else "AC2",
        lambda counts, values: chance_parts(counts, weights=weights),
        lambda sums, values: gwet_of(sums, weights=weights),
        lowest=-1.0,
    )


def icc_with(raters: int = 1) -> Measure:
    """ICC(1,1), or ICC(1,k): the reliability of the mean of `raters` grades (Spearman-Brown)."""
    return Measure(f"ICC(1,{raters})", icc_parts, lambda sums, values: icc_of(sums, raters=raters), lowest=-1.0)


def agreement_on(answer: int) -> Measure:
    """Of those who gave this answer (a column), how many others did: positive agreement with 1, negative with 0."""
    return Measure(f"agreement on answer {answer}", _coincidences, partial(_specific, answer=answer), lowest=0.0)


def _of_pairs(name: str, ties: TieTreatment, of: Callable[[Floats], Floats], *, lowest: float) -> Measure:
    return Measure(name, _coincidences, lambda sums, values: of(sums), lowest, answers=ties.answers, is_mirrored=True)


def _coincidences(counts: Floats, values: Floats) -> Floats:
    return unit_coincidences(counts)


def _alpha(together: Floats, values: Floats, *, metric: Metric) -> Floats:
    return alpha_of(together, distances=metric(values, together.sum(axis=-1)))


def _specific(together: Floats, values: Floats, *, answer: int) -> Floats:
    given = together[..., answer, :].sum(axis=-1)
    share: Floats = np.divide(together[..., answer, answer], given, out=np.full_like(given, np.nan), where=given > 0)
    return share
