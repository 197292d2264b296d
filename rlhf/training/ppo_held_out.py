"""Look at a policy from outside: its figures on held-out prompts, and completions that a person can read."""

import torch

from rlhf.training import ppo_math
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
    for start in range(0, len(prompts), size):
        part = prompts[start : start + size]
        generated = setting.generate([prompt.ids for prompt in part], generator)
        batch = setting.batch([prompt.ids for prompt in part], [one.ids for one in generated])
        states = setting.policy.trunk_states(batch)
        mine = setting.policy.outputs(batch, states)
        theirs = setting.policy.reference_logprobs(batch, states)
        lengths = batch.response_mask.sum(1)
        found["score"] += setting.score(part, generated).tolist()
        found["kl"] += ppo_math.kl_k1(mine.logprobs, theirs).sum(1).tolist()
        found["entropy"] += (mine.entropies.sum(1) / lengths).tolist()
        found["length"] += lengths.tolist()
        found["eos_rate"] += [float(one.is_finished) for one in generated]
    means = {name: sum(values) / len(values) for name, values in found.items()}
    print("held out: " + "  ".join(f"{name} {value:.3g}" for name, value in means.items()), flush=True)
    return means


def show(setting: Setting, *, step: int) -> None:
    """Write completions of the same few prompts to samples.jsonl, so that a person can see them change."""
    prompts = setting.held_out[:SHOWN_PROMPTS]
    generator = torch.Generator().manual_seed(setting.config.seed + 2)
    generated = setting.generate([prompt.ids for prompt in prompts], generator)
    scores = setting.score(prompts, generated).tolist()
    for prompt, one, score in zip(prompts, generated, scores, strict=True):
        text = setting.tokenizer.decode(one.ids, skip_special_tokens=True)
        said = prompt.record.messages[-1]["content"]
        setting.directory.append_sample({"step": step, "prompt": said, "completion": text, "score": score})
