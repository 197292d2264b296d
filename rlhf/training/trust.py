"""The range of trust of a reward model: how far a completion lies from what the model was trained on.

A reward model is only to be believed near its training data, and PPO leads away from it. The distance is Mahalanobis'
on the last hidden state of the whole text (Lee et al. 2018), each dimension scaled to its own deviation first, because
a few dimensions of a transformer are a hundred times larger than the rest, and with Ledoit and Wolf's (2004) shrunk
covariance, so it is defined with fewer texts than dimensions. One in a hundred held-out texts exceeds the threshold.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

FAR = 0.99
"""The quantile of held-out distances beyond which a text lies outside."""
MIN_TEXTS = 50
FILE = "trust.safetensors"


class Trust(NamedTuple):
    """Where the training data lies. Tensors are float32; `distances` of equal texts are 1 in root mean square."""

    centre: Tensor  # (H,)
    whitening: Tensor  # (H, H)
    threshold: Tensor  # (): texts further out than this lie outside

    def distances(self, states: Tensor) -> Tensor:
        """Return the distance (N,) of states (N, H): 1 is usual for the training data."""
        whole = (states.float() - self.centre) @ self.whitening
        return whole.square().mean(-1).sqrt()

    def outside_rate(self, distances: Tensor) -> float:
        """Return the share of distances beyond the threshold, 0..1; about 0.01 on data like the training data."""
        return (distances > self.threshold).float().mean().item()


def fit(trained_on: Tensor, held_out: Tensor) -> Trust | None:
    """Return the range of states (N, H) that a model was trained on; None where either set is too small to tell."""
    if min(len(trained_on), len(held_out)) < MIN_TEXTS:
        return None
    states = trained_on.double()
    centre, deviation = states.mean(0), states.std(0).clamp(min=1e-6)
    values, vectors = torch.linalg.eigh(shrunk_covariance((states - centre) / deviation))
    whitening = (vectors / deviation[:, None]) @ torch.diag(values.clamp(min=1e-12).rsqrt())
    found = Trust(centre.float(), whitening.float(), torch.tensor(torch.inf))
    return found._replace(threshold=found.distances(held_out).quantile(FAR))


def write(found: Trust, directory: Path) -> Path:
    """Write a range of trust into a directory and return the file."""
    save_file({name: tensor.contiguous().cpu() for name, tensor in found._asdict().items()}, directory / FILE)
    return directory / FILE


def read(directory: Path, *, device: torch.device) -> Trust | None:
    """Return the range of trust of a checkpoint, or None where it has none."""
    if not (directory / FILE).is_file():
        return None
    return Trust(**{name: tensor.to(device) for name, tensor in load_file(directory / FILE).items()})


def shrunk_covariance(centred: Tensor) -> Tensor:
    """Return (1 - s) S + s m I for centred rows (N, H), with s as Ledoit and Wolf 2004 estimate it (section 3.3)."""
    n, size = centred.shape
    sample = centred.T @ centred / n
    mean = sample.diagonal().mean()
    eye = torch.eye(size, dtype=sample.dtype, device=sample.device)
    spread = (sample - mean * eye).square().sum()
    noise = (centred.square().sum(1).square().sum() - n * sample.square().sum()) / n**2
    share = 1.0 if spread <= 0 else (noise / spread).clamp(0.0, 1.0)
    return (1 - share) * sample + share * mean * eye
