"""The report on a reward model on its run's page."""

import pytest
from django.urls import reverse

from rlhf import reward_page
from rlhf.models import Checkpoint, Run, Snapshot

MEASURED = {
    "accuracy": 0.7,
    "accuracy_low": 0.63,
    "accuracy_high": 0.76,
    "n": 200,
    "accuracy_longer_wins": 0.6,
    "accuracy_shorter_won": 0.5,
    "ece": 0.04,
    "temperature": 1.3,
    "longer_scored_higher": 0.68,
    "trust_threshold": 1.61,
    "calibration": [
        {"low": 0.2, "high": 0.3, "predicted": 0.25, "observed": 0.3, "n": 60},
        {"low": 0.7, "high": 0.8, "predicted": 0.75, "observed": 0.7, "n": 60},
    ],
    "accuracy_by": [
        {"slice": "category", "value": "poem", "accuracy": 0.8, "low": 0.7, "high": 0.9, "n": 40},
        {"slice": "margin", "value": "0 to 0.5", "accuracy": 0.55, "low": 0.45, "high": 0.65, "n": 90},
    ],
    "learning_curve": [
        {"n_prompts": n, "n_pairs": 6 * n, "accuracy": accuracy, "n_held_out": 200}
        for n, accuracy in ((25, 0.58), (50, 0.63), (100, 0.67), (200, 0.7))
    ],
}
CEILING = {
    "human": {"value": 0.76, "n": 400, "low": 0.73, "high": 0.79, "reason": ""},
    "single_vote": {"value": 0.74, "n": 90, "low": 0.7, "high": 0.77, "reason": ""},
    "majority_of_three": {"value": 0.81, "n": 90, "low": 0.78, "high": 0.84, "reason": ""},
    "lower": {"value": 0.7, "n": 90, "low": 0.66, "high": 0.74, "reason": ""},
}


@pytest.fixture
def trained(project):
    """Return a function that gives a reward run with such figures."""

    def make(measured=None, ceiling=None):
        counts = {"prompts": 40, "rankings": 120, "comparisons": 40, "pairs": 240, "ceiling": ceiling or {}}
        snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=counts)
        base = Checkpoint.objects.create(
            kind="base", name="b", path="b", manifest_sha256="m", tokenizer_sha256="t", size_bytes=1
        )
        result = {"status": "succeeded", "metrics": MEASURED if measured is None else measured, "seconds": 9.0}
        return Run.objects.create(
            project=project, stage="reward", state="succeeded", config={}, snapshot=snapshot, base=base, result=result
        )

    return make


def test_accuracy_stands_against_chance_words_and_people(trained):
    rows = reward_page.report(trained(ceiling=CEILING)).overall

    assert [(row.name, row.value) for row in rows] == [
        ("This reward model", 0.7),
        ("«The longer one wins»", 0.6),
        ("Annotators against the majority of the others", 0.76),
        ("Best possible on one vote", 0.74),
        ("Best possible on a majority of three", 0.81),
    ]


def test_each_part_of_the_pairs_has_its_table(trained):
    doubt = [{"slice": "doubt", "value": "the surer half", "accuracy": 0.8, "low": 0.7, "high": 0.9, "n": 100}]

    slices = reward_page.report(trained(MEASURED | {"accuracy_by_doubt": doubt})).slices

    assert [(one.title, one.rows[0].value) for one in slices] == [
        ("By margin of the label", 0.55),
        ("By category", 0.8),
        ("By the model's own uncertainty", 0.8),
    ]


def test_the_length_bias_is_what_the_model_adds_to_what_people_do(trained):
    assert reward_page.report(trained()).length.difference == pytest.approx(0.08)


def test_four_sizes_are_extended_by_a_fit_below_the_ceiling(trained):
    rows = reward_page.report(trained(ceiling=CEILING)).learning.rows

    assert [(n, is_measured) for n, *_, is_measured in rows] == [
        (25, True),
        (50, True),
        (100, True),
        (200, True),
        (400, False),
        (800, False),
    ]
    assert 0.7 < rows[-1][1] <= 0.81


def test_two_sizes_are_drawn_without_a_fit(trained):
    learning = reward_page.report(trained(MEASURED | {"learning_curve": MEASURED["learning_curve"][:2]})).learning

    assert (len(learning.rows), learning.drawing.lines) == (2, [])


def test_an_older_run_without_the_new_figures_shows_what_it_has(trained):
    few = {name: MEASURED[name] for name in ("accuracy", "accuracy_low", "accuracy_high", "n", "accuracy_longer_wins")}

    found = reward_page.report(trained(few))

    assert (len(found.overall), found.slices, found.calibration, found.learning) == (2, [], None, None)


def test_a_run_that_measured_nothing_has_no_report(trained):
    assert reward_page.report(trained({})) is None


def test_the_page_shows_the_report_and_how_to_read_it(client, mia, trained):
    client.force_login(mia)

    page = client.get(reverse("run", args=[trained(ceiling=CEILING).pk])).content.decode()

    assert "Accuracy against the human ceiling" in page
    assert page.count('<svg class="drawing"') == 2
    assert "Texts further than <strong>1.61</strong>" in page
