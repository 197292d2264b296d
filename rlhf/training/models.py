"""Load and save checkpoints, add LoRA, and turn messages into tokens: the same way in every stage.

A prompt is the chat template with its generation prompt; a completion is its tokens and EOS. Every stage trains and
scores on `prompt_ids + completion_ids`, so no stage sees text that another would cut differently. Loading never runs
code from a checkpoint: safetensors only, no remote code, and every file is checked against its manifest first.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rlhf.contract import rundir
from rlhf.contract.records import FailureReason, Message
from rlhf.training import parallel, sharding, unpadded
from rlhf.training.run import StageError

SCORE_INIT_STD = 0.02
SHARD_MEGABYTES = 50_000
"""A file of weights holds at most so much."""
DROPOUTS = ("attention_dropout", "hidden_dropout", "dropout", "resid_pdrop", "attn_pdrop", "embd_pdrop")


def manifest_of(directory: Path) -> dict[str, Any]:
    """Return the verified manifest of a checkpoint."""
    return rundir.verify_manifest(directory)


def load_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """Load a checkpoint's tokenizer; it must have a chat template, EOS and a padding token."""
    manifest_of(directory)
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    if problem := tokenizer_problem(tokenizer):
        raise StageError(FailureReason.BAD_ARTEFACT, f"the tokenizer in {directory} lacks {problem}.")
    return tokenizer


