"""The page of systems: the stronger first, intervals, other rules, and what is said where nothing compares."""

import pytest
from django.urls import reverse

from annotate.consistency import report
from annotate.models import Completion


@pytest.fixture
def page(rex, as_user):
    """Return a function that asks for a project's page."""
    return lambda project: as_user(rex).get(reverse("consistency_systems", args=[project.slug]))


def test_the_system_that_is_preferred_stands_first_with_both_intervals(add_crowd, page):
    answer = page(add_crowd(60))

    first, second = answer.context["shown"].content.systems
    assert (first.name, second.name) == ("plain", "tuned")
    assert (first.place, first.first, first.last) == (1, 1, 1)
    assert first.strength.value == pytest.approx(-second.strength.value)
    assert first.new_annotators.high - first.new_annotators.low > 0
    assert first.comparison_count == 180
    assert "The rules of voting give the same order." in answer.content.decode()


def test_too_few_comparisons_are_a_reason_and_no_strength(add_crowd, page):
    answer = page(add_crowd(3))

    assert "Not enough data: 9 comparisons that connect the system" in answer.content.decode()
    assert "(1–2)" in answer.content.decode()


def test_one_system_is_no_leaderboard(add_crowd, page):
    project = add_crowd(20)
    Completion.objects.update(source="plain")

    assert "No two systems were compared" in page(project).content.decode()


def test_systems_that_never_met_are_ranked_apart_and_it_is_said(add_crowd, page):
    project = add_crowd(40)
    for completion in Completion.objects.filter(comparison__external_id__in=[f"m{n}" for n in range(20)]):
        Completion.objects.filter(pk=completion.pk).update(source=f"{completion.source}-2")

    answer = page(project)

    assert "2 parts that share no system" in answer.content.decode()
    assert [(one.part, one.place) for one in answer.context["shown"].content.systems] == [
        (0, 1),
        (0, 2),
        (1, 1),
        (1, 2),
    ]


def test_a_system_that_always_wins_has_a_finite_strength_and_it_is_said(add_crowd, page):
    project = add_crowd(20)
    for comparison in project.comparisons.all():
        a, b = comparison.completions.order_by("external_id")
        comparison.rankings.update(tiers=[[a.pk], [b.pk]])

    answer = page(project)

    assert "their distance is held finite" in answer.content.decode()
    assert 0 < answer.context["shown"].content.systems[0].strength.value < 20


def test_where_nothing_is_known_of_systems_nothing_is_stored_but_that(add_crowd, monkeypatch, page):
    monkeypatch.setattr(report, "LIVE_RANKINGS", 10)
    project = add_crowd(20)
    Completion.objects.update(source="")
    report.make(project)

    assert report.board(project).content.systems == []
    assert "No two systems were compared" in page(project).content.decode()
