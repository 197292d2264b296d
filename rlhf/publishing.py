"""What a finished run left becomes rows: a checkpoint, or completions to rank. Verified first, then all or nothing."""

from collections import defaultdict
from collections.abc import Iterator

from django.db import transaction

from annotate import information, intake, reward_models
from annotate.models import Prompt
from annotate.reward_models import Scored
from annotate.rows import MIN_COMPLETIONS, ComparisonRow, CompletionRow, FieldError, PromptRow
from rlhf import artefacts, runs
from rlhf.contract import records
from rlhf.contract.records import CompletionRecord, FailureReason, ScoreRecord
from rlhf.contract.rundir import BadArtefact, Result, RunDirectory
from rlhf.models import Checkpoint, Run
from rlhf.runs import Claim

LEAVES_WEIGHTS = {
    "pretrain": "base",
    "sft": "sft",
    "reward": "reward",
    "ppo": "policy",
    "dpo": "policy",
    "rloo": "policy",
    "grpo": "policy",
}
"""The kind of checkpoint a stage must leave."""


def publish(run: Run, held: Claim, directory: RunDirectory, result: Result) -> None:
    """Verify what a successful trainer left, store it and close the run; a run whose leavings do not verify fails."""
    try:
        with transaction.atomic():
            made = None
            if kind := _kind_left(run):
                made = artefacts.record_of_run(run, directory.checkpoint, kind=kind)
            if run.stage == "sample":
                _return_completions(run, directory)
            if directory.scores.is_file():
                _bring_scores(run, made, directory, result)
            runs.succeed(held, result)
    except BadArtefact as problem:
        runs.fail(held, FailureReason.BAD_ARTEFACT, message=str(problem), result=result)


def _kind_left(run: Run) -> str | None:
    """The kind of checkpoint that a run must leave; an export's is that of its model."""
    return run.base.kind if run.stage == "export" else LEAVES_WEIGHTS.get(run.stage)


def _bring_scores(run: Run, made: Checkpoint | None, directory: RunDirectory, result: Result) -> None:
    """Set a reward model beside the annotators: its scores of what they rank, and how it learned.

    It is what was trained, what was evaluated, or what scored the sampled completions: then the doubtful come first.
    """
    checkpoint = made or (run.reward_model if run.stage == "sample" else run.base)
    found = records.read_jsonl(directory.scores, ScoreRecord)
    try:
        model = reward_models.record(
            run.project,
            source=f"checkpoint/{checkpoint.pk}",
            name=checkpoint.name,
            scores=(Scored(one.prompt_id, one.completion, one.score) for one in found),
            learning_curve=result.metrics.get("learning_curve"),
        )
    except (ValueError, TypeError, KeyError) as problem:
        raise BadArtefact(f"{directory.scores} cannot be read ({problem!r}).") from problem
    if run.stage == "sample":
        information.order_work(model, source=_source(run))


def _return_completions(run: Run, directory: RunDirectory) -> None:
    """Bring sampled completions back as comparisons to rank; a prompt with fewer than two is left out."""
    if not directory.completions.is_file():
        raise BadArtefact(f"{directory.completions} is missing: the sampler left no completions.")
    try:
        rows = list(_comparison_rows(run, records.read_jsonl(directory.completions, CompletionRecord)))
    except (ValueError, TypeError, KeyError) as problem:
        raise BadArtefact(f"{directory.completions} cannot be read ({problem!r}).") from problem
    if not rows:
        raise BadArtefact(f"{directory.completions} holds no prompt with {MIN_COMPLETIONS} or more completions.")
    try:
        intake.add_comparisons(run.project, rows, source=_source(run))
    except FieldError as problem:
        raise BadArtefact(f"{directory.completions}: {problem}") from None


def _source(run: Run) -> str:
    """Return the name that the comparisons of a run have."""
    return f"run/{run.pk}"


def _comparison_rows(run: Run, found: Iterator[CompletionRecord]) -> Iterator[ComparisonRow]:
    sources = {"base": f"checkpoint/{run.base_id}", "baseline": f"checkpoint/{run.baseline_id}"}
    by_prompt: dict[str, list[CompletionRow]] = defaultdict(list)
    for record in found:
        mine = by_prompt[record.prompt_id]
        mine.append(CompletionRow(chr(ord("a") + len(mine)), record.text, sources[record.model]))
    for prompt in Prompt.objects.filter(project=run.project, external_id__in=by_prompt).order_by("pk"):
        completions = tuple(by_prompt[prompt.external_id])
        if len(completions) >= MIN_COMPLETIONS:
            yield ComparisonRow(f"run-{run.pk}-{prompt.pk}", _row_of(prompt), completions)


def _row_of(prompt: Prompt) -> PromptRow:
    messages = tuple((message["role"], message["content"]) for message in prompt.messages)
    return PromptRow(prompt.external_id, messages, prompt.category, prompt.language)
