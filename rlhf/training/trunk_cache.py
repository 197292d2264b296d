"""What the frozen layers make of prompts and completions, worked out once and kept in a file until training is over."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rlhf.training import precision, rankings
from rlhf.training.rankings import Rankings, States

MOST_OF_DISK = 0.5
"""Share of the free disk that states may take; where they would take more, each step works them out anew."""
BATCH = 8
"""Rankings read together when the file is filled."""


BYTES = 4

Name = tuple[tuple[int, ...], tuple[int, ...]]
"""The tokens of a prompt, and those of a completion; of a prompt alone where the second is empty."""


class Texts(NamedTuple):
    """A prompt and the completions of it that were ranked."""

    prompt: list[int]
    completions: list[list[int]]


class TrunkCache:
    """States in float32 on disk: a completion's are found by the tokens of its prompt and its own."""

    def __init__(self, path: Path, *, hidden_size: int) -> None:
        self.path, self.hidden_size = path, hidden_size
        self.places: dict[Name, tuple[int, int]] = {}  # first token and how many
        self.count = 0  # tokens

    def add(self, texts: list[Texts], found: States) -> None:
        """Keep the states of texts."""
        with self.path.open("ab") as file:
            for name, states in zip(_names(texts), [*found.prompts, *found.completions], strict=True):
                length = len(name[1] or name[0])
                self.places[name] = (self.count, length)
                states[:length].float().cpu().numpy().tofile(file)
                self.count += length

    def states(self, texts: list[Texts]) -> States:
        """Return the states of texts that were added, padded with zeros on the right, in the order of the texts."""
        padded = [
            self._padded([self.places[name] for name in names]) for names in (_prompts(texts), _completions(texts))
        ]
        return States(*padded)

    def _padded(self, places: list[tuple[int, int]]) -> Tensor:
        size = self.hidden_size
        padded = torch.zeros(len(places), max(length for _, length in places), size)
        for row, (first, length) in enumerate(places):
            kept = np.fromfile(self.path, np.float32, count=length * size, offset=BYTES * first * size)
            padded[row, :length] = torch.from_numpy(kept).view(length, size)
        return padded


@torch.no_grad()
def filled(
    directory: Path,
    model: nn.Module,
    texts: list[Texts],
    *,
    first_layer: int,
    pad_id: int,
    use_bfloat16: bool,
    on_batch: Callable[[], None],
) -> TrunkCache | None:
    """Return what the layers under `first_layer` make of texts, named as often as they will be read, in a directory.

    None where nothing is read twice, or no room for it: then the layers are run again at every step.
    """
    size, read = model.config.hidden_size, sum(len(one.completions) for one in texts)
    texts = _distinct(texts)
    is_in_vain = read == sum(len(one.completions) for one in texts)
    if not first_layer or is_in_vain or not _fits(texts, hidden_size=size, directory=directory):
        return None
    cache, device = TrunkCache(directory / "states.bin", hidden_size=size), next(model.parameters()).device
    ordered = sorted(texts, key=lambda one: max(map(len, one.completions)))
    for start in range(0, len(ordered), BATCH):
        part = ordered[start : start + BATCH]
        laid = rankings.laid_out([one.prompt for one in part], [one.completions for one in part], pad_id=pad_id)
        with precision.autocast(device, use_bfloat16=use_bfloat16):
            laid = Rankings(*(tensor.to(device) for tensor in laid))
            cache.add(part, rankings.lower_states(model, laid, first_layer=first_layer))
        on_batch()
    print(f"reward: the states of {cache.count} tokens under layer {first_layer} are kept on disk", flush=True)
    return cache


def _distinct(texts: list[Texts]) -> list[Texts]:
    """Return each completion once, however many rows it stands in."""
    seen: set[Name] = set()
    found = []
    for one in texts:
        new = [said for said in one.completions if (tuple(one.prompt), tuple(said)) not in seen]
        seen.update((tuple(one.prompt), tuple(said)) for said in new)
        if new:
            found.append(Texts(one.prompt, new))
    return found


def _fits(texts: list[Texts], *, hidden_size: int, directory: Path) -> bool:
    tokens = sum(len(one.prompt) + sum(map(len, one.completions)) for one in texts)
    needed, free = BYTES * tokens * hidden_size, shutil.disk_usage(directory).free
    if needed < MOST_OF_DISK * free:
        return True
    print(
        f"reward: the states of the frozen layers would take {needed / 2**30:.1f} GiB of the {free / 2**30:.1f} GiB "
        "that are free: they are worked out at every step",
        flush=True,
    )
    return False


def _prompts(texts: list[Texts]) -> list[Name]:
    return [(tuple(one.prompt), ()) for one in texts]


def _completions(texts: list[Texts]) -> list[Name]:
    return [(tuple(one.prompt), tuple(said)) for one in texts for said in one.completions]


def _names(texts: list[Texts]) -> list[Name]:
    return _prompts(texts) + _completions(texts)
