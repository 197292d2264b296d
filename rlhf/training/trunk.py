"""The layers of a decoder in two parts: those under the first trained one, whose states never change, and the rest.

With adapters in the upper layers only, what the lower part makes of a text is worked out once and read again: by
policy, reference and reward model, and in every epoch.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from rlhf.contract.records import FailureReason
from rlhf.training.run import StageError

PROBE = 8
"""Tokens on which it is tried whether a trunk divides."""


def first_trained_layer(model: PreTrainedModel, *, frozen_share: float) -> int:
    """Return the lowest layer that carries adapters where so large a share of the layers, 0..1, carries none."""
    found = int(frozen_share * model.config.num_hidden_layers + 1e-9)
    if found and not _divides(model, found):
        raise StageError(
            FailureReason.BAD_CONFIG,
            f"frozen_share: expected 0 for a {model.config.model_type} model, whose layers cannot be read in two "
            f"parts; got {frozen_share:g}. Set frozen_share to 0.",
        )
    return found


@contextmanager
def below(trunk: nn.Module, layer: int) -> Iterator[nn.Module]:
    """Let a decoder trunk end under `layer` for a while: its output is what enters that layer."""
    with _part(trunk, slice(0, layer), norm=nn.Identity()):
        yield trunk


@contextmanager
def above(trunk: nn.Module, layer: int) -> Iterator[nn.Module]:
    """Let a decoder trunk begin at `layer` for a while: it takes what `below` gave as `inputs_embeds`."""
    with _part(trunk, slice(layer, None), norm=trunk.norm):
        yield trunk


@contextmanager
def _part(trunk: nn.Module, chosen: slice, *, norm: nn.Module) -> Iterator[None]:
    kept, numbers = (trunk.layers, trunk.norm), [layer.self_attn.layer_idx for layer in trunk.layers]
    trunk.layers, trunk.norm = trunk.layers[chosen], norm
    for number, layer in enumerate(trunk.layers):
        layer.self_attn.layer_idx = number  # the place in a cache of keys and values
    try:
        yield
    finally:
        trunk.layers, trunk.norm = kept
        for number, layer in zip(numbers, trunk.layers, strict=True):
            layer.self_attn.layer_idx = number


def has_parts(trunk: nn.Module) -> bool:
    """Say whether a decoder is built so that `below` and `above` can take it apart."""
    layers = getattr(trunk, "layers", None)
    return bool(layers) and hasattr(layers[0], "self_attn") and hasattr(trunk, "norm")


@torch.no_grad()
def _divides(model: PreTrainedModel, layer: int) -> bool:
    """Try whether the two parts, one after the other, are the whole."""
    trunk = model.base_model
    if not has_parts(trunk):
        return False
    ids = torch.arange(PROBE, device=model.device)[None] % model.config.vocab_size
    whole = trunk(input_ids=ids, use_cache=False).last_hidden_state
    with below(trunk, layer):
        states = trunk(input_ids=ids, use_cache=False).last_hidden_state
    with above(trunk, layer):
        again = trunk(inputs_embeds=states, use_cache=False).last_hidden_state
    return torch.allclose(again, whole, atol=1e-3, rtol=1e-3)
