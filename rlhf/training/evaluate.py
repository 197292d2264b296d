"""What a model is worth on held-out prompts: a reward model's accuracy; a policy's score, KL and diversity.

accelerate launch -m rlhf.training.evaluate RUN_DIR
"""

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from rlhf.contract.config import EvaluateConfig
from rlhf.contract.shares import Z_95
from rlhf.training import (
    data,
    diversity,
    ensemble,
    generation,
    models,
    ppo_math,
    precision,
    reward_report,
    rollout,
    scores,
    scoring,
    trust,
)
from rlhf.training.data import TokenisedPrompt
from rlhf.training.generation import Generated
from rlhf.training.run import RunContext, StageOutcome, main

NGRAMS = (1, 2, 3)


def evaluate(context: RunContext) -> StageOutcome:
    """Evaluate the base checkpoint by its kind."""
    kind = models.manifest_of(Path(context.spec.inputs.base)).get("kind")
    return _reward_model(context) if kind == "reward" else _policy(context)


def _reward_model(context: RunContext) -> StageOutcome:
    config, inputs = context.spec.config, context.spec.inputs
    assert isinstance(config, EvaluateConfig)  # noqa: S101  read_spec parsed it for this stage
    tokenizer = models.load_tokenizer(Path(inputs.base))
    pairs, left_out = data.pairs(Path(inputs.snapshot), tokenizer, split="test", max_length=config.max_length)
    data.require(pairs, what="held-out pairs", left_out=left_out)
    model = models.load_reward_model(Path(inputs.base)).to(models.device())
    options = {
        "pad_id": tokenizer.pad_token_id,
        "batch_size": config.batch_size,
        "on_batch": context.directory.beat,
    }
    found = scoring.pair_accuracy(model, pairs, **options) | reward_report.of_held_out(model, pairs, **options)
    found |= reward_report.of_trust(trust.read(Path(inputs.base), device=models.device()))
    others, _ = data.pairs(Path(inputs.snapshot), tokenizer, split="train", max_length=config.max_length)
    scores.write(context.directory.scores, model, others + pairs, **options)
    return StageOutcome(found | {"n_left_out": left_out})


def _policy(context: RunContext) -> StageOutcome:
    config, inputs, device = context.spec.config, context.spec.inputs, models.device()
    assert isinstance(config, EvaluateConfig)  # noqa: S101
    tokenizer = models.load_tokenizer(Path(inputs.base))
    prompts, left_out = data.prompts(
        Path(inputs.snapshot), tokenizer, split="test", max_tokens=config.max_prompt_tokens
    )
    data.require(prompts, what="held-out prompts", left_out=left_out)
    prompts = [prompt for prompt in prompts for _ in range(config.completions_per_prompt)]
    model = models.load_causal_lm(Path(inputs.base)).to(device)
    use_bfloat16 = precision.choose_bfloat16(device)
    generated = _generate(context, model, tokenizer, prompts, use_bfloat16)
    texts = [one.ids for one in generated]
    figures: dict[str, Any] = {f"distinct_{n}": diversity.distinct(texts, n) for n in NGRAMS}
    figures |= {
        "self_bleu": diversity.self_bleu(texts),
        "repetition": diversity.repetition(texts),
        "length_mean": sum(map(len, texts)) / len(texts),
        "eos_rate": sum(one.is_finished for one in generated) / len(generated),
        "n_prompts": len(prompts) // config.completions_per_prompt,
        "n_completions": len(generated),
        "n_left_out": left_out,
    }
    others: list[Generated] = []
    if inputs.baseline:
        models.check_same_tokenizer(Path(inputs.base), Path(inputs.baseline))
        baseline = models.load_causal_lm(Path(inputs.baseline)).to(device)
        figures["kl"] = _kl(context, model, baseline, tokenizer, prompts, generated, use_bfloat16)
        if inputs.reward_model:
            others = _generate(context, baseline, tokenizer, prompts, use_bfloat16)
    if inputs.reward_model:
        figures |= _scores(context, tokenizer, prompts, generated, others)
    return StageOutcome(figures)


