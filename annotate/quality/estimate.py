"""A number with its n and interval, or the reason why there is none.

«Not enough data» is a result: a measure that is undefined or rests on too little is None with a sentence, never 0 or 1.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value; `n` counts what it rests on (the function says of what); `reason` is set when value is None."""

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise ValueError(f"An estimate has either a value or a reason; got {self.value!r} and {self.reason!r}.")

    def within(self, low: float, high: float) -> "Estimate":
        """The same estimate with this interval."""
        return replace(self, low=low, high=high)


def undefined(reason: str, *, n: int) -> Estimate:
    """No value, and why."""
    return Estimate(value=None, n=n, reason=reason)


def needs(estimate: Estimate, *, at_least: int, of: str) -> Estimate:
    """The estimate if its n reaches the minimum, else «not enough data» with the n.

    >>> needs(Estimate(0.7, n=12), at_least=30, of="prompts with two annotators").reason
    'Not enough data: 12 prompts with two annotators, shown from 30.'
    """
    if estimate.n >= at_least:
        return estimate
    return undefined(f"Not enough data: {estimate.n} {of}, shown from {at_least}.", n=estimate.n)
