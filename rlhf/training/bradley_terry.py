"""The loss of a reward model on pairs: Bradley-Terry on soft labels, with weights, margins and centring."""

from torch import Tensor
from torch.nn.functional import logsigmoid


def soft_loss(
    chosen: Tensor,
    rejected: Tensor,
    q: Tensor,
    weight: Tensor,
    *,
    center: float | None,
    margin: Tensor | float = 0.0,
) -> Tensor:
    """Return the weighted mean of -[q log s(d) + (1 - q) log s(-d)] + center (r_c + r_r)^2 over N pairs.

    All arguments (N,); d = chosen - rejected - margin, s the logistic function, q = P(chosen is better) in 0..1. With
    q = 1 this is the Bradley-Terry loss of Ouyang et al. 2022, equation 1, and with a margin Llama 2's (Touvron et al.
    2023, equation 2); the centring term is Eisenstein et al. 2023's.
    """
    gap = chosen - rejected - margin
    loss = -(q * logsigmoid(gap) + (1 - q) * logsigmoid(-gap))
    if center:
        loss = loss + center * (chosen + rejected) ** 2
    return (weight * loss).mean()
