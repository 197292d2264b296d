"""What to know of a reward model besides its accuracy: where it is right, whether it means what it says, how far it
can be trusted.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rlhf.training import calibration, models, scoring, trust
from rlhf.training.data import TokenisedPair, is_decided
from rlhf.training.trust import Trust

MOST_TEXTS = 4_000
"""Texts that the range of trust is measured on, at most."""
CERTAINTIES = ((0.5, 0.6), (0.6, 0.75), (0.75, 0.9), (0.9, 1.0))
"""Bins of q, the certainty of a label; the last holds 1."""


def of_held_out(
    model: nn.Module,
    pairs: list[TokenisedPair],
    *,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[], None],
) -> dict[str, Any]:
    """Return calibration on held-out pairs and accuracy by certainty of the label and by category; {} where none.

    `ece` is the expected calibration error, `temperature` what the gaps would have to be divided by, `calibration` the
    reliability curve; `accuracy_by` has rows of {slice, value, accuracy, low, high, n}.
    """
    decided = [pair for pair in pairs if is_decided(pair)]
    if not decided:
        return {}
    options = {"pad_id": pad_id, "batch_size": batch_size, "on_batch": on_batch}
    gaps = scoring.score(model, [p.chosen for p in decided], **options) - scoring.score(
        model, [p.rejected for p in decided], **options
    )
    q = torch.tensor([pair.record.q for pair in decided])
    return {
        "ece": calibration.expected_calibration_error(gaps, q),
        "temperature": calibration.temperature(gaps, q),
        "calibration": [one._asdict() for one in calibration.curve(gaps, q)],
        "accuracy_by": _slices(decided, gaps),
    }


@torch.no_grad()
def range_of_trust(
    model: nn.Module,
    pairs: list[TokenisedPair],
    held_out: list[TokenisedPair],
    *,
    seed: int,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[], None],
) -> Trust | None:
    """Return where the training texts lie; None where they, or the held-out ones, are too few to tell."""
    found = []
    for chosen in (pairs, held_out):
        texts = sorted({tuple(text) for pair in chosen for text in (pair.chosen, pair.rejected)})
        drawn = random.Random(seed).sample(texts, min(MOST_TEXTS, len(texts)))  # noqa: S311  reproducible, not secret
        if len(drawn) < trust.MIN_TEXTS:
            return None
        found.append(_states(model, sorted(drawn, key=len), pad_id=pad_id, batch_size=batch_size, on_batch=on_batch))
    return trust.fit(*found)


def _states(
    model: nn.Module, texts: list[tuple[int, ...]], *, pad_id: int, batch_size: int, on_batch: Callable[[], None]
) -> Tensor:
    device, parts = next(model.parameters()).device, []
    for start in range(0, len(texts), batch_size):
        ids, mask = models.pad_right([list(text) for text in texts[start : start + batch_size]], pad_id=pad_id)
        parts.append(models.last_states(model, ids.to(device), mask.to(device)).float().cpu())
        on_batch()
    return torch.cat(parts)


def _slices(pairs: list[TokenisedPair], gaps: Tensor) -> list[dict[str, Any]]:
    right = ((gaps > 0).float() + 0.5 * (gaps == 0).float()).tolist()
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for pair, credit in zip(pairs, right, strict=True):
        groups["certainty", _certainty(pair.record.q)].append(credit)
        if pair.record.category:
            groups["category", pair.record.category].append(credit)
    return [_row(*name, credits) for name, credits in sorted(groups.items())]


def _certainty(q: float) -> str:
    low, high = next(bounds for bounds in CERTAINTIES if max(q, 1 - q) < bounds[1] or bounds is CERTAINTIES[-1])
    return f"{low:g} to {high:g}"


def _row(of: str, value: str, credits: list[float]) -> dict[str, Any]:
    low, high = scoring.wilson(sum(credits), len(credits))
    accuracy = sum(credits) / len(credits)
    return {"slice": of, "value": value, "accuracy": accuracy, "low": low, "high": high, "n": len(credits)}
