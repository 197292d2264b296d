"""Where snapshots, runs and checkpoints lie, and the only writer of Checkpoint."""

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from annotate import audit
from annotate.models import Project
from rlhf import store
from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact
from rlhf.models import Checkpoint, Run, Snapshot


def path_of(checkpoint: Checkpoint) -> Path:
    """Return a checkpoint's directory, brought here if it was not. Raises BadArtefact and store.Unreachable."""
    if checkpoint.weights_removed_at:
        raise BadArtefact(f"The weights of {checkpoint} were removed on {checkpoint.weights_removed_at:%Y-%m-%d}.")
    return store.fetch(settings.DATA_DIR / checkpoint.path, manifest_sha256=checkpoint.manifest_sha256)


def snapshot_directory(snapshot: Snapshot) -> Path:
    """Return a snapshot's directory, brought here if it was not. Raises BadArtefact and store.Unreachable.

    In it are preferences.parquet, prompts.jsonl, demonstrations.jsonl and manifest.json.
    """
    return store.fetch(settings.SNAPSHOTS_DIR / snapshot.sha256, manifest_sha256=snapshot.sha256)


def run_directory(run: Run) -> Path | None:
    """Return the directory of a run's current attempt, or None before the first.

    The fence is in the path: a worker that lost its run goes on writing where nobody looks.
    """
    return settings.RUNS_DIR / str(run.pk) / str(run.fence) if run.fence else None


def remove_weights(checkpoint: Checkpoint) -> None:
    """Remove a checkpoint's files, here and in the store; its row stays and says so. Raises store.Unreachable."""
    with transaction.atomic():
        Checkpoint.objects.filter(pk=checkpoint.pk).update(weights_removed_at=Now())
        told = {"name": checkpoint.name, "bytes": checkpoint.size_bytes, "sha256": checkpoint.manifest_sha256}
        audit.record(audit.Kind.WEIGHTS_REMOVED, f"checkpoint {checkpoint.pk}", before=told)
    store.drop(settings.DATA_DIR / checkpoint.path)


def verify(checkpoint: Checkpoint) -> None:
    """Raise BadArtefact unless every file of a checkpoint is as it was recorded."""
    rundir.verify_manifest(path_of(checkpoint), expected_sha256=checkpoint.manifest_sha256)


def register_base(directory: Path, *, name: str, project: Project | None = None) -> Checkpoint:
    """Record a base model that lies below the data directory; the same one again returns the same row.

    Raises BadArtefact and store.Unreachable.
    """
    manifest_sha256 = rundir.sha256_of(directory / rundir.MANIFEST)
    known = Checkpoint.objects.filter(manifest_sha256=manifest_sha256, project=project, run=None).first()
    if known:
        return known
    store.keep(directory)
    return _record(directory, name=name, project=project, kinds={Checkpoint.Kind.BASE})


def record_of_run(run: Run, directory: Path, *, kind: str) -> Checkpoint:
    """Record the checkpoint that a run left, which is in the store. Raises BadArtefact, also for another kind."""
    name = f"{run.get_stage_display()} · run {run.pk}"
    parent = None if run.config.get("weights") == "new" else run.base  # it gave its tokenizer only
    return _record(directory, name=name, project=run.project, kinds={kind}, run=run, parent=parent)


def _record(
    directory: Path,
    *,
    name: str,
    project: Project | None,
    kinds: set[str],
    run: Run | None = None,
    parent: Checkpoint | None = None,
) -> Checkpoint:
    manifest = rundir.verify_manifest(directory)
    kind = str(manifest.get("kind"))
    if kind not in kinds:
        raise BadArtefact(f"{directory} holds a model of kind {kind!r}; expected {' or '.join(sorted(kinds))}.")
    if not manifest.get("tokenizer_sha256"):
        raise BadArtefact(f"{directory} names no tokenizer in its manifest.")
    return Checkpoint.objects.create(
        project=project,
        kind=kind,
        name=name,
        run=run,
        parent=parent,
        path=directory.resolve().relative_to(settings.DATA_DIR).as_posix(),
        manifest_sha256=rundir.sha256_of(directory / rundir.MANIFEST),
        tokenizer_sha256=str(manifest["tokenizer_sha256"]),
        size_bytes=sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()),
    )
