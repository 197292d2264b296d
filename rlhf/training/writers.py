"""What writes completions: our own decode loop, or vLLM where the run's profile says so.

`writer` is for a checkpoint that stays as it is; of a policy that is being tuned write `OwnLoop` and `InVllm`.
"""

import os
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerBase

from rlhf.contract import profiles
from rlhf.contract.records import FailureReason
from rlhf.training import generation, models, parallel, precision, vllm_client
from rlhf.training.generation import Generated
from rlhf.training.policy import Policy
from rlhf.training.run import StageError
from rlhf.training.vllm_client import Vllm

Write = Callable[[list[list[int]]], Iterator[tuple[int, Generated]]]
"""From prompts to their completions, each with the place of its prompt, as they end."""
ALONE = {"cuda": 0.9, "cpu": 0.3}
BESIDE_TRAINING = {"cuda": 0.4, "cpu": 0.2}
"""What vLLM takes of a GPU, or of a CPU machine, for weights and cache where VLLM_MEMORY_SHARE is not set."""


def is_vllm() -> bool:
    """Say whether vLLM is to write in this run."""
    return os.environ.get(profiles.WRITER) == "vllm"


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
    return (_by_vllm if is_vllm() else _by_our_loop)(directory, tokenizer, drawing)


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
    with vllm_client.started(
        directory,
        longest=drawing.longest_prompt + drawing.max_new_tokens,
        seed=drawing.seed,
        share=_share(ALONE),
        use_bfloat16=precision.choose_bfloat16(device),
        on_step=drawing.on_step,
    ) as vllm:
        yield lambda prompts: vllm.write(
            prompts,
            max_new_tokens=drawing.max_new_tokens,
            temperature=drawing.temperature,
            top_p=drawing.top_p,
            seeds=_seeds(len(prompts), generator),
            eos=tokenizer.eos_token_id,
        )


def _share(usual: dict[str, float]) -> float:
    given = os.environ.get(profiles.VLLM_SHARE, "")
    try:
        share = float(given) if given else usual[models.device().type]
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        what = (
            f"{profiles.VLLM_SHARE}: expected a share of the memory, above 0 and below 1, as 0.4; got {given[:40]!r}."
        )
        raise StageError(FailureReason.BAD_CONFIG, what)
    return share


def _seeds(n: int, generator: torch.Generator) -> list[int]:
    return torch.randint(2**31, (n,), generator=generator).tolist()


@dataclass
class PolicyWriter(AbstractContextManager["PolicyWriter", None]):
    """Writes for a policy as it is at the moment, while a block lasts."""

    policy: Policy
    tokenizer: PreTrainedTokenizerBase
    longest_prompt: int
    max_new_tokens: int
    temperature: float
    seed: int
    on_step: Callable[[], None]

    @property
    @abstractmethod
    def knows(self) -> bool:
        """Whether its log-probs and entropies are those of training, and need not be worked out again."""

    @abstractmethod
    def write(self, prompts: list[list[int]], generator: torch.Generator) -> list[Generated]:
        """Return one completion for each prompt, in their order."""

    def moved(self) -> None:
        """Take note that the policy is another one than before."""

    def __exit__(self, *_: object) -> None:
        """End what was started."""


class OwnLoop(PolicyWriter):
    """Our own decode loop, over the policy's own weights; each process writes some of the completions."""

    @property
    def knows(self) -> bool:
        return not self.policy.use_bfloat16  # in bfloat16 its cached, merged path rounds otherwise than training

    def write(self, prompts: list[list[int]], generator: torch.Generator) -> list[Generated]:
        with self.policy.decoder() as decoder:
            mine = generation.generate(
                decoder,
                self.tokenizer,
                prompts,
                max_new_tokens=self.max_new_tokens,
                temperature=self.temperature,
                batch_size=len(prompts),
                generator=generator,
                rows=parallel.own(len(prompts)),
                use_bfloat16=self.policy.use_bfloat16,
                on_batch=self.on_step,
            )
        return parallel.gathered(mine, len(prompts))


class InVllm(PolicyWriter):
    """vLLM, which reads the policy's weights from a directory, and again whenever they have moved."""

    knows = False

    def __enter__(self) -> Self:
        with ExitStack() as begun:
            self.directory = Path(begun.enter_context(tempfile.TemporaryDirectory(prefix="policy-")))
            self._lay_down()
            self.vllm: Vllm = begun.enter_context(
                vllm_client.started(
                    self.directory,
                    longest=self.longest_prompt + self.max_new_tokens,
                    seed=self.seed,
                    share=_share(BESIDE_TRAINING),
                    use_bfloat16=self.policy.use_bfloat16,
                    on_step=self.on_step,
                )
            )
            self.begun = begun.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.begun.close()

    def moved(self) -> None:
        self.has_moved = True

    def write(self, prompts: list[list[int]], generator: torch.Generator) -> list[Generated]:
        if self.has_moved:
            self._lay_down()
            self.vllm.read_again(self.directory)
        found = self.vllm.write(
            prompts,
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            seeds=_seeds(len(prompts), generator),
            eos=self.tokenizer.eos_token_id,
        )
        return [one for _, one in sorted(found, key=lambda placed: placed[0])]

    def _lay_down(self) -> None:
        """Write the policy's weights, and how they are to be read.

        The head is a weight of its own even where it is tied to the embeddings: vLLM, reading again, leaves a tied
        head as it was on CPUs.
        """
        config: Any = self.policy.model.config
        config = type(config).from_dict(config.to_dict() | {"tie_word_embeddings": False})
        config.save_pretrained(self.directory)
        dtype = torch.bfloat16 if self.policy.use_bfloat16 else torch.float32
        whole = self.directory / "model.safetensors"
        save_file(self.policy.weights(dtype), written := whole.with_suffix(".tmp"), metadata={"format": "pt"})
        written.replace(whole)
        self.has_moved = False


def of_policies() -> type[OwnLoop] | type[InVllm]:
    """Return what writes for policies in this run."""
    return InVllm if is_vllm() else OwnLoop
