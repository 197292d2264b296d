"""What if some rankings were left out: the figures on both sides, the paired difference, and what is refused."""

import numpy as np
import pytest
from django.urls import reverse

from annotate.consistency import ballots, what_if
from annotate.consistency.what_if import Conditions
from annotate.models import Annotator, Ranking


@pytest.fixture
def crowd(add_crowd):
    return add_crowd(100)


def contrary():
    return Annotator.objects.get(external_id="w4")


def by_label(outcome):
    return {row.label: row.change for row in outcome.rows}


def test_without_the_contrary_annotator_all_others_agree(crowd):
    outcome = what_if.outcome(ballots.read(crowd), Conditions(without=(contrary().pk,)))

    change = by_label(outcome)["Agreement where both chose"]
    # w4 is among three of five prompts' annotators; there 1 of 3 pairs of votes agrees: (2 * 1 + 3 * 1/3) / 5
    assert change.before.value == pytest.approx(0.6)
    assert change.after.value == 1.0
    assert change.change.same_annotators.value == pytest.approx(0.4)
    assert change.is_evidence
    assert (outcome.ranking_count, outcome.kept_ranking_count) == (300, 240)
    assert (outcome.compared_count, outcome.kept_compared_count) == (100, 100)


def test_leaving_out_nothing_of_weight_is_no_evidence_of_change(crowd):
    outcome = what_if.outcome(ballots.read(crowd), Conditions(category="rivers"))

    change = by_label(outcome)["Agreement where both chose"]
    assert not change.is_evidence
    assert change.change.same_annotators.low < 0 < change.change.same_annotators.high
    assert change.would_have_seen > 0


def test_too_little_that_is_left_is_not_enough_data(add_crowd):
    outcome = what_if.outcome(ballots.read(add_crowd(40)), Conditions(category="rivers"))

    change = by_label(outcome)["Pair alpha"]
    assert change.before.value is not None
    assert change.after.reason == "Not enough data: 20 prompts with two annotators, shown from 30."
    assert change.change.same_annotators.value is None


def test_at_overlap_two_the_first_two_rankings_stay(crowd):
    found = ballots.read(crowd)

    kept = what_if.kept_votes(found, Conditions(overlap=2))

    assert np.bincount(found.votes.unit[kept]).tolist() == [2] * 100


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        (Conditions(guideline=9), 0),
        (Conditions(category="lakes"), 150),
        (Conditions(without_ties=True), 300),
        (Conditions(without_simulated=True), 300),
    ],
)
def test_conditions_keep_what_they_say(crowd, conditions, count):
    assert what_if.kept_votes(ballots.read(crowd), conditions).sum() == count


def test_a_large_project_is_read_in_part_and_says_so(crowd, monkeypatch):
    monkeypatch.setattr(ballots, "MAX_RANKINGS", 150)

    found = ballots.read(crowd)

    assert found.share == 0.5
    assert 25 < len(found.votes.units.prompt_ids) < 75  # half of 100 prompts, four standard deviations
    assert len(found.annotator) == 3 * len(found.votes.units.prompt_ids)


def test_the_page_shows_both_sides_and_stores_nothing(crowd, rex, as_user):
    before = list(Ranking.objects.values())

    page = as_user(rex).get(
        reverse("consistency_what_if", args=[crowd.slug]), {"without": f" {contrary().pseudonym}, "}
    )

    assert page.status_code == 200
    assert "+40.0\u202fpoints" in page.content.decode()
    assert "240 of 300" in page.content.decode()
    assert list(Ranking.objects.values()) == before


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"without": "nobody-17"}, "No annotator is called nobody-17."),
        ({"overlap": "1"}, "greater than or equal to 2"),
        ({"guideline": "99"}, "Select a valid choice"),
        ({"category": "<b>"}, "Select a valid choice"),
        ({"without": ""}, "Choose what to leave out"),
        ({"without": ",".join(f"a{n}" for n in range(101))}, "At most 100 names"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(crowd, rex, as_user, asked, said):
    page = as_user(rex).get(reverse("consistency_what_if", args=[crowd.slug]), asked)

    assert page.status_code == 422
    assert said in page.content.decode()
