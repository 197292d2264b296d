"""PPO by us and by TRL 1.12.0 over the same prompts: what a step costs, and the policy it leads to."""

import copy
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from datasets import Dataset
from torch import nn
from transformers import PreTrainedModel, TrainerCallback

from benchmarks import training_place
from benchmarks.equal_kl import Step
from rlhf.contract import config as configs
from rlhf.contract.rundir import Inputs, RunDirectory, RunSpec
from rlhf.training import data, judge, models, ppo, ppo_report, precision, run
from rlhf.training.judge import Judge

MOST_PROMPT_TOKENS = 256


@dataclass(frozen=True)
class Work:
    """What both are asked to do."""

    base: str  # a directory of the place
    steps: int
    batch_size: int
    minibatches: int
    epochs: int
    max_new_tokens: int
    learning_rate: float
    kl_coef: float
    missing_eos_penalty: float = 1.0


STEP = Work("base", 3, 16, 1, 4, 32, learning_rate=1e-5, kl_coef=0.03)


@dataclass
class Done:
    """CPU seconds at the beginning and after each step, what each step saw, and the policy."""

    marks: list[float]
    seen: list[tuple[float, float]]  # score and KL
    policy: PreTrainedModel

    @property
    def steps(self) -> list[Step]:
        return [Step(mark - self.marks[0], *seen) for mark, seen in zip(self.marks[1:], self.seen, strict=True)]

    @property
    def of_a_step(self) -> float:
        """CPU seconds a step, the first, which warms up, left out."""
        return (self.marks[-1] - self.marks[1]) / (len(self.marks) - 2)

    @property
    def in_all(self) -> float:
        return self.marks[-1] - self.marks[0]


def trl_step(place: Path, seed: int) -> dict[str, float]:
    """One step of TRL as it ships."""
    judge = models.load_reward_model(training_place.reward_of(place, STEP.base))
    return {"cpu_seconds": trl(place, replace(STEP, steps=2), seed=seed, reward_model=judge).of_a_step}


def lora_step(place: Path, seed: int) -> dict[str, float]:
    """One step with LoRA adapters on a trunk that policy, reference and reward model share."""
    return {"cpu_seconds": ours(place, STEP, seed=seed, lora_rank=16).of_a_step}


def plain_lora_step(place: Path, seed: int) -> dict[str, float]:
    """The same in float32, as TRL computes."""
    with mock.patch.object(precision, "choose_bfloat16", lambda device: False):
        return lora_step(place, seed)


def full_step(place: Path, seed: int) -> dict[str, float]:
    """One step in which every weight of the policy is trained."""
    return {"cpu_seconds": ours(place, STEP, seed=seed, lora_rank=0).of_a_step}


def ours(
    place: Path, work: Work, *, seed: int, lora_rank: int, known_judge: Judge | None = None, **more: object
) -> Done:
    """Run our PPO; a judge that is given stands in for the reward model."""
    values = {
        "steps": work.steps,
        "batch_size": work.batch_size,
        "minibatches": work.minibatches,
        "epochs": work.epochs,
        "max_new_tokens": work.max_new_tokens,
        "max_prompt_tokens": MOST_PROMPT_TOKENS,
        "learning_rate": work.learning_rate,
        "kl_coef": work.kl_coef,
        "missing_eos_penalty": work.missing_eos_penalty,
        "kl_stop": 0.0,
        "epoch_kl_stop": 0.0,
        "score_clip": 100.0,
        "lora_rank": lora_rank,
        "alarms": "off",
        "checkpoint_every": 0,
        "seed": seed,
    } | more
    reward = training_place.reward_of(place, work.base, is_adapter=lora_rank > 0 and known_judge is None)
    with tempfile.TemporaryDirectory() as scratch:
        directory = RunDirectory(scratch)
        inputs = Inputs(str(place / "snapshot"), str(place / work.base), str(reward))
        directory.write_spec(RunSpec("ppo", configs.parse("ppo", values), inputs))
        with _clocked() as marks, _judged_by(known_judge):
            result = run.execute("ppo", ppo.train, directory)
        if result.status != "succeeded":
            raise SystemExit(result.message)
        seen = [(row["values"]["score"], row["values"]["kl"]) for row in directory.read_metrics()]
        return Done(marks, seen, models.load_causal_lm(directory.checkpoint))


