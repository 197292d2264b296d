"""A critic with weights of its own, all of them trained, that begins as the reward model (Ouyang et al. 2022, C.3)."""

from torch import Tensor, nn

from rlhf.training import rollout
from rlhf.training.rollout import Batch


class ValueModel(nn.Module):
    """Says of each response token, before it is written, what reward is still to come, in normalised scores."""

    def __init__(self, model: nn.Module, *, mean: float, std: float) -> None:
        super().__init__()
        self.model, self.mean, self.std = model, mean, max(std, 1e-6)

    def forward(self, batch: Batch) -> Tensor:
        """Return values (B, R), padding 0."""
        scores = self.model.score(rollout.response_hidden(self.model, batch)).squeeze(-1).float()
        return (scores - self.mean) / self.std * batch.response_mask
