"""What the stages that stand on the Hugging Face and TRL trainers share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from rlhf.contract.rundir import RunDirectory
from rlhf.training import models, precision, resuming


class InOurPrecision:
    """A trainer whose forward passes run under our autocast (precision.py); mix it in before the trainer's class."""

    def __init__(self, *, use_bfloat16: bool, **options: Any) -> None:
        super().__init__(**options)
        self.use_bfloat16 = use_bfloat16

    def compute_loss(self, model: nn.Module, inputs: dict[str, Tensor | Any], *args: Any, **kwargs: Any) -> Any:
        with precision.autocast(self.accelerator.device, use_bfloat16=self.use_bfloat16):
            return super().compute_loss(model, inputs, *args, **kwargs)


def common_arguments(directory: RunDirectory, *, seed: int, checkpoint_every: int) -> dict[str, Any]:
    """Return what all trainers are told: where checkpoints go, to log every step, and to leave the rest to us."""
    return {
        **resuming.arguments(directory, every=checkpoint_every),
        "seed": seed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "bf16": False,  # autocast is ours
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
    }


@contextmanager
def reference_of(model: PreTrainedModel | PeftModel, base: Path) -> Iterator[PreTrainedModel | PeftModel]:
    """Give the model as it began while the block lasts: its adapters off, or the base that it was loaded from."""
    if isinstance(model, PeftModel):
        with model.disable_adapter():
            yield model
        return
    yield models.load_causal_lm(base).to(models.device())
