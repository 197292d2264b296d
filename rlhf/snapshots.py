"""Freeze a project's prompts, demonstrations and preferences into immutable files: the only writer of Snapshot.

The directory is named by the sha256 of its manifest, which holds the sha256 of each file: the same rows and filters
give the same bytes, the same directory and the same row. Training reads these files, never the live tables.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from annotate import audit, influence, preferences
from annotate.models import Project
from annotate.preferences import SEED, TEST_RATE, TIE_LIKELY, VOTES, Beliefs, Preference, Splits, by_reason
from rlhf import store
from rlhf.contract import records, rundir
from rlhf.contract.records import DemonstrationRecord, PreferenceRecord, PromptRecord
from rlhf.models import Snapshot

TELL_EACH = 1000


class NothingToFreeze(Exception):
    """The project has nothing a run could use; the message says what to do."""


def freeze(
    project: Project,
    *,
    by: User | None,
    test_rate: float = TEST_RATE,
    label: str = VOTES,
    tell: Callable[[str], None] = lambda doing: None,
) -> Snapshot:
    """Freeze a project as it stands and return the snapshot; an unchanged project returns the one it has.

    `test_rate` is the share of prompts held out, decided by each prompt's text; `label` is what q rests on (see
    preferences.beliefs); `tell` is called with what is being done. Raises NothingToFreeze.
    """
    if not project.prompts.exists():
        raise NothingToFreeze("This project has no prompts yet. Import prompts or comparisons, then freeze.")
    settings.SNAPSHOTS_DIR.mkdir(parents=True, exist_ok=True)
    tell("it reads the votes")
    believed = preferences.beliefs(project, label=label)
    with tempfile.TemporaryDirectory(dir=settings.SNAPSHOTS_DIR) as work:
        directory = Path(work) / "snapshot"
        directory.mkdir()
        tell("it looks for votes that steer the rest")
        gate = _gate(project, believed)
        found = preferences.splits(project, test_rate=test_rate)
        counts = _write(project, believed, directory, found, tell)
        counts["ceiling"] = preferences.ceiling(project, believed.votes)
        filters = {"test_rate": test_rate, "label": label, "seed": SEED, "fit_id": believed.fit_id}
        facts = {"project": project.slug, "filters": filters, "counts": counts}
        sha256 = rundir.write_manifest(directory, facts | {"has_simulated": believed.has_simulated})
        store.settle(directory, settings.SNAPSHOTS_DIR / sha256)
    defaults = {"filters": filters, "counts": counts, "has_simulated": believed.has_simulated, "created_by": by}
    with transaction.atomic():
        snapshot, is_new = Snapshot.objects.get_or_create(
            project=project, sha256=sha256, defaults=defaults | {"gate": gate}
        )
        if snapshot.gate is None:  # frozen before there was a gate
            snapshot.gate = gate
            snapshot.save(update_fields=["gate"])
        told = {"snapshot": snapshot.pk, "sha256": sha256, "is_new": is_new, "findings": len(snapshot.findings)}
        audit.record(audit.Kind.FROZEN, f"project {project.slug}", after=told)
    return snapshot


def sign(snapshot: Snapshot, *, reason: str, by: User) -> bool:
    """Let stages learn from a snapshot in spite of what its gate found; False where nothing holds it back."""
    with transaction.atomic():
        held = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
        if not held.is_held_back:
            return False
        held.signed_by, held.signed_at, held.signed_reason = by, timezone.now(), reason
        held.save(update_fields=["signed_by", "signed_at", "signed_reason"])
        told = {"reason": reason, "findings": [one["phrase"] for one in held.findings]}
        audit.record(audit.Kind.SNAPSHOT_SIGNED, f"snapshot {held.pk}", after=told)
        return True


def reconciliation(counts: dict[str, Any]) -> str:
    """Say how rankings became rows: what counts a snapshot keeps, as a sentence. Ties stay in, and are counted."""
    left_out = counts.get("left_out", {})
    aside = f" ({sum(left_out.values()):,} more left out{by_reason(left_out)})" if any(left_out.values()) else ""
    ruled = f" and {counts['rulings']:,} rulings" if counts["rulings"] else ""
    excluded = f"{sum(counts['excluded'].values()):,} excluded{by_reason(counts['excluded'])}"
    return (
        f"{counts['rankings']:,} rankings{aside}{ruled} → {counts['ranked_pairs']:,} pairs − 0 ties − {excluded} "
        f"= {counts['pairs']:,} rows, {counts['ties']:,} of them likely ties."
    )


def _gate(project: Project, believed: Beliefs) -> dict[str, Any]:
    """Return what the gate says of the votes, as the row keeps it."""
    found = influence.report(project, believed)
    return asdict(found) | {"findings": [asdict(one) | {"sentence": one.sentence} for one in found.findings]}


def _write(
    project: Project, believed: Beliefs, directory: Path, found: Splits, tell: Callable[[str], None]
) -> dict[str, object]:
    """Write the three files and return the counts, which reconcile: pairs = ranked_pairs - excluded."""
    prompts, shown, excluded, pairs = Counter(), Counter(), Counter(), Counter()
    tell("it writes the prompts")
    records.write_jsonl(directory / "prompts.jsonl", _counted(_prompts(project, found), prompts))
    records.write_jsonl(directory / "demonstrations.jsonl", _counted(_demonstrations(project, found), shown))
    made = preferences.stream(project, believed, splits=found, excluded=excluded)
    write_parquet = import_string("rlhf.parquet.write")  # not with this module: see there
    written = _told(map(_record, made), believed.pair_count, tell)
    write_parquet(directory / "preferences.parquet", written, pairs, tie_likely=TIE_LIKELY)
    return {
        "prompts": prompts.total(),
        "prompts_train": prompts["train"],
        "prompts_test": prompts["test"],
        "demonstrations": shown["train"],
        "comparisons": len(believed.verdicts),
        "rankings": believed.ranking_count,
        "rulings": believed.ruling_count,
        "left_out": dict(sorted(believed.left_out.items())),
        "ranked_pairs": believed.pair_count,
        "pairs": pairs["train"] + pairs["test"],
        "pairs_train": pairs["train"],
        "pairs_test": pairs["test"],
        "ties": pairs["ties"],
        "excluded": dict(sorted(excluded.items())),
    }


def _told(made: Iterator[PreferenceRecord], total: int, tell: Callable[[str], None]) -> Iterator[PreferenceRecord]:
    for at, record in enumerate(made):
        if at % TELL_EACH == 0:
            tell(f"{at:,} of about {total:,} pairs are written")
        yield record


def _counted(
    found: Iterator[PromptRecord] | Iterator[DemonstrationRecord], counts: Counter[str]
) -> Iterator[PromptRecord | DemonstrationRecord]:
    for record in found:
        counts[record.split] += 1
        yield record


def _prompts(project: Project, found: Splits) -> Iterator[PromptRecord]:
    for prompt in preferences.prompts(project):
        yield PromptRecord(prompt.external_id, prompt.messages, prompt.category, prompt.language, found.of(prompt))


def _demonstrations(project: Project, found: Splits) -> Iterator[DemonstrationRecord]:
    for shown in preferences.demonstrations(project):
        yield DemonstrationRecord(shown.prompt.external_id, shown.prompt.messages, shown.text, found.of(shown.prompt))


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
        n_eff=preference.n_eff,
        weight=preference.weight,
        category=preference.prompt.category,
        guideline=preference.guideline,
        split=preference.split,
    )
