"""The training pages as people meet them: closed buttons, forms, a run from queued to over, downloads."""

import io
import json
import tarfile
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate import projects
from rlhf import artefacts, broker, run_page, runs
from rlhf.contract.rundir import Result, RunDirectory, write_manifest
from rlhf.models import Checkpoint, Metric, Run, Snapshot

COUNTS = {
    "prompts": 40,
    "prompts_test": 10,
    "demonstrations": 30,
    "rankings": 120,
    "comparisons": 40,
    "pairs": 240,
    "pairs_train": 180,
    "pairs_test": 60,
}


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    settings.RUNS_DIR, settings.SNAPSHOTS_DIR, settings.MODELS_DIR, settings.CORPORA_DIR = (
        tmp_path / x for x in ("runs", "snapshots", "models", "corpora")
    )
    monkeypatch.setattr(broker.current_app, "send_task", lambda *args, **options: None)
    return tmp_path


@pytest.fixture
def snapshot(project):
    return Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=COUNTS, has_simulated=True)


def checkpoint(kind, *, tokenizer="t" * 64):
    return Checkpoint.objects.create(
        kind=kind,
        name=f"the {kind} model",
        path=f"models/{kind}",
        manifest_sha256="m" * 64,
        tokenizer_sha256=tokenizer,
        size_bytes=1_000_000,
    )


@pytest.fixture
def models(db):
    return {kind: checkpoint(kind) for kind in ("base", "sft", "reward")}


@pytest.fixture
def mia_client(client, mia):
    client.force_login(mia)
    return client


def page_of(client, name, *args):
    return client.get(reverse(name, args=args)).content.decode()


def filled_form(client, project, stage, **changes):
    """What the browser would send if the form were submitted as it came, with some fields changed."""
    form = client.get(reverse("run_new", args=[project.slug, stage])).context["form"]
    sent = {}
    for bound in form:
        value = bound.value()
        sent[bound.name] = "" if value is None else getattr(value, "pk", value)
    return sent | changes


def started(client, project, stage, **changes):
    return client.post(reverse("run_new", args=[project.slug, stage]), filled_form(client, project, stage, **changes))


@pytest.fixture
def run(mia_client, project, snapshot, models):
    started(mia_client, project, "ppo", steps=10)
    return Run.objects.get()


@pytest.fixture
def running(run):
    """The run, claimed by a worker, with two steps measured and some output."""
    held = runs.claim(run.pk)
    runs.record_metrics(held, [(1, {"score": 0.25, "kl": 0.0}), (2, {"score": 0.5, "kl": 1.5})])
    run.refresh_from_db()
    directory = RunDirectory(artefacts.run_directory(run))
    directory.path.mkdir(parents=True)
    directory.log.write_text("loading   0%\rloading 100%\nstep 2/10 <b>bold</b>\nhalf a li")
    directory.append_sample({"step": 2, "prompt": "Why?", "completion": "<script>alert(1)</script>", "score": 1.25})
    return held


# --- the training page ------------------------------------------------------------------------------------------------


def test_an_empty_project_says_of_every_button_why_it_is_closed(mia_client, project):
    page = page_of(mia_client, "training", project.slug)

    assert page.count("No snapshot yet: freeze one first.") == 8
    assert page.count("No corpus yet: bring in plain text first.") == 1
    assert "No reward model yet: train one first." in page
    assert reverse("run_new", args=[project.slug, "ppo"]) not in page


def test_a_closed_stage_cannot_be_started_by_its_address_either(mia_client, project, snapshot):
    url = reverse("run_new", args=[project.slug, "reward"])

    assert "This cannot start yet." in mia_client.get(url).content.decode()
    assert mia_client.post(url, {"epochs": 1}).status_code == 422
    assert Run.objects.count() == 0


def test_too_few_pairs_close_the_reward_model(mia_client, project, snapshot, models):
    Snapshot.objects.update(counts=COUNTS | {"pairs_train": 3})

    assert "it has 3 training pairs and it takes at least 20" in page_of(mia_client, "training", project.slug)


def test_what_is_open_has_its_button_and_reviewers_have_none(mia_client, client, project, snapshot, models, rex):
    url = reverse("run_new", args=[project.slug, "ppo"])

    assert url in page_of(mia_client, "training", project.slug)
    client.force_login(rex)
    page = page_of(client, "training", project.slug)
    assert url not in page
    assert reverse("freeze", args=[project.slug]) not in page


