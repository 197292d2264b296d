"""What leaves a project, and in which form; streamed, and counted so that nothing is dropped in silence.

An export is made by walking through it: its reconciliation is true once its last chunk is out.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.utils.module_loading import import_string

from annotate import audit, preferences, ranked, redaction
from annotate.formats import argilla, csv_table, label_studio, oasst, transcripts, ultrafeedback
from annotate.jsonlines import Json
from annotate.models import Project
from annotate.preferences import TIE_LIKELY, Preference
from annotate.quality.tiers import midranks
from annotate.reconciling import Counts
from annotate.splits import splits

TABLES = {
    "comparisons": {
        "id": "text",
        "prompt_id": "text",
        "prompt": "text",
        "completions": "text",
        "category": "text",
        "language": "text",
        "overlap": "whole",
        "priority": "whole",
        "cohort": "text",
        "use": "text",
        "key": "text",
        "key_reason": "text",
    },
    "rankings": {
        "comparison": "text",
        "annotator": "text",
        "origin": "text",
        "ranking": "text",
        "unrankable": "text",
        "order": "text",
        "strength": "whole",
        "is_all_bad": "yes",
        "ratings": "text",
        "flags": "text",
        "aspects": "text",
        "spans": "text",
        "reason": "text",
        "seconds": "number",
        "active_seconds": "number",
        "submitted_at": "text",
        "revision": "whole",
        "guideline": "whole",
    },
    "preferences": {
        "prompt": "text",
        "chosen": "text",
        "rejected": "text",
        "q": "number",
        "margin": "number",
        "p_tie": "number",
        "n_votes": "whole",
        "n_eff": "number",
        "weight": "number",
        "category": "text",
        "guideline": "whole",
        "split": "text",
    },
    "demonstrations": {"id": "text", "prompt": "text", "demonstration": "text", "split": "text"},
}
"""The columns of what can be had as a table. Lists and messages are JSON text in their cells."""


@dataclass(frozen=True)
class What:
    """Something to export, for the form: `forms` are the files it can be had as."""

    label: str
    help: str
    forms: tuple[str, ...]


FORMS = {"jsonl": "JSON Lines", "csv": "CSV", "parquet": "Parquet", "hf": "Hugging Face datasets folder (zip)"}
JSON_ONLY, AS_TABLE = ("jsonl",), tuple(FORMS)
WHATS = {
    "rankings": What(
        "Rankings",
        "Every ranking with all that was said of it; lossless with reasons as written.",
        AS_TABLE,
    ),
    "preferences": What("Preferences", "Consensus pairs as TRL's RewardTrainer takes them, without ties.", AS_TABLE),
    "demonstrations": What("Demonstrations", "Ideal outputs to prompts, for supervised fine-tuning.", AS_TABLE),
    "comparisons": What("Comparisons", "Prompts with completions, keys included. Lossless.", AS_TABLE),
    "ranked": What("Comparisons with their rankings", "Both in one file; import it as such.", JSON_ONLY),
    "ultrafeedback": What("UltraFeedback, binarized", "Consensus pairs as conversations with scores.", JSON_ONLY),
    "hh-rlhf": What("HH-RLHF", "Consensus pairs as transcripts.", JSON_ONLY),
    "oasst": What("OASST", "Message trees; replies ranked by the mean of the votes, 0 the best.", JSON_ONLY),
    "argilla": What("Argilla", "Records with the responses of each annotator; ties are equal ranks.", JSON_ONLY),
    "label-studio": What("Label Studio", "Tasks with annotations; ties share a bucket.", JSON_ONLY),
}


@dataclass
class Export:
    """One export: `chunks` are its bytes, `counts` are right when they are out."""

    chunks: Iterator[bytes]
    counts: Counts
    file_name: str


class Unknown(Exception):
    """An export that does not exist; the message says which do."""


def export(project: Project, what: str, *, form: str = "jsonl", reasons: str = "none") -> Export:
    """Begin an export, with `reasons` as redaction.REASONS says. Raises Unknown."""
    counts = Counts(reasons=reasons)
    found = _checked_rows(project, what, form, counts)
    suffix = {"hf": "zip", "jsonl": "json" if what == "label-studio" else "jsonl"}.get(form, form)
    return Export(_chunks(found, what, form), counts, f"{project.slug}-{what}.{suffix}")


def count(project: Project, what: str, *, reasons: str = "none") -> Counts:
    """Walk through an export without writing it and return its reconciliation."""
    counts = Counts(reasons=reasons)
    for _ in _rows(project, what, counts):
        pass
    return counts


def write_folder(project: Project, what: str, directory: Path, *, reasons: str = "none") -> Counts:
    """Write a table as a folder that `datasets.load_from_disk` reads. Raises Unknown, or FileExistsError."""
    counts = Counts(reasons=reasons)
    found = _checked_rows(project, what, "hf", counts)
    directory.mkdir(parents=True)
    for name, chunks in import_string("annotate.formats.arrow.folder_files")(_cells(found), TABLES[what]):
        with (directory / name).open("wb") as file:
            file.writelines(chunks)
    return counts


def _checked_rows(project: Project, what: str, form: str, counts: Counts) -> Iterator[Json]:
    if what not in WHATS:
        raise Unknown(f"{what[:60]!r} is no export; there are {', '.join(WHATS)}.")
    if form not in WHATS[what].forms:
        raise Unknown(f"{what} cannot be had as {form[:60]!r}; there is {', '.join(WHATS[what].forms)}.")
    return _rows(project, what, counts)


def _rows(project: Project, what: str, counts: Counts) -> Iterator[Json]:
    """Yield the rows of an export and count them."""
    for row in _SOURCES[what](project, counts):
        counts.row_count += 1
        yield row


def _rankings(project: Project, counts: Counts) -> Iterator[Json]:
    counts.ranking_count = ranked.ranking_count(project)
    for row in ranked.rankings(project, counts.excluded):
        counts.said_count += 1
        yield redaction.with_reason(row, counts)


def _comparisons(project: Project, counts: Counts) -> Iterator[Json]:
    counts.ranking_count = ranked.ranking_count(project)
    counts.excluded["not part of this export"] = counts.ranking_count
    yield from ranked.comparisons(project)


def _demonstrations(project: Project, counts: Counts) -> Iterator[Json]:
    counts.ranking_count = ranked.ranking_count(project)
    counts.excluded["not part of this export"] = counts.ranking_count
    found = splits(project)
    for one in preferences.demonstrations(project):
        yield {
            "id": one.prompt.external_id,
            "prompt": one.prompt.messages,
            "demonstration": one.text,
            "split": found.of(one.prompt),
        }


def _ranked(write: Callable[[Json], Json]) -> Callable[[Project, Counts], Iterator[Json]]:
    """Return the source of an export of comparisons with rankings, each written by `write`."""

    def source(project: Project, counts: Counts) -> Iterator[Json]:
        counts.ranking_count = ranked.ranking_count(project)
        for one in ranked.ranked(project, counts.excluded):
            counts.said_count += len(one["rankings"])
            yield write(one | {"rankings": [redaction.with_reason(row, counts) for row in one["rankings"]]})

    return source


def _pairs(write: Callable[[Preference], Json]) -> Callable[[Project, Counts], Iterator[Json]]:
    """Return the source of an export of consensus pairs, each written by `write`; ties are counted and left out."""

    def source(project: Project, counts: Counts) -> Iterator[Json]:
        believed = preferences.beliefs(project)
        counts.ranking_count = believed.ranking_count
        counts.pair_count, counts.left_out = believed.pair_count, believed.left_out
        for pair in preferences.stream(project, believed, splits=splits(project), excluded=counts.excluded):
            if pair.p_tie > TIE_LIKELY or pair.q == 0.5:
                counts.tie_count += 1
            else:
                yield write(pair)

    return source


def _preference(pair: Preference) -> Json:
    """TRL's conversational columns: prompt, chosen and rejected are messages."""
    return {
        "prompt": pair.prompt.messages,
        "chosen": [{"role": "assistant", "content": pair.chosen}],
        "rejected": [{"role": "assistant", "content": pair.rejected}],
        "q": pair.q,
        "margin": pair.margin,
        "p_tie": pair.p_tie,
        "n_votes": pair.n_votes,
        "n_eff": pair.n_eff,
        "weight": pair.weight,
        "category": pair.prompt.category,
        "guideline": pair.guideline,
        "split": pair.split,
    }


