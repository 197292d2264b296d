"""A KV cache with room for the tokens to come: a token is written behind the others, not all of them anew.

Stock DynamicCache joins what is kept and what is new into another tensor at every token, which takes a fifth of the
time of decoding and more of it the longer the text.
"""

import torch
from torch import Tensor
from transformers import DynamicCache, PretrainedConfig
from transformers.cache_utils import DynamicLayer

ROOM = 64
"""Tokens there is room for, beyond what is kept, whenever it is laid out anew."""


def cache_of(config: PretrainedConfig) -> DynamicCache:
    """Return an empty cache; layers with a cache of another kind (sliding windows, states) keep theirs."""
    cache = DynamicCache(config=config)
    cache.layers = [_GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


class _GrowingLayer(DynamicLayer):
    """One layer: `keys` and `values` (B, heads, T, D) are the front parts of wider tensors."""

    def __init__(self) -> None:
        super().__init__()
        self._rooms: tuple[Tensor, Tensor] | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Add the states of new tokens (B, heads, t, D) and return those of all."""
        kept, whole = self.get_seq_length(), self.get_seq_length() + key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self._rooms is None or not self._holds(self._rooms[0], whole):
            self._rooms = (_with_room(self.keys, key_states, kept), _with_room(self.values, value_states, kept))
        for room, states in zip(self._rooms, (key_states, value_states), strict=True):
            room[..., kept:whole, :] = states
        self.keys, self.values = (room[..., :whole, :] for room in self._rooms)
        return self.keys, self.values

    def _holds(self, room: Tensor, whole: int) -> bool:
        """Say whether the keys are its front part (who reorders or repeats rows leaves others) and all fits in."""
        return self.keys.data_ptr() == room.data_ptr() and whole <= room.shape[-2]

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows only, and let the memory of the others go at once."""
        super().batch_select_indices(indices)
        self._rooms = None


def _with_room(states: Tensor, more: Tensor, kept: int) -> Tensor:
    rows, heads, count, width = more.shape
    room = torch.empty((rows, heads, kept + count + ROOM, width), dtype=more.dtype, device=more.device)
    if kept:
        room[..., :kept, :] = states
    return room
