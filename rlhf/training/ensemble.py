"""How sure a reward model is: several heads on its last state, whose spread over a text is the uncertainty.

Each head is the most likely one given a bootstrap of the prompts and an anchor of its own, drawn around the trained
head (anchored ensembles, Pearce et al. 2020). Where comparisons speak the heads agree; in directions that none
told anything about they keep their anchors and differ, so the spread also rises away from the training data. The trunk
is shared: k heads cost k products a text.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import logsigmoid

FILE = "ensemble.safetensors"
STEPS = 60
"""Of L-BFGS; the problem is convex."""


class Labels(NamedTuple):
    """What people said of N pairs: P(chosen is better), the weight (1 a prompt), the code of the prompt. (N,) each"""

    q: Tensor
    weight: Tensor
    prompt: Tensor


class Ensemble(NamedTuple):
    """Heads (K, H) and what each gives the training texts on average (K,); `scale` () is the deviation of scores."""

    heads: Tensor
    centres: Tensor
    scale: Tensor

    def spread(self, states: Tensor) -> Tensor:
        """Return the deviation (N,) of the heads' scores of states (N, H), in deviations of the model's scores."""
        scores = states.float() @ self.heads.T - self.centres
        return scores.std(1) / self.scale


def fit(chosen: Tensor, rejected: Tensor, labels: Labels, *, head: Tensor, count: int, seed: int) -> Ensemble:
    """Return `count` heads from the states (N, H) of the texts of N pairs, around the trained head (H,).

    The prior of a head is a Gaussian around the trained one under which a usual text's score deviates by as much as
    scores do among the training texts; a head is the maximum of its posterior.
    """
    generator = torch.Generator().manual_seed(seed)
    texts = torch.cat([chosen, rejected]).double()
    size = texts.std(0).clamp(min=1e-6)  # (H,): heads are fitted on states of unit deviation
    trained = head.double() * size
    scale = (texts @ head.double()).std().clamp(min=1e-6)
    width = len(head) / scale**2  # precision of the prior
    noise = torch.randn(count, len(head), generator=generator, dtype=torch.float64)
    anchors = trained + noise / width.sqrt()
    drawn = _bootstrap(labels.prompt, count, generator) * labels.weight.double()  # (K, N)
    gaps, q = (chosen.double() - rejected.double()) / size, labels.q.double()
    heads = anchors.clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([heads], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        d = heads @ gaps.T  # (K, N)
        misfit = -(drawn * (q * logsigmoid(d) + (1 - q) * logsigmoid(-d))).sum()
        total = misfit + width / 2 * (heads - anchors).square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    found = (heads.detach() / size).float()
    return Ensemble(found, (texts.float() @ found.T).mean(0), scale.float())


def write(found: Ensemble, directory: Path) -> Path:
    """Write an ensemble into a directory and return the file."""
    save_file({name: tensor.contiguous().cpu() for name, tensor in found._asdict().items()}, directory / FILE)
    return directory / FILE


def read(directory: Path, *, device: torch.device) -> Ensemble | None:
    """Return the ensemble of a checkpoint, or None where it has none."""
    if not (directory / FILE).is_file():
        return None
    return Ensemble(**{name: tensor.to(device) for name, tensor in load_file(directory / FILE).items()})


def _bootstrap(prompt: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return how often each head draws each pair's prompt, with replacement. (K, N) float64"""
    n = int(prompt.max()) + 1
    drawn = torch.randint(n, (count, n), generator=generator)
    times = torch.stack([torch.bincount(row, minlength=n) for row in drawn])
    return times[:, prompt].double()
