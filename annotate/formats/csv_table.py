"""CSV, in and out. A cell that a spreadsheet would run as a formula is written with an apostrophe, which reading takes
off again (https://owasp.org/www-community/attacks/CSV_Injection)."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from annotate import jsonlines
from annotate.jsonlines import MAX_LINE_BYTES, Faults, FieldError, Json

FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20])")
DELIMITERS = ",;\t"
csv.field_size_limit(MAX_LINE_BYTES)


def objects(path: Path, faults: Faults, *, progress: Callable[[int], None]) -> Iterator[tuple[int, Json]]:
    """Yield (line, {column: text}) for each row; empty cells are left out. Lines count as a text editor does."""
    if kind := jsonlines.signature(path):
        faults.add(0, "", f"is not CSV: it looks like {kind}. Save it as UTF-8 text.")
        return
    try:
        yield from _rows(path, faults, progress)
    except FieldError as fault:
        faults.add(int(fault.field), "", fault.message)


def chunks(rows: Iterable[dict[str, object]], columns: Sequence[str]) -> Iterator[bytes]:
    """Yield a CSV file a row at a time."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n")
    write.writerow(columns)
    for row in rows:
        write.writerow([escape(row.get(name)) for name in columns])
        if out.tell() > 2**16:
            yield _drain(out)
    yield _drain(out)


def escape(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula. Numbers are as they are."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def unescape(cell: str) -> str:
    """Return what `escape` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell, 1) else cell


def _drain(out: io.StringIO) -> bytes:
    chunk = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return chunk


def _rows(path: Path, faults: Faults, progress: Callable[[int], None]) -> Iterator[tuple[int, Json]]:
    lines = _lines(path, progress)
    first = next(lines, "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(_with(first, lines), delimiter=delimiter, strict=True)
    header = _header(next(_numbered(reader), (1, []))[1], faults)
    if not header:
        return
    row_count = 0
    for line, cells in _numbered(reader):
        row_count += 1
        if len(cells) != len(header):
            faults.add(line, "", f"the row has {len(cells)} cells, the header has {len(header)}.")
            continue
        yield line, {name: unescape(cell) for name, cell in zip(header, cells, strict=True) if cell}
    if not row_count:
        faults.add(0, "", "the file is empty (0 records).")


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the line on which it begins."""
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            said = str(problem)
            if "unexpected end" in said or "field larger" in said:
                raise FieldError(str(begins), f"unclosed quote in the row that begins at line {begins}.") from None
            raise FieldError(str(reader.line_num), f"is not CSV: {said}.") from None
        if cells:
            yield begins, cells


def _header(names: list[str], faults: Faults) -> list[str]:
    if not any(names):
        faults.add(0, "", "the file is empty (0 records).")
        return []
    for i, name in enumerate(names):
        if not name.strip():
            faults.add(1, "", f"column {i + 1} of the header has no name.")
            return []
        if name in names[:i]:
            faults.add(1, "", f"the header has the column {name!r} twice.")
            return []
    return names


def _lines(path: Path, progress: Callable[[int], None]) -> Iterator[str]:
    with path.open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), start=1):
            progress(len(raw))
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as problem:
                byte, column = raw[problem.start], problem.start + 1
                said = f"byte 0x{byte:02X} at column {column} is not UTF-8; save the file as UTF-8."
                raise FieldError(str(number), said) from None


def _with(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
