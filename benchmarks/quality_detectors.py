"""Whom the detectors find, whom they accuse without cause, and what a million votes cost.

Bad annotators of the simulated worlds are those whose kind is not «honest»; AUC is that of the risk that orders the
list. The library's figure is the better of crowd-kit's Dawid-Skene and its agreement with the majority (Wawa).
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, Wawa
from scipy.stats import rankdata

from annotate.quality.detectors.crowd import crowd_of
from annotate.quality.detectors.fatigue import findings as fatigue_findings
from annotate.quality.findings import Judged, Judgement
from annotate.quality.judgement import judge
from annotate.quality.work import Completions, Work, bare
from benchmarks.crowd_worlds import World, binary_votes, ranking_votes, world
from benchmarks.measuring import Row, at_least, at_most, cost

PART = "detectors"
C_SEEDS, A_SEEDS = 5, 3
WORDS_A_TOKEN = 0.75
SESSION_SECONDS, DAY = 1_800.0, 86_400.0
HONEST = 0


def rows(seed: int) -> Iterator[Row]:
    spent = cost(judge_million, seed=seed)
    what = "all detectors, 1,000,000 votes of 1,000 annotators"
    yield Row(PART, what, spent.cpu_seconds, "", None, at_most(5.0), "CPU s")
    yield Row(PART, what, spent.megabytes, "", None, None, "MB")
    yield from _world("c", range(seed, seed + C_SEEDS), "world C, 30 rankings a person", at_least(0.93))
    yield from _world("a", range(seed, seed + A_SEEDS), "world A", at_least(0.99))
    yield _honest_crowd(seed)
    yield _tired(seed)


def judge_million(seed: int) -> Callable[[], object]:
    """World B with texts, times and guidelines drawn for it, so that every detector has work."""
    work, rng = bare(binary_votes(world("b", seed=seed))), np.random.default_rng(seed)
    n, ids = len(work.votes.ranking_ids), np.arange(2 * len(work.votes.units.i))
    ready = work._replace(
        seconds=rng.lognormal(4, 0.5, n),
        at=np.sort(rng.uniform(0, 120 * DAY, n)),
        words=rng.lognormal(5, 0.5, n),
        guideline=np.repeat([1, 2], [n // 2, n - n // 2]),
        completions=Completions(ids, ids, rng.lognormal(5, 0.5, len(ids)), rng.poisson(1, (len(ids), 3)).astype(float)),
    )
    return lambda: len(judge(ready).annotators)


def ranked_work(drawn: World) -> Work:
    """World A or C with its times and lengths; submissions in order, in sessions of half an hour a day."""
    votes, n = ranking_votes(drawn), len(drawn["prompt"])
    tokens = drawn["length"].astype(np.float64)
    ids = np.arange(tokens.size)
    day, within = np.divmod(drawn.get("seq", np.arange(n)) / n * 60, 1.0)
    words = WORDS_A_TOKEN * tokens.ravel()
    return bare(votes)._replace(
        seconds=drawn["secs"].astype(np.float64),
        at=day * DAY + within * SESSION_SECONDS if "seq" in drawn else np.full(n, np.nan),
        words=WORDS_A_TOKEN * tokens.sum(axis=1)[drawn["prompt"]],
        completions=Completions(ids, ids, words, np.zeros((len(ids), 3))),
    )


def _world(name: str, seeds: range, title: str, goal) -> Iterator[Row]:
    ours, theirs, failed, accused = [], [], [], []
    for seed in seeds:
        drawn = world(name, seed=seed)
        work = ranked_work(drawn)
        found, is_bad = judge(work), drawn["kind"] != HONEST
        ours.append(_auc(_risk(found), is_bad))
        theirs.append(max(_auc(-skill, is_bad) for skill in _library_skills(work, len(is_bad))))
        fails = _fails(found, len(is_bad))
        failed.append(fails[is_bad].mean())
        accused.append(fails[~is_bad].mean())
    what = f"{title}, mean of {len(seeds)} seeds"
    yield Row(PART, f"{what}: AUC of bad annotators", _mean(ours), "crowd-kit", _mean(theirs), goal, "")
    yield Row(PART, f"{title}: AUC of the worst seed", min(ours), "crowd-kit", min(theirs), None, "")
    yield Row(PART, f"{title}: share of the bad whose verdict is fail", _mean(failed), "", None, None, "")
    yield Row(PART, f"{title}: share of the honest whose verdict is fail", _mean(accused), "", None, at_most(0.01), "")


def _honest_crowd(seed: int) -> Row:
    """World A without its bad annotators."""
    drawn = world("a", seed=seed)
    kept = drawn["kind"][drawn["annotator"]] == HONEST
    own = {name: column[kept] for name, column in drawn.items() if len(column) == len(kept)}
    found = judge(ranked_work({**own, "length": drawn["length"]}))
    accused = _mean([one.verdict == Judged.FAIL for one in found.annotators])
    return Row(PART, "a crowd of honest annotators: share whose verdict is fail", accused, "", None, at_most(0.01), "")


def _tired(seed: int) -> Row:
    """World A: honest people whose noise grows threefold in a session."""
    drawn = world("a", seed=seed)
    crowd = crowd_of(ranked_work(drawn))
    z = np.array([finding.z if finding.z is not None else np.nan for finding in fatigue_findings(crowd)[0]])
    ids = crowd.work.votes.annotator_ids
    known = np.isfinite(z) & (drawn["kind"][ids] == HONEST)
    value = _auc(z[known], drawn["fatigue"][ids][known])
    return Row(PART, "world A: AUC of annotators who tire", value, "", None, None, "")


def _risk(found: Judgement) -> np.ndarray:
    by_id = {one.annotator: one.risk or 0.0 for one in found.annotators}
    return np.array([by_id[annotator] for annotator in sorted(by_id)])


def _fails(found: Judgement, n: int) -> np.ndarray:
    fails = np.zeros(n, dtype=bool)
    fails[[one.annotator for one in found.annotators if one.verdict == Judged.FAIL]] = True
    return fails


def _library_skills(work: Work, n: int) -> Iterator[np.ndarray]:
    """What crowd-kit says of each annotator, from the votes on pairs."""
    votes = work.votes
    columns = {"task": votes.unit, "worker": votes.annotator, "label": votes.relation}
    table = pd.DataFrame(columns)
    yield Wawa().fit(table).skills_.reindex(range(n)).fillna(0.0).to_numpy()
    errors = DawidSkene(n_iter=20).fit(table).errors_
    right = [errors.xs(label, level="label")[label] for label in (-1, 1)]
    yield ((right[0] + right[1]) / 2).reindex(range(n)).fillna(0.5).to_numpy()


def _auc(score: np.ndarray, is_bad: np.ndarray) -> float:
    """The chance that a bad annotator stands above an honest one (Mann-Whitney)."""
    n_bad, n_good = int(is_bad.sum()), int((~is_bad).sum())
    return float((rankdata(score)[is_bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def _mean(values: list) -> float:
    return float(np.mean(values))
