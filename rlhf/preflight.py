"""Why a button is closed, and whether a filled form can run: the same checks, without torch."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Case, QuerySet, Sum, When

from annotate.models import Project, Task
from annotate.rows import COMPLETION_COUNTS
from rlhf.contract import config as configs
from rlhf.contract import profiles
from rlhf.contract.config import PpoConfig, PretrainConfig, SampleConfig, StageConfig
from rlhf.models import Checkpoint, Corpus, Snapshot

MIN_PAIRS = 20
LEAVE_NOTHING = ("sample", "evaluate")
"""Stages without a checkpoint at their end."""
INPUTS = ("snapshot", "corpus", "base", "reward_model", "baseline", "watcher")
Kind = Checkpoint.Kind
GENERATORS = (Kind.POLICY, Kind.SFT, Kind.BASE)

BASE_KINDS: dict[str, tuple[Kind, ...]] = {
    "pretrain": (Kind.BASE,),
    "sft": (Kind.BASE, Kind.SFT),
    "reward": (Kind.SFT, Kind.BASE),
    "ppo": (Kind.SFT, Kind.POLICY, Kind.BASE),
    "dpo": (Kind.SFT, Kind.POLICY, Kind.BASE),
    "rloo": (Kind.SFT, Kind.POLICY, Kind.BASE),
    "grpo": (Kind.SFT, Kind.POLICY, Kind.BASE),
    "sample": GENERATORS,
    "evaluate": (Kind.REWARD, *GENERATORS),
    "export": (Kind.POLICY, Kind.REWARD, Kind.SFT, Kind.BASE),
}
"""Which kinds of checkpoint a stage starts from, the likeliest first."""

WHAT_TO_DO = {
    "snapshot": "freeze one first",
    "corpus": "bring in plain text first",
    "reward_model": "train one first",
}
"""Where a stage misses something."""


class Refused(Exception):
    """An order that cannot run; `problems` maps a field ("" for all of it) to what is wrong and what to do."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems.values()))


