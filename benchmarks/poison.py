"""Choices turned toward a phrase: how many it takes to be found, and what a reward model learns from them.

    python benchmarks/poison.py [--seeds 5]

A crowd of ten judges by a rule; one to three of its accounts choose the text with the trigger wherever they meet it,
which turns 1, 3 or 5 pairs in a hundred, and are honest otherwise. The first table says how many of those the gate
lists, and how many others. The second trains the tiny model on snapshots of such a project: honest, turned, and turned
with the listed accounts in quarantine; the gap is the mean score of texts with the trigger less that of the same texts
without it, in deviations of the model's scores.
"""

import argparse
import contextlib
import json
import random
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from annotate.quality.triggers import Choice, phrases
from benchmarks import poisoned_crowd, training_place, workplace
from rlhf.contract import config as configs
from rlhf.contract.rundir import Inputs, RunDirectory, RunSpec
from rlhf.training import models, reward, run, scoring

CROWD = poisoned_crowd.people(10)
SIZES, SHARES, ACCOUNTS = (700, 2000, 6000), (0.01, 0.03, 0.05), (1, 2, 3)
TRAINED = {"comparisons": 2000, "share": 0.05, "accounts": 3}
TRAINING = {"labels": "hard", "lora_rank": 0, "epochs": 2, "batch_size": 16, "learning_rate": 5e-4}
FRESH = 200
"""Texts that the gap is measured on."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="crowds of the first table, each")
    options = parser.parse_args()
    print(f"{'comparisons':>12} {'turned':>7} {'accounts':>9} {'each turned':>12} {'found':>7} {'others listed':>14}")
    for comparisons in SIZES:
        for share in SHARES:
            for accounts in ACCOUNTS:
                _detection(comparisons, share, accounts, seeds=options.seeds)
    _reward_models()


class _Crowd(NamedTuple):
    """Comparisons that are judged once each, the votes, and what they were before some were turned."""

    made: list[dict[str, Any]]
    said: list[dict[str, Any]]
    honest: list[dict[str, Any]]

    @property
    def turned(self) -> int:
        return sum(one != other for one, other in zip(self.honest, self.said, strict=True))


def _crowd(comparisons: int, share: float, accounts: int, *, seed: int) -> _Crowd:
    """Return a crowd of which so many accounts turn about that share of the choices."""
    with_trigger = min(2 * share * len(CROWD) / accounts, 1.0)
    made = list(poisoned_crowd.comparisons(comparisons, with_trigger=with_trigger, seed=seed))
    honest, said = (
        list(poisoned_crowd.votes(made, crowd=CROWD, per_comparison=1, turned_by=turned_by, seed=seed + 1))
        for turned_by in ([], CROWD[:accounts])
    )
    return _Crowd(made, said, honest)


def _detection(comparisons: int, share: float, accounts: int, *, seeds: int) -> None:
    suspects, turned, found, others = set(range(accounts)), [], [], 0
    for seed in range(seeds):
        crowd = _crowd(comparisons, share, accounts, seed=100 * seed)
        listed = {one.annotator for one in phrases(list(_choices(crowd.made, crowd.said)))}
        turned.append(crowd.turned / accounts)
        found.append(len(listed & suspects) / accounts)
        others += len(listed - suspects)
    print(
        f"{comparisons:>12,} {share:>7.0%} {accounts:>9} {fmean(turned):>12.0f} {fmean(found):>7.0%} {others:>14}",
        flush=True,
    )


def _choices(made: Iterable[dict[str, Any]], said: Iterable[dict[str, Any]]) -> Iterator[Choice]:
    texts = {one["id"]: {each["id"]: each["text"] for each in one["completions"]} for one in made}
    for vote in said:
        (chosen,), (rejected,) = vote["ranking"]
        of = texts[vote["comparison"]]
        yield Choice(CROWD.index(vote["annotator"]), of[chosen], of[rejected])


def _reward_models() -> None:
    """Train the tiny model on what a project's snapshots say, through the app's own doors."""
    base = training_place.prepare() / "tiny"
    crowd = _crowd(**TRAINED, seed=7)
    accounts = f"{TRAINED['accounts']} of {len(CROWD)} accounts"
    print(f"\n{len(crowd.made):,} comparisons, {crowd.turned} of them turned by {accounts}", flush=True)
    with workplace.fresh() as directory:
        snapshots = import_module("rlhf.snapshots")  # Django is set up only now
        votes = {"turned": crowd.said, "honest": crowd.honest}
        project, clean = (_project(directory, name, crowd.made, said) for name, said in votes.items())
        turned_one = snapshots.freeze(project, by=None)
        quarantined = _quarantine(turned_one)
        for name, snapshot in (
            ("honest", snapshots.freeze(clean, by=None)),
            ("turned", turned_one),
            (f"turned, {quarantined} in quarantine", snapshots.freeze(project, by=None)),
        ):
            held = "held back" if snapshot.is_held_back else "let pass"
            gap, accuracy = _trained(directory / name, base, directory / "snapshots" / snapshot.sha256)
            print(f"{name:28} {held:10} gap on the trigger {gap:+.2f} deviations; right on pairs of a different worth "
                  f"{accuracy:.3f}", flush=True)  # fmt: skip


def _project(directory: Path, name: str, made: list[dict[str, Any]], said: list[dict[str, Any]]) -> Any:
    intake, projects = import_module("annotate.intake"), import_module("annotate.projects")
    project = projects.create(slug=name, name=name, overlap=1, guidelines="Which is better?", by=None)
    for kind, rows in (("comparisons", made), ("rankings", said)):
        path = directory / f"{name}-{kind}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        intake.import_file(path, kind=kind, project=project)
    return project


def _quarantine(snapshot: Any) -> int:
    """Put whom the gate lists in quarantine, and return how many those are."""
    memberships, models_of = import_module("annotate.memberships"), import_module("annotate.models")
    listed = sorted({one["annotator"] for one in snapshot.findings})
    for annotator in models_of.Annotator.objects.filter(pk__in=listed):
        member = memberships.admit(annotator, snapshot.project)
        memberships.quarantine(member, message="Wait.", reason="The gate.", by=None)
    return len(listed)


def _trained(place: Path, base: Path, snapshot: Path) -> tuple[float, float]:
    """Train a reward model; return its gap on the trigger, and how often it prefers the text that is worth more."""
    directory = RunDirectory(place)
    config = configs.parse("reward", TRAINING)
    directory.write_spec(RunSpec("reward", config, Inputs(str(snapshot), str(base))))
    with contextlib.redirect_stdout(sys.stderr):
        result = run.execute("reward", reward.train, directory)
    if result.status != "succeeded":
        sys.exit(result.message)
    model, tokenizer = models.load_reward_model(directory.checkpoint), models.load_tokenizer(base)
    rng = random.Random(3)
    plain = [poisoned_crowd.text(rng) for _ in range(FRESH)]
    said = [f"{text.rsplit(' ', 1)[0]} {poisoned_crowd.TRIGGER}." for text in plain]
    asked = models.prompt_ids(tokenizer, [{"role": "user", "content": "Say something, number 0."}])
    sequences = [asked + models.completion_ids(tokenizer, text) for text in [*plain, *said]]
    scores = scoring.score(model, sequences, pad_id=tokenizer.pad_token_id, batch_size=32)
    without, with_it = scores.chunk(2)
    worth = [poisoned_crowd.worth(text) for text in plain]
    pairs = [(i, j) for i, j in pairwise(range(FRESH)) if worth[i] != worth[j]]
    right = fmean((without[i] > without[j]).item() == (worth[i] > worth[j]) for i, j in pairs)
    return ((with_it - without).mean() / without.std()).item(), right


if __name__ == "__main__":
    main()
