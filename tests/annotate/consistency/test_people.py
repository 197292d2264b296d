"""Figures from the sums kept on write are those that the votes give."""

import pytest
from django.urls import reverse

from annotate import reports
from annotate.consistency import heat
from annotate.consistency.people import people
from annotate.quality.estimate import Estimate, undefined


def test_agreement_with_the_others_is_that_of_the_votes(add_crowd):
    project = add_crowd(60)

    from_sums = {one.pseudonym: one for one in people(project)}
    from_votes = {row.pseudonym: row for row in reports.consistency(project).annotators}

    assert from_sums.keys() == from_votes.keys()
    for name, row in from_votes.items():
        agreement = from_sums[name].agreement
        assert agreement.value == pytest.approx(row.reliability.agreement.value)
        assert agreement.n == row.reliability.agreement.n
        assert (agreement.low, agreement.high) == pytest.approx(
            (row.reliability.agreement.low, row.reliability.agreement.high)
        )


def test_rates_and_times_are_those_of_the_votes(add_crowd):
    project = add_crowd(60)

    rows = {row.pseudonym: row for row in reports.consistency(project).annotators}

    for one in people(project):
        assert one.ranking_count == rows[one.pseudonym].reliability.rankings
        assert one.tie_rate.value == 0.0
        assert one.first_shown_rate.value == pytest.approx(rows[one.pseudonym].reliability.first_shown_rate.value)
        assert one.typical_seconds.value == pytest.approx(rows[one.pseudonym].median_seconds.value, rel=1e-3)


def test_who_contradicts_the_others_is_remarked_upon(add_crowd):
    known = [one for one in people(add_crowd(60)) if one.agreement.value is not None]

    least = min(known, key=lambda one: one.agreement.value)

    assert least.remarks == ["contrary to the others"]


def test_too_little_is_a_reason_and_no_number(ranked):
    assert [one.agreement.reason for one in people(ranked)] == [
        "Not enough data: 3 prompts that others judged too, shown from 10."
    ] * 2


@pytest.mark.parametrize(
    ("value", "band"),
    [(0.3, "far-below"), (0.6, "below"), (0.67, "usual"), (0.77, "usual"), (0.8, "above"), (0.9, "far-above")],
)
def test_a_band_follows_from_the_distance_to_what_is_usual(value, band):
    assert heat.band_of(Estimate(value, n=9)) == band


def test_what_is_unknown_has_no_band():
    assert heat.band_of(undefined("Too little.", n=1)) == "unknown"


def test_the_heat_map_has_each_two_people_twice_with_n_and_a_way_to_what_they_share(add_crowd, rex, as_user):
    project = add_crowd(60)

    answer = as_user(rex).get(reverse("consistency_pairs", args=[project.slug]))

    rows = answer.context["rows"]
    assert [[cell is None for cell in row.cells] for row in rows] == [
        [column == row for column in range(5)] for row in range(5)
    ]
    assert rows[0].cells[1] == rows[1].cells[0]
    one = rows[0].cells[1]
    page = answer.content.decode()
    assert f"n={one.comparison_count}" in page
    shared = as_user(rex).get(reverse("consistency_pair", args=[project.slug, one.first, one.second]))
    assert shared.context["page"].paginator.count == one.comparison_count
    assert shared.context["meetings"][0].agreement in (0.0, 1.0)


def test_two_who_never_met_have_an_honest_page(ranked, ana, cy, rex, as_user):
    page = as_user(rex).get(reverse("consistency_pair", args=[ranked.slug, ana.pk, cy.pk])).content.decode()

    assert "They ranked no comparison in common in this project." in page
