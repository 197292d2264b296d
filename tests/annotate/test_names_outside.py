"""In files of a project annotators have names of its own: the same again, and strangers to another project's (A65)."""

import json
import uuid
from collections import Counter

import pytest
from django.urls import reverse

from annotate import assignments, exports, names, people, projects, rankings, redaction
from annotate.answers import Answer
from annotate.intake import add_comparisons
from annotate.models import AuditEntry, Origin, Ranking
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


def exported(project, what, **how):
    return b"".join(exports.export(project, what, **how).chunks).decode()


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


SAID = (
    "Ask canary@example.org or +44 20 7946 0958 (192.0.2.7), worker 5f3c0ffee0aa11bb22cc33dd, "
    "https://me.example/x: 42 is 3.14."
)


@pytest.fixture
def with_reason(two):
    for ranking in Ranking.objects.filter(comparison__project=two[0]):
        spans = [{"completion": ranking.assignment.order[0], "start": 0, "end": 1, "note": "canary@example.org"}]
        Ranking.objects.filter(pk=ranking.pk).update(reason=SAID, details={"spans": spans})
    return two[0]


@pytest.mark.parametrize("what", ["rankings", "ranked", "argilla", "label-studio"])
def test_a65_what_annotators_wrote_leaves_only_when_asked_for(with_reason, what):
    assert "Ask " not in exported(with_reason, what)
    assert "canary" not in exported(with_reason, what)
    assert "canary" not in exported(with_reason, what, reasons="redacted")


def test_a65_a_redacted_reason_keeps_its_words_and_is_accounted_for(with_reason):
    made = exports.export(with_reason, "rankings", reasons="redacted")

    row = json.loads(b"".join(made.chunks).splitlines()[0])

    assert row["reason"] == (
        "Ask [e-mail address] or [phone number] ([IP address]), worker [long id], [web address] 42 is 3.14."
    )
    assert made.counts.reason_count == 12
    once = ("phone number", "IP address", "long id", "web address")
    assert made.counts.redacted == dict.fromkeys(once, 6) | {"e-mail address": 12}
    assert made.counts.sentence.endswith(
        "Reasons and notes: 12 with 36 replacements "
        "(6 IP address, 12 e-mail address, 6 long id, 6 phone number, 6 web address)."
    )


@pytest.mark.parametrize(
    "text",
    [
        "The 2nd of 3 is better, 10:30 or not.",
        "1. No 2. Yes 3. Perhaps",
        "2024-05-01 is a date",
        "a.b c@d e",
        "version 1.2.3",
    ],
)
def test_what_says_nothing_of_anybody_stays(text):
    assert redaction.redacted(text, Counter()) == text


def test_reasons_as_written_are_put_on_record(client, with_reason, lee):
    client.force_login(lee)
    sent = {"what": "rankings", "form": "jsonl", "reasons": "written"}

    answer = client.get(reverse("export_download", args=[with_reason.slug]), sent)

    assert SAID in b"".join(answer.streaming_content).decode()
    assert AuditEntry.objects.get(kind="exported").after == sent


def test_why_a_comparison_cannot_be_ranked_is_left_out_but_that_it_cannot_is_not(with_reason):
    first = Ranking.objects.filter(comparison__project=with_reason).first()
    Ranking.objects.filter(pk=first.pk).update(tiers=[], unrankable=SAID, reason="", details={})

    rows = [json.loads(line) for line in exported(with_reason, "rankings").splitlines()]

    assert [row["unrankable"] for row in rows if "unrankable" in row] == ["(left out)"]
