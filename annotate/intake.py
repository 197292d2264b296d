"""Files of prompts, comparisons and rankings → rows; all or nothing, errors by file, line and field.

A file is read once, in batches, in one transaction that the first fault turns back; reading goes on to the end to name
every fault. Nothing holds the file in memory. Importing the same line again is counted as a duplicate and changes
nothing. Rows are checked and written by comparison_intake and ranking_intake.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from annotate import bulk, events, jsonlines, ranking_intake, ranking_rows, rows, statistics
from annotate.comparison_intake import ComparisonStore, PromptStore
from annotate.formats import files, shapes
from annotate.formats.columns import Mapped
from annotate.jsonlines import Faults, FieldError, IntakeError, LineError
from annotate.models import Assignment, Comparison, Completion, Project, Prompt, Ranking
from annotate.ranking_rows import RankingRow
from annotate.rows import ComparisonRow, PromptRow

__all__ = ["KINDS", "IntakeError", "Kind", "LineError", "Report", "add_comparisons", "import_file", "import_rows"]

BATCH = 1000
FILLED = {
    "prompts": (Prompt,),
    "comparisons": (Prompt, Comparison, Completion, Assignment),
    "rankings": (Assignment, Ranking),
}
ANALYZED_EVERY = 8
"""Planners are told when a part has grown so many times: else they look each batch of a million up by reading all."""
SHOWN_ROWS = 5
Row = ComparisonRow | PromptRow | RankingRow
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
    "ranked": Kind(
        "Prompts with completions and the rankings made on them",
        "Each line is a comparison with its `rankings`, as an export of Concord, Label Studio or Argilla holds them. "
        "Every comparison gets as many places as it has rankings, unless `overlap` says more.",
        '{"id": "c1", "prompt": "Name three rivers.", "completions": ["Rhine, Nile, Amazon.", "I like rivers."], '
        '"rankings": [{"annotator": "w17", "ranking": [["a"], ["b"]]}]}',
    ),
}


@dataclass(frozen=True)
class Report:
    """What an import did, or would do; `rankings` is the second half of a «ranked» file."""

    kind: str
    line_count: int
    new_count: int
    duplicate_count: int
    annotator_count: int = 0
    is_dry_run: bool = False
    first_rows: tuple[Row, ...] = ()
    rankings: "Report | None" = None

    @property
    def sentence(self) -> str:
        people = f" by {self.annotator_count:,} annotators" if self.kind == "rankings" else ""
        known = f"; {self.duplicate_count:,} were there already" if self.duplicate_count else ""
        dry = "Dry run, nothing was written: " if self.is_dry_run else ""
        then = f" {self.rankings.sentence}" if self.rankings else ""
        return f"{dry}{self.line_count:,} lines read: {self.new_count:,} new {self.kind}{people}{known}.{then}"


class Store(Protocol[T]):
    """How one kind of row is checked against the database and written; one for each kind."""

    def check(self, batch: Sequence[tuple[int, T]], faults: Faults) -> None:
        """Add a fault for each row that the file or the database contradicts. Writes nothing."""

    def save(self, batch: Sequence[T]) -> int:
        """Store the rows that are not there yet and return how many those were."""


def import_file(
    path: Path,
    *,
    kind: str,
    project: Project,
    name: str = "",
    shape: str = shapes.OWN,
    mapped: Mapped = Mapped(),  # noqa: B008  frozen
    is_dry_run: bool = False,
    by: User | None = None,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Import a file, or a datasets folder, into a project. Raises IntakeError, and then nothing was imported.

    A dry run does all that the import would do and takes it back. `progress` is told (bytes done, bytes in all).
    """
    source = _Source(path, name or path.name, shape, kind, mapped)
    faults = Faults(source.name)
    parts = ["comparisons", "rankings"] if kind == "ranked" else [kind]
    meter = _Meter(len(parts) * files.size(path), progress)
    try:
        with transaction.atomic():
            reports = [_import_part(source, part, project, by, faults, meter) for part in parts]
            for report in reports:
                events.import_finished(
                    project, kind=report.kind, row_count=report.line_count, new_count=report.new_count
                )
            transaction.set_rollback(is_dry_run)
    except IntegrityError as problem:
        faults.add(0, "", "something else wrote to these rows during the import; nothing was imported. Try again.")
        raise IntakeError(faults.kept, faults.count) from problem
    progress(meter.total, meter.total)
    return replace(reports[0], is_dry_run=is_dry_run, rankings=reports[1] if kind == "ranked" else None)


