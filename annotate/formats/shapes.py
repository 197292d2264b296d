"""The shapes a file's records may have, by name, and how the parts of a record are had from each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from annotate.formats import argilla, columns, label_studio, oasst, own, transcripts, ultrafeedback
from annotate.formats.columns import Mapped
from annotate.jsonlines import FieldError, Json

Part = Callable[[Json], Iterator[Json]]
OWN = "concord"


@dataclass(frozen=True)
class Shape:
    """A shape, for the import form, and its readers."""

    label: str
    help: str
    comparisons: Part
    rankings: Part


SHAPES = {
    OWN: Shape("Concord's columns, or yours mapped to them", "", own.comparisons, own.rankings),
    "ultrafeedback": Shape(
        "UltraFeedback", "binarized or with `completions`", ultrafeedback.comparisons, ultrafeedback.rankings
    ),
    "hh-rlhf": Shape("HH-RLHF", "`chosen` and `rejected` transcripts", transcripts.comparisons, transcripts.rankings),
    "oasst": Shape("OASST", "message trees with ranked replies", oasst.comparisons, oasst.rankings),
    "label-studio": Shape("Label Studio", "JSON with a Ranker", label_studio.comparisons, label_studio.rankings),
    "argilla": Shape("Argilla", "JSON with a ranking question", argilla.comparisons, argilla.rankings),
}


def parts(record: Json, *, shape: str, kind: str, part: str, mapped: Mapped, is_table: bool) -> Iterator[Json]:
    """Yield the objects of a record that annotate.rows reads as a `part` («comparisons», «rankings», «prompts»).

    `kind` is what the whole file holds: «ranked» is comparisons with their rankings. Raises FieldError.
    """
    if shape == OWN:
        named = mapped.record(record, kind=kind)
        mine = columns.cells(named) if is_table else named
        if kind != "ranked":
            yield mine
            return
        record = mine
    elif kind == "prompts":
        raise FieldError(
            "", f"{SHAPES[shape].label} files are read for comparisons and rankings, not for prompts alone."
        )
    if part == "rankings":
        yield from SHAPES[shape].rankings(record)
        return
    places = {"overlap": max(1, len(list(SHAPES[shape].rankings(record))))} if kind == "ranked" else {}
    for comparison in SHAPES[shape].comparisons(record):
        yield places | comparison