@contextmanager
def _clocked() -> Iterator[list[float]]:
    """Note the CPU seconds as our loop begins and after each step, and leave out what is no part of a step."""
    marks: list[float] = []
    measured = ppo_report.measured

    def mark_and_measure(*args: object, **options: object) -> dict[str, float]:
        marks.append(time.process_time())
        return measured(*args, **options)

    def begin(setting: object) -> dict[str, float]:
        marks.append(time.process_time()) if not marks else None
        return dict.fromkeys((*ppo.MEASURED, "kl"), 0.0)

    with (
        mock.patch.object(ppo.ppo_held_out, "evaluate", begin),
        mock.patch.object(ppo.ppo_held_out, "show", lambda setting, *, step: None),
        mock.patch.object(ppo_report, "measured", mark_and_measure),
    ):
        yield marks


@contextmanager
def _judged_by(known: Judge | None) -> Iterator[None]:
    if known is None:
        yield
        return
    with mock.patch.object(judge, "load", lambda directory, **options: known):
        yield


def trl(place: Path, work: Work, *, seed: int, reward_model: nn.Module) -> Done:
    """Run the last PPOTrainer that TRL shipped, 1.12.0, with its own defaults where the work says nothing."""
    trainer_class, config_class = _trl_1_12(place)
    marks: list[float] = []
    base = place / work.base
    tokenizer = models.load_tokenizer(base)
    tokenizer.padding_side = "left"
    policy, value = models.load_causal_lm(base), models.load_reward_model(training_place.reward_of(place, work.base))
    prompts, _ = data.prompts(place / "snapshot", tokenizer, split="train", max_tokens=MOST_PROMPT_TOKENS)
    times = -(-work.batch_size // len(prompts))  # its loader drops a batch that is not full, and would wait for ever
    rows = Dataset.from_list([{"input_ids": prompt.ids} for prompt in prompts] * times)

    class Marks(TrainerCallback):
        def on_train_begin(self, *args: object, **options: object) -> None:
            marks.append(time.process_time())

        def on_step_end(self, *args: object, **options: object) -> None:
            marks.append(time.process_time())

    with tempfile.TemporaryDirectory() as scratch:
        args = config_class(
            output_dir=scratch,
            per_device_train_batch_size=work.batch_size,  # with accumulation, its mini-batches would be none
            gradient_accumulation_steps=1,
            num_mini_batches=work.minibatches,
            local_rollout_forward_batch_size=work.batch_size,
            num_ppo_epochs=work.epochs,
            total_episodes=work.batch_size * work.steps,
            response_length=work.max_new_tokens,
            learning_rate=work.learning_rate,
            lr_scheduler_type="constant",
            temperature=1.0,
            kl_coef=work.kl_coef,
            missing_eos_penalty=work.missing_eos_penalty,
            num_sample_generations=0,
            report_to="none",
            save_strategy="no",
            bf16=False,
            stop_token_id=tokenizer.eos_token_id,
            seed=seed,
            use_cpu=True,
        )
        trainer = trainer_class(
            args=args,
            processing_class=tokenizer,
            model=policy,
            ref_model=copy.deepcopy(policy),
            reward_model=reward_model,
            value_model=value,
            train_dataset=rows,
            eval_dataset=rows,
            callbacks=[Marks()],
        )
        trainer.train()
    logged = [row for row in trainer.state.log_history if "objective/kl" in row]
    return Done(marks, [(float(row["objective/scores"]), float(row["objective/kl"])) for row in logged], policy.eval())


def _trl_1_12(place: Path) -> tuple[Callable[..., object], Callable[..., object]]:
    sys.path.insert(0, str(training_place.trl_1_12(place)))
    for name in [name for name in sys.modules if name == "trl" or name.startswith("trl.")]:
        del sys.modules[name]  # the one that is installed
    from trl.experimental.ppo import PPOConfig, PPOTrainer  # noqa: PLC0415  another version than ours, on purpose

    return PPOTrainer, PPOConfig
