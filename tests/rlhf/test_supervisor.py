"""The supervisor over a small script that plays the trainer: whatever it does, the run's row says what happened."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from django.db.models import F

from annotate import outbox, reward_models
from annotate.models import Assignment, Comparison, Completion, Event, RewardModel
from rlhf import room, runs, supervisor
from rlhf.contract import config as configs
from rlhf.contract.rundir import RunDirectory
from rlhf.models import Checkpoint, Metric, Run, Snapshot

PRELUDE = f"""
import json, os, signal, subprocess, sys, time
sys.path.insert(0, {str(django_settings.BASE_DIR)!r})
from rlhf.contract import rundir
from rlhf.contract.records import CompletionRecord, ScoreRecord, write_jsonl
from rlhf.contract.rundir import Result, RunDirectory

run = RunDirectory(sys.argv[1])

def leave_checkpoint(kind):
    run.checkpoint.mkdir()
    (run.checkpoint / "model.safetensors").write_bytes(b"weights")
    rundir.write_manifest(run.checkpoint, {{"kind": kind, "tokenizer_sha256": "t" * 64}})

def work_on():
    for _ in range(2000):
        run.beat()
        time.sleep(0.01)
"""
SUCCEED = "run.write_result(Result('succeeded', metrics={'accuracy': 0.75}, checkpoint_kind='reward'))\n"


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch, tmp_path):
    """Files of its own for each test, a renewal every 50 ms, and a supervisor that waits for nobody long."""
    settings.DATA_DIR = tmp_path.resolve()
    settings.RUNS_DIR = settings.DATA_DIR / "runs"
    settings.SNAPSHOTS_DIR = settings.DATA_DIR / "snapshots"
    settings.RUN_LEASE_SECONDS = 0.3
    settings.RUN_HUNG_SECONDS = 30
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(supervisor, "TERMINATE_GRACE_SECONDS", 0.3)


@pytest.fixture
def play(monkeypatch, tmp_path):
    """Let a script play the trainer of every stage."""

    def play(script):
        path = tmp_path / "trainer.py"
        path.write_text(PRELUDE + script)
        monkeypatch.setattr(
            supervisor, "command", lambda stage, directory, profile: [sys.executable, "-S", str(path), str(directory)]
        )

    return play


@pytest.fixture
def meanwhile(monkeypatch):
    """Do something once, in the second pause that the supervisor makes after the trainer's first sign of life."""

    def meanwhile(action):
        pauses = [lambda: None, action]

        def sleep(seconds):
            if pauses and list(django_settings.RUNS_DIR.glob("*/*/heartbeat")):
                pauses.pop(0)()
            time.sleep(seconds)

        monkeypatch.setattr(supervisor, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))

    return meanwhile


@pytest.fixture
def make_run(project):
    """Queue a run of a stage, with a checkpoint of that name for each model it is given."""

    def model(name):
        return Checkpoint.objects.create(
            kind="base", name=name, path=name, manifest_sha256="m" * 64, tokenizer_sha256="t" * 64, size_bytes=1
        )

    def make(stage="reward", **models):
        snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts={})
        config = configs.to_json(configs.parse(stage, {}))
        models = {name: model(name) for name in ("base", *models)}
        return Run.objects.create(project=project, stage=stage, config=config, snapshot=snapshot, **models)

    return make


@pytest.fixture
def run(make_run):
    return make_run()


def supervised(run):
    """Claim and execute a run, and return its row as it ended."""
    supervisor.supervise(runs.claim(run.pk))
    run.refresh_from_db()
    return run


def directory_of(run):
    return RunDirectory(django_settings.RUNS_DIR / str(run.pk) / "1")


