"""The model card of a checkpoint: README.md in Hugging Face form, written from its lineage, settings and figures.

The lineage travels in the manifests: each checkpoint's is that of the model it was made from and one step more, so a
card needs no database and a downloaded checkpoint tells where it comes from.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlhf.contract import config as configs
from rlhf.contract import rundir
from rlhf.contract.rundir import RunSpec

NAME = "README.md"
Facts = dict[str, Any]

WHAT = {
    "base": "A language model that continues text; it was not tuned to follow instructions here.",
    "sft": "A language model fine-tuned on prompts with ideal outputs.",
    "reward": "A reward model: it gives a conversation one number, higher where people would prefer the answer.",
    "policy": "A language model tuned to people's preferences.",
}
LIMITS = {
    "base": "It repeats what its text says, right or wrong.",
    "sft": "It imitates the outputs it was shown; what they leave out it does not know.",
    "reward": "A score means something only near the texts it was trained on (see its range of trust), and only as a "
    "difference between completions of one prompt. Do not read it as quality, and do not use it to judge people.",
    "policy": "It was tuned to score high under a reward model. What the reward model likes and people do not, such as "
    "length, may be in it; have its completions ranked before you use it.",
}
SIMULATED = "**Some of the rankings behind it were made by simulated annotators, not by people.**"
GENERATE = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForCausalLM.from_pretrained(".")
messages = [{"role": "user", "content": "Name three rivers."}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=64)[0], skip_special_tokens=True))
```"""
SCORE = """```python
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForSequenceClassification.from_pretrained(".", num_labels=1)
messages = [{"role": "user", "content": "Name three rivers."}]
prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
text = prompt + "The Rhine, the Nile and the Ganges." + tokenizer.eos_token
with torch.no_grad():
    print(model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits.item())
```"""


def add(directory: Path, spec: RunSpec, *, figures: Facts, versions: dict[str, str]) -> None:
    """Write the card of what a run left into its checkpoint, and its lineage into the manifest."""
    manifest = rundir.verify_manifest(directory)
    settings = configs.to_json(spec.config)
    gave_weights = settings.get("weights") != "new"  # pretraining may take the tokenizer of a model only
    parent = _manifest_of(spec.inputs.base) if gave_weights else {}
    data = _manifest_of(spec.inputs.snapshot or spec.inputs.corpus)
    step = {
        "stage": spec.stage,
        "kind": manifest["kind"],
        "seed": spec.config.seed,
        "has_simulated": bool(data.get("has_simulated")),
        "figures": {name: value for name, value in figures.items() if _is_plain(value)},
        **{f"{name}_sha256": _sha256(path) for name, path in asdict(spec.inputs).items() if path},
    }
    facts = {name: value for name, value in manifest.items() if name != "files"}
    facts["lineage"] = [*parent.get("lineage", []), step]
    if spec.audit_seal:
        facts["audit_seal"] = spec.audit_seal
    if "license" in parent:
        facts.setdefault("license", parent["license"])
    if spec.stage == "export" and parent.get("lineage"):
        figures = parent["lineage"][-1]["figures"] | figures
    text = card(
        facts,
        data=data,
        settings=settings,
        figures=figures,
        versions=versions,
    )
    (directory / NAME).write_text(text, encoding="utf-8", newline="\n")
    rundir.write_manifest(directory, facts)


def add_to_base(directory: Path) -> None:
    """Write the card of a model that was brought in from outside, about whose making nothing is known."""
    facts = {name: value for name, value in rundir.verify_manifest(directory).items() if name != "files"}
    text = card(facts, data={}, settings={}, figures={}, versions={})
    (directory / NAME).write_text(text, encoding="utf-8", newline="\n")
    rundir.write_manifest(directory, facts)


def card(facts: Facts, *, data: Facts, settings: Facts, figures: Facts, versions: dict[str, str]) -> str:
    """Return the text of a card; a part that nothing is known of is left out."""
    kind, lineage = facts["kind"], facts.get("lineage", [])
    parts = [
        _front(facts, figures),
        f"# {_title(kind, lineage)}\n\n{WHAT[kind]} Made with Concord.",
        "## Use\n\n" + (SCORE if kind == "reward" else GENERATE),
        f"## Limits\n\n{LIMITS[kind]}",
        SIMULATED if any(step.get("has_simulated") for step in lineage) else "",
        _lineage(lineage),
        _data(data),
        _table("Figures", {name: value for name, value in figures.items() if _is_plain(value)}),
        _table("Settings", settings),
        _table("Versions", versions),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(facts: Facts, figures: Facts) -> str:
    """The YAML head; its values are JSON, which is YAML."""
    kind = facts["kind"]
    stages = list(dict.fromkeys(step["stage"] for step in facts.get("lineage", [])))
    head: Facts = {
        "library_name": "transformers",
        "pipeline_tag": "text-classification" if kind == "reward" else "text-generation",
        "tags": ["concord", *(["reward-model"] if kind == "reward" else []), *stages],
    }
    if "license" in facts:
        head["license"] = facts["license"]
    if kind == "reward" and "accuracy" in figures:
        result = {
            "task": {"type": "text-classification", "name": "preference between two completions"},
            "dataset": {"type": "concord-snapshot", "name": "held-out pairs of the snapshot"},
            "metrics": [{"type": "accuracy", "value": round(figures["accuracy"], 4)}],
        }
        head["model-index"] = [{"name": "reward model", "results": [result]}]
    lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in head.items())
    return "---\n" + "\n".join(lines) + "\n---"


def _title(kind: str, lineage: list[Facts]) -> str:
    name = {"base": "Base model", "sft": "SFT model", "reward": "Reward model", "policy": "Policy"}[kind]
    trained = [step["stage"] for step in lineage if step["stage"] != "export"]
    return f"{name} by {trained[-1]}" if trained else name


def _lineage(lineage: list[Facts]) -> str:
    if not lineage:
        return ""
    rows = [
        f"| {at} | {step['stage']} | {step['kind']} | {step['seed']} | {_inputs(step)} |"
        for at, step in enumerate(lineage, start=1)
    ]
    head = "| step | stage | left | seed | from (sha256 of the manifest) |\n|---|---|---|---|---|\n"
    return "## Lineage\n\n" + head + "\n".join(rows)


def _inputs(step: Facts) -> str:
    known = {name.removesuffix("_sha256"): value for name, value in step.items() if name.endswith("_sha256")}
    return ", ".join(f"{name.replace('_', ' ')} `{value[:12]}`" for name, value in known.items())


def _data(data: Facts) -> str:
    counts: Facts = data.get("counts", {})
    if not counts:
        return ""
    told = {name: value for name, value in counts.items() if isinstance(value, int)}
    return _table("Data", told)


def _table(title: str, values: Facts) -> str:
    if not values:
        return ""
    rows = "\n".join(f"| {name.replace('_', ' ')} | {_said(value)} |" for name, value in values.items())
    return f"## {title}\n\n| | |\n|---|---|\n{rows}"


def _is_plain(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and bool(value))


def _said(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _manifest_of(directory: str) -> Facts:
    """The manifest of an input, which its stage has verified; {} where there is none."""
    path = Path(directory) / rundir.MANIFEST
    if not directory or not path.is_file():
        return {}
    found: Facts = json.loads(path.read_text(encoding="utf-8"))
    return found


def _sha256(directory: str) -> str:
    return rundir.sha256_of(Path(directory) / rundir.MANIFEST)
