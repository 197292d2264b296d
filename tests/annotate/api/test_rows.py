"""Staff's side: rows in and out, pages that stay true while rows come in, filters by an allow-list."""

import pytest

from annotate import assignments, rankings
from annotate.answers import Answer
from annotate.models import Comparison, Project, Prompt

pytestmark = pytest.mark.django_db
ROW = {
    "id": "c9",
    "prompt": "Name a river.",
    "completions": [{"id": "a", "text": "Rhine."}, {"id": "b", "text": "Po."}],
}


def messages(response):
    return {(one.get("index"), one["field"]): one["message"] for one in response.json()["errors"]}


def test_an_admin_creates_a_project(script, lee):
    body = {"slug": "lakes", "name": "Lakes", "overlap": 2, "guidelines": "Be fair."}

    response = script(lee).post("projects/", body)

    assert response.status_code == 201
    assert response.json()["slug"] == "lakes"
    assert Project.objects.get(slug="lakes").guidelines.get().text == "Be fair."


def test_a_slug_that_is_taken_is_a_conflict(script, lee, project):
    response = script(lee).post("projects/", {"slug": "rivers", "name": "Rivers", "guidelines": "g"})

    assert response.status_code == 409
    assert "already" in messages(response)[None, ""]


def test_comparisons_come_in_with_their_places_and_twice_changes_nothing(script, mia, project):
    engineer = script(mia)

    first = engineer.post("projects/rivers/comparisons/", {"comparisons": [ROW]})
    again = engineer.post("projects/rivers/comparisons/", {"comparisons": [ROW]})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == {"row_count": 1, "new_count": 1, "duplicate_count": 0}
    assert again.json() == {"row_count": 1, "new_count": 0, "duplicate_count": 1}
    assert Comparison.objects.get().assignments.count() == project.overlap


def test_one_bad_row_refuses_all_and_is_named_by_index_and_field(script, mia, project):
    bad = ROW | {"id": "c10", "completions": [{"text": "Rhine."}, {"text": " "}]}
    unknown = ROW | {"id": "c11", "promt_id": "p"}

    response = script(mia).post("projects/rivers/comparisons/", {"comparisons": [ROW, bad, unknown, 7]})

    assert response.status_code == 400
    found = messages(response)
    assert found[1, "completions[1].text"] == "is empty after trimming invisible characters."
    assert "did you mean 'prompt_id'" in found[2, "promt_id"]
    assert found[3, ""] == "expected an object, got number 7."
    assert not Comparison.objects.exists()


def test_rows_that_contradict_each_other_are_named_by_row(script, mia, project):
    other = ROW | {"completions": ["Po.", "Elbe."]}

    response = script(mia).post("projects/rivers/comparisons/", {"comparisons": [ROW, other]})

    assert messages(response)[1, "id"] == "'c9' is also the id of row 0, with another content."


@pytest.mark.parametrize("body", [{}, {"comparisons": []}, {"comparisons": {}}, {"comparisons": [ROW], "project": "x"}])
def test_a_body_of_another_shape_is_refused(script, mia, project, body):
    assert script(mia).post("projects/rivers/comparisons/", body).status_code == 400
    assert not Comparison.objects.exists()


def test_prompts_are_the_admins_to_add(script, mia, lee, project):
    body = {"prompts": [{"id": "p1", "prompt": "Name a lake.", "demonstration": "Como."}]}

    assert script(mia).post("projects/rivers/prompts/", body).status_code == 403
    assert script(lee).post("projects/rivers/prompts/", body).status_code == 201
    assert Prompt.objects.get().demonstrations.get().text == "Como."


def test_pages_neither_repeat_nor_hide_a_row_while_rows_come_in(script, mia, project, comparisons):
    engineer = script(mia)

    first = engineer.get("projects/rivers/comparisons/", limit=2).json()
    engineer.post("projects/rivers/comparisons/", {"comparisons": [ROW]})
    rest = engineer.client.get(first["next"], headers=engineer.headers).json()

    assert [row["external_id"] for row in first["results"]] == ["c0", "c1"]
    assert [row["external_id"] for row in rest["results"]] == ["c2", "c9"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"ordering": "annotator__user__password"}, "ordering"),
        ({"annotator__user__email__startswith": "a"}, "annotator__user__email__startswith"),
        ({"_connector": "OR 1=1) --"}, "_connector"),
        ({"meta__a'b)": "1"}, "meta__a'b)"),
        ({"token": "x"}, "token"),
        ({"format": "json"}, "format"),
        ({"limit": "1000000000"}, "limit"),
        ({"limit": "abc"}, "limit"),
        ({"cursor": "-1"}, "cursor"),
        ({"cursor": str(2**63)}, "cursor"),
        ({"cursor": "cD1hYmM="}, "cursor"),
        ({"annotator": "a\x00b"}, "annotator"),
        ({"comparison": "9" * 2000}, "comparison"),
    ],
)
def test_a_query_that_no_list_takes_is_refused_by_name(script, rex, project, query, field):
    response = script(rex).get("projects/rivers/rankings/", **query)

    assert response.status_code == 400
    assert [one["field"] for one in response.json()["errors"]] == [field]


def test_a_parameter_that_stands_twice_is_refused(script, rex, project):
    assert script(rex).get("projects/rivers/rankings/?limit=1&limit=2").status_code == 400


def test_rankings_show_pseudonyms_and_no_account(script, rex, ana, comparisons, project):
    place = assignments.reserve_next(ana, project)
    rankings.submit(place, Answer([place.order]), submission="7b1f5d52-4f4e-4b8e-9c3b-0d3b0f7a5a11")

    response = script(rex).get("projects/rivers/rankings/", annotator=ana.pseudonym)

    row = response.json()["results"][0]
    assert (row["annotator"], row["tiers"], row["purpose"]) == (ana.pseudonym, [place.order], "work")
    assert '"ana"' not in response.content.decode()


def test_a_list_takes_a_fixed_number_of_queries(script, rex, comparisons, django_assert_num_queries):
    reviewer = script(rex)

    with django_assert_num_queries(
        7
    ):  # limit, token, the account's other tokens, roles, project, comparisons, completions
        assert len(reviewer.get("projects/rivers/comparisons/").json()["results"]) == 3


def test_consistency_figures_say_why_there_are_none(script, rex, comparisons):
    figures = script(rex).get("projects/rivers/consistency/").json()

    assert figures["ranking_count"] == 0
    assert figures["agreement"]["value"] is None
    assert "Not enough data" in figures["agreement"]["reason"]


def test_a_project_that_is_not_there_is_404_in_our_shape(script, rex):
    response = script(rex).get("projects/nowhere/")

    assert response.status_code == 404
    assert [set(one) for one in response.json()["errors"]] == [{"field", "message"}]
