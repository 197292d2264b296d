"""How rankings became rows, so that nothing is dropped in silence: counts that must come out even, as a sentence."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Counts:
    """How rankings became rows. `excluded` is by reason, and so are rankings that make no pairs (`left_out`)."""

    ranking_count: int = 0
    pair_count: int | None = None  # None: the rows are not pairs
    tie_count: int = 0
    said_count: int = 0  # rankings in the rows
    row_count: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    reasons: str = "none"  # of redaction.REASONS: what happens to the words that annotators wrote
    reason_count: int = 0
    redacted: Counter[str] = field(default_factory=Counter)

    @property
    def is_reconciled(self) -> bool:
        """Whether all that came in is accounted for."""
        if self.pair_count is None:
            return self.ranking_count - self.excluded.total() == self.said_count
        return self.pair_count - self.tie_count - self.excluded.total() == self.row_count

    @property
    def sentence(self) -> str:
        out = f"{self.excluded.total():,} excluded{by_reason(self.excluded)}"
        if self.pair_count is None:
            rows = f"{self.ranking_count:,} rankings − {out} = {self.said_count:,} in {self.row_count:,} rows."
            return f"{rows}{self._of_reasons}"
        aside = f" ({self.left_out.total():,} more left out{by_reason(self.left_out)})" if self.left_out.total() else ""
        pairs = f"{self.ranking_count:,} rankings{aside} → {self.pair_count:,} pairs"
        return f"{pairs} − {self.tie_count:,} ties − {out} = {self.row_count:,} rows."

    @property
    def _of_reasons(self) -> str:
        if not self.reason_count:
            return ""
        replaced = f"with {self.redacted.total():,} replacements{by_reason(self.redacted)}"
        did = {"none": "left out", "written": "as written", "redacted": replaced}[self.reasons]
        return f" Reasons and notes: {self.reason_count:,} {did}."


def by_reason(counts: Mapping[str, int]) -> str:
    """Return counts in brackets, without those that are 0; empty where there are none.

    >>> by_reason({"equal texts": 2})
    ' (2 equal texts)'
    """
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()) if count)
    return f" ({reasons})" if reasons else ""
