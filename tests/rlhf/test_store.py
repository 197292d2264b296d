"""Artefacts on other machines: what was made on one is read on another that has an empty data directory."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time

import boto3
import pytest
from django.conf import settings as django_settings
from django.urls import reverse
from moto.server import ThreadedMotoServer

from rlhf import artefacts, attempts, mirror, runs, snapshots, store
from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact, RunDirectory
from rlhf.models import Checkpoint, Run, Snapshot
from tests.rlhf.test_attempts import SIX_STEPS
from tests.rlhf.test_supervisor import SUCCEED, make_run, play, quick, run, supervised

__all__ = ["make_run", "play", "quick", "run"]  # fixtures

FOLDERS = ("RUNS_DIR", "SNAPSHOTS_DIR", "CORPORA_DIR", "MODELS_DIR")


@pytest.fixture(scope="session")
def s3():
    """An S3 server on this machine."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(params=["file", "s3"])
def url(request, settings, tmp_path, monkeypatch):
    """An empty store, and a machine «web» with an empty data directory that uses it."""
    if request.param == "file":
        settings.ARTIFACT_URL = f"file://{tmp_path / 'store'}"
    else:
        for name, value in (("ACCESS_KEY_ID", "k"), ("SECRET_ACCESS_KEY", "s"), ("DEFAULT_REGION", "us-east-1")):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
        bucket = f"b-{tmp_path.name}".replace("_", "-").lower()[:60].strip("-")
        boto3.client("s3").create_bucket(Bucket=bucket)
        settings.ARTIFACT_URL = f"s3://{bucket}/concord"
    settings.DATA_DIR = tmp_path / "web"
    go_to("web", settings)
    return settings.ARTIFACT_URL


def go_to(machine, settings):
    """Be another machine: another data directory, empty where nobody was."""
    settings.DATA_DIR = settings.DATA_DIR.parent / machine
    for name in FOLDERS:
        setattr(settings, name, settings.DATA_DIR / name.removesuffix("_DIR").lower())
    settings.DATA_DIR.mkdir(exist_ok=True)


def made(name="models/m", **files):
    directory = django_settings.DATA_DIR / name
    directory.mkdir(parents=True)
    for file, text in (files or {"weights": "w" * 100}).items():
        (directory / file).write_text(text)
    rundir.write_manifest(directory, {"kind": "base", "tokenizer_sha256": "t" * 64})
    return directory


def raw():
    """The store as it lies there, for doing harm: a file system and the root."""
    with store._store() as (files, root):
        return files, root


def test_a_directory_is_fetched_where_it_is_not(url, settings):
    directory = made(weights="w", config="{}")
    (directory / "deep").mkdir()
    (directory / "deep" / "er").write_text("x")
    (directory / "manifest.json").unlink()
    rundir.write_manifest(directory, {})
    store.keep(directory)
    go_to("gpu", settings)

    found = store.fetch(settings.DATA_DIR / "models/m", manifest_sha256=rundir.sha256_of(directory / "manifest.json"))

    assert found == settings.DATA_DIR / "models" / "m"
    assert sorted(rundir.verify_manifest(found)["files"]) == ["config", "deep/er", "weights"]
    assert [path.name for path in found.parent.iterdir()] == ["m"]


def test_copies_of_a_runs_files_that_nobody_looks_at_are_forgotten(url, settings):
    files, root = raw()
    names = ["log", "samples", "alarms"]
    files.makedirs(f"{root}/runs/1/1", exist_ok=True)
    for name in names:
        files.pipe_file(f"{root}/runs/1/1/{name}", name.encode())
    old, used, new = (settings.DATA_DIR / "runs" / "1" / "1" / name for name in names)
    copies = [store.shown(path) for path in (old, used)]
    for copy in copies:
        os.utime(copy, (0, time.time() - (store.COPY_DAYS + 1) * 86_400))
    assert store.shown(used) == copies[1]

    assert store.shown(new).read_text() == "alarms"

    assert [copy.exists() for copy in copies] == [False, True]
    assert store.shown(old).read_text() == "log"


def test_what_is_not_whole_is_not_there(url, settings, monkeypatch):
    directory = made()
    send = store._send

    def dies_before_the_manifest(files, path, there):
        if path.name == "manifest.json":
            raise KeyboardInterrupt
        send(files, path, there)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_send", dies_before_the_manifest)
        with pytest.raises(KeyboardInterrupt):
            store.keep(directory)
    go_to("gpu", settings)

    assert not store.has(settings.DATA_DIR / "models/m")
    with pytest.raises(BadArtefact, match="is not in the artefact store, and not on this machine"):
        store.fetch(settings.DATA_DIR / "models/m")


