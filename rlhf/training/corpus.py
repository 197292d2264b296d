"""A corpus as training reads it: the documents of a split as one stream of tokens on disk, cut into blocks.

The stream is a file that is mapped into memory, so a corpus may be larger than the machine's memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from rlhf.contract import records, rundir
from rlhf.contract.records import DocumentRecord, FailureReason
from rlhf.training.run import StageError

DOCUMENTS_AT_ONCE = 256
TEXT = "text.jsonl"


@dataclass(frozen=True)
class Stream:
    """The tokens of a split, an end token after each document, and how many bytes of UTF-8 they stand for."""

    tokens: np.memmap  # (N,) int32
    byte_count: int


class Blocks(Dataset[dict[str, Tensor]]):
    """A stream cut into blocks of equal length; what is left at the end is no block."""

    def __init__(self, stream: Stream, *, size: int) -> None:
        self.tokens, self.size = stream.tokens, size

    def __len__(self) -> int:
        return len(self.tokens) // self.size

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        block = self.tokens[index * self.size : (index + 1) * self.size]
        ids = torch.from_numpy(block.astype(np.int64))
        return {"input_ids": ids, "labels": ids}


def texts(directory: Path, *, split: str) -> Iterator[str]:
    """Yield the documents of a split ("train" or "test"); verify the corpus first."""
    return (one.text for one in records.read_jsonl(directory / TEXT, DocumentRecord) if one.split == split)


def stream(directory: Path, tokenizer: PreTrainedTokenizerBase, *, split: str, scratch: Path) -> Stream:
    """Write the tokens of a split to a file under `scratch` and map it. Raises StageError where there are none."""
    path, byte_count = scratch / f"{split}.tokens", 0
    with path.open("wb") as out:
        for batch in _batches(texts(directory, split=split)):
            byte_count += sum(len(text.encode()) for text in batch)
            for ids in tokenizer(batch, add_special_tokens=False)["input_ids"]:
                out.write(np.array([*ids, tokenizer.eos_token_id], dtype=np.int32).tobytes())
    if not byte_count:
        what = {"train": "training", "test": "held-out"}[split]
        raise StageError(FailureReason.EMPTY_DATA, f"the corpus has no {what} documents; bring in more text.")
    return Stream(np.memmap(path, dtype=np.int32, mode="r"), byte_count)


def blocks(found: Stream, *, size: int, because: str = "block_size") -> Blocks:
    """Cut a stream into blocks. Raises StageError where it does not fill one, naming the field that says the size."""
    made = Blocks(found, size=size)
    if not len(made):
        raise StageError(
            FailureReason.EMPTY_DATA,
            f"the corpus has {len(found.tokens)} training tokens, which do not fill a block of {size}. "
            f"Bring in more text, or lower {because}.",
        )
    return made


def verify(directory: Path) -> None:
    """Raise BadArtefact unless a corpus is as it was brought in."""
    rundir.verify_manifest(directory)


def _batches(found: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in found:
        batch.append(text)
        if len(batch) == DOCUMENTS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
