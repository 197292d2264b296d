"""Training runs while their worker, supervisors, launchers, trainers, broker and database are killed or frozen.

    python benchmarks/chaos_runs.py --database sqlite
    python benchmarks/chaos_runs.py --database postgres --seed 7
    python benchmarks/chaos_runs.py --without fence --quick 4 --real 0     (must turn red)

40 runs of a quick trainer and 6 real ones (reward models and PPO of a tiny model) wait in the queue. Faults follow from
the seed: kill -9, or SIGSTOP for up to three leases and SIGCONT. Whoever failed is resumed as a person would, as often
as is allowed. Then the verdict: every run is over, a success has one checkpoint that verifies and is its last attempt's
(a quick one's bytes are those of an undisturbed run), what did not succeed has none, no step is missing or there twice,
and 15 seconds later no process is left. On PostgreSQL the server and a Redis of the run's own are killed, too.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import workplace
from benchmarks.chaos import SAFE
from benchmarks.chaos_cluster import DATABASE, Cluster
from benchmarks.chaos_faults import Program
from benchmarks.chaos_run_faults import LEASE_SECONDS, Faults, Redis, left_over

ORPHAN_SECONDS = 15
PATIENCE_SECONDS = 900
REWARD = {"epochs": 3, "batch_size": 2, "lora_rank": 0, "checkpoint_every": 3}
PPO = {"steps": 12, "batch_size": 8, "minibatches": 2, "max_new_tokens": 16, "lora_rank": 0, "checkpoint_every": 2}
COMPARISONS = 40
WORDS = ("much of rivers", "a little of trees", "nothing at all", "birds, birds and birds again")
SETTINGS = {"RUN_LEASE_SECONDS": str(LEASE_SECONDS), "RUN_HUNG_SECONDS": "45", "RUN_MAX_ATTEMPTS": "10"}


def world() -> Callable[..., Any]:
    """Make a project with ranked comparisons and a tiny model; return what makes an order of them. Django is set up."""
    from annotate import assignments, intake, people, projects, rankings  # noqa: PLC0415
    from annotate.answers import Answer  # noqa: PLC0415
    from annotate.models import Origin  # noqa: PLC0415
    from annotate.rows import ComparisonRow, CompletionRow, PromptRow  # noqa: PLC0415
    from rlhf import base_models, preflight, snapshots  # noqa: PLC0415
    from rlhf.contract import config as configs  # noqa: PLC0415

    project = projects.create(slug="chaos", name="Chaos", overlap=1, guidelines="Be fair.", by=None)
    asked = (f"What is {n} rivers and {7 * n} trees, told in {n % 5} words about birds?" for n in range(COMPARISONS))
    told = [CompletionRow(letter, f"{letter} says {word}", "") for letter, word in zip("abcd", WORDS, strict=True)]
    rows = [
        ComparisonRow(f"c{n}", PromptRow(f"p{n}", (("user", text),), "", "en"), told) for n, text in enumerate(asked)
    ]
    intake.add_comparisons(project, rows, source="")
    (one,) = people.without_account(Origin.SIMULATED, source="chaos", external_ids=["a"]).values()
    while place := assignments.reserve_next(one, project):
        rankings.submit(place, Answer([[pk] for pk in place.order]), submission=f"{place.pk:032x}")
    snapshot = snapshots.freeze(project, by=None)
    base = base_models.bring_in("tiny", name="tiny", tell=lambda line: None)

    def order_of(stage: str, judge: Any = None, **config: object) -> preflight.RunOrder:
        return preflight.RunOrder(project, stage, configs.parse(stage, config), snapshot, base, reward_model=judge)

    return order_of


def in_peace(order: Any) -> Any:
    """Execute an order in this process and return its run, which must succeed. Django is set up."""
    from rlhf import runs, supervisor  # noqa: PLC0415
    from rlhf.models import Run  # noqa: PLC0415

    run = runs.create(order, by=None)
    supervisor.supervise(runs.claim(run.pk))
    run = Run.objects.get(pk=run.pk)
    if run.state != "succeeded":
        sys.exit(f"the undisturbed run {run.state}: {run.failure_message}")
    return run


def prepare(quick: int, real: int) -> list[int]:
    """Queue the runs and return their numbers. Django is set up."""
    from benchmarks import quick_trainer  # noqa: PLC0415
    from rlhf import runs  # noqa: PLC0415

    order_of, orders = world(), []
    if real:
        judge = in_peace(order_of("reward", seed=99, **REWARD)).checkpoint  # PPO needs one
        orders = [
            order_of("ppo", judge, seed=n, **PPO) if n % 2 else order_of("reward", seed=n, **REWARD)
            for n in range(real)
        ]
    orders += [
        order_of("reward", seed=quick_trainer.QUICK_SEEDS + n, checkpoint_every=quick_trainer.EVERY)
        for n in range(quick)
    ]
    return [runs.create(order, by=None).pk for order in orders]


def judge(ids: list[int]) -> tuple[Counter[str], list[str]]:
    """Return how the runs ended, and a line for each promise that was not kept. Django is set up."""
    from benchmarks import quick_trainer  # noqa: PLC0415
    from rlhf import artefacts  # noqa: PLC0415
    from rlhf.contract.rundir import BadArtefact  # noqa: PLC0415
    from rlhf.models import Checkpoint, Metric, Run  # noqa: PLC0415

    ends, broken = Counter(), []
    for run in Run.objects.filter(pk__in=ids).order_by("pk"):
        ends[run.state if run.state != "failed" else f"failed ({run.failure_reason})"] += 1
        made = list(Checkpoint.objects.filter(run=run))
        if not run.is_over:
            broken.append(f"run {run.pk} is {run.state}")
        if len(made) != (run.state == "succeeded"):
            broken.append(f"run {run.pk} is {run.state} and has {len(made)} checkpoints")
        for one in made:
            if one.path != f"runs/{run.pk}/{run.fence}/checkpoint":
                broken.append(f"run {run.pk} ended with fence {run.fence}, but its checkpoint is {one.path}")
            try:
                artefacts.verify(one)
            except BadArtefact as problem:
                broken.append(f"run {run.pk}: {problem}")
        if run.state == "succeeded" and (seed := run.config["seed"]) >= quick_trainer.QUICK_SEEDS:
            weights = (artefacts.path_of(run.checkpoint) / quick_trainer.WEIGHTS).read_bytes()
            if weights != quick_trainer.expected(seed):
                broken.append(f"run {run.pk} went on and left other weights than an undisturbed one")
            steps = list(Metric.objects.filter(run=run).order_by("step").values_list("step", flat=True))
            if steps != list(range(1, quick_trainer.STEPS + 1)):
                broken.append(f"run {run.pk} measured the steps {steps}")
    return ends, broken


def follow(ids: list[int], faults: Faults, *, count: int, a_minute: float) -> list[str]:
    """Break things until the runs are over, resuming what failed; return what was not over in time."""
    from django.db import DatabaseError, connection  # noqa: PLC0415

    from rlhf.models import Run  # noqa: PLC0415

    over = threading.Event()
    breaker = threading.Thread(target=faults.inject, args=(count,), kwargs={"a_minute": a_minute, "until_over": over})
    breaker.start()
    until, waiting = time.monotonic() + PATIENCE_SECONDS, ids
    while waiting and time.monotonic() < until:
        time.sleep(1)
        try:
            waiting = []
            for run in Run.objects.filter(pk__in=ids).exclude(state=Run.State.SUCCEEDED):
                if not run.is_over or _resumed(run):
                    waiting.append(run.pk)
        except DatabaseError:  # just being killed
            connection.close()
            waiting = ids
    over.set()
    breaker.join()
    for timer in faults.timers:
        timer.join()
    return [f"run {pk} was not over after {PATIENCE_SECONDS} s" for pk in waiting]


def _resumed(run: Any) -> bool:
    from rlhf import runs  # noqa: PLC0415

    try:
        runs.resume(run)
    except runs.CannotResume:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", type=int, default=40, help="runs of the quick trainer")
    parser.add_argument("--real", type=int, default=6, help="runs of real trainers")
    parser.add_argument("--faults", type=int, default=60, help="faults at most; fewer where the runs are over before")
    parser.add_argument("--faults-a-minute", type=float, default=40.0)
    parser.add_argument("--without", choices=["fence"], help="break the promise; the verdict must turn red")
    options = parser.parse_args()
    os.environ |= SETTINGS | ({"BREAK": options.without} if options.without else {})
    with tempfile.TemporaryDirectory(prefix="concord-chaos-") as place, _servers(Path(place), options) as servers:
        cluster, redis = servers
        os.environ.pop("CELERY_BROKER_URL", None)
        if redis:
            os.environ["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{redis.port}/0"
        with workplace.fresh(cluster.url if cluster else "") as directory:
            ends, broken, faults = _run(directory, cluster, redis, options)
    print("\n".join(f"BROKEN   {line}" for line in broken[:30]))
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(faults.counts.items()))
    ended = ", ".join(f"{how} {count}" for how, count in sorted(ends.items()))
    print(
        f"{'BROKEN' if broken else 'HELD'}  seed {options.seed} on {options.database}: {ends.total()} runs ({ended}), "
        f"{faults.counts.total()} faults ({kinds}), promises broken {len(broken)}"
    )
    sys.exit(1 if broken else 0)


def _run(
    directory: Path, cluster: Cluster | None, redis: Redis | None, options: argparse.Namespace
) -> tuple[Counter[str], list[str], Faults]:
    ids = prepare(options.quick, options.real)
    given = ["--beat", "--queues", "default,gpu", "--concurrency", "5", "--loglevel", "INFO"]
    worker = Program(["benchmarks.chaos_runs_worker", "worker", *given], directory.parent / f"{directory.name}.log")
    faults = Faults(
        random.Random(options.seed), worker, directory, cluster, redis, without_fence=options.without == "fence"
    )
    worker.start()
    try:
        late = follow(ids, faults, count=options.faults, a_minute=options.faults_a_minute)
        worker.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(ORPHAN_SECONDS)
        time.sleep(ORPHAN_SECONDS)
        orphans = [f"left over: {one}" for one in left_over(directory)]
    finally:
        worker.kill_all()
    ends, broken = judge(ids)
    if late or broken or orphans:
        print(f"the worker's log is kept: {worker.log}")
    else:
        worker.log.unlink()
    return ends, late + broken + orphans, faults


@contextlib.contextmanager
def _servers(place: Path, options: argparse.Namespace) -> Iterator[tuple[Cluster | None, Redis | None]]:
    if options.database == "sqlite":
        yield None, None
        return
    cluster, redis = Cluster(place, options=SAFE), Redis(place)
    try:
        cluster.start()
        redis.start()
        with cluster.connect() as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        yield cluster, redis
    finally:
        redis.kill()
        cluster.stop()


if __name__ == "__main__":
    main()
