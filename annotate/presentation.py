"""A comparison as its annotator sees it: completions under letters, in the order of their assignment, without models.

What is not in these dataclasses cannot reach an annotator's page.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate import rendering
from annotate.answers import STRENGTHS, Answer, Tiers
from annotate.models import Assignment, Ranking
from annotate.quality.tiers import sentence
from annotate.questions import Questions

SAID = """
SELECT said.* FROM annotate_ranking said JOIN annotate_assignment place ON place.id = said.assignment_id
WHERE said.comparison_id = %s AND said.annotator_id = %s AND said.superseded_at IS NULL
    AND COALESCE(place.repeat_of_id, 0) = %s ORDER BY said.id LIMIT 1
"""


@dataclass(frozen=True)
class ShownCompletion:
    """A completion under its letter."""

    label: str
    text: str
    html: SafeString
    source: SafeString | None
    is_blank: bool


def labels(assignment: Assignment) -> dict[int, str]:
    """Return A, B, C … by completion id, in the order of the page."""
    return dict(zip(assignment.order, string.ascii_uppercase, strict=False))


def texts(assignment: Assignment) -> dict[int, str]:
    """Return the text of each completion by id, in the order of the page."""
    return {pk: assignment.texts[pk] for pk in assignment.order}


def completions(assignment: Assignment, sources: Mapping[int, str] | None = None) -> list[ShownCompletion]:
    """Return the completions in the order of the page; give their texts if you have them."""
    sources = sources if sources is not None else texts(assignment)
    return [
        ShownCompletion(
            label=label,
            text=sources[pk],
            html=rendering.text(sources[pk]),
            source=rendering.source(sources[pk]),
            is_blank=_is_blank(sources[pk]),
        )
        for pk, label in labels(assignment).items()
    ]


def in_words(tiers: Tiers, *, assignment: Assignment) -> str:
    """Return tiers as «C > A = D > B», in the letters that this annotator saw."""
    return sentence(tiers, labels=labels(assignment))


def read_back(answer: Answer, *, assignment: Assignment) -> str:
    """Return an answer as a sentence: «A > B, significantly better · 2 ratings, 1 flag»."""
    if answer.unrankable:
        return " · ".join(filter(None, [_("cannot be ranked: {why}").format(why=answer.unrankable), _counted(answer)]))
    words = [in_words(answer.tiers, assignment=assignment)]
    words += [_(STRENGTHS[answer.strength])] if answer.strength else []
    words += [_("both are bad")] if answer.is_all_bad else []
    return " · ".join(filter(None, [", ".join(words), _counted(answer)]))


def details(answer: Answer, *, assignment: Assignment, asked: Questions) -> list[tuple[str, str]]:
    """Return (question, what was said) of everything that was said of single completions."""
    names, sources = labels(assignment), texts(assignment) if answer.spans else {}
    flag_labels = {flag.key: flag.name for flag in asked.flags}
    found = [(_("Overall"), _rated(answer.ratings, names))]
    found += [(aspect.label, _rated(answer.aspects.get(aspect.key, {}), names)) for aspect in asked.aspects]
    for pk, name in names.items():
        found += [
            (
                _("Flags of {label}").format(label=name),
                "; ".join(flag_labels.get(key, key) for key in answer.flags.get(pk, ())),
            )
        ]
    for span in answer.spans:
        note = f": {span.note}" if span.note else ""
        found += [
            (
                _("Marked in {label}").format(label=names[span.completion]),
                f"«{sources[span.completion][span.start : span.end]}»{note}",
            )
        ]
    return [(question, words) for question, words in found if words]


def said_before(assignment: Assignment) -> Ranking | None:
    """Return the annotator's current ranking of the comparison, if there is one; read from the database."""
    asked = [assignment.comparison_id, assignment.annotator_id, assignment.repeat_of_id or 0]
    return next(iter(Ranking.objects.raw(SAID, asked)), None)


def draft_key(assignment: Assignment) -> str:
    """Return the name under which the browser keeps unsent ranks; it tells nothing of what it is made of.

    By annotator, comparison and order: a draft outlives its reservation, a repeat is as new as anything, letters mean
    what they meant, and on a shared computer nobody meets another's.
    """
    shown = f"{assignment.annotator_id} {assignment.comparison_id} {assignment.order}"
    return salted_hmac("annotate.presentation.draft_key", shown).hexdigest()[:20]


def _rated(values: Mapping[int, int], names: Mapping[int, str]) -> str:
    return ", ".join(f"{name} {values[pk]}" for pk, name in names.items() if pk in values)


def _counted(answer: Answer) -> str:
    ratings = len(answer.ratings) + sum(map(len, answer.aspects.values()))
    flags, marks = sum(map(len, answer.flags.values())), len(answer.spans)
    counts = [
        (ratings, ngettext("{n} rating", "{n} ratings", ratings)),
        (flags, ngettext("{n} flag", "{n} flags", flags)),
        (marks, ngettext("{n} mark", "{n} marks", marks)),
    ]
    return ", ".join(words.format(n=n) for n, words in counts if n)


def _is_blank(text: str) -> bool:
    """Say whether nothing of a text can be seen: zero-width marks and blanks only, or nothing at all."""
    return not any(character.isprintable() and not character.isspace() for character in text)
