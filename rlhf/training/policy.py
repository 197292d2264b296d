"""The models of PPO that share one trunk: policy, reference and value head.

With LoRA only the upper half of the layers carries adapters, so the hidden states that enter it are the same for the
policy, the reference (adapters off) and every epoch: they are computed once per rollout. With every weight trained
(lora_rank 0) the reference is a frozen copy and nothing is shared.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from rlhf.training import models, precision, rollout
from rlhf.training.rollout import Batch, TokenStatistics

VALUE_RATE_FACTOR = 10.0
"""The value head starts at zero and learns so many times faster than the policy."""


class Outputs(NamedTuple):
    """What one forward pass of the policy gives at the response tokens; all (B, R), padding 0."""

    logprobs: Tensor
    entropies: Tensor
    values: Tensor


class Policy:
    """A policy under training with its reference and its value head."""

    def __init__(self, model: PreTrainedModel, *, lora_rank: int, temperature: float, use_bfloat16: bool) -> None:
        self.temperature, self.use_bfloat16 = temperature, use_bfloat16
        self.first_layer = model.config.num_hidden_layers // 2 if lora_rank else 0
        self.reference = None if lora_rank else copy.deepcopy(model).requires_grad_(False)
        self.model: PreTrainedModel | PeftModel = (
            models.add_lora(model, rank=lora_rank, first_layer=self.first_layer) if lora_rank else model
        )
        self.value_head = nn.Linear(model.config.hidden_size, 1).to(model.device)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        """Return what the optimiser trains."""
        trained = [p for p in self.model.parameters() if p.requires_grad]
        head = list(self.value_head.parameters())
        return [{"params": trained, "lr": learning_rate}, {"params": head, "lr": VALUE_RATE_FACTOR * learning_rate}]

    @torch.no_grad()
    def trunk_states(self, batch: Batch) -> Tensor | None:
        """Return the states (B, P + R, H) that enter the first trained layer; None where every layer is trained."""
        if not self.first_layer:
            return None
        trunk = self._trunk()
        with _layers(trunk, slice(0, self.first_layer), norm=nn.Identity()), self._autocast(batch):
            return trunk(**_positions(batch), input_ids=batch.ids, use_cache=False).last_hidden_state

    def outputs(self, batch: Batch, states: Tensor | None) -> Outputs:
        """Return log-probs, entropies and values of the policy."""
        hidden = self._hidden(batch, states)
        found = self._statistics(self.model, batch, hidden)
        values = self.value_head(hidden.float()).squeeze(-1) * batch.response_mask
        return Outputs(found.logprobs, found.entropies, values)

    @torch.no_grad()
    def reference_logprobs(self, batch: Batch, states: Tensor | None) -> Tensor:
        """Return the log-probs (B, R) of the reference: the policy as it began."""
        if self.reference is not None:
            options = {"temperature": self.temperature, "use_bfloat16": self.use_bfloat16}
            return rollout.response_statistics(self.reference, batch, **options).logprobs
        with self.model.disable_adapter():
            return self._statistics(self.model, batch, self._hidden(batch, states)).logprobs

    @contextmanager
    def decoder(self) -> Iterator[nn.Module]:
        """Yield a plain model to sample from: adapters merged into the weights, and taken out again exactly."""
        if not isinstance(self.model, PeftModel):
            yield self.model
            return
        layers = [module for module in self.model.modules() if isinstance(module, LoraLayer)]
        kept = [layer.get_base_layer().weight.detach().clone() for layer in layers]
        try:
            with torch.no_grad(), self.model.disable_adapter():
                for layer in layers:
                    layer.get_base_layer().weight += layer.get_delta_weight("default")
                yield self.model.get_base_model()
        finally:
            for layer, weight in zip(layers, kept, strict=True):
                layer.get_base_layer().weight.data = weight

    def _hidden(self, batch: Batch, states: Tensor | None) -> Tensor:
        """Return the last hidden states (B, R, H) that predict the response tokens."""
        with self._autocast(batch):
            if states is None:
                return rollout.response_hidden(self.model, batch)
            trunk = self._trunk()
            with _layers(trunk, slice(self.first_layer, None), norm=trunk.norm):
                hidden = trunk(**_positions(batch), inputs_embeds=states, use_cache=False).last_hidden_state
            return hidden[:, -batch.response_mask.shape[1] - 1 : -1]

    def _statistics(self, model: nn.Module, batch: Batch, hidden: Tensor) -> TokenStatistics:
        with self._autocast(batch):
            found = rollout.token_statistics(
                rollout.head_of(model), hidden, batch.response_ids, temperature=self.temperature
            )
        return TokenStatistics(found.logprobs * batch.response_mask, found.entropies * batch.response_mask)

    def _trunk(self) -> nn.Module:
        return self.model.get_base_model().base_model

    def _autocast(self, batch: Batch):
        return precision.autocast(batch.ids.device, use_bfloat16=self.use_bfloat16)


@contextmanager
def _layers(trunk: nn.Module, chosen: slice, *, norm: nn.Module) -> Iterator[None]:
    """Let a decoder trunk consist of some of its layers for a while, ending in `norm`."""
    kept = trunk.layers, trunk.norm
    trunk.layers, trunk.norm = trunk.layers[chosen], norm
    try:
        yield
    finally:
        trunk.layers, trunk.norm = kept


def _positions(batch: Batch) -> dict[str, Tensor]:
    return {"attention_mask": batch.attention_mask, "position_ids": batch.position_ids}
