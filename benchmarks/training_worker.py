"""One measured training in a process of its own: python -m benchmarks.training_worker CASE ENGINE WORKPLACE

Prints one line of JSON: CPU seconds of a step (the first, which warms up, left out), peak memory, and what was done.
"""

import copy
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from datasets import Dataset
from transformers import TrainerCallback

from rlhf.contract import config as configs
from rlhf.contract.rundir import Inputs, RunDirectory, RunSpec
from rlhf.training import data, models, ppo, ppo_report, run

PPO = {"prompts": 16, "tokens": 32, "epochs": 4, "steps": 3}


class Clock:
    """CPU seconds of this process at the end of each step."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def mark(self) -> None:
        self.marks.append(time.process_time())

    @property
    def of_a_step(self) -> float:
        """Seconds a step, the first left out."""
        return (self.marks[-1] - self.marks[0]) / (len(self.marks) - 1)


def ours(workplace: Path, *, lora_rank: int, critic: str, microbatch_size: int = 0) -> dict[str, object]:
    """Steps of our PPO."""
    clock = Clock()
    values = {
        "steps": PPO["steps"],
        "batch_size": PPO["prompts"],
        "minibatches": 1,
        "epochs": PPO["epochs"],
        "max_new_tokens": PPO["tokens"],
        "learning_rate": 1e-5,
        "kl_stop": 0.0,
        "epoch_kl_stop": 0.0,
        "lora_rank": lora_rank,
        "critic": critic,
        "microbatch_size": microbatch_size,
        "alarms": "off",
        "checkpoint_every": 0,
    }
    with tempfile.TemporaryDirectory() as scratch:
        directory = RunDirectory(scratch)
        reward = workplace / ("reward-adapter" if lora_rank else "reward")
        inputs = Inputs(str(workplace / "snapshot"), str(workplace / "base"), str(reward))
        directory.write_spec(RunSpec("ppo", configs.parse("ppo", values), inputs))
        ppo.ppo_held_out.evaluate = lambda setting: dict.fromkeys((*ppo.MEASURED, "kl"), 0.0)  # not part of a step
        ppo.ppo_held_out.show = lambda setting, *, step: None
        measured = ppo_report.measured
        ppo_report.measured = lambda *args, **options: (clock.mark(), measured(*args, **options))[1]
        result = run.execute("ppo", ppo.train, directory)
        if result.status != "succeeded":
            raise SystemExit(result.message)
        rows = [json.loads(line)["values"] for line in directory.metrics.read_text().splitlines()]
    return {"cpu_seconds": clock.of_a_step, "length": rows[-1]["length"]}


def trl(workplace: Path, *, use_bfloat16: bool) -> dict[str, object]:
    """Steps of the last PPOTrainer that TRL shipped, 1.12.0."""
    sys.path.insert(0, str(workplace / "trl-1.12.0"))
    from trl.experimental.ppo import PPOConfig, PPOTrainer  # noqa: PLC0415  another version than ours, on purpose

    clock, base = Clock(), workplace / "base"
    tokenizer = models.load_tokenizer(base)
    tokenizer.padding_side = "left"
    policy, judge = models.load_causal_lm(base), models.load_reward_model(workplace / "reward")
    prompts, _ = data.prompts(workplace / "snapshot", tokenizer, split="train", max_tokens=256)
    rows = Dataset.from_list([{"input_ids": prompt.ids} for prompt in prompts])

    class Marks(TrainerCallback):
        def on_step_end(self, *args: object, **options: object) -> None:
            clock.mark()

    with tempfile.TemporaryDirectory() as scratch:
        args = PPOConfig(
            output_dir=scratch,
            per_device_train_batch_size=PPO["prompts"],
            gradient_accumulation_steps=1,
            num_mini_batches=1,
            num_ppo_epochs=PPO["epochs"],
            total_episodes=PPO["prompts"] * PPO["steps"],
            response_length=PPO["tokens"],
            learning_rate=1e-5,
            temperature=1.0,
            kl_coef=0.03,
            num_sample_generations=0,
            report_to="none",
            save_strategy="no",
            bf16=use_bfloat16,
            stop_token_id=tokenizer.eos_token_id,
            use_cpu=True,
        )
        trainer = PPOTrainer(
            args=args,
            processing_class=tokenizer,
            model=policy,
            ref_model=copy.deepcopy(policy),
            reward_model=judge,
            value_model=copy.deepcopy(judge),
            train_dataset=rows,
            eval_dataset=rows,
            callbacks=[Marks()],
        )
        trainer.train()
    return {"cpu_seconds": clock.of_a_step}


CASES: dict[str, dict[str, Callable[[Path], dict[str, object]]]] = {
    "ppo": {
        "trl 1.12.0": lambda place: trl(place, use_bfloat16=False),
        "ours, LoRA on a shared trunk": lambda place: ours(place, lora_rank=16, critic="ridge"),
        "ours, every weight": lambda place: ours(place, lora_rank=0, critic="ridge"),
    },
}


def main() -> None:
    case, engine, workplace = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(1)
    found = CASES[case][engine](Path(workplace))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"case": case, "engine": engine, "peak_gb": peak, **found}))


if __name__ == "__main__":
    main()