def _binarized(pair: Preference) -> Json:
    return ultrafeedback.binarized(
        pair.prompt.external_id, pair.prompt.messages, pair.chosen, pair.rejected, round(pair.q, 6)
    )


def _transcripts(pair: Preference) -> Json:
    texts = {"chosen": pair.chosen, "rejected": pair.rejected}
    return {name: transcripts.transcript(pair.prompt.messages, text) for name, text in texts.items()}


def _tree(one: Json) -> Json:
    total: Counter[str] = Counter()
    for ranking in one["rankings"]:
        total.update(midranks(ranking["ranking"]))
    places = {value: place for place, value in enumerate(sorted(set(total.values())))}
    replies = [(c["id"], c["text"], places[total[c["id"]]]) for c in one["completions"]]
    return oasst.tree(one["id"], one["prompt"], one.get("language", ""), replies)


_SOURCES = {
    "rankings": _rankings,
    "comparisons": _comparisons,
    "demonstrations": _demonstrations,
    "ranked": _ranked(lambda one: one),
    "argilla": _ranked(argilla.record),
    "label-studio": _ranked(label_studio.task),
    "oasst": _ranked(_tree),
    "preferences": _pairs(_preference),
    "ultrafeedback": _pairs(_binarized),
    "hh-rlhf": _pairs(_transcripts),
}


