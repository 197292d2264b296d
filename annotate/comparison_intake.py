"""Prompts and comparisons: checked against the project they come into, then stored with their places and keys.

The only writer of Prompt, Comparison and Completion; places, keys and demonstrations go through their own writers.
"""

import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotate import assignments, bulk, demonstrations, gold, rows
from annotate.jsonlines import Faults
from annotate.models import Comparison, Completion, Project, Prompt
from annotate.rows import ComparisonRow, PromptRow


def withdraw(prompt: Prompt) -> None:
    """Take a prompt back: it is handed out no more and makes no labels; what was said of it stays on record."""
    with transaction.atomic():
        if Prompt.objects.filter(pk=prompt.pk, withdrawn_at__isnull=True).update(withdrawn_at=timezone.now()):
            assignments.close_places(prompt)


def restore(prompt: Prompt) -> None:
    """Bring a withdrawn prompt back, with the places of its comparisons that are not filled."""
    with transaction.atomic():
        if Prompt.objects.filter(pk=prompt.pk, withdrawn_at__isnull=False).update(withdrawn_at=None):
            assignments.restore_places(prompt)


@dataclass
class _Prompts:
    """The prompts of a project: those it had before, asked of the database, and those that this import has stored."""

    project: Project
    made: dict[str, int] = field(default_factory=dict)

    @cached_property
    def is_first(self) -> bool:
        """Whether the project had none, and so there is nothing to ask."""
        return not Prompt.objects.filter(project=self.project).exists()

    def before(self, batch: Sequence[PromptRow]) -> dict[str, Prompt]:
        """Return those of a batch that were there before this import."""
        if self.is_first:
            return {}
        there = Prompt.objects.filter(project=self.project, external_id__in={row.external_id for row in batch})
        return {prompt.external_id: prompt for prompt in there}

    def save(self, batch: Sequence[PromptRow]) -> dict[str, int]:
        """Return the ids of a batch's prompts by external id, storing those that are missing."""
        known = {name: prompt.pk for name, prompt in self.before(batch).items()}
        known |= {row.external_id: self.made[row.external_id] for row in batch if row.external_id in self.made}
        missing = {row.external_id: row for row in batch if row.external_id not in known}
        made = dict(zip(missing, bulk.new_ids(Prompt, len(missing)), strict=True))
        _insert_prompts(self.project, missing, made)
        self.made |= made
        return known | made


@dataclass
class PromptStore:
    """The `intake.Store` of prompts."""

    project: Project
    first_line: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prompts = _Prompts(self.project)

    def check(self, batch: Sequence[tuple[int, PromptRow]], faults: Faults) -> None:
        known = self.prompts.before([row for _, row in batch])
        for line, row in batch:
            first, sha256 = self.first_line.setdefault(row.external_id, (line, row.text_sha256))
            if first != line:
                faults.add(line, "id", f"{row.external_id!r} is also the id of {faults.unit} {first}.")
            if row.external_id in known and known[row.external_id].messages != row.as_messages:
                faults.add(line, "id", f"{row.external_id!r} is in this project already with another text.")

    def save(self, batch: Sequence[PromptRow]) -> int:
        before = len(self.prompts.made)
        ids = self.prompts.save(batch)
        texts = {Prompt(pk=ids[row.external_id]): row.demonstration for row in batch if row.demonstration}
        demonstrations.store_imported(texts)
        return len(self.prompts.made) - before


