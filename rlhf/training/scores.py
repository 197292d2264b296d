"""What a reward model says of the completions that people ranked: scores.jsonl, by which it is set beside them."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from rlhf.contract import records
from rlhf.contract.records import ScoreRecord
from rlhf.training import scoring
from rlhf.training.data import TokenisedPair


def write(
    path: Path,
    model: nn.Module,
    pairs: list[TokenisedPair],
    *,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[], None],
) -> int:
    """Write the score of each completion in the pairs, once for each prompt it stands under; return how many."""
    sequences: dict[tuple[str, str], list[int]] = {}
    for pair in pairs:
        sequences[pair.record.prompt_id, pair.record.chosen] = pair.chosen
        sequences[pair.record.prompt_id, pair.record.rejected] = pair.rejected
    if not sequences:
        return records.write_jsonl(path, [])
    values = scoring.score(
        model, list(sequences.values()), pad_id=pad_id, batch_size=batch_size, on_batch=on_batch
    ).tolist()
    found = (ScoreRecord(*name, score) for name, score in zip(sequences, values, strict=True))
    return records.write_jsonl(path, found)
