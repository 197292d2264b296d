"""Import and export at size; prints seconds and the growth of peak memory beside what they may cost.

    python benchmarks/import_export.py --comparisons 100000 --rankings 30000
    python benchmarks/import_export.py --database postgres://postgres@127.0.0.1:5432/bench_files

The file is JSON Lines: prompts with four completions, about 6.9 kB a comparison. Each step runs in a process of its
own, so that its peak is its own; its CPU seconds say what it costs where others share the machine. Exits 1 where a
bound does not hold; the bounds are for 100,000 and 10,000 x 3.
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from django.utils.module_loading import import_string

from benchmarks import workplace

BYTES = 6_900
OVERLAP = 3
MAX_IMPORT_SECONDS, MAX_EXPORT_SECONDS, MAX_GROWTH_MB = 21.0, 1.5, 400.0
WORDS = ["the", "river", "of", "and", "to", "is", "that", "water", "for", "on", "with", "his", "they", "at", "from"]
EXPORTS = [("rankings", "jsonl"), ("rankings", "csv"), ("rankings", "parquet"), ("label-studio", "jsonl")]


def write_comparisons(path: Path, count: int) -> None:
    source = random.Random(7)
    texts = [" ".join(source.choices(WORDS, k=BYTES // 5 // 4)) for _ in range(200)]
    with path.open("w") as lines:
        for n in range(count):
            completions = [{"id": x, "text": f"{x}{n} {source.choice(texts)}", "model": f"m-{x}"} for x in "abcd"]
            prompt = f"{n} {source.choice(texts)}"
            lines.write(json.dumps({"id": f"c{n}", "prompt": prompt, "completions": completions}) + "\n")


def write_rankings(path: Path, count: int) -> None:
    source = random.Random(8)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with path.open("w") as lines:
        for n in range(count):
            order = source.sample("abcd", 4)
            tiers = [[order[0]], order[1:3], [order[3]]]
            said = {"comparison": f"c{n // OVERLAP}", "annotator": f"w{n % OVERLAP}-{n // OVERLAP % 40}"}
            when = (start + timedelta(seconds=n)).isoformat()
            lines.write(
                json.dumps(said | {"ranking": tiers, "order": order, "submitted_at": when, "seconds": 40}) + "\n"
            )


def bring_in(kind: str, path: Path) -> None:
    project = import_string("annotate.models.Project").objects.get(slug="bench")
    import_string("annotate.intake.import_file")(path, kind=kind, project=project)


def take_out(what: str, form: str, path: Path) -> None:
    project = import_string("annotate.models.Project").objects.get(slug="bench")
    made = import_string("annotate.exports.export")(project, what, form=form)
    with path.open("wb") as out:
        out.writelines(made.chunks)


def measured(step: Callable[..., None], *args: object) -> tuple[float, float, float]:
    """Return (seconds, CPU seconds, growth of peak memory in MB) of a step in a fresh process."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=_measure, args=(told, step, args))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{step.__name__}{args} failed.")
    return told.get()


def _measure(told: "multiprocessing.Queue", step: Callable[..., None], args: tuple[object, ...]) -> None:
    import_string("django.setup")()
    import_string("annotate.intake.import_file")
    before, start, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    step(*args)
    told.put((time.perf_counter() - start, time.process_time() - cpu, _peak_mb() - before))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=100_000)
    parser.add_argument("--rankings", type=int, default=30_000)
    parser.add_argument("--database", default="", help="a PostgreSQL URL; its name must begin with bench_")
    asked = parser.parse_args()
    with workplace.fresh(asked.database) as directory:
        import_string("annotate.projects.create")(slug="bench", name="B", overlap=OVERLAP, guidelines="x", by=None)
        print(
            f"{'PostgreSQL' if asked.database else 'SQLite'}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        is_good = run(directory, asked.comparisons, asked.rankings)
    sys.exit(0 if is_good else 1)


def run(directory: Path, comparison_count: int, ranking_count: int) -> bool:
    comparisons, votes = directory / "comparisons.jsonl", directory / "rankings.jsonl"
    write_comparisons(comparisons, comparison_count)
    write_rankings(votes, ranking_count)
    bound = MAX_IMPORT_SECONDS * comparison_count / 100_000
    results = [show(f"import {comparison_count:,} comparisons", bound, measured(bring_in, "comparisons", comparisons))]
    results += [show(f"import {ranking_count:,} rankings", None, measured(bring_in, "rankings", votes))]
    for what, form in EXPORTS:
        bound = MAX_EXPORT_SECONDS * ranking_count / 30_000 if (what, form) == ("rankings", "jsonl") else None
        took = measured(take_out, what, form, directory / "out")
        size = (directory / "out").stat().st_size / 2**20
        results.append(show(f"export {ranking_count:,} rankings as {what} {form} ({size:.1f} MB)", bound, took))
    return all(results)


def show(what: str, max_seconds: float | None, took: tuple[float, float, float]) -> bool:
    seconds, cpu_seconds, growth = took
    may = f" (may take {max_seconds:.2f} s)" if max_seconds else ""
    print(
        f"{what}: {seconds:.2f} s{may}, {cpu_seconds:.2f} s of CPU here, "
        f"+{growth:.0f} MB (may grow {MAX_GROWTH_MB:.0f})",
        flush=True,
    )
    return growth <= MAX_GROWTH_MB and (max_seconds is None or seconds <= max_seconds)


if __name__ == "__main__":
    main()
