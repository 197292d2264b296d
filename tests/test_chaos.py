"""The chaos runner: short runs hold what annotators were told, and a broken promise turns its verdict red."""

import glob
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection

from annotate import assignments, rankings
from annotate.answers import Answer
from annotate.models import Draft, Ranking
from benchmarks import chaos, quick_trainer
from rlhf.contract import config as configs
from rlhf.contract.rundir import Inputs, RunDirectory, RunSpec

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.django_db
HAS_POSTGRES = bool(shutil.which("initdb") or glob.glob("/usr/lib/postgresql/*/bin/initdb"))
needs_postgres = pytest.mark.skipif(not HAS_POSTGRES, reason="no initdb here: PostgreSQL's server is not installed")


@pytest.fixture
def told(project, comparisons, ana):
    """A journal with one acknowledged submission, which is stored."""
    place, submission = assignments.reserve_next(ana, project), uuid4()
    rankings.submit(place, Answer([place.order]), submission=submission)
    return chaos.Journal(acknowledged=[submission])


def judged(told):
    return chaos.judge([told], Counter({"web worker": 1}))


def test_what_was_told_and_is_stored_holds(told):
    verdict = judged(told)

    assert not verdict.is_red
    assert verdict.line(seed=1, database="sqlite").startswith("HELD  seed 1 on sqlite: 1 submissions acknowledged")


def test_what_was_told_and_is_not_stored_is_lost(told):
    told.acknowledged.append(uuid4())

    verdict = judged(told)

    assert (verdict.lost, verdict.is_red) == (1, True)


def test_a_place_without_its_ranking_is_a_broken_promise(told):
    Draft.objects.all().delete()
    Ranking.objects.all().delete()

    verdict = judged(told)

    assert (verdict.lost, len(verdict.broken)) == (1, 1)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite drops no constraint of a table")
def test_without_its_constraints_a_second_copy_is_counted(told):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'annotate_ranking'::regclass AND contype = 'u'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE annotate_ranking DROP CONSTRAINT "{name}"')
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'annotate_ranking' AND indexdef LIKE '%UNIQUE%'"
        )
        for (name,) in cursor.fetchall():
            if not name.endswith("_pkey"):
                cursor.execute(f'DROP INDEX "{name}"')
    copy = Ranking.objects.get()
    copy.pk, copy.revision = None, 2

    copy.save(force_insert=True)

    verdict = judged(told)
    assert (verdict.doubled, verdict.is_red) == (1, True)


def test_whoever_gave_up_is_a_broken_promise(told):
    told.gave_up.append("no answer for 90 s")

    assert judged(told).is_red


def test_a_run_that_acknowledged_nothing_shows_nothing():
    verdict = chaos.judge([chaos.Journal()], Counter({"web worker": 1}))

    assert verdict.is_red
    assert verdict.broken == ["nothing was acknowledged, so nothing was shown: let it run longer"]


def run(*options):
    command = [sys.executable, "benchmarks/chaos.py", "--comparisons", "2000", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.mark.chaos
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=needs_postgres)])
def test_a_short_run_holds(database):
    done = run("--minutes", "0.3", "--database", database, "--kills-a-minute", "40")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "HELD  seed 1" in done.stdout


@pytest.mark.chaos
@needs_postgres
def test_without_synchronous_commit_the_verdict_turns_red():
    done = run("--minutes", "0.3", "--database", "postgres", "--without", "synchronous_commit")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN  seed 1" in done.stdout


def run_of_trainers(*options):
    command = [sys.executable, "benchmarks/chaos_runs.py", "--real", "0", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)


@pytest.mark.chaos
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=needs_postgres)])
def test_a_short_run_of_trainers_holds(database):
    done = run_of_trainers("--database", database, "--quick", "8", "--faults", "12", "--faults-a-minute", "40")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "HELD  seed 1" in done.stdout


@pytest.mark.chaos
def test_without_its_fence_a_frozen_worker_ends_a_run_that_is_not_its_own_any_more():
    done = run_of_trainers("--without", "fence", "--quick", "2", "--faults", "4", "--faults-a-minute", "15")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "ended with fence 2, but its checkpoint is runs/" in done.stdout


def test_the_quick_trainer_goes_on_to_the_same_bytes(tmp_path):
    directory = RunDirectory(tmp_path)
    directory.write_spec(RunSpec("reward", configs.parse("reward", {"seed": 1005}), Inputs("s", "b")))
    quick_trainer.train(directory, step_seconds=0)
    shutil.rmtree(directory.checkpoint)
    newest = max(directory.state.iterdir())
    (newest / quick_trainer.WEIGHTS).write_bytes(b"damaged")

    quick_trainer.train(directory, step_seconds=0)

    assert (directory.checkpoint / quick_trainer.WEIGHTS).read_bytes() == quick_trainer.expected(1005)
    assert [row["step"] for row in directory.read_metrics()] == list(range(1, quick_trainer.STEPS + 1))
