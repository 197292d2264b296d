"""The headline: agreement in three treatments of ties, alpha, both intervals, the facts beside it, what to do next.

Agreement and its intervals are those of the report made last; counts and ties are exact now, from the kept sums.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from annotate.consistency.judged import Judgements
from annotate.consistency.report import Figures
from annotate.models import Project
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Judged
from annotate.quality.intervals import BothIntervals
from annotate.quality.minimum import PROJECT
from annotate.quality.reading import PREFERENCES, read
from annotate.statistics import Counts
from annotate.statistics import Figures as Sums
from annotate.tiles import AGREEMENT, ALPHA, RATE, Scale, Tile
from annotate.verdicts import Status

NEXT = ("desk", "consistency_annotators", "consistency_pairs", "consistency_comparisons")
NOT_MADE = "Not reckoned yet: the report is made in the background."


@dataclass(frozen=True)
class Fact:
    """A number beside the headline; `section` is its title in docs/quality.md."""

    label: str
    value: Estimate
    kind: str  # percent or seconds
    note: str
    section: str


@dataclass(frozen=True)
class Step:
    """Something to do: a number of things, and the way there."""

    count: int
    words: str
    url: str


def tiles(figures: Figures | None) -> list[Tile]:
    """Return the four figures of agreement, the one to compare with published figures first."""
    none = Estimate(None, n=0, reason=NOT_MADE)
    both = {
        name: getattr(figures, name) if figures else BothIntervals(none, none)
        for name in ("decisive", "half_credit", "strict", "alpha")
    }
    return [
        _tile(
            "Agreement where both chose",
            both["decisive"],
            AGREEMENT,
            meaning="Of two annotators who each preferred one of two completions, how often it was the same one.",
            section="Pair agreement",
            reading=_reading(both["decisive"].same_annotators),
        ),
        _tile(
            "Agreement with ties, by half",
            both["half_credit"],
            RATE,
            meaning="Over all pairs: a tie half agrees with a choice, so it falls where some tie what others order.",
            section="Pair agreement",
        ),
        _tile(
            "Agreement, strictly",
            both["strict"],
            RATE,
            meaning="Over all pairs, a tie agreeing with nothing but a tie.",
            section="Pair agreement",
        ),
        _tile(
            "Pair alpha",
            both["alpha"],
            ALPHA,
            kind="number",
            meaning="Agreement beyond chance, ties by half. The limits 0.67 and 0.80 of the textbooks are for facts.",
            section="Pair alpha",
        ),
    ]


def facts(sums: Sums, counts: Counts, figures: Figures | None) -> list[Fact]:
    """Return what stands beside agreement: many ties and short times together mean that people skip."""
    pace = figures.per_100_words if figures else Estimate(None, n=0, reason=NOT_MADE)
    return [
        Fact("Decided", _decided(counts), "percent", "of comparisons with a second opinion", "Decided share"),
        Fact("Ties", sums.tie_rate, "percent", "of pairs got the same rank", "Tie rate"),
        Fact("Time per 100 words", pace, "seconds", "of prompt and completions, the median", "Time per 100 words"),
    ]


def next_steps(project: Project, counts: Counts, judgements: Judgements | None) -> list[Step]:
    """Return what staff can do now, the most pressing first; nothing where nothing is to be done."""
    failed = [pk for pk, one in (judgements.verdicts if judgements else {}).items() if one.verdict == Judged.FAIL]
    rings = judgements.rings if judgements else []
    url = {name: reverse(name, args=[project.slug]) for name in NEXT}
    by_verdict = f"{url['consistency_annotators']}?{urlencode({'sort': '-risk'})}"
    disputed, single = (counts.by_status.get(status, 0) for status in (Status.DISPUTED, Status.SINGLE))
    steps = [
        Step(disputed, _plural(disputed, "disputed comparison") + " to rule on", url["desk"]),
        Step(len(failed), _plural(len(failed), "annotator") + " with the verdict «fail»: see the evidence", by_verdict),
        Step(len(rings), _plural(len(rings), "group") + " of annotators who answer alike", url["consistency_pairs"]),
        Step(single, _plural(single, "comparison") + " without a second opinion", url["consistency_comparisons"]),
    ]
    return [step for step in steps if step.count]


def _decided(counts: Counts) -> Estimate:
    """The share of comparisons with a second opinion that are settled or ruled on."""
    settled = sum(counts.by_status.get(status, 0) for status in (Status.SETTLED, Status.ADJUDICATED))
    n = settled + counts.by_status.get(Status.DISPUTED, 0)
    if not PROJECT.is_shown(n):
        return PROJECT.of_estimate(Estimate(0.0, n=n))
    return Estimate(settled / n, n=n)


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _reading(agreement: Estimate) -> str:
    found = read(agreement, scale=PREFERENCES)
    if found is None:
        return ""
    return (
        f"For preferences: {found.words}." if found.is_sure else f"For preferences: {found.words}, but not surely so."
    )


def _tile(
    label: str,
    both: BothIntervals,
    scale: Scale,
    *,
    meaning: str,
    section: str,
    reading: str = "",
    kind: str = "percent",
) -> Tile:
    return Tile(label, kind, scale, both.same_annotators, both.new_annotators, meaning, reading, section)