@pytest.mark.parametrize("harm", ["other bytes", "missing", "another manifest"])
def test_what_does_not_verify_is_refused_and_leaves_nothing(url, settings, harm):
    directory = made()
    sha256 = rundir.sha256_of(directory / "manifest.json")
    store.keep(directory)
    files, root = raw()
    if harm == "other bytes":
        files.pipe_file(f"{root}/models/m/weights", b"x" * 100)
    elif harm == "missing":
        files.rm_file(f"{root}/models/m/weights")
    else:
        sha256 = "0" * 64
    go_to("gpu", settings)

    with pytest.raises(BadArtefact):
        store.fetch(settings.DATA_DIR / "models/m", manifest_sha256=sha256)

    assert list((settings.DATA_DIR / "models").glob("*")) == []


def test_a_manifest_cannot_write_outside_its_directory(url, settings):
    files, root = raw()
    files.makedirs(f"{root}/models/evil", exist_ok=True)
    files.pipe_file(f"{root}/models/evil/manifest.json", json.dumps({"files": {"../../escaped": "0"}}).encode())
    files.pipe_file(f"{root}/escaped", b"x")

    with pytest.raises(BadArtefact, match="outside its directory"):
        store.fetch(settings.DATA_DIR / "models/evil")

    assert not list(settings.DATA_DIR.rglob("*escaped*"))


def test_a_torso_is_replaced_and_what_another_process_fetched_stays(url, settings):
    store.keep(made())
    go_to("gpu", settings)
    torso = settings.DATA_DIR / "models/m"
    torso.mkdir(parents=True)
    (torso / "weights").write_text("half")

    found = store.fetch(torso)

    assert (found / "weights").read_text() == "w" * 100
    again = settings.DATA_DIR / "models/.again"
    shutil.copytree(found, again)
    store._rename(again, found)
    rundir.verify_manifest(found)


def test_a_folder_is_not_another_whose_name_begins_alike(url, settings):
    for number in (1, 10):
        store.keep(made(f"runs/{number}/1/state/00000002"))

    assert {path.parts[-5] for path in store.listed(settings.RUNS_DIR / "1")} == {"1"}


def test_what_was_dropped_is_gone_here_and_there(url, settings):
    directory = made()
    store.keep(directory)

    store.drop(directory)

    assert not directory.exists()
    assert not store.has(directory)
    assert store.listed(settings.DATA_DIR / "models") == {}


TRAIN = "print('step 1 of 1', flush=True)\nrun.append_metric(1, {'loss': 0.5})\nleave_checkpoint('reward')\n" + SUCCEED


@pytest.fixture
def frozen_here(run, project, comparisons, url, lee):
    """A run whose snapshot and base model lie in the store."""
    base = artefacts.register_base(made("models/base"), name="base")
    Run.objects.filter(pk=run.pk).update(snapshot=snapshots.freeze(project, by=lee), base=base)
    run.refresh_from_db()
    return run


def test_a_worker_needs_the_database_and_the_store_only(client, mia, frozen_here, play, settings):
    go_to("gpu", settings)
    play(TRAIN + "assert (open(run.read_spec().inputs.snapshot + '/prompts.jsonl').read())\n")

    ended = supervised(frozen_here)

    assert (ended.state, ended.failure_message) == ("succeeded", "")
    spec = RunDirectory(settings.RUNS_DIR / str(ended.pk) / "1").read_spec()
    assert spec.inputs.snapshot.startswith(str(settings.DATA_DIR))
    go_to("web", settings)
    client.force_login(mia)
    assert "step 1 of 1" in client.get(reverse("run", args=[ended.pk])).content.decode()
    tar = client.get(reverse("checkpoint_download", args=[ended.checkpoint.pk]))
    assert b"model.safetensors" in b"".join(tar.streaming_content)


def test_a_run_goes_on_on_another_machine(frozen_here, play, settings, monkeypatch):
    monkeypatch.setattr(mirror, "EVERY_SECONDS", 0.0)
    go_to("gpu-1", settings)
    play(SIX_STEPS)
    assert supervised(frozen_here).state == "failed"
    go_to("web", settings)
    runs.resume(Run.objects.get(pk=frozen_here.pk))
    go_to("gpu-2", settings)

    ended = supervised(frozen_here)

    assert ended.state == "succeeded"
    directory = RunDirectory(settings.RUNS_DIR / str(ended.pk) / "2")
    assert "began after 4" in directory.log.read_text()
    assert [line["step"] for line in directory.read_metrics()] == [1, 2, 3, 4, 5, 6]


def test_states_that_the_trainer_made_room_for_go_from_the_store(url, settings):
    directory = RunDirectory(settings.RUNS_DIR / "7" / "1")
    copied = mirror.Mirror(directory)
    for step in (2, 4):
        made(f"runs/7/1/state/{step:08d}")
        copied.send()
    shutil.rmtree(directory.state / "00000002")

    copied.send()

    assert {path.parent.name for path in store.listed(directory.state)} == {"00000004"}


