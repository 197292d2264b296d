"""What a project holds as streams of plain rows, under the names that files use: the reading half of exports.

A batch of comparisons or rankings is in memory at a time. What is left out is counted by reason in `excluded`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from django.db.models import F, QuerySet

from annotate import answers, names
from annotate.counted import RECALLED, Bars
from annotate.jsonlines import Json
from annotate.models import Assignment, Comparison, Completion, GoldKey, Project, Ranking

BATCH = 2000
SAID = (
    "pk",
    "comparison_id",
    "assignment__purpose",
    "annotator_id",
    "annotator__pseudonym",
    "annotator__origin",
    "assignment__order",
    "assignment__guideline__number",
    "revision",
    "tiers",
    "strength",
    "is_all_bad",
    "unrankable",
    "details",
    "reason",
    "seconds",
    "active_seconds",
    "submitted_at",
    "superseded_at",
)


def rankings(project: Project, excluded: Counter[str]) -> Iterator[Json]:
    """Yield every ranking made on work, earlier revisions included, as annotate.rows reads it back."""
    recalled = Bars(project).recalled
    found = _found(project).order_by("assignment_id", "revision").values_list(*SAID, named=True)
    for batch in _batches(found.iterator(chunk_size=BATCH)):
        letters = _completion_names({row.comparison_id for row in batch})
        comparisons = Comparison.objects.in_bulk({row.comparison_id for row in batch})
        for row in batch:
            if reason := _not_to_leave(row, recalled):
                excluded[reason] += 1
                continue
            yield {"comparison": comparisons[row.comparison_id].external_id, **_said(row, letters, project)}


def comparisons(project: Project) -> Iterator[Json]:
    """Yield every comparison with its completions, as annotate.rows reads it back."""
    found = Comparison.objects.filter(project=project).select_related("prompt").order_by("pk")
    for batch in _batches(found.iterator(chunk_size=BATCH // 4)):
        completions = _completions({comparison.pk for comparison in batch})
        keys = {key.comparison_id: key for key in GoldKey.objects.filter(comparison__in=[one.pk for one in batch])}
        for one in batch:
            yield _comparison(one, completions[one.pk], keys.get(one.pk))


def ranked(project: Project, excluded: Counter[str]) -> Iterator[Json]:
    """Yield every comparison on which work was ranked, with the `rankings` that count: current, with an order."""
    has_rankings = Comparison.objects.filter(project=project, rankings__isnull=False).distinct()
    found, recalled = has_rankings.select_related("prompt").order_by("pk"), Bars(project).recalled
    for batch in _batches(found.iterator(chunk_size=BATCH // 4)):
        pks = {comparison.pk for comparison in batch}
        completions, said = _completions(pks), _counted(pks, recalled, excluded)
        for one in batch:
            if said[one.pk]:
                letters = {pk: name for pk, name, _, _ in completions[one.pk]}
                rows = [
                    _said(row, letters, project) | {"revision": 1} for row in said[one.pk]
                ]  # its earlier ones stay behind
                yield _comparison(one, completions[one.pk], None) | {"rankings": rows}


def ranking_count(project: Project) -> int:
    """Return how many rankings are stored, whatever for and of whatever revision."""
    return _found(project).count()


def _found(project: Project) -> QuerySet[Ranking]:
    return Ranking.objects.filter(comparison__project=project)


def _counted(comparison_ids: set[int], recalled: set[int], excluded: Counter[str]) -> dict[int, list]:
    kept = defaultdict(list)
    rows = Ranking.objects.filter(comparison__in=comparison_ids).order_by("pk").values_list(*SAID, named=True)
    for row in rows:
        reason = _why_not(row, recalled)
        if reason:
            excluded[reason] += 1
        else:
            kept[row.comparison_id].append(row)
    return kept


def _not_to_leave(row, recalled: set[int]) -> str:
    """Why a ranking leaves the house in no export; empty where it may."""
    if row.assignment__purpose != Assignment.Purpose.WORK:
        return f"on {row.assignment__purpose}"
    return RECALLED if row.annotator_id in recalled else ""


def _why_not(row, recalled: set[int]) -> str:
    if reason := _not_to_leave(row, recalled):
        return reason
    if row.superseded_at:
        return "revised since"
    return "cannot be ranked" if row.unrankable else ""


def _comparison(one: Comparison, completions: list[tuple[int, str, str, str]], key: GoldKey | None) -> Json:
    letters = {pk: name for pk, name, _, _ in completions}
    texts = [
        {"id": name, "text": text, **({"model": source} if source else {})} for _, name, text, source in completions
    ]
    made = {
        "id": one.external_id,
        "prompt_id": one.prompt.external_id,
        "prompt": one.prompt.messages,
        "completions": texts,
        "category": one.prompt.category,
        "language": one.prompt.language,
        "overlap": one.overlap,
        "priority": one.priority,
        "cohort": one.cohort,
    }
    if key:
        made |= {"use": one.use, "key": answers.named_tiers(key.tiers, letters), "key_reason": key.reason}
    return {name: value for name, value in made.items() if value not in ("", None)}


def _said(row, completions: dict[int, str], project: Project) -> Json:
    made = {
        "annotator": names.outside(project, row.annotator__pseudonym),
        "origin": row.annotator__origin,
        "ranking": answers.named_tiers(row.tiers, completions),
        "unrankable": row.unrankable,
        "order": [completions[pk] for pk in row.assignment__order],
        "strength": row.strength,
        "is_all_bad": row.is_all_bad or None,
        **answers.named_details(row.details, completions),
        "reason": row.reason,
        "seconds": row.seconds,
        "active_seconds": row.active_seconds,
        "submitted_at": row.submitted_at.isoformat(),
        "revision": row.revision,
        "guideline": row.assignment__guideline__number,
    }
    return {name: value for name, value in made.items() if value not in ("", None, [])}


def _completion_names(comparison_ids: set[int]) -> dict[int, str]:
    return dict(Completion.objects.filter(comparison__in=comparison_ids).values_list("pk", "external_id"))


def _completions(comparison_ids: set[int]) -> dict[int, list[tuple[int, str, str, str]]]:
    found = Completion.objects.filter(comparison__in=comparison_ids).order_by("pk")
    kept = defaultdict(list)
    for comparison, *row in found.values_list(F("comparison_id"), "pk", "external_id", "text", "source"):
        kept[comparison].append(tuple(row))
    return kept


def _batches(found: Iterable) -> Iterator[list]:
    stream = iter(found)
    while batch := list(islice(stream, BATCH)):
        yield batch
