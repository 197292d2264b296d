"""Rankings → consensus pairs with soft labels, as a stream: the door by which training reads annotation.

The counted ranking of an annotator on a comparison is their current one. A staff ruling replaces the votes on its
comparison. Every pair of completions of a ranked comparison becomes one row, ties included (their q is near 1/2, which
a soft loss uses as it is); only pairs of equal texts are left out, and counted.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from django.db.models import QuerySet
from django.utils.module_loading import import_string

from annotate.models import Adjudication, Assignment, Comparison, Demonstration, Origin, Project, Prompt, Ranking
from annotate.quality.ranking import PairVotes, RankingRow, pair_votes, ranked_completions

RULING_Q = 0.98
"""P(chosen is better) of a pair decided by a staff ruling: certain, short of an infinite margin."""

MAX_MARGIN = 3.0
TIE_LIKELY = 0.5
BATCH = 500

Tiers = list[list[int]]


@dataclass(frozen=True)
class Verdict:
    """What is believed of a pair (i, j) of completions: P(i is better), P(tie), and from how many votes."""

    q: float
    p_tie: float
    n_votes: int


@dataclass(frozen=True)
class Preference:
    """A consensus pair, the better completion first."""

    prompt: Prompt
    chosen: str
    rejected: str
    q: float  # 0.5..1
    margin: float
    p_tie: float
    n_votes: int
    weight: float
    guideline: int
    split: str


@dataclass(frozen=True)
class Beliefs:
    """The verdicts on every ranked pair of a project, and what they rest on."""

    verdicts: dict[int, dict[tuple[int, int], Verdict]]  # comparison → (i, j), i < j → verdict
    guidelines: dict[int, int]  # comparison → the newest guideline version its rankings were made under
    ranking_count: int
    ruling_count: int
    has_simulated: bool


def current_rankings(project: Project) -> QuerySet[Ranking]:
    """Return the rankings that count: each annotator's current one on work; gold, repeats and the unrankable do not."""
    found = Ranking.objects.filter(comparison__project=project, superseded_at__isnull=True, unrankable="")
    return found.filter(assignment__purpose=Assignment.Purpose.WORK)


def has_simulated(project: Project) -> bool:
    """Say whether any ranking that counts is by a simulated annotator: every page that shows one says so."""
    return current_rankings(project).filter(annotator__origin=Origin.SIMULATED).exists()


def votes(project: Project) -> PairVotes:
    """Return every pair vote of a project's current rankings, for annotate.quality."""
    columns = ["comparison_id", "comparison__prompt_id", "annotator_id", "tiers", "assignment__order"]
    found = current_rankings(project).order_by("pk").values_list(*columns)
    return pair_votes(ranked_completions(RankingRow(*row) for row in found.iterator(chunk_size=2000)))


def beliefs(project: Project) -> Beliefs:
    """Return what the votes and rulings of a project say of each pair."""
    verdicts = _consensus(votes(project))
    rulings = Adjudication.objects.filter(comparison__project=project, superseded_at__isnull=True)
    for comparison, tiers in rulings.values_list("comparison_id", "tiers"):
        verdicts[comparison] = _ruled(tiers)
    return Beliefs(
        verdicts=verdicts,
        guidelines=_guidelines(project),
        ranking_count=current_rankings(project).count(),
        ruling_count=rulings.count(),
        has_simulated=has_simulated(project),
    )


def stream(project: Project, believed: Beliefs, *, test_rate: float, excluded: Counter[str]) -> Iterator[Preference]:
    """Yield the preferences of a project, prompt by prompt; what is left out is counted in `excluded` by reason.

    The weights of a prompt's pairs sum to 1: a prompt with more completions must not count for more.
    """
    for prompt, comparisons in _by_prompt(project, believed):
        kept = []
        for comparison in comparisons:
            texts = {completion.pk: completion.text for completion in comparison.completions.all()}
            for (i, j), verdict in sorted(believed.verdicts[comparison.pk].items()):
                if texts[i].split() == texts[j].split():
                    excluded["equal texts"] += 1
                    continue
                kept.append((comparison.pk, texts[i], texts[j], verdict))
        for comparison_id, i_text, j_text, verdict in kept:
            yield _preference(
                prompt,
                i_text,
                j_text,
                verdict,
                weight=1 / len(kept),
                guideline=believed.guidelines.get(comparison_id, 0),
                split=split_of(prompt, test_rate=test_rate),
            )