@dataclass
class ComparisonStore:
    """The `intake.Store` of comparisons; `source` is the run that made them, `by` who brings their keys."""

    project: Project
    source: str = ""
    by: User | None = None
    first_line: dict[str, tuple[int, str]] = field(default_factory=dict)
    prompt_texts: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prompts = _Prompts(self.project)

    @cached_property
    def is_first(self) -> bool:
        """Whether the project had no comparisons, and so there is nothing to ask."""
        return not Comparison.objects.filter(project=self.project).exists()

    def check(self, batch: Sequence[tuple[int, ComparisonRow]], faults: Faults) -> None:
        known = self._known([row for _, row in batch])
        known_prompts = self.prompts.before([row.prompt for _, row in batch])
        for line, row in batch:
            first, fingerprint = self.first_line.setdefault(row.external_id, (line, row.fingerprint))
            if first != line:
                same = "the same" if fingerprint == row.fingerprint else "another"
                faults.add(
                    line, "id", f"{row.external_id!r} is also the id of {faults.unit} {first}, with {same} content."
                )
            elif known.get(row.external_id, row.fingerprint) != row.fingerprint:
                faults.add(line, "id", f"{row.external_id!r} is in this project already with other content.")
            if problem := rows.count_fault(row, self.project.task):
                faults.add(line, "completions", problem)
            if problem := rows.use_fault(row, self.project.task):
                faults.add(line, "use", problem)
            self._check_prompt(line, row.prompt, known_prompts.get(row.prompt.external_id), faults)

    def _check_prompt(self, line: int, row: PromptRow, known: Prompt | None, faults: Faults) -> None:
        first, sha256 = self.prompt_texts.setdefault(row.external_id, (line, row.text_sha256))
        if sha256 != row.text_sha256:
            faults.add(line, "prompt_id", f"{row.external_id!r} stands for another text in {faults.unit} {first}.")
        elif known and known.messages != row.as_messages:
            faults.add(line, "prompt_id", f"{row.external_id!r} is in this project already with another text.")

    def save(self, batch: Sequence[ComparisonRow]) -> int:
        known = self._known(batch)
        new = [row for row in batch if row.external_id not in known]
        prompts = self.prompts.save([row.prompt for row in new])
        comparisons = _save_comparisons(self.project, new, prompts, source=self.source)
        completion_ids = _save_completions(comparisons, new)
        assignments.open_places(comparisons)
        for comparison, row, ids in zip(comparisons, new, completion_ids, strict=True):
            if row.key:
                tiers = [[ids[name] for name in tier] for tier in row.key]
                gold.add(comparison, tiers, reason=row.key_reason, by=self.by)
        return len(new)

    def _known(self, batch: Sequence[ComparisonRow]) -> dict[str, str]:
        """Return the fingerprints of those that were there before; of this import's own, `check` knows."""
        if self.is_first:
            return {}
        there = Comparison.objects.filter(project=self.project, external_id__in=[row.external_id for row in batch])
        return dict(there.values_list("external_id", "fingerprint"))


def _insert_prompts(project: Project, new: Mapping[str, PromptRow], ids: Mapping[str, int]) -> None:
    found = (
        (ids[name], project.pk, name, json.dumps(row.as_messages), row.text_sha256, row.category, row.language)
        for name, row in new.items()
    )
    bulk.insert(Prompt, ["id", "project_id", "external_id", "messages", "text_sha256", "category", "language"], found)


def _save_comparisons(
    project: Project, new: Sequence[ComparisonRow], prompts: Mapping[str, int], *, source: str
) -> list[Comparison]:
    made = [
        Comparison(
            pk=pk,
            project_id=project.pk,
            prompt_id=prompts[row.prompt.external_id],
            external_id=row.external_id,
            use=row.use,
            overlap=row.overlap or project.overlap,
            priority=row.priority,
            cohort=row.cohort,
            source=source,
            fingerprint=row.fingerprint,
        )
        for pk, row in zip(bulk.new_ids(Comparison, len(new)), new, strict=True)
    ]
    about = ["id", "project_id", "prompt_id", "external_id", "source", "fingerprint"]
    columns = [*about, "use", "overlap", "priority", "cohort"]
    bulk.insert(Comparison, columns, (operator.attrgetter(*columns)(comparison) for comparison in made))
    return made


def _save_completions(comparisons: Sequence[Comparison], new: Sequence[ComparisonRow]) -> list[dict[str, int]]:
    """Store the completions of new comparisons and return their ids by external id, for each comparison."""
    ids = iter(bulk.new_ids(Completion, sum(len(row.completions) for row in new)))
    made = [{c.external_id: next(ids) for c in row.completions} for row in new]
    found = (
        (pks[c.external_id], comparison.pk, c.external_id, c.text, c.source)
        for comparison, row, pks in zip(comparisons, new, made, strict=True)
        for c in row.completions
    )
    bulk.insert(Completion, ["id", "comparison_id", "external_id", "text", "source"], found)
    return made
