"""What a PPO run needs to go on as if it had never stopped: weights, optimiser, critic, random numbers, coefficients.

A state is a directory under RUN_DIR/state/, written under another name and renamed, with a manifest of its files:
tensors in safetensors, the rest in JSON, nothing pickled. The newest that verifies is taken up.
"""

import json
import shutil
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact
from rlhf.training import parallel
from rlhf.training.alarms import Alarm
from rlhf.training.ppo_setting import Setting

TENSORS, FIGURES = "tensors.safetensors", "figures.json"
KEPT = 2


@dataclass
class Progress:
    """How far a run is, besides its tensors."""

    kl_coef: float
    step: int = 0
    drawn: int = 0  # prompts taken so far
    before: dict[str, float] = field(default_factory=dict)  # held-out figures at the start
    history: list[dict[str, float]] = field(default_factory=list)  # the metrics of each step
    alarms: list[Alarm] = field(default_factory=list)


def save(setting: Setting, optimiser: torch.optim.Optimizer, generator: torch.Generator, progress: Progress) -> None:
    """Write a state and drop all but the newest two; of several processes, the first does."""
    if not parallel.is_first():
        return
    parent = setting.directory.state
    parent.mkdir(exist_ok=True)
    temporary, target = parent / ".tmp", parent / f"{progress.step:08d}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    save_file(_tensors(setting, optimiser, generator), temporary / TENSORS)
    rundir.write_json(temporary / FIGURES, asdict(progress))
    rundir.write_manifest(temporary, {"kind": "state"})
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    for old in sorted(parent.glob("[0-9]*"))[:-KEPT]:
        shutil.rmtree(old)


def restore(setting: Setting, optimiser: torch.optim.Optimizer, generator: torch.Generator) -> Progress | None:
    """Take up the newest state that verifies and return its progress; None where there is none."""
    for directory in sorted(setting.directory.state.glob("[0-9]*"), reverse=True):
        try:
            rundir.verify_manifest(directory)
        except BadArtefact as problem:
            print(f"state: {problem} The one before it is tried.", flush=True)
            continue
        _take_up(load_file(directory / TENSORS), setting, optimiser, generator)
        raw: dict[str, Any] = json.loads((directory / FIGURES).read_text(encoding="utf-8"))
        print(f"state: going on after step {raw['step']}", flush=True)
        return Progress(**{**raw, "alarms": [Alarm(*alarm) for alarm in raw["alarms"]]})
    return None


def forget(setting: Setting) -> None:
    """Remove the states of a run that is over."""
    if parallel.is_first():
        shutil.rmtree(setting.directory.state, ignore_errors=True)


def _tensors(setting: Setting, optimiser: torch.optim.Optimizer, generator: torch.Generator) -> dict[str, Tensor]:
    trained = setting.policy.trained
    found = {f"weights.{name}": p.detach() for name, p in trained.items()}
    for name, parameter in trained.items():
        found |= {f"optimiser.{name}.{key}": value for key, value in optimiser.state[parameter].items()}
    if setting.critic is not None:
        found |= {f"critic.{name}": value for name, value in setting.critic.state().items()}
    found["generator"] = generator.get_state()
    return {name: tensor.cpu().contiguous() for name, tensor in found.items()}


def _take_up(
    found: dict[str, Tensor], setting: Setting, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> None:
    trained = setting.policy.trained
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(found[f"weights.{name}"])
    setting.writer.moved()
    for name, parameter in trained.items():
        prefix = f"optimiser.{name}."
        slots = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
        optimiser.state[parameter] = {k: v if k == "step" else v.to(parameter.device) for k, v in slots.items()}
    if setting.critic is not None:
        learned = {k.removeprefix("critic."): v.to(setting.device) for k, v in found.items() if k.startswith("critic.")}
        setting.critic.restore(learned)
    generator.set_state(found["generator"])
