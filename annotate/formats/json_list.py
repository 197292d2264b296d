"""A file that is one JSON list of objects, as Label Studio and Argilla write; one object is in memory at a time."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from annotate import jsonlines
from annotate.jsonlines import MAX_LINE_BYTES, Faults, FieldError, Json

CHUNK_BYTES = 2**20
BLANK = re.compile(r"[ \t\r\n]*")


def is_list(path: Path) -> bool:
    """Say whether the first thing in a file is a bracket."""
    with path.open("rb") as file:
        return file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def objects(path: Path, faults: Faults, *, progress: Callable[[int], None]) -> Iterator[tuple[int, Json]]:
    """Yield (record number from 1, object); a fault in the JSON itself ends the reading."""
    number = 0
    try:
        for number, value in enumerate(_values(path, progress), start=1):
            if isinstance(value, dict):
                yield number, value
            else:
                faults.add(number, "", f"expected an object, got {jsonlines.describe(value)}.")
    except FieldError as fault:
        faults.add(number + 1, fault.field, fault.message)
        return
    if number == 0:
        faults.add(0, "", "the file is empty (0 records).")


def _values(path: Path, progress: Callable[[int], None]) -> Iterator[object]:
    chunks = _text(path, progress)
    decode = jsonlines.DECODER.raw_decode
    text, at = next(chunks, ""), 0
    at = text.index("[") + 1
    while True:
        text, at = _skip_blank(text, at, chunks)
        if text[at : at + 1] == "]":
            return
        value, text, at = _next_value(decode, text, at, chunks)
        yield value
        text, at = _skip_blank(text, at, chunks)
        if text[at : at + 1] not in (",", "]"):
            raise FieldError("", "is not JSON: expected a comma or the end of the list.")
        at += text[at] == ","


def _next_value(decode: Callable, text: str, at: int, chunks: Iterator[str]) -> tuple[object, str, int]:
    """Decode the value at a place, reading on until it is whole. Doubling keeps the tries few."""
    text = text[at:]
    while True:
        try:
            value, end = decode(text)
            if end < len(text):
                return value, text, end
        except json.JSONDecodeError as problem:
            if problem.pos < len(text) - 64 and "Unterminated" not in problem.msg:  # not for want of the rest
                raise FieldError("", f"is not JSON: {problem.msg}.") from None
        except RecursionError:
            raise FieldError("", "is nested too deeply.") from None
        if len(text) > MAX_LINE_BYTES:
            raise FieldError("", f"is longer than {MAX_LINE_BYTES:,} characters, or never ends.")
        more = [chunk for _, chunk in zip(range(max(1, len(text) // CHUNK_BYTES)), chunks, strict=False)]
        if not more:
            raise FieldError("", "is not JSON: the list is cut off.")
        text += "".join(more)


def _skip_blank(text: str, at: int, chunks: Iterator[str]) -> tuple[str, int]:
    while (at := BLANK.match(text, at).end()) == len(text):
        text, at = next(chunks, ""), 0
        if not text:
            raise FieldError("", "is not JSON: the list is cut off.")
    return text, at


def _text(path: Path, progress: Callable[[int], None]) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while chunk := file.read(CHUNK_BYTES):
                progress(len(chunk))
                yield chunk
    except UnicodeDecodeError as problem:
        raise FieldError(
            "", f"byte 0x{problem.object[problem.start]:02X} is not UTF-8; save the file as UTF-8."
        ) from None
