"""A crowd's work made ready once for all detectors, and the little that they share in making findings."""

from dataclasses import dataclass, replace

import numpy as np

from annotate.quality.arrays import Floats, Ints, tally
from annotate.quality.detectors.others import Others, agreement_by_ranking, leave_one_out
from annotate.quality.detectors.rows import Rows, by_author, rows_of
from annotate.quality.detectors.slopes import Slopes, slopes
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import Minimum
from annotate.quality.significance import MIN_CROWD, divided, number
from annotate.quality.work import Work

SHOWN = 8  # rankings of evidence


@dataclass(frozen=True, slots=True)
class Crowd:
    """`agreement` (R,) is each ranking's with the others, NaN where nobody else ranked, `mean_agreement` (A,) its mean.

    `order` sorts rankings by author, whose own begin at `starts` (A + 1,). `rankings` (A,) counts them.
    """

    work: Work
    rows: Rows
    others: Others
    slopes: Slopes
    agreement: Floats
    mean_agreement: Floats
    order: Ints
    starts: Ints
    rankings: Ints

    @property
    def n(self) -> int:
        """How many annotators there are."""
        return len(self.work.votes.annotator_ids)

    def own(self, annotator: int) -> Ints:
        """The codes of one annotator's rankings, in the order of their ids."""
        return self.order[self.starts[annotator] : self.starts[annotator + 1]]

    def evidence(self, annotator: int, clearness: Floats, *, sign: float = 1.0) -> tuple[int, ...]:
        """The ids of the rankings that show it best: the highest `clearness` (R,) times `sign`; NaN is left out."""
        own = self.own(annotator)
        own = own[np.isfinite(clearness[own])]
        best = own[np.argsort(-sign * clearness[own], kind="stable")[:SHOWN]]
        return tuple(self.work.votes.ranking_ids[best].tolist())


def crowd_of(work: Work) -> Crowd:
    """Reduce the work to what the detectors need."""
    rows, n = rows_of(work.votes), len(work.votes.annotator_ids)
    others = leave_one_out(rows, n_annotators=n)
    order = np.argsort(rows.author, kind="stable")
    agreement = agreement_by_ranking(rows, others, relation=work.votes.relation.astype(np.float64))
    return Crowd(
        work=work,
        rows=rows,
        others=others,
        slopes=slopes(rows, others, work.completions, n_annotators=n),
        agreement=agreement,
        mean_agreement=_means(agreement, rows, n),
        order=order,
        starts=np.searchsorted(rows.author[order], np.arange(n + 1)).astype(np.int64),
        rankings=tally(rows.author[rows.author >= 0], n=n),
    )


def unknown(detector: Detector, reason: str, *, n: int) -> Finding:
    """«Not enough data», as a finding."""
    return Finding(detector, undefined(reason, n=n), Severity.UNKNOWN, reason)


def too_few(detector: Detector, n: int, least: Minimum, *, z: float = np.nan) -> Finding:
    """Not enough data of one kind; a `z` that is known all the same only counts in the order of the list."""
    return replace(unknown(detector, least.of_estimate(Estimate(0.0, n=n)).reason, n=n), z=number(z))


def no_crowd(detector: Detector, *, n: int) -> Finding:
    """Too few others to say what is usual."""
    return unknown(detector, f"Fewer than {MIN_CROWD} annotators have done enough to say what is usual.", n=n)


def with_error(value: float, error: float, *, n: int) -> Estimate:
    """A normal estimate with its 95 % interval."""
    return Estimate(float(value), n=n, low=float(value - 1.96 * error), high=float(value + 1.96 * error))


def percent(share: float) -> str:
    """A share (0..1) as people read it.

    >>> percent(0.517)
    '52 %'
    """
    return f"{100 * share:.0f} %"


def _means(column: Floats, rows: Rows, n: int) -> Floats:
    """The mean of each annotator's known values. (A,)"""
    known = np.isfinite(column)
    total = by_author(np.where(known, column, 0.0), rows, n=n)
    return divided(total, by_author(known.astype(np.float64), rows, n=n))
