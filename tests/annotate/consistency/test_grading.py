"""Ratings and flags: agreement on the page, what annotators say together of a completion, and both as files."""

import csv
import io

import pytest
from django.urls import reverse

from annotate import graded, questions
from annotate.consistency import completion_verdicts, downloads, report, tables
from annotate.models import Annotator, Ranking
from annotate.questions import Choice, Questions

ASKED = Questions(ratings=True, flags=(Choice("lies", "Tells lies"),), aspects=(Choice("style", "Good style"),))
STRICT = "w0"


@pytest.fixture
def rated(project, add_crowd):
    """Return a function that adds 60 comparisons, on which each ranking also rates, flags and judges the style.

    «a» is worth 5 or 6, «b» 2 or 3; w0 gives a grade less than the others. «b» tells lies on every third comparison,
    which everybody sees but w4, who flags «a» instead.
    """

    def rated(count=60):
        project.questions = questions.to_json(ASKED)
        project.save()
        add_crowd(count)
        for one in Ranking.objects.select_related("comparison", "annotator"):
            number, who = int(one.comparison.external_id[1:]), one.annotator.external_id
            a, b = one.comparison.completions.order_by("external_id")
            less = int(who == STRICT)
            grades = {str(a.pk): 5 + number % 2 - less, str(b.pk): 2 + number % 2 - less}
            flags = {str((a if who == "w4" else b).pk): ["lies"]} if number % 3 == 0 else {}
            details = {"ratings": grades, "aspects": {"style": grades}} | ({"flags": flags} if flags else {})
            Ranking.objects.filter(pk=one.pk).update(details=details, reason="It names the river and says where it is.")
        return project

    return rated


def test_agreement_on_ratings_stands_on_the_page_with_both_intervals(rated, rex, as_user):
    page = as_user(rex).get(reverse("consistency_grades", args=[rated().slug]))

    overall, style = page.context["shown"].content.scales
    assert (overall.label, style.label) == ("Overall rating", "Good style")
    assert (overall.grade_count, overall.completion_count, overall.raters) == (360, 120, 3)
    assert 0.8 < overall.ordinal.same_annotators.value < 1
    assert overall.averaged.same_annotators.value > overall.single.same_annotators.value
    assert overall.ordinal.new_annotators.low < overall.ordinal.same_annotators.low
    assert "Tells lies" in page.content.decode()


def test_the_strict_annotator_has_a_severity_of_a_grade_and_the_consensus_allows_for_it(rated):
    scale = report.gradings(rated()).content.scales[0]

    severity = {one.annotator: one.severity for one in scale.graders}
    strict = Annotator.objects.get(external_id=STRICT).pk
    others = [value for pk, value in severity.items() if pk != strict]
    assert min(others) - severity[strict] == pytest.approx(1, abs=0.2)


def test_flags_have_positive_and_negative_agreement_and_a_prevalence(rated):
    flag = report.gradings(rated()).content.flags[0]

    # of 20 flagged comparisons w4 judged 12; the other two flag «b», so of its answers 2 of 3 pairs disagree there:
    # positive agreement = (2 * 8 * 3 + 2 * 12) / (2 * 8 * 3 + 2 * 12 + 12 * 2 + 12 * 2) by ordered pairs over n - 1
    assert flag.raised_count == 60
    assert flag.prevalence.value == pytest.approx(60 / 360)
    assert flag.positive.same_annotators.value == pytest.approx((8 * 6 + 12 * 2) / (8 * 6 + 12 * 2 + 12 * 2 + 12 * 2))
    assert flag.negative.same_annotators.value > 0.9


def test_on_the_comparisons_page_each_completion_has_its_grade_and_the_chance_of_a_flag(rated, rex, as_user):
    comparison = rated().comparisons.get(external_id="m0")

    page = as_user(rex).get(reverse("comparison", args=[comparison.pk]))

    (_, of_a), (_, of_b) = page.context["completions"]
    (_, grade, error, n), _ = of_a.grades
    assert grade == pytest.approx(5, abs=0.4)
    assert (0 < error < 1, n) == (True, 3)
    (label, chance, raised, asked) = of_b.flags[0]
    assert (label, asked) == ("Tells lies", 3)
    assert (chance > 0.8, raised >= 2) == (True, True)
    assert "raised by" in page.content.decode()


def test_a_completion_of_which_nothing_was_said_has_no_verdict(add_crowd, rex, as_user):
    comparison = add_crowd(3).comparisons.first()

    page = as_user(rex).get(reverse("comparison", args=[comparison.pk]))

    assert [said for _, said in page.context["completions"]] == [None, None]


def test_who_is_unknown_to_the_report_counts_like_the_middle_one(rated):
    found = report.gradings(rated()).content
    comparison = Ranking.objects.first().comparison
    rankings = list(comparison.rankings.all())
    for one in rankings:
        one.annotator_id = 0

    said = completion_verdicts.verdicts(rankings, found)

    grades = [list(one.details["ratings"].values())[0] for one in rankings]
    first = said[min(said)].grades[0]
    assert first[1] == pytest.approx(sum(grades) / 3)


def test_grades_and_flags_of_every_completion_can_be_had_as_files(rated):
    project = rated()

    def rows(name):
        text = b"".join(tables.chunks(downloads.table(project, name), "csv")).decode()
        return list(csv.DictReader(io.StringIO(text)))

    grades, flagged = rows("grades"), rows("flagged")
    assert len(grades) == 240
    assert {row["scale"] for row in grades} == {"Overall rating", "Good style"}
    assert all(float(row["error"]) > 0 for row in grades)
    assert {row["completion"] for row in flagged} == {"a", "b"}
    assert all(0 <= float(row["chance"]) <= 1 for row in flagged)
    assert [row["figure"] for row in rows("flags")] == ["positive", "negative", "ac1", "alpha"]
    assert len(rows("scales")) == 8


@pytest.mark.parametrize("count", [1, 5])
def test_too_little_is_a_reason_and_no_number(rated, rex, as_user, count):
    page = as_user(rex).get(reverse("consistency_grades", args=[rated(count).slug])).content.decode()

    assert f"Not enough data: {count} prompts with two annotators, shown from 30." in page


def test_all_grades_equal_is_no_variation(rated):
    project = rated()
    for one in Ranking.objects.all():
        one.details["ratings"] = dict.fromkeys(one.details["ratings"], 4)
        Ranking.objects.filter(pk=one.pk).update(details=one.details)

    overall = report.gradings(project).content.scales[0]

    assert overall.ordinal.same_annotators.value is None
    assert overall.ordinal.same_annotators.reason.startswith("No variation")
    assert overall.mean == 4


def test_reasons_of_few_words_are_no_text_and_equal_ones_have_one_code(rated):
    project = rated(3)
    first, second, *_ = Ranking.objects.order_by("pk")
    Ranking.objects.filter(pk=first.pk).update(reason="More detailed.")
    Ranking.objects.filter(pk=second.pk).update(reason="it NAMES the river  and says where it is.")

    reason = graded.read(project).reason

    assert first.pk not in reason
    assert len(set(reason.values())) == 1