def living(group):
    """The processes of a group that still run (a dead one may wait for someone to take notice)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it ended while we looked
            continue
        if int(its_group) == group and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def ends_soon(group):
    """Wait up to five seconds for a group to end."""
    deadline = time.monotonic() + 5
    while living(group) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not living(group)


def test_a_success_becomes_a_checkpoint_with_its_lineage(run, play):
    play("leave_checkpoint('reward')\n" + SUCCEED)

    found = supervised(run)

    checkpoint = Checkpoint.objects.get(run=run)
    assert (found.state, found.result["metrics"]) == ("succeeded", {"accuracy": 0.75})
    assert (checkpoint.kind, checkpoint.parent, checkpoint.project) == ("reward", run.base, run.project)
    assert (checkpoint.path, checkpoint.tokenizer_sha256) == (f"runs/{run.pk}/1/checkpoint", "t" * 64)
    assert found.lease_until is None


def test_an_export_leaves_a_model_of_the_kind_it_was_made_from(make_run, play):
    run = make_run("export")
    Checkpoint.objects.filter(pk=run.base_id).update(kind="policy")
    play("leave_checkpoint('policy')\nrun.write_result(Result('succeeded', checkpoint_kind='policy'))\n")

    found = supervised(run)

    assert (found.state, found.checkpoint.kind) == ("succeeded", "policy")


def test_the_trainer_gets_the_order_of_its_run(make_run, play):
    run = make_run(reward_model=True)
    play("leave_checkpoint('reward')\n" + SUCCEED)

    supervised(run)

    spec = directory_of(run).read_spec()
    assert (spec.stage, configs.to_json(spec.config)) == ("reward", run.config)
    assert spec.inputs.snapshot == str(django_settings.SNAPSHOTS_DIR / ("a" * 64))
    assert spec.inputs.base == str(django_settings.DATA_DIR / "base")
    assert spec.inputs.reward_model == str(django_settings.DATA_DIR / "reward_model")
    assert spec.inputs.baseline == ""


def test_metrics_come_into_the_database_while_the_trainer_works(run, play, meanwhile):
    seen = []
    play("run.append_metric(1, {'loss': 2.0})\ntime.sleep(0.5)\nrun.append_metric(2, {'loss': 1.5})\nsys.exit(1)")
    meanwhile(lambda: seen.extend(Metric.objects.values_list("step", flat=True)))

    supervised(run)

    assert seen == [1]
    assert list(Metric.objects.values_list("step", "values")) == [(1, {"loss": 2.0}), (2, {"loss": 1.5})]


def test_a_line_of_metrics_counts_once_it_is_whole(run, play):
    play(
        "run.append_metric(1, {'loss': 2.0})\n"
        "out = run.metrics.open('a')\n"
        'out.write(\'{"step": 2, "val\'); out.flush(); time.sleep(0.2)\n'
        'out.write(\'ues": {"loss": 1.5}}\\n{"step": 3, \'); out.flush()\n'
    )

    supervised(run)

    assert list(Metric.objects.values_list("step", "values")) == [(1, {"loss": 2.0}), (2, {"loss": 1.5})]


def test_a_failure_is_told_in_the_trainers_words(run, play):
    play("run.write_result(Result('failed', 'non_finite', 'non-finite loss at step 3 (nan).'))\nsys.exit(1)")

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "non_finite")
    assert found.failure_message == "non-finite loss at step 3 (nan)."
    assert found.result["status"] == "failed"


def test_an_exit_without_a_result_is_a_failure(run, play):
    play("leave_checkpoint('reward')")

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "no_result")
    assert not Checkpoint.objects.filter(run=run).exists()


def test_a_crash_is_told_with_the_end_of_its_log(run, play):
    play("print('x' * 5000)\nraise RuntimeError('the river ran dry')")

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "crashed")
    assert found.failure_message.startswith("The trainer ended with exit code 1. The end of its log:\nxxx")
    assert found.failure_message.endswith("RuntimeError: the river ran dry\n")


def test_a_success_of_a_trainer_that_crashed_after_it_does_not_count(run, play):
    play("leave_checkpoint('reward')\n" + SUCCEED + "sys.exit(3)")

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "crashed")
    assert not Checkpoint.objects.filter(run=run).exists()


def test_a_trainer_that_the_kernel_killed_ran_out_of_memory(run, play):
    play("os.kill(os.getpid(), signal.SIGKILL)")

    assert supervised(run).failure_reason == "out_of_memory"


def test_a_trainer_that_the_kernel_killed_below_its_launcher_ran_out_of_memory(run, play):
    """accelerate's launcher survives its child, says so in the log and exits 1."""
    play("subprocess.run([sys.executable, '-S', '-c', 'import os; os.kill(os.getpid(), 9)'], check=True)")

    assert supervised(run).failure_reason == "out_of_memory"


