"""Answers as sums that add up over prompts and annotators: what every interval and every slice is made from.

A measure of agreement is a function of sums over units (a unit: a pair of completions, or a completion that is graded
or flagged). So a bootstrap reweighs the sums of prompts, a jackknife takes an annotator's part away, and nobody reads
the votes again. Units with the same counts of answers have the same part: it is reckoned once for each such pattern.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from annotate.quality.arrays import Flags, Floats, Ints, coded, tally
from annotate.quality.ranking import PairVotes

ROUNDING = 1e-9  # sums below this are what subtraction left over


class Answers(NamedTuple):
    """One row an answer; `unit`, `annotator` and `answer` are codes from 0. An annotator answers a unit once.

    `values` are what the answers stand for (votes on pairs: 1, 0, -1; grades: 1..5; flags: 0, 1).
    """

    unit: Ints  # (N,)
    annotator: Ints  # (N,)
    answer: Ints  # (N,)
    values: Floats  # (V,)
    prompt_of_unit: Ints  # (U,)
    n_prompts: int
    n_annotators: int

    @property
    def prompt(self) -> Ints:
        """The prompt code of each answer. (N,)"""
        return self.prompt_of_unit[self.unit]


class Measure(NamedTuple):
    """A function of sums: `parts` turns counts (U, V) and values (V,) into each unit's part (U, ...); `of` turns sums
    of parts (..., parts) and values into numbers (...), NaN where undefined.

    `answers` are the columns that count (a tie may be left out); None: all. The value lies in `lowest`..`highest`.
    `is_mirrored`: the first and the last answer are one and the same said of the two sides of a pair.
    """

    name: str
    parts: Callable[[Floats, Floats], Floats]
    of: Callable[[Floats, Floats], Floats]
    lowest: float
    highest: float = 1.0
    answers: tuple[int, ...] | None = None
    is_mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sums a measure rests on: of each prompt, and of everybody but one annotator.

    `compared`: codes of the annotators who answered a unit that somebody else answered too, the rows of `without`.
    `varies`: whether two different answers are in use; without that chance cannot be told from agreement.
    """

    prompts: Floats  # (P, ...)
    without: Floats  # (compared, ...)
    compared: Ints
    varies: bool
    of: Callable[[Floats], Floats]
    lowest: float
    highest: float

    @property
    def has_second_opinion(self) -> Ints:
        """Codes of the prompts that have anything to compare."""
        return np.flatnonzero(self.prompts.any(axis=tuple(range(1, self.prompts.ndim))))

    @property
    def value(self) -> float:
        """The measure over all prompts; NaN where undefined."""
        return float(self.of(self.prompts.sum(axis=0)))


def answers_of(votes: PairVotes) -> Answers:
    """Votes on pairs as answers 0, 1, 2: i is better, a tie, j is better."""
    return Answers(
        unit=votes.unit,
        annotator=votes.annotator,
        answer=(1 - votes.relation).astype(np.int64),
        values=np.array([1.0, 0.0, -1.0]),
        prompt_of_unit=votes.units.prompt,
        n_prompts=len(votes.units.prompt_ids),
        n_annotators=len(votes.annotator_ids),
    )


def graded_answers(*, unit: Ints, annotator: Ints, value: Floats, prompt: Ints, scale: Floats) -> Answers:
    """Grades or flags in long form, ids in the columns `unit`, `annotator`, `prompt` (that of the unit).

    `scale` has the values that can be given, ascending (a flag: 0, 1). Raises ValueError where a value is not on it, or
    an annotator answered one unit twice.

    >>> graded_answers(unit=np.array([7, 7]), annotator=np.array([1, 2]), value=np.array([1.0, 3.0]),
    ...                prompt=np.array([4, 4]), scale=np.array([1.0, 2.0, 3.0])).answer
    array([0, 2])
    """
    units, people, prompts = coded(unit), coded(annotator), coded(prompt)
    seats = units.codes * max(len(people.ids), 1) + people.codes
    if len(np.unique(seats)) < len(seats):
        raise ValueError("An annotator answered one unit twice; pass the answer that counts only.")
    if not np.isin(value, scale).all():
        raise ValueError(f"A value is not on the scale {scale.tolist()}: {value[~np.isin(value, scale)][0]}.")
    prompt_of_unit = np.zeros(len(units.ids), dtype=np.int64)
    prompt_of_unit[units.codes] = prompts.codes
    return Answers(
        unit=units.codes,
        annotator=people.codes,
        answer=np.searchsorted(scale, value).astype(np.int64),
        values=scale.astype(np.float64),
        prompt_of_unit=prompt_of_unit,
        n_prompts=len(prompts.ids),
        n_annotators=len(people.ids),
    )


