"""Back up and restore: the database and the files that its rows speak of, under one manifest of sha256 sums.

The database is written first and the files after it: a file lies in its place before the row that speaks of it is
committed, so whatever the dump speaks of is among the files. Neither is the state of a running trainer: a run that was
running is over after a restore.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from annotate import sealing
from operations import dumps
from operations.retention import folders
from rlhf import runs, store
from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact
from rlhf.models import Checkpoint, Corpus, Snapshot

DATA, KEY = "data", "secret_key"
SKIPPED = {"state"}
"""Of runs: where an interrupted trainer would go on. It changes while it is copied, and its run does not go on."""
SPARE_BYTES = 256 * 2**20


class Refused(Exception):
    """Nothing was written; the message says why and what to do."""


def back_up(target: Path) -> dict[str, int]:
    """Write a backup into a directory that is not there yet; return how many files and bytes.

    Raises Refused, and store.Unreachable.
    """
    if target.exists():
        raise Refused(f"{target} is there already. Name a directory that is not.")
    if not target.parent.is_dir():
        raise Refused(f"{target.parent} is no directory. Make it first.")
    _has_room(target.parent)
    work = target.with_name(f".{target.name}.partial")
    shutil.rmtree(work, ignore_errors=True)  # of a backup that was broken off
    work.mkdir(mode=0o700)
    seal = sealing.seal()
    dumps.dump(work)
    for path in _data_files():
        _copy(path, work / DATA / path.relative_to(settings.DATA_DIR))
    _copy(settings.DATA_DIR / KEY, work / KEY)
    about = {"made_at": datetime.now(UTC).isoformat(), "migrations": _migrations(), "audit_seal": seal}
    rundir.write_manifest(work, about)
    sizes = [path.stat().st_size for path in work.rglob("*") if path.is_file()]
    os.sync()
    work.rename(target)
    return {"files": len(sizes), "bytes": sum(sizes)}


def restore(source: Path) -> list[str]:
    """Bring a backup into an empty database and data directory and return what does not hold then; [] is well.

    Everything is checked against the manifest before anything is written. Raises Refused.
    """
    try:
        about = rundir.verify_manifest(source)
    except BadArtefact as problem:
        raise Refused(f"The backup is not whole: {problem}") from None
    if not dumps.is_empty():
        raise Refused("The database has tables. Restore into an empty one; nothing is ever overwritten.")
    if held := [path.name for path in folders() if path.is_dir() and any(path.iterdir())]:
        raise Refused(f"{settings.DATA_DIR} holds {', '.join(held)} already. Restore into an empty CONCORD_DATA_DIR.")
    if held := [path.name for path in folders() if store.listed(path)]:
        raise Refused(f"{settings.ARTIFACT_URL} holds {', '.join(held)} already. Restore into an empty ARTIFACT_URL.")
    _has_room(settings.DATA_DIR, of=source)
    for path in _files(source / DATA):
        target = settings.DATA_DIR / path.relative_to(source / DATA)
        _copy(path, target)
        store.send(target)
    _copy(source / KEY, settings.DATA_DIR / KEY)
    dumps.load(source)
    runs.fail_restored()
    return missing() + _of_the_log(about.get("audit_seal", ""))


def missing() -> list[str]:
    """Return a sentence for each file that a row speaks of and that is not there as it was recorded."""
    return [sentence for sentence in (*_of_freezes(), *_of_checkpoints()) if sentence]


def _of_the_log(seal: str) -> list[str]:
    """Hold the audit log against the seal that a backup carries; an older backup carries none."""
    problem = sealing.verify({"the backup's manifest": seal} if seal else {}).problem
    return [problem] if problem else []


def _of_freezes() -> Iterator[str]:
    for row, folder in ((Snapshot, settings.SNAPSHOTS_DIR), (Corpus, settings.CORPORA_DIR)):
        for sha256 in row.objects.values_list("sha256", flat=True).distinct():
            yield _problem(folder / sha256, sha256)


def _of_checkpoints() -> Iterator[str]:
    for checkpoint in Checkpoint.objects.filter(weights_removed_at=None).order_by("pk"):
        yield _problem(settings.DATA_DIR / checkpoint.path, checkpoint.manifest_sha256)


def _problem(directory: Path, sha256: str) -> str:
    try:
        rundir.verify_manifest(store.fetch(directory, manifest_sha256=sha256), expected_sha256=sha256)
    except BadArtefact as problem:
        return str(problem)
    return ""


def _data_files() -> dict[Path, int]:
    """The files to keep with their bytes: those here, and those that only the store has."""
    here = {path: size for folder in folders() for path, size in _sizes(folder).items()}
    there = {path: size for folder in folders() for path, size in store.listed(folder).items()}
    return {path: size for path, size in there.items() if not SKIPPED & set(path.parts)} | here


def _sizes(folder: Path) -> dict[Path, int]:
    found = {}
    for path in _files(folder):
        with suppress(FileNotFoundError):  # a run removed it meanwhile: what rows speak of is never removed
            found[path] = path.stat().st_size
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder; those that are still being made have a name that begins with a dot or tmp."""
    for here, names, files in os.walk(folder):
        names[:] = [name for name in names if name not in SKIPPED and not name.startswith((".", "tmp"))]
        yield from (Path(here) / name for name in sorted(files) if not name.startswith("."))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        store.copy(source, target)
        if source.exists():
            shutil.copymode(source, target)
    except FileNotFoundError:
        if source.exists():
            raise  # else a run removed it meanwhile: what rows speak of is never removed


def _has_room(directory: Path, of: Path | None = None) -> None:
    sizes = (_sizes(of) if of else _data_files()).values()
    needed = sum(sizes) + SPARE_BYTES
    if (free := shutil.disk_usage(directory).free) < needed:
        raise Refused(f"{directory} has {free / 2**30:.1f} GiB free; {needed / 2**30:.1f} GiB are needed.")


def _migrations() -> list[str]:
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)
