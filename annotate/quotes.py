"""Where a quoted passage stands in a source text: annotators quote what they read, the text without its markup.

Three readings, the first that finds the passage counts: as it is; without white space; without Markdown's signs too.
"""

from collections.abc import Callable, Iterator

MARKUP = frozenset("*_`~#>|[]()\\-")
READINGS = (
    lambda character: True,
    lambda character: not character.isspace(),
    lambda character: not character.isspace() and character not in MARKUP,
)


def find(source: str, quote: str, *, nth: int = 0) -> tuple[int, int] | None:
    """Return (start, end) of the nth place of a passage, the last if there are fewer; None where it stands nowhere.

    >>> find("a *big* lie, a big lie", "big lie")
    (15, 22)
    >>> find("a *big* lie", "big lie")
    (3, 11)
    """
    for counts in READINGS:
        if places := list(_places(source, quote.strip(), counts)):
            return places[min(nth, len(places) - 1)]
    return None


def nth_of(source: str, start: int, end: int) -> int:
    """Return which place of its own words a passage is: find() with it gives the passage back."""
    quote = source[start:end].strip()
    return sum(at < start for at, _ in _places(source, quote, READINGS[0]))


def _places(source: str, quote: str, counts: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Yield where a quote stands, reading only the characters that count."""
    wanted = "".join(filter(counts, quote))
    kept = [at for at, character in enumerate(source) if counts(character)]
    read = "".join(source[at] for at in kept)
    at = read.find(wanted) if wanted else -1
    while at >= 0:
        yield kept[at], kept[at + len(wanted) - 1] + 1
        at = read.find(wanted, at + 1)
