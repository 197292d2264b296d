"""What training costs, ours beside TRL on the same machine, work and seeds.

    python benchmarks/training.py [--part ppo] [--seeds 1 2 3]

Each case runs in a process of its own (training_worker.py) and says its CPU seconds, user and system, and its peak
memory. PPO is set against TRL 1.12.0, which had the last PPOTrainer and is fetched into var/bench; the reward model
against the TRL that is installed. `sample` is set against the time that its counted operations need at the rate at
which this machine multiplies matrices; it takes two threads.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.equal_kl import BUDGET, Step, at_equal_kl
from benchmarks.measuring import ROOT, Row, at_least, at_most
from rlhf.environment import KEPT_MEMORY

Case = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given several times")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the tiny model's runs")
    options = parser.parse_args()
    rows = []
    for part in options.part or PARTS:
        found = PARTS[part](options.seeds)
        _print(found)
        rows += found
    if not options.part:
        _print(rows)


def ppo(seeds: list[int]) -> list[Row]:
    """One step of 16 prompts, 32 new tokens and 4 epochs of SmolLM2-135M."""
    theirs = _case("ppo", "trl", seeds[0])
    rows = []
    for engine, what, time, memory in (
        ("lora", "LoRA on a shared trunk, a step", 1 / 4, 1 / 4),
        ("lora-fp32", "the same in float32", 1 / 3, None),
        ("full", "every weight, a step", 1 / 1.7, None),
    ):
        mine = _case("ppo", engine, seeds[0])
        rows.append(_against("ppo", what, mine, theirs, "cpu_seconds", "CPU s", time))
        rows.append(_against("ppo", what, mine, theirs, "peak_gb", "GB", memory))
    return rows


def tiny(seeds: list[int]) -> list[Row]:
    """24 steps of 64 completions of the tiny model, paid for words whose true worth is known, at equal KL."""
    rows, ratios = [], []
    for seed in seeds:
        mine, theirs = (_case("tiny", engine, seed) for engine in ("ours", "trl"))
        found = at_equal_kl(*([Step(**step) for step in case["curve"]] for case in (mine, theirs)))
        ratios.append(found["seconds"] / found["other_seconds"])
        at = f"seed {seed}, at {found['kl']:.1f} nats"
        rows += [
            Row("tiny", f"{at}: true score", found["score"], "TRL", found["other_score"], None, ""),
            Row("tiny", f"{at}: to the lower", found["seconds"], "TRL", found["other_seconds"], None, "CPU s"),
            Row("tiny", f"seed {seed}: all steps", mine["cpu_seconds"], "TRL", theirs["cpu_seconds"], None, "CPU s"),
        ]
    return [*rows, Row("tiny", f"share of TRL's time, {len(seeds)} seeds", mean(ratios), "", None, at_most(0.4), "")]


def learning(seeds: list[int]) -> list[Row]:
    """What PPO reaches on the known task beside the best that its budget of KL allows, seed by seed."""
    rows = []
    for seed in seeds:
        found = _case("tiny", "longer", seed)
        best, its_best = found["best_score"], found["best_at_its_kl"]
        rows += [
            Row("learning", f"seed {seed}: score, beside the best at {BUDGET:g} nats", found["score"], "best", best,
                at_least(0.9 * best), ""),
            Row("learning", f"seed {seed}: beside the best at its KL", found["score"], "best", its_best, None, ""),
            Row("learning", f"seed {seed}: KL", found["kl"], "", None, at_most(BUDGET), "nats"),
        ]  # fmt: skip
    return rows


def reward(seeds: list[int]) -> list[Row]:
    """Pairs a CPU second of K = 4 rankings with SmolLM2-135M, and held-out accuracy of the tiny model."""
    theirs = _case("reward", "trl", seeds[0])
    rows = []
    for engine, what, goal in (("full", "every weight", 3.0), ("lora", "LoRA over a cached trunk", 6.0)):
        mine = _case("reward", engine, seeds[0])
        rows.append(_against("reward", what, mine, theirs, "pairs_per_cpu_second", "pairs/CPU s", goal, is_more=True))
        rows.append(_against("reward", what, mine, theirs, "peak_gb", "GB", None))
    accuracies = {engine: _case("reward-tiny", engine, seeds[0])["accuracy"] for engine in ("trl", "full", "lora")}
    for engine in ("full", "lora"):
        rows.append(
            Row("reward", f"tiny, {engine}: held-out accuracy", accuracies[engine], "TRL", accuracies["trl"], None, "")
        )
    return rows


def sample(seeds: list[int]) -> list[Row]:
    """Prefill and decoding of SmolLM2-135M at batch 16 on two threads."""
    found = _case("sample", "ours", seeds[0], threads=2)
    bound = {"prefill_seconds": found["prefill_bound"]}
    return [
        _against("sample", "prefill, beside what its operations need", found, bound, "prefill_seconds", "s", 1.2),
        Row(
            "sample", "decoding at batch 16, 2 threads", found["tokens_per_second"], "", None, at_least(150), "a second"
        ),
    ]


PARTS: dict[str, Callable[[list[int]], list[Row]]] = {
    "ppo": ppo,
    "tiny": tiny,
    "learning": learning,
    "reward": reward,
    "sample": sample,
}


def _against(
    part: str, what: str, mine: Case, theirs: Case, name: str, unit: str, ratio: float | None, *, is_more: bool = False
) -> Row:
    """Return a row whose goal is a share, or with `is_more` a multiple, of TRL's figure."""
    goal = None if ratio is None else (at_least if is_more else at_most)(ratio * theirs[name])
    return Row(part, what, mine[name], "TRL", theirs[name], goal, unit)


def _case(name: str, engine: str, seed: int, *, threads: int = 1) -> Case:
    command = [sys.executable, "-m", "benchmarks.training_worker", name, engine, str(seed)]
    environment = os.environ | ({} if engine == "trl" else KEPT_MEMORY)  # as a run of ours is started
    environment |= {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name}, {engine} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found: Case = json.loads(done.stdout.splitlines()[-1])
    plain = {name: value for name, value in found.items() if name != "curve"}
    print(f"{name}, {engine}, seed {seed}: {json.dumps(plain)}", file=sys.stderr, flush=True)
    return found


def _print(rows: list[Row]) -> None:
    print(f"\n{_line(('part    what', 'ours', 'TRL or bound', 'ratio', 'goal', 'met'))}")
    for row in rows:
        has_other = row.library_value is not None
        print(_line((
            f"{row.part:7} {row.what}",
            f"{row.ours:.3g} {row.unit}",
            f"{row.library_value:.3g}" if has_other else "",
            f"{row.ours / row.library_value:.2f}" if has_other else "",
            str(row.goal.__str__() if row.goal else ""),
            "" if row.goal is None else ("yes" if row.goal.is_met(row.ours) else "NO"),
        )))  # fmt: skip
    load = os.getloadavg()
    print(f"load of the machine: {load[0]:.1f}, {load[1]:.1f}, {load[2]:.1f} on {os.cpu_count()} cores", flush=True)


def _line(cells: tuple[str, ...]) -> str:
    return "{:58} {:>18} {:>13} {:>7}  {:12} {}".format(*cells).rstrip()


if __name__ == "__main__":
    main()
