"""The reward model as PPO reads it: a model of its own, or an adapter and a head on the policy's trunk.

A reward model that was trained with LoRA on the very model that PPO starts from needs no second set of weights: its
adapter is put beside the policy's, and the states of the shared trunk serve it too. Where only its head was trained,
the policy without its adapter is its trunk.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from rlhf.contract import rundir
from rlhf.contract.records import FailureReason
from rlhf.training import ensemble, models, precision, rollout, trust
from rlhf.training.ensemble import Ensemble
from rlhf.training.policy import Policy
from rlhf.training.rollout import Batch
from rlhf.training.run import StageError
from rlhf.training.trust import Trust

ADAPTER_FILE = "reward_adapter.safetensors"
NAME = "reward"
HEAD = "score.weight"


class Judged(NamedTuple):
    """What a reward model says of a batch; nothing has a gradient."""

    scores: Tensor  # (B,) raw, at the last real token
    distances: Tensor | None  # (B,) from the training data (trust.py); None where the model has no range of trust
    token_scores: Tensor  # (B, R) what it would say before each response token
    hidden: Tensor  # (B, R, H) the states that it says that from
    spread: Tensor | None = None  # (B,) its uncertainty (ensemble.py); None where the model has no ensemble


class Judge(Protocol):
    """A frozen reward model."""

    trust: Trust | None
    ensemble: Ensemble | None

    def read(self, batch: Batch, states: Tensor | None) -> Judged:
        """Judge a batch; `states` are the trunk's, where the policy shares one. Raises StageError at NaN."""
        ...


@dataclass(frozen=True)
class OwnModel:
    """A reward model with weights of its own; any size, the same tokenizer."""

    model: nn.Module
    use_bfloat16: bool
    trust: Trust | None = None
    ensemble: Ensemble | None = None

    @torch.no_grad()
    def read(self, batch: Batch, states: Tensor | None) -> Judged:
        with precision.autocast(batch.ids.device, use_bfloat16=self.use_bfloat16):
            hidden = rollout.hidden_states(self.model, batch)
        return _judged(batch, hidden, self.model.score.weight, self)


@dataclass(frozen=True)
class OnSharedTrunk:
    """An adapter and a head on the policy's trunk, or a head alone on what the policy began as."""

    policy: Policy
    head: Tensor  # (1, H)
    trust: Trust | None = None
    ensemble: Ensemble | None = None
    name: str = NAME  # of its adapter; empty where it has none

    @torch.no_grad()
    def read(self, batch: Batch, states: Tensor | None) -> Judged:
        model = self.policy.model
        if not self.name:
            with model.disable_adapter():
                return _judged(batch, self.policy.hidden(batch, states), self.head, self)
        model.base_model.set_adapter(self.name, inference_mode=True)
        try:
            return _judged(batch, self.policy.hidden(batch, states), self.head, self)
        finally:
            model.base_model.set_adapter("default")


def load(directory: Path, *, base: Path, policy: Policy, name: str = NAME) -> Judge:
    """Return the reward model of a checkpoint: on the policy's trunk where it was trained on the same base."""
    known = (trust.read(directory, device=models.device()), ensemble.read(directory, device=models.device()))
    if shares_trunk(directory, base=base, policy=policy):
        has_adapter = models.manifest_of(directory)["adapter"]["rank"] > 0
        return OnSharedTrunk(policy, _add_adapter(policy, directory, name), *known, name if has_adapter else "")
    model = models.load_reward_model(directory).to(models.device()).requires_grad_(False)
    return OwnModel(model, policy.use_bfloat16, *known)


def shares_trunk(directory: Path, *, base: Path, policy: Policy) -> bool:
    """Say whether a reward model is an adapter on the model that PPO starts from, in layers that carry adapters."""
    adapter = models.manifest_of(directory).get("adapter")
    if not adapter or not isinstance(policy.model, PeftModel):
        return False
    same_base: bool = adapter["base_sha256"] == rundir.sha256_of(base / rundir.MANIFEST)
    return same_base and adapter["first_layer"] >= policy.first_layer


def save_adapter(model: PeftModel, path: Path) -> dict[str, int]:
    """Write a reward model's adapter and head beside its merged weights and return the facts to load it by."""
    config = model.peft_config["default"]
    tensors = get_peft_model_state_dict(model)
    kept = {name: t.detach().cpu().contiguous() for name, t in tensors.items() if ".lora_" in name}
    kept[HEAD] = next(t for name, t in tensors.items() if name.endswith(HEAD)).detach().cpu().contiguous()
    facts = {"rank": config.r, "first_layer": min(config.layers_to_transform)}
    save_file(kept, path, metadata={"facts": json.dumps(facts)})
    return facts


def save_head(model: PreTrainedModel, path: Path) -> dict[str, int]:
    """Write the head of a reward model of which nothing else was trained, and return the facts to load it by."""
    facts = {"rank": 0, "first_layer": model.config.num_hidden_layers}
    head = models.head_of_reward(model).detach().cpu().contiguous()
    save_file({HEAD: head}, path, metadata={"facts": json.dumps(facts)})
    return facts


def _add_adapter(policy: Policy, directory: Path, name: str) -> Tensor:
    """Put the reward model's adapter, where it has one, beside the policy's and return its head."""
    with safe_open(directory / ADAPTER_FILE, framework="pt") as file:
        facts = json.loads(file.metadata()["facts"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  not a dict
    head = tensors.pop(HEAD)
    model = policy.model
    inner: PreTrainedModel = model.get_base_model()
    if not facts["rank"]:
        return head.to(inner.device)
    model.add_adapter(name, models.lora_config(inner, rank=facts["rank"], first_layer=facts["first_layer"]))
    loaded = set_peft_model_state_dict(model, tensors, adapter_name=name)
    if loaded.unexpected_keys:
        raise StageError(
            FailureReason.BAD_ARTEFACT,
            f"{directory / ADAPTER_FILE} does not fit the model: {loaded.unexpected_keys[0]}.",
        )
    model.base_model.set_adapter("default")
    return head.to(inner.device)


def _judged(batch: Batch, hidden: Tensor, head: Tensor, judge: Judge) -> Judged:
    hidden = hidden.float()  # (B, P + R, H)
    last = hidden[torch.arange(len(hidden), device=hidden.device), batch.last_columns]
    scores = last @ head[0].float()
    if not torch.isfinite(scores).all():
        raise StageError(FailureReason.NON_FINITE, "non-finite score: the reward model returns NaN or infinity.")
    before = hidden[:, batch.predicting]
    distances = judge.trust.distances(last) if judge.trust else None
    spread = judge.ensemble.spread(last) if judge.ensemble else None
    return Judged(scores, distances, (before @ head[0].float()) * batch.response_mask, before, spread)
