"""The sums over a project's counted rankings, kept on write: the only writer of their tables.

Every sum is a sum over comparisons (quality.contribution), and a Tally says which rankings of a comparison are in it.
So there is one way to change the sums: `recount` the comparison. It takes out what was counted and adds what counts
now; called twice it changes nothing the second time, and a comparison without a Tally is simply not in the sums yet.
"""

from annotate.statistics.reading import (
    Counts,
    Figures,
    Slice,
    categories,
    cells,
    counts,
    figures,
    listing,
    met,
    slices,
    status_counts,
    word_of,
)
from annotate.statistics.rebuilding import Difference, catch_up, differences, rebuild
from annotate.statistics.recounting import recount

__all__ = [
    "Counts",
    "Difference",
    "Figures",
    "Slice",
    "catch_up",
    "categories",
    "cells",
    "counts",
    "differences",
    "figures",
    "listing",
    "met",
    "rebuild",
    "recount",
    "slices",
    "status_counts",
    "word_of",
]
