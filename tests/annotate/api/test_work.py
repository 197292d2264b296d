"""The annotators' side: exactly the rules of the rank page."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from annotate.models import Assignment, Ranking

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana_script(script, ana):
    return script(ana.user)


@pytest.fixture
def place(ana_script, comparisons):
    return ana_script.post("work/rivers/next/").json()


@pytest.fixture
def body(place):
    return {
        "submission": str(uuid4()),
        "tiers": [[one["label"] for one in place["completions"]]],
        "reason": "All alike.",
    }


def test_the_next_comparison_shows_texts_and_no_model(ana_script, place):
    shown = ana_script.get(f"assignments/{place['id']}/")

    assert shown.json() == place
    assert [one["label"] for one in place["completions"]] == ["A", "B", "C", "D"]
    assert set(place["completions"][0]) == {"label", "text"}
    assert "SECRET-MODEL" not in shown.content.decode()


def test_nothing_left_is_204(ana_script, project):
    assert ana_script.post("work/rivers/next/").status_code == 204


def test_a_submission_is_stored_once_however_often_it_is_sent(ana_script, place, body):
    first = ana_script.post(f"assignments/{place['id']}/submit/", body)
    again = ana_script.post(f"assignments/{place['id']}/submit/", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["ranking"]["words"] == "A = B = C = D"
    assert Ranking.objects.count() == 1


def test_a_submission_used_for_something_else_is_a_conflict(ana_script, place, body):
    ana_script.post(f"assignments/{place['id']}/submit/", body)

    other = ana_script.post(
        f"assignments/{place['id']}/submit/", body | {"tiers": [[label] for label in body["tiers"][0]]}
    )

    assert other.status_code == 409
    assert [len(tier) for tier in Ranking.objects.get().tiers] == [4]


def test_a_ranking_is_revised_within_the_grace_time_and_the_old_one_stays(ana_script, place, body):
    ana_script.post(f"assignments/{place['id']}/submit/", body)
    better = body | {"submission": str(uuid4()), "tiers": [[label] for label in body["tiers"][0]]}

    revised = ana_script.post(f"assignments/{place['id']}/revise/", better)

    assert revised.status_code == 201
    assert revised.json()["ranking"]["words"] == "A > B > C > D"
    assert Ranking.objects.count() == 2


def test_of_two_changes_of_the_same_revision_the_second_is_refused_with_the_current_one(ana_script, place, body):
    ana_script.post(f"assignments/{place['id']}/submit/", body)
    better = body | {"submission": str(uuid4()), "tiers": [[label] for label in body["tiers"][0]]}
    other = body | {"submission": str(uuid4()), "tiers": [[label] for label in reversed(body["tiers"][0])]}
    of_the_first = {"If-Match": '"1"'}

    revised = ana_script.post(f"assignments/{place['id']}/revise/", better, headers=of_the_first)
    refused = ana_script.post(f"assignments/{place['id']}/revise/", other, headers=of_the_first)
    again = ana_script.post(f"assignments/{place['id']}/revise/", better, headers=of_the_first)  # sent twice

    assert (revised.status_code, refused.status_code, again.status_code) == (201, 409, 200)
    assert "has revision 2 now, not 1" in refused.json()["errors"][0]["message"]
    assert ana_script.get(f"assignments/{place['id']}/").json()["ranking"]["words"] == "A > B > C > D"


def test_after_the_grace_time_nothing_changes(ana_script, place, body):
    ana_script.post(f"assignments/{place['id']}/submit/", body)
    Assignment.objects.filter(pk=place["id"]).update(closed_at=timezone.now() - timedelta(days=1))

    late = ana_script.post(f"assignments/{place['id']}/revise/", body | {"submission": str(uuid4())})

    assert late.status_code == 409
    assert "is over" in late.json()["errors"][0]["message"]


def test_skipping_frees_the_place_and_twice_is_harmless(ana_script, place):
    for _ in range(2):
        assert ana_script.post(f"assignments/{place['id']}/skip/", {"reason": "Not my field."}).status_code == 204
    assert ana_script.post("work/rivers/next/").json()["id"] != place["id"]


def test_another_persons_comparison_is_like_one_that_is_not_there(script, ben, place, body):
    ben_script = script(ben.user)

    theirs = ben_script.post(f"assignments/{place['id']}/submit/", body)
    nowhere = ben_script.post("assignments/999999999999999999999999/submit/", body)

    assert (theirs.status_code, nowhere.status_code) == (404, 404)
    assert theirs.json() == nowhere.json()
    assert not Ranking.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"submission": "no uuid"}, "submission"),
        ({"tiers": [["A"]]}, "tiers"),
        ({"tiers": [["A", "B", "C", "D", "E"]]}, "tiers"),
        ({"tiers": []}, "tiers"),
        ({"tiers": [[]]}, "tiers[0]"),
        ({"tiers": "abc"}, "tiers"),
        ({"tiers": [[1]]}, "tiers[0][0]"),
        ({"tiers": [[True]]}, "tiers[0][0]"),
        ({"reason": "x" * 2001}, "reason"),
        ({"reason": 7}, "reason"),
        ({"strength": 2}, "strength"),
        ({"ratings": {"A": 9}}, "ratings.A"),
        ({"ratings": {"x": 3}}, "ratings"),
        ({"flags": {"9" * 5000: ["a"]}}, "flags"),
        ({"spans": [{"completion": "A", "start": 0, "end": 1, "colour": "red"}]}, "spans[0].colour"),
        ({"active_seconds": -1}, "active_seconds"),
        ({"annotator": 2}, "annotator"),
        ({"is_gold": True}, "is_gold"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_by_field(ana_script, place, body, change, field):
    response = ana_script.post(f"assignments/{place['id']}/submit/", body | change)

    assert response.status_code == 400
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert not Ranking.objects.exists()


def test_the_list_of_work_counts_what_is_left(ana_script, place):
    assert ana_script.get("work/").json() == [
        {"project": "rivers", "name": "Rivers", "task": "ranking", "done_count": 0, "left_count": 3}
    ]
