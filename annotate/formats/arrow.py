"""Parquet files, Arrow files and Hugging Face datasets folders, in and out, with pyarrow alone.

A folder is what `Dataset.save_to_disk` writes (Arrow streams) or Parquet shards; splits follow each other by name.
Loaded only when such a file is read or written: pyarrow is 30 MB that an idle web process does not need.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from annotate.jsonlines import Faults, Json

ROWS_AT_A_TIME = 1000
READ_ROWS = 200  # of 2 MB at most, the longest comparison that is let in
MAX_EXPANSION = 20
HARMLESS_BYTES = 2**26
DATA_FILE = "data-00000-of-00001.arrow"
TEXT_COLUMNS = ("id", "prompt", "prompt_id", "comparison", "annotator", "category", "language", "chosen", "rejected")
PLAIN = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
ARROW_TYPES = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "yes": pa.bool_()}


def objects(path: Path, faults: Faults, *, progress: Callable[[int], None]) -> Iterator[tuple[int, Json]]:
    """Yield (row number from 1, {column: value}); nulls are left out. In a folder the rows of all files count on."""
    number = 0
    for file in _files(path):
        expanded = 0
        try:
            for batch in _batches(file, faults):
                expanded += batch.nbytes
                if expanded > max(HARMLESS_BYTES, MAX_EXPANSION * file.stat().st_size):
                    faults.add(0, "", f"expands to more than {MAX_EXPANSION} times its size, which no text does.")
                    return
                names = batch.schema.names
                for values in batch.to_pylist():
                    number += 1
                    yield number, {name: values[name] for name in names if values[name] is not None}
        except (pa.ArrowException, OSError, UnicodeDecodeError) as problem:
            what = f"{file.relative_to(path)}: " if path.is_dir() else ""
            faults.add(0, "", f"{what}cannot be read as Parquet or Arrow: {str(problem)[:200]}.")
            return
        progress(file.stat().st_size)
    if number == 0 and not faults.count:
        faults.add(0, "", "holds no rows (0 records); a folder needs .arrow or .parquet files in it.")


def parquet_chunks(rows: Iterable[dict[str, object]], columns: dict[str, str]) -> Iterator[bytes]:
    """Yield a Parquet file a row group at a time. `columns` are names with «text», «whole», «number» or «yes»."""
    schema, sink = _schema(columns), _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for table in _tables(rows, schema):
            writer.write_table(table)
            yield sink.drain()
    yield sink.drain()


def folder_files(rows: Iterable[dict[str, object]], columns: dict[str, str]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield (file name, its chunks) for each file of a folder that `datasets.load_from_disk` reads, in order."""
    yield DATA_FILE, _stream_chunks(rows, _schema(columns))
    state = {
        "_data_files": [{"filename": DATA_FILE}],
        "_fingerprint": "0" * 16,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    features = {name: {"dtype": str(ARROW_TYPES[kind]), "_type": "Value"} for name, kind in columns.items()}
    features |= {name: {"dtype": "float64", "_type": "Value"} for name, kind in columns.items() if kind == "number"}
    yield "state.json", iter([json.dumps(state, indent=2).encode()])
    yield "dataset_info.json", iter([json.dumps({"features": features}, indent=2).encode()])


def zip_chunks(rows: Iterable[dict[str, object]], columns: dict[str, str]) -> Iterator[bytes]:
    """Yield the folder as a zip file."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, found in folder_files(rows, columns):
            with archive.open(name, "w", force_zip64=True) as member:
                for chunk in found:
                    member.write(chunk)
                    yield sink.drain()
    yield sink.drain()


class _Sink(io.RawIOBase):
    """A file that only goes forward, and hands over what was written since last asked."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.position = 0

    def writable(self) -> bool:
        return True

    def write(self, chunk) -> int:
        self.kept.append(bytes(chunk))
        self.position += len(self.kept[-1])
        return len(self.kept[-1])

    def tell(self) -> int:
        return self.position

    def drain(self) -> bytes:
        chunk, self.kept = b"".join(self.kept), []
        return chunk


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for kind in ("arrow", "parquet") for file in path.rglob(f"*.{kind}"))


def _batches(file: Path, faults: Faults) -> Iterator[pa.RecordBatch]:
    with file.open("rb") as opened:
        start = opened.read(6)
    if start.startswith(b"PAR1"):
        with pq.ParquetFile(file) as parquet:
            if _is_readable(parquet.schema_arrow, faults):
                yield from parquet.iter_batches(batch_size=READ_ROWS)
        return
    open_arrow = pa.ipc.open_file if start == b"ARROW1" else pa.ipc.open_stream
    with pa.memory_map(str(file)) as source, open_arrow(source) as reader:
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if start == b"ARROW1" else reader
        if _is_readable(reader.schema, faults):
            for batch in batches:
                yield from (batch.slice(i, READ_ROWS) for i in range(0, batch.num_rows, READ_ROWS))


def _is_readable(schema: pa.Schema, faults: Faults) -> bool:
    before = faults.count
    for column in schema:
        if schema.names.count(column.name) > 1:
            faults.add(0, column.name[:60], "the file has two columns of this name.")
            return False
        if column.name in TEXT_COLUMNS and pa.types.is_primitive(column.type):
            faults.add(0, "", f"column {column.name} is {column.type}, expected string.")
        elif not _is_known(column.type):
            faults.add(0, "", f"column {column.name[:60]} is {column.type}; text, numbers, lists and structs are read.")
    return faults.count == before


def _is_known(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_known(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_is_known(kind.field(i).type) for i in range(kind.num_fields))
    return pa.types.is_null(kind) or any(is_kind(kind) for is_kind in PLAIN)


def _schema(columns: dict[str, str]) -> pa.Schema:
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])


def _tables(rows: Iterable[dict[str, object]], schema: pa.Schema) -> Iterator[pa.Table]:
    found = iter(rows)
    while batch := list(islice(found, ROWS_AT_A_TIME)):
        yield pa.Table.from_pylist(batch, schema=schema)


def _stream_chunks(rows: Iterable[dict[str, object]], schema: pa.Schema) -> Iterator[bytes]:
    sink = _Sink()
    with pa.ipc.new_stream(sink, schema) as writer:
        for table in _tables(rows, schema):
            writer.write_table(table)
            yield sink.drain()
    yield sink.drain()
