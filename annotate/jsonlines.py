"""Reading JSON Lines from strangers: strict, streaming, every fault named by file, line and field.

Never loads the file: one line is in memory at a time. Duplicate keys, NaN, NUL, lone surrogates, other encodings and
over-long lines are refused, because each of them is stored by some database and breaks a page later.
"""

import difflib
import json
import math
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAX_LINE_BYTES = 8 * 2**20
MAX_TEXT_CHARS = 200_000
MAX_ERRORS_KEPT = 100
SIGNATURES = {
    b"\x1f\x8b": "a gzip file",
    b"\x89PNG": "a PNG picture",
    b"PK\x03\x04": "a zip file or spreadsheet",
    b"PAR1": "a Parquet file",
    b"\xff\xfe\x00\x00": "UTF-32 text",
    b"\x00\x00\xfe\xff": "UTF-32 text",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"{\x00": "UTF-16 text",
    b"\x00{": "UTF-16 text",
    b"(\xb5/\xfd": "a zstd file",
    b"BZh": "a bzip2 file",
    b"\xfd7zX": "an xz file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"%PDF": "a PDF file",
    b"\xff\xd8\xff": "a JPEG picture",
    b"SQLite format 3": "a SQLite database",
}
NOTHING = re.compile(
    "[\\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]*"
)
"""White space and what is drawn as nothing: Unicode's Default_Ignorable_Code_Point, controls, the blank of Braille."""
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[^`\n]*")
MAX_DIGITS = 25

Json = dict[str, object]


@dataclass(frozen=True)
class LineError:
    """One fault: where it is and what was expected."""

    file: str
    line: int  # 0 where the whole file is meant
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class IntakeError(Exception):
    """A file that was refused as a whole; nothing of it was imported."""

    def __init__(self, errors: list[LineError], error_count: int) -> None:
        self.errors, self.error_count = errors, error_count
        super().__init__("\n".join(map(str, errors)))


class FieldError(Exception):
    """A fault in one field of the line being read."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(f"{field}: {message}")


@dataclass
class Faults:
    """The faults found so far: all are counted, the first hundred kept."""

    file: str
    unit: str = field(default="line", kw_only=True)  # what its messages count: lines of a file, rows of a request
    kept: list[LineError] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, where: str, message: str) -> None:
        """Count a fault, and keep it if it is among the first; a key may hold what no page could show."""
        self.count += 1
        if len(self.kept) < MAX_ERRORS_KEPT:
            self.kept.append(LineError(self.file, line, _showable(where), _showable(message)))

    def raise_if_any(self) -> None:
        if self.count:
            raise IntakeError(self.kept, self.count)


def objects(
    path: Path, faults: Faults, *, progress: Callable[[int], None] = lambda done: None
) -> Iterator[tuple[int, Json]]:
    """Yield (line number, object) for each line that holds one; the bad ones go to `faults`.

    `progress` is told the bytes read so far.
    """
    number = 0
    for number, raw in _lines(path, faults):
        try:
            value = _object(raw, is_first=number == 1)
        except FieldError as fault:
            faults.add(number, fault.field, fault.message)
            continue
        finally:
            progress(len(raw))
        yield number, value
    if number == 0 and not faults.count:
        faults.add(0, "", "the file is empty (0 records).")


def signature(path: Path) -> str:
    """Name what a file's first bytes say it is where that is no text; an empty string otherwise."""
    with path.open("rb") as file:
        start = file.read(16)
    return next((name for magic, name in SIGNATURES.items() if start.startswith(magic)), "")


def only_keys(values: Json, *, required: Collection[str] = (), optional: Collection[str] = ()) -> None:
    """Refuse unknown keys, suggesting the one that was probably meant, and missing required ones."""
    for key in values:
        if key not in required and key not in optional:
            known = [*required, *optional]
            close = difflib.get_close_matches(key, known, n=1)
            raise FieldError(
                key[:60],
                f"unknown field; did you mean {close[0]!r}?"
                if close
                else f"unknown field; expected {', '.join(known)}.",
            )
    for key in required:
        if key not in values:
            raise FieldError(key, "is missing.")


def text(value: object, where: str, *, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Return a text that says something: not empty after trimming invisible characters, storable, not over-long."""
    if not isinstance(value, str):
        raise FieldError(where, f"expected text, got {describe(value)}.")
    storable(value, where)
    if len(value) > max_chars:
        raise FieldError(where, f"has {len(value):,} characters; at most {max_chars:,} are allowed.")
    if says_nothing(value):
        raise FieldError(where, "is empty after trimming invisible characters.")
    return value


def says_nothing(value: str) -> bool:
    """Say whether a text is drawn as nothing: invisible characters, or the fences of a code block without code."""
    first = NOTHING.match(value).end()
    if first == len(value):
        return True
    return value[first] in "`~" and all(NOTHING.fullmatch(line) or FENCE.fullmatch(line) for line in value.split("\n"))


def storable(value: str, where: str) -> None:
    """Raise FieldError for a text that no database can hold: with a NUL, or half of a surrogate pair."""
    if "\x00" in value:
        raise FieldError(where, f"holds a NUL character at position {value.index(chr(0))}; remove it.")
    if value.isascii():
        return
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise FieldError(
            where, f"holds half a surrogate pair at position {problem.start}; it is not valid text."
        ) from None


def identifier(value: object, where: str, *, max_chars: int = 120) -> str:
    """Return an id: a short text without surrounding blanks or line breaks."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise FieldError(where, f'ids are text; write "{value}" with quotation marks.')
    name = text(value, where, max_chars=max_chars)
    if name != name.strip() or not name.isprintable():
        raise FieldError(where, "an id has no blanks around it and no control characters.")
    return name


def whole_number(value: object, where: str, *, low: int, high: int) -> int:
    """Return an integer within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FieldError(where, f"expected a whole number from {low} to {high}, got {describe(value)}.")
    return value


def number(value: object, where: str, *, low: float, high: float) -> float:
    """Return a finite number within bounds."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not low <= value <= high:  # type: ignore[operator]  # is_number has looked
        raise FieldError(where, f"expected a number from {low:g} to {high:g}, got {describe(value)}.")
    return float(value)  # type: ignore[arg-type]


def items(value: object, where: str, *, low: int, high: int, what: str) -> list[object]:
    """Return a list whose length is within bounds."""
    if not isinstance(value, list):
        raise FieldError(where, f"expected a list of {what}, got {describe(value)}.")
    if not low <= len(value) <= high:
        raise FieldError(where, f"needs {low} to {high} {what}, got {len(value)}.")
    return value


def object_of(value: object, where: str) -> Json:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise FieldError(where, f"expected an object, got {describe(value)}.")
    return value


def describe(value: object) -> str:
    """Name a JSON value for an error message, shortened."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"number {str(value)[:40]}"
    if isinstance(value, str):
        return f"text {value[:40]!r}"
    return "a list" if isinstance(value, list) else "an object"


def _lines(path: Path, faults: Faults) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) of each line that is not blank; lines end at LF or CRLF only."""
    if kind := signature(path):
        faults.add(0, "", f"is not JSON Lines: it looks like {kind}. Save it as UTF-8 text, one JSON object a line.")
        return
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                faults.add(number, "", f"the line is longer than {MAX_LINE_BYTES:,} bytes; the rest was not read.")
                return
            if raw.strip():
                yield number, raw


def _object(raw: bytes, *, is_first: bool) -> Json:
    try:
        line = raw.decode("utf-8-sig" if is_first else "utf-8")
    except UnicodeDecodeError as problem:
        byte = raw[problem.start]
        raise FieldError(
            "", f"byte 0x{byte:02X} at column {problem.start + 1} is not UTF-8; save the file as UTF-8."
        ) from None
    try:
        value = DECODER.decode(line.rstrip("\r\n"))
    except json.JSONDecodeError as problem:
        raise FieldError("", f"is not JSON: {problem.msg} at column {problem.colno}.") from None
    except RecursionError:
        raise FieldError("", "is nested too deeply.") from None
    if not isinstance(value, dict):
        raise FieldError("", f"expected an object per line, got {describe(value)}.")
    return value


def no_duplicate_keys(pairs: list[tuple[str, object]]) -> Json:
    """Return an object of JSON; one with a key twice is refused, for each reader would take another of the two."""
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise FieldError(_showable(twice[:60]), "stands twice in one object.")
    return values


def no_constant(name: str) -> object:
    """Refuse NaN and the infinities."""
    raise FieldError("", f"{name} is not a JSON value; leave the field out or give a finite number.")


def no_endless_number(digits: str) -> int:
    """Return a whole number; one that no field could hold is refused before it is reckoned, which takes long."""
    if len(digits) > MAX_DIGITS:
        raise FieldError("", f"holds a number of {len(digits):,} digits; at most {MAX_DIGITS} are read.")
    return int(digits)


def _showable(name: str) -> str:
    """Return a name with a question mark for each half of a surrogate pair, which no page and no log could hold."""
    return name.encode("utf-8", "replace").decode()


DECODER = json.JSONDecoder(object_pairs_hook=no_duplicate_keys, parse_constant=no_constant, parse_int=no_endless_number)
"""JSON without what one reader takes and the next refuses: a key twice in an object, NaN, Infinity."""