def test_a_log_that_is_being_sent_does_not_arrive_after_the_last_one(url, settings, monkeypatch):
    directory, arrived, begun = RunDirectory(settings.RUNS_DIR / "7" / "1"), [], threading.Event()
    directory.path.mkdir(parents=True)
    directory.log.write_text("first")

    def slow_at_first(path):
        text = path.read_text()
        begun.set()
        time.sleep(0.3 if text == "first" else 0.0)
        arrived.append(text)

    monkeypatch.setattr(store, "send", slow_at_first)
    copied = mirror.Mirror(directory)
    copied.tick()
    assert begun.wait(5)
    directory.log.write_text("first, last")

    copied.send()
    copied._job.result()

    assert arrived == ["first", "first, last"]


def test_a_state_that_its_trainer_removes_while_it_is_sent_stops_nothing(url, settings, monkeypatch):
    directory, keep = RunDirectory(settings.RUNS_DIR / "7" / "1"), store.keep
    for step in (2, 4):
        made(f"runs/7/1/state/{step:08d}")

    def removed_meanwhile(state):
        if state.name == "00000002":
            shutil.rmtree(state)
        keep(state)

    monkeypatch.setattr(store, "keep", removed_meanwhile)
    mirror.Mirror(directory).send()

    assert {path.parent.name for path in store.listed(directory.state)} == {"00000004"}


def test_of_two_attempts_at_the_same_step_the_later_one_is_gone_on_from(url, settings, run):
    for fence in (9, 10):
        made(f"runs/{run.pk}/{fence}/state/00000004")

    assert [one.directory.path.name for one in attempts.saved_states(run)] == ["10", "9"]


def test_a_file_that_is_nowhere_is_not_found(url, settings, tmp_path):
    with pytest.raises(FileNotFoundError):
        store.copy(settings.RUNS_DIR / "7" / "log.txt", tmp_path / "copy")


@pytest.fixture
def away(url, settings, tmp_path, monkeypatch):
    """Now the store does not answer."""
    if url.startswith("file"):
        (tmp_path / "in-the-way").write_text("")
        settings.ARTIFACT_URL = f"file://{tmp_path / 'in-the-way' / 'store'}"
    else:
        closed = {"client_kwargs": {"endpoint_url": "http://127.0.0.1:9"}}
        monkeypatch.setattr(store, "S3_OPTIONS", store.S3_OPTIONS | closed)


def test_a_run_without_its_store_fails_and_says_where_it_lies(frozen_here, play, settings, away):
    play(TRAIN)

    ended = supervised(frozen_here)

    assert (ended.state, ended.failure_reason) == ("failed", "no_store")
    assert ended.failure_message.startswith(f"The artefact store {settings.ARTIFACT_URL} does not do as asked")
    assert str(settings.RUNS_DIR / str(ended.pk) / "1") in ended.failure_message
    assert not Checkpoint.objects.filter(run=ended).exists()


def test_a_page_says_that_the_store_is_away_and_nothing_is_frozen(client, mia, project, comparisons, away):
    client.force_login(mia)
    page = reverse("freeze", args=[project.slug])

    answer = client.post(page, {"test_rate": "0.5", "label": "votes"})

    assert answer.status_code == 503
    assert "The artefact store does not answer" in answer.content.decode()
    assert not Snapshot.objects.exists()


def test_the_api_says_that_the_store_is_away(client, mia, project, comparisons, away):
    client.force_login(mia)
    path = f"/api/v1/projects/{project.slug}/snapshots/"

    answer = client.post(path, "{}", content_type="application/json")

    assert answer.status_code == 503
    assert answer.json()["errors"][0]["message"].startswith("The artefact store does not answer")


def test_the_page_of_a_run_says_that_the_store_is_away(client, mia, frozen_here, away):
    Run.objects.filter(pk=frozen_here.pk).update(state="failed", failure_reason="lost", fence=1)
    client.force_login(mia)

    page = client.get(reverse("run", args=[frozen_here.pk]))

    assert page.status_code == 200
    assert "does not do as asked" in page.content.decode()


@pytest.mark.parametrize(
    ("value", "said"),
    [("ftp://x/y", "expected s3://bucket/prefix or file:///folder"), ("relative/path", "expected s3://")],
)
def test_an_address_that_is_none_is_refused_at_the_start(value, said, tmp_path):
    env = {"PATH": "/usr/bin:/bin", "CONCORD_DATA_DIR": str(tmp_path), "ARTIFACT_URL": value}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], env=env, cwd=django_settings.BASE_DIR, capture_output=True, text=True
    )

    assert done.returncode != 0
    assert said in done.stderr
