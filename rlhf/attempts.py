"""The attempts of a run: what an earlier one saved, and how the next goes on from there.

A trainer that saves states (checkpoint_every) leaves them under its attempt's directory, each with a manifest. The next
attempt has a directory and a fence of its own: it gets the newest state that verifies, and what was written down up to
that step, so it ends as if nothing had happened. The earlier attempt may still be writing: nobody reads what it adds.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from rlhf import store
from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact, RunDirectory
from rlhf.models import Run


@dataclass(frozen=True)
class Saved:
    """A state: after which step, where it lies, and the attempt that left it."""

    step: int
    state: Path
    directory: RunDirectory


def saved_states(run: Run) -> list[Saved]:
    """Return what a run's attempts saved, here and in the store, the latest step first; not yet verified or fetched.

    Raises store.Unreachable.
    """
    folder = settings.RUNS_DIR / str(run.pk)
    manifests = {*folder.glob(f"*/state/*/{rundir.MANIFEST}"), *store.listed(folder)}
    states = {path.parent for path in manifests if path.name == rundir.MANIFEST and path.parents[1].name == "state"}
    found = ((rundir.step_of(state), state, state.parents[1]) for state in states if state.parents[1].name.isdecimal())
    known = [Saved(step, state, RunDirectory(attempt)) for step, state, attempt in found if step is not None]
    return sorted(known, key=lambda one: (one.step, int(one.directory.path.name)), reverse=True)


def newest_state(run: Run) -> Saved | None:
    """Return the latest state that verifies, brought here; None where none does. Raises store.Unreachable."""
    for saved in saved_states(run):
        try:
            rundir.verify_manifest(store.fetch(saved.state))
        except (BadArtefact, OSError):  # damaged, or just making room for a newer one
            continue
        return saved
    return None


def refusal(run: Run) -> str:
    """Say why a run cannot be resumed, in a sentence; empty where it can."""
    if run.state not in {Run.State.FAILED, Run.State.CANCELLED}:
        return f"Run {run.pk} is {run.state}; only what failed or was cancelled can be resumed."
    if run.attempt >= settings.RUN_MAX_ATTEMPTS:
        return f"Run {run.pk} was taken up {run.attempt} times, the most allowed (RUN_MAX_ATTEMPTS). Start a new run."
    if run.config.get("checkpoint_every", 0) <= 0 and not saved_states(run):  # else it ended before its first one
        return f"Run {run.pk} left no saved state to go on from (see checkpoint_every). Start a new run."
    return ""


def go_on(saved: Saved | None, directory: RunDirectory) -> None:
    """Give a new attempt's directory what an earlier one had at a state; without one it begins anew, and says so."""
    said = "begins anew: there is no saved state that verifies"
    if saved:
        shutil.copytree(saved.state, directory.state / saved.state.name, copy_function=_link)
        for name in ("log", "metrics", "samples", "alarms"):
            if (source := store.shown(getattr(saved.directory, name))).exists():
                shutil.copyfile(source, getattr(directory, name))
        directory.forget_after(saved.step)
        said = f"goes on after step {saved.step}"
    with directory.log.open("a", encoding="utf-8") as log:
        log.write(f"\n--- this attempt {said}\n")


def _link(source: str, target: str) -> None:
    """Files of a state are written once: a link is as good as a copy, and gigabytes cheaper."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