def _generate(
    context: RunContext,
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[TokenisedPrompt],
    use_bfloat16: bool,
) -> list[Generated]:
    config = context.spec.config
    assert isinstance(config, EvaluateConfig)  # noqa: S101
    return generation.generate(
        model,
        tokenizer,
        [prompt.ids for prompt in prompts],
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        batch_size=config.batch_size,
        generator=torch.Generator().manual_seed(config.seed),
        use_bfloat16=use_bfloat16,
        on_batch=context.directory.beat,
    )


def _scores(
    context: RunContext,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[TokenisedPrompt],
    generated: list[Generated],
    others: list[Generated],
) -> dict[str, float]:
    """Return the mean score, the share of completions outside the range of trust, and the win rate over the others.

    A completion wins where it scores higher than the baseline's on the same prompt; equal scores count half. Intervals
    count prompts, not completions, as independent.
    """
    config, directory = context.spec.config, Path(context.spec.inputs.reward_model)
    assert isinstance(config, EvaluateConfig)  # noqa: S101
    models.check_same_tokenizer(Path(context.spec.inputs.base), directory)
    model = models.load_reward_model(directory).to(models.device())
    eos = tokenizer.eos_token_id
    texts = [prompt.ids + one.ended(eos) for prompt, one in zip(prompts, generated, strict=True)]
    options = {
        "pad_id": tokenizer.pad_token_id,
        "batch_size": config.batch_size,
        "on_batch": context.directory.beat,
    }
    scores = scoring.score(model, texts, **options)
    found = _doubts(directory, model, texts, options)
    found |= _by_prompt("score", scores, config.completions_per_prompt)
    if others:
        theirs = [prompt.ids + one.ended(eos) for prompt, one in zip(prompts, others, strict=True)]
        ahead = scores - scoring.score(model, theirs, **options)
        found |= _by_prompt("win_rate", (ahead.sign() + 1) / 2, config.completions_per_prompt)
    return found


def _doubts(
    directory: Path, model: torch.nn.Module, texts: list[list[int]], options: dict[str, Any]
) -> dict[str, float]:
    """Return how far the scores of texts are to be believed: what the reward model knows of itself."""
    cpu = torch.device("cpu")
    trusted, heads = trust.read(directory, device=cpu), ensemble.read(directory, device=cpu)
    if trusted is None and heads is None:
        return {}
    states = reward_report.last_states(model, [tuple(text) for text in texts], **options)
    found = {"outside_rate": trusted.outside_rate(trusted.distances(states))} if trusted else {}
    return found | ({"uncertainty": heads.spread(states).mean().item()} if heads else {})


def _by_prompt(name: str, values: torch.Tensor, per_prompt: int) -> dict[str, float]:
    """Return the mean of values (N,) and its 95 % interval, prompts being independent; none for a single prompt."""
    of_prompts = values.view(-1, per_prompt).mean(1)
    mean = of_prompts.mean().item()
    if len(of_prompts) < 2:
        return {f"{name}_mean": mean}
    half = Z_95 * (of_prompts.std() / len(of_prompts) ** 0.5).item()
    return {f"{name}_mean": mean, f"{name}_low": mean - half, f"{name}_high": mean + half}


@torch.no_grad()
def _kl(
    context: RunContext,
    model: torch.nn.Module,
    baseline: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[TokenisedPrompt],
    generated: list[Generated],
    use_bfloat16: bool,
) -> float:
    """Return the mean KL to the baseline in nats per completion, on the policy's own completions."""
    config = context.spec.config
    assert isinstance(config, EvaluateConfig)  # noqa: S101
    total = 0.0
    for start in range(0, len(prompts), config.batch_size):
        rows = slice(start, start + config.batch_size)
        batch = rollout.batch_of(
            [prompt.ids for prompt in prompts[rows]],
            [one.ids for one in generated[rows]],
            pad_id=tokenizer.pad_token_id,
            device=models.device(),
        )
        options = {"temperature": config.temperature, "use_bfloat16": use_bfloat16}
        mine, theirs = (rollout.response_statistics(m, batch, **options).logprobs for m in (model, baseline))
        total += ppo_math.kl_k1(mine, theirs).sum().item()
        context.directory.beat()
    return total / len(prompts)


if __name__ == "__main__":
    main("evaluate", evaluate)
