"""A comparison as its annotator sees it: completions under letters, in the order of their assignment, without models.

What is not in these dataclasses cannot reach an annotator's page.
"""

import string
from dataclasses import dataclass

from django.utils.safestring import SafeString

from annotate import rendering
from annotate.answers import Tiers
from annotate.models import Assignment, Completion, Ranking
from annotate.quality.tiers import sentence


@dataclass(frozen=True)
class ShownCompletion:
    """A completion under its letter."""

    pk: int
    label: str
    html: SafeString
    source: SafeString | None
    is_blank: bool


def labels(assignment: Assignment) -> dict[int, str]:
    """Return A, B, C … by completion id, in the order of the page."""
    return dict(zip(assignment.order, string.ascii_uppercase, strict=False))


def completions(assignment: Assignment) -> list[ShownCompletion]:
    """Return the completions in the order of the page."""
    texts = dict(Completion.objects.filter(comparison=assignment.comparison_id).values_list("pk", "text"))
    return [
        ShownCompletion(
            pk, label, rendering.text(texts[pk]), rendering.source(texts[pk]), is_blank=_is_blank(texts[pk])
        )
        for pk, label in labels(assignment).items()
    ]


def in_words(tiers: Tiers, *, assignment: Assignment) -> str:
    """Return tiers as «C > A = D > B», in the letters that this annotator saw."""
    return sentence(tiers, labels=labels(assignment))


def said_before(assignment: Assignment) -> Ranking | None:
    """Return the annotator's current ranking of the comparison, if there is one; read from the database."""
    current = Ranking.objects.filter(comparison=assignment.comparison_id, annotator=assignment.annotator_id)
    return current.filter(superseded_at__isnull=True).first()


def draft_key(assignment: Assignment) -> str:
    """Return the name under which the browser keeps unsent ranks.

    By annotator and comparison: a draft outlives its reservation, and on a shared computer nobody meets another's.
    """
    return f"{assignment.annotator_id}-{assignment.comparison_id}"


def _is_blank(text: str) -> bool:
    """Say whether nothing of a text can be seen: zero-width marks and blanks only, or nothing at all."""
    return not any(character.isprintable() and not character.isspace() for character in text)