def import_rows(values: Sequence[object], *, kind: str, project: Project, by: User | None = None) -> Report:
    """Import objects that are in memory, as import_file does a file's lines; an error's line is the index, from 0.

    Raises IntakeError, and then nothing was imported; IntegrityError where something else wrote to the same rows.
    """
    parse = {"comparisons": rows.comparison, "prompts": rows.prompt}[kind]
    store = _store(kind, project, by=by)
    faults = Faults("", unit="row")
    found = []
    for index, value in enumerate(values):
        try:
            found.append((index, parse(jsonlines.object_of(value, ""))))
        except FieldError as fault:
            faults.add(index, fault.field, fault.message)
    store.check(found, faults)
    faults.raise_if_any()
    with transaction.atomic():
        new_count = store.save([row for _, row in found])
        events.import_finished(project, kind=kind, row_count=len(found), new_count=new_count)
    return Report(kind, len(found), new_count, len(found) - new_count)


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
        return ComparisonStore(project, source=source).save(batch)


@dataclass(frozen=True)
class _Source:
    """A file and how it is to be read."""

    path: Path
    name: str
    shape: str
    kind: str
    mapped: Mapped

    def rows(self, part: str, faults: Faults, meter: "_Meter") -> Iterator[tuple[int, Row]]:
        """Yield (line, checked row); what is wrong goes to `faults`."""
        parse = {"comparisons": rows.comparison, "prompts": rows.prompt, "rankings": ranking_rows.ranking}[part]
        how = {"shape": self.shape, "kind": self.kind, "mapped": self.mapped, "part": part}
        is_table = files.is_table(self.path, name=self.name)
        for line, record in files.objects(self.path, faults, name=self.name, progress=meter.advance):
            try:
                for values in shapes.parts(record, is_table=is_table, **how):
                    yield line, parse(values)
            except FieldError as fault:
                faults.add(line, fault.field, fault.message)


def _import_part(
    source: _Source, part: str, project: Project, by: User | None, faults: Faults, meter: "_Meter"
) -> Report:
    """Check and store a part of a file, batch by batch; after the first fault nothing more is stored, only checked."""
    store = _store(part, project, by=by)
    line_count = new_count = analyzed_count = 0
    first_rows: list[Row] = []
    for batch in _batches(source.rows(part, faults, meter)):
        line_count += len(batch)
        first_rows += [row for _, row in batch[: SHOWN_ROWS - len(first_rows)]]
        store.check(batch, faults)
        if not faults.count:
            new_count += store.save([row for _, row in batch])
        if new_count >= max(BATCH, ANALYZED_EVERY * analyzed_count):
            bulk.analyze(*FILLED[part])
            analyzed_count = new_count
    faults.raise_if_any()
    if new_count > analyzed_count and new_count >= BATCH:
        bulk.analyze(*FILLED[part])
    people = 0
    if isinstance(store, ranking_intake.RankingStore):
        people = len(store.annotators)
        statistics.recount(store.ranked_ids)
    return Report(part, line_count, new_count, line_count - new_count, people, first_rows=tuple(first_rows))


def _store(part: str, project: Project, *, by: User | None) -> "Store":
    if part == "comparisons":
        return ComparisonStore(project, by=by)
    return PromptStore(project) if part == "prompts" else ranking_intake.RankingStore(project)


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
