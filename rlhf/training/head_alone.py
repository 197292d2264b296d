"""A reward model of which the head alone is trained: its base's states of the pairs' texts, and the head for them."""

from collections.abc import Callable

import torch
from torch import nn

from rlhf.contract.config import RewardConfig
from rlhf.training import models, probe, reward_report
from rlhf.training.data import TokenisedPair
from rlhf.training.probe import Comparisons
from rlhf.training.watching import Watcher


class Cancelled(Exception):
    """The run was asked to stop."""


@torch.no_grad()
def fitted(
    model: nn.Module,
    pairs: list[TokenisedPair],
    config: RewardConfig,
    watcher: Watcher,
    *,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[], None],
) -> nn.Module:
    """Return the model with a head for the pairs; where the run is cancelled, with the head as it was."""

    def go_on() -> None:
        on_batch()
        watcher.should_stop()
        if watcher.is_cancelled:
            raise Cancelled

    watcher.directory.forget_after(0)  # what an attempt wrote down that was interrupted
    model.eval()
    try:
        chosen, rejected = reward_report.pair_states(model, pairs, pad_id=pad_id, batch_size=batch_size, on_batch=go_on)
    except Cancelled:
        return model
    numbers = {name: number for number, name in enumerate(dict.fromkeys(pair.record.prompt_id for pair in pairs))}
    weight = torch.tensor([pair.record.weight for pair in pairs])
    found = probe.fit(
        Comparisons(
            chosen,
            rejected,
            q=torch.tensor([pair.record.q for pair in pairs]),
            weight=weight / weight.mean(),
            margin=torch.tensor([pair.record.margin for pair in pairs]),
            prompt=torch.tensor([numbers[pair.record.prompt_id] for pair in pairs]),
        ),
        center=config.center_coefficient,
        seed=config.seed,
        on_try=lambda step, tried: watcher.report(step, tried._asdict(), of=len(probe.PENALTIES)),
    )
    print(f"reward: penalty {found.penalty:.3g}", flush=True)
    head = models.head_of_reward(model)
    head.copy_(found.head.to(head))
    return model
