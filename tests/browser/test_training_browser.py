"""The pages of training with everything on them: they fit a phone, and axe-core finds nothing."""

import pytest
from django.urls import reverse

from tests.browser.test_axe import check
from tests.rlhf.test_reward_page import CEILING, trained  # noqa: F401  fixture
from tests.rlhf.test_sweeps import end, silent, start  # noqa: F401  fixtures

pytestmark = pytest.mark.browser
NARROW = (360, 740)


def looked_at(page, address):
    """What axe-core finds on a page with everything opened, and how wide it is then."""
    page.goto(address)
    return check(page), page.evaluate("document.documentElement.scrollWidth")


def test_the_report_on_a_reward_model(open_page, signed_in, mia, trained):  # noqa: F811
    page = open_page(size=NARROW)
    signed_in(page, mia)

    assert looked_at(page, reverse("run", args=[trained(ceiling=CEILING).pk])) == ([], 360)


def test_a_sweep_with_its_picture(open_page, signed_in, mia, project, start):  # noqa: F811
    start("epochs: 1, 2\nlabels: soft, hard")
    sweep = project.sweeps.get()
    for run in sweep.runs.order_by("pk"):
        end(run, 0.5 + 0.01 * run.pk)
    page = open_page(size=NARROW)
    signed_in(page, mia)

    assert looked_at(page, reverse("sweep", args=[sweep.pk])) == ([], 360)


def test_the_form_of_a_run_with_queues_to_choose_from(open_page, signed_in, mia, project, start, settings):  # noqa: F811
    settings.RUN_QUEUES = ["gpu", "gpu-80g"]
    settings.TRAINING_NODES, settings.VLLM_PYTHON = ["10.0.0.1", "10.0.0.2"], "/opt/vllm/bin/python"
    start("epochs: 1, 2")
    page = open_page(size=NARROW)
    signed_in(page, mia)

    assert looked_at(page, reverse("run_new", args=[project.slug, "reward"])) == ([], 360)
    assert page.get_by_label("Queue").input_value() == "gpu"
    assert page.get_by_label("Processes").locator("option").count() == 8
