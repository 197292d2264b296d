"""What annotators say together of every completion, as the rows of a file: grades, and the chance that a flag holds."""

from collections.abc import Iterator, Mapping

import numpy as np

from annotate import columns, graded, preferences
from annotate.consistency.grading import consensus_of, labels
from annotate.consistency.tables import Cell
from annotate.models import Completion, Project
from annotate.quality.arrays import coded, sums, tally
from annotate.quality.dawid_skene import Answers, dawid_skene

Rows = Iterator[Mapping[str, Cell]]


def grades(project: Project) -> Rows:
    """Yield the grade of each completion on each scale, its error, and the plain mean beside it."""
    said, named, names = graded.read(project).scales, labels(project), _names(project)
    for key, found in said.items():
        ids, fitted = consensus_of(found)
        place = np.searchsorted(ids, found.completion)
        n = tally(place, n=len(ids))
        mean = sums(found.value, by=place, n=len(ids)) / n
        rows = zip(ids.tolist(), n.tolist(), mean.tolist(), fitted.grade.tolist(), fitted.se.tolist(), strict=True)
        for pk, count, plain, grade, error in rows:
            comparison, completion = names[pk]
            yield {
                "comparison": comparison,
                "completion": completion,
                "scale": named.get(key, key),
                "grades": count,
                "mean": plain,
                "consensus": grade,
                "error": error,
            }


def flagged(project: Project) -> Rows:
    """Yield the chance that a flag holds, of each completion on which anybody raised it."""
    raised = graded.read(project).raised
    asked = graded.flagged(raised, columns.read(preferences.current_rankings(project)))
    units, people = coded(asked.completion), coded(asked.annotator)
    named, names, n = labels(project), _names(project), len(units.ids)
    for key, is_raised in asked.raised.items():
        fitted = dawid_skene(Answers(units.codes, people.codes, is_raised.astype(np.int64)), n_classes=2)
        count, of = tally(units.codes[is_raised], n=n), tally(units.codes, n=n)
        for code in np.flatnonzero(count).tolist():
            comparison, completion = names[int(units.ids[code])]
            yield {
                "comparison": comparison,
                "completion": completion,
                "flag": named.get(f"flag:{key}", key),
                "raised": int(count[code]),
                "asked": int(of[code]),
                "chance": float(fitted.posterior[code, 1]),
            }


def _names(project: Project) -> dict[int, tuple[str, str]]:
    """The names of each completion's comparison and its own, by id."""
    rows = Completion.objects.filter(comparison__project=project)
    found = rows.values_list("pk", "comparison__external_id", "external_id").iterator(chunk_size=5000)
    return {pk: (comparison, completion) for pk, comparison, completion in found}
