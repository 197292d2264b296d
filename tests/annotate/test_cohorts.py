"""Work that is a cohort's alone."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotate import assignments, exports, intake, memberships, worklist
from annotate.models import Assignment, Comparison


def line(n, **more):
    completions = [{"text": f"River {letter} of {n}."} for letter in "ab"]
    return {"id": f"c{n}", "prompt": f"Name river number {n}.", "completions": completions} | more


@pytest.fixture
def mixed(project, write_lines):
    """Everybody's c0, the doctors' c1 and c2, the lawyers' c3."""
    cohorts = ["", "doctors", "doctors", "lawyers"]
    lines = [line(n, **({"cohort": name} if name else {})) for n, name in enumerate(cohorts)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    return {one.external_id: one for one in project.comparisons.all()}


@pytest.fixture
def doctor(project, ana):
    """An annotator of the doctors' cohort."""
    memberships.admit(ana, project, cohort="doctors")
    return ana


def all_for(annotator, project):
    """Return what an annotator is handed, in order, until nothing is left."""
    found = []
    while place := assignments.reserve_next(annotator, project):
        found.append(place.comparison.external_id)
        assignments.skip(place, reason="seen")
    return found


def test_a_cohorts_own_work_comes_first_and_is_its_members_alone(mixed, project, doctor, ben):
    assert all_for(doctor, project) == ["c1", "c2", "c0"]
    assert all_for(ben, project) == ["c0"]


def test_what_is_counted_as_left_is_what_they_would_get(mixed, project, doctor, ben):
    assert [worklist.of(one)[0].free_count for one in (doctor, ben)] == [3, 1]
    assert [assignments.progress(one, project).available_count for one in (doctor, ben)] == [3, 1]


def test_a_place_that_comes_back_is_the_cohorts_still(mixed, project, doctor, ben):
    place = assignments.reserve_next(doctor, project)
    assignments.skip(place, reason="no")

    assignments.open_more(mixed["c2"], 1)

    cohorts = Assignment.objects.filter(comparison__in=[mixed["c1"], mixed["c2"]], state="open").values_list("cohort")
    assert set(cohorts) == {("doctors",)}
    assert all_for(ben, project) == ["c0"]


def test_who_changes_the_cohort_gets_the_other_work(mixed, project, doctor):
    memberships.admit(doctor, project, cohort="lawyers")

    assert all_for(doctor, project) == ["c3", "c0"]


def test_without_a_cohort_the_queue_is_asked_once(mixed, project, ben):
    with CaptureQueriesContext(connection) as asked:
        assignments.reserve_next(ben, project)

    assert sum("DELETE FROM annotate_assignment" in one["sql"] for one in asked) == 1


def test_a_cohort_comes_out_as_it_went_in(mixed, project):
    text = b"".join(exports.export(project, "comparisons", form="jsonl").chunks).decode()

    assert [n for n, one in enumerate(text.splitlines()) if '"cohort": "doctors"' in one] == [1, 2]


@pytest.mark.parametrize("cohort", ["x" * 61, 5, ["doctors"]])
def test_what_is_no_name_of_a_cohort_is_refused(project, write_lines, cohort):
    with pytest.raises(intake.IntakeError, match="cohort"):
        intake.import_file(write_lines(line(0, cohort=cohort)), kind="comparisons", project=project)

    assert not Comparison.objects.exists()


def test_staff_read_which_cohorts_work_nobody_will_be_given(client, mixed, project, doctor, lee):
    client.force_login(lee)

    page = client.get(reverse("project", args=[project.slug])).content.decode()

    assert "<strong>lawyers</strong>" in page
    assert "<strong>doctors</strong>" not in page
