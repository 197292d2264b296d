"""Where artefacts lie for every machine: the data directory itself, or a store that it is a cache of (ARTIFACT_URL).

An artefact is a directory with a manifest; its path below the data directory is its key in the store. Its files go up
one by one, the manifest last: before that nothing is there. What is fetched is verified before it gets its name here.
A path is written by one machine only (a fence is in it, or the sha256 of its manifest), so no two ever disagree.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import fsspec
from django.conf import settings

from rlhf.contract import rundir
from rlhf.contract.rundir import MANIFEST, BadArtefact

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # without the extra s3
    FAULTS: tuple[type[Exception], ...] = (OSError,)
else:
    FAULTS = (OSError, BotoCoreError, ClientError)
"""What a store raises: OSError, and of S3 what its library did not translate."""
S3_OPTIONS = {
    "use_listings_cache": False,
    "config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"total_max_attempts": 3}},
}
SHOWN = ".shown"
"""The folder of the data directory for files of runs that are executed elsewhere, as they were when last looked at."""
COPY_DAYS = 7


class Unreachable(Exception):
    """The store does not answer or refuses; the message names it and what it said."""


def is_apart() -> bool:
    """Whether artefacts are kept elsewhere than in the data directory."""
    return bool(settings.ARTIFACT_URL)


def keep(directory: Path) -> None:
    """Bring a directory to the store, by its manifest; what is there already stays. Raises Unreachable."""
    if not is_apart():
        return
    manifest = directory / MANIFEST
    with _store() as (files, root):
        there = f"{root}/{_key(directory)}"
        if _read(files, f"{there}/{MANIFEST}") == manifest.read_bytes():
            return
        for name in (*json.loads(manifest.read_text(encoding="utf-8"))["files"], MANIFEST):
            _send(files, directory / name, f"{there}/{name}")


def fetch(directory: Path, *, manifest_sha256: str = "") -> Path:
    """Return a directory that is here, from the store where it was not. Raises BadArtefact and Unreachable."""
    if not is_apart() or (directory / MANIFEST).is_file():
        return directory
    work = directory.with_name(f".{directory.name}.{uuid4().hex}")
    try:
        with _store() as (files, root):
            _bring(files, f"{root}/{_key(directory)}", work)
        rundir.verify_manifest(work, expected_sha256=manifest_sha256)
        _rename(work, directory)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return directory


def settle(directory: Path, target: Path) -> None:
    """Move a finished directory to its place, here and in the store; bytes that are there already stay.

    Raises BadArtefact and Unreachable.
    """
    if target.is_dir():
        rundir.verify_manifest(target)
    else:
        shutil.move(directory, target)
    keep(target)


def drop(directory: Path) -> None:
    """Remove a directory from here and from the store, its manifest first: it is whole or gone. Raises Unreachable."""
    (directory / MANIFEST).unlink(missing_ok=True)
    if directory.exists():
        shutil.rmtree(directory)
    if is_apart():
        with _store() as (files, root):
            there = f"{root}/{_key(directory)}"
            if files.exists(f"{there}/{MANIFEST}"):
                files.rm_file(f"{there}/{MANIFEST}")
            if files.exists(there):
                files.rm(there, recursive=True)


def has(directory: Path) -> bool:
    """Whether the store has a whole directory, wherever else it is. Raises Unreachable."""
    with _store() as (files, root):
        return bool(files.exists(f"{root}/{_key(directory)}/{MANIFEST}"))


def forget(directory: Path) -> None:
    """Remove the copy here of what the store has."""
    (directory / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(directory)


def files_below(directory: Path) -> dict[Path, os.stat_result]:
    """Return the files in a directory and below, with their size and times; what goes away meanwhile is left out."""
    found = {}
    for here, _, names in os.walk(directory):
        for path in (Path(here) / name for name in names):
            with suppress(FileNotFoundError):
                found[path] = path.stat()
    return found


def age_seconds(directory: Path) -> float:
    """Return for how long nothing in a directory changed, here or else in the store; 0 for none. Raises Unreachable."""
    if times := [about.st_mtime for about in files_below(directory).values()]:
        return time.time() - max(times)
    if not is_apart():
        return 0.0
    with _store() as (files, root):
        dates = [files.modified(path) for path in files.find(f"{root}/{_key(directory)}")]
        return (datetime.now(UTC) - max(dates)).total_seconds() if dates else 0.0


def send(path: Path) -> None:
    """Bring one file to the store as it is now. Raises Unreachable."""
    if is_apart():
        with _store() as (files, root):
            _send(files, path, f"{root}/{_key(path)}")


def shown(path: Path) -> Path:
    """Return where a file of a run can be read that may be of another machine: it, or a copy as it was last sent.

    Where there is none the path returned does not exist. Raises Unreachable.
    """
    if path.exists() or not is_apart():
        return path
    with _store() as (files, root):
        there = f"{root}/{_key(path)}"
        try:
            about = files.info(there)
        except FileNotFoundError:
            return path
        facts = [str(about.get(name)) for name in ("size", "ETag", "LastModified", "mtime")]
        version = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
        copy = settings.DATA_DIR / SHOWN / _key(path) / version
        if not copy.exists():
            shutil.rmtree(copy.parent, ignore_errors=True)
            work = copy.parent.with_name(f".{uuid4().hex}")
            work.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(there, str(work))
            _rename(work, copy)
            _forget_copies()
        os.utime(copy)
        return copy


def _forget_copies() -> None:
    """Remove the copies that nobody has looked at for COPY_DAYS."""
    long_ago = time.time() - COPY_DAYS * 86_400
    for path, about in files_below(settings.DATA_DIR / SHOWN).items():
        if about.st_mtime < long_ago:
            path.unlink(missing_ok=True)


def listed(folder: Path) -> dict[Path, int]:
    """Return the files below a folder that the store has, with their bytes; none without one. Raises Unreachable."""
    if not is_apart():
        return {}
    with _store() as (files, root):
        found = files.find(f"{root}/{_key(folder)}", detail=True)
        return {settings.DATA_DIR / name.removeprefix(root).lstrip("/"): at["size"] for name, at in found.items()}


def copy(path: Path, target: Path) -> None:
    """Copy one file, from here or from the store. Raises FileNotFoundError and Unreachable."""
    if path.exists() or not is_apart():
        shutil.copyfile(path, target)
        return
    with _store() as (files, root):
        there = f"{root}/{_key(path)}"
        if is_there := files.exists(there):
            files.get_file(there, str(target))
    if not is_there:
        raise FileNotFoundError(f"{there} is not in the store, and not on this machine.")


@contextmanager
def _store() -> Iterator[tuple[fsspec.AbstractFileSystem, str]]:
    try:
        options = S3_OPTIONS if settings.ARTIFACT_URL.startswith("s3:") else {}
        files, root = fsspec.core.url_to_fs(settings.ARTIFACT_URL, **options)
        yield files, root.rstrip("/")
    except FAULTS as problem:
        said = f"{type(problem).__name__}: {problem}"[:300]
        raise Unreachable(f"The artefact store {settings.ARTIFACT_URL} does not do as asked ({said}).") from problem


def _key(path: Path) -> str:
    return path.relative_to(settings.DATA_DIR).as_posix()


def _read(files: fsspec.AbstractFileSystem, there: str) -> bytes:
    try:
        return bytes(files.cat_file(there))
    except FileNotFoundError:
        return b""


def _send(files: fsspec.AbstractFileSystem, path: Path, there: str) -> None:
    """Send a file; in a store it appears whole, in a folder by renaming."""
    if not isinstance(files, fsspec.get_filesystem_class("file")):
        files.put_file(str(path), there)
        return
    target = Path(there)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.with_name(f".{target.name}.{uuid4().hex}")
    shutil.copyfile(path, work)
    work.replace(target)


def _bring(files: fsspec.AbstractFileSystem, there: str, work: Path) -> None:
    manifest = _read(files, f"{there}/{MANIFEST}")
    if not manifest:
        raise BadArtefact(f"{there} is not in the artefact store, and not on this machine.")
    work.mkdir(parents=True)
    (work / MANIFEST).write_bytes(manifest)
    for name in json.loads(manifest)["files"]:
        target = work / name
        if not target.resolve().is_relative_to(work.resolve()):
            raise BadArtefact(f"{there}/{MANIFEST} names a file outside its directory: {name[:80]}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            files.get_file(f"{there}/{name}", str(target))
        except FileNotFoundError:
            raise BadArtefact(f"{there}/{name} is missing.") from None


def _rename(work: Path, target: Path) -> None:
    """Give what is whole its name. Where another process was faster, its bytes are the same; a torso is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        work.replace(target)
    except OSError:
        if not (target / MANIFEST).is_file():
            shutil.rmtree(target)
            work.replace(target)
