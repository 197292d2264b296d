"""The demo's small parts: its plans are configs, its prompts are fit to import, its figures are what they say."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from annotate import intake, rows, simulation
from rlhf.contract import config as configs
from rlhf.contract.records import CompletionRecord, write_jsonl
from rlhf.contract.rundir import RunDirectory
from rlhf.demo import job
from rlhf.demo.job import FOLDER, Job, RunFailed
from rlhf.demo.plans import PLANS
from rlhf.demo.worker import Worker, WorkerGone, follow
from rlhf.models import Checkpoint, Run, Snapshot

STAGES = {"sft": "sft", "sample": "sample", "reward": "reward", "ppo": "ppo", "compare": "sample"}
KINDS = {"open_question", "rewriting", "list", "reasoning", "safety"}


@pytest.mark.parametrize("model", PLANS)
@pytest.mark.parametrize(("part", "stage"), STAGES.items())
def test_every_plan_is_a_config_of_its_stage(model, part, stage):
    values = getattr(PLANS[model], part) or {}

    assert configs.to_json(configs.parse(stage, values)).items() >= values.items()


@pytest.mark.parametrize("model", PLANS)
def test_a_plan_is_known_by_the_name_that_makes_its_model(model):
    plan = PLANS[model]

    assert plan.model == model
    assert 0 < plan.test_rate < 1


@pytest.mark.parametrize("model", PLANS)
def test_the_second_sampling_gives_a_comparison_between_two_models(model):
    each = PLANS[model].compare["completions_per_prompt"]

    assert rows.MIN_COMPLETIONS <= 2 * each <= rows.MAX_COMPLETIONS
    assert PLANS[model].compare["seed"] != PLANS[model].sample.get("seed", 1)


@pytest.fixture(scope="module")
def prompts():
    """The rows of prompts.jsonl as the import reads them."""
    lines = (FOLDER / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    return [rows.prompt(json.loads(line)) for line in lines]


def test_the_prompts_are_of_two_languages_and_five_kinds(prompts):
    assert len(prompts) == 40
    assert Counter(row.language for row in prompts) == {"en": 26, "zh": 14}
    assert {(row.language, row.category) for row in prompts} == {
        (lang, kind) for lang in ("en", "zh") for kind in KINDS
    }


def test_each_prompt_has_an_id_and_a_text_of_its_own(prompts):
    assert len({row.external_id for row in prompts}) == len({row.text_sha256 for row in prompts}) == 40


def test_each_ideal_output_is_good_by_the_rule_of_the_simulated_crowd(prompts):
    poor = [row.external_id for row in prompts if simulation.true_score(row.as_messages, row.demonstration) < 2.5]

    assert poor == []


def test_the_prompts_can_be_imported(project):
    report = intake.import_file(FOLDER / "prompts.jsonl", kind="prompts", project=project)

    assert report.sentence == "40 lines read: 40 new prompts."


@pytest.fixture
def told():
    return []


@pytest.fixture
def a_worker(tmp_path):
    """Stands for a worker that is at work: any process that has not ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield Worker(process, tmp_path / "worker.log")
        process.kill()


@pytest.fixture
def the_job(mia, a_worker, told):
    return Job(PLANS["tiny"], engineer=mia, worker=a_worker, tell=told.append)


def test_each_demo_has_a_project_of_its_own(the_job):
    first, second = the_job.make_project(), the_job.make_project()

    assert (first.slug, second.slug) == ("demo", "demo-2")
    assert first.overlap == job.OVERLAP
    assert first.guidelines.get().text == (FOLDER / "guidelines.md").read_text(encoding="utf-8")


@pytest.fixture
def make_run(project, settings, tmp_path):
    """A run that is over, with its directory."""
    settings.DATA_DIR, settings.RUNS_DIR = tmp_path, tmp_path / "runs"

    def make(stage, *, state, **values):
        base = Checkpoint.objects.create(
            kind="base", name="b", path="b", manifest_sha256="m", tokenizer_sha256="t", size_bytes=1
        )
        snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts={})
        config = configs.to_json(configs.parse(stage, {}))
        run = Run.objects.create(
            project=project, stage=stage, state=state, config=config, snapshot=snapshot, base=base, fence=1, **values
        )
        directory = RunDirectory(settings.RUNS_DIR / str(run.pk) / "1")
        directory.path.mkdir(parents=True)
        return run, directory

    return make


def test_the_true_scores_are_means_over_each_models_completions(the_job, make_run, comparisons):
    run, directory = make_run("sample", state="succeeded")
    asked = comparisons[0].prompt.external_id
    texts = [("base", "It is the long Danube."), ("base", "It is the long Danube"), ("baseline", "Danube.")]
    write_jsonl(directory.completions, [CompletionRecord(asked, text, model, True) for model, text in texts])

    found = the_job.true_scores(run.project, run)

    assert found == {"base": pytest.approx((3.0 + 1.0) / 2), "baseline": pytest.approx(2.25)}


def test_following_a_run_tells_the_lines_that_say_how_far_it_is(make_run, a_worker, told):
    run, directory = make_run("ppo", state="succeeded")
    directory.log.write_text("step 1/2  loss 2\nTraceback of no interest\nppo: 8 prompts\nheld out: 1.5\nstep 2/2  lo")

    assert follow(run, worker=a_worker, tell=told.append).state == "succeeded"

    assert told == ["step 1/2  loss 2", "ppo: 8 prompts", "held out: 1.5"]


def test_a_worker_that_ended_is_not_waited_for(make_run, a_worker):
    run, _ = make_run("ppo", state="queued")
    a_worker.process.kill()
    a_worker.process.wait()

    with pytest.raises(WorkerGone, match=r"exit code -9; its log is .*worker\.log"):
        follow(run, worker=a_worker, tell=print)


def test_a_run_that_fails_stops_the_demo_with_its_reason(the_job, make_run, monkeypatch):
    run, _ = make_run("reward", state="failed", failure_reason="non_finite", failure_message="NaN at step 3.")
    monkeypatch.setattr(job.runs, "create", lambda order, *, by: run)

    with pytest.raises(RunFailed, match=r"run \d+ \(reward\) failed: non_finite NaN at step 3."):
        the_job.execute(run.project, "reward", {}, run.base, snapshot=run.snapshot)


def test_the_figures_are_fit_for_json():
    assert (job._rounded(None), job._rounded(0.123456)) == (None, 0.1235)
    assert json.dumps(job._rounded(1 / 3)) == "0.3333"
