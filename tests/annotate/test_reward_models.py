"""A reward model as an annotator: its scores, its row, and the disagreements that are asked again blindly."""

from uuid import uuid4

import pytest
from django.urls import reverse

from annotate import assignments, label_value, preferences, projects, rankings, reasking, report_store, reward_models
from annotate.answers import Answer
from annotate.consistency import report
from annotate.models import Assignment, Reask, Score
from annotate.reasking import Outcome
from annotate.reward_models import Scored


def rank_all(annotator, project, letters="abcd"):
    while place := assignments.reserve_next(annotator, project):
        by_letter = dict(place.comparison.completions.values_list("external_id", "pk"))
        rankings.submit(place, Answer([[by_letter[one]] for one in letters]), submission=uuid4())


@pytest.fixture
def contrary(project, comparisons):
    """A reward model that is sure of the opposite of a > b > c > d on the first comparison, and likes the others."""
    values = dict(zip("abcd", (0.0, 3.0, 6.0, 9.0), strict=True))
    scores = [
        Scored(one.prompt.external_id, f"River {name} of {n}.", value if n == 0 else -value)
        for n, one in enumerate(comparisons)
        for name, value in values.items()
    ]
    return reward_models.record(project, source="checkpoint/1", name="RM 1", scores=scores, learning_curve=CURVE)


CURVE = [
    {"n_prompts": n, "n_pairs": 6 * n, "accuracy": 0.8 - 0.6 * n**-0.4, "n_held_out": 900}
    for n in (125, 250, 500, 1000)
]


@pytest.fixture
def sure(project, comparisons, contrary, ana, ben, monkeypatch):
    """Two people have ranked everything a > b > c > d, which is held to be sure."""
    monkeypatch.setattr(reasking, "SURE", 0.6)
    for annotator in (ana, ben):
        rank_all(annotator, project)
    return contrary


# --- the scores -------------------------------------------------------------------------------------------------------


def test_scores_are_found_by_prompt_and_text_and_replaced_when_scored_anew(project, comparisons, contrary):
    first = comparisons[0].prompt.external_id
    again = [Scored(first, "River a of 0.", 7.5), Scored(first, "No such text.", 1.0), Scored("nowhere", "x", 1.0)]

    reward_models.record(project, source="checkpoint/1", name="RM 1", scores=again)

    assert Score.objects.count() == 12
    assert Score.objects.get(completion__text="River a of 0.").value == 7.5
    assert reward_models.newest(project).learning_curve == CURVE


def test_a_model_has_no_vote(project, comparisons, contrary, ana):
    rank_all(ana, project)

    believed = preferences.beliefs(project)

    assert believed.ranking_count == 3
    assert {verdict.n_votes for pairs in believed.verdicts.values() for verdict in pairs.values()} == {1}
    assert preferences.votes(project).annotator_ids.tolist() == [ana.pk]


# --- asked again ------------------------------------------------------------------------------------------------------


def test_a_confident_disagreement_gets_places_that_look_like_any_other(project, comparisons, sure, cy, lee):
    opened = reasking.ask_again(sure, limit=10, place_count=2, by=lee)

    (reask,) = Reask.objects.all()
    place = assignments.reserve_next(cy, project)
    assert (opened, reask.comparison, reask.place_count) == (1, comparisons[0], 2)
    assert reask.people_chose.external_id < reask.model_chose.external_id
    assert (place.comparison, place.purpose, place.slot) == (comparisons[0], "work", 2)


def test_who_has_seen_it_is_not_asked_again(project, sure, ana, lee):
    reasking.ask_again(sure, limit=10, place_count=2, by=lee)

    assert assignments.reserve_next(ana, project) is None


def test_nothing_is_asked_again_twice(project, sure, lee):
    reasking.ask_again(sure, limit=10, place_count=2, by=lee)

    assert reasking.ask_again(sure, limit=10, place_count=2, by=lee) == 0
    assert Assignment.objects.filter(state="open").count() == 2


def test_what_staff_ruled_on_is_not_asked_again(project, comparisons, sure, lee):
    tiers = [[pk] for pk in comparisons[0].completions.values_list("pk", flat=True)]
    rankings.adjudicate(comparisons[0], reviewer=lee, tiers=tiers, reason="By the atlas.")

    assert reasking.ask_again(sure, limit=10, place_count=2, by=lee) == 0


