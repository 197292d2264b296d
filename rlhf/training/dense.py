"""Which pairs of a prompt stand in one row: few completions with many pairs between them.

A prompt with dozens of completions (UKPConvArg1 has 33 arguments a side and 360 pairs between them) does not fit into
one row. Pairs taken as they come would fill a row of nine completions with five or six pairs; chosen together, nine
completions have twenty or thirty.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def groups(pairs: Sequence[tuple[Node, Node]], *, most: int) -> Iterator[list[int]]:
    """Yield the places of pairs, each once, in groups with at most `most` distinct sides (at least 2).

    Greedy: from the side with most pairs left, the side that has most pairs with those that are chosen, and so on. The
    order of the pairs, and of equals, is kept.

    >>> list(groups([("a", "b"), ("c", "d"), ("a", "c"), ("b", "c")], most=3))
    [[0, 2, 3], [1]]
    >>> list(groups([("a", "b"), ("c", "d")], most=9))
    [[0, 1]]
    """
    left = dict(enumerate(pairs))
    while left:
        chosen = _chosen(list(left.values()), most=most)
        group = [place for place, pair in left.items() if chosen.issuperset(pair)]
        yield group
        for place in group:
            del left[place]


def _chosen(pairs: list[tuple[Node, Node]], *, most: int) -> set[Node]:
    """Return so many sides that many of the pairs stand between them."""
    beside: dict[Node, list[Node]] = {}
    for one, other in pairs:
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    inside = dict.fromkeys(beside, 0)  # pairs that a side has with those that are chosen
    chosen: set[Node] = set()
    while inside and len(chosen) < most:
        best = max(inside, key=lambda side: (inside[side], len(beside[side])))
        if not inside[best] and len(chosen) > most - 2:  # no room for it and one that it has a pair with
            break
        chosen.add(best)
        del inside[best]
        for side in beside[best]:
            if side in inside:
                inside[side] += 1
    return chosen
