"""What is believed of each ranked pair of a project: the joint model's word on the votes, or a staff ruling.

The counted ranking of an annotator on a comparison is their current one; annotate.counted says which are left out.
Reads only.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from django.utils.module_loading import import_string
from scipy.sparse import csr_matrix

from annotate import questions
from annotate.counted import Said, counted
from annotate.models import Adjudication, Completion, Origin, Project, Task
from annotate.quality.pair_design import pair_design
from annotate.quality.ranking import PairVotes, pair_votes, ranked_completions

SEED = 0
"""Of the rankings that the model holds out to check its calibration."""

VOTES, POST = "votes", "post"
"""What a label rests on: the votes alone, or also on which models wrote the two completions."""

RULING_Q = 0.98
"""P(chosen is better) of a pair decided by a staff ruling: certain, short of an infinite margin."""

UNSAFE_ABOVE = 0.5

Tiers = list[list[int]]


@dataclass(frozen=True)
class Verdict:
    """What is believed of a pair (i, j) of completions: P(i is better), P(tie), and from how many votes.

    `n_eff`: how many equally good annotators the votes are worth. `strength`: the mean of what was said of how much i
    is better, -3 to 3; None where nobody was asked.
    """

    q: float
    p_tie: float
    n_votes: int
    n_eff: float
    strength: float | None = None


@dataclass(frozen=True)
class Beliefs:
    """The verdicts on every ranked pair of a project, and what they rest on."""

    verdicts: dict[int, dict[tuple[int, int], Verdict]]  # comparison → (i, j), i < j → verdict
    guidelines: dict[int, int]  # comparison → the newest guideline version its rankings were made under
    unsafe: frozenset[int]  # completions that are likely unsafe, by their flags
    ranking_count: int
    ruling_count: int
    has_simulated: bool
    left_out: Counter[str]  # current rankings that make no label, by reason
    fit_id: str  # of the model and what it said: the same votes give the same
    votes: PairVotes  # that the verdicts rest on

    @property
    def pair_count(self) -> int:
        return sum(map(len, self.verdicts.values()))


@dataclass
class _Gathered:
    """What is learned of a project's rankings on the way to the model."""

    guidelines: dict[int, int] = field(default_factory=dict)
    strengths: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))  # toward the lower id
    flagged: Counter[tuple[int, int]] = field(default_factory=Counter)  # (comparison, completion) → who flag it unsafe
    asked: Counter[int] = field(default_factory=Counter)  # comparison → annotators who were asked
    ranking_count: int = 0
    has_simulated: bool = False


def votes(project: Project) -> PairVotes:
    """Return every pair vote that counts for a project's labels, for annotate.quality."""
    return _votes(project, _Gathered(), Counter())


def beliefs(project: Project, *, label: str = VOTES) -> Beliefs:
    """Return what the votes and rulings of a project say of each pair.

    With the label "votes" nothing else is known of a pair; "post" takes into account which models wrote its completions
    and how those fare elsewhere: sharper, and not for comparing models, for each would be judged by its name.
    """
    gathered, left_out = _Gathered(), Counter()
    found = _votes(project, gathered, left_out)
    verdicts, fit_id = _consensus(project, found, gathered, label=label)
    rulings = Adjudication.objects.filter(comparison__project=project, superseded_at__isnull=True)
    for comparison, tiers in rulings.values_list("comparison_id", "tiers"):
        verdicts[comparison] = _ruled(tiers)
    return Beliefs(
        verdicts=verdicts,
        guidelines=gathered.guidelines,
        unsafe=_unsafe(gathered),
        ranking_count=gathered.ranking_count,
        ruling_count=rulings.count(),
        has_simulated=gathered.has_simulated,
        left_out=left_out,
        fit_id=fit_id,
        votes=found,
    )


