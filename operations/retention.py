"""What nobody needs any more, by rules, with why: shown first, removed when asked to.

What a row speaks of stays, but for weights that nothing was made from, and those only when asked for (`keep`): their
rows stay and say that the weights were removed. What is being made has a day.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from annotate import uploads
from rlhf import artefacts, store
from rlhf.models import Checkpoint, Corpus, Run, Snapshot

BEING_MADE_SECONDS = 24 * 3600
OVER = [Run.State.SUCCEEDED, Run.State.FAILED, Run.State.CANCELLED]


@dataclass(frozen=True)
class Item:
    """Something that may go: its path (in the store, too), its bytes, why, and how."""

    path: Path
    size: int
    why: str
    remove: Callable[[], None]


def plan(*, days: int, keep: int | None = None) -> list[Item]:
    """Return what may go. Raises store.Unreachable.

    `days` is how long what failed can still be resumed and what is cached stays; `keep` how many of the newest
    checkpoints of a kind every project keeps its weights of, None to keep all.
    """
    known = _Files()
    found = [*_of_runs(known, days=days), *_unspoken(known), *_uploads(), *_cached(days=days)]
    if keep is not None:
        found += _weights(known, keep=keep, days=days)
    return [item for item in found if item.size or item.path.exists()]


class _Files:
    """What lies below the four folders, here and in the store: the bytes of each directory, and what is in it."""

    def __init__(self) -> None:
        self._bytes: Counter[Path] = Counter()
        self._inside: dict[Path, set[Path]] = defaultdict(set)
        for folder in folders():
            here = {path: about.st_size for path, about in store.files_below(folder).items()}
            for path, size in (store.listed(folder) | here).items():
                self._add(path.parent, size)

    def _add(self, directory: Path, size: int) -> None:
        while directory != settings.DATA_DIR:
            self._bytes[directory] += size
            self._inside[directory.parent].add(directory)
            directory = directory.parent

    def below(self, directory: Path) -> int:
        return self._bytes[directory]

    def children(self, folder: Path) -> set[Path]:
        """The directories in a folder that hold anything."""
        return self._inside[folder]


def folders() -> list[Path]:
    return [settings.SNAPSHOTS_DIR, settings.CORPORA_DIR, settings.MODELS_DIR, settings.RUNS_DIR]


def _of_runs(known: _Files, *, days: int) -> Iterator[Item]:
    """Saved states that nobody goes on from, and the attempts before the one that succeeded."""
    long_ago = timezone.now() - timedelta(days=days)
    for run in Run.objects.filter(state__in=OVER).order_by("pk"):
        is_done = run.state == Run.State.SUCCEEDED
        for attempt in sorted(known.children(settings.RUNS_DIR / str(run.pk))):
            is_earlier = attempt.name != str(run.fence)
            if is_done and is_earlier:
                yield _directory(known, attempt, f"an attempt before the one that succeeded (run {run.pk})")
            elif is_done:
                yield _directory(known, attempt / "state", f"saved states of run {run.pk}, which succeeded")
            elif run.finished_at and run.finished_at < long_ago:
                why = f"saved states of run {run.pk}, which {run.state} more than {days} days ago"
                yield _directory(known, attempt / "state", why)


def _unspoken(known: _Files) -> Iterator[Item]:
    """Directories that no row speaks of: of a freeze or run that was broken off, or of a row that was deleted."""
    spoken = {settings.SNAPSHOTS_DIR / sha256 for sha256 in Snapshot.objects.values_list("sha256", flat=True)}
    spoken |= {settings.CORPORA_DIR / sha256 for sha256 in Corpus.objects.values_list("sha256", flat=True)}
    spoken |= {settings.RUNS_DIR / str(pk) for pk in Run.objects.values_list("pk", flat=True)}
    spoken |= {settings.DATA_DIR / path for path in Checkpoint.objects.values_list("path", flat=True)}
    for folder in folders():
        for directory in sorted(known.children(folder) - spoken):
            if store.age_seconds(directory) > BEING_MADE_SECONDS:
                yield _directory(known, directory, "no row speaks of it")


def _uploads() -> Iterator[Item]:
    for path in uploads.left_over():
        with suppress(FileNotFoundError):  # a request that uploads removes them, too
            size = path.stat().st_size
            yield Item(path, size, "an upload that was broken off", partial(path.unlink, missing_ok=True))


def _cached(*, days: int) -> Iterator[Item]:
    """Copies of what the store has: they are fetched again when somebody needs them."""
    if not store.is_apart():
        return
    long_ago = time.time() - 24 * 3600 * days
    made = [settings.DATA_DIR / path for path in Checkpoint.objects.values_list("path", flat=True)]
    made += [folder / name.name for folder in folders()[:2] if folder.is_dir() for name in folder.iterdir()]
    for directory in sorted(set(made)):
        if directory.is_dir() and directory.stat().st_mtime < long_ago and store.has(directory):
            size = sum(about.st_size for about in store.files_below(directory).values())
            yield Item(directory, size, "a copy of what the artefact store has", lambda at=directory: store.forget(at))


def _weights(known: _Files, *, keep: int, days: int) -> Iterator[Item]:
    """Weights that a run left and nothing was made from, but for the newest of each project and kind."""
    for one in Checkpoint.objects.exclude(weights_removed_at=None):  # the store was away when they should have gone
        path = settings.DATA_DIR / one.path
        yield _directory(known, path, f"weights of {one}, removed before, but not to the end")
    long_ago, kept = timezone.now() - timedelta(days=days), {}
    for one in Checkpoint.objects.filter(run__isnull=False, weights_removed_at=None).order_by("-pk"):
        place = (one.project_id, one.kind)
        kept[place] = kept.get(place, 0) + 1
        if kept[place] <= keep or one.created_at > long_ago or _is_used(one):
            continue
        why = f"weights of {one}, which nothing was made from"
        path = settings.DATA_DIR / one.path
        yield Item(path, known.below(path), why, lambda at=one: artefacts.remove_weights(at))


def _is_used(one: Checkpoint) -> bool:
    """Whether another checkpoint came from it, or a run reads it that is not over or that left something."""
    reads = Q(base=one) | Q(reward_model=one) | Q(baseline=one) | Q(watcher=one)
    matters = ~Q(state__in=OVER) | Q(checkpoint__isnull=False)
    return one.children.exists() or Run.objects.filter(reads & matters).exists()


def _directory(known: _Files, path: Path, why: str) -> Item:
    return Item(path, known.below(path), why, lambda: store.drop(path))