def test_a_trainer_that_could_not_even_write_its_result_found_a_full_disk(run, play):
    play("raise OSError(28, 'No space left on device')")

    assert supervised(run).failure_reason == "disk_full"


def test_a_trainer_without_a_sign_of_life_is_ended_with_all_its_children(run, play, settings):
    settings.RUN_HUNG_SECONDS = 3
    play(
        "code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)'\n"
        "subprocess.Popen([sys.executable, '-S', '-c', code])\n"
        "(run.path / 'group').write_text(str(os.getpgid(0)))\n"
        "time.sleep(60)\n"
    )

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "hung")
    assert found.failure_message == "The trainer showed no sign of life for 3 seconds and was ended."
    assert living(int((directory_of(run).path / "group").read_text())) == []


def test_a_trainer_that_beats_is_not_hung(run, play, settings):
    settings.RUN_HUNG_SECONDS = 3  # a busy machine needs a second before the script's first beat
    play("for _ in range(40):\n    run.beat()\n    time.sleep(0.1)\nleave_checkpoint('reward')\n" + SUCCEED)

    assert supervised(run).state == "succeeded"


def test_a_trainer_that_does_not_end_when_asked_is_killed(run, play, settings):
    settings.RUN_HUNG_SECONDS = 0.8
    play("signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)")

    assert supervised(run).failure_reason == "hung"


def test_children_that_a_trainer_leaves_behind_are_ended(run, play):
    play(
        "subprocess.Popen(['sleep', '60'])\n"
        "(run.path / 'group').write_text(str(os.getpgid(0)))\n"
        "leave_checkpoint('reward')\n" + SUCCEED
    )

    assert supervised(run).state == "succeeded"
    assert living(int((directory_of(run).path / "group").read_text())) == []


def test_a_trainer_that_is_asked_to_stop_ends_the_run_as_cancelled(run, play, meanwhile):
    play(
        "run.beat()\n"
        "while not run.is_cancelled():\n    time.sleep(0.01)\n"
        "run.write_result(Result('cancelled', metrics={'loss': 1.0}))\n"
    )
    meanwhile(lambda: runs.request_cancel(run))

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("cancelled", "")
    assert found.result["metrics"] == {"loss": 1.0}


def test_a_trainer_that_ignores_a_cancel_is_ended_after_the_grace(run, play, meanwhile, monkeypatch):
    monkeypatch.setattr(supervisor, "CANCEL_GRACE_SECONDS", 0.2)
    play("(run.path / 'group').write_text(str(os.getpgid(0)))\nwork_on()")
    meanwhile(lambda: runs.request_cancel(run))

    found = supervised(run)

    assert (found.state, found.result) == ("cancelled", None)
    assert directory_of(run).is_cancelled()
    assert living(int((directory_of(run).path / "group").read_text())) == []


def test_a_trainer_that_succeeds_in_spite_of_a_cancel_has_succeeded(run, play, meanwhile):
    play("run.beat()\nwhile not run.is_cancelled():\n    time.sleep(0.01)\nleave_checkpoint('reward')\n" + SUCCEED)
    meanwhile(lambda: runs.request_cancel(run))

    assert supervised(run).state == "succeeded"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("(run.checkpoint / 'model.safetensors').write_bytes(b'weightz')", "model.safetensors does not match"),
        ("(run.checkpoint / 'extra.bin').write_bytes(b'')", "extra.bin is not in the manifest"),
        ("(run.checkpoint / 'manifest.json').unlink()", "has no manifest.json"),
        ("(run.checkpoint / 'manifest.json').write_text('{')", "is not a manifest"),
        ("rundir.write_manifest(run.checkpoint, {'kind': 'reward'})", "names no tokenizer"),
        ("rundir.write_manifest(run.checkpoint, {'kind': 'policy', 'tokenizer_sha256': 't'})", "of kind 'policy'"),
    ],
)
def test_a_checkpoint_that_does_not_verify_fails_the_run(run, play, spoil, message):
    play(f"leave_checkpoint('reward')\n{spoil}\n{SUCCEED}")

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "bad_artefact")
    assert message in found.failure_message
    assert not Checkpoint.objects.filter(run=run).exists()


