"""What is chosen on the page is what is read back, stored and exported: for every weak order, in every arrangement."""

import json
import random
from itertools import combinations, product
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.messages import get_messages
from django.db import transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate import assignments, exports, preferences
from annotate.models import Assignment, Completion, Ranking
from tests.annotate.asking import fill, project_of


@pytest.fixture
def places(ana, write_lines):
    """Ana's place on a comparison of each size, in a project of its own."""
    found = {}
    for count in (2, 3, 4, 5):
        project = project_of(slug=f"k{count}")
        fill(project, write_lines, count=count)
        found[count] = assignments.reserve_next(ana, project)
    return found


def words_of(ranks):
    """Return ranks of A, B, C … as «C > A = D»: worked out apart from the house's own code."""
    letters = dict(zip("ABCDE", ranks, strict=False))
    tiers = [[x for x in letters if letters[x] == rank] for rank in sorted(set(ranks))]
    return " > ".join(" = ".join(tier) for tier in tiers)


def wanted(order, ranks):
    """Return what should come out: the sentence, the tiers stored, the same exported, and the sign of each pair.

    The sign is 1 where the smaller id is better.
    """
    rank_of = dict(zip(order, ranks, strict=True))
    tiers = [sorted(pk for pk in order if rank_of[pk] == rank) for rank in sorted(set(ranks))]
    signs = {(i, j): (rank_of[i] < rank_of[j]) - (rank_of[i] > rank_of[j]) for i, j in combinations(sorted(order), 2)}
    return f"Saved: {words_of(ranks)}", tiers, tiers, signs


def exported(project):
    """Return the tiers of the one ranking in the file that is exported, as ids of ours."""
    (line,) = b"".join(exports.export(project, "rankings").chunks).splitlines()
    ids = dict(Completion.objects.filter(comparison__project=project).values_list("external_id", "pk"))
    return [sorted(ids[name] for name in tier) for tier in json.loads(line)["ranking"]]


def came_out(client, place, order, ranks):
    """Return what does come out, sent by the page; the database is left as it was."""
    with transaction.atomic():
        Assignment.objects.filter(pk=place.pk).update(order=order)
        fields = {f"rank-{label}": rank for label, rank in zip("ABCDE", ranks, strict=False)}
        response = client.post(reverse("rank", args=[place.pk]), fields | {"submission": str(uuid4())})
        votes = preferences.votes(place.project)
        pairs = zip(votes.units.i.tolist(), votes.units.j.tolist(), strict=True)
        signs = dict(zip(pairs, votes.relation[np.argsort(votes.unit)].tolist(), strict=True))
        words = [str(said) for said in get_messages(response.wsgi_request)][-1]
        found = words, Ranking.objects.get().tiers, exported(place.project), signs
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_every_weak_order_comes_out_as_it_went_in(places, client, ana, count):
    client.force_login(ana.user)
    place = places[count]
    shuffle = random.Random(count)  # noqa: S311  a different arrangement for each, the same on each run
    cases = [(shuffle.sample(place.order, count), ranks) for ranks in product(range(1, count + 1), repeat=count)]
    dense = [(order, ranks) for order, ranks in cases if set(ranks) == set(range(1, len(set(ranks)) + 1))]

    wrong = [case for case in dense if came_out(client, place, *case) != wanted(*case)]

    assert len(dense) == {2: 3, 3: 13, 4: 75, 5: 541}[count]  # the ordered Bell numbers
    assert wrong == []


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(data=st.data())
def test_ranks_with_gaps_come_out_as_the_order_they_mean_in_any_arrangement(places, client, ana, data):
    count = data.draw(st.integers(2, 5))
    place = places[count]
    order = data.draw(st.permutations(sorted(place.order)))
    ranks = data.draw(st.lists(st.integers(1, count), min_size=count, max_size=count))
    client.force_login(ana.user)

    assert came_out(client, place, order, ranks) == wanted(order, ranks)
