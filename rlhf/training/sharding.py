"""A model of which each process holds a part of every weight: FSDP2, PyTorch's fully_shard.

The weights of a layer are put together while it is read and let go again; gradients and optimiser states lie in parts,
too. The first process reads the files, and only it ever holds the whole model, on its CPU; the others are sent their
parts. Adapters and a reward model's head stay whole on each. All processes must read the model equally often.

transformers can load into parts by itself, but manages tied embeddings twice then, and where their rows do not divide
evenly the two lose each other (transformers 5.23 with torch 2.13; docs/decisions/0018).
"""

import copy
import os
from collections.abc import Callable

import torch
import torch.distributed
from peft import PeftModel, get_peft_model
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel
from transformers.distributed import DistributedConfig

from rlhf.contract import profiles
from rlhf.contract.records import FailureReason
from rlhf.training import parallel
from rlhf.training.run import StageError


def is_wanted() -> bool:
    """Say whether the run was launched with a profile that shards, in more than one process."""
    return os.environ.get(profiles.SHARDED) == "true" and int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_in_parts(model: nn.Module) -> bool:
    """Say whether a model, or the one under its adapters, is in parts."""
    return any(isinstance(one, FSDPModule) for one in (_inner(model), _inner(model).base_model))


def in_parts(
    found: PreTrainedModel | None, make: Callable[[], PreTrainedModel], device: torch.device
) -> PreTrainedModel:
    """Return a model in parts, with the weights that the first process `found`; `make` builds one without weights.

    A language model is taken apart as a whole; of a reward model the trunk, which is read on its own. Raises StageError
    where the layers cannot be found.
    """
    with torch.device("meta"):
        model = make()
    root = model if model.can_generate() else model.base_model
    if not hasattr(root.base_model, "layers"):
        raise StageError(
            FailureReason.BAD_CONFIG,
            f"a {model.config.model_type} model is not built so that its layers can be held in shards: choose a "
            "profile without them.",
        )
    for layer in root.base_model.layers:
        fully_shard(layer)
    fully_shard(root, reshard_after_forward=True)  # or what was read last would be stale after the next step
    print(f"shards: each of {parallel.count()} processes holds a part of the model", flush=True)
    model.to_empty(device=device)
    model.tie_weights()
    _fill(model, found)
    # what the Hugging Face trainer looks at before it would wrap a model, or move it
    model.config.distributed_config = DistributedConfig(fsdp_size=parallel.count())
    model._is_distributed_loading_by_transformers = True  # noqa: SLF001
    model._is_fsdp_managed_module = True  # noqa: SLF001
    return model.eval()


@torch.no_grad()
def _fill(model: PreTrainedModel, found: PreTrainedModel | None) -> None:
    """Give each process its part of every weight that the first process found, one weight after the other."""
    given = {**dict(found.named_parameters()), **dict(found.named_buffers())} if found else {}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        full = torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device)
        if given:
            full.copy_(given[name])
        torch.distributed.broadcast(full, src=0)
        if isinstance(tensor, DTensor):
            part = distribute_tensor(full, tensor.device_mesh, tensor.placements, src_data_rank=None)
            tensor.to_local().copy_(part.to_local())
        else:
            tensor.copy_(full)


def whole(model: nn.Module) -> nn.Module:
    """Return a model in parts put together on the CPU of the first process, its adapters beside; to others, as it is.

    All processes must call it. A model that is whole is returned as it is.
    """
    if not is_in_parts(model):
        return model
    state = {}
    for name, tensor in model.state_dict().items():
        full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if parallel.is_first():
            state[name] = full.cpu()
    return _of_state(model, state) if parallel.is_first() else model


def _of_state(model: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    inner = _inner(model)
    config = copy.deepcopy(inner.config)
    del config.distributed_config
    plain_class = next(kind for kind in type(inner).__mro__ if not issubclass(kind, FSDPModule))
    with torch.device("meta"):
        plain = plain_class(config)
        if isinstance(model, PeftModel):
            plain = get_peft_model(plain, model.peft_config["default"])
    plain.load_state_dict(state, assign=True)
    _inner(plain).tie_weights()
    return plain


def _inner(model: nn.Module) -> nn.Module:
    return model.get_base_model() if isinstance(model, PeftModel) else model