def test_a_success_without_the_weights_it_must_leave_fails(run, play):
    play(SUCCEED)

    assert supervised(run).failure_reason == "bad_artefact"


def test_a_run_whose_config_no_longer_parses_fails_as_such(run, play):
    Run.objects.update(config={"learning_rate": -1.0})
    play(SUCCEED)

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "bad_config")
    assert "learning_rate" in found.failure_message


def test_a_lost_claim_ends_the_trainer_and_leaves_the_row_to_its_new_owner(run, play, meanwhile):
    play("(run.path / 'group').write_text(str(os.getpgid(0)))\nwork_on()")
    meanwhile(lambda: Run.objects.update(fence=F("fence") + 1))

    found = supervised(run)

    assert (found.state, found.fence, found.failure_reason, found.result) == ("running", 2, "", None)
    assert living(int((directory_of(run).path / "group").read_text())) == []


def test_a_claim_lost_at_the_very_end_leaves_no_checkpoint(run, play, monkeypatch):
    play("leave_checkpoint('reward')\n" + SUCCEED)
    held = runs.claim(run.pk)
    monkeypatch.setattr(supervisor, "_watch", lambda process, *_: "" if process.wait() == 0 else "hung")
    Run.objects.update(fence=F("fence") + 1)

    supervisor.supervise(held)

    assert not Checkpoint.objects.filter(run=run).exists()
    assert Run.objects.get().state == "running"


@pytest.fixture
def prompts(comparisons):
    """The three prompts of the project, by their ids there."""
    return [comparison.prompt.external_id for comparison in comparisons]


def completions(prompts, *, texts=("One.", "Two."), models=("base", "baseline")):
    """The script of a sampler that writes so many completions for each prompt by each model."""
    lines = [
        f"CompletionRecord({prompt!r}, {f'{text} By {model}.'!r}, {model!r}, True)"
        for prompt in prompts
        for model in models
        for text in texts
    ]
    return f"write_jsonl(run.completions, [{', '.join(lines)}])\n"


def test_sampled_completions_come_back_as_comparisons_to_rank(make_run, play, prompts):
    run = make_run("sample", baseline=True)
    play(completions(prompts) + SUCCEED)

    assert supervised(run).state == "succeeded"

    first, *others = Comparison.objects.filter(source=f"run/{run.pk}")
    base, baseline = f"checkpoint/{run.base_id}", f"checkpoint/{run.baseline_id}"
    assert (first.prompt.external_id, len(others)) == (prompts[0], 2)
    assert list(first.completions.values_list("external_id", "text", "source")) == [
        ("a", "One. By base.", base),
        ("b", "Two. By base.", base),
        ("c", "One. By baseline.", baseline),
        ("d", "Two. By baseline.", baseline),
    ]
    assert Assignment.objects.filter(comparison=first, state="open").count() == run.project.overlap


def test_sampled_completions_that_were_scored_are_ranked_by_the_models_doubt(make_run, play, prompts):
    run = make_run("sample", reward_model=True)
    sure = f"ScoreRecord({prompts[0]!r}, 'One. By base.', 9.0), ScoreRecord({prompts[0]!r}, 'Two. By base.', 0.0)"
    even = f"ScoreRecord({prompts[1]!r}, 'One. By base.', 1.0), ScoreRecord({prompts[1]!r}, 'Two. By base.', 1.0)"
    play(completions(prompts[:2], models=["base"]) + f"write_jsonl(run.scores, [{sure}, {even}])\n" + SUCCEED)

    assert supervised(run).state == "succeeded"

    made = Comparison.objects.filter(source=f"run/{run.pk}").order_by("pk")
    assert list(made.values_list("priority", flat=True)) == [0, 100]
    assert RewardModel.objects.get().source == f"checkpoint/{run.reward_model_id}"


def test_a_prompt_with_a_single_completion_is_left_out(make_run, play, prompts):
    run = make_run("sample")
    single = f"CompletionRecord({prompts[2]!r}, 'Alone.', 'base', True)"
    script = completions(prompts[:2], models=["base"]).replace("])\n", f", {single}])\n")
    play(script + SUCCEED)

    assert supervised(run).state == "succeeded"

    asked = Comparison.objects.filter(source=f"run/{run.pk}").values_list("prompt__external_id", flat=True)
    assert list(asked) == prompts[:2]