def test_freezing_makes_a_snapshot_and_says_what_is_in_it(mia_client, project, comparisons, data_dir):
    page = mia_client.post(reverse("freeze", args=[project.slug]), {"test_rate": "0.5"}, follow=True).content.decode()

    snapshot = Snapshot.objects.get()
    assert f"Frozen as snapshot {snapshot.pk}: 3 prompts, 0 rankings" in page
    assert snapshot.sha256[:12] in page
    nothing_fitted = "e3b0c44298fc1c14"  # the sha256 of no votes
    assert snapshot.filters == {"test_rate": 0.5, "label": "votes", "seed": 0, "fit_id": nothing_fitted}


def test_freezing_an_empty_project_says_what_to_do(mia_client, project):
    page = mia_client.post(reverse("freeze", args=[project.slug]), {"test_rate": "0.5"}, follow=True).content.decode()

    assert "This project has no prompts yet." in page


@pytest.mark.parametrize("test_rate", ["0", "1.5", "much", ""])
def test_a_share_to_hold_out_that_makes_no_sense_freezes_nothing(mia_client, project, comparisons, test_rate):
    response = mia_client.post(reverse("freeze", args=[project.slug]), {"test_rate": test_rate})

    assert response.status_code == 422
    assert Snapshot.objects.count() == 0


# --- the start form ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["sft", "reward", "ppo", "sample", "evaluate"])
def test_every_form_can_be_sent_as_it_comes(mia_client, project, snapshot, models, stage):
    response = started(mia_client, project, stage)

    run = Run.objects.get()
    assert response.url == reverse("run", args=[run.pk])
    assert (run.stage, run.state, run.created_by.username) == (stage, "queued", "mia")


def test_processes_and_queue_are_chosen_where_there_is_a_choice(mia_client, project, snapshot, models, settings):
    settings.RUN_QUEUES = ["gpu", "gpu-80g"]

    started(mia_client, project, "reward", profile="cpu-2", queue="gpu-80g")
    refused = started(mia_client, project, "reward", queue="cpu")

    run = Run.objects.get()
    assert (run.profile, run.queue) == ("cpu-2", "gpu-80g")
    assert "gpu-80g" in mia_client.get(reverse("run", args=[run.pk])).content.decode()
    assert refused.status_code == 422
    assert "profile" not in filled_form(mia_client, project, "sample")


def test_the_form_proposes_the_likeliest_model(mia_client, project, snapshot, models):
    sent = {stage: filled_form(mia_client, project, stage)["base"] for stage in ("sft", "reward", "ppo", "evaluate")}

    assert sent["sft"] == models["base"].pk
    assert sent["reward"] == sent["ppo"] == models["sft"].pk
    assert sent["evaluate"] == models["reward"].pk


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": "-1"}, "greater than or equal to 1e-08"),
        ({"steps": "many"}, "Enter a whole number."),
        ({"steps": ""}, "This field is required."),
        ({"kl_coef": "nan"}, "Enter a number."),
        ({"batch_size": "10", "minibatches": "3"}, "Must be a multiple of minibatches; got 10 and 3."),
        ({"base": "999"}, "Select a valid choice."),
        ({"reward_model": ""}, "This field is required."),
    ],
)
def test_a_bad_value_is_refused_beside_its_field(mia_client, project, snapshot, models, changes, message):
    response = started(mia_client, project, "ppo", **changes)

    assert response.status_code == 422
    assert message in response.content.decode()
    assert Run.objects.count() == 0


def test_a_reward_model_with_another_tokenizer_is_refused(mia_client, project, snapshot, models):
    stranger = checkpoint("reward", tokenizer="u" * 64)

    response = started(mia_client, project, "ppo", reward_model=stranger.pk)

    assert "Has another tokenizer or chat template than the model" in response.content.decode()
    assert Run.objects.count() == 0


def test_another_projects_snapshot_cannot_be_chosen(mia_client, project, snapshot, models):
    other = projects.create(slug="other", name="Other", overlap=1, guidelines="Be fair.", by=None)
    foreign = Snapshot.objects.create(project=other, sha256="b" * 64, filters={}, counts=COUNTS)

    assert started(mia_client, project, "ppo", snapshot=foreign.pk).status_code == 422


