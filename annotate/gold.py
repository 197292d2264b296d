"""Comparisons of known order, hidden among the work or shown in training: the only writer of GoldKey."""

from django.contrib.auth.models import User
from django.db import transaction

from annotate import answers, assignments
from annotate.answers import BadAnswer, Tiers
from annotate.models import Comparison, Completion, GoldKey, Task, Use

KEYED = (Use.GOLD, Use.TRAINING, Use.QUALIFICATION)


class NoRuling(Exception):
    """The comparison has no ruling to take the known order from."""


def add(comparison: Comparison, tiers: Tiers, *, reason: str, by: User | None) -> GoldKey:
    """Store the known order of a comparison that came in as gold, training or qualification. Raises BadAnswer."""
    if comparison.use not in KEYED:
        raise BadAnswer("use", f"Only {', '.join(KEYED)} have a known order; got {comparison.use!r}.")
    return set_key(comparison, tiers, reason=reason, by=by, use=comparison.use)


def set_key(comparison: Comparison, tiers: Tiers, *, reason: str, by: User | None, use: str = Use.GOLD) -> GoldKey:
    """Make a comparison gold (or a training or qualification item) with this order, or change the order it has.

    Work that becomes gold is no longer handed out as work; what was said of it stays. Raises BadAnswer.
    """
    if use not in KEYED:
        raise BadAnswer("use", f"Expected one of {', '.join(KEYED)}; got {use!r}.")
    if comparison.project.task == Task.DEMONSTRATION:
        raise BadAnswer("use", "A project of ideal outputs has no known orders: nobody ranks in it.")
    _check(comparison, tiers)
    known = {"tiers": tiers, "reason": reason, "created_by": by, "is_retired": False}
    with transaction.atomic():
        assignments.retract_places(comparison, use=use)
        key, _ = GoldKey.objects.update_or_create(comparison=comparison, defaults=known)
    return key


def set_key_from_ruling(comparison: Comparison, *, by: User | None, use: str = Use.GOLD) -> GoldKey:
    """Make a comparison gold by its current staff ruling, with the ruling's reason. Raises NoRuling."""
    ruling = comparison.adjudications.filter(superseded_at__isnull=True).first()
    if ruling is None:
        raise NoRuling("Nobody has ruled on this comparison yet. Adjudicate it first, or give the order yourself.")
    return set_key(comparison, ruling.tiers, reason=ruling.reason, by=by, use=use)


def retire(key: GoldKey) -> None:
    """Hand a gold comparison out no longer, and count it in no figure; what was said of it stays."""
    GoldKey.objects.filter(pk=key.pk).update(is_retired=True)
    key.is_retired = True


def _check(comparison: Comparison, tiers: Tiers) -> None:
    known = set(Completion.objects.filter(comparison=comparison).values_list("pk", flat=True))
    if len(known) < 2:
        raise BadAnswer("tiers", "A known order needs at least two completions.")
    answers.check_tiers(tiers, completion_ids=known)
    if len(tiers) < 2:
        raise BadAnswer(
            "tiers", "A known order needs at least one pair that is no tie: nothing could be wrong with it."
        )
