"""Reward models of SmolLM2-135M on published human preferences, beside a bag of words and «the longer one wins».

    python benchmarks/human_reward.py --data oasst_en --epochs 3
    python benchmarks/human_reward.py --data oasst_zh --head --completion 1024
    python benchmarks/human_reward.py --data ukpconvarg1_strict --frozen 0.5 --batch 2 --minutes 11

Trains on the training file and measures on the validation file, whose prompts (UKPConvArg1: whose debate) the model
has not seen, by the reward stage's own training and scoring. What is longer than `--completion` or `--prompt` tokens is
cut, not left out, and counted: a completion at its end, a prompt at its beginning. `--hold-out 0.2` measures on a fifth
of the training file's groups instead: choose settings by that, not by the validation file. Each result is kept in
var/bench/human. The bag of words is a logistic regression on the differences of log-counts and length.
"""

import argparse
import gzip
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers

from benchmarks import training_place
from rlhf.contract import config as configs
from rlhf.contract import rundir
from rlhf.contract.records import PreferenceRecord, PromptRecord, write_jsonl
from rlhf.contract.rundir import Inputs, RunDirectory, RunSpec
from rlhf.contract.shares import wilson
from rlhf.training import base, data, models, precision, reward, run, scoring, tiny

SHARED = training_place.ROOT.parent / "shared" / "data" / "preferences"
KEPT = training_place.ROOT / "var" / "bench" / "human"
DATA = ("ukpconvarg1_strict", "oasst_en", "oasst_zh")
LEAST_COUNT = 3
"""A word counts that stands in so many training texts."""
WORD = re.compile(r"[一-鿿]|[^\W_]+|[!?.,;:]")
"""A Chinese character, a word or a mark; pairs of neighbours are counted beside them."""


class Row(NamedTuple):
    """A pair of the file, its texts cut for the model and whole for the floors."""

    record: PreferenceRecord
    chosen: str
    rejected: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=DATA, required=True)
    parser.add_argument("--head", action="store_true", help="learn the head alone")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=0.0, help="of training at most; 0 trains to the end")
    parser.add_argument("--rate", type=float, default=2e-4, help="learning rate")
    parser.add_argument("--rank", type=int, default=16, help="of the adapters")
    parser.add_argument("--frozen", type=float, default=0.5, help="share of the layers without adapters")
    parser.add_argument("--batch", type=int, default=4, help="prompts, or rows of nine completions, a step")
    parser.add_argument("--completion", type=int, default=256, help="tokens of a completion at most")
    parser.add_argument("--prompt", type=int, default=96, help="tokens of the last message at most")
    parser.add_argument("--hold-out", type=float, default=0.0, help="measure on this share of the training groups")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"{SHARED} is not there: this benchmark reads the shared human data beside the checkout.")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    found = measured(options)
    KEPT.mkdir(parents=True, exist_ok=True)
    name = f"{options.data}-{int(time.time())}.json"
    (KEPT / name).write_text(json.dumps(vars(options) | found, indent=1), encoding="utf-8")
    print(table(options, found))


def measured(options: argparse.Namespace) -> dict[str, float]:
    """Train and measure."""
    place = training_place.PLACE / "base"
    if not (place / rundir.MANIFEST).is_file():
        base.make("smollm2", place, steps=tiny.STEPS)
    tokenizer = models.load_tokenizer(place)
    cut = _Cut(tokenizer, prompt=options.prompt, completion=options.completion)
    train, test = (cut.rows(options.data, split) for split in ("train", "val"))
    if options.hold_out:
        train, test = _divided(train, options.hold_out)
    found = {"n_train": len(train), "n_cut": cut.count, "n_texts": cut.total} | floors(train, test)
    with tempfile.TemporaryDirectory() as scratch:
        directory = RunDirectory(Path(scratch) / "run")
        snapshot = _snapshot(Path(scratch) / "snapshot", train, test)
        directory.write_spec(
            RunSpec("reward", configs.parse("reward", _config(options)), Inputs(str(snapshot), str(place)))
        )
        context = run.RunContext(directory, directory.read_spec())
        torch.manual_seed(options.seed)
        pairs, left_out = data.pairs(snapshot, tokenizer, split="train", max_length=_config(options)["max_length"])
        held_out, also = data.pairs(snapshot, tokenizer, split="test", max_length=_config(options)["max_length"])
        started, clock = time.monotonic(), time.process_time()
        watcher = reward.Watcher(directory, minutes=options.minutes)
        model = reward._fit(context, tokenizer, data.labelled(pairs, "soft"), watcher, is_kept=False)
        found |= {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - clock}
        steps = [json.loads(line) for line in directory.metrics.read_text().splitlines()]
        losses = [step["values"]["loss"] for step in steps]
        found |= {"steps": len(steps), "last_loss": min(losses) if options.head else float(np.mean(losses[-20:]))}
        scored = scoring.pair_accuracy(
            model, held_out, pad_id=tokenizer.pad_token_id, batch_size=16, on_batch=lambda: None,
            use_bfloat16=precision.choose_bfloat16(models.device()),
        )  # fmt: skip
    return (
        found | {"n_left_out": left_out + also} | {name: value for name, value in scored.items() if value is not None}
    )


