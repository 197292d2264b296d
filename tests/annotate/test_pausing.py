"""The policy «pause annotators who fail the quality checks»: off by default, kind, on record, and undone by staff."""

from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import translation

from annotate import assignments, intake, memberships, pausing, people, projects, rankings, standing, tasks
from annotate.answers import Answer
from annotate.models import Intervention, Membership, Origin, Project, Ranking
from annotate.quality.findings import Detector
from annotate.standing import Step

N = 32


@pytest.fixture
def policy(project):
    """The policy is on."""
    project.pauses_failing = True
    project.save()


@pytest.fixture
def contrary_cy(project, write_lines, ana, ben, cy):
    """Ana and Ben rank 32 comparisons by the alphabet; Cy ranks the same ones the other way round."""
    letters = [{"id": name, "text": f"Text {name}."} for name in "abcd"]
    lines = [{"id": f"w{n}", "prompt": f"Question {n}?", "completions": letters, "overlap": 3} for n in range(N)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    for annotator, is_contrary in ((ana, False), (ben, False), (cy, True)):
        for _ in range(N):
            place = assignments.reserve_next(annotator, project)
            order = [[pk] for pk in sorted(place.order, reverse=is_contrary)]
            rankings.submit(place, Answer(order), submission=uuid4())
    return Membership.objects.get(annotator=cy, project=project)


def test_nobody_is_paused_while_the_policy_is_off(contrary_cy, project):
    assert pausing.apply(project) == []
    assert not Membership.objects.filter(is_paused=True).exists()


def test_who_fails_is_paused_and_nobody_else(contrary_cy, project, policy):
    assert pausing.apply(project) == [contrary_cy]
    assert list(Membership.objects.filter(is_paused=True)) == [contrary_cy]


def test_the_pause_is_on_record_with_its_reason_and_the_comparisons_that_show_it(contrary_cy, project, policy):
    pausing.apply(project)

    (record,) = Intervention.objects.all()
    assert (record.membership, record.action, record.by) == (contrary_cy, "paused", None)
    assert record.reason.startswith("Agrees with the others on 0 % of the pairs in 32 rankings")
    assert set(record.evidence) <= set(project.comparisons.values_list("pk", flat=True))
    assert record.evidence


def test_the_annotator_reads_why_in_their_language_and_keeps_what_they_ranked(contrary_cy, project, policy, cy):
    pausing.apply(project)

    stands = standing.of(cy, project)
    with translation.override("zh-hans"):
        chinese = stands.pause_message
    assert stands.step == Step.PAUSED
    assert stands.pause_message == f"{pausing.WHY[Detector.CONTRARY]}\n{pausing.CLOSING}"
    assert "付酬" in chinese
    assert Ranking.objects.filter(annotator=cy, superseded_at__isnull=True).count() == N


def test_applied_twice_it_is_one_pause(contrary_cy, project, policy):
    pausing.apply(project)

    assert pausing.apply(project) == []
    assert Intervention.objects.count() == 1


def test_staff_undo_it_and_the_policy_leaves_them_alone(client, contrary_cy, project, policy, cy, rex):
    pausing.apply(project)
    client.force_login(rex)

    client.post(reverse("member_resume", args=[contrary_cy.pk]))

    assert standing.of(cy, project).step == Step.WORKING
    assert pausing.apply(project) == []
    assert list(Intervention.objects.values_list("action", "by")) == [("resumed", rex.pk), ("paused", None)]


def test_staff_see_the_pause_its_reason_and_its_comparisons(client, contrary_cy, project, policy, rex):
    pausing.apply(project)
    client.force_login(rex)

    html = client.get(reverse("onboarding", args=[project.slug])).content.decode()

    assert "by the project&#x27;s policy" in html or "by the project's policy" in html
    assert reverse("comparison", args=[Intervention.objects.get().evidence[0]]) in html


def test_an_admin_turns_the_policy_on_and_a_reviewer_may_not(client, project, lee, rex):
    asked = {"is_open": "on", "training_count": 0, "qualification_count": 0, "qualification_pass_rate": 0.75}
    client.force_login(rex)
    refused = client.post(reverse("onboarding", args=[project.slug]), asked | {"pauses_failing": "on"})
    client.force_login(lee)
    client.post(reverse("onboarding", args=[project.slug]), asked | {"pauses_failing": "on"})

    assert refused.status_code == 403
    assert Project.objects.get().pauses_failing


def test_a_project_starts_with_the_policy_off(db):
    made = projects.create(slug="new", name="New", guidelines="Be fair.", by=None)

    assert not made.pauses_failing


def test_only_people_are_paused(contrary_cy, project, policy, cy, ana, monkeypatch):
    simulated = people.without_account(Origin.SIMULATED, source="test", external_ids=["s1"])["s1"]
    Ranking.objects.filter(annotator=cy).update(annotator=simulated)

    assert pausing.apply(project) == []
    assert not Membership.objects.filter(annotator=simulated).exists()


def test_the_beat_applies_every_policy_that_is_on(contrary_cy, project, policy):
    assert tasks.pause_failing() == 1
    assert tasks.pause_failing() == 0


def test_the_command_prints_each_verdict_with_its_reason(contrary_cy, project, capsys):
    call_command("judge_annotators", "rivers")

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("fail") or any(line.startswith("fail") for line in lines)
    assert not Membership.objects.filter(is_paused=True).exists()


def test_the_command_pauses_only_where_the_policy_is_on(contrary_cy, project):
    with pytest.raises(CommandError, match="the policy is off"):
        call_command("judge_annotators", "rivers", pause=True)


def test_every_detector_that_can_fail_somebody_has_kind_words_for_it():
    assert all(len(f"{why}\n{pausing.CLOSING}") <= 500 for why in pausing.WHY.values())


def test_a_pause_by_staff_is_on_record_too(project, ana, rex):
    member = memberships.admit(ana, project)

    memberships.pause(member, message="Wait.", by=rex)

    (record,) = Intervention.objects.all()
    assert (record.action, record.by, record.message) == ("paused", rex, "Wait.")