@pytest.mark.parametrize(
    "spoil",
    [
        "run.completions.unlink()",
        "run.completions.write_text('')",
        "run.completions.write_text(run.completions.read_text() + '{\"prompt_id\": ')",
        "run.completions.write_text(run.completions.read_text() + '{}')",
        "run.completions.write_text(run.completions.read_text().replace('baseline', 'someone'))",
    ],
)
def test_completions_come_back_all_or_not_at_all(make_run, play, prompts, spoil):
    run = make_run("sample", baseline=True)
    play(f"{completions(prompts)}{spoil}\n{SUCCEED}")

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "bad_artefact")
    assert "completions.jsonl" in found.failure_message
    assert Comparison.objects.count() == len(prompts)
    assert not Completion.objects.filter(source__startswith="checkpoint/").exists()


SECRETS = ("DATABASE_URL", "SECRET_KEY", "CELERY_BROKER_URL", "CONCORD_DATA_DIR", "AWS_SECRET_ACCESS_KEY")


def test_the_trainer_knows_none_of_our_secrets(run, play, monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    play("(run.path / 'environment').write_text(json.dumps(dict(os.environ)))")

    supervised(run)

    known = json.loads((directory_of(run).path / "environment").read_text())
    assert not known.keys() & set(SECRETS)
    assert "secret" not in known.values()
    assert (known["CUDA_VISIBLE_DEVICES"], known["HF_HUB_OFFLINE"]) == ("3", "1")
    assert known["PATH"]


def test_a_trainer_is_launched_by_the_profile_of_its_run(run, play):
    play("(run.path / 'environment').write_text(json.dumps(dict(os.environ)))")
    Run.objects.update(profile="cpu-2")

    supervised(run)

    known = json.loads((directory_of(run).path / "environment").read_text())
    assert (known["CUDA_VISIBLE_DEVICES"], known["ACCELERATE_USE_CPU"]) == ("", "true")


def test_an_alarm_is_told_to_webhooks_while_the_run_goes_on_and_once_for_all_attempts(project, run, play, lee):
    outbox.add_webhook(project, url="https://example.org/", kinds=[outbox.Kind.RUN_ALARM], by=lee)
    before = RunDirectory(django_settings.RUNS_DIR / str(run.pk) / "1")
    before.path.mkdir(parents=True)
    before.append_alarm({"step": 1, "name": "kl", "sentence": "An earlier attempt told this."})
    play(
        "leave_checkpoint('reward')\n"
        "run.append_alarm({'step': 3, 'name': 'entropy', 'sentence': 'The entropy fell.'})\n" + SUCCEED
    )

    supervised(run)

    told = [event.payload for event in Event.objects.filter(kind="run.alarm")]
    assert told == [{"run": run.pk, "stage": "reward", "step": 3, "name": "entropy", "sentence": "The entropy fell."}]


def test_the_command_of_a_stage_works_by_hand(tmp_path):
    found = supervisor.command("ppo", tmp_path)

    assert found[0] == sys.executable
    assert found[-3:] == ["-m", "rlhf.training.ppo", str(tmp_path)]
    assert "--num_processes=1" in found
    assert "--num_processes=2" in supervisor.command("ppo", tmp_path, profile="cpu-2")


def test_a_trainer_dies_with_its_supervisor():
    """The supervisor is killed before it could end anyone; the kernel ends the trainer."""
    child = "import time; time.sleep(60)"
    parent = (
        f"import subprocess, sys; sys.path.insert(0, {str(django_settings.BASE_DIR)!r})\n"
        "from rlhf.contract.lifeline import die_with_parent\n"
        f"child = subprocess.Popen([sys.executable, '-S', '-c', {child!r}], start_new_session=True,\n"
        "                          preexec_fn=die_with_parent)\n"
        "print(child.pid, flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-S", "-c", parent], stdout=subprocess.PIPE) as process:
        group = int(process.stdout.readline())
        process.kill()

    assert ends_soon(group)


# --- scores of what people ranked -------------------------------------------------------------------------------------

