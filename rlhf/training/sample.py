"""Completions for a snapshot's prompts by one policy, or by two to be compared; they come back as comparisons to rank.

With a reward model they are scored, and what it cannot tell apart is ranked first.

accelerate launch -m rlhf.training.sample RUN_DIR
"""

import time
from pathlib import Path

from rlhf.contract.config import SampleConfig
from rlhf.contract.records import CompletionRecord, ScoreRecord, write_jsonl
from rlhf.training import data, models, precision, scoring, writers
from rlhf.training.data import TokenisedPrompt
from rlhf.training.run import RunContext, StageOutcome, main
from rlhf.training.writers import Drawing

TRIES = 4
"""How often a completion is drawn again that turned out to be empty."""
SHOWN = 20


class Cancelled(Exception):
    """The run was asked to stop."""


def sample(context: RunContext) -> StageOutcome:
    """Sample completions from the base model and, where there is one, from the baseline."""
    config, inputs = context.spec.config, context.spec.inputs
    assert isinstance(config, SampleConfig)  # noqa: S101  read_spec parsed it for this stage
    tokenizer = models.load_tokenizer(Path(inputs.base))
    if inputs.reward_model:
        models.check_same_tokenizer(Path(inputs.base), Path(inputs.reward_model))
    prompts, left_out = data.prompts(
        Path(inputs.snapshot), tokenizer, split=config.prompts, max_tokens=config.max_prompt_tokens
    )
    prompts = prompts[: config.max_prompts or None]
    data.require(prompts, what=f"prompts ({config.prompts})", left_out=left_out)
    try:
        found = _by_model(context, "base", inputs.base, prompts)
        if inputs.baseline:
            models.check_same_tokenizer(Path(inputs.base), Path(inputs.baseline))
            found += _by_model(context, "baseline", inputs.baseline, prompts)
    except Cancelled:
        return StageOutcome(is_cancelled=True)
    expected = len(prompts) * config.completions_per_prompt * (2 if inputs.baseline else 1)
    _write(context, prompts, [record for record, _ in found])
    scored = _score(context, prompts, [record for record, _ in found]) if inputs.reward_model else {}
    lengths = [length for _, length in found]
    figures = {
        "n_prompts": len(prompts),
        "n_completions": len(found),
        "n_left_out": left_out,
        "n_empty": expected - len(found),
        "length_mean": sum(lengths) / max(len(lengths), 1),
        "eos_rate": sum(record.is_finished for record, _ in found) / max(len(found), 1),
    }
    return StageOutcome(figures | scored)


def _by_model(
    context: RunContext, name: str, directory: str, prompts: list[TokenisedPrompt]
) -> list[tuple[CompletionRecord, int]]:
    """Return each completion of one model with its length in tokens; a completion that stays empty is left out."""
    config = context.spec.config
    assert isinstance(config, SampleConfig)  # noqa: S101
    tokenizer = models.load_tokenizer(Path(directory))
    wanted = [prompt for prompt in prompts for _ in range(config.completions_per_prompt)]
    drawing = Drawing(
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        batch_size=config.batch_size,
        longest_prompt=max(len(prompt.ids) for prompt in prompts),
        seed=config.seed + (name == "baseline"),
        on_step=lambda: _go_on(context),
    )
    found: dict[int, tuple[CompletionRecord, int]] = {}
    started = time.monotonic()
    with writers.writer(Path(directory), tokenizer, drawing) as write:
        for attempt in range(TRIES):
            waiting = [place for place in range(len(wanted)) if place not in found]
            for done, (at, one) in enumerate(write([wanted[place].ids for place in waiting]), start=1):
                text = _storable(tokenizer.decode(one.ids, skip_special_tokens=True))
                if text:
                    record = CompletionRecord(wanted[waiting[at]].record.prompt_id, text, name, one.is_finished)
                    found[waiting[at]] = record, len(one.ids)
                if done % config.batch_size == 0 or done == len(waiting):
                    _report(name, len(found), len(wanted), attempt, time.monotonic() - started)
    return [found[place] for place in sorted(found)]


def _score(context: RunContext, prompts: list[TokenisedPrompt], found: list[CompletionRecord]) -> dict[str, float]:
    """Write what the reward model gives each completion: the app has those ranked first that it cannot tell apart."""
    config, inputs, device = context.spec.config, context.spec.inputs, models.device()
    tokenizer = models.load_tokenizer(Path(inputs.reward_model))
    model = models.load_reward_model(Path(inputs.reward_model)).to(device)
    ids = {prompt.record.prompt_id: prompt.ids for prompt in prompts}
    values = scoring.score(
        model,
        [ids[one.prompt_id] + models.completion_ids(tokenizer, one.text) for one in found],
        pad_id=tokenizer.pad_token_id,
        batch_size=config.batch_size,
        use_bfloat16=precision.choose_bfloat16(device),
        on_batch=context.directory.beat,
    )
    rows = (ScoreRecord(one.prompt_id, one.text, value) for one, value in zip(found, values.tolist(), strict=True))
    write_jsonl(context.directory.scores, rows)
    return {"score_mean": values.mean().item()}


def _storable(text: str) -> str:
    """Return a text without surrounding blanks and NUL characters: no database keeps those, and nobody sees them."""
    return text.replace("\x00", "").strip()


def _go_on(context: RunContext) -> None:
    context.directory.beat()
    if context.directory.is_cancelled():
        raise Cancelled


def _report(name: str, done: int, wanted: int, attempt: int, seconds: float) -> None:
    again = f", empty ones again ({attempt})" if attempt else ""
    print(f"sample: {done}/{wanted} completions by {name} after {seconds:.0f} s{again}", flush=True)


def _write(context: RunContext, prompts: list[TokenisedPrompt], found: list[CompletionRecord]) -> None:
    """Write completions.jsonl whole or not at all, and the first few for the run's page."""
    target = context.directory.completions
    temporary = target.with_name(f".{target.name}.tmp")
    write_jsonl(temporary, found)
    temporary.replace(target)
    said = {prompt.record.prompt_id: prompt.record.messages[-1]["content"] for prompt in prompts}
    for record in found[:SHOWN]:
        row = {"step": 0, "prompt": said[record.prompt_id], "completion": record.text, "model": record.model}
        context.directory.append_sample(row)


if __name__ == "__main__":
    main("sample", sample)