def _votes(project: Project, gathered: _Gathered, left_out: Counter[str]) -> PairVotes:
    """Read the rankings that count once, as votes; what else they say is gathered on the way."""
    safety = {flag.key for flag in questions.parse(project.questions).flags} & questions.SAFETY
    said = _gathering(counted(project, left_out), gathered, safety=safety, is_pairwise=project.task == Task.PAIRWISE)
    return pair_votes(ranked_completions(one.row for one in said if not one.unrankable))


def _gathering(found: Iterable[Said], gathered: _Gathered, *, safety: set[str], is_pairwise: bool) -> Iterator[Said]:
    for said in found:
        comparison = said.row.comparison
        if safety:
            gathered.asked[comparison] += 1
            flags = said.details.get("flags", {})
            gathered.flagged.update((comparison, int(pk)) for pk, keys in flags.items() if safety.intersection(keys))
        if not said.unrankable:
            gathered.ranking_count += 1
            gathered.has_simulated |= said.origin == Origin.SIMULATED
            gathered.guidelines[comparison] = max(said.guideline, gathered.guidelines.get(comparison, 0))
            if is_pairwise and said.strength is not None:
                gathered.strengths[comparison].append(_toward_lower_id(said))
        yield said


def _toward_lower_id(said: Said) -> int:
    """How much the completion with the lower id is better, -3 to 3."""
    best = said.row.tiers[0]
    return said.strength if min(best) == min(pk for tier in said.row.tiers for pk in tier) else -said.strength


def _unsafe(gathered: _Gathered) -> frozenset[int]:
    """Completions that more than half of those who were asked flagged as unsafe.

    That is where the posterior mean of the flag passes 1/2, under a prior that is even.
    """
    asked = gathered.asked
    likely = (key for key, n in gathered.flagged.items() if (n + 1) / (asked[key[0]] + 2) > UNSAFE_ABOVE)
    return frozenset(completion for _, completion in likely)


def _consensus(
    project: Project, found: PairVotes, gathered: _Gathered, *, label: str
) -> tuple[dict[int, dict[tuple[int, int], Verdict]], str]:
    """Return the verdicts by comparison, and the id of the fit."""
    fit = import_string("annotate.quality.consensus.fit")  # with scipy.optimize: only where it is used
    fitted = fit(found, design=_systems(project, found) if label == POST else None, seed=SEED)
    units = found.units
    verdicts: dict[int, dict[tuple[int, int], Verdict]] = defaultdict(dict)
    q = fitted.q_post if label == POST else fitted.q_votes
    columns = (units.comparison_ids[units.comparison], units.i, units.j, q, fitted.p_tie, fitted.n_votes)
    for comparison, i, j, *said in zip(*(column.tolist() for column in (*columns, fitted.n_eff)), strict=True):
        strengths = gathered.strengths.get(comparison)
        verdicts[comparison][i, j] = Verdict(*said, sum(strengths) / len(strengths) if strengths else None)
    digest = hashlib.sha256()
    for column in (*columns, fitted.n_eff):
        digest.update(np.ascontiguousarray(column).tobytes())
    return verdicts, digest.hexdigest()[:16]


def _systems(project: Project, found: PairVotes) -> csr_matrix:
    """The design of the pairs: which models wrote the two; those that are not named are one."""
    wrote = dict(Completion.objects.filter(comparison__project=project).values_list("pk", "source"))
    code = {source: number for number, source in enumerate(sorted(set(wrote.values()) - {""}))}
    i, j = (np.array([code.get(wrote[pk], -1) for pk in side.tolist()], dtype=np.int64) for side in found.units[2:4])
    return pair_design(i, j)


def _ruled(tiers: Tiers) -> dict[tuple[int, int], Verdict]:
    """Return the verdicts of a staff ruling on each pair."""
    tier_of = {completion: rank for rank, tier in enumerate(tiers) for completion in tier}
    verdicts = {}
    for i, j in combinations(sorted(tier_of), 2):
        gap = tier_of[j] - tier_of[i]
        q = 0.5 if gap == 0 else RULING_Q if gap > 0 else 1 - RULING_Q
        verdicts[i, j] = Verdict(q, float(gap == 0), n_votes=1, n_eff=1.0)
    return verdicts
