"""The speed and the accuracy of the quality measures, ours beside a library on the same data in one run.

    python benchmarks/quality.py [--part measures] [--seed 20240501] [--scale 0.1]

Each part is a module `benchmarks/quality_<part>.py` with `rows(seed) -> Iterator[Row]` (measuring.py). The data are the
simulated crowds of crowd_worlds.py. Seconds are CPU seconds of one process, memory the growth of its peak.
"""

import argparse
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import SPEED_UNITS, Row

PARTS = ("measures", "consensus", "detectors", "statistics", "ceiling")
SEED = 20240501


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given several times")
    parser.add_argument("--seed", type=int, default=SEED, help="of the simulated crowds")
    parser.add_argument("--scale", default="1", help="size of the crowds; figures count at 1 only")
    options = parser.parse_args()
    os.environ["CROWD_SCALE"] = options.scale
    rows = list(_rows(options.part or PARTS, seed=options.seed))
    _print("Speed", (row for row in rows if row.unit in SPEED_UNITS))
    _print("Accuracy", (row for row in rows if row.unit not in SPEED_UNITS))


def _rows(parts: Iterable[str], *, seed: int) -> Iterator[Row]:
    for part in parts:
        name = f"benchmarks.quality_{part}"
        if importlib.util.find_spec(name) is None:
            print(f"{part}: not measured, there is no {name}", file=sys.stderr)
            continue
        for row in importlib.import_module(name).rows(seed):
            print(f"{row.part}: {row.what}: {row.ours:.4g} {row.unit}", file=sys.stderr)
            yield row


def _print(title: str, rows: Iterable[Row]) -> None:
    print(f"\n{title}\n{_line(('part       what', 'ours', 'library', 'ratio', 'goal', 'met'))}")
    for row in rows:
        print(_line(_cells(row)))


def _cells(row: Row) -> tuple[str, ...]:
    has_library = row.library_value is not None
    ratio = f"{row.ours / row.library_value:.2f}" if has_library and row.library_value else ""
    met = "" if row.goal is None else ("yes" if row.goal.is_met(row.ours) else "NO")
    return (
        f"{row.part:10} {row.what}",
        f"{row.ours:.4g} {row.unit}",
        f"{row.library_value:.4g} {row.library_name}" if has_library else "",
        ratio,
        str(row.goal or ""),
        met,
    )


def _line(cells: tuple[str, ...]) -> str:
    return "{:72} {:>14}  {:32} {:>6}  {:14} {}".format(*cells).rstrip()


if __name__ == "__main__":
    main()
