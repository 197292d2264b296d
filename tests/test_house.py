"""One comparison walks through the whole house: ranked, checked, frozen, learned, and back to be ranked again.

Everything goes through pages and a real worker process; only the base model, two layers of noise, is brought along.
"""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from annotate import presentation, statistics
from annotate.models import Assignment, Comparison, Completion, Project
from rlhf import artefacts
from rlhf.demo import worker
from rlhf.models import Checkpoint, Run, Snapshot
from rlhf.training import models as our_models
from tests.rlhf.test_training_pages import filled_form
from tests.rlhf.training.conftest import make_model, make_tokenizer

pytestmark = [pytest.mark.torch, pytest.mark.django_db(transaction=True)]

PROMPTS = 24
QUICK = {"max_new_tokens": 16, "max_prompt_tokens": 64}


@pytest.fixture
def a_worker(roles, tmp_path, monkeypatch):
    """A worker process for every queue, on the tests' database."""
    monkeypatch.setenv("DATABASE_URL", database_url())
    with worker.running(tmp_path / "worker.log") as process:
        yield process


@pytest.fixture
def a_worker_elsewhere(roles, tmp_path, monkeypatch, settings):
    """A worker on another machine: it shares the database, the broker and the artefact store, and no data directory."""
    settings.ARTIFACT_URL = f"file://{tmp_path / 'store'}"
    (tmp_path / "gpu").mkdir()
    (tmp_path / "gpu" / "queue").symlink_to(settings.DATA_DIR / "queue")  # where the broker is a folder, that folder
    monkeypatch.setenv("CONCORD_DATA_DIR", str(tmp_path / "gpu"))
    monkeypatch.setenv("ARTIFACT_URL", settings.ARTIFACT_URL)
    monkeypatch.setenv("DATABASE_URL", database_url())
    with worker.running(tmp_path / "worker.log") as process:
        yield process


@pytest.fixture
def base(db):
    """A random two-layer language model below the data directory."""
    directory = settings.MODELS_DIR / "noise"
    if not directory.exists():
        our_models.save_checkpoint(directory, model=make_model(), tokenizer=make_tokenizer(), kind="base")
    return artefacts.register_base(directory, name="noise")


def database_url():
    """The address of the database the tests are connected to, for another process."""
    said = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{said['NAME']}"
    password = f":{quote(said['PASSWORD'], safe='')}" if said["PASSWORD"] else ""
    return f"postgres://{said['USER']}{password}@{quote(said['HOST'], safe='')}:{said['PORT'] or 5432}/{said['NAME']}"


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def make_project(client):
    made = {"name": "House", "slug": "house", "task": "ranking", "reason": "optional", "overlap": 2}
    client.post(reverse("project_new"), made | {"guidelines": "More vowels are better."})
    lines = "".join(json.dumps({"id": f"p{n}", "prompt": f"Say {n}."}) + "\n" for n in range(PROMPTS))
    upload = SimpleUploadedFile("prompts.jsonl", lines.encode())
    client.post(reverse("import", args=["house"]), {"kind": "prompts", "file": upload})
    return Project.objects.get(slug="house")


def freeze(client):
    client.post(reverse("freeze", args=["house"]), {"test_rate": "0.25"})
    return Snapshot.objects.first()


def execute(client, a_worker, stage, **values):
    """Press a stage's button and wait for the worker; the run must succeed."""
    project = Project.objects.get(slug="house")
    sent = filled_form(client, project, stage, **values)
    client.post(reverse("run_new", args=["house", stage]), sent)
    log = []
    run = worker.follow(Run.objects.get(stage=stage, state__in=["queued", "running"]), worker=a_worker, tell=log.append)
    assert run.state == "succeeded", (run.failure_reason, run.failure_message, log)
    return run


def rank_all(client):
    """Read the guidelines, then rank what the queue gives, more vowels first, until it is empty; return how many."""
    count = 0
    client.post(reverse("guidelines", args=["house"]), {"version": 1})
    while (page := client.get(reverse("rank_next", args=["house"]), follow=True)).redirect_chain:
        place = page.context["assignment"]
        labels, ranks = presentation.labels(place), by_vowels(place.order)
        sent = {"submission": page.context["form"].submission_id, "reason": ""} | {
            f"rank-{labels[pk]}": rank for pk, rank in ranks.items()
        }
        saved = client.post(reverse("rank", args=[place.pk]), sent)
        assert saved.status_code == 302
        count += 1
    return count