def test_a_stage_that_does_not_exist_is_not_found(mia_client, project):
    assert mia_client.get(reverse("run_new", args=[project.slug, "magic"])).status_code == 404


# --- a run's page -----------------------------------------------------------------------------------------------------


def test_a_queued_run_says_that_it_waits_and_can_be_cancelled(mia_client, run):
    assert "Waiting for a worker" in page_of(mia_client, "run", run.pk)

    page = mia_client.post(reverse("run_cancel", args=[run.pk]), follow=True).content.decode()

    assert "asked to stop" in page
    assert Run.objects.get().state == "cancelled"


def test_a_running_run_shows_progress_log_samples_and_goes_on_asking(mia_client, run, running):
    page = page_of(mia_client, "run", run.pk)

    assert "step 2 of 10" in page
    assert "loading 100%" in page and "loading   0%" not in page
    assert "half a li" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert f'hx-get="{reverse("run_live", args=[run.pk])}"' in page


def test_what_the_monitors_found_stands_on_the_page(mia_client, run, running):
    directory = RunDirectory(artefacts.run_directory(run))
    directory.append_alarm({"step": 2, "name": "entropy", "sentence": "The entropy has fallen <far>."})

    page = page_of(mia_client, "run_live", run.pk)

    assert "Step 2: The entropy has fallen &lt;far&gt;." in page


def test_the_settings_of_ppo_stand_under_headings(mia_client, project, snapshot, models):
    page = page_of(mia_client, "run_new", project.slug, "ppo")

    headings = ["Rollout", "Reward and KL", "Optimisation", "Advantages and losses", "Monitoring", "Settings"]
    positions = [page.index(f"<legend>{heading}</legend>") for heading in headings]
    assert positions == sorted(positions)


def test_the_live_part_stops_asking_when_the_run_is_over(mia_client, run, running):
    live = reverse("run_live", args=[run.pk])
    assert "hx-get" in mia_client.get(live).content.decode()

    result = Result("succeeded", metrics={"score_before": 0.25, "score_after": 0.75, "kl": 2.0}, seconds=60.0)
    runs.succeed(running, result)

    part = mia_client.get(live).content.decode()
    assert "hx-get" not in part
    assert "succeeded" in part and "0.75" in part
    assert "score 0.25 → 0.75, KL 2" in page_of(mia_client, "training", run.project.slug)


def test_a_failed_run_says_why_where_the_person_is_looking(mia_client, run, running):
    runs.fail(running, "non_finite", message="non-finite loss at step 3 (nan). Lower the learning rate.")

    page = page_of(mia_client, "run", run.pk)

    assert "It failed: non finite." in page
    assert "Lower the learning rate." in page
    assert "Lower the learning rate." in page_of(mia_client, "training", run.project.slug)


def test_a_run_asked_to_stop_says_so_and_has_no_second_button(mia_client, run, running):
    mia_client.post(reverse("run_cancel", args=[run.pk]))

    page = page_of(mia_client, "run", run.pk)

    assert "Asked to stop." in page
    assert reverse("run_cancel", args=[run.pk]) not in page


def test_cancelling_a_run_that_is_over_changes_nothing(mia_client, run, running):
    runs.succeed(running, Result("succeeded"))

    page = mia_client.post(reverse("run_cancel", args=[run.pk]), follow=True).content.decode()

    assert "had ended already" in page
    assert Run.objects.get().state == "succeeded"


def test_the_page_shows_what_a_run_was_made_of(mia_client, run, models):
    page = page_of(mia_client, "run", run.pk)

    assert "120 rankings" in page
    assert "the sft model" in page and "the reward model" in page
    assert "simulated" in page
    assert "<dt>kl_coef</dt><dd>0.03</dd>" in page


def test_a_run_shows_what_used_what_it_left(mia_client, project, run, running, models):
    left = checkpoint("policy")
    Checkpoint.objects.filter(pk=left.pk).update(run=run)
    started(mia_client, project, "sample", base=left.pk)

    assert f"run {Run.objects.latest('pk').pk} (sampling)" in page_of(mia_client, "run", run.pk)


