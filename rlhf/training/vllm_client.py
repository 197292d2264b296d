"""vLLM as a child of the trainer, in the Python that VLLM_PYTHON names: what is asked of it, and what it answers.

Orders and answers are lines of JSON (vllm_process.py). It draws with random numbers of its own: the same seed gives
the same completions of the same engine only.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf.contract import profiles
from rlhf.contract.records import FailureReason
from rlhf.training import models
from rlhf.training.generation import Generated
from rlhf.training.run import StageError

PROGRAM = Path(__file__).with_name("vllm_process.py")
OF_VLLM = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in the process itself: one to end
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "HF_HUB_OFFLINE": "1",
}
END_SECONDS = 10.0


@dataclass(frozen=True)
class Vllm:
    """The process in which vLLM writes, and the two pipes to it. What goes wrong there is a StageError here."""

    process: subprocess.Popen[str]
    answers: Any
    on_step: Callable[[], None]  # called at least every few seconds while something is written

    def write(
        self,
        prompts: list[list[int]],
        *,
        max_new_tokens: int,
        temperature: float,
        top_p: float = 1.0,
        seeds: list[int],
        eos: int,
    ) -> Iterator[tuple[int, Generated]]:
        """Yield a completion of each prompt, with the prompt's place, as they end; their entropies are not known."""
        self._say(
            {
                "prompts": prompts,
                "max_tokens": max_new_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "seeds": seeds,
                "eos": eos,
            }
        )
        left = len(prompts)
        while left:
            said = self._hear()
            self.on_step()
            if "at" in said:
                left -= 1
                yield said["at"], Generated(said["ids"], said["is_finished"], said["logprobs"])

    def read_again(self, directory: Path) -> None:
        """Let it read the weights of a directory, which are for the model that it has."""
        self._say({"again": str(directory)})
        self._hear()
        self.on_step()

    def greet(self, model: dict[str, Any]) -> None:
        """Say which model it is to load, and wait until it has."""
        self._say(model)
        print(f"writer: vLLM {self._hear()['ready']} in {model['dtype']}", flush=True)
        self.on_step()

    def _say(self, order: dict[str, Any]) -> None:
        assert self.process.stdin is not None  # noqa: S101  it was opened as a pipe
        try:
            print(json.dumps(order), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            self._hear()

    def _hear(self) -> dict[str, Any]:
        """Return the next answer. Raises StageError where there is none, or a failure."""
        line = self.answers.readline()
        said: dict[str, Any] = json.loads(line) if line else {"failed": f"exit code {self.process.wait()}"}
        if "failed" in said:
            raise _failure(said["failed"])
        return said


@contextmanager
def started(
    directory: Path, *, longest: int, seed: int, share: float, use_bfloat16: bool, on_step: Callable[[], None]
) -> Iterator[Vllm]:
    """Start vLLM with the model of a directory, for `longest` tokens of prompt and completion; on leaving, end it.

    It takes a share of the GPU's memory, or of the machine's where there is none, for weights and cache.
    """
    with _process(on_step) as vllm:
        vllm.greet(
            {
                "model": str(directory),
                "dtype": "bfloat16" if use_bfloat16 else "float32",
                "max_length": longest,
                "seed": seed,
                "share": share,
                "is_on_cpu": models.device().type == "cpu",
            }
        )
        yield vllm


@contextmanager
def _process(on_step: Callable[[], None]) -> Iterator[Vllm]:
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
            yield Vllm(process, answers, on_step)
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
