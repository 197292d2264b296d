"""In files of a project annotators have names of its own: the same again, and strangers to another project's (A65)."""

import json
import uuid

import pytest

from annotate import assignments, exports, names, people, projects, rankings
from annotate.answers import Answer
from annotate.intake import add_comparisons
from annotate.models import Origin
from annotate.rows import ComparisonRow, CompletionRow, PromptRow

CANARIES = {
    "account": "canary-account",
    "email": "canary@example.org",
    "first_name": "Canaria",
    "worker": "5f3c0ffee0canary",
}


def make_project(slug):
    project = projects.create(slug=slug, name=slug.title(), overlap=2, guidelines="Be fair.", by=None)
    completions = [CompletionRow(letter, f"{letter} is an answer") for letter in "ab"]
    rows = [ComparisonRow(f"c{n}", PromptRow(f"p{n}", (("user", f"Say {n}."),)), completions) for n in range(3)]
    add_comparisons(project, rows, source="")
    return project


@pytest.fixture
def two(roles, ana):
    """Two projects in which Ana and a crowd worker ranked everything."""
    worker = people.worker(source="prolific", external_id=CANARIES["worker"])
    for annotator in (ana, worker):
        user = annotator.user
        user.email, user.first_name = CANARIES["email"], CANARIES["first_name"]
        user.save()
    made = [make_project(slug) for slug in ("rivers-a", "rivers-b")]
    for project in made:
        for annotator in (ana, worker):
            while place := assignments.reserve_next(annotator, project):
                rankings.submit(place, Answer([[pk] for pk in sorted(place.order)]), submission=uuid.uuid4())
    return made


def exported(project, what):
    return b"".join(exports.export(project, what).chunks).decode()


def people_in(project):
    return {json.loads(line)["annotator"] for line in exported(project, "rankings").splitlines()}


@pytest.mark.parametrize("what", [what for what in exports.WHATS if what not in ("demonstrations", "preferences")])
def test_a65_no_name_of_one_projects_files_stands_in_anothers(two, ana, what):
    first, second = (exported(project, what) for project in two)

    inside = {ana.pseudonym} | {one.pseudonym for one in people.Annotator.objects.all()}
    for text in (first, second):
        assert not [name for name in inside if name in text]
        assert not [canary for canary in CANARIES.values() if canary in text]
    assert not [name for name in people_in(two[0]) if name in second]


def test_a65_people_are_told_apart_and_stay_the_same_in_a_second_export(two):
    first, again, second = people_in(two[0]), people_in(two[0]), people_in(two[1])

    assert first == again
    assert len(first) == len(second) == 2
    assert not first & second


def test_what_somebody_is_stands_before_the_name(two):
    (simulated,) = people.without_account(Origin.SIMULATED, source="s", external_ids=["x"]).values()

    assert names.outside(two[0], simulated.pseudonym).startswith("simulated-")


def test_each_project_has_a_key_of_its_own(two):
    assert two[0].names_key != two[1].names_key
    assert len(two[0].names_key) == 64
