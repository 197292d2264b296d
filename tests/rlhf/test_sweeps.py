"""A sweep from the form to its page."""

import pytest
from django.urls import reverse

from rlhf import axes, broker, sweeps
from rlhf.models import Checkpoint, Run, Snapshot, Sweep

COUNTS = {
    "prompts": 40,
    "prompts_test": 10,
    "demonstrations": 30,
    "rankings": 9,
    "comparisons": 40,
    "pairs": 90,
    "pairs_train": 60,
    "pairs_test": 30,
}


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr(broker.current_app, "send_task", lambda *args, **options: None)


@pytest.fixture
def start(project, client, mia):
    """Return a function that sends the form of the reward stage with a search."""
    Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=COUNTS)
    made = {"manifest_sha256": "m" * 64, "tokenizer_sha256": "t" * 64, "size_bytes": 1}
    Checkpoint.objects.create(kind="sft", name="sft", path="sft", **made)
    client.force_login(mia)
    url = reverse("run_new", args=[project.slug, "reward"])

    def start(search, draws=""):
        form = client.get(url).context["form"]
        values = {bound.name: bound.value() for bound in form}
        sent = {name: "" if value is None else getattr(value, "pk", value) for name, value in values.items()}
        return client.post(url, sent | {"search": search, "draws": draws})

    return start


def end(run, accuracy):
    Run.objects.filter(pk=run.pk).update(state="succeeded", result={"metrics": {"accuracy": accuracy, "ece": 0.1}})


def test_a_search_becomes_runs_that_belong_together(start):
    answer = start("learning_rate: 1e-4, 3e-4\nepochs: 1, 2")

    sweep = Sweep.objects.get()
    assert answer.url == reverse("sweep", args=[sweep.pk])
    tried = {(run.config["learning_rate"], run.config["epochs"]) for run in sweep.runs.all()}
    assert tried == {(1e-4, 1), (1e-4, 2), (3e-4, 1), (3e-4, 2)}
    assert {run.config["batch_size"] for run in sweep.runs.all()} == {4}


def test_without_a_search_it_is_a_single_run(start):
    start("")

    assert (Run.objects.get().sweep, Sweep.objects.count()) == (None, 0)


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ("speed: 1, 2", "Reward has no field «speed»"),
        ("epochs: 1, 900", "With epochs 900: epochs: expected 1 to 50; got 900."),
    ],
)
def test_a_search_that_will_not_do_is_refused_beside_its_field_and_queues_nothing(start, search, sentence):
    answer = start(search)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert (Run.objects.count(), Sweep.objects.count()) == (0, 0)


def test_the_best_run_stands_first_and_those_that_go_on_last(start):
    start("epochs: 1, 2, 3")
    sweep = Sweep.objects.get()
    first, second, third = sweep.runs.order_by("pk")
    end(first, 0.6)
    end(third, 0.7)

    report = sweeps.report(sweep)

    assert [(row.run, row.measured, row.is_best) for row in report.rows] == [
        (third, 0.7, True),
        (first, 0.6, False),
        (second, None, False),
    ]
    assert (report.waiting_count, len(report.scatter.points), report.parallel) == (1, 2, None)


def test_two_fields_are_drawn_as_parallel_axes(start):
    start("epochs: 1, 2\nlabels: soft, hard")
    sweep = Sweep.objects.get()
    for run, accuracy in zip(sweep.runs.order_by("pk"), (0.6, 0.61, 0.65, 0.7), strict=True):
        end(run, accuracy)

    report = sweeps.report(sweep)

    assert [axis.title for axis in report.parallel.axes] == ["epochs", "labels", "held-out accuracy"]
    assert [thread.is_best for thread in report.parallel.threads] == [False, False, False, True]


def test_places_on_parallel_axes():
    found = axes.parallel(
        ["a", "b"], [([1, "x"], "run 1", False), ([100, "y"], "run 2", True), ([10, "x"], "3", False)]
    )

    assert [thread.points for thread in found.threads] == ["70,276 650,276", "70,158 650,276", "70,40 650,40"]


def test_the_rest_of_a_sweep_can_be_cancelled(start, client):
    start("epochs: 1, 2")
    sweep = Sweep.objects.get()
    end(sweep.runs.order_by("pk").first(), 0.6)

    client.post(reverse("sweep_cancel", args=[sweep.pk]))

    assert sorted(sweep.runs.values_list("state", flat=True)) == ["cancelled", "succeeded"]


def test_the_page_shows_settings_and_outcomes(start, client):
    start("epochs: 1, 2")
    sweep = Sweep.objects.get()
    for run, accuracy in zip(sweep.runs.order_by("pk"), (0.6, 0.7), strict=True):
        end(run, accuracy)

    page = client.get(reverse("sweep", args=[sweep.pk])).content.decode()

    assert "best" in page
    assert page.count('<svg class="drawing"') == 1
    assert f"sweep {sweep.pk}" in client.get(reverse("run", args=[sweep.runs.first().pk])).content.decode()
