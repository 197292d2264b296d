"""The models of PPO that share one trunk: policy, reference, value head, and the reward model where it is an adapter.

With LoRA only the upper layers carry adapters, so the hidden states that enter them are the same for the policy, the
reference (adapters off), the reward model and every epoch: they are computed once per rollout. With every weight
trained (lora_rank 0) the reference is a frozen copy and nothing is shared.
"""

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from rlhf.training import models, precision, rollout, trunk
from rlhf.training.rollout import Batch, TokenStatistics
from rlhf.training.value_model import ValueModel

VALUE_RATE_FACTOR = 10.0
"""The value head starts at zero and learns so many times faster than the policy."""


class Outputs(NamedTuple):
    """What one forward pass of the policy gives at the response tokens; all (B, R), padding 0.

    `values` are 0 where a critic outside the policy estimates them.
    """

    logprobs: Tensor
    entropies: Tensor
    values: Tensor


class Reference(NamedTuple):
    """What the policy was as it began: log-probs (B, R) of the response tokens, and the states that predict them."""

    logprobs: Tensor
    hidden: Tensor  # (B, R, H)


class Policy:
    """A policy under training with its reference and, where wanted, its value head or value model."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        lora_rank: int,
        frozen_share: float = 0.5,
        temperature: float,
        use_bfloat16: bool,
        has_value_head: bool = True,
        value_model: ValueModel | None = None,
        gradient_checkpointing: bool = False,
    ) -> None:
        self.temperature, self.use_bfloat16 = temperature, use_bfloat16
        self.first_layer = trunk.first_trained_layer(model, frozen_share=frozen_share) if lora_rank else 0
        self.reference_model = None if lora_rank else copy.deepcopy(model).requires_grad_(False)
        self.model: PreTrainedModel | PeftModel = (
            models.add_lora(model, rank=lora_rank, first_layer=self.first_layer) if lora_rank else model
        )
        self.value_head = _zero_head(model) if has_value_head else None
        self.value_model = value_model
        if gradient_checkpointing:
            for one in filter(None, (self.model, value_model and value_model.model)):
                models.checkpoint_gradients(one)

    @property
    def has_values(self) -> bool:
        """Whether it estimates values itself, by a head or a model that is trained with it."""
        return self.value_head is not None or self.value_model is not None

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """Everything that the optimiser moves, by name; the adapters of other models are not among it."""
        found = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        critics = {"value_head": self.value_head, "value_model": self.value_model}
        for prefix, critic in critics.items():
            found |= dict(critic.named_parameters(prefix=prefix)) if critic is not None else {}
        return found

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        """Return what the optimiser trains."""
        heads = [p for name, p in self.trained.items() if name.startswith("value_head.")]
        rest = [p for name, p in self.trained.items() if not name.startswith("value_head.")]
        groups: list[dict[str, object]] = [{"params": rest, "lr": learning_rate}]
        return [*groups, {"params": heads, "lr": VALUE_RATE_FACTOR * learning_rate}] if heads else groups

    @torch.no_grad()
    def trunk_states(self, batch: Batch) -> Tensor | None:
        """Return the states (B, P + R, H) that enter the first trained layer; None where every layer is trained."""
        if not self.first_layer:
            return None
        with trunk.below(self._trunk(), self.first_layer) as lower, self._autocast(batch):
            return rollout.through(lower, batch, input_ids=batch.ids)

    def outputs(self, batch: Batch, states: Tensor | None) -> Outputs:
        """Return log-probs, entropies and values of the policy."""
        hidden = self.hidden(batch, states)[:, batch.predicting]
        found = self._statistics(self.model, batch, hidden)
        if self.value_model is not None:
            with self._autocast(batch):
                return Outputs(*found, self.value_model(batch))
        if self.value_head is None:
            return Outputs(*found, torch.zeros_like(batch.response_mask))
        return Outputs(*found, self.value_head(hidden.float()).squeeze(-1) * batch.response_mask)

    @torch.no_grad()
    def reference(self, batch: Batch, states: Tensor | None) -> Reference:
        """Return what the reference makes of a batch."""
        if self.reference_model is not None:
            with self._autocast(batch):
                hidden = rollout.response_hidden(self.reference_model, batch)
            return Reference(self._statistics(self.reference_model, batch, hidden).logprobs, hidden)
        with self.model.disable_adapter():
            hidden = self.hidden(batch, states)[:, batch.predicting]
            return Reference(self._statistics(self.model, batch, hidden).logprobs, hidden)

    def hidden(self, batch: Batch, states: Tensor | None) -> Tensor:
        """Return the last hidden states (B, P + R, H) under the adapter that is switched on."""
        with self._autocast(batch):
            if states is None:
                return rollout.hidden_states(self.model, batch)
            with trunk.above(self._trunk(), self.first_layer) as upper:
                return rollout.through(upper, batch, inputs_embeds=states)

    @contextmanager
    def decoder(self) -> Iterator[nn.Module]:
        """Yield a plain model to sample from: adapters merged into the weights, and taken out again exactly."""
        was_training = self.model.training
        self.model.eval()  # gradient checkpointing, which is for training, would switch the cache off
        try:
            with self._merged() if isinstance(self.model, PeftModel) else _as_it_is(self.model) as plain:
                yield plain
        finally:
            self.model.train(was_training)

    @torch.no_grad()
    def weights(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return a copy of the policy's weights on the CPU, adapters merged, by their names in a checkpoint.

        Where the head is tied to the embeddings, it is there too.
        """
        with self.decoder() as plain:
            named = plain.named_parameters(remove_duplicate=False)
            own = ((name.replace(".base_layer", ""), weight) for name, weight in named if ".lora_" not in name)
            return {name: weight.to("cpu", dtype, copy=True).contiguous() for name, weight in own}

    def hold_lean(self) -> None:
        """Hold the linear layers that are not trained in bfloat16, where that is what autocast makes of them anyway.

        Nothing is rounded twice: adapters, embeddings and norms stay in float32. Call it once the last adapter is on.
        """
        if not self.use_bfloat16 or not isinstance(self.model, PeftModel):
            return
        blocks = (module for name, module in self._trunk().named_modules() if ".lora_" not in name)
        for layer in (module for module in blocks if isinstance(module, nn.Linear)):
            layer.weight.data = layer.weight.data.to(torch.bfloat16)

    @torch.no_grad()
    def whole(self, base: Path) -> PreTrainedModel:
        """Return the policy as a plain model in float32: itself, or its adapters on the weights that it began with.

        The adapted model is let go, so that no two stand in memory while one is saved.
        """
        if not isinstance(self.model, PeftModel):
            return self.model
        plain = models.load_causal_lm(base)
        for name, layer in self._adapted():
            weight = plain.get_submodule(name).weight
            weight += layer.get_delta_weight("default").to(weight.device)
        self.model = plain
        return plain

    @contextmanager
    def _merged(self) -> Iterator[nn.Module]:
        layers = [layer for _, layer in self._adapted()]
        kept = [layer.get_base_layer().weight.data for layer in layers]
        try:
            with torch.no_grad(), self.model.disable_adapter():
                for layer, weight in zip(layers, kept, strict=True):
                    layer.get_base_layer().weight.data = (weight + layer.get_delta_weight("default")).to(weight.dtype)
                yield self.model.get_base_model()
        finally:
            for layer, weight in zip(layers, kept, strict=True):
                layer.get_base_layer().weight.data = weight

    def _adapted(self) -> list[tuple[str, LoraLayer]]:
        """Return the layers that carry adapters, by their names in the plain model."""
        modules = self.model.get_base_model().named_modules()
        return [(name, module) for name, module in modules if isinstance(module, LoraLayer)]

    def _statistics(self, model: nn.Module, batch: Batch, hidden: Tensor) -> TokenStatistics:
        with self._autocast(batch):
            return rollout.counted_statistics(rollout.head_of(model), hidden, batch, temperature=self.temperature)

    def _trunk(self) -> nn.Module:
        return self.model.get_base_model().base_model

    def _autocast(self, batch: Batch) -> AbstractContextManager[None]:
        return precision.autocast(batch.ids.device, use_bfloat16=self.use_bfloat16)


def _zero_head(model: PreTrainedModel) -> nn.Linear:
    head = nn.Linear(model.config.hidden_size, 1).to(model.device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


@contextmanager
def _as_it_is(model: nn.Module) -> Iterator[nn.Module]:
    yield model
