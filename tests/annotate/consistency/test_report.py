"""The stored report: made once for all pages, shown with its age, made anew on demand; a small project's is live."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from numpy.testing import assert_array_equal

from annotate import judging, report_store, reward_models, tasks
from annotate.consistency import ballots, report
from annotate.models import Annotator, Completion, Report
from annotate.quality.findings import Detector, Judged
from annotate.reward_models import Scored

FROM_THE_REPORT = ("consistency", "consistency_trend", "consistency_effects", "consistency_ledgers")
FROM_THE_REPORT += ("consistency_prospects", "consistency_systems", "consistency_grades", "consistency_annotators")


@pytest.fixture
def large(add_crowd, monkeypatch):
    """A project of 180 rankings that counts as a large one."""
    monkeypatch.setattr(report, "LIVE_RANKINGS", 100)
    return add_crowd(60, weeks=2)


def contrary():
    return Annotator.objects.get(external_id="w4")


def test_a_small_project_is_reckoned_while_the_page_waits(add_crowd):
    shown = report.figures(add_crowd(40))

    assert shown.stored is None
    assert shown.content.decisive.same_annotators.value is not None
    assert not Report.objects.exists()


@pytest.mark.parametrize("name", FROM_THE_REPORT)
def test_before_the_first_report_the_page_says_so_and_offers_to_make_it(large, rex, as_user, name):
    answer = as_user(rex).get(reverse(name, args=[large.slug]))

    assert answer.status_code == 200
    assert "Not reckoned yet" in answer.content.decode()
    assert "Make it now" in answer.content.decode()


@pytest.mark.parametrize("name", FROM_THE_REPORT)
def test_a_report_is_shown_with_its_age(large, add_crowd, rex, as_user, name):
    report.make(large)
    add_crowd(2, first=60)

    page = as_user(rex).get(reverse(name, args=[large.slug])).content.decode()

    assert "6 rankings since" in page
    assert "Make it anew" in page


def test_what_is_stored_is_what_was_reckoned(large, monkeypatch):
    report.make(large)
    stored = report.figures(large).content, report.judgements(large).content.content
    monkeypatch.setattr(report, "LIVE_RANKINGS", 1_000)

    live = report.figures(large).content, report.judgements(large).content.content

    assert stored[0] == live[0]
    assert stored[1] == json.loads(json.dumps(live[1], allow_nan=False))


def test_what_if_reads_no_ranking_of_a_large_project(large, rex, as_user):
    url, asked = reverse("consistency_what_if", args=[large.slug]), {"without": contrary().pseudonym}
    before = as_user(rex).get(url, asked).content.decode()
    report.make(large)
    with CaptureQueriesContext(connection) as said:
        after = as_user(rex).get(url, asked).content.decode()

    assert "Not reckoned yet" in before
    assert "144 of 180" in after
    assert "nothing since" in after
    assert [one["sql"] for one in said if '"annotate_ranking"."tiers"' in one["sql"]] == []


def test_stored_votes_are_those_that_were_read(large):
    report.make(large)
    stored, now = report.ballots(large).content, ballots.read(large)

    assert (stored.category, stored.share) == (now.category, 1.0)
    for name in ("annotator", "guideline", "is_simulated", "turn"):
        assert_array_equal(getattr(stored, name), getattr(now, name), strict=True)
    for name in ("unit", "annotator", "ranking", "relation", "i_first", "annotator_ids", "ranking_ids"):
        assert_array_equal(getattr(stored.votes, name), getattr(now.votes, name), strict=True)
    assert_array_equal(stored.votes.units, now.votes.units)


@pytest.mark.parametrize("name", ["consistency", "consistency_systems"])
def test_a_page_of_two_reports_reads_the_votes_of_a_small_project_once(add_crowd, rex, as_user, monkeypatch, name):
    read, project = [], add_crowd(20)
    work = judging.work_of
    monkeypatch.setattr(judging, "work_of", lambda asked: read.append(asked) or work(asked))

    assert as_user(rex).get(reverse(name, args=[project.slug])).status_code == 200

    assert read == [project]


def test_the_votes_are_read_once_for_all_reports(large, monkeypatch):
    read = []
    work = report._work
    monkeypatch.setattr(report, "_work", lambda project: read.append(project) or work(project))

    report.make(large)

    assert read == [large]
    assert sorted(Report.objects.values_list("kind", flat=True)) == [
        "ballots",
        "figures",
        "gradings",
        "judgement",
        "label value",
        "ledgers",
        "systems",
        "verdicts",
        "win rates",
    ]


def test_the_button_makes_it_anew(large, rex, as_user, monkeypatch, django_capture_on_commit_callbacks):
    asked = []
    monkeypatch.setattr(tasks.make_report, "delay", lambda pk: asked.append(pk))

    with django_capture_on_commit_callbacks(execute=True):
        answer = as_user(rex).post(reverse("consistency_refresh", args=[large.slug]))

    assert answer.status_code == 302
    assert asked == [large.pk]


def test_the_beat_makes_what_is_stale_and_nothing_else(large):
    first, second = tasks.make_stale_reports(), tasks.make_stale_reports()

    assert (first, second) == (1, 0)
    assert report_store.latest(large, kind="figures").is_current


def test_a_report_of_an_older_program_is_made_anew(large, rex, as_user):
    report.make(large)
    Report.objects.filter(kind="figures").update(content={"figures": "of another time"})

    page = as_user(rex).get(reverse("consistency_trend", args=[large.slug])).content.decode()

    assert "Not reckoned yet" in page


def test_who_contradicts_the_others_fails_with_the_comparisons_that_show_it(large, rex, as_user):
    report.make(large)
    judged = report.judgements(large).content

    found = judged.of(contrary().pk)

    assert judged.verdicts[contrary().pk].verdict == found.verdict
    assert found.verdict in (Judged.FAIL, Judged.UNKNOWN)
    assert judged.by(Detector.CONTRARY)[contrary().pk] == found.of(Detector.CONTRARY)
    page = as_user(rex).get(reverse("consistency_annotator", args=[large.slug, contrary().pk])).content.decode()
    assert f"Verdict: {found.verdict}" in page
    assert found.of(Detector.CONTRARY).sentence in page.replace("&#x27;", "'")
    shown = [pk for finding in found.findings for pk in finding.evidence]
    assert ("/staff/comparisons/" in page) == bool(shown)


def test_an_annotator_unknown_to_the_report_has_an_honest_page(large, ana, rex, as_user):
    report.make(large)

    page = as_user(rex).get(reverse("consistency_annotator", args=[large.slug, ana.pk])).content.decode()

    assert "They were not judged here yet" in page


def test_a_reward_model_has_a_row_beside_the_annotators_and_none_among_the_votes(large, rex, as_user):
    texts = Completion.objects.filter(comparison__project=large)
    scores = [
        Scored(prompt, text, float(text.startswith("A river that")))
        for prompt, text in texts.values_list("comparison__prompt__external_id", "text")
    ]
    reward_models.record(large, source="run/1", name="RM <1>", scores=scores)
    report.make(large)

    for name in ("consistency_annotators", "consistency_pairs"):
        page = as_user(rex).get(reverse(name, args=[large.slug])).content.decode()
        assert "RM &lt;1&gt;" in page
        assert page.count("reward model</span>") == 1
    assert len(report.judgements(large).content.verdicts) == 5
