"""32 processes submit, revise and rebuild at once: no ring of locks, nothing lost or counted twice."""

import multiprocessing
import random
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections

from annotate import assignments, people, projects, rankings, statistics
from annotate.answers import Answer
from annotate.models import Annotator, Origin, Project, Ranking
from benchmarks import filling

PROCESSES = 32
REFUSALS = (assignments.NotReserved, rankings.SubmissionConflict, IntegrityError)

pytestmark = pytest.mark.django_db(transaction=True)


def work(job):
    """Rank and revise at random; the first process rebuilds the sums meanwhile. Return how many were submitted."""
    number, submissions = job
    project, rng, done = Project.objects.get(), random.Random(number), 0
    if number == 0:
        for _ in range(3):
            statistics.rebuild(project)
        connections.close_all()
        return 0
    annotator = Annotator.objects.get(external_id=f"p{number}")
    while done < submissions and (place := assignments.reserve_next(annotator, project)):
        order = rng.sample(place.order, len(place.order))
        try:
            ranking = rankings.submit(place, Answer([[pk] for pk in order]), submission=uuid4())
            if rng.random() < 0.3:
                rankings.revise(ranking, Answer([order]), submission=uuid4())
        except REFUSALS:
            continue
        done += 1
    connections.close_all()
    return done


def run(submissions, *, comparisons):
    project = projects.create(slug="many", name="Many", overlap=5, guidelines="Be fair.", by=None)
    filling.fill(project, comparisons=comparisons, characters=40)
    people.without_account(Origin.SIMULATED, source="many", external_ids=[f"p{n}" for n in range(PROCESSES)])
    connections.close_all()  # a connection must not be shared with the processes
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        return project, sum(pool.map(work, [(n, submissions) for n in range(PROCESSES)], chunksize=1))


def test_the_sums_hold_while_32_submit_and_one_rebuilds():
    project, done = run(6, comparisons=60)

    assert done == Ranking.objects.filter(superseded_at__isnull=True).count() >= 31 * 5
    assert statistics.counts(project).ranking_count == done
    assert statistics.differences(project) == []


@pytest.mark.chaos
def test_the_sums_hold_over_ten_thousand_submissions():
    project, done = run(330, comparisons=2_200)

    assert done >= 10_000
    assert statistics.differences(project) == []
