"""Choosing a policy: what is known of each, who judges, and what goes to the annotators."""

from uuid import uuid4

import pytest
from django.urls import reverse

from annotate import assignments, intake, rankings
from annotate.answers import Answer
from annotate.models import Completion
from annotate.rows import ComparisonRow, CompletionRow, PromptRow
from rlhf import broker, policies
from rlhf.models import Checkpoint, Run, Snapshot

COUNTS = {
    "prompts": 40,
    "prompts_test": 10,
    "demonstrations": 30,
    "rankings": 9,
    "comparisons": 40,
    "pairs": 90,
    "pairs_train": 60,
    "pairs_test": 30,
}


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr(broker.current_app, "send_task", lambda *args, **options: None)


def checkpoint(project, kind, *, run=None, parent=None):
    made = {"path": kind, "manifest_sha256": "m" * 64, "tokenizer_sha256": "t" * 64, "size_bytes": 1}
    return Checkpoint.objects.create(project=project, kind=kind, name=f"the {kind}", run=run, parent=parent, **made)


@pytest.fixture
def world(project):
    """An SFT model, two policies in a row, a reward model and a snapshot."""
    snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=COUNTS)
    sft, reward = checkpoint(project, "sft"), checkpoint(project, "reward")

    def tuned(parent, score):
        result = {"metrics": {"score_after": score}, "seconds": 1.0}
        run = Run.objects.create(
            project=project, stage="ppo", state="succeeded", config={}, snapshot=snapshot, base=parent, result=result
        )
        return checkpoint(project, "policy", run=run, parent=parent)

    first = tuned(sft, 1.0)
    return {"snapshot": snapshot, "sft": sft, "reward": reward, "first": first, "second": tuned(first, 2.0)}


def judged(world, name, **figures):
    return Run.objects.create(
        project=world["snapshot"].project,
        stage="evaluate",
        state="succeeded",
        config={},
        snapshot=world["snapshot"],
        base=world[name],
        reward_model=world["reward"],
        result={"metrics": figures, "seconds": 1.0},
    )


def test_policies_come_newest_first_and_where_they_began_last(project, world):
    rows = policies.choice(project).rows

    assert [row.checkpoint for row in rows] == [world["second"], world["first"], world["sft"]]
    assert [row.start for row in rows] == [world["sft"], world["sft"], None]
    assert [row.previous for row in rows] == [world["first"], None, None]
    assert [row.own_score for row in rows] == [2.0, 1.0, None]


def test_the_distance_is_the_root_of_the_kl_to_where_it_began(project, world):
    judged(world, "first", score_mean=0.7, kl=4.0, distinct_2=0.5)
    judged(world, "sft", score_mean=0.1, distinct_2=0.8)

    found = policies.choice(project)

    assert [row.root_kl for row in found.rows] == [None, 2.0, 0.0]
    assert [point.label for point in found.score.points] == [str(world["first"].pk), f"{world['sft'].pk} (start)"]
    assert found.agreement is None


def test_evaluating_all_leaves_out_what_the_judge_has_seen_or_is_at(project, world, mia):
    judged(world, "first", score_mean=0.7, kl=4.0)
    policies.evaluate_all(project, judge=world["reward"], snapshot=world["snapshot"], by=mia)

    queued = Run.objects.filter(state="queued")
    again = policies.evaluate_all(project, judge=world["reward"], snapshot=world["snapshot"], by=mia)

    assert {(run.base, run.baseline) for run in queued} == {(world["second"], world["sft"]), (world["sft"], None)}
    assert again == (0, [])


def test_chosen_policies_meet_their_start_and_the_policy_before(project, world, client, mia):
    client.force_login(mia)

    sent = {"policies": [world["second"].pk], "max_prompts": 20}
    client.post(reverse("policies_compare", args=[project.slug]), sent)

    queued = Run.objects.filter(stage="sample")
    assert {(run.base, run.baseline) for run in queued} == {
        (world["second"], world["sft"]),
        (world["second"], world["first"]),
    }
    assert {(run.config["prompts"], run.config["max_prompts"]) for run in queued} == {("test", 20)}


def test_a_comparison_of_nothing_is_refused_on_the_page(project, world, client, mia):
    client.force_login(mia)

    answer = client.post(reverse("policies_compare", args=[project.slug]), {"max_prompts": 20})

    assert answer.status_code == 422
    assert "Tick the policies that people shall compare." in answer.content.decode()


def test_peoples_win_rate_stands_beside_the_judges(project, world, client, mia, ana, ben):
    judged(world, "first", score_mean=0.7, kl=4.0, win_rate_mean=0.9)
    sources = [f"checkpoint/{world[name].pk}" for name in ("first", "sft")]
    completions = tuple(CompletionRow(x, f"Text {x}.", source) for x, source in zip("ab", sources, strict=True))
    prompt = PromptRow("p1", (("user", "Say."),), "", "en")
    intake.add_comparisons(project, [ComparisonRow("c1", prompt, completions)], source="run/1")
    won = Completion.objects.get(source=sources[0])
    for person in (ana, ben):
        place = assignments.reserve_next(person, project)
        lost = next(pk for pk in place.order if pk != won.pk)
        rankings.submit(place, Answer([[won.pk], [lost]]), submission=uuid4())

    row = next(row for row in policies.choice(project).rows if row.checkpoint == world["first"])

    assert (row.people.wins, row.people.losses, row.people.rate.value) == (2, 0, 1.0)


def test_the_page_shows_figures_pictures_and_how_to_read_them(project, world, client, mia):
    judged(world, "first", score_mean=0.7, kl=4.0, distinct_2=0.5, self_bleu=0.2, length_mean=20.0)
    judged(world, "sft", score_mean=0.1, distinct_2=0.8, self_bleu=0.1, length_mean=18.0)
    client.force_login(mia)

    page = client.get(reverse("policies", args=[project.slug])).content.decode()

    assert page.count('<svg class="drawing"') == 2
    assert "not evaluated" in page  # the second


def test_a_project_without_policies_says_what_to_do(project, client, mia):
    client.force_login(mia)

    assert "No policy yet" in client.get(reverse("policies", args=[project.slug])).content.decode()
