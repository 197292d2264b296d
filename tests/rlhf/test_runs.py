"""A run's life in its row: one claim, fenced writes, honest ends."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Project, Task
from rlhf import broker, preflight, runs
from rlhf.contract import config, profiles
from rlhf.contract.rundir import Result
from rlhf.models import Checkpoint, Metric, Run, Snapshot

COUNTS = {"prompts": 4, "prompts_test": 1, "demonstrations": 4, "pairs_train": 30, "pairs_test": 6}


@pytest.fixture
def snapshot(project):
    return Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=dict(COUNTS))


def checkpoint(kind, *, tokenizer="t" * 64, project=None):
    return Checkpoint.objects.create(
        kind=kind,
        name=kind,
        path=f"models/{kind}",
        manifest_sha256="m" * 64,
        tokenizer_sha256=tokenizer,
        size_bytes=1,
        project=project,
    )


@pytest.fixture
def order(project, snapshot):
    return preflight.RunOrder(project, "reward", config.parse("reward", {}), snapshot, checkpoint("sft"))


@pytest.fixture
def rung(monkeypatch):
    """The messages sent instead of a broker."""
    sent = []
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args, **options: sent.append((name, args)))
    return sent


@pytest.fixture
def run(order, rung):
    return runs.create(order, by=None)


def state_of(run):
    return Run.objects.get(pk=run.pk).state


def test_a_new_run_rings_for_a_worker_once_it_is_committed(order, rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        run = runs.create(order, by=None)

    assert rung == [("rlhf.tasks.execute_run", [run.pk])]
    assert Run.objects.get().rung_at is not None


def test_a_run_whose_message_the_broker_refused_stays_queued_and_is_rung_for_again(run, rung, monkeypatch):
    def refuse(*args, **options):
        raise OSError("connection refused")

    monkeypatch.setattr(broker.current_app, "send_task", refuse)
    runs.ring(run.pk)
    assert (state_of(run), Run.objects.get().rung_at) == ("queued", None)

    monkeypatch.undo()
    monkeypatch.setattr(broker.current_app, "send_task", lambda *args, **options: rung.append(args))
    assert runs.ring_again() == 1


def test_a_run_that_was_rung_for_just_now_is_not_rung_for_again(run):
    runs.ring(run.pk)

    assert runs.ring_again() == 0


def test_a_run_is_claimed_once(run):
    first, second = runs.claim(run.pk), runs.claim(run.pk)

    assert first == runs.Claim(run.pk, 1)
    assert second is None


def test_a_result_closes_the_run(run):
    held = runs.claim(run.pk)

    runs.succeed(held, Result("succeeded", metrics={"accuracy": 0.7}))

    assert Run.objects.get().result["metrics"] == {"accuracy": 0.7}
    assert state_of(run) == "succeeded"


@pytest.mark.parametrize(
    "write", [runs.heartbeat, runs.cancelled, lambda held: runs.record_metrics(held, [(1, {"loss": 1.0})])]
)
def test_a_write_under_an_old_fence_is_refused(run, write):
    held = runs.claim(run.pk)
    Run.objects.update(fence=2)

    with pytest.raises(runs.LostClaim):
        write(held)

    assert state_of(run) == "running"
    assert not Metric.objects.exists()


def test_metrics_sent_twice_are_stored_once(run):
    held = runs.claim(run.pk)

    runs.record_metrics(held, [(1, {"loss": 1.0})])
    runs.record_metrics(held, [(1, {"loss": 9.0}), (2, {"loss": 0.5})])

    assert list(Metric.objects.values_list("step", "values")) == [(1, {"loss": 1.0}), (2, {"loss": 0.5})]


def test_a_silent_run_fails_with_its_reason(run):
    held = runs.claim(run.pk)
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert runs.fail_silent_runs() == 1

    assert Run.objects.get().failure_reason == "lost"
    with pytest.raises(runs.LostClaim):
        runs.heartbeat(held)


def test_a_run_with_a_live_lease_is_left_alone(run):
    runs.claim(run.pk)

    assert runs.fail_silent_runs() == 0


def test_a_queued_run_is_cancelled_at_once(run):
    runs.request_cancel(run)

    assert state_of(run) == "cancelled"
    assert runs.claim(run.pk) is None


def test_a_running_run_is_asked_to_stop(run):
    held = runs.claim(run.pk)
    assert not runs.heartbeat(held)

    runs.request_cancel(run)

    assert runs.heartbeat(held)


def test_a_run_that_is_over_cannot_be_cancelled(run):
    runs.cancelled(runs.claim(run.pk))

    with pytest.raises(runs.AlreadyOver):
        runs.request_cancel(run)


def refusal(order):
    with pytest.raises(preflight.Refused) as caught:
        runs.create(order, by=None)
    assert not Run.objects.exists()
    return caught.value.problems


def replaced(order, **changes):
    return preflight.RunOrder(**{**order.__dict__, **changes})


def test_too_few_pairs_are_refused_with_their_number(order):
    order.snapshot.counts["pairs_train"] = 3

    assert "3 training pairs" in refusal(order)["snapshot"]


def test_a_reward_model_with_another_tokenizer_is_refused(order):
    other = checkpoint("reward", tokenizer="x" * 64)
    ppo = replaced(order, stage="ppo", config=config.parse("ppo", {}), reward_model=other)

    assert "another tokenizer" in refusal(ppo)["reward_model"]


def test_ppo_without_a_reward_model_is_refused(order):
    ppo = replaced(order, stage="ppo", config=config.parse("ppo", {}))

    assert refusal(ppo) == {"reward_model": "No reward model is chosen: train one first."}


def test_a55_a_project_whose_checkpoints_fill_its_quota_trains_nothing_more(order, settings):
    settings.PROJECT_MAX_BYTES = 3 * 2**29
    kept = [checkpoint("reward", project=order.project) for _ in range(2)]
    Checkpoint.objects.filter(project=order.project).update(size_bytes=2**30)

    told = refusal(order)[""]

    assert "have 2.00 GiB, and a project may have 1.50 GiB (PROJECT_MAX_BYTES)" in told
    assert told in preflight.closed_reasons(order.project, "reward")
    assert told not in preflight.closed_reasons(order.project, "sample")  # leaves no weights

    kept[0].weights_removed_at = timezone.now()
    kept[0].save()

    assert preflight.problems(order) == {}


def test_a55_the_weights_of_others_are_not_a_projects(order, settings):
    settings.PROJECT_MAX_BYTES = 1

    assert preflight.problems(order) == {}  # its base was brought in, for every project


def test_a_checkpoint_of_the_wrong_kind_is_refused(order):
    assert (
        "expected a checkpoint of kind sft or base, got policy"
        in refusal(replaced(order, base=checkpoint("policy")))["base"]
    )


def test_a_sample_that_makes_more_completions_than_a_comparison_holds_is_refused(order):
    sample = replaced(
        order,
        stage="sample",
        config=config.parse("sample", {"completions_per_prompt": 5}),
        baseline=checkpoint("policy"),
    )

    assert refusal(sample)["completions_per_prompt"] == (
        "a comparison in a ranking project has 2 to 9 completions; 2 models with 5 each give 10. Choose 1 to 4."
    )


@pytest.mark.parametrize(
    ("count", "has_baseline", "said"),
    [
        (2, False, ""),
        (1, True, ""),
        (4, False, "has exactly 2 completions; 1 model with 4 each gives 4. Set it to 2."),
        (2, True, "has exactly 2 completions; 2 models with 2 each give 4. Set it to 1."),
    ],
)
def test_a_sample_for_a_pairwise_project_makes_pairs(order, count, has_baseline, said):
    Project.objects.filter(pk=order.project.pk).update(task=Task.PAIRWISE)
    order.project.refresh_from_db()
    sample = replaced(
        order,
        stage="sample",
        config=config.parse("sample", {"completions_per_prompt": count}),
        baseline=checkpoint("policy") if has_baseline else None,
    )

    found = preflight.problems(sample)

    assert said in found.get("completions_per_prompt", "")
    assert ("completions_per_prompt" in found) == bool(said)


def test_a_closed_button_says_why(project):
    assert preflight.closed_reasons(project, "ppo") == [
        "No snapshot yet: freeze one first.",
        "No model to start from: expected a checkpoint of kind sft or policy or base.",
        "No reward model yet: train one first.",
    ]


def test_an_open_button_gives_no_reason(project, order):
    assert preflight.closed_reasons(project, "reward") == []


def test_an_export_reads_a_model_and_no_snapshot(project):
    order = preflight.RunOrder(project, "export", config.parse("export", {}), base=checkpoint("policy"))

    assert runs.create(order, by=None).snapshot is None


def test_a_run_waits_in_the_queue_that_was_chosen(order, settings, monkeypatch, django_capture_on_commit_callbacks):
    settings.RUN_QUEUES = ["gpu", "gpu-80g"]
    queues = []
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args, **options: queues.append(options["queue"]))

    with django_capture_on_commit_callbacks(execute=True):
        large = runs.create(replace(order, queue="gpu-80g", profile="cpu-2"), by=None)
        usual = runs.create(order, by=None)
    Run.objects.update(rung_at=None)
    runs.ring_again()

    assert (large.queue, large.profile, usual.queue, usual.profile) == ("gpu-80g", "cpu-2", "gpu", "one")
    assert queues == ["gpu-80g", "gpu", "gpu", "gpu-80g"] or queues == ["gpu-80g", "gpu", "gpu-80g", "gpu"]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"queue": "gpu-8g"}, "queue", "expected one of gpu (RUN_QUEUES); got 'gpu-8g'"),
        ({"profile": "--num_processes=9"}, "profile", "expected one of one, cpu-2, cpu-2-fsdp, gpus"),
    ],
)
def test_a_place_that_is_not_known_is_refused(order, change, field, said):
    assert said in preflight.problems(replace(order, **change))[field]


@pytest.mark.parametrize("stage", ["sample", "evaluate", "export", "rloo", "grpo"])
def test_a_stage_that_was_not_made_for_several_processes_is_refused(stage):
    assert profiles.problem(stage, "cpu-2", given={"TRAINING_NODES"}) == f"{stage} does not run as cpu-2: choose one."
    assert profiles.names(stage, given={"TRAINING_NODES"}) == ("one",)


def test_ppo_holds_the_whole_model_and_the_others_may_hold_a_part():
    everything = {"TRAINING_NODES", "VLLM_PYTHON"}
    assert profiles.names("ppo", given=everything) == ("one", "cpu-2", "gpus", "nodes", "cpu-nodes", "vllm")
    assert "ppo does not run as gpus-fsdp: choose one or cpu-2" in profiles.problem("ppo", "gpus-fsdp", given=())
    assert {"cpu-2-fsdp", "gpus-fsdp", "nodes-fsdp"} < set(profiles.names("sft", given=everything))


def test_a_run_in_shards_keeps_no_states_so_none_can_be_asked_for(order):
    asked = replace(order, profile="cpu-2-fsdp", config=replace(order.config, checkpoint_every=5))

    assert "an interrupted run begins anew" in preflight.problems(asked)["checkpoint_every"]
    assert preflight.problems(replace(asked, config=order.config)) == {}


def test_a_head_alone_is_not_trained_in_shards(order):
    asked = replace(order, config=replace(order.config, trained="head"))

    assert preflight.problems(asked) == {}
    assert (
        "expected model with the profile cpu-2-fsdp"
        in (preflight.problems(replace(asked, profile="cpu-2-fsdp"))["trained"])
    )
