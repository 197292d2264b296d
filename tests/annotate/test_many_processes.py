"""32 processes at one queue: no overlap exceeded, nobody twice on a comparison, no answer lost or doubled."""

import multiprocessing
import random
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections
from django.db.models import Count

from annotate import assignments, gold, people, projects, rankings
from annotate.answers import Answer
from annotate.models import Annotator, Assignment, Origin, Project
from benchmarks import filling, invariants

PROCESSES = 32
GOLD = 20
ANNOTATORS = 24  # some of them sit at two machines
REFUSALS = (assignments.NotReserved, rankings.SubmissionConflict, IntegrityError)

pytestmark = pytest.mark.django_db(transaction=True)


def work(job):
    """Ask and submit, skip, leave, or submit twice, at random; return (operations, acknowledged submissions)."""
    number, operations = job
    rng = random.Random(number)
    annotator = Annotator.objects.get(external_id=f"p{number % ANNOTATORS}")
    project = Project.objects.get()
    acknowledged, count = [], 0
    while count < operations:
        place = assignments.reserve_next(annotator, project)
        count += 2
        if place is None:
            continue
        try:
            acknowledged += _do_something(rng, place)
        except REFUSALS:  # the same person was faster at their other machine
            continue
    connections.close_all()
    return count, acknowledged


def _do_something(rng, place):
    chance = rng.random()
    if chance < 0.1:
        assignments.skip(place, reason="no")
        return []
    if chance < 0.2:
        assignments.release(place.annotator, place.project)
        if chance < 0.15:
            return []
    submission, order = uuid4(), rng.sample(place.order, len(place.order))
    for _ in range(2 if chance > 0.9 else 1):
        rankings.submit(place, Answer([[pk] for pk in order]), submission=submission)
    return [submission]


def run(operations, *, comparisons):
    """Let all processes work and return (operations done, submissions acknowledged)."""
    project = projects.create(slug="many", name="Many", overlap=2, guidelines="Be fair.", by=None)
    project.overlap_policy, project.overlap_cap = "adaptive", 4
    project.gold_rate, project.repeat_rate = 0.1, 0.1
    project.save()
    filling.fill(project, comparisons=comparisons, characters=40)
    for comparison in project.comparisons.order_by("pk")[:GOLD]:
        gold.set_key(
            comparison, [[pk] for pk in comparison.completions.values_list("pk", flat=True)], reason="", by=None
        )
    people.without_account(Origin.SIMULATED, source="many", external_ids=[f"p{n}" for n in range(ANNOTATORS)])
    connections.close_all()  # a connection must not be shared with the processes
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        done = pool.map(work, [(n, operations) for n in range(PROCESSES)], chunksize=1)
    count, acknowledged = sum(count for count, _ in done), [uuid for _, uuids in done for uuid in uuids]
    states = dict(Assignment.objects.order_by().values_list("state").annotate(n=Count("pk")))
    print(
        f"{connection.vendor}: {count:,} operations by {PROCESSES} processes, {len(acknowledged):,} submitted; {states}"
    )
    return count, acknowledged


def test_many_processes_keep_the_promises():
    operations, acknowledged = run(16, comparisons=200)

    assert invariants.breaches(acknowledged) == []
    assert operations >= PROCESSES * 16
    assert Assignment.objects.filter(state="submitted").count() == len(acknowledged)


@pytest.mark.chaos
def test_many_processes_keep_the_promises_over_twenty_thousand_operations():
    operations, acknowledged = run(640, comparisons=6_000)

    assert invariants.breaches(acknowledged) == []
    assert operations >= 20_000
    assert Assignment.objects.filter(state="submitted").count() == len(acknowledged)
