"""What changed between two versions of a text: lines that stayed, went and came, and the words within them. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

MAX_LINES = 2_000
MAX_WORDS = 600
"""Beyond these the comparison takes long, and the whole stretch is shown as replaced."""
CONTEXT = 2
"""How many unchanged lines stand around a change."""

SAME, ADDED, REMOVED = "same", "added", "removed"
Piece = tuple[str, str]
"""(kind, text): kind is SAME, ADDED or REMOVED."""


@dataclass(frozen=True)
class Line:
    """A line of the comparison; `left_out` counts unchanged lines that stand in its place and are not shown."""

    kind: str
    pieces: tuple[Piece, ...] = ()
    left_out: int = 0


def lines(old: str, new: str) -> list[Line]:
    """Return the lines of both texts as one comparison, long unchanged stretches left out; empty for equal texts.

    >>> [line.pieces for line in lines("Be kind.", "Be fair.")]
    [(('same', 'Be '), ('removed', 'kind.'), ('added', 'fair.'))]
    """
    if old == new:
        return []
    return list(_folded(list(_compared(old.splitlines(), new.splitlines()))))


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    if len(old) + len(new) > MAX_LINES:
        yield from _replaced(old, new)
        return
    for kind, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (Line(SAME, ((SAME, line),)) for line in old[i:i_end])
        else:
            yield from _changed(old[i:i_end], new[j:j_end])


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    """Pair lines that were rewritten; what has no partner went or came."""
    for was, becomes in zip_longest(old, new):
        if was is None or becomes is None:
            yield from _replaced([] if was is None else [was], [] if becomes is None else [becomes])
            continue
        pieces = tuple(_words(was, becomes))
        has_common_words = any(kind == SAME and text.strip() for kind, text in pieces)
        yield from [Line("changed", pieces)] if has_common_words else _replaced([was], [becomes])


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    yield from (Line(REMOVED, ((REMOVED, line),)) for line in old)
    yield from (Line(ADDED, ((ADDED, line),)) for line in new)


def _words(was: str, becomes: str) -> Iterator[Piece]:
    old, new = _split(was), _split(becomes)
    if len(old) + len(new) > MAX_WORDS:
        yield from ((REMOVED, was), (ADDED, becomes))
        return
    for kind, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield SAME, "".join(old[i:i_end])
            continue
        yield from (
            (kind, text) for kind, text in ((REMOVED, "".join(old[i:i_end])), (ADDED, "".join(new[j:j_end]))) if text
        )


def _split(line: str) -> list[str]:
    """Return words with their blanks; Chinese and Japanese, which put none between words, by character."""
    return re.findall(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+|\s+", line)


def _folded(compared: Sequence[Line]) -> Iterator[Line]:
    """Leave out what is unchanged and far from any change."""
    changes = [at for at, line in enumerate(compared) if line.kind != SAME]
    near = {at + step for at in changes for step in range(-CONTEXT, CONTEXT + 1)}
    left_out = 0
    for at, line in enumerate(compared):
        if at not in near:
            left_out += 1
            continue
        if left_out:
            yield Line("gap", left_out=left_out)
            left_out = 0
        yield line
    if left_out:
        yield Line("gap", left_out=left_out)