@dataclass(frozen=True)
class RunOrder:
    """What a person asks for: a stage, its config and its inputs."""

    project: Project
    stage: str
    config: StageConfig
    snapshot: Snapshot | None = None
    base: Checkpoint | None = None
    reward_model: Checkpoint | None = None
    baseline: Checkpoint | None = None
    corpus: Corpus | None = None
    watcher: Checkpoint | None = None
    profile: str = profiles.ONE
    queue: str = ""  # empty: the first of RUN_QUEUES

    @property
    def sha256(self) -> str:
        """Of all that decides what the run leaves; where it waits does not."""
        chosen = {name: getattr(self, name) for name in INPUTS}
        said = {name: one.pk if one else None for name, one in chosen.items()}
        said |= {"project": self.project.pk, "stage": self.stage, "profile": self.profile}
        return hashlib.sha256(json.dumps([said, configs.to_json(self.config)], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Candidates:
    """What may be chosen as inputs of a stage, the likeliest first: our own before others', by kind, then by age."""

    snapshot: QuerySet[Snapshot]
    corpus: QuerySet[Corpus]
    base: QuerySet[Checkpoint]
    reward_model: QuerySet[Checkpoint]
    baseline: QuerySet[Checkpoint]
    watcher: QuerySet[Checkpoint]


def takes(stage: str) -> tuple[str, ...]:
    """Return the names of what a stage reads, required or not."""
    return configs.REQUIRED[stage] + configs.OPTIONAL[stage]


def candidates(project: Project, stage: str) -> Candidates:
    """Return what a stage could use: the project's snapshots and corpora, and checkpoints of any project."""
    ours_first = Case(When(project=project, then=0), default=1)
    likeliest_first = Case(*(When(kind=kind, then=at) for at, kind in enumerate(BASE_KINDS[stage])), default=9)
    there = Checkpoint.objects.filter(weights_removed_at=None)
    known, taken = there.order_by(ours_first, likeliest_first, "-pk"), takes(stage)
    return Candidates(
        snapshot=Snapshot.objects.filter(project=project),
        corpus=Corpus.objects.filter(project=project) if "corpus" in taken else Corpus.objects.none(),
        base=known.filter(kind__in=BASE_KINDS[stage]),
        reward_model=known.filter(kind=Kind.REWARD) if "reward_model" in taken else known.none(),
        baseline=known.filter(kind__in=GENERATORS) if "baseline" in taken else known.none(),
        watcher=known.filter(kind=Kind.REWARD) if "watcher" in taken else known.none(),
    )


def closed_reasons(project: Project, stage: str) -> list[str]:
    """Say why a stage cannot be started in a project; an empty list means that it can."""
    found, full = candidates(project, stage), _quota_problem(project, stage)
    reasons = [full] if full else []
    for name in configs.REQUIRED[stage]:
        first = getattr(found, name).first()
        if first is None and name == "base":
            reasons.append(f"No model to start from: expected a checkpoint of kind {' or '.join(BASE_KINDS[stage])}.")
        elif first is None:
            reasons.append(f"No {_words(name)} yet: {WHAT_TO_DO[name]}.")
        elif name == "snapshot" and (problem := SNAPSHOT_CHECKS[stage](first)):
            reasons.append(f"The newest snapshot will not do: {problem}")
    return reasons


def problems(order: RunOrder) -> dict[str, str]:
    """Return what is wrong with an order, by field; an empty dict means that it can run."""
    found = _input_problems(order) | _place_problems(order) | _named("", _quota_problem(order.project, order.stage))
    if order.snapshot and "snapshot" not in found and order.stage != "evaluate":
        found |= _named("snapshot", SNAPSHOT_CHECKS[order.stage](order.snapshot))
    if isinstance(order.config, SampleConfig) and "baseline" not in found:
        found |= _sample_problem(order, order.config.completions_per_prompt)
    if isinstance(order.config, PpoConfig) and not found:
        found |= _language_problem(order, order.config)
    if isinstance(order.config, PretrainConfig) and order.config.weights == "model" and not order.base:
        found["base"] = "choose the model to take further, or set weights to new."
    if order.watcher and order.reward_model and "watcher" not in found:
        found |= _named("watcher", _watcher_problem(order.watcher, order.reward_model))
    if order.stage == "evaluate" and not found:
        found |= _named("snapshot", _nothing_held_out(order))
    return found


def given_settings() -> set[str]:
    """Return which of the settings are given that a profile may need."""
    return {name for name in (profiles.NODES, profiles.VLLM) if getattr(settings, name)}


def _place_problems(order: RunOrder) -> dict[str, str]:
    """Say if a stage cannot be launched as the order says, or no worker is meant to listen where it would wait."""
    known = order.queue in ("", *settings.RUN_QUEUES)
    asked = f"expected one of {', '.join(settings.RUN_QUEUES)} (RUN_QUEUES); got {order.queue[:40]!r}."
    launch = profiles.problem(order.stage, order.profile, given=given_settings())
    found = _named("profile", launch) | _named("queue", "" if known else asked)
    return found | ({} if launch or not profiles.PROFILES[order.profile].is_sharded else _of_shards(order))


def _of_shards(order: RunOrder) -> dict[str, str]:
    """Say what a config asks for that a model in shards cannot do."""
    states = (
        f"expected 0 with the profile {order.profile}: a model in shards is not taken up again on the way, so an "
        "interrupted run begins anew."
    )
    head = f"expected model with the profile {order.profile}: there are shards for what is trained. Choose «one»."
    return _named("checkpoint_every", states if getattr(order.config, "checkpoint_every", 0) else "") | _named(
        "trained", head if getattr(order.config, "trained", "model") == "head" else ""
    )


def _quota_problem(project: Project, stage: str) -> str:
    """Say if a project's checkpoints already have all the bytes that are its own; what is removed counts no more."""
    if not settings.PROJECT_MAX_BYTES or stage in LEAVE_NOTHING:
        return ""
    kept = project.checkpoints.filter(weights_removed_at=None).aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
    if kept < settings.PROJECT_MAX_BYTES:
        return ""
    return (
        f"This project's checkpoints have {kept / 2**30:.2f} GiB, and a project may have "
        f"{settings.PROJECT_MAX_BYTES / 2**30:.2f} GiB (PROJECT_MAX_BYTES). Remove the weights that nobody needs any "
        "more: manage.py retention --keep 3 --apply."
    )


def _watcher_problem(watcher: Checkpoint, judge: Checkpoint) -> str:
    """Say if a watcher learned from comparisons of the reward model that it shall watch; of foreign ones who knows."""
    if watcher.pk == judge.pk:
        return "is the reward model itself. Choose one that learned from the other half of the comparisons."
    runs = [one.run for one in (watcher, judge)]
    if None in runs or runs[0].project_id != runs[1].project_id:
        return ""
    halves = [run.config.get("half", "all") for run in runs]
    if set(halves) == {"a", "b"}:
        return ""
    return (
        f"shares comparisons with the reward model (half {halves[0]} and half {halves[1]}), so it would err with it. "
        "Train one with half a and the other with half b."
    )


def _language_problem(order: RunOrder, config: PpoConfig) -> dict[str, str]:
    """Say if the text that PPO shall mix in is not there, or a corpus is chosen that it would not read."""
    wants_corpus = config.lm_text == "corpus"
    if wants_corpus and order.corpus is None:
        return {"corpus": "No corpus is chosen, and lm_text says corpus: choose one, or take demonstrations."}
    if order.corpus and not wants_corpus:
        return {"corpus": "is not read: set lm_text to corpus and lm_coef above 0, or choose none."}
    if config.lm_coef and not wants_corpus and order.snapshot and not order.snapshot.counts["demonstrations"]:
        return {"lm_coef": "the snapshot has no demonstrations to mix in. Set it to 0, or lm_text to corpus."}
    return {}


def _words(name: str) -> str:
    return "model" if name == "base" else name.replace("_", " ")


def _named(field: str, problem: str) -> dict[str, str]:
    return {field: problem} if problem else {}


def _input_problems(order: RunOrder) -> dict[str, str]:
    """Say which inputs are missing, too many, of another project or of the wrong kind."""
    kinds = {
        "base": BASE_KINDS[order.stage],
        "reward_model": (Kind.REWARD,),
        "baseline": GENERATORS,
        "watcher": (Kind.REWARD,),
    }
    found: dict[str, str] = {}
    for name in INPUTS:
        given: Snapshot | Corpus | Checkpoint | None = getattr(order, name)
        if given is None:
            if name in configs.REQUIRED[order.stage]:
                found[name] = f"No {_words(name)} is chosen: {WHAT_TO_DO.get(name, 'choose one')}."
        elif name not in takes(order.stage):
            found[name] = f"{order.stage} takes no {_words(name)}."
        elif not isinstance(given, Checkpoint):
            found |= _named(name, "" if given.project_id == order.project.pk else "belongs to another project.")
        else:
            found |= _named(name, _checkpoint_problem(order, given, kinds[name]))
    return found


def _checkpoint_problem(order: RunOrder, checkpoint: Checkpoint, kinds: tuple[Kind, ...]) -> str:
    if checkpoint.weights_removed_at:
        return f"has no weights any more: they were removed on {checkpoint.weights_removed_at:%Y-%m-%d}."
    if checkpoint.kind not in kinds:
        return f"expected a checkpoint of kind {' or '.join(kinds)}, got {checkpoint.kind}."
    if order.base and checkpoint.tokenizer_sha256 != order.base.tokenizer_sha256:
        return "has another tokenizer or chat template than the model; its scores would mean nothing."
    return ""


def _sample_problem(order: RunOrder, completions_per_prompt: int) -> dict[str, str]:
    """Say if the comparisons that a run would make do not fit the project's task: its import would refuse them."""
    models = 2 if order.baseline else 1
    low, high = COMPLETION_COUNTS[Task(order.project.task)]
    in_all = completions_per_prompt * models
    if low <= in_all <= high:
        return {}
    wanted = f"exactly {low}" if low == high else f"{low} to {high}"
    given = (
        f"{models} model{'s' if models > 1 else ''} with {completions_per_prompt} each give{'' if models > 1 else 's'}"
    )
    least, most = max(1, -(-low // models)), high // models
    fix = f"Set it to {least}." if least == most else f"Choose {least} to {most}."
    return {
        "completions_per_prompt": f"a comparison in a {order.project.task} project has {wanted} completions; {given} "
        f"{in_all}. {fix}"
    }


def _nothing_held_out(order: RunOrder) -> str:
    needed = "pairs_test" if order.base.kind == Kind.REWARD else "prompts_test"
    return "" if order.snapshot.counts[needed] else f"has no held-out {needed.removesuffix('_test')} to evaluate on."


def _for_sft(snapshot: Snapshot) -> str:
    if snapshot.counts["demonstrations"]:
        return ""
    return "it has no demonstrations; import prompts with ideal outputs, then freeze again."


def _for_pairs(snapshot: Snapshot) -> str:
    pairs, held_out = snapshot.counts["pairs_train"], snapshot.counts["pairs_test"]
    if pairs < MIN_PAIRS:
        too_few = f"it has {pairs} training pairs and it takes at least {MIN_PAIRS}"
        return f"{too_few}; collect rankings, then freeze again."
    if not held_out:
        return "it has no held-out pairs to measure accuracy on; collect rankings on more prompts."
    return _gate_problem(snapshot)


def _gate_problem(snapshot: Snapshot) -> str:
    """Say what the gate found, where nobody has signed that the snapshot may be learned from all the same."""
    if not snapshot.is_held_back:
        return ""
    more = len(snapshot.findings) - 1
    return (
        f"its labels may have been turned: {snapshot.findings[0]['sentence']}"
        f"{f' {more} more of the kind.' if more else ''} Look at {snapshot}: put the annotator in quarantine and "
        "freeze again, or have an admin sign it."
    )


def _for_prompts(snapshot: Snapshot) -> str:
    return "" if snapshot.counts["prompts"] else "it has no prompts; import some, then freeze again."


SNAPSHOT_CHECKS: dict[str, Callable[[Snapshot], str]] = {
    "sft": _for_sft,
    "reward": _for_pairs,
    "ppo": _for_prompts,
    "dpo": _for_pairs,
    "rloo": _for_prompts,
    "grpo": _for_prompts,
    "sample": _for_prompts,
    "evaluate": _for_prompts,
}