def tokenizer_problem(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return what a tokenizer lacks to train and sample with; empty where it has all."""
    needs = (
        ("a chat template", tokenizer.chat_template),
        ("an end-of-sequence token", tokenizer.eos_token),
        ("a padding token", tokenizer.pad_token),
    )
    return next((what for what, value in needs if not value), "")


def load_causal_lm(directory: Path) -> PreTrainedModel:
    """Load a language model in float32, without dropout, in eval mode. Refuses missing or unexpected weights."""
    require_that_writes(directory)
    return load_saved(directory).eval()


def require_that_writes(directory: Path) -> None:
    """Raise unless a checkpoint verifies and holds a language model."""
    if (kind := manifest_of(directory).get("kind")) == "reward":
        raise StageError(
            FailureReason.BAD_ARTEFACT, f"{directory} holds a {kind} model; expected one that writes text."
        )


def load_saved(directory: Path) -> PreTrainedModel:
    """Load a language model in float32 from a directory without a manifest."""
    model, info = _loaded(AutoModelForCausalLM, directory)
    _refuse_gaps(directory, info)
    unpadded.prepare(model)
    return model


def load_reward_model(directory: Path) -> PreTrainedModel:
    """Load a reward model with its head; a head that is missing is refused, never drawn at random."""
    if (kind := manifest_of(directory).get("kind")) != "reward":
        raise StageError(FailureReason.BAD_ARTEFACT, f"{directory} holds a {kind} model; expected a reward model.")
    model, info = _loaded(AutoModelForSequenceClassification, directory, num_labels=1)
    _refuse_gaps(directory, info)
    unpadded.prepare(model)
    return model.eval()


def new_reward_model(directory: Path, *, seed: int) -> PreTrainedModel:
    """Return a reward model on the trunk of a language model, with a small new head drawn from `seed`."""
    manifest_of(directory)
    model, info = _loaded(AutoModelForSequenceClassification, directory, num_labels=1)
    missing = set(info["missing_keys"]) - {"score.weight"}
    if missing:
        raise StageError(FailureReason.BAD_ARTEFACT, f"{directory} lacks weights: {', '.join(sorted(missing)[:3])}.")
    drawn = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.score.weight.copy_(torch.randn(model.score.weight.shape, generator=drawn) * SCORE_INIT_STD)
    return model


def tokenizer_sha256(directory: Path) -> str:
    """Return the sha256 of a tokenizer's vocabulary and chat template: two models with the same one share tokens."""
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    template = (tokenizer.chat_template or "").encode()
    return hashlib.sha256((directory / "tokenizer.json").read_bytes() + b"\0" + template).hexdigest()


def check_same_tokenizer(first: Path, second: Path) -> None:
    """Raise StageError unless two checkpoints cut and frame text the same way."""
    if manifest_of(first)["tokenizer_sha256"] != manifest_of(second)["tokenizer_sha256"]:
        raise StageError(
            FailureReason.TOKENIZER_MISMATCH,
            f"{first} and {second} have different tokenizers or chat templates, so one cannot score what the other "
            "writes. Train the reward model from the same base model.",
        )


def prompt_ids(tokenizer: PreTrainedTokenizerBase, messages: list[Message]) -> list[int]:
    """Return the tokens of a prompt: the chat template with its generation prompt."""
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def completion_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Return the tokens of a completion and EOS."""
    return [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def add_lora(model: PreTrainedModel, *, rank: int, first_layer: int = 0) -> PeftModel:
    """Return the model with LoRA adapters (alpha = 2 rank) on every linear layer of its blocks from `first_layer` up.

    A reward model's head is trained in full beside them.
    """
    return get_peft_model(model, lora_config(model, rank=rank, first_layer=first_layer))


def lora_config(model: PreTrainedModel, *, rank: int, first_layer: int) -> LoraConfig:
    """Return the adapters of `add_lora` as peft's config."""
    is_reward = hasattr(model, "score")
    return LoraConfig(
        task_type=TaskType.SEQ_CLS if is_reward else TaskType.CAUSAL_LM,
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        target_modules=_linear_names(model),
        layers_to_transform=list(range(first_layer, model.config.num_hidden_layers)),
        modules_to_save=["score"] if is_reward else None,
    )


def checkpoint_gradients(model: PreTrainedModel | PeftModel) -> None:
    """Recompute activations in the backward pass. transformers does so in training mode only, so that is switched on;
    nothing else depends on it, as dropout is off everywhere.
    """
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    inner.activation_checkpointing_enable({"use_reentrant": False})
    model.train()


def save_checkpoint(
    directory: Path,
    *,
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    kind: str,
    facts: dict[str, Any] | None = None,
    beside: Iterable[Path] = (),
    shard_megabytes: int = SHARD_MEGABYTES,
) -> str:
    """Write a checkpoint whole or not at all, adapters merged, and return its manifest's sha256.

    The files `beside` go into it as they are. Of several processes, which all must call it, the first writes; the
    others return "".
    """
    model = sharding.whole(model)
    if not parallel.is_first():
        return ""
    whole = model.merge_and_unload() if isinstance(model, PeftModel) else model
    temporary = directory.with_name(f".{directory.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    whole.config.pad_token_id = tokenizer.pad_token_id
    if whole.can_generate():  # generation_config.json ends and pads as the tokenizer does
        whole.generation_config.eos_token_id = tokenizer.eos_token_id
        whole.generation_config.pad_token_id = tokenizer.pad_token_id
    whole.save_pretrained(temporary, max_shard_size=f"{shard_megabytes}MB")
    tokenizer.save_pretrained(temporary)
    for file in beside:
        shutil.copy(file, temporary / file.name)
    known = {"kind": kind, "tokenizer_sha256": tokenizer_sha256(temporary), **(facts or {})}
    digest = rundir.write_manifest(temporary, known)
    temporary.rename(directory)
    return digest


def pad_right(sequences: list[list[int]], *, pad_id: int) -> tuple[Tensor, Tensor]:
    """Return (input_ids, attention_mask), both (B, T), padded on the right."""
    longest = max(map(len, sequences))
    ids = torch.full((len(sequences), longest), pad_id)
    mask = torch.zeros((len(sequences), longest), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return ids, mask


def scores_of(model: nn.Module, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Return the reward model's scores (B,), read at the last real token of right-padded sequences.

    Read by the mask and not by the padding token: where padding and EOS are the same token, looking for padding would
    score the token before EOS.
    """
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    return scored(inner.score, last_states(model, input_ids, attention_mask))


def scored(head: nn.Module, states: Tensor) -> Tensor:
    """Return the scores (B,) that a reward model's head reads from states (B, H): in float32 under autocast too.

    In bfloat16 two scores near 4 that are less than 0.03 apart would be the same.
    """
    with torch.autocast(states.device.type, enabled=False):
        return head(states.float()).squeeze(-1)


def head_of_reward(model: nn.Module) -> Tensor:
    """Return the weight (1, H) of a reward model's head, the trained one where adapters stand beside it."""
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    score = inner.score
    return (score.modules_to_save["default"] if hasattr(score, "modules_to_save") else score).weight


def last_states(model: nn.Module, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Return the states (B, H) at the last real token of right-padded sequences."""
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    hidden = inner.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
    last = attention_mask.sum(1) - 1
    return hidden[torch.arange(len(last), device=last.device), last]


def placed(model: PreTrainedModel) -> PreTrainedModel:
    """Return a model on the device of the stage; one in shards is there already, and moving it would untie weights."""
    return model if sharding.is_in_parts(model) else model.to(device())


def device() -> torch.device:
    """The device a stage works on."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _loaded(kind: Any, directory: Path, *, num_labels: int = 0) -> tuple[PreTrainedModel, dict[str, Any]]:
    """Load a model and what is said of its weights, in shards where the run wants them."""
    options = _safely(directory, num_labels=num_labels)
    if not sharding.is_wanted():
        return kind.from_pretrained(directory, output_loading_info=True, **options)
    found, info = None, {}
    if parallel.is_first():
        found, info = kind.from_pretrained(directory, output_loading_info=True, **options)
    return in_shards(found, kind, options["config"]), parallel.agreed(info)


def in_shards(found: PreTrainedModel | None, kind: Any, config: PreTrainedConfig) -> PreTrainedModel:
    """Return a model in shards (sharding.in_parts) that the first process found; `kind` is the class that makes it."""
    parallel.start()
    return sharding.in_parts(found, lambda: kind.from_config(config, dtype=torch.float32), device())


def _safely(directory: Path, *, num_labels: int = 0) -> dict[str, Any]:
    config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    if num_labels:
        config.num_labels = num_labels
    for name in DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, 0.0)
    return {
        "config": config,
        "local_files_only": True,
        "trust_remote_code": False,
        "use_safetensors": True,
        "dtype": torch.float32,
    }


def _refuse_gaps(directory: Path, info: dict[str, Any]) -> None:
    gaps = sorted({*info["missing_keys"], *info["unexpected_keys"]})
    if gaps:
        raise StageError(
            FailureReason.BAD_ARTEFACT, f"the weights in {directory} do not fit its config: {', '.join(gaps[:3])}."
        )


def _linear_names(model: PreTrainedModel) -> list[str]:
    """Return the last names of the linear layers inside the transformer's blocks (q_proj, up_proj, …).

    Where adapters wrap them already, the wrapped layers count and the adapters' own do not.
    """
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and ".layers." in name]
    inside = [name.removesuffix(".base_layer") for name in linear if ".lora_" not in name]
    return sorted({name.rsplit(".", 1)[-1] for name in inside})
