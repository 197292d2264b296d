"""Rankings → consensus pairs with soft labels, as a stream: the door by which training reads annotation.

What is believed of a pair is in annotate.beliefs. Every pair of completions of a ranked comparison becomes one row,
ties included (their q is near 1/2, which a soft loss uses as it is). Left out, and counted by reason, are pairs of
equal texts, of withdrawn prompts, of gold and training items, and with a completion most annotators flag as unsafe.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.db.models import QuerySet

from annotate.beliefs import POST, SEED, VOTES, Beliefs, Verdict, beliefs, votes
from annotate.counted import of_failed_stays, quarantined, recalled
from annotate.crowd import settings as crowds
from annotate.label_ceiling import ceiling
from annotate.models import Assignment, Comparison, Demonstration, Origin, Project, Prompt, Ranking, Use
from annotate.reconciling import by_reason
from annotate.splits import TEST_RATE, Splits, splits

__all__ = [
    "POST",
    "SEED",
    "TEST_RATE",
    "VOTES",
    "Beliefs",
    "Preference",
    "Splits",
    "Verdict",
    "beliefs",
    "by_reason",
    "ceiling",
    "current_rankings",
    "demonstrations",
    "has_simulated",
    "prompts",
    "splits",
    "stream",
    "votes",
]

MAX_MARGIN = 3.0
TIE_LIKELY = 0.5
DIGITS = 9
"""Of what is exported: beyond them is the rounding of the machine that fitted, which decides no preference."""
BATCH = 500


@dataclass(frozen=True)
class Preference:
    """A consensus pair, the better completion first."""

    prompt: Prompt
    chosen: str
    rejected: str
    q: float  # 0.5..1
    margin: float  # -3..3: the mean strength where it was asked for, else the logit of q
    p_tie: float
    n_votes: int
    n_eff: float
    weight: float
    guideline: int
    split: str


def current_rankings(project: Project) -> QuerySet[Ranking]:
    """Return the rankings that count: each annotator's current one on work; gold, repeats and the unrankable do not."""
    found = Ranking.objects.filter(comparison__project=project, superseded_at__isnull=True, unrankable="")
    return found.filter(assignment__purpose=Assignment.Purpose.WORK)


def has_simulated(project: Project) -> bool:
    """Say whether any ranking that counts is by a simulated annotator: every page that shows one says so."""
    return current_rankings(project).filter(annotator__origin=Origin.SIMULATED).exists()


def stream(project: Project, believed: Beliefs, *, splits: Splits, excluded: Counter[str]) -> Iterator[Preference]:
    """Yield the preferences of a project, prompt by prompt; what is left out is counted in `excluded` by reason.

    The weights of a prompt's pairs sum to 1: a prompt with more completions must not count for more.
    """
    for prompt, comparisons in _by_prompt(project, believed):
        kept = [one for comparison in comparisons for one in _kept_pairs(comparison, believed, excluded)]
        for comparison_id, i_text, j_text, verdict in kept:
            yield _preference(
                prompt,
                i_text,
                j_text,
                verdict,
                weight=1 / len(kept),
                guideline=believed.guidelines.get(comparison_id, 0),
                split=splits.of(prompt),
            )


def prompts(project: Project) -> Iterator[Prompt]:
    """Yield the prompts of a project in the order they came; withdrawn ones are left out."""
    kept = Prompt.objects.filter(project=project, withdrawn_at__isnull=True).order_by("pk")
    yield from kept.iterator(chunk_size=BATCH)


def demonstrations(project: Project) -> Iterator[Demonstration]:
    """Yield the demonstrations of a project in the order they came: but for whom something bars (annotate.counted)."""
    found = (
        Demonstration.objects.filter(
            prompt__project=project, prompt__withdrawn_at__isnull=True, superseded_at__isnull=True
        )
        .select_related("prompt")
        .order_by("pk")
    )
    for barred in (recalled(project), quarantined(project)):
        found = found.exclude(author__in=barred.values("annotator"))
    if crowds.parse(project.crowd).discards_failed_stays:
        found = found.exclude(pk__in=of_failed_stays(found, project, who="author", at="created_at").values("pk"))
    yield from found.iterator(chunk_size=BATCH)


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


def _kept_pairs(
    comparison: Comparison, believed: Beliefs, excluded: Counter[str]
) -> Iterator[tuple[int, str, str, Verdict]]:
    """Yield the pairs of a comparison that become rows: its id, both texts, the verdict."""
    texts = {completion.pk: completion.text for completion in comparison.completions.all()}
    for (i, j), verdict in sorted(believed.verdicts[comparison.pk].items()):
        if comparison.use != Use.WORK:
            excluded[f"of {comparison.use} comparisons"] += 1
        elif comparison.prompt.withdrawn_at:
            excluded["of withdrawn prompts"] += 1
        elif {i, j} & believed.unsafe:
            excluded["flagged as unsafe"] += 1
        elif texts[i].split() == texts[j].split():
            excluded["equal texts"] += 1
        else:
            yield comparison.pk, texts[i], texts[j], verdict


def _preference(
    prompt: Prompt, i_text: str, j_text: str, verdict: Verdict, *, weight: float, guideline: int, split: str
) -> Preference:
    verdict = replace(verdict, q=round(verdict.q, DIGITS))
    is_i_better = verdict.q >= 0.5
    return Preference(
        prompt=prompt,
        chosen=i_text if is_i_better else j_text,
        rejected=j_text if is_i_better else i_text,
        q=max(verdict.q, 1 - verdict.q),
        margin=round(_margin(verdict), DIGITS),
        p_tie=round(verdict.p_tie, DIGITS),
        n_votes=verdict.n_votes,
        n_eff=round(verdict.n_eff, DIGITS),
        weight=weight,
        guideline=guideline,
        split=split,
    )


def _margin(verdict: Verdict) -> float:
    """How much the chosen one is better: as annotators said, or as the logit of q has it, cut at plus and minus 3."""
    if verdict.strength is not None:
        return verdict.strength if verdict.q >= 0.5 else -verdict.strength
    q = max(verdict.q, 1 - verdict.q)
    return min(MAX_MARGIN, math.log(q / (1 - q)) if q < 1 else MAX_MARGIN)
