"""The consistency pages: full, empty, sorted, a page at a time, and with the same number of questions however long."""

import re

import pytest
from django.urls import reverse

PAGES = (
    "consistency",
    "consistency_trend",
    "consistency_annotators",
    "consistency_pairs",
    "consistency_effects",
    "consistency_ledgers",
    "consistency_comparisons",
    "consistency_systems",
    "consistency_grades",
    "consistency_prospects",
    "consistency_what_if",
)


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_project_says_when_to_come_back(project, rex, as_user, name):
    page = as_user(rex).get(reverse(name, args=[project.slug])).content.decode()

    assert "Nothing is ranked yet" in page or "Nothing compared yet" in page
    assert re.search(r"\bnan\b", re.sub(r"<[^>]*>", " ", page), re.IGNORECASE) is None


@pytest.mark.parametrize("name", PAGES)
def test_every_page_leads_to_all_others_and_to_an_explanation(ranked, rex, as_user, name):
    page = as_user(rex).get(reverse(name, args=[ranked.slug])).content.decode()

    assert [other for other in PAGES if reverse(other, args=[ranked.slug]) not in page] == []
    assert page.count('aria-current="page"') >= 2
    assert reverse("quality_guide") in page


def test_the_headline_says_what_is_lacking(ranked, rex, as_user):
    page = as_user(rex).get(reverse("consistency", args=[ranked.slug])).content.decode()

    assert "6 rankings of" in page
    assert "Not enough data: 3 prompts with two annotators, shown from 30." in page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_the_same_number_of_questions_however_long(
    ranked, add_crowd, rex, as_user, django_assert_max_num_queries, name
):
    """One more at most: the names of those who answer alike, once there are any."""
    client, url = as_user(rex), reverse(name, args=[ranked.slug])
    add_crowd(5)
    with django_assert_max_num_queries(40) as short:
        client.get(url)
    add_crowd(60, first=5, weeks=3)

    with django_assert_max_num_queries(len(short) + 1):
        client.get(url)


def test_comparisons_come_a_page_at_a_time_the_disputed_first(ranked, add_crowd, rex, as_user):
    add_crowd(60)
    client, url = as_user(rex), reverse("consistency_comparisons", args=[ranked.slug])

    first, second = client.get(url), client.get(url, {"page": 2})

    assert (len(first.context["rows"]), len(second.context["rows"])) == (50, 13)
    assert [row.status for row in first.context["rows"]][:3] == ["disputed"] * 3
    assert "?page=2" in first.content.decode()


def test_people_stand_by_pseudonym_and_sorted_by_what_is_asked(ranked, add_crowd, ana, rex, as_user):
    add_crowd(60)
    client, url = as_user(rex), reverse("consistency_annotators", args=[ranked.slug])

    least, most = client.get(url), client.get(url, {"sort": "-agreement"})

    rates = [row.person.agreement.value for row, _ in least.context["people"]]
    known = [rate for rate in rates if rate is not None]
    assert known == sorted(known)
    assert rates[len(known) :] == [None] * (len(rates) - len(known))  # who is unknown stands last
    assert most.context["people"][0][0].person.agreement.value == known[-1]
    assert most.context["people"][-1][0].person.agreement.value is None
    assert 'aria-sort="descending"' in most.content.decode()
    assert ana.pseudonym in least.content.decode()
    assert f">{ana.user.username}<" not in least.content.decode()


@pytest.mark.parametrize("asked", ["nothing", "-", "--agreement", "<script>", ""])
def test_an_order_that_nobody_knows_is_the_usual_one(ranked, rex, as_user, asked):
    answer = as_user(rex).get(reverse("consistency_annotators", args=[ranked.slug]), {"sort": asked})

    assert answer.status_code == 200
    assert 'aria-sort="ascending"' in answer.content.decode()


def test_the_trend_has_a_row_a_week_and_marks_when_guidelines_changed(add_crowd, project, rex, as_user):
    add_crowd(99, weeks=3)
    project.guidelines.update(published_at="2026-03-10T00:00:00Z")

    answer = as_user(rex).get(reverse("consistency_trend", args=[project.slug]))

    assert [week.name for week in answer.context["weeks"]] == ["2026-W12", "2026-W11", "2026-W10"]
    assert all(week.agreement.value is not None for week in answer.context["weeks"])
    assert "guidelines v1" in answer.content.decode()
    assert '<polyline class="trend-line"' in answer.content.decode()


def test_a_week_with_too_few_prompts_says_so(add_crowd, project, rex, as_user):
    add_crowd(20, weeks=2)

    answer = as_user(rex).get(reverse("consistency_trend", args=[project.slug]))

    assert [week.agreement.n for week in answer.context["weeks"]] == [10, 10]
    assert "not enough data (n = 10)" in answer.content.decode()
    assert "A line needs two weeks" in answer.content.decode()
