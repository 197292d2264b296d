"""How to read a figure of agreement: where it stands on a scale for its kind, and how far from what is usual.

Facts and preferences have different scales. Krippendorff's limits 0.667 and 0.80 (Content Analysis, 4th ed., p. 356)
are for facts; published crowds that state preferences agree on 63-77 % of the pairs on which both chose, and experts on
80 % and more. There is no limit below which a project «fails»: the distance to what is usual is the message.
"""

from bisect import bisect_right
from typing import NamedTuple

from annotate.quality.estimate import Estimate


class Scale(NamedTuple):
    """`words[k]` reads a value from `bounds[k - 1]` up to `bounds[k]`; `usual` is the span of usual values."""

    of: str
    bounds: tuple[float, ...]
    words: tuple[str, ...]
    usual: tuple[float, float]


class Reading(NamedTuple):
    """`distance`: below 0 under what is usual, 0 within, above 0 over it. `is_sure`: the whole interval reads alike."""

    words: str
    distance: float
    is_sure: bool


STRONG = "strong, or the pairs are too easy: look at the margins"
PREFERENCES = Scale(
    "agreement on preferences where both chose",
    bounds=(0.60, 0.67, 0.77),
    words=("unusable as it stands", "weak", "usual", STRONG),
    usual=(0.67, 0.77),
)
PREFERENCE_ALPHA = Scale(
    "pair alpha without ties, 2 A - 1", bounds=(0.20, 0.34, 0.54), words=PREFERENCES.words, usual=(0.34, 0.54)
)
FACTS = Scale(
    "Krippendorff's alpha of flags and other facts",
    bounds=(0.667, 0.80),
    words=("too low: mend the guidelines", "tentative", "good"),
    usual=(0.667, 1.0),
)


def read(estimate: Estimate, *, scale: Scale) -> Reading | None:
    """The reading of an estimate; None where it has no value.

    >>> read(Estimate(0.65, n=400, low=0.61, high=0.69), scale=PREFERENCES)
    Reading(words='weak', distance=-0.02, is_sure=False)
    """
    if estimate.value is None:
        return None
    place = bisect_right(scale.bounds, estimate.value)
    ends = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    low, high = scale.usual
    distance = round(min(estimate.value - low, 0.0) + max(estimate.value - high, 0.0), 12)
    return Reading(scale.words[place], distance, all(bisect_right(scale.bounds, end) == place for end in ends))
