"""What to know of a reward model besides its accuracy: where it is right, whether it means what it says, how far it
can be trusted.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rlhf.contract.shares import wilson
from rlhf.training import calibration, ensemble, models, scoring, trust
from rlhf.training.data import TokenisedPair, is_decided
from rlhf.training.ensemble import Ensemble
from rlhf.training.trust import Trust

MOST_PAIRS = 10_000
"""Pairs that the heads of an ensemble are fitted on, at most."""
MOST_TEXTS = 4_000
"""Texts that the range of trust is measured on, at most."""
CERTAINTIES = ((0.5, 0.6), (0.6, 0.75), (0.75, 0.9), (0.9, 1.0))
"""Bins of q, the certainty of a label; the last holds 1."""
MARGINS = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0))
"""Bins of the size of a label's margin; the last holds 3."""


def of_held_out(
    model: nn.Module,
    pairs: list[TokenisedPair],
    *,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[], None],
) -> dict[str, Any]:
    """Return calibration on held-out pairs and accuracy on parts of them; {} where none is decided.

    `ece` is the expected calibration error, `temperature` what the gaps would have to be divided by, `calibration` the
    reliability curve; `accuracy_by` has rows of {slice, value, accuracy, low, high, n}, the slices being margin,
    certainty (agreement of the annotators), category and length (whether the longer or the shorter one was better).
    `longer_scored_higher`: the share of pairs in which the longer completion gets the higher score, 0..1.
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
        "longer_scored_higher": sum(_longer_is_higher(*one) for one in zip(decided, gaps.tolist(), strict=True))
        / len(decided),
    }


def of_trust(trusted: Trust | None) -> dict[str, float]:
    """Return the figure of a range of trust for result.json: beyond which distance a text lies outside."""
    return {"trust_threshold": trusted.threshold.item()} if trusted else {}


def ensemble_of(
    model: nn.Module,
    pairs: list[TokenisedPair],
    *,
    count: int,
    seed: int,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[], None],
) -> Ensemble | None:
    """Return `count` heads fitted on training pairs around the model's own; None where none are wanted."""
    if not count:
        return None
    options = {"pad_id": pad_id, "batch_size": batch_size, "on_batch": on_batch}
    pairs = random.Random(seed).sample(pairs, min(MOST_PAIRS, len(pairs)))  # noqa: S311  reproducible, not secret
    chosen, rejected = pair_states(model, pairs, **options)
    names = {name: at for at, name in enumerate(dict.fromkeys(pair.record.prompt_id for pair in pairs))}
    labels = ensemble.Labels(
        q=torch.tensor([pair.record.q for pair in pairs]),
        weight=torch.tensor([pair.record.weight for pair in pairs]),
        prompt=torch.tensor([names[pair.record.prompt_id] for pair in pairs]),
    )
    head = models.head_of_reward(model).detach().float().cpu()[0]
    return ensemble.fit(chosen, rejected, labels, head=head, count=count, seed=seed)


def of_ensemble(
    found: Ensemble | None,
    model: nn.Module,
    pairs: list[TokenisedPair],
    *,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[], None],
) -> dict[str, Any]:
    """Return the mean uncertainty on held-out pairs, and the accuracy on the surer and the less sure half of them.

    A pair's uncertainty is the deviation of the gaps by the heads, over the size of their mean: near 1 they are not
    agreed on which is better.
    """
    decided = [pair for pair in pairs if is_decided(pair)]
    if found is None or len(decided) < 2:
        return {}
    options = {"pad_id": pad_id, "batch_size": batch_size, "on_batch": on_batch}
    chosen, rejected = pair_states(model, decided, **options)
    gaps = (chosen - rejected) @ found.heads.T  # (N, K)
    doubt = gaps.std(1) / gaps.mean(1).abs().clamp(min=1e-9)
    own = (chosen - rejected) @ models.head_of_reward(model).detach().float().cpu()[0]
    right = ((own > 0).float() + 0.5 * (own == 0).float())[doubt.argsort()].tolist()
    middle = len(right) // 2
    return {
        "uncertainty": torch.cat([found.spread(chosen), found.spread(rejected)]).mean().item(),
        "accuracy_by_doubt": [
            _row("doubt", "the surer half", right[:middle]),
            _row("doubt", "the less sure half", right[middle:]),
        ],
    }


def pair_states(
    model: nn.Module, pairs: list[TokenisedPair], *, pad_id: int, batch_size: int, on_batch: Callable[[], None]
) -> tuple[Tensor, Tensor]:
    """Return the states (N, H) at the ends of the chosen and of the rejected texts; each distinct text is run once."""
    texts = sorted({tuple(text) for pair in pairs for text in (pair.chosen, pair.rejected)}, key=len)
    states = last_states(model, texts, pad_id=pad_id, batch_size=batch_size, on_batch=on_batch)
    place = {text: at for at, text in enumerate(texts)}
    sides = ([place[tuple(p.chosen)] for p in pairs], [place[tuple(p.rejected)] for p in pairs])
    return states[sides[0]], states[sides[1]]


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
        found.append(
            last_states(model, sorted(drawn, key=len), pad_id=pad_id, batch_size=batch_size, on_batch=on_batch)
        )
    return trust.fit(*found)


@torch.no_grad()
def last_states(
    model: nn.Module, texts: list[tuple[int, ...]], *, pad_id: int, batch_size: int, on_batch: Callable[[], None]
) -> Tensor:
    """Return the states (N, H) at the end of texts, float32 on the CPU: what the range of trust is about."""
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
        groups["certainty", _bin(max(pair.record.q, 1 - pair.record.q), CERTAINTIES)].append(credit)
        groups["margin", _bin(abs(pair.record.margin), MARGINS)].append(credit)
        if pair.chosen_length != pair.rejected_length:
            better = "the longer is better" if pair.chosen_length > pair.rejected_length else "the shorter is better"
            groups["length", better].append(credit)
        if pair.record.category:
            groups["category", pair.record.category].append(credit)
    return [_row(*name, credits) for name, credits in sorted(groups.items())]


def _bin(value: float, bins: tuple[tuple[float, float], ...]) -> str:
    low, high = next(bounds for bounds in bins if value < bounds[1] or bounds is bins[-1])
    return f"{low:g} to {high:g}"


def _longer_is_higher(pair: TokenisedPair, gap: float) -> float:
    """1 if the longer completion has the higher score, 0 if the shorter has, a half where either is equal."""
    ahead = (pair.chosen_length - pair.rejected_length) * gap
    return 0.5 if ahead == 0 else float(ahead > 0)


def _row(of: str, value: str, credits: list[float]) -> dict[str, Any]:
    low, high = wilson(sum(credits), len(credits))
    accuracy = sum(credits) / len(credits)
    return {"slice": of, "value": value, "accuracy": accuracy, "low": low, "high": high, "n": len(credits)}
