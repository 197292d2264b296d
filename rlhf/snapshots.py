"""Freeze a project's prompts, demonstrations and preferences into immutable files: the only writer of Snapshot.

The directory is named by the sha256 of its manifest, which holds the sha256 of each file: the same rows and filters
give the same bytes, the same directory and the same row. Training reads these files, never the live tables.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.module_loading import import_string

from annotate import preferences
from annotate.models import Project
from annotate.preferences import TIE_LIKELY, Beliefs, Preference
from rlhf.contract import records, rundir
from rlhf.contract.records import DemonstrationRecord, PreferenceRecord, PromptRecord
from rlhf.models import Snapshot

TEST_RATE = 0.25


class NothingToFreeze(Exception):
    """The project has nothing a run could use; the message says what to do."""


def freeze(project: Project, *, by: User | None, test_rate: float = TEST_RATE) -> Snapshot:
    """Freeze a project as it stands and return the snapshot; an unchanged project returns the one it has.

    `test_rate` is the share of prompts held out, decided by each prompt's text. Raises NothingToFreeze.
    """
    if not project.prompts.exists():
        raise NothingToFreeze("This project has no prompts yet. Import prompts or comparisons, then freeze.")
    settings.SNAPSHOTS_DIR.mkdir(parents=True, exist_ok=True)
    believed = preferences.beliefs(project)
    with tempfile.TemporaryDirectory(dir=settings.SNAPSHOTS_DIR) as work:
        directory = Path(work) / "snapshot"
        directory.mkdir()
        counts = _write(project, believed, directory, test_rate=test_rate)
        filters = {"test_rate": test_rate}
        sha256 = rundir.write_manifest(directory, {"project": project.slug, "filters": filters, "counts": counts})
        _keep(directory, settings.SNAPSHOTS_DIR / sha256)
    snapshot, _ = Snapshot.objects.get_or_create(
        project=project,
        sha256=sha256,
        defaults={
            "filters": filters,
            "counts": counts,
            "has_simulated": believed.has_simulated,
            "created_by": by,
        },
    )
    return snapshot


def _write(project: Project, believed: Beliefs, directory: Path, *, test_rate: float) -> dict[str, object]:
    """Write the three files and return the counts, which reconcile: pairs = ranked_pairs - excluded."""
    prompts, shown, excluded, pairs = Counter(), Counter(), Counter(), Counter()
    records.write_jsonl(directory / "prompts.jsonl", _counted(_prompts(project, test_rate), prompts))
    records.write_jsonl(directory / "demonstrations.jsonl", _counted(_demonstrations(project, test_rate), shown))
    found = preferences.stream(project, believed, test_rate=test_rate, excluded=excluded)
    write_parquet = import_string("rlhf.parquet.write")  # not with this module: see there
    write_parquet(directory / "preferences.parquet", map(_record, found), pairs, tie_likely=TIE_LIKELY)
    return {
        "prompts": prompts.total(),
        "prompts_train": prompts["train"],
        "prompts_test": prompts["test"],
        "demonstrations": shown["train"],
        "comparisons": len(believed.verdicts),
        "rankings": believed.ranking_count,
        "rulings": believed.ruling_count,
        "ranked_pairs": sum(map(len, believed.verdicts.values())),
        "pairs": pairs["train"] + pairs["test"],
        "pairs_train": pairs["train"],
        "pairs_test": pairs["test"],
        "ties": pairs["ties"],
        "excluded": dict(sorted(excluded.items())),
    }


def _keep(directory: Path, target: Path) -> None:
    """Move a finished directory to its place; bytes that are there already stay."""
    if target.is_dir():
        rundir.verify_manifest(target)
        return
    shutil.move(directory, target)


def _counted(
    found: Iterator[PromptRecord] | Iterator[DemonstrationRecord], counts: Counter[str]
) -> Iterator[PromptRecord | DemonstrationRecord]:
    for record in found:
        counts[record.split] += 1
        yield record


def _prompts(project: Project, test_rate: float) -> Iterator[PromptRecord]:
    for prompt in preferences.prompts(project):
        split = preferences.split_of(prompt, test_rate=test_rate)
        yield PromptRecord(prompt.external_id, prompt.messages, prompt.category, prompt.language, split)


def _demonstrations(project: Project, test_rate: float) -> Iterator[DemonstrationRecord]:
    for shown in preferences.demonstrations(project):
        split = preferences.split_of(shown.prompt, test_rate=test_rate)
        yield DemonstrationRecord(shown.prompt.external_id, shown.prompt.messages, shown.text, split)


def _record(preference: Preference) -> PreferenceRecord:
    return PreferenceRecord(
        prompt_id=preference.prompt.external_id,
        prompt=json.dumps(preference.prompt.messages, ensure_ascii=False),
        chosen=preference.chosen,
        rejected=preference.rejected,
        q=preference.q,
        margin=preference.margin,
        p_tie=preference.p_tie,
        n_votes=preference.n_votes,
        weight=preference.weight,
        category=preference.prompt.category,
        guideline=preference.guideline,
        split=preference.split,
    )