def counts_of(answers: Answers) -> Floats:
    """How often each unit was given each answer. (U, V)"""
    n_units, n_values = len(answers.prompt_of_unit), len(answers.values)
    cells = tally(answers.unit * n_values + answers.answer, n=n_units * n_values)
    return cells.reshape(n_units, n_values).astype(np.float64)


def only(answers: Answers, rows: Flags) -> Answers:
    """A slice: these answers alone; the codes of units, prompts and annotators stay as they are."""
    return answers._replace(unit=answers.unit[rows], annotator=answers.annotator[rows], answer=answers.answer[rows])


def evidence(answers: Answers, measure: Measure, *, weight: Floats | None = None) -> Evidence:
    """What the measure rests on in these answers; `weight` (P,) lets a prompt count for more or less than one."""
    counted = _counted(answers, measure.answers)
    weight = np.ones(counted.n_prompts) if weight is None else weight
    counts, values = counts_of(counted), counted.values
    patterns, pattern = _patterns(counts)
    parts = measure.parts(patterns, values)
    shape = parts.shape[1:]
    flat = parts.reshape(len(patterns), int(np.prod(shape)))
    cells = (weight[counted.prompt_of_unit], (counted.prompt_of_unit, pattern))
    by_prompt = csr_matrix(cells, shape=(counted.n_prompts, len(patterns))) @ flat
    remaining = by_prompt.sum(axis=0) + _change_without(counted, measure, patterns, pattern, flat, weight)
    remaining[np.abs(remaining) < ROUNDING] = 0.0
    compared = np.unique(counted.annotator[(counts.sum(axis=1) >= 2)[counted.unit]])
    return Evidence(
        prompts=by_prompt.reshape(counted.n_prompts, *shape),
        without=remaining[compared].reshape(len(compared), *shape),
        compared=compared,
        varies=_varies(counts, is_mirrored=measure.is_mirrored),
        of=lambda sums: measure.of(sums, values),
        lowest=measure.lowest,
        highest=measure.highest,
    )


def _counted(answers: Answers, columns: tuple[int, ...] | None) -> Answers:
    if columns is None or len(columns) == len(answers.values):
        return answers
    new_code = np.full(len(answers.values), -1)
    new_code[list(columns)] = np.arange(len(columns))
    kept = new_code[answers.answer] >= 0
    return answers._replace(
        unit=answers.unit[kept],
        annotator=answers.annotator[kept],
        answer=new_code[answers.answer[kept]],
        values=answers.values[list(columns)],
    )


def _patterns(counts: Floats) -> tuple[Floats, Ints]:
    """The distinct rows of counts, and the row of each unit."""
    code = np.zeros(len(counts), dtype=np.int64)
    for column in counts.astype(np.int64).T:
        code = coded(code * (column.max(initial=0) + 1) + column).codes
    example = np.unique(code, return_index=True)[1]
    return counts[example], code


def _change_without(
    answers: Answers, measure: Measure, patterns: Floats, pattern: Ints, flat: Floats, weight: Floats
) -> Floats:
    """How the sums change without each annotator. (A, parts)

    Their answer k on a unit with pattern p changes its part from that of p to that of p with one k fewer.
    """
    n_patterns, n_values = patterns.shape
    fewer = np.maximum(patterns[:, np.newaxis, :] - np.eye(n_values), 0.0).reshape(-1, n_values)
    change = measure.parts(fewer, answers.values).reshape(len(fewer), flat.shape[1]) - np.repeat(flat, n_values, axis=0)
    said = pattern[answers.unit] * n_values + answers.answer
    theirs = (weight[answers.prompt], (answers.annotator, said))
    changes: Floats = csr_matrix(theirs, shape=(answers.n_annotators, n_patterns * n_values)) @ change
    return changes


def _varies(counts: Floats, *, is_mirrored: bool) -> bool:
    compared = counts[counts.sum(axis=1) >= 2]
    in_use = compared.sum(axis=0) > 0
    if is_mirrored:
        return bool(in_use[0] or in_use[-1])
    return int(in_use.sum()) >= 2
