"""Several demonstrations in one row, apart from each other: positions begin anew with each, and none sees another.

transformers reads the borders from the positions where no attention mask is given.
"""

from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from trl import pack_dataset

IGNORED = -100
"""The label of a token that the loss leaves out."""


def packed(rows: Dataset, *, length: int) -> Dataset:
    """Fill rows of `length` tokens with demonstrations (best fit, longest first); each stays whole.

    Takes and returns columns input_ids and labels; `seq_lengths` says where the borders are.
    """
    return pack_dataset(rows, length, "bfd")


class PackedCollator:
    """Batches packed rows: {input_ids, labels, position_ids}, each (B, T), padded on the right.

    A padding token is a sequence of its own, at position 0, which nothing sees and nothing is learned from.
    """

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)
        ids = torch.full((len(rows), longest), self.pad_id)
        labels, positions = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
        for at, row in enumerate(rows):
            used = len(row["input_ids"])
            ids[at, :used] = torch.tensor(row["input_ids"])
            labels[at, :used] = torch.tensor(row["labels"])
            positions[at, :used] = torch.cat([torch.arange(length) for length in row["seq_lengths"]])
        return {"input_ids": ids, "labels": labels, "position_ids": positions}
