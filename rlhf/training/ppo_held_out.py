"""Look at a policy from outside: its figures on held-out prompts, and completions that a person can read."""

from collections.abc import Iterator

import torch

from rlhf.training import diversity, parallel, ppo_math
from rlhf.training.data import TokenisedPrompt
from rlhf.training.ppo_setting import Setting

COMPLETIONS = 4
"""Completions a held-out prompt, before and after."""
SHOWN_PROMPTS = 3


@torch.no_grad()
def evaluate(setting: Setting) -> dict[str, float]:
    """Measure fresh completions of the policy on the held-out prompts, with the same seed each time."""
    prompts = [prompt for prompt in setting.held_out for _ in range(COMPLETIONS)]
    size, generator = setting.config.batch_size, torch.Generator().manual_seed(setting.config.seed + 1)
    found: dict[str, list[float]] = {"score": [], "kl": [], "entropy": [], "length": [], "eos_rate": []}
    if setting.watcher:
        found["watched_score"] = []
    texts: list[list[int]] = []
    for part in _parts(prompts, at_most=size):
        generated = setting.generate(part, generator)
        batch = setting.batch(part, generated).own()
        states = setting.policy.trunk_states(batch)
        mine, theirs = setting.policy.outputs(batch, states), setting.policy.reference(batch, states)
        lengths = batch.response_mask.sum(1)
        kl = (ppo_math.kl_k1(mine.logprobs, theirs.logprobs) * batch.response_mask).sum(1)
        scores, entropies = setting.judge.read(batch, states).scores, mine.entropies.sum(1) / lengths
        figures = {"score": scores, "kl": kl, "entropy": entropies, "length": lengths}
        if setting.watcher:
            figures["watched_score"] = setting.watcher.scores(batch, states)
        for name, values in figures.items():
            found[name] += parallel.whole(values, len(part)).tolist()
        found["eos_rate"] += [float(one.is_finished) for one in generated]
        texts += [one.ids for one in generated]
    means = {name: sum(values) / len(values) for name, values in found.items()}
    means |= {"distinct_2": diversity.distinct(texts, 2), "self_bleu": diversity.self_bleu(texts)}
    print("held out: " + "  ".join(f"{name} {value:.3g}" for name, value in means.items()), flush=True)
    return means


def _parts(prompts: list[TokenisedPrompt], *, at_most: int) -> Iterator[list[TokenisedPrompt]]:
    """Yield prompts in parts of about the same length, so that none is too short to be shared between processes."""
    count = -(-len(prompts) // at_most)
    for index in range(count):
        yield prompts[index * len(prompts) // count : (index + 1) * len(prompts) // count]


def show(setting: Setting, *, step: int) -> None:
    """Write completions of the same few prompts to samples.jsonl, so that a person can see them change."""
    prompts = setting.held_out[:SHOWN_PROMPTS]
    generator = torch.Generator().manual_seed(setting.config.seed + 2)
    generated = setting.generate(prompts, generator)
    batch = setting.batch(prompts, generated)
    judged = setting.judge.read(batch, setting.policy.trunk_states(batch))
    outside = _outside(setting, judged.distances, len(prompts))
    for prompt, one, score, is_outside in zip(prompts, generated, judged.scores.tolist(), outside, strict=True):
        text = setting.tokenizer.decode(one.ids, skip_special_tokens=True)
        said = prompt.record.messages[-1]["content"]
        row = {"step": step, "prompt": said, "completion": text, "score": score, "is_outside": is_outside}
        setting.directory.append_sample(row)


def _outside(setting: Setting, distances: torch.Tensor | None, count: int) -> list[bool]:
    """Say of each completion whether it lies where the reward model cannot be trusted; False where that is unknown."""
    trusted = setting.judge.trust
    return [False] * count if trusted is None or distances is None else (distances > trusted.threshold).tolist()
