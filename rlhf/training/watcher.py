"""A second reward model that watches PPO: it learned from other comparisons, and nothing is tuned against it.

Two reward models of two halves of the data err in different places. As long as both like what the policy learns, so may
people; where the first still rises and the second falls, the policy has begun to exploit the first (Gao et al. 2022).
Both are shown in deviations of their own training scores, so that they can be compared.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from rlhf.training import judge, models
from rlhf.training.judge import Judge
from rlhf.training.policy import Policy
from rlhf.training.rollout import Batch

NAME = "watcher"


@dataclass(frozen=True)
class Watcher:
    """A reward model and the scale of its scores."""

    judge: Judge
    score_mean: float
    score_std: float

    def scores(self, batch: Batch, states: Tensor | None) -> Tensor:
        """Return its scores (B,) of a batch in deviations from its training data's mean."""
        return (self.judge.read(batch, states).scores - self.score_mean) / self.score_std


def load(directory: str, *, base: Path, policy: Policy) -> Watcher | None:
    """Return the watcher of a run, or None where it has none ("")."""
    if not directory:
        return None
    models.check_same_tokenizer(base, Path(directory))
    manifest = models.manifest_of(Path(directory))
    found = judge.load(Path(directory), base=base, policy=policy, name=NAME)
    return Watcher(found, float(manifest["score_mean"]), float(manifest["score_std"]))