def test_a_cut_log_keeps_whole_lines_and_says_that_it_is_cut(run, running):
    RunDirectory(artefacts.run_directory(run)).log.write_text("".join(f"line {n:05d}\n" for n in range(5000)))

    tail = run_page.log_tail(run).splitlines()

    assert tail[0] == "[…]"
    assert all(line.startswith("line ") and len(line) == 10 for line in tail[1:])
    assert tail[-1] == "line 04999"


def test_time_left_is_reckoned_from_the_steps_done(run, running):
    now = timezone.now()
    Run.objects.update(started_at=now - timedelta(seconds=20), heartbeat_at=now)

    assert run_page.progress(Run.objects.get()) == run_page.Progress(2, 10, 80.0)


# --- metrics and downloads --------------------------------------------------------------------------------------------


def test_metrics_come_as_json_and_only_the_new_ones(mia_client, run, running):
    url = reverse("run_metrics", args=[run.pk])

    assert mia_client.get(url).json() == {
        "state": "running",
        "steps": [1, 2],
        "metrics": [{"score": 0.25, "kl": 0.0}, {"score": 0.5, "kl": 1.5}],
    }
    assert mia_client.get(url, {"after": 1}).json()["steps"] == [2]
    assert mia_client.get(url, {"after": "x"}).status_code == 400


def test_a_checkpoint_downloads_as_a_tar_of_its_files(mia_client, models, data_dir):
    directory = data_dir / "models" / "sft"
    (directory / "deep").mkdir(parents=True)
    (directory / "model.safetensors").write_bytes(bytes(range(256)) * 5)
    (directory / "deep" / "empty.txt").write_bytes(b"")
    write_manifest(directory, {"kind": "sft"})
    pk = models["sft"].pk

    response = mia_client.get(reverse("checkpoint_download", args=[pk]))

    assert response["Content-Disposition"] == f'attachment; filename="checkpoint-{pk}.tar"'
    with tarfile.open(fileobj=io.BytesIO(b"".join(response.streaming_content))) as archive:
        found = {one.name: archive.extractfile(one).read() for one in archive}
    assert sorted(found) == [
        f"checkpoint-{pk}/{name}" for name in ("deep/empty.txt", "manifest.json", "model.safetensors")
    ]
    assert found[f"checkpoint-{pk}/model.safetensors"] == bytes(range(256)) * 5
    assert json.loads(found[f"checkpoint-{pk}/manifest.json"])["kind"] == "sft"


def test_a_checkpoint_whose_files_are_gone_says_so(mia_client, models):
    page = mia_client.get(reverse("checkpoint_download", args=[models["sft"].pk]), follow=True)

    assert page.status_code == 404


def reward_run(project, snapshot, base, half):
    run = Run.objects.create(
        project=project, stage="reward", state="succeeded", config={"half": half}, snapshot=snapshot, base=base
    )
    made = checkpoint("reward")
    Checkpoint.objects.filter(pk=made.pk).update(run=run)
    return made


@pytest.mark.parametrize(("half", "is_refused"), [("b", False), ("a", True), ("all", True)])
def test_a_watcher_must_have_learned_from_other_comparisons(mia_client, project, snapshot, models, half, is_refused):
    judge, watcher = (reward_run(project, snapshot, models["sft"], one) for one in ("a", half))

    answer = started(mia_client, project, "ppo", reward_model=judge.pk, watcher=watcher.pk)

    assert ("Shares comparisons with the reward model" in answer.content.decode()) == is_refused
    assert Run.objects.filter(stage="ppo", watcher=watcher).exists() != is_refused


def test_a_run_that_measured_nothing_shows_no_empty_curves(mia_client, project, snapshot, models):
    run = Run.objects.create(project=project, stage="reward", config={}, snapshot=snapshot, base=models["sft"])
    assert "data-chart" in page_of(mia_client, "run", run.pk)

    Run.objects.filter(pk=run.pk).update(state="failed", failure_reason="lost", finished_at=run.created_at)
    assert "data-chart" not in page_of(mia_client, "run", run.pk)
    Metric.objects.create(run=run, step=1, values={"loss": 0.5})
    assert "data-chart" in page_of(mia_client, "run", run.pk)
