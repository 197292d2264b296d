"""Every task that Celery knows, run a second time, finds nothing to do: a message delivered twice changes no row."""

import multiprocessing
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.db.models import F
from django.utils import timezone

from annotate import assignments, rankings, statistics
from annotate.answers import Answer
from annotate.models import AnnotatorPair, AnnotatorWeek, Assignment, AuditEntry, PairCell, Project, StatusCount, Tally
from config.celery import app
from operations.models import Bucket
from rlhf.models import Checkpoint, Freezing, Run
from tests.rlhf.test_supervisor import SUCCEED, make_run, play, quick, run

__all__ = ["make_run", "play", "quick", "run"]  # fixtures

AT_ONCE = 4
app.autodiscover_tasks(force=True)
OURS = sorted(name for name in app.tasks if name.split(".")[0] in ("annotate", "rlhf", "operations"))
ASKED = {
    "annotate.tasks.make_report": lambda world: [world.project.pk],
    "rlhf.tasks.carry_out_freezing": lambda world: [world.project.freezings.get().pk],
    "rlhf.tasks.execute_run": lambda world: [world.pk],
}
"""The arguments of those that take some."""
CLOCKS = {"annotate_report": {"made_at", "seconds", "claimed_at"}}
"""Columns that say when something was done over again, with the same result."""


@pytest.fixture
def world(project, comparisons, ana, ben, make_run, play, settings):
    """Something to do for each task: work done, run out, not counted; runs queued and silent; a bucket of long ago."""
    for annotator in (ana, ben):
        while place := assignments.reserve_next(annotator, project):
            if Assignment.objects.filter(annotator=annotator, state="submitted").count() == 2:
                break
            rankings.submit(place, Answer([[pk] for pk in place.order]), submission=uuid4())
    Assignment.objects.filter(state="reserved").update(expires_at=timezone.now() - timedelta(hours=1))
    Project.objects.update(pauses_failing=True)
    for table in (Tally, StatusCount, PairCell, AnnotatorWeek, AnnotatorPair):
        table.objects.all().delete()
    play("leave_checkpoint('reward')\n" + SUCCEED)
    first, silent = make_run(), make_run()
    Run.objects.filter(pk=silent.pk).update(state="running", fence=1, lease_until=F("created_at") - timedelta(hours=1))
    Bucket.objects.create(key="long ago", tokens=1, at=0)
    Freezing.objects.create(project=project, test_rate=0.5, label="votes")
    return first


def rows():
    """Every row of every table of ours, without its clocks."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith(("annotate_", "rlhf_", "operations_")):
                cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  names of ours
                names = [one[0] for one in cursor.description]
                hidden = CLOCKS.get(table, set())
                found[table] = sorted(
                    str([(n, v) for n, v in zip(names, row, strict=True) if n not in hidden]) for row in cursor
                )
    return found


def test_there_are_tasks():
    assert len(OURS) >= 10
    assert ASKED.keys() <= set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_a_second_run_changes_nothing(name, world):
    before, arguments = rows(), ASKED.get(name, lambda world: [])(world)
    app.tasks[name](*arguments)
    once = rows()

    app.tasks[name](*arguments)

    assert rows() == once
    assert once != before or name in NOTHING_TO_DO


NOTHING_TO_DO = {"annotate.tasks.sync_prolific", "annotate.tasks.deliver_events", "annotate.tasks.pause_failing"}
"""Without a provider, a webhook or anybody who fails; they are told twice in tests/annotate of their own."""


def together(job):
    """Execute a task in a process of its own, at the same moment as the others; return what it raised."""
    name, arguments, barrier = job
    barrier.wait()
    try:
        app.tasks[name](*arguments)
    except Exception as problem:
        return repr(problem)
    finally:
        connections.close_all()
    return ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", OURS)
def test_four_at_once_do_what_one_does(roles, name, world):
    before, arguments = rows(), ASKED.get(name, lambda world: [])(world)
    connections.close_all()  # a connection must not be shared with the processes
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager, context.Pool(AT_ONCE) as pool:
        raised = pool.map(together, [(name, arguments, manager.Barrier(AT_ONCE))] * AT_ONCE, chunksize=1)
    at_once = rows()

    app.tasks[name](*arguments)

    assert raised == [""] * AT_ONCE
    assert rows() == at_once
    assert at_once != before or name in NOTHING_TO_DO
    assert AuditEntry.objects.filter(kind="annotator paused").count() <= 1
    assert Checkpoint.objects.filter(run=world).count() == (name == "rlhf.tasks.execute_run")


def test_what_is_counted_again_is_what_was_counted(world, project):
    app.tasks["annotate.tasks.catch_up_statistics"]()

    assert statistics.counts(project).ranking_count == 4
