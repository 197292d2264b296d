"""From how much data a number is shown, and from how much it is acted upon. Every limit of quality stands here.

Below the first limit a number is an `Estimate` with a reason and its n, never 0 or 1; between the two it is shown and
nothing follows from it. Limits: the table of docs/quality.md, «Minimum data».
"""

from typing import NamedTuple

from annotate.quality.estimate import Estimate, needs


class Minimum(NamedTuple):
    """Limits on n, and what n counts."""

    shown: int
    acted_upon: int
    of: str

    def of_estimate(self, estimate: Estimate) -> Estimate:
        """The estimate, or «not enough data» where its n is below the limit; one without a value stays as it is.

        >>> ANNOTATOR_PAIR.of_estimate(Estimate(0.8, n=4)).reason
        'Not enough data: 4 prompts that both judged, shown from 5.'
        """
        return estimate if estimate.value is None else needs(estimate, at_least=self.shown, of=self.of)

    def is_shown(self, n: int) -> bool:
        return n >= self.shown

    def is_acted_upon(self, n: int) -> bool:
        return n >= self.acted_upon


PROJECT = Minimum(30, 200, "prompts with two annotators")
CELL = Minimum(30, 100, "prompts with two annotators")
"""A category, a guideline version, a week."""
BOOTSTRAP = Minimum(20, 50, "prompts")
NEW_CROWD = Minimum(5, 10, "annotators who judged what others judged too")
"""Of the interval for new annotators: a spread between fewer than five people is a guess."""
ANNOTATOR_PROMPTS = Minimum(10, 30, "prompts that others judged too")
ANNOTATOR_PAIRS = Minimum(20, 60, "pairs that others judged too")
ANNOTATOR_PAIR = Minimum(5, 8, "prompts that both judged")
POSITION = Minimum(20, 40, "prompts with a known order of display")
LENGTH = Minimum(20, 40, "prompts with completions of different length")
GOLD = Minimum(5, 5, "gold prompts")
"""Acting follows from the posterior probability, whatever n."""
SELF_CONSISTENCY = Minimum(5, 12, "blind repeats")
HABIT = Minimum(10, 30, "rankings with a known order of display")
TIMED = Minimum(10, 30, "rankings that say how long they took")
FATIGUE = Minimum(30, 60, "rankings with a time that others judged too")
FATIGUE_SESSIONS = Minimum(3, 5, "sessions")
TRIADS = Minimum(20, 60, "triads of choices without a tie")
GOLD_KNOWN = Minimum(15, 15, "gold prompts")
"""To say that somebody does better on gold than elsewhere."""
SHEETS = Minimum(10, 30, "rankings with two grades on a scale")
GAPS = Minimum(30, 30, "times between rankings of one session")
REASONS = Minimum(10, 10, "reasons of four words or more")
DRIFT_WINDOWS = Minimum(3, 5, "windows of 15 prompts or more")
DRIFT_WINDOW = Minimum(15, 15, "prompts in the window")
SYSTEM = Minimum(10, 30, "comparisons that connect the system with the others")
