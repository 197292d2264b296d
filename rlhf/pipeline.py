"""The pipeline as a page shows it: what each stage reads, does, leaves and costs; what each checkpoint comes from."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q

from annotate.models import Project
from rlhf.models import Checkpoint, Run

MOST_CHECKPOINTS = 200
"""Checkpoints shown, the newest; those that they were made from besides."""

DEEPEST = 6
"""Steps to the right that the page draws."""


@dataclass(frozen=True)
class Kind:
    """What a stage does, whoever runs it."""

    stage: str
    reads: str
    algorithm: str
    leaves: str


STAGES = (
    Kind("pretrain", "a corpus of plain text", "next token, AdamW with a cosine (Hugging Face Trainer)", "base model"),
    Kind("sft", "base model, ideal outputs", "next token of the outputs only (TRL SFTTrainer)", "SFT model"),
    Kind(
        "reward", "SFT model, preferences", "Bradley-Terry on soft labels (TRL RewardTrainer, our loss)", "reward model"
    ),
    Kind("ppo", "SFT model, reward model, prompts", "PPO with a KL penalty (our loop)", "policy"),
    Kind("dpo", "SFT model, preferences", "logistic loss on log ratios to the start (TRL DPOTrainer)", "policy"),
    Kind("rloo", "SFT model, reward model, prompts", "REINFORCE, leave-one-out baseline (TRL RLOOTrainer)", "policy"),
    Kind("grpo", "SFT model, reward model, prompts", "clipped surrogate within groups (TRL GRPOTrainer)", "policy"),
    Kind("sample", "a model, prompts", "our decode loop over a KV cache", "completions to rank"),
    Kind("evaluate", "a model, held-out prompts or pairs", "sampling, scoring, log-probs", "figures"),
    Kind("export", "a model", "other precision, other files", "a plain Hugging Face folder"),
)


@dataclass(frozen=True)
class Cost:
    """What a run cost, as its trainer measured; None where it did not (runs from before it was kept, no GPU)."""

    seconds: float | None = None
    cpu_seconds: float | None = None
    gpu_seconds: float | None = None
    memory: int | None = None
    gpu_memory: int | None = None


@dataclass(frozen=True)
class Stage:
    """A stage with what a project has done with it: the newest success and how many runs there were."""

    kind: Kind
    run_count: int
    newest: Run | None
    cost: Cost


@dataclass(frozen=True)
class Step:
    """A checkpoint in its lineage: how deep, from what data, with which models beside its parent, seed and cost."""

    checkpoint: Checkpoint
    depth: int
    seed: int | None
    cost: Cost

    @property
    def indent(self) -> int:
        """How far it is drawn to the right; deep lineages share the last step."""
        return min(self.depth, DEEPEST)

    @property
    def run(self) -> Run | None:
        return self.checkpoint.run


def stages(project: Project) -> list[Stage]:
    """Return every stage in order, with the project's runs of it."""
    of_stage = Run.objects.filter(project=project).order_by().values("stage")
    found = of_stage.annotate(count=Count("pk"), newest=Max("pk", filter=Q(state=Run.State.SUCCEEDED)))
    counted = {row["stage"]: row for row in found}
    newest = Run.objects.in_bulk([row["newest"] for row in counted.values() if row["newest"]])
    return [_stage(kind, counted.get(kind.stage, {}), newest) for kind in STAGES]


def lineage(project: Project) -> list[Step]:
    """Return a project's checkpoints and those they come from, each below what it was made from."""
    known = _known(project)
    children: dict[int | None, list[Checkpoint]] = defaultdict(list)
    for checkpoint in sorted(known.values(), key=lambda one: one.pk):
        children[checkpoint.parent_id].append(checkpoint)
    return list(_below(None, children, depth=0))


def cost_of(run: Run | None) -> Cost:
    """Return what a run cost."""
    result: dict[str, Any] = (run.result if run else None) or {}
    measured = result.get("cost") or {}
    return Cost(
        seconds=measured.get("seconds", result.get("seconds")),
        cpu_seconds=measured.get("cpu_seconds"),
        gpu_seconds=measured.get("gpu_seconds") or None,
        memory=measured.get("peak_memory_bytes"),
        gpu_memory=measured.get("peak_gpu_memory_bytes") or None,
    )


def _stage(kind: Kind, counted: dict[str, Any], newest: dict[int, Run]) -> Stage:
    run = newest.get(counted.get("newest") or 0)
    return Stage(kind, counted.get("count", 0), run, cost_of(run))


def _known(project: Project) -> dict[int, Checkpoint]:
    """Return checkpoints by id: the project's newest and, however far back, those that they were made from."""
    made_by = ("run", "run__snapshot", "run__corpus", "run__reward_model")
    looked_at = Checkpoint.objects.select_related(*made_by)
    known = {one.pk: one for one in looked_at.filter(project=project)[:MOST_CHECKPOINTS]}
    while missing := {one.parent_id for one in known.values() if one.parent_id} - known.keys():
        known |= looked_at.in_bulk(missing)
    return known


def _below(parent: int | None, children: dict[int | None, list[Checkpoint]], *, depth: int) -> Iterator[Step]:
    for checkpoint in children[parent]:
        seed = checkpoint.run.config.get("seed") if checkpoint.run else None
        yield Step(checkpoint, depth, seed, cost_of(checkpoint.run))
        yield from _below(checkpoint.pk, children, depth=depth + 1)
