"""Prompts and comparisons: checked against the project they come into, then stored with their places and keys.

The only writer of Prompt, Comparison and Completion; places, keys and demonstrations go through their own writers.
"""

import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User

from annotate import assignments, bulk, demonstrations, gold, rows
from annotate.jsonlines import Faults
from annotate.models import Comparison, Completion, Project, Prompt
from annotate.rows import ComparisonRow, PromptRow


@dataclass
class PromptStore:
    """The `intake.Store` of prompts."""

    project: Project
    first_line: dict[str, tuple[int, str]] = field(default_factory=dict)

    def check(self, batch: Sequence[tuple[int, PromptRow]], faults: Faults) -> None:
        known = _known_prompts(self.project, [row for _, row in batch])
        for line, row in batch:
            first, sha256 = self.first_line.setdefault(row.external_id, (line, row.text_sha256))
            if first != line:
                faults.add(line, "id", f"{row.external_id!r} is also the id of {faults.unit} {first}.")
            if row.external_id in known and known[row.external_id].messages != row.as_messages:
                faults.add(line, "id", f"{row.external_id!r} is in this project already with another text.")

    def save(self, batch: Sequence[PromptRow]) -> int:
        before = len(_known_prompts(self.project, batch))
        prompts = _save_prompts(self.project, batch)
        demonstrations.store_imported(
            {prompts[row.external_id]: row.demonstration for row in batch if row.demonstration}
        )
        return len(prompts) - before


@dataclass
class ComparisonStore:
    """The `intake.Store` of comparisons; `source` is the run that made them, `by` who brings their keys."""

    project: Project
    source: str = ""
    by: User | None = None
    first_line: dict[str, tuple[int, str]] = field(default_factory=dict)
    prompt_texts: dict[str, tuple[int, str]] = field(default_factory=dict)

    def check(self, batch: Sequence[tuple[int, ComparisonRow]], faults: Faults) -> None:
        known = self._known([row for _, row in batch])
        known_prompts = _known_prompts(self.project, [row.prompt for _, row in batch])
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
        prompts = _save_prompts(self.project, [row.prompt for row in new])
        comparisons = _save_comparisons(self.project, new, prompts, source=self.source)
        completion_ids = _save_completions(comparisons, new)
        assignments.open_places(comparisons)
        for comparison, row, ids in zip(comparisons, new, completion_ids, strict=True):
            if row.key:
                tiers = [[ids[name] for name in tier] for tier in row.key]
                gold.add(comparison, tiers, reason=row.key_reason, by=self.by)
        return len(new)

    def _known(self, batch: Sequence[ComparisonRow]) -> dict[str, str]:
        there = Comparison.objects.filter(project=self.project, external_id__in=[row.external_id for row in batch])
        return dict(there.values_list("external_id", "fingerprint"))


def _known_prompts(project: Project, batch: Sequence[PromptRow]) -> dict[str, Prompt]:
    there = Prompt.objects.filter(project=project, external_id__in={row.external_id for row in batch})
    return {prompt.external_id: prompt for prompt in there}


def _save_prompts(project: Project, batch: Sequence[PromptRow]) -> dict[str, Prompt]:
    """Return the prompts of a batch by external id, storing those that are missing."""
    prompts = _known_prompts(project, batch)
    missing = {row.external_id: row for row in batch if row.external_id not in prompts}
    made = [
        Prompt(
            pk=pk,
            project=project,
            external_id=name,
            messages=row.as_messages,
            text_sha256=row.text_sha256,
            category=row.category,
            language=row.language,
        )
        for pk, (name, row) in zip(bulk.new_ids(Prompt, len(missing)), missing.items(), strict=True)
    ]
    columns = ["id", "project_id", "external_id", "messages", "text_sha256", "category", "language"]
    bulk.insert(
        Prompt,
        columns,
        (
            (p.pk, project.pk, p.external_id, json.dumps(p.messages), p.text_sha256, p.category, p.language)
            for p in made
        ),
    )
    return prompts | {prompt.external_id: prompt for prompt in made}


def _save_comparisons(
    project: Project, new: Sequence[ComparisonRow], prompts: Mapping[str, Prompt], *, source: str
) -> list[Comparison]:
    made = [
        Comparison(
            pk=pk,
            project=project,
            prompt=prompts[row.prompt.external_id],
            external_id=row.external_id,
            use=row.use,
            overlap=row.overlap or project.overlap,
            priority=row.priority,
            source=source,
            fingerprint=row.fingerprint,
        )
        for pk, row in zip(bulk.new_ids(Comparison, len(new)), new, strict=True)
    ]
    columns = ["id", "project_id", "prompt_id", "external_id", "use", "overlap", "priority", "source", "fingerprint"]
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
