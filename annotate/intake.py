"""Files of prompts, comparisons and rankings → rows; all or nothing, errors by file, line and field.

A file is read twice: once to find every fault (nothing is written), once to store it in one transaction, in batches, so
neither pass holds it in memory. Importing the same line again is counted as a duplicate and changes nothing. The only
writer of Prompt, Comparison and Completion; places, people, rankings and demonstrations go through their own writers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from django.db import IntegrityError, transaction

from annotate import assignments, demonstrations, jsonlines, ranking_intake, rows
from annotate.jsonlines import Faults, FieldError, IntakeError, LineError
from annotate.models import Comparison, Completion, Project, Prompt
from annotate.rows import ComparisonRow, PromptRow

__all__ = ["KINDS", "IntakeError", "Kind", "LineError", "Report", "add_comparisons", "import_file"]

BATCH = 500
T = TypeVar("T")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Kind:
    """What a file may hold, for the import form."""

    label: str
    help: str
    example: str


KINDS = {
    "comparisons": Kind(
        "Prompts with completions to rank",
        "Each line is one comparison of 2-9 completions (2 in a pairwise project, 0-9 for ideal outputs). "
        "`prompt` is a text or a list of messages; `id`, `prompt_id`, `category`, `language`, `overlap` and each "
        "completion's `id` and `model` may be left out.",
        '{"id": "c1", "prompt": "Name three rivers.", "completions": '
        '[{"id": "a", "text": "Rhine, Nile, Amazon.", "model": "sft-1"}, {"id": "b", "text": "I like rivers."}]}',
    ),
    "prompts": Kind(
        "Prompts only, with or without an ideal output",
        "Each line is one prompt to sample completions for; `demonstration` (the ideal output) becomes SFT data.",
        '{"id": "p1", "prompt": "Name three rivers.", "category": "list", "language": "en", '
        '"demonstration": "The Rhine, the Nile and the Amazon."}',
    ),
    "rankings": Kind(
        "Rankings or pairwise votes made elsewhere",
        "Each line is one annotator's verdict on a comparison imported before: `ranking` (best first; ids in one "
        "bracket are a tie), or `chosen` and `rejected`, or `tie`.",
        '{"comparison": "c1", "annotator": "w17", "ranking": [["a"], ["b", "c"]], '
        '"submitted_at": "2026-03-01T10:00:00Z", "seconds": 41}',
    ),
}


@dataclass(frozen=True)
class Report:
    """What an import did."""

    kind: str
    line_count: int
    new_count: int
    duplicate_count: int
    annotator_count: int = 0

    @property
    def sentence(self) -> str:
        people = f" by {self.annotator_count:,} annotators" if self.kind == "rankings" else ""
        known = f"; {self.duplicate_count:,} were there already" if self.duplicate_count else ""
        return f"{self.line_count:,} lines read: {self.new_count:,} new {self.kind}{people}{known}."


class Store(Protocol[T]):
    """How one kind of row is checked against the database and written; one for each kind."""

    def check(self, batch: Sequence[tuple[int, T]], faults: Faults) -> None:
        """Add a fault for each row that the file or the database contradicts. Writes nothing."""

    def save(self, batch: Sequence[T]) -> int:
        """Store the rows that are not there yet and return how many those were."""


def import_file(
    path: Path, *, kind: str, project: Project, name: str = "", progress: Progress = lambda done, total: None
) -> Report:
    """Import a JSON Lines file into a project. Raises IntakeError, and then nothing was imported.

    `progress` is told (bytes done, bytes in all) over both passes.
    """
    parse, store = _parser_and_store(kind, project)
    faults = Faults(name or path.name)
    meter = _Meter(2 * path.stat().st_size, progress)
    line_count = 0
    for batch in _batches(jsonlines.read(path, faults, parse, progress=meter.advance)):
        line_count += len(batch)
        store.check(batch, faults)
    faults.raise_if_any()
    try:
        with transaction.atomic():
            again = jsonlines.read(path, faults, parse, progress=meter.advance)
            new_count = sum(store.save([row for _, row in batch]) for batch in _batches(again))
    except IntegrityError as problem:
        faults.add(0, "", "something else wrote to these rows during the import; nothing was imported. Try again.")
        raise IntakeError(faults.kept, faults.count) from problem
    progress(meter.total, meter.total)
    people = len(store.annotators) if isinstance(store, ranking_intake.RankingStore) else 0
    return Report(kind, line_count, new_count, line_count - new_count, people)


def add_comparisons(project: Project, batch: Sequence[ComparisonRow], *, source: str) -> int:
    """Add comparisons that Concord made itself (sampled completions) and return how many were new.

    Safe to repeat: rows whose external_id is there already are left as they are. Raises FieldError where a text cannot
    be stored or says nothing.
    """
    for row in batch:
        if problem := rows.count_fault(row, project.task):
            raise FieldError(f"{row.external_id}.completions", problem)
        for completion in row.completions:
            jsonlines.text(completion.text, f"{row.external_id}.{completion.external_id}")
    with transaction.atomic():
        return _ComparisonStore(project, source=source).save(batch)


def _parser_and_store(kind: str, project: Project):  # the parser's rows are what the store takes
    if kind == "comparisons":
        return rows.comparison, _ComparisonStore(project)
    if kind == "prompts":
        return rows.prompt, _PromptStore(project)
    if kind == "rankings":
        return rows.ranking, ranking_intake.RankingStore(project)
    raise ValueError(f"kind: expected one of {', '.join(KINDS)}; got {kind!r}.")


@dataclass
class _PromptStore:
    project: Project
    first_line: dict[str, tuple[int, str]] = field(default_factory=dict)

    def check(self, batch: Sequence[tuple[int, PromptRow]], faults: Faults) -> None:
        known = _known_prompts(self.project, [row for _, row in batch])
        for line, row in batch:
            first, sha256 = self.first_line.setdefault(row.external_id, (line, row.text_sha256))
            if first != line:
                faults.add(line, "id", f"{row.external_id!r} is also the id of line {first}.")
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
class _ComparisonStore:
    project: Project
    source: str = ""
    first_line: dict[str, tuple[int, str]] = field(default_factory=dict)
    prompt_texts: dict[str, tuple[int, str]] = field(default_factory=dict)

    def check(self, batch: Sequence[tuple[int, ComparisonRow]], faults: Faults) -> None:
        known = self._known([row for _, row in batch])
        known_prompts = _known_prompts(self.project, [row.prompt for _, row in batch])
        for line, row in batch:
            first, fingerprint = self.first_line.setdefault(row.external_id, (line, row.fingerprint))
            if first != line:
                same = "the same" if fingerprint == row.fingerprint else "another"
                faults.add(line, "id", f"{row.external_id!r} is also the id of line {first}, with {same} content.")
            elif known.get(row.external_id, row.fingerprint) != row.fingerprint:
                faults.add(line, "id", f"{row.external_id!r} is in this project already with other content.")
            if problem := rows.count_fault(row, self.project.task):
                faults.add(line, "completions", problem)
            self._check_prompt(line, row.prompt, known_prompts.get(row.prompt.external_id), faults)

    def _check_prompt(self, line: int, row: PromptRow, known: Prompt | None, faults: Faults) -> None:
        first, sha256 = self.prompt_texts.setdefault(row.external_id, (line, row.text_sha256))
        if sha256 != row.text_sha256:
            faults.add(line, "prompt_id", f"{row.external_id!r} stands for another text in line {first}.")
        elif known and known.messages != row.as_messages:
            faults.add(line, "prompt_id", f"{row.external_id!r} is in this project already with another text.")

    def save(self, batch: Sequence[ComparisonRow]) -> int:
        known = self._known(batch)
        new = [row for row in batch if row.external_id not in known]
        prompts = _save_prompts(self.project, [row.prompt for row in new])
        comparisons = Comparison.objects.bulk_create(
            Comparison(
                project=self.project,
                prompt=prompts[row.prompt.external_id],
                external_id=row.external_id,
                overlap=row.overlap or self.project.overlap,
                source=self.source,
                fingerprint=row.fingerprint,
            )
            for row in new
        )
        Completion.objects.bulk_create(
            Completion(comparison=comparison, external_id=c.external_id, text=c.text, source=c.source)
            for comparison, row in zip(comparisons, new, strict=True)
            for c in row.completions
        )
        assignments.open_places(comparisons)
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
    made = Prompt.objects.bulk_create(
        Prompt(
            project=project,
            external_id=name,
            messages=row.as_messages,
            text_sha256=row.text_sha256,
            category=row.category,
            language=row.language,
        )
        for name, row in missing.items()
    )
    return prompts | {prompt.external_id: prompt for prompt in made}


def _batches(found: Iterable[tuple[int, T]]) -> Iterator[list[tuple[int, T]]]:
    stream = iter(found)
    while batch := list(islice(stream, BATCH)):
        yield batch


@dataclass
class _Meter:
    """Adds up bytes and tells `progress` about a hundred times."""

    total: int
    progress: Progress
    done: int = 0
    told: int = 0

    def advance(self, count: int) -> None:
        self.done += count
        if (self.done - self.told) * 100 >= self.total:
            self.told = self.done
            self.progress(self.done, self.total)
