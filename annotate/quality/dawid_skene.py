"""Dawid and Skene (1979): the true class of each unit and how each annotator takes one class for another, by EM.

For answers from a fixed list: flags, categories. Its posteriors are too sure where answers err together; pairs of
completions have the joint model (margin_model.py).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from annotate.quality.arrays import Floats, Ints

MAX_ROUNDS = 100
TOLERANCE = 1e-5
LEAST = 1e-300
PSEUDO_RIGHT, PSEUDO_WRONG = 3.0, 1.0
"""Answers added to each annotator in each true class: right ones, and wrong ones shared among the other classes. They
anchor the names of the classes and keep one answer from making sure."""


class Answers(NamedTuple):
    """Who gave which class to which unit, codes from 0, one row an answer; an annotator may answer a unit again."""

    unit: Ints
    annotator: Ints
    answer: Ints


class Classes(NamedTuple):
    """`posterior`: P(class) of each unit (U, C); `prevalence` (C,); `confusion`: P(answer | class) (A, C, C), rows the
    true class. `log_posterior` is what EM raises: the log likelihood with that of the pseudo-answers."""

    posterior: Floats
    prevalence: Floats
    confusion: Floats
    log_posterior: float


def dawid_skene(
    answers: Answers,
    *,
    n_classes: int,
    right: float = PSEUDO_RIGHT,
    wrong: float = PSEUDO_WRONG,
    max_rounds: int = MAX_ROUNDS,
) -> Classes:
    """Rounds of EM from the shares of answers until no posterior moves by more than 1e-5; without answers, no units.

    With `right` and `wrong` 0 it is the paper's maximum likelihood.
    """
    previous: Floats | None = None
    for number, state in enumerate(em_rounds(answers, n_classes=n_classes, right=right, wrong=wrong), start=1):
        moved = np.inf if previous is None else np.abs(state.posterior - previous).max(initial=0.0)
        if moved < TOLERANCE or number == max_rounds:
            return state
        previous = state.posterior
    raise AssertionError("em_rounds does not end")


def posterior_given(answers: Ints, confusion: Floats, prevalence: Floats) -> Floats:
    """P(class) of one unit (C,) by the answers (N,) of annotators with these confusions (N, C, C), as fitted.

    >>> posterior_given(np.array([1]), np.array([[[0.9, 0.1], [0.2, 0.8]]]), np.array([0.5, 0.5])).round(3).tolist()
    [0.111, 0.889]
    """
    logs = np.log(np.maximum(prevalence, LEAST))
    for said, by in zip(answers.tolist(), confusion, strict=True):
        logs = logs + np.log(np.maximum(by[:, said], LEAST))
    odds = np.exp(logs - logs.max())
    shares: Floats = odds / odds.sum()
    return shares


def em_rounds(answers: Answers, *, n_classes: int, right: float, wrong: float) -> Iterator[Classes]:
    """EM without end, the M-step first."""
    n_units, n_annotators = (int(column.max(initial=-1)) + 1 for column in (answers.unit, answers.annotator))
    column = answers.annotator * n_classes + answers.answer
    shape = (n_units, n_annotators * n_classes)
    table = csr_matrix((np.ones(len(column)), (answers.unit, column)), shape=shape)
    pseudo = np.full((n_classes, n_classes), wrong / max(n_classes - 1, 1))
    np.fill_diagonal(pseudo, right)
    posterior = _shares(answers, n_units, n_classes)
    while True:
        state = _maximised(table, posterior, pseudo)
        posterior, likelihood = _expected(table, state, pseudo)
        yield state._replace(posterior=posterior, log_posterior=likelihood)


def wawa(answers: Answers, *, n_classes: int) -> tuple[Floats, Floats]:
    """The plainest skill: each annotator's agreement with the majority that holds their own answer too (A,), and the
    shares of answers weighed by it (U, C). For comparison: it flatters those who answer much.
    """
    n_units, n_annotators = (int(column.max(initial=-1)) + 1 for column in (answers.unit, answers.annotator))
    majority = _shares(answers, n_units, n_classes).argmax(axis=1)
    agrees = (answers.answer == majority[answers.unit]).astype(np.float64)
    count = np.bincount(answers.annotator, minlength=n_annotators)
    right = np.bincount(answers.annotator, agrees, n_annotators)
    skill: Floats = np.divide(right, count, out=np.full(n_annotators, np.nan), where=count > 0)
    return skill, _shares(answers, n_units, n_classes, weights=skill[answers.annotator])


def _maximised(table: csr_matrix, posterior: Floats, pseudo: Floats) -> Classes:
    n_classes = len(pseudo)
    added = pseudo.sum() / n_classes
    prevalence = (posterior.sum(axis=0) + added / n_classes) / max(len(posterior) + added, 1e-300)
    said = (table.T @ posterior).reshape(-1, n_classes, n_classes).swapaxes(1, 2) + pseudo
    total = said.sum(axis=2, keepdims=True)
    confusion = np.divide(said, total, out=np.full_like(said, 1 / n_classes), where=total > 0)
    return Classes(posterior, prevalence, confusion, -np.inf)


def _expected(table: csr_matrix, state: Classes, pseudo: Floats) -> tuple[Floats, float]:
    """The posterior of each unit, and the log posterior density of the parameters that gave it."""
    n_classes = len(pseudo)
    log_confusion = np.log(np.maximum(state.confusion, LEAST))
    log_prevalence = np.log(np.maximum(state.prevalence, LEAST))
    logs = log_prevalence + table @ log_confusion.swapaxes(1, 2).reshape(-1, n_classes)
    largest = logs.max(axis=1, keepdims=True, initial=-np.inf)
    posterior = np.exp(logs - largest)
    total = posterior.sum(axis=1, keepdims=True)
    prior = (pseudo * log_confusion).sum() + pseudo.sum() / n_classes**2 * log_prevalence.sum()
    return posterior / total, float((np.log(total) + largest).sum() + prior)


def _shares(answers: Answers, n_units: int, n_classes: int, *, weights: Floats | None = None) -> Floats:
    cell = answers.unit * n_classes + answers.answer
    counts = np.bincount(cell, weights, n_units * n_classes).reshape(n_units, n_classes).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(counts, total, out=np.full_like(counts, 1 / n_classes), where=total > 0)
    return shares
