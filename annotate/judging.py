"""A project's rows → annotate.quality.judgement: who judges well, and what stands out. Reads only.

Evidence is named by primary keys of Ranking. The number of queries is fixed; a project of a million votes takes
seconds, so pages show what was judged in the background.
"""

import re
from collections.abc import Iterable

import numpy as np
from django.db.models import QuerySet

from annotate import columns, graded, policy, preferences
from annotate.models import Annotator, Assignment, Comparison, Completion, Project, Prompt, Ranking
from annotate.quality.arrays import Floats, coded, sums
from annotate.quality.findings import Judgement
from annotate.quality.judgement import judge
from annotate.quality.ranking import RankedCompletions, pair_votes
from annotate.quality.tiers import relations
from annotate.quality.work import Completions, GoldAnswers, Repeats, Work

Purpose = Assignment.Purpose

CHUNK = 2_000
WORD = re.compile(r"[㐀-鿿぀-ヿ가-힯]|[^\W㐀-鿿぀-ヿ가-힯]+")
"""A run of letters and digits; of Chinese, Japanese and Korean each character, as none writes spaces between words."""
MARKS = (re.compile(r"^#{1,6} ", re.M), re.compile(r"^ *(?:[-*+]|\d+[.)]) ", re.M), re.compile(r"\*\*[^*\n]+\*\*"))


def judgement_of(project: Project) -> Judgement:
    """Return what is found about each annotator of a project, from their current rankings, gold and repeats."""
    names = dict(Annotator.objects.values_list("pk", "pseudonym"))
    return judge(work_of(project), names=names)


def work_of(project: Project) -> Work:
    """Return all that the detectors read of a project."""
    said = columns.read(preferences.current_rankings(project))
    completions, beside = _completions(project), graded.read(project)
    return Work(
        votes=pair_votes(said.ranked._replace(ranking=said.pk[said.ranked.ranking])),
        seconds=said.seconds,
        at=said.at,
        words=_words_to_read(project, said.ranked, completions, n=len(said.pk)),
        guideline=said.guideline,
        completions=completions,
        gold=_gold(project),
        repeats=_repeats(project),
        reason=np.array([beside.reason.get(pk, -1) for pk in said.pk.tolist()], dtype=np.int64),
        scales=beside.scales,
        flags=graded.flagged(beside.raised, said),
    )


def word_count(text: str) -> int:
    """Return how many words a reader meets.

    >>> word_count("It's 3 words, 你好")
    6
    """
    return len(WORD.findall(text))


def _completions(project: Project) -> Completions:
    """Return words and marks of every completion that was ranked; equal texts of one prompt have one code."""
    found = Completion.objects.filter(comparison__in=_ranked(project)).order_by("pk")
    ids, texts, words, marks = [], [], [], []
    for pk, prompt, text in found.values_list("pk", "comparison__prompt_id", "text").iterator(chunk_size=CHUNK):
        ids.append(pk)
        texts.append(hash((prompt, " ".join(text.split()))))
        words.append(word_count(text))
        marks.append([len(mark.findall(text)) for mark in MARKS])
    return Completions(
        ids=np.array(ids, dtype=np.int64),
        text=coded(np.array(texts, dtype=np.int64)).codes,
        words=np.array(words, dtype=np.float64),
        marks=np.array(marks, dtype=np.float64).reshape(-1, len(MARKS)),
    )


def _ranked(project: Project) -> QuerySet[Ranking]:
    """The comparisons of which anything was said: few, where a large project has just begun."""
    return Ranking.objects.filter(comparison__project=project).order_by().values("comparison")


def _words_to_read(project: Project, ranked: RankedCompletions, completions: Completions, *, n: int) -> Floats:
    """Return for each ranking, in the order of the rows, the words of its prompt and completions."""
    prompts = Prompt.objects.filter(pk__in=Comparison.objects.filter(pk__in=_ranked(project)).values("prompt"))
    of_prompt = {
        pk: sum(word_count(message["content"]) for message in messages)
        for pk, messages in prompts.order_by("pk").values_list("pk", "messages").iterator(chunk_size=CHUNK)
    }
    own = completions.words[np.searchsorted(completions.ids, ranked.completion)]
    first = np.unique(ranked.ranking, return_index=True)[1]
    asked = np.array([of_prompt[prompt] for prompt in ranked.prompt[first].tolist()], dtype=np.float64)
    return asked + sums(own, by=ranked.ranking, n=n)


def _gold(project: Project) -> GoldAnswers:
    """Return the current answers on gold that is not retired; «cannot be ranked» is wrong."""
    on_gold = Ranking.objects.filter(
        comparison__project=project,
        assignment__purpose=Purpose.GOLD,
        superseded_at__isnull=True,
        comparison__key__is_retired=False,
    )
    asked = ["annotator_id", "comparison_id", "pk", "tiers", "comparison__key__tiers", "submitted_at"]
    rows = [
        (annotator, comparison, pk, policy.agreement(tiers, key) if tiers else 0.0, at.timestamp())
        for annotator, comparison, pk, tiers, key, at in on_gold.order_by("pk").values_list(*asked)
    ]
    annotator, comparison, pk, right, at = zip(*rows, strict=True) if rows else ((),) * 5
    ids = (np.array(column, dtype=np.int64) for column in (annotator, comparison, pk))
    return GoldAnswers(*ids, right=np.array(right, dtype=np.float64), at=np.array(at, dtype=np.float64))


def _repeats(project: Project) -> Repeats:
    """Return what was said on each pair the first time and again."""
    again = Ranking.objects.filter(
        comparison__project=project,
        assignment__purpose=Purpose.REPEAT,
        superseded_at__isnull=True,
        unrankable="",
        assignment__repeat_of__rankings__superseded_at__isnull=True,
        assignment__repeat_of__rankings__unrankable="",
    )
    first = "assignment__repeat_of__rankings__"
    asked = ["annotator_id", f"{first}pk", "pk", f"{first}tiers", "tiers", "assignment__repeat_of__order"]
    found = again.order_by("pk").values_list(*asked, "assignment__order")
    table = np.array([row for one in found for row in _pairs_again(*one)], dtype=np.int64)
    return Repeats(*table.reshape(-1, len(Repeats._fields)).T)


def _pairs_again(
    annotator: int,
    first: int,
    again: int,
    first_tiers: list[list[int]],
    tiers: list[list[int]],
    first_order: list[int],
    order: list[int],
) -> Iterable[tuple[int, ...]]:
    said, now = relations(first_tiers), relations(tiers)
    for pair in sorted(said.keys() & now.keys()):
        shown = (_is_first(pair, first_order), _is_first(pair, order))
        yield annotator, first, again, said[pair], now[pair], *shown


def _is_first(pair: tuple[int, int], order: list[int]) -> int:
    """Return 1 if the first of the pair was shown before the other, 0 after, -1 where unknown."""
    if pair[0] not in order or pair[1] not in order:
        return -1
    return int(order.index(pair[0]) < order.index(pair[1]))
