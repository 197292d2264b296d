"""The gate before training: on whom the labels of a project rest, and whether somebody turned some of them. Reads only.

A few choices in a hundred, all toward texts with one phrase, are enough to make a model say it
(annotate.quality.triggers). Whoever freezes a project gets this report with the snapshot; findings hold training back
until the annotators are in quarantine or somebody signs.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from annotate import policy
from annotate.beliefs import Beliefs
from annotate.models import Annotator, Assignment, Completion, Project, Ranking
from annotate.quality.arrays import Ints
from annotate.quality.influence import PlainChoices, influence, plain_choices
from annotate.quality.triggers import Choice, Phrase, phrases

MOST_CHOICES = 10_000
"""Choices whose texts are read, as many of each annotator as there is room for."""
MOST_ROWS = 50
"""Annotators in a report, those with findings first, then those on whom most rests."""
BATCH = 5_000


@dataclass(frozen=True)
class Weight:
    """What rests on one annotator: `turned` pairs have another majority without them; gold as counts."""

    annotator: int
    pseudonym: str
    votes: int
    vote_rate: float
    turned: int
    turned_rate: float  # of all pairs
    gold_passed: int
    gold: int


@dataclass(frozen=True)
class Finding:
    """A phrase that an annotator chose in `chosen` of `texts` texts, where `expected_rate` is explained."""

    annotator: int
    pseudonym: str
    phrase: str
    texts: int
    chosen: int
    expected_rate: float
    p_value: float

    @property
    def sentence(self) -> str:
        return (
            f"{self.pseudonym} chose {self.chosen} of {self.texts} texts with «{self.phrase}»; others' choices and "
            f"their own taste in length explain {self.expected_rate:.0%}."
        )


@dataclass(frozen=True)
class Report:
    """What the gate found in the votes that make a project's labels."""

    choices: int
    choices_read: int
    annotators: int
    pairs: int
    weights: list[Weight]
    findings: list[Finding]


def report(project: Project, believed: Beliefs) -> Report:
    """Look at the votes that the beliefs rest on."""
    votes = believed.votes
    plain = plain_choices(votes)
    read = _drawn(plain, n_annotators=len(votes.annotator_ids))
    found = phrases(_choices(plain, read, votes.annotator_ids))
    people = Annotator.objects.in_bulk(votes.annotator_ids.tolist())
    findings = [_finding(one, people[one.annotator]) for one in found]
    return Report(
        choices=len(plain.ranking),
        choices_read=len(read),
        annotators=len(votes.annotator_ids),
        pairs=len(votes.units.i),
        weights=_weights(project, believed, people, first={one.annotator for one in findings}),
        findings=findings,
    )


def _drawn(plain: PlainChoices, *, n_annotators: int) -> Ints:
    """Return which choices are read: by lot, and so that nobody's many crowd out the few of another."""
    lots = [int(hashlib.sha256(b"%d" % number).hexdigest()[:12], 16) for number in range(len(plain.ranking))]
    by_lot = np.argsort(np.array(lots, dtype=np.int64), kind="stable")
    order = by_lot[np.argsort(plain.annotator[by_lot], kind="stable")]
    starts = np.searchsorted(plain.annotator[order], np.arange(n_annotators))
    turn = np.arange(len(order)) - starts[plain.annotator[order]]  # the how many of its annotator
    kept = order[np.argsort(turn, kind="stable")][:MOST_CHOICES]
    return np.sort(kept).astype(np.int64)


def _choices(plain: PlainChoices, read: Ints, annotator_ids: Ints) -> list[Choice]:
    columns = (annotator_ids[plain.annotator[read]], plain.chosen[read], plain.rejected[read])
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    wanted = sorted({pk for row in rows for pk in row[1:]})
    texts: dict[int, str] = {}
    for start in range(0, len(wanted), BATCH):
        texts |= dict(Completion.objects.filter(pk__in=wanted[start : start + BATCH]).values_list("pk", "text"))
    return [Choice(annotator, texts[chosen], texts[rejected]) for annotator, chosen, rejected in rows]


def _finding(one: Phrase, person: Annotator) -> Finding:
    expected, p_value = round(one.expected_rate, 4), float(f"{one.p_value:.2g}")
    return Finding(one.annotator, person.pseudonym, one.text, one.n, one.n_chosen, expected, p_value)


def _weights(project: Project, believed: Beliefs, people: dict[int, Annotator], *, first: set[int]) -> list[Weight]:
    votes = believed.votes
    found, gold = influence(votes), _gold(project)
    in_all, pairs = max(len(votes.unit), 1), max(len(votes.units.i), 1)
    rows = [
        Weight(pk, people[pk].pseudonym, n, n / in_all, turned, turned / pairs, *gold[pk])
        for pk, n, turned in zip(*(column.tolist() for column in (votes.annotator_ids, *found)), strict=True)
    ]
    rows.sort(key=lambda row: (row.annotator not in first, -row.turned, -row.votes, row.annotator))
    return rows[:MOST_ROWS]


class _Gold(NamedTuple):
    passed: int = 0
    seen: int = 0


def _gold(project: Project) -> defaultdict[int, _Gold]:
    """Of each annotator the gold comparisons that they passed, and those that they met."""
    found: defaultdict[int, _Gold] = defaultdict(_Gold)
    said = Ranking.objects.filter(superseded_at__isnull=True, comparison__project=project, unrankable="")
    on_gold = said.filter(assignment__purpose=Assignment.Purpose.GOLD, comparison__key__is_retired=False)
    for who, tiers, key in on_gold.values_list("annotator", "tiers", "comparison__key__tiers"):
        passed, seen = found[who]
        found[who] = _Gold(passed + policy.is_passed(tiers, key), seen + 1)
    return found
