"""What writes the completions of a sampling run: our own decode loop, or vLLM where the run's profile says so.

vLLM runs in a process of its own, in the Python that VLLM_PYTHON names (vllm_process.py). It draws from the same
distribution with random numbers of its own: the same seed gives the same completions of the same engine only.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from rlhf.contract import profiles
from rlhf.contract.records import FailureReason
from rlhf.training import generation, models, precision
from rlhf.training.generation import Generated
from rlhf.training.run import StageError

Write = Callable[[list[list[int]]], Iterator[tuple[int, Generated]]]
"""From prompts to their completions, each with the place of its prompt, as they end."""
PROGRAM = Path(__file__).with_name("vllm_process.py")
OF_VLLM = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in the process itself: one to end
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "HF_HUB_OFFLINE": "1",
}
END_SECONDS = 10.0


@dataclass(frozen=True)
class Drawing:
    """How completions are drawn."""

    max_new_tokens: int
    temperature: float
    top_p: float
    batch_size: int  # of our own loop; vLLM makes its own batches
    longest_prompt: int  # tokens
    seed: int
    on_step: Callable[[], None]  # called at least every few seconds while something is written


def writer(directory: Path, tokenizer: PreTrainedTokenizerBase, drawing: Drawing) -> AbstractContextManager[Write]:
    """Return the model of a checkpoint, ready to write while a block lasts."""
    by_vllm = os.environ.get(profiles.WRITER) == "vllm"
    return (_by_vllm if by_vllm else _by_our_loop)(directory, tokenizer, drawing)


@contextmanager
def _by_our_loop(directory: Path, tokenizer: PreTrainedTokenizerBase, drawing: Drawing) -> Iterator[Write]:
    model = models.load_causal_lm(directory).to(models.device())
    use_bfloat16 = precision.choose_bfloat16(models.device())
    generator = torch.Generator().manual_seed(drawing.seed)

    def write(prompts: list[list[int]]) -> Iterator[tuple[int, Generated]]:
        for start in range(0, len(prompts), drawing.batch_size):
            found = generation.generate(
                model,
                tokenizer,
                prompts[start : start + drawing.batch_size],
                max_new_tokens=drawing.max_new_tokens,
                temperature=drawing.temperature,
                top_p=drawing.top_p,
                batch_size=drawing.batch_size,
                generator=generator,
                use_bfloat16=use_bfloat16,
                on_batch=drawing.on_step,
            )
            yield from enumerate(found, start)

    yield write


@contextmanager
def _by_vllm(directory: Path, tokenizer: PreTrainedTokenizerBase, drawing: Drawing) -> Iterator[Write]:
    models.require_that_writes(directory)
    device, generator = models.device(), torch.Generator().manual_seed(drawing.seed)
    dtype = "bfloat16" if precision.choose_bfloat16(device) else "float32"
    with _process() as vllm:
        vllm.say(
            {
                "model": str(directory),
                "dtype": dtype,
                "max_length": drawing.longest_prompt + drawing.max_new_tokens,
                "seed": drawing.seed,
                "is_on_cpu": device.type == "cpu",
            }
        )
        print(f"writer: vLLM {vllm.hear()['ready']} in {dtype}", flush=True)
        drawing.on_step()

        def write(prompts: list[list[int]]) -> Iterator[tuple[int, Generated]]:
            vllm.say(
                {
                    "prompts": prompts,
                    "max_tokens": drawing.max_new_tokens,
                    "temperature": drawing.temperature,
                    "top_p": drawing.top_p,
                    "seeds": torch.randint(2**31, (len(prompts),), generator=generator).tolist(),
                    "eos": tokenizer.eos_token_id,
                }
            )
            left = len(prompts)
            while left:
                said = vllm.hear()
                drawing.on_step()
                if "at" in said:
                    left -= 1
                    yield said["at"], Generated(said["ids"], said["is_finished"])

        yield write


@dataclass(frozen=True)
class _Vllm:
    """The process in which vLLM writes, and the two pipes to it."""

    process: subprocess.Popen[str]
    answers: Any

    def say(self, order: dict[str, Any]) -> None:
        assert self.process.stdin is not None  # noqa: S101  it was opened as a pipe
        try:
            print(json.dumps(order), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            self.hear()

    def hear(self) -> dict[str, Any]:
        """Return the next answer. Raises StageError where there is none, or a failure."""
        line = self.answers.readline()
        said: dict[str, Any] = json.loads(line) if line else {"failed": f"exit code {self.process.wait()}"}
        if "failed" in said:
            raise _failure(said["failed"])
        return said


@contextmanager
def _process() -> Iterator[_Vllm]:
    """Start vLLM's process; on leaving, end it."""
    python = os.environ.get(profiles.VLLM, "")
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as answers:
        try:
            process = subprocess.Popen(
                [python, str(PROGRAM), str(writing)],
                stdin=subprocess.PIPE,
                env=os.environ | OF_VLLM,
                pass_fds=(writing,),
                text=True,
            )
        except OSError as problem:
            raise _failure(f"{python or 'nothing'} cannot be started ({problem.strerror})") from None
        finally:
            os.close(writing)
        try:
            yield _Vllm(process, answers)
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _failure(said: str) -> StageError:
    if "cannot be started" in said or said.startswith("ModuleNotFoundError"):
        return StageError(
            FailureReason.BAD_CONFIG,
            f"{profiles.VLLM}: expected the path of a Python in which vLLM is installed, on this worker; {said}.",
        )
    reason = FailureReason.OUT_OF_MEMORY if "memory" in said.lower() else FailureReason.CRASHED
    return StageError(reason, f"vLLM failed: {said[:400]} The log has the rest; the profile «one» writes without it.")