def floors(train: list[Row], test: list[Row]) -> dict[str, float]:
    """Return what a bag of words and «the longer one wins» (in characters) score on the test pairs."""
    words = _BagOfWords(train)
    right = words.right(test)
    longer = np.array([_sign(len(row.chosen) - len(row.rejected)) for row in test])
    is_shorter = longer == 0.0
    return {
        "bag_of_words": float(right.mean()),
        "bag_of_words_shorter_won": float(right[is_shorter].mean()) if is_shorter.any() else float("nan"),
        "longer_wins": float(longer.mean()),
    }


class _BagOfWords:
    """A logistic regression on differences of log-counts of words and pairs of words, and of log-length."""

    def __init__(self, train: list[Row], *, penalty: float = 1e-3, steps: int = 60) -> None:
        texts = {text for row in train for text in (row.chosen, row.rejected)}
        seen = Counter(word for text in texts for word in set(_words(text)))
        self.index = {word: at for at, (word, count) in enumerate(seen.items()) if count >= LEAST_COUNT}
        self.index = {word: at for at, word in enumerate(self.index)}
        differences = torch.from_numpy(self._differences(train))
        self.weights = torch.zeros(differences.shape[1], requires_grad=True)
        optimiser = torch.optim.LBFGS([self.weights], max_iter=steps, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            loss = (
                torch.nn.functional.softplus(-(differences @ self.weights)).mean()
                + penalty * self.weights.square().sum()
            )
            loss.backward()
            return loss

        optimiser.step(closure)

    def right(self, rows: list[Row]) -> np.ndarray:
        """Return 1 for each pair in the right order, 0.5 where it cannot tell."""
        gaps = self._differences(rows) @ self.weights.detach().numpy()
        return np.where(gaps == 0, 0.5, gaps > 0)

    def _differences(self, rows: list[Row]) -> np.ndarray:
        found = np.zeros((len(rows), len(self.index) + 1), np.float32)
        for at, row in enumerate(rows):
            for text, sign in ((row.chosen, 1.0), (row.rejected, -1.0)):
                for word, count in Counter(_words(text)).items():
                    if word in self.index:
                        found[at, self.index[word]] += sign * np.log1p(count)
                found[at, -1] += sign * np.log1p(len(text))
        return found


def _words(text: str) -> list[str]:
    single = WORD.findall(text.lower())
    return single + [f"{one} {other}" for one, other in zip(single, single[1:], strict=False)]


class _Cut:
    """Reads a file's pairs and cuts what is too long."""

    def __init__(self, tokenizer: object, *, prompt: int, completion: int) -> None:
        self.tokenizer, self.prompt, self.completion = tokenizer, prompt, completion
        self.kept: dict[tuple[str, bool], str] = {}
        self.count = 0

    @property
    def total(self) -> int:
        return len(self.kept)

    def rows(self, name: str, split: str) -> list[Row]:
        with gzip.open(SHARED / f"{name}.{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        asked = Counter(json.dumps(row["prompt"]) for row in rows)
        return [self._row(row, weight=1 / asked[json.dumps(row["prompt"])], split=split) for row in rows]

    def _row(self, row: dict, *, weight: float, split: str) -> Row:
        chosen, rejected = row["chosen"][0]["content"], row["rejected"][0]["content"]
        last = row["prompt"][-1]
        prompt = json.dumps([last | {"content": self._cut(last["content"], is_prompt=True)}], ensure_ascii=False)
        votes = [row.get(f"votes_{side}", default) for side, default in (("chosen", 1), ("rejected", 0), ("tie", 0))]
        record = PreferenceRecord(
            prompt_id=hashlib.sha256(json.dumps(row["prompt"]).encode()).hexdigest()[:16],
            prompt=prompt,
            chosen=self._cut(chosen, is_prompt=False),
            rejected=self._cut(rejected, is_prompt=False),
            q=(votes[0] + votes[2] / 2) / sum(votes),
            margin=0.0,
            p_tie=votes[2] / sum(votes),
            n_votes=sum(votes),
            weight=1.0 if "votes_chosen" in row else weight,
            category=row["group"],
            guideline=0,
            split="train" if split == "train" else "test",
        )
        return Row(record, chosen, rejected)

    def _cut(self, text: str, *, is_prompt: bool) -> str:
        if (text, is_prompt) not in self.kept:
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            most = self.prompt if is_prompt else self.completion
            self.count += len(ids) > most
            kept = ids[-most:] if is_prompt else ids[:most]
            self.kept[text, is_prompt] = text if len(ids) <= most else self.tokenizer.decode(kept)
        return self.kept[text, is_prompt]


def _divided(rows: list[Row], share: float) -> tuple[list[Row], list[Row]]:
    """Return rows in two parts, by a hash of their group; the second is about so large a share of the groups."""

    def is_held_out(row: Row) -> bool:
        return hashlib.sha256(row.record.category.encode()).digest()[0] < 256 * share

    held_out = [
        row._replace(record=PreferenceRecord(**(asdict(row.record) | {"split": "test"})))
        for row in rows
        if is_held_out(row)
    ]
    return [row for row in rows if not is_held_out(row)], held_out


def _config(options: argparse.Namespace) -> dict[str, float]:
    return {
        "trained": "head" if options.head else "model",
        "epochs": options.epochs,
        "minutes": options.minutes,
        "learning_rate": options.rate,
        "lora_rank": options.rank,
        "frozen_share": options.frozen,
        "batch_size": options.batch,
        "max_length": 64 + 2 * (options.prompt + options.completion),
        "seed": options.seed,
    }


def _snapshot(directory: Path, train: list[Row], test: list[Row]) -> Path:
    directory.mkdir()
    write_jsonl(directory / "prompts.jsonl", list[PromptRecord]())
    write_jsonl(directory / "demonstrations.jsonl", [])
    table = pa.Table.from_pylist([asdict(row.record) for row in [*train, *test]])
    pq.write_table(table, directory / "preferences.parquet")
    rundir.write_manifest(directory, {})
    return directory


def _sign(difference: int) -> float:
    return 0.5 if difference == 0 else float(difference > 0)


def table(options: argparse.Namespace, found: dict[str, float]) -> str:
    """Return the figures as text."""
    n, shorter = int(found["n"]), int(found["n_shorter_won"])
    low, high = wilson(found["accuracy_shorter_won"] * shorter, shorter) if shorter else (0.0, 1.0)
    where = f"a share of {options.hold_out:g} of the training groups" if options.hold_out else "the validation file"
    how = (
        f"the head alone, {found['steps']:.0f} penalties, loss of the best on held-out prompts {found['last_loss']:.3f}"
        if options.head
        else f"{found['steps']:.0f} steps, last loss {found['last_loss']:.3f}; epochs {options.epochs}, rate "
        f"{options.rate:g}, frozen {options.frozen:g}, seed {options.seed}"
    )
    lines = [
        f"{options.data}: {found['n_train']:,.0f} training pairs, measured on {where}; {found['n_cut']:.0f} of "
        f"{found['n_texts']:.0f} texts cut, {found['n_left_out']:.0f} pairs left out",
        f"{found['cpu_seconds']:.0f} CPU s; {how}",
        f"{'accuracy':34} {found['accuracy']:.3f} [{found['accuracy_low']:.3f}, {found['accuracy_high']:.3f}] n = {n}",
        f"{'bag of words':34} {found['bag_of_words']:.3f}",
        f"{'«the longer one wins»':34} {found['longer_wins']:.3f}",
    ]
    if shorter:
        lines += [
            f"{'accuracy where the shorter one won':34} {found['accuracy_shorter_won']:.3f} [{low:.3f}, {high:.3f}] "
            f"n = {shorter}",
            f"{'bag of words there':34} {found['bag_of_words_shorter_won']:.3f}",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
