"""The systems that wrote the completions, by strength, with what the rules of voting say where they disagree."""

from dataclasses import dataclass

from annotate.quality.estimate import Estimate


@dataclass(frozen=True)
class System:
    """One system: its place by strength within its part, from which to which place the intervals leave it, and more.

    `strength` has the interval for new prompts, `new_annotators` that for new annotators too; `whole` is its strength
    by whole rankings, None without such. `places`: its place by each rule of voting.
    """

    name: str
    part: int
    place: int
    first: int
    last: int
    comparison_count: int
    strength: Estimate
    new_annotators: Estimate
    whole: float | None
    places: dict[str, int]

    @property
    def otherwise(self) -> dict[str, int]:
        """The rules that give it another place."""
        return {rule: place for rule, place in self.places.items() if place != self.place}


@dataclass(frozen=True)
class Board:
    """All systems of a project, part by part, the strongest first; `note` says how they were fitted, if it matters.

    `whole_count` and `whole_left_out`: rankings of three or more that `whole` rests on, and those it cannot use.
    """

    systems: list[System]
    note: str
    ranking_count: int
    whole_count: int
    whole_left_out: int

    @property
    def part_count(self) -> int:
        return len({one.part for one in self.systems})

    @property
    def has_disagreement(self) -> bool:
        return any(one.otherwise for one in self.systems)
