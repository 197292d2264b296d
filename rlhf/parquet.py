"""Preference records as Parquet. Apart from snapshots.py, because pyarrow is 30 MB that an idle web process does not
need: it is loaded when something is frozen."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rlhf.contract.records import PreferenceRecord

ROW_GROUP = 5000
COLUMN_TYPES = {"str": pa.string(), "float": pa.float64(), "int": pa.int64()}
SCHEMA = pa.schema(
    [(f.name, COLUMN_TYPES[f.type if isinstance(f.type, str) else f.type.__name__]) for f in fields(PreferenceRecord)]
)


def write(path: Path, found: Iterator[PreferenceRecord], counts: Counter[str], *, tie_likely: float) -> None:
    """Write records a row group at a time; count them by split in `counts`, and as `ties` from `tie_likely` on."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        while batch := list(islice(found, ROW_GROUP)):
            counts.update(record.split for record in batch)
            counts["ties"] += sum(record.p_tie > tie_likely for record in batch)
            writer.write_table(pa.Table.from_pylist([asdict(record) for record in batch], schema=SCHEMA))
