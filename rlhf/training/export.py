"""A model for other programs: a plain Hugging Face folder, adapters merged, in a format of your choice.

    accelerate launch -m rlhf.training.export RUN_DIR

The folder has weights in safetensors, tokenizer, generation config, model card and our manifest, and nothing that only
Concord reads. Concord reads it back like any checkpoint; a reward model keeps the scale of its scores, not its range of
trust.
"""

from pathlib import Path

import torch

from rlhf.contract.config import ExportConfig
from rlhf.training import models
from rlhf.training.run import RunContext, StageOutcome, main

KEPT = ("score_mean", "score_std")
"""Facts of a manifest that stay true of the exported model; licence and lineage go on by themselves (card.py)."""


def export(context: RunContext) -> StageOutcome:
    """Write the base checkpoint in the wanted format."""
    config, directory = context.spec.config, Path(context.spec.inputs.base)
    assert isinstance(config, ExportConfig)  # noqa: S101  read_spec parsed it for this stage
    manifest = models.manifest_of(directory)
    load = models.load_reward_model if manifest["kind"] == "reward" else models.load_causal_lm
    model = load(directory).to(getattr(torch, config.dtype))
    context.directory.beat()
    models.save_checkpoint(
        context.directory.checkpoint,
        model=model,
        tokenizer=models.load_tokenizer(directory),
        kind=manifest["kind"],
        facts={name: manifest[name] for name in KEPT if name in manifest},
        shard_megabytes=config.shard_megabytes,
    )
    files = [path for path in context.directory.checkpoint.iterdir() if path.suffix == ".safetensors"]
    figures = {
        "n_parameters": model.num_parameters(),
        "megabytes": round(sum(path.stat().st_size for path in files) / 1e6, 1),
        "n_weight_files": len(files),
    }
    print(f"export: {figures['megabytes']} MB of weights in {len(files)} files, {config.dtype}", flush=True)
    return StageOutcome(figures, checkpoint_kind=manifest["kind"])


if __name__ == "__main__":
    main("export", export)
