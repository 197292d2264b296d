"""A cache with room: what stock DynamicCache keeps, written once."""

import pytest
import torch
from transformers import DynamicCache, LlamaConfig, MistralConfig

from rlhf.training import growing_cache

pytestmark = pytest.mark.torch
SIZE = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 8}


def states(count, *, rows=3):
    return torch.randn(rows, 2, count, 4)


def both():
    config = LlamaConfig(**SIZE)
    return growing_cache.cache_of(config), DynamicCache(config=config)


def same(ours, stock, layer=0):
    one, other = ours.layers[layer], stock.layers[layer]
    return one.keys.equal(other.keys) and one.values.equal(other.values)


def test_it_keeps_what_the_stock_cache_keeps():
    caches = both()
    for count in (5, *[1] * (growing_cache.ROOM + 3)):  # longer than the first room
        keys, values = states(count), states(count)
        ours, stock = (cache.update(keys, values, 1) for cache in caches)
        assert ours[0].equal(stock[0])
        assert ours[1].equal(stock[1])

    assert caches[0].get_seq_length(1) == caches[1].get_seq_length(1) == 5 + growing_cache.ROOM + 3


def test_rows_that_leave_take_their_part_along():
    caches = both()
    for cache in caches:
        torch.manual_seed(1)
        cache.update(states(4), states(4), 0)
        cache.batch_select_indices(torch.tensor([2, 0]))
        cache.update(states(1, rows=2), states(1, rows=2), 0)

    assert same(*caches)


@pytest.mark.parametrize(
    "exchange",
    [lambda one: one.reorder_cache(torch.tensor([2, 0, 1])), lambda one: one.layers[0].batch_repeat_interleave(2)],
)
def test_rows_that_are_exchanged_are_those_it_goes_on_with(exchange):
    caches = both()
    for cache in caches:
        torch.manual_seed(1)
        cache.update(states(4), states(4), 0)
        exchange(cache)
        rows = len(cache.layers[0].keys)
        cache.update(states(1, rows=rows), states(1, rows=rows), 0)

    assert same(*caches)


def test_a_token_is_written_where_there_is_room_for_it():
    cache, _ = both()
    before, _ = cache.update(states(4), states(4), 0)

    after, _ = cache.update(states(1), states(1), 0)

    assert after.data_ptr() == before.data_ptr()
    assert after.shape == (3, 2, 5, 4)


def test_a_layer_of_another_kind_keeps_its_cache():
    config = MistralConfig(**SIZE, num_key_value_heads=2, sliding_window=4)

    ours, stock = growing_cache.cache_of(config), DynamicCache(config=config)

    assert [type(layer) for layer in ours.layers] == [type(layer) for layer in stock.layers]