def prompts(project: Project) -> Iterator[Prompt]:
    """Yield the prompts of a project in the order they came."""
    yield from Prompt.objects.filter(project=project).order_by("pk").iterator(chunk_size=BATCH)


def demonstrations(project: Project) -> Iterator[Demonstration]:
    """Yield the demonstrations of a project in the order they came, each with its prompt."""
    found = (
        Demonstration.objects.filter(prompt__project=project, superseded_at__isnull=True)
        .select_related("prompt")
        .order_by("pk")
    )
    yield from found.iterator(chunk_size=BATCH)


def split_of(prompt: Prompt, *, test_rate: float) -> str:
    """Return "test" or "train", decided by the prompt's folded text alone: all its pairs stay together, for ever."""
    position = int(prompt.text_sha256[:12], 16) / 16**12
    return "test" if position < test_rate else "train"


def _consensus(found: PairVotes) -> dict[int, dict[tuple[int, int], Verdict]]:
    fitted = import_string("annotate.quality.consensus.fit")(found)  # with scipy.optimize: only where it is used
    units = found.units
    verdicts: dict[int, dict[tuple[int, int], Verdict]] = defaultdict(dict)
    columns = (units.comparison_ids[units.comparison], units.i, units.j, fitted.q, fitted.p_tie, fitted.n_votes)
    for comparison, i, j, q, p_tie, n_votes in zip(*(column.tolist() for column in columns), strict=True):
        verdicts[comparison][i, j] = Verdict(q, p_tie, n_votes)
    return verdicts


def _ruled(tiers: Tiers) -> dict[tuple[int, int], Verdict]:
    """Return the verdicts of a staff ruling on each pair."""
    tier_of = {completion: rank for rank, tier in enumerate(tiers) for completion in tier}
    verdicts = {}
    for i, j in combinations(sorted(tier_of), 2):
        gap = tier_of[j] - tier_of[i]
        q = 0.5 if gap == 0 else RULING_Q if gap > 0 else 1 - RULING_Q
        verdicts[i, j] = Verdict(q, float(gap == 0), 1)
    return verdicts


def _guidelines(project: Project) -> dict[int, int]:
    done = Assignment.objects.filter(project=project, state=Assignment.State.SUBMITTED, guideline__isnull=False)
    newest: dict[int, int] = {}
    for comparison, number in done.values_list("comparison_id", "guideline__number"):
        newest[comparison] = max(number, newest.get(comparison, 0))
    return newest


def _by_prompt(project: Project, believed: Beliefs) -> Iterator[tuple[Prompt, list[Comparison]]]:
    """Yield each prompt that has ranked comparisons, with them; a batch of prompts is in memory at a time."""
    ranked = Comparison.objects.filter(project=project).order_by("prompt_id", "pk")
    group: list[Comparison] = []
    for comparison in ranked.select_related("prompt").prefetch_related("completions").iterator(chunk_size=BATCH):
        if comparison.pk not in believed.verdicts:
            continue
        if group and group[0].prompt_id != comparison.prompt_id:
            yield group[0].prompt, group
            group = []
        group.append(comparison)
    if group:
        yield group[0].prompt, group


def _preference(
    prompt: Prompt, i_text: str, j_text: str, verdict: Verdict, *, weight: float, guideline: int, split: str
) -> Preference:
    is_i_better = verdict.q >= 0.5
    q = max(verdict.q, 1 - verdict.q)
    return Preference(
        prompt=prompt,
        chosen=i_text if is_i_better else j_text,
        rejected=j_text if is_i_better else i_text,
        q=q,
        margin=min(MAX_MARGIN, math.log(q / (1 - q)) if q < 1 else MAX_MARGIN),
        p_tie=verdict.p_tie,
        n_votes=verdict.n_votes,
        weight=weight,
        guideline=guideline,
        split=split,
    )
