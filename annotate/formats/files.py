"""What kind of file is it? Its first bytes decide, then its name; then its records come as a stream of objects."""

from collections.abc import Callable, Iterator
from pathlib import Path

from django.utils.module_loading import import_string

from annotate import jsonlines
from annotate.formats import csv_table, json_list
from annotate.jsonlines import Faults, Json

ARROW_SIGNATURES = (b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")  # Parquet, Arrow file, Arrow stream
Records = Iterator[tuple[int, Json]]


def objects(path: Path, faults: Faults, *, name: str, progress: Callable[[int], None]) -> Records:
    """Yield (line or record number, object) of a file or folder; what cannot be read goes to `faults`."""
    if _is_arrow(path):
        read_arrow = import_string("annotate.formats.arrow.objects")  # with pyarrow: only where it is used
        return read_arrow(path, faults, progress=progress)
    if _is_csv(name):
        return csv_table.objects(path, faults, progress=progress)
    if Path(name).suffix.lower() == ".json" and json_list.is_list(path):
        return json_list.objects(path, faults, progress=progress)
    return jsonlines.objects(path, faults, progress=progress)


def is_table(path: Path, *, name: str) -> bool:
    """Say whether the records are rows of a table, whose cells may hold lists as JSON text."""
    return _is_arrow(path) or _is_csv(name)


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(one.stat().st_size for one in path.rglob("*")) if path.is_dir() else path.stat().st_size


def _is_csv(name: str) -> bool:
    return Path(name).suffix.lower() in (".csv", ".tsv")


def _is_arrow(path: Path) -> bool:
    if path.is_dir():
        return True
    with path.open("rb") as file:
        return file.read(6).startswith(ARROW_SIGNATURES)