def _chunks(rows: Iterator[Json], what: str, form: str) -> Iterator[bytes]:
    if form == "jsonl":
        return _json_list(rows) if what == "label-studio" else _json_lines(rows)
    if form == "csv":
        return csv_table.chunks(_cells(rows), list(TABLES[what]))
    if form == "parquet":
        return import_string("annotate.formats.arrow.parquet_chunks")(_cells(rows), TABLES[what])
    return import_string("annotate.formats.arrow.zip_chunks")(_cells(rows), TABLES[what])


def _cells(rows: Iterable[Json]) -> Iterator[Json]:
    """Yield rows whose lists and objects are JSON text."""
    for row in rows:
        yield {
            name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
            for name, value in row.items()
        }


def _json_lines(rows: Iterable[Json]) -> Iterator[bytes]:
    lines: list[str] = []
    size = 0
    for row in rows:
        lines.append(json.dumps(row, ensure_ascii=False))
        size += len(lines[-1])
        if size > 2**16:
            yield ("\n".join(lines) + "\n").encode()
            lines, size = [], 0
    yield "".join(f"{line}\n" for line in lines).encode()


def _json_list(rows: Iterable[Json]) -> Iterator[bytes]:
    """Label Studio imports one JSON list."""
    opening = b"[\n"
    for row in rows:
        yield opening + json.dumps(row, ensure_ascii=False).encode()
        opening = b",\n"
    yield b"\n]\n" if opening == b",\n" else b"[]\n"


def put_on_record(project: Project, what: str, *, form: str, reasons: str = "none") -> None:
    """Write into the audit log that an export was taken; when it begins, so that one broken off stands there, too."""
    with transaction.atomic():
        told = {"what": what, "form": form, "reasons": reasons}
        audit.record(audit.Kind.EXPORTED, f"project {project.slug}", after=told)
