"""Which comparison next: overlap, reservations, hidden gold and repeats. The only writer of Assignment.

A comparison's places are rows made with it, so nobody can be assigned beyond the overlap: there is no row to take. Two
people cannot take the same row either: who deletes the open row has its slot. The row of a reservation is made when it
is handed out, whatever it is for: its id tells an annotator nothing. What to hand out is decided in annotate.policy.
"""

from annotate.assignments.handing import SEEN, NotReserved
from annotate.assignments.places import (
    MAX_OVERLAP,
    ImportedPlace,
    close_places,
    fill_places,
    lock_comparison,
    open_more,
    open_one_more,
    open_places,
    presentation_order,
    reprioritise,
    restore_places,
    retract_places,
)
from annotate.assignments.reserving import (
    Progress,
    may_submit,
    progress,
    release,
    release_expired,
    reserve_known,
    reserve_next,
    skip,
    take_for_submission,
)

__all__ = [
    "MAX_OVERLAP",
    "SEEN",
    "ImportedPlace",
    "NotReserved",
    "Progress",
    "close_places",
    "fill_places",
    "lock_comparison",
    "may_submit",
    "open_more",
    "open_one_more",
    "open_places",
    "presentation_order",
    "progress",
    "release",
    "release_expired",
    "reprioritise",
    "reserve_known",
    "reserve_next",
    "restore_places",
    "retract_places",
    "skip",
    "take_for_submission",
]
