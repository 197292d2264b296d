"""What is handed out beside the work: training, qualification, gold, and repeats. None of it has a slot.

On the page and in its row's id nothing tells gold or a repeat from work.
"""

from datetime import timedelta

from django.db.models import QuerySet

from annotate import policy
from annotate.assignments.handing import Asking, content_of, hand_out
from annotate.assignments.places import presentation_order
from annotate.models import Assignment, Comparison, Task, Use

State, Purpose = Assignment.State, Assignment.Purpose


def reserve_training(asking: Asking) -> Assignment | None:
    """Reserve the next training item, in the order they came; None where the annotator has seen all there are."""
    comparison_id = _unseen(asking, Use.TRAINING).first()
    return comparison_id and _hand_out_keyed(asking, comparison_id, Purpose.TRAINING)


def reserve_qualification(asking: Asking) -> Assignment | None:
    """Reserve a qualification item by chance; None where the annotator has seen all there are."""
    return _by_chance(asking, _unseen(asking, Use.QUALIFICATION), Purpose.QUALIFICATION)


def reserve_gold(asking: Asking) -> Assignment | None:
    """Reserve a gold comparison by chance, each once per annotator; None where they have seen all."""
    return _by_chance(asking, _unseen(asking, Use.GOLD), Purpose.GOLD)


def reserve_repeat(asking: Asking) -> Assignment | None:
    """Reserve something the annotator ranked long enough ago, shuffled anew; None where there is nothing."""
    if asking.project.task == Task.DEMONSTRATION:
        return None
    ready = list(_ready_to_repeat(asking).values_list("pk", flat=True))  # read once: their other tab takes some, too
    if not ready:
        return None
    first = asking.history.get(pk=ready[_pick(asking, len(ready), Purpose.REPEAT)])
    return hand_out(
        asking,
        content_of(first.comparison_id, asking.annotator),
        comparison_id=first.comparison_id,
        order=policy.reshuffled(first.order, seed=str(first.pk)),
        purpose=Purpose.REPEAT,
        repeat_of=first,
    )


def _unseen(asking: Asking, use: str) -> QuerySet[Comparison, int]:
    keyed = Comparison.objects.filter(project=asking.project, use=use, key__is_retired=False)
    if asking.project.task == Task.DEMONSTRATION:
        return keyed.none().values_list("pk", flat=True)  # whatever is in the table: nobody ranks there
    return keyed.filter(~asking.has_seen("pk")).order_by("pk").values_list("pk", flat=True)


def _by_chance(asking: Asking, comparison_ids: QuerySet[Comparison, int], purpose: str) -> Assignment | None:
    ids = list(comparison_ids)
    return _hand_out_keyed(asking, ids[_pick(asking, len(ids), purpose)], purpose) if ids else None


def _hand_out_keyed(asking: Asking, comparison_id: int, purpose: str) -> Assignment:
    """Hand out a comparison of known order; over annotators, each completion stands first about equally often."""
    content = content_of(comparison_id, asking.annotator)
    order = presentation_order(content.completion_ids, comparison_id=comparison_id, slot=asking.annotator.pk)
    return hand_out(asking, content, comparison_id=comparison_id, order=order, purpose=purpose)


def _ready_to_repeat(asking: Asking) -> QuerySet[Assignment]:
    """Return what the annotator ranked at least 50 comparisons or a day ago and has not met again."""
    done = asking.history.filter(state=State.SUBMITTED)
    ready_at = asking.now - timedelta(seconds=policy.REPEAT_AFTER_SECONDS)
    times = done.order_by("-closed_at").values_list("closed_at", flat=True)
    far_enough = list(times[policy.REPEAT_AFTER - 1 : policy.REPEAT_AFTER])
    work = done.filter(purpose=Purpose.WORK, repeated_by__isnull=True, comparison__use=Use.WORK)
    return work.exclude(order=[]).filter(closed_at__lte=max([ready_at, *far_enough])).order_by("pk")


def _pick(asking: Asking, count: int, purpose: str) -> int:
    """Return 0..count-1 by the annotator and what they were handed so far."""
    return int(count * policy.draw("pick", purpose, asking.annotator.pk, asking.history.count()))