SCORED = """
leave_checkpoint('reward')
rows = [ScoreRecord(PROMPT, f'River {x} of 0.', score) for x, score in (('a', 1.5), ('b', float('SECOND')))]
write_jsonl(run.scores, rows)
run.write_result(Result('succeeded', metrics={'learning_curve': [{'n_prompts': 3}]}, checkpoint_kind='reward'))
"""


def test_a_reward_model_is_set_beside_the_annotators(run, play, project, comparisons):
    play(SCORED.replace("PROMPT", repr(comparisons[0].prompt.external_id)).replace("SECOND", "-2"))

    found = supervised(run)

    model = reward_models.newest(project)
    assert (found.state, model.source) == ("succeeded", f"checkpoint/{found.checkpoint.pk}")
    assert model.learning_curve == [{"n_prompts": 3}]
    assert sorted(reward_models.scores_of(model).values()) == [-2.0, 1.5]


def test_a_score_that_is_not_finite_fails_the_run_and_stores_nothing(run, play, project, comparisons):
    play(SCORED.replace("PROMPT", repr(comparisons[0].prompt.external_id)).replace("SECOND", "nan"))

    found = supervised(run)

    assert (found.state, found.failure_reason) == ("failed", "bad_artefact")
    assert "scores.jsonl cannot be read" in found.failure_message
    assert reward_models.newest(project) is None


@pytest.fixture
def database_away(monkeypatch):
    """Let the database not answer to the first so many writes of a kind."""

    def away(name, count):
        write, asked = getattr(runs, name), []

        def refuses(*args, **kwargs):
            asked.append(args)
            if len(asked) <= count:
                raise OperationalError("server closed the connection unexpectedly")
            return write(*args, **kwargs)

        monkeypatch.setattr(runs, name, refuses)
        return asked

    return away


@pytest.mark.parametrize("write", ["heartbeat", "record_metrics", "succeed"])
def test_a_run_outlives_a_restart_of_the_database(run, play, settings, database_away, write):
    settings.RUN_LEASE_SECONDS = 5
    asked = database_away(write, 3)
    play("run.append_metric(1, {'loss': 0.5})\nleave_checkpoint('reward')\n" + SUCCEED)

    ended = supervised(run)

    assert ended.state == "succeeded"
    assert len(asked) > 3
    assert list(Metric.objects.filter(run=run).values_list("step", flat=True)) == [1]


def test_a_trainer_is_ended_where_the_database_stays_away_longer_than_a_lease(run, play, settings, database_away):
    settings.RUN_LEASE_SECONDS = 3
    database_away("heartbeat", 10**6)
    play("(run.path / 'group').write_text(str(os.getpgid(0)))\nwork_on()\n")

    with pytest.raises(OperationalError):
        supervised(run)

    assert living(int((directory_of(run).path / "group").read_text())) == []


@pytest.mark.parametrize(
    ("sizes", "free", "memory", "reason", "said"),
    [
        (2**30, 2**30, 2**40, "disk_full", "needs about 1.2 GiB"),
        (2**30, 2**40, 2**29, "out_of_memory", "have 1.0 GiB; 0.5 GiB of memory are free"),
    ],
)
def test_a_run_without_room_is_refused_before_it_begins(run, play, monkeypatch, sizes, free, memory, reason, said):
    Checkpoint.objects.update(size_bytes=sizes)
    monkeypatch.setattr(room, "_free_bytes", lambda directory: free)
    monkeypatch.setattr(room, "_available_bytes", lambda: memory)
    play("raise SystemExit('it must not begin')")

    ended = supervised(run)

    assert (ended.state, ended.failure_reason) == ("failed", reason)
    assert said in ended.failure_message


@pytest.mark.parametrize(
    ("config", "times"),
    [
        ({"checkpoint_every": 5, "lora_rank": 4}, 1),
        ({"checkpoint_every": 5, "lora_rank": 0}, 10),
        ({"lora_rank": 0}, 10),  # by the clock
    ],
)
def test_the_disk_a_run_needs_follows_from_what_it_saves(make_run, config, times):
    run = make_run()
    run.config |= config
    run.base.size_bytes = 1000

    assert room.disk_bytes(run) == 1000 * times


def test_this_machine_says_how_much_room_it_has(tmp_path):
    assert room._free_bytes(tmp_path / "not" / "there") > 0
    assert room._available_bytes() > 0
