"""Real human votes through the whole product: import, agreement, freeze, reward model, accuracy.

    python benchmarks/human_data.py --minutes 10

Reads UKPConvArg1 (Habernal and Gurevych 2016) and the OASST rankings from the shared data beside the checkout, and
the base model SmolLM2-135M. Prints the agreement of the crowd, and the accuracy of a reward model trained for the
given time on the training debates, on the votes of the debate held out, beside «the longer one wins».
"""

import argparse
import gzip
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import workplace

SHARED = workplace.ROOT.parent / "shared" / "data"
SOURCE = "comparisons/ukpconvarg1"


def rows(name: str) -> Iterator[dict]:
    with gzip.open(SHARED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def write(path: Path, lines: Iterator[dict]) -> Path:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return path


def ukp_comparisons(splits: list[str]) -> Iterator[dict]:
    """UKPConvArg1's items as comparisons of two arguments, with a place for each vote that was cast."""
    votes = Counter(row["item"] for split in splits for row in rows(f"{SOURCE}.annotations.{split}"))
    for split in splits:
        for item in rows(f"{SOURCE}.items.{split}"):
            completions = [{"id": side, "text": item[f"response_{side}"]} for side in "ab"]
            line = {
                "id": item["item"],
                "prompt": item["prompt"],
                "completions": completions,
                "category": item["debate"][:60],
            }
            yield line | {"overlap": votes[item["item"]]}


def ukp_votes(splits: list[str]) -> Iterator[dict]:
    for split in splits:
        for row in rows(f"{SOURCE}.annotations.{split}"):
            other = {"a": "b", "b": "a"}.get(row["label"])
            said = {"chosen": row["label"], "rejected": other} if other else {"tie": ["a", "b"]}
            vote = {
                "comparison": row["item"],
                "annotator": str(row["annotator"]),
                "submitted_at": row["submitted_at"],
                **said,
            }
            yield vote | ({"reason": row["reason"]} if row.get("reason") else {})


def oasst(language: str, *, want: str) -> Iterator[dict]:
    """OASST's lists, each one verdict by «oasst» (the published aggregate over several people)."""
    for row in rows(f"rankings/oasst_{language}.train"):
        if not 2 <= len(row["responses"]) <= 9:
            continue
        if want == "comparisons":
            completions = [{"id": str(r["id"]), "text": r["text"]} for r in row["responses"]]
            yield {
                "id": str(row["id"]),
                "prompt": row["prompt"],
                "completions": completions,
                "language": language,
                "overlap": 1,
            }
        else:
            tiers = [[str(name) for name in tier] for tier in row["ranking"]]
            yield {
                "comparison": str(row["id"]),
                "annotator": "oasst",
                "ranking": tiers,
                "submitted_at": "2023-04-12T00:00:00Z",
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="training time of the reward model")
    parser.add_argument(
        "--models", type=Path, default=workplace.ROOT / "var" / "models", help="where base models are kept"
    )
    options = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"{SHARED} is not there: this benchmark reads the shared human data beside the checkout.")
    with workplace.fresh() as directory:
        Bench(directory, options.models).run(options.minutes)


class Bench:
    """The steps of the benchmark over one fresh Concord."""

    def __init__(self, directory: Path, models: Path) -> None:
        self.directory, self.models = directory, models

    def run(self, minutes: float) -> None:
        from annotate import reports  # Django is set up only now

        everything = self.project("ukp-all", ukp_comparisons(["train", "val"]), ukp_votes(["train", "val"]))
        print(f"UKPConvArg1, train and validation: {reports.headline(everything).sentence}")
        train = self.project("ukp-train", ukp_comparisons(["train"]), ukp_votes(["train"]))
        print(f"UKPConvArg1, train:                {reports.headline(train).sentence}")
        held_out = self.project("ukp-val", ukp_comparisons(["val"]), ukp_votes(["val"]))
        for language in ("en", "zh"):
            made = self.project(
                f"oasst-{language}", oasst(language, want="comparisons"), oasst(language, want="rankings")
            )
            print(f"OASST {language}:                          {reports.headline(made).sentence}")
        self.train_and_evaluate(train, held_out, minutes)

    def project(self, slug: str, comparisons: Iterator[dict], votes: Iterator[dict]):
        from annotate import intake, projects

        made = projects.create(slug=slug, name=slug, overlap=5, guidelines="Which argument convinces more?", by=None)
        for kind, lines in (("comparisons", comparisons), ("rankings", votes)):
            path = write(self.directory / f"{slug}-{kind}.jsonl", lines)
            print(f"{slug}: {intake.import_file(path, kind=kind, project=made).sentence}", file=sys.stderr)
        return made

    def train_and_evaluate(self, train, held_out, minutes: float) -> None:
        from rlhf import artefacts, snapshots

        base = artefacts.register_base(self.base_model(), name="SmolLM2-135M-Instruct")
        config = {"minutes": minutes, "epochs": 1, "max_length": 256}
        training = self.execute(train, "reward", config, snapshots.freeze(train, by=None, test_rate=0.1), base)
        snapshot = snapshots.freeze(held_out, by=None, test_rate=1.0)
        found = self.execute(held_out, "evaluate", {"max_length": 256}, snapshot, training.checkpoint).result["metrics"]
        n_train = training.result["metrics"]["n_train"]
        print(f"\nReward model from SmolLM2-135M, {minutes:g} minutes, {n_train:,} training pairs at hand")
        print(f"{'accuracy on the debate held out':40} {found['accuracy']:.3f}  "
              f"[{found['accuracy_low']:.3f}, {found['accuracy_high']:.3f}]  n = {found['n']:,}")  # fmt: skip
        print(f"{'«the longer one wins» on the same pairs':40} {found['accuracy_longer_wins']:.3f}")
        print(f"{'where the shorter one won':40} {found['accuracy_shorter_won']:.3f}  n = {found['n_shorter_won']:,}")

    def base_model(self) -> Path:
        """Fetch SmolLM2-135M into the cache and copy it below this benchmark's data directory."""
        cached = self.models / "smollm2"
        command = [sys.executable, "-m", "rlhf.training.base", "smollm2", str(cached)]
        subprocess.run(command, cwd=workplace.ROOT, check=True, stdout=sys.stderr)
        target = self.directory / "models" / "smollm2"
        target.mkdir(parents=True)
        for file in cached.iterdir():
            shutil.copyfile(file, target / file.name)
        return target

    def execute(self, project, stage: str, config: dict, snapshot, base):
        from rlhf import preflight, runs, tasks
        from rlhf.contract import config as configs

        order = preflight.RunOrder(project, stage, configs.parse(stage, config), snapshot, base)
        run = runs.create(order, by=None)
        tasks.execute_run(run.pk)
        run.refresh_from_db()
        if run.state != "succeeded":
            sys.exit(f"{run} {run.state}: {run.failure_reason} {run.failure_message}")
        return run


if __name__ == "__main__":
    main()
