"""Attention as two products and a softmax, where that is quicker: on a CPU, when nothing is learned.

PyTorch's own begins a product anew for each 32 rows of each head. For one token after a text (decoding) that takes ten
times as long as the products themselves, for a short text in bfloat16 two to three times. In bfloat16 scores are
rounded, as in transformers' eager attention; of what bfloat16 does to a model's distribution (KL 0.0015 nats for
SmolLM2-135M) that is a fortieth. A long text has more scores than a cache holds, so it is left to PyTorch.
"""

import torch
from torch import Tensor

LONGEST = 256


def suits(query: Tensor, key: Tensor) -> bool:
    """Say whether it is the quicker one for a query (B, heads, T, D) and a key (B, groups, S, D)."""
    asked, read = query.shape[2], key.shape[2]
    is_short = asked == read <= LONGEST and query.dtype == torch.bfloat16
    learns = torch.is_grad_enabled() and query.requires_grad
    return (asked == 1 or is_short) and query.device.type == "cpu" and not learns


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, scaling: float) -> Tensor:
    """Return what each token attends to, (B, T, heads, D).

    The query is (B, heads, T, D) of the last T of S tokens, key and value (B, groups, S, D). The mask (B or 1, 1, T, S)
    is true where a token is seen; None sees all up to itself. A row that sees nothing takes the mean of all.
    """
    rows, heads, asked, width = query.shape
    groups, read = key.shape[1], key.shape[2]
    together = query.reshape(rows * groups, -1, width)  # the queries of a group lie below each other: they read one key
    keys, values = (one.reshape(rows * groups, read, width) for one in (key, value))
    scores = torch.baddbmm(query.new_zeros(1, 1, 1), together, keys.transpose(1, 2), beta=0, alpha=scaling)
    if mask is None and asked > 1:
        mask = torch.ones((1, 1, asked, read), dtype=torch.bool).tril(read - asked)
    if mask is not None:
        hidden = torch.zeros(mask.shape, dtype=query.dtype).masked_fill_(~mask, torch.finfo(query.dtype).min)
        scores.view(rows, groups, -1, asked, read).add_(hidden[:, :, None])
    found = torch.bmm(torch.softmax(scores, -1), values)
    return found.view(rows, heads, asked, width).transpose(1, 2)
