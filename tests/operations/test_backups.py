"""The drill: back up, restore into an empty place on the same kind of database, and look whether all is there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from annotate import assignments, rankings, sealing
from annotate.answers import Answer
from operations import backups
from rlhf import artefacts, snapshots
from rlhf.contract import rundir
from rlhf.models import Run
from tests.test_house import database_url

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = """
import json
from django.apps import apps
from rlhf.models import Run
rows = {model._meta.label: model._default_manager.count() for model in apps.get_models(include_auto_created=True)}
runs = list(Run.objects.order_by("pk").values_list("state", "failure_reason", "fence"))
print("ROWS " + json.dumps([rows, runs]))
"""


@pytest.fixture
def lived_in(roles, project, comparisons, ana, lee, settings, tmp_path):
    """A project with a ranking, a snapshot, a checkpoint and two runs, in a data directory of its own."""
    for name in ("SNAPSHOTS_DIR", "CORPORA_DIR", "MODELS_DIR", "RUNS_DIR"):
        setattr(settings, name, tmp_path / "var" / name.removesuffix("_DIR").lower())
    settings.DATA_DIR = tmp_path / "var"
    settings.DATA_DIR.mkdir()
    (settings.DATA_DIR / "secret_key").write_text("the old key")
    place = assignments.reserve_next(ana, project)
    rankings.submit(place, Answer([place.order]), submission="a" * 32)
    snapshot = snapshots.freeze(project, by=lee)
    base = settings.MODELS_DIR / "base"
    base.mkdir(parents=True)
    (base / "model.safetensors").write_bytes(b"weights")
    (base / "tokenizer.json").write_bytes(b"{}")
    rundir.write_manifest(base, {"kind": "base", "tokenizer_sha256": "t" * 64})
    checkpoint = artefacts.register_base(base, name="base")
    order = {"project": project, "stage": "sft", "config": {}, "snapshot": snapshot, "base": checkpoint}
    Run.objects.create(**order, state="queued")
    Run.objects.create(**order, state="running", fence=1, lease_until="2026-01-01T00:00Z")
    (settings.RUNS_DIR / "2" / "1" / "state").mkdir(parents=True)
    (settings.RUNS_DIR / "2" / "1" / "log.txt").write_text("step 1\n")
    (settings.RUNS_DIR / "2" / "1" / "state" / "optimizer.pt").write_bytes(b"changes")
    (settings.SNAPSHOTS_DIR / "tmp1234").mkdir()
    (settings.SNAPSHOTS_DIR / "tmp1234" / "half").write_text("being made")
    return snapshot


@pytest.fixture
def elsewhere(tmp_path, django_db_blocker):
    """Run manage.py on another machine: an empty database of the same kind, and an empty data directory."""
    name = f"restored_{os.getpid()}"
    url = f"sqlite:///{tmp_path / 'restored.sqlite3'}"
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        url = f"{database_url().rpartition('/')[0]}/{name}"
    env = os.environ | {"DATABASE_URL": url, "CONCORD_DATA_DIR": str(tmp_path / "restored")}

    def manage(*arguments, **more):
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, env=env | more, cwd=settings.BASE_DIR, capture_output=True, text=True)

    yield manage
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_what_only_the_artefact_store_has_is_in_the_backup_and_back_in_a_new_store(
    request, settings, tmp_path, elsewhere
):
    settings.ARTIFACT_URL = f"file://{tmp_path / 'store'}"
    snapshot = request.getfixturevalue("lived_in")
    for name in ("snapshots", "models", "runs"):  # this machine loses its cache
        shutil.rmtree(settings.DATA_DIR / name)

    call_command("backup", str(tmp_path / "kept"))
    done = elsewhere("restore", str(tmp_path / "kept"), ARTIFACT_URL=f"file://{tmp_path / 'new-store'}")

    assert done.returncode == 0, done.stderr
    for place in (tmp_path / "restored", tmp_path / "new-store"):
        rundir.verify_manifest(place / "snapshots" / snapshot.sha256, expected_sha256=snapshot.sha256)
        assert (place / "models" / "base" / "model.safetensors").read_bytes() == b"weights"


def test_a_store_that_holds_something_is_not_restored_into(lived_in, settings, tmp_path, elsewhere):
    call_command("backup", str(tmp_path / "kept"))
    (tmp_path / "full" / "models" / "x").mkdir(parents=True)
    (tmp_path / "full" / "models" / "x" / "weights").write_text("w")

    done = elsewhere("restore", str(tmp_path / "kept"), ARTIFACT_URL=f"file://{tmp_path / 'full'}")

    assert done.returncode != 0
    assert "holds models already. Restore into an empty ARTIFACT_URL" in done.stderr
    assert not (tmp_path / "restored" / "models").exists()


def rows_here():
    found = apps.get_models(include_auto_created=True)
    return {model._meta.label: model._default_manager.count() for model in found}


def test_everything_is_there_after_a_restore(lived_in, elsewhere, tmp_path):
    call_command("backup", str(tmp_path / "kept"))
    expected = rows_here()

    restored = elsewhere("restore", str(tmp_path / "kept"))
    again = elsewhere("restore", str(tmp_path / "kept"))
    asked = elsewhere("shell", "--no-imports", "-c", COUNT)
    seal = rundir.verify_manifest(tmp_path / "kept")["audit_seal"]
    log = elsewhere("verify_audit", seal)

    assert seal == sealing.head() != ""
    assert "0 wait for their seal, 1 copies fit" in log.stdout, log.stderr
    assert restored.returncode == 0, restored.stderr
    assert "every file is there" in restored.stdout
    assert again.returncode == 1
    assert "has tables" in again.stderr
    counted, runs = json.loads(asked.stdout.partition("ROWS ")[2])
    assert counted == expected
    assert runs == [["queued", "", 1000], ["failed", "lost", 1]]
    new = tmp_path / "restored"
    assert rundir.verify_manifest(new / "snapshots" / lived_in.sha256, expected_sha256=lived_in.sha256)
    assert (new / "secret_key").read_text() == "the old key"
    assert (new / "runs" / "2" / "1" / "log.txt").read_text() == "step 1\n"
    assert not (new / "runs" / "2" / "1" / "state").exists()
    assert not (new / "snapshots" / "tmp1234").exists()


def test_a_backup_that_was_touched_is_refused_before_anything_is_written(lived_in, elsewhere, tmp_path):
    call_command("backup", str(tmp_path / "kept"))
    weights = tmp_path / "kept" / "data" / "models" / "base" / "model.safetensors"
    weights.write_bytes(b"weighty")

    refused = elsewhere("restore", str(tmp_path / "kept"))

    assert refused.returncode == 1
    assert "model.safetensors does not match its sha256" in refused.stderr
    assert not (tmp_path / "restored" / "models").exists()


def test_a_file_too_many_is_refused(lived_in, elsewhere, tmp_path):
    call_command("backup", str(tmp_path / "kept"))
    (tmp_path / "kept" / "data" / "models" / "evil.pkl").write_bytes(b"x")

    assert "evil.pkl is not in the manifest" in elsewhere("restore", str(tmp_path / "kept")).stderr


def test_files_that_are_there_are_never_overwritten(lived_in, elsewhere, tmp_path):
    call_command("backup", str(tmp_path / "kept"))
    (tmp_path / "restored" / "models" / "mine").mkdir(parents=True)

    refused = elsewhere("restore", str(tmp_path / "kept"))

    assert "holds models already" in refused.stderr


def test_a_backup_never_overwrites_another_and_only_its_owner_reads_it(lived_in, tmp_path):
    call_command("backup", str(tmp_path / "kept"))

    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", str(tmp_path / "kept"))

    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


def test_without_room_nothing_is_written(lived_in, tmp_path, monkeypatch):
    monkeypatch.setattr(backups, "SPARE_BYTES", 2**60)

    with pytest.raises(CommandError, match="are needed"):
        call_command("backup", str(tmp_path / "kept"))

    assert not list(tmp_path.glob("*kept*"))


def test_a_checkpoint_that_is_not_as_recorded_is_named(lived_in):
    (Path(settings.MODELS_DIR) / "base" / "model.safetensors").write_bytes(b"other")

    (sentence,) = backups.missing()

    assert "model.safetensors does not match" in sentence
