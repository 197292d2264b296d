"""Dawid and Skene's model: known truth, symmetry."""

from itertools import islice

import numpy as np
import pytest

from annotate.quality.dawid_skene import Answers, dawid_skene, em_rounds


def drawn(rng: np.random.Generator, *, n_units: int = 600) -> tuple[Answers, np.ndarray]:
    """Three of six annotators, right in 90, 90, 80, 80, 50, 10 %, on each unit; 30 % are flagged."""
    truth = rng.random(n_units) < 0.3
    who = np.argsort(rng.random((n_units, 6)), axis=1)[:, :3]
    right = rng.random((n_units, 3)) < np.array([0.9, 0.9, 0.8, 0.8, 0.5, 0.1])[who]
    said = np.where(right, truth[:, np.newaxis], ~truth[:, np.newaxis]).astype(np.int64)
    return Answers(np.repeat(np.arange(n_units), 3), who.ravel(), said.ravel()), truth


def test_known_errors_are_found_and_a_contrary_annotator_is_turned() -> None:
    answers, truth = drawn(np.random.default_rng(1))

    fitted = dawid_skene(answers, n_classes=2)

    correct = np.diagonal(fitted.confusion, axis1=1, axis2=2).mean(axis=1)
    assert correct == pytest.approx([0.9, 0.9, 0.8, 0.8, 0.5, 0.1], abs=0.1)
    assert ((fitted.posterior[:, 1] > 0.5) == truth).mean() > 0.87


@pytest.mark.parametrize("pseudo", [(0.0, 0.0), (3.0, 1.0)])
def test_the_density_never_falls(pseudo: tuple[float, float]) -> None:
    answers, _ = drawn(np.random.default_rng(2), n_units=80)

    rounds = list(islice(em_rounds(answers, n_classes=2, right=pseudo[0], wrong=pseudo[1]), 60))

    assert np.diff([one.log_posterior for one in rounds]).min() > -1e-9
    assert rounds[-1].log_posterior > rounds[0].log_posterior + 0.1


def test_permuting_annotators_permutes_their_errors() -> None:
    answers, _ = drawn(np.random.default_rng(3), n_units=100)

    straight = dawid_skene(answers, n_classes=2)
    turned = dawid_skene(answers._replace(annotator=5 - answers.annotator), n_classes=2)

    assert turned.confusion[::-1] == pytest.approx(straight.confusion)
    assert turned.posterior == pytest.approx(straight.posterior)


def test_renaming_the_classes_renames_the_posteriors() -> None:
    answers, _ = drawn(np.random.default_rng(4), n_units=100)

    straight, turned = (
        dawid_skene(answers._replace(answer=one), n_classes=2) for one in (answers.answer, 1 - answers.answer)
    )

    assert turned.posterior[:, ::-1] == pytest.approx(straight.posterior, abs=1e-9)


@pytest.mark.parametrize("said", [[], [0], [1], [0, 0, 0], [0, 1] * 5])
def test_odd_projects_have_finite_answers_and_nothing_is_certain(said: list[int]) -> None:
    n = len(said)
    answers = Answers(np.zeros(n, dtype=np.int64), np.arange(n), np.array(said, dtype=np.int64))

    fitted = dawid_skene(answers, n_classes=2)

    assert np.isfinite(fitted.posterior).all()
    assert ((fitted.posterior > 0) & (fitted.posterior < 1)).all()
