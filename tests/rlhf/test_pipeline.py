"""The pipeline page: every stage with its newest cost, every checkpoint below the one that it was made from."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rlhf import pipeline
from rlhf.contract.config import STAGES
from rlhf.models import Checkpoint, Corpus, Run, Snapshot

COST = {
    "seconds": 90.0,
    "cpu_seconds": 170.0,
    "gpu_seconds": 0.0,
    "peak_memory_bytes": 2_300_000_000,
    "peak_gpu_memory_bytes": 0,
}


@pytest.fixture
def data(project):
    counts = {"documents": 9, "documents_test": 1, "characters": 90}
    return {
        "corpus": Corpus.objects.create(project=project, name="Rivers", sha256="c" * 64, counts=counts),
        "snapshot": Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts={}),
    }


@pytest.fixture
def leave(project):
    """Record a checkpoint, and the run that left it where there is a stage."""

    def leave(kind, parent=None, *, stage="", seed=1, of=project, **inputs):
        run = None
        if stage:
            config, result = {"seed": seed}, {"cost": COST, "seconds": 90.0}
            made = {"state": "succeeded", "config": config, "result": result, "base": parent} | inputs
            run = Run.objects.create(project=project, stage=stage, **made)
        return Checkpoint.objects.create(
            project=of, kind=kind, name=kind, run=run, parent=parent, path=kind, manifest_sha256="m", size_bytes=1
        )

    return leave


@pytest.fixture
def trained(leave, data):
    """Two base models; SFT, reward model and two policies on the second."""
    snapshot = data["snapshot"]
    outside = leave("base", of=None)
    base = leave("base", stage="pretrain", seed=3, corpus=data["corpus"])
    sft = leave("sft", base, stage="sft", seed=4, snapshot=snapshot)
    reward = leave("reward", sft, stage="reward", seed=5, snapshot=snapshot)
    ppo = leave("policy", sft, stage="ppo", seed=6, snapshot=snapshot, reward_model=reward)
    again = leave("policy", ppo, stage="dpo", seed=7, snapshot=snapshot)
    return {"outside": outside, "base": base, "sft": sft, "reward": reward, "ppo": ppo, "again": again}


@pytest.fixture
def page(client, rex, project):
    client.force_login(rex)
    return lambda: client.get(reverse("pipeline", args=[project.slug])).content.decode()


def test_every_stage_there_is_stands_on_the_page_in_order():
    assert [kind.stage for kind in pipeline.STAGES] == list(STAGES)


def test_a_checkpoint_stands_below_the_one_it_was_made_from(project, trained):
    steps = pipeline.lineage(project)

    found = [(step.checkpoint.pk, step.depth, step.seed) for step in steps]
    assert found == [
        (trained["base"].pk, 0, 3),
        (trained["sft"].pk, 1, 4),
        (trained["reward"].pk, 2, 5),
        (trained["ppo"].pk, 2, 6),
        (trained["again"].pk, 3, 7),
    ]


def test_a_model_of_elsewhere_is_shown_where_something_was_made_from_it(project, leave, data):
    outside = leave("base", of=None)
    sft = leave("sft", outside, stage="sft", snapshot=data["snapshot"])

    assert [(step.checkpoint, step.depth, step.seed) for step in pipeline.lineage(project)] == [
        (outside, 0, None),
        (sft, 1, 1),
    ]


def test_the_page_says_data_seed_and_cost(page, trained):
    shown = page()

    assert shown.count(f'title="{"c" * 64}"') == 1
    assert f"checkpoint {trained['reward'].pk}" in shown
    assert "1\u202fmin 30\u202fs" in shown
    assert "2.3\u202fGB" in shown
    assert f'<a href="{reverse("run", args=[trained["ppo"].run_id])}">' in shown


def test_the_newest_success_of_a_stage_is_what_it_cost(project, leave, data, trained):
    later = leave("policy", trained["sft"], stage="ppo", snapshot=data["snapshot"])
    Run.objects.filter(pk=later.run_id).update(result={"seconds": 12.0})
    Run.objects.create(
        project=project, stage="ppo", config={}, base=trained["sft"], snapshot=data["snapshot"], state="queued"
    )

    (ppo,) = [stage for stage in pipeline.stages(project) if stage.kind.stage == "ppo"]

    assert (ppo.run_count, ppo.newest) == (3, later.run)
    assert ppo.cost == pipeline.Cost(seconds=12.0)


def test_a_project_without_models_says_how_to_begin(page):
    shown = page()

    assert "No model yet." in shown
    assert "next token of the outputs only" in shown


def test_more_checkpoints_need_no_more_queries(page, leave, data, trained):
    with CaptureQueriesContext(connection) as few:
        page()
    for _ in range(5):
        leave("policy", trained["sft"], stage="ppo", snapshot=data["snapshot"], reward_model=trained["reward"])
    with CaptureQueriesContext(connection) as many:
        page()

    assert len(many) == len(few)