@pytest.mark.parametrize(
    ("letters", "outcome"),
    [("dcba", Outcome.LABEL_ERROR), ("abcd", Outcome.MODEL_ERROR), (None, Outcome.SPLIT)],
)
def test_the_new_rankings_alone_type_the_outcome(project, sure, cy, nia, lee, letters, outcome):
    reasking.ask_again(sure, limit=10, place_count=2, by=lee)
    waiting = [one.outcome for one in reasking.asked(project)]

    rank_all(cy, project, letters or "abcd")
    rank_all(nia, project, letters or "dcba")

    assert waiting == [Outcome.WAITING]
    assert [one.outcome for one in reasking.asked(project)] == [outcome]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ((0, 0, 0), Outcome.UNANSWERED),
        ((0, 0, 2), Outcome.SPLIT),
        ((1, 2, 0), Outcome.SPLIT),
        ((3, 0, 1), Outcome.MODEL_ERROR),
    ],
)
def test_an_outcome_is_decided_only_where_most_people_likely_say_so(said, outcome):
    for_people, for_model, ties = said

    assert reasking.outcome_of(for_people=for_people, for_model=for_model, tie_count=ties, is_waiting=False) == outcome


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_shows_ceiling_budget_and_row_as_reckoned(client, project, sure, lee):
    client.force_login(lee)
    url = reverse("reward_models", args=[project.slug])

    before = client.get(url).content.decode()
    after = client.post(reverse("reward_models_reckon", args=[project.slug]), follow=True).content.decode()

    assert "not reckoned yet" in before
    assert "comparisons buy</dt>" in after
    assert "Not enough data: 3 prompts with two annotators, shown from 30." in after
    assert "RM 1, scored" in after


def test_the_budget_comes_from_the_learning_curve_of_the_newest_model(project, sure):
    value = label_value.read(label_value.build(project, {}))

    assert value.budget["comparisons"].n == 4
    assert 0 < value.budget["comparisons"].value < 0.02
    assert value.row.reward_model == sure


def test_a_page_that_needs_the_row_alone_gets_the_same_one(project, sure, monkeypatch):
    whole = report.label_value(project).content.row
    monkeypatch.setattr(label_value, "label_ceiling", None)  # which takes most of the time

    assert report.model_row(project) == whole is not None
    monkeypatch.setattr(report, "LIVE_RANKINGS", 0)
    assert report.model_row(project) is None


def test_without_a_reward_model_there_is_no_row(project, comparisons):
    assert report.model_row(project) is None


def test_an_empty_project_has_reasons_and_no_numbers(db):
    empty = projects.create(slug="empty", name="Empty", overlap=2, guidelines="Any.", by=None)

    report_store.make(empty, kind=label_value.KIND, build=label_value.build)

    value = label_value.read(report_store.latest(empty, kind=label_value.KIND).content)
    assert all(one.reason for one in [*value.ceiling.values(), *value.budget.values()])
    assert value.row is None


def test_asking_again_says_on_how_many(client, project, sure, lee):
    client.force_login(lee)
    sent = {"limit": 5, "place_count": 2}

    html = client.post(reverse("ask_again", args=[project.slug]), sent, follow=True).content.decode()

    assert "1 comparisons are open to 2 more annotators each." in html
    assert "waits for rankings" in html


def test_with_adaptive_overlap_the_ceiling_rests_on_prompts_of_fixed_overlap(project, sure):
    project.overlap_policy, project.fixed_rate = "adaptive", 0.0
    project.save()

    content = label_value.build(project, {})

    assert content["n_decisive"] == 0
    assert "Not enough data: 0 prompts" in content["ceiling"]["single_vote"]["reason"]


@pytest.mark.parametrize("letters", [["a", "b", "c", "d"], ["abcd"]])
def test_one_ranking_has_reasons_and_no_numbers(project, comparisons, contrary, ana, letters):
    """A single opinion, or nothing but ties."""
    place = assignments.reserve_next(ana, project)
    by_letter = dict(place.comparison.completions.values_list("external_id", "pk"))
    rankings.submit(place, Answer([[by_letter[one] for one in tier] for tier in letters]), submission=uuid4())

    value = label_value.read(label_value.build(project, {}))

    assert all(one.reason for one in value.ceiling.values())
    assert value.row.agreement.reason
