"""Retention: shown first, removed when asked to; what a row needs stays, here and in the store."""

import os
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from annotate.models import AuditEntry
from operations import backups
from rlhf import artefacts, preflight, snapshots, store
from rlhf.contract import config as configs
from rlhf.contract import rundir
from rlhf.models import Checkpoint, Run

TWO_DAYS = 2 * 24 * 3600


@pytest.fixture(params=["data directory", "store"])
def place(request, settings, tmp_path):
    """A data directory of its own, alone or as the cache of a store."""
    settings.DATA_DIR = tmp_path / "var"
    settings.DATA_DIR.mkdir()
    for name in ("SNAPSHOTS_DIR", "CORPORA_DIR", "MODELS_DIR", "RUNS_DIR"):
        setattr(settings, name, settings.DATA_DIR / name.removesuffix("_DIR").lower())
    if request.param == "store":
        settings.ARTIFACT_URL = f"file://{tmp_path / 'store'}"
    return settings.DATA_DIR


@pytest.fixture
def base(place):
    return artefacts.register_base(written(place / "models" / "base", kind="base"), name="base")


@pytest.fixture
def snapshot(place, project, comparisons, lee):
    return snapshots.freeze(project, by=lee)


def written(directory, *, kind="reward", days_ago=0):
    directory.mkdir(parents=True)
    (directory / "model.safetensors").write_bytes(b"w" * 1000)
    rundir.write_manifest(directory, {"kind": kind, "tokenizer_sha256": "t" * 64})
    for path in (*directory.iterdir(), directory):
        os.utime(path, (time.time() - days_ago * 86400,) * 2)
    return directory


def run_of(snapshot, base, *, state="succeeded", days_ago=0, stage="reward", **more):
    failed = {"failure_reason": "crashed"} if state == "failed" else {}
    return Run.objects.create(
        project=snapshot.project,
        stage=stage,
        config=configs.to_json(configs.parse(stage, {})),
        snapshot=snapshot,
        base=base,
        state=state,
        fence=2,
        finished_at=timezone.now() - timedelta(days=days_ago),
        **failed,
        **more,
    )


def left(run, place, *, days_ago=0):
    """The checkpoint of a run, with weights, made so many days ago."""
    directory = written(place / "runs" / str(run.pk) / "2" / "checkpoint")
    store.keep(directory)
    made = artefacts.record_of_run(run, directory, kind="reward")
    Checkpoint.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
    return made


def said(*arguments, **options):
    out = StringIO()
    call_command("retention", *arguments, stdout=out, **options)
    return out.getvalue()


def test_what_goes_away_while_one_looks_is_no_fault(snapshot, base, place):
    (place / "models" / "base" / "gone").symlink_to(place / "is seen but not there")
    (place / "runs" / "1").mkdir(parents=True)
    (place / "runs" / "1" / "gone").symlink_to(place / "is seen but not there")

    call_command("retention", stdout=StringIO())

    assert place / "models" / "base" / "gone" not in backups._data_files()
    assert store.age_seconds(place / "runs" / "1") == 0
    assert len(store.files_below(place / "models" / "base")) == 2


def test_nothing_is_removed_unless_asked_for(snapshot, base, place):
    orphan = written(place / "runs" / "999" / "1" / "checkpoint", days_ago=2)

    told = said()

    assert "runs/999: no row speaks of it" in told
    assert "would go; --apply removes them" in told
    assert orphan.is_dir()
    assert "removed" in said(apply=True)
    assert not orphan.exists()
    assert said() == "Nothing is there to remove.\n"


def test_what_was_just_made_has_a_day(snapshot, base, place):
    written(place / "snapshots" / ("b" * 64))

    assert said() == "Nothing is there to remove.\n"


def test_states_and_earlier_attempts_of_a_run_that_succeeded_go_and_its_checkpoint_stays(snapshot, base, place):
    run = run_of(snapshot, base)
    made = left(run, place)
    earlier = written(place / "runs" / str(run.pk) / "1" / "state" / "00000004")
    state = written(place / "runs" / str(run.pk) / "2" / "state" / "00000008")

    said(apply=True)

    assert not earlier.exists()
    assert not state.exists()
    artefacts.verify(made)
    assert backups.missing() == []


@pytest.mark.parametrize(("days_ago", "goes"), [(5, False), (40, True)])
def test_what_failed_can_be_resumed_for_thirty_days(snapshot, base, place, days_ago, goes):
    run = run_of(snapshot, base, state="failed", days_ago=days_ago)
    state = written(place / "runs" / str(run.pk) / "2" / "state" / "00000008")

    said(apply=True)

    assert state.exists() != goes


def test_a_run_that_goes_on_keeps_everything(snapshot, base, place):
    run = run_of(snapshot, base, state="queued")
    state = written(place / "runs" / str(run.pk) / "1" / "state" / "00000008", days_ago=99)

    assert said() == "Nothing is there to remove.\n"
    assert state.exists()


def test_weights_that_nothing_came_of_go_only_when_asked_for_and_the_newest_stay(snapshot, base, place, mia, client):
    made = [left(run_of(snapshot, base), place, days_ago=90) for _ in range(3)]
    used = Run.objects.create(
        project=snapshot.project, stage="ppo", config={}, snapshot=snapshot, base=base, reward_model=made[0]
    )

    assert said() == "Nothing is there to remove.\n"
    said(apply=True, keep=1)

    for one in made:
        one.refresh_from_db()
    assert [one.weights_removed_at is None for one in made] == [True, False, True]  # read by a run; gone; the newest
    assert not (place / made[1].path).exists()
    with pytest.raises(rundir.BadArtefact, match=r"The weights of checkpoint .* were removed on 20"):
        artefacts.path_of(made[1])
    assert AuditEntry.objects.filter(kind="weights removed", subject=f"checkpoint {made[1].pk}").count() == 1
    order = preflight.RunOrder(snapshot.project, "ppo", configs.parse("ppo", {}), snapshot, base, reward_model=made[1])
    assert "has no weights any more" in preflight.problems(order)["reward_model"]
    assert backups.missing() == []
    client.force_login(mia)
    assert client.get(reverse("checkpoint_download", args=[made[1].pk])).status_code == 404
    assert used.reward_model_id == made[0].pk


def test_what_the_store_has_is_forgotten_here_after_a_while(snapshot, base, place, settings):
    directory = artefacts.path_of(base)
    for path in (*directory.iterdir(), directory):
        os.utime(path, (time.time() - 40 * 86400,) * 2)

    told = said(apply=True)

    assert ("a copy of what the artefact store has" in told) == bool(settings.ARTIFACT_URL)
    assert directory.exists() != bool(settings.ARTIFACT_URL)
    artefacts.verify(base)


@pytest.mark.parametrize("options", [{"days": 0}, {"keep": 0}, {"days": -1}])
def test_a_rule_without_sense_is_refused(options):
    with pytest.raises(CommandError, match="expected 1 or more"):
        said(**options)