def by_vowels(completion_ids):
    texts = dict(Completion.objects.filter(pk__in=completion_ids).values_list("pk", "text"))
    vowels = {pk: sum(text.lower().count(letter) for letter in "aeiou") for pk, text in texts.items()}
    return {pk: 1 + sum(other > mine for other in vowels.values()) for pk, mine in vowels.items()}


def test_a_comparison_walks_through_the_house_and_comes_back(a_worker, base, lee, mia, ana, ben):
    admin, engineer = signed_in(lee), signed_in(mia)
    project = make_project(admin)

    # the model answers, people rank, the report tells how far they agree
    freeze(engineer)
    first = execute(engineer, a_worker, "sample", base=base.pk, completions_per_prompt=4, **QUICK)
    assert Comparison.objects.filter(project=project, source=f"run/{first.pk}").count() == PROMPTS
    assert [rank_all(signed_in(annotator.user)) for annotator in (ana, ben)] == [PROMPTS, PROMPTS]
    report = admin.get(reverse("consistency", args=["house"]))
    assert report.status_code == 200
    assert statistics.figures(project).half_credit.value == 1.0

    # what they said is frozen, learned, and used
    snapshot = freeze(engineer)
    assert snapshot.counts["rankings"] == 2 * PROMPTS
    learned = execute(engineer, a_worker, "reward", base=base.pk, epochs=6, learning_rate=3e-3, lora_rank=0)
    judge = Checkpoint.objects.get(run=learned)
    assert (judge.kind, learned.snapshot, judge.parent) == ("reward", snapshot, base)
    tuned = execute(
        engineer,
        a_worker,
        "ppo",
        base=base.pk,
        reward_model=judge.pk,
        steps=12,
        batch_size=32,
        minibatches=2,
        learning_rate=3e-3,
        kl_coef=0.0,
        kl_stop=0.0,
        lora_rank=0,
        missing_eos_penalty=0.0,
        **QUICK,
    )
    measured = tuned.result["metrics"]
    assert measured["score_after"] > measured["score_before"]
    assert tuned.metrics.count() == 12

    # and the new policy's completions come back, blind, beside those it began from
    policy = Checkpoint.objects.get(run=tuned)
    again = execute(
        engineer, a_worker, "sample", base=policy.pk, baseline=base.pk, completions_per_prompt=1, max_prompts=5, **QUICK
    )
    waiting = Comparison.objects.filter(source=f"run/{again.pk}")
    models = set(Completion.objects.filter(comparison__in=waiting).values_list("source", flat=True))
    assert waiting.count() == 5
    assert models == {f"checkpoint/{policy.pk}", f"checkpoint/{base.pk}"}
    page = signed_in(ana.user).get(reverse("rank_next", args=["house"]), follow=True)
    assert Assignment.objects.get(annotator=ana, state="reserved").comparison in waiting
    assert "checkpoint/" not in page.content.decode()
    assert Path(artefacts.path_of(policy)).is_dir()


def test_a_worker_that_shares_no_disk_does_its_work(a_worker_elsewhere, base, lee, mia, tmp_path):
    engineer = signed_in(mia)
    project = make_project(signed_in(lee))
    freeze(engineer)

    sampled = execute(engineer, a_worker_elsewhere, "sample", base=base.pk, completions_per_prompt=2, **QUICK)
    exported = execute(engineer, a_worker_elsewhere, "export", base=base.pk)

    assert Comparison.objects.filter(project=project, source=f"run/{sampled.pk}").count() == PROMPTS
    made = Checkpoint.objects.get(run=exported)
    assert (tmp_path / "gpu" / made.path).is_dir()
    assert not (settings.DATA_DIR / made.path).exists()
    assert "export" in engineer.get(reverse("run", args=[exported.pk])).content.decode()
    tar = engineer.get(reverse("checkpoint_download", args=[made.pk]))
    assert b"model.safetensors" in b"".join(tar.streaming_content)
    assert artefacts.path_of(made) == settings.DATA_DIR / made.path
