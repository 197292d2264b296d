"""The pictures of the README, taken from a demo that has run: `make images`.

Reads the database and files of CONCORD_IMAGES_FROM (a data directory that `make demo ONCE=1` filled), serves it, and
writes to docs/images. The demo's logins get new passwords, and a small project of our own texts is added for the
annotator's page.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import PASSWORD

pytestmark = pytest.mark.images

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
PORT = 8799
SHOWN = {
    "id": "tides",
    "prompt": "Why are there usually two high tides a day, not one?",
    "completions": [
        "The Moon pulls the sea into a bulge on the side that faces it. On the far side the pull is weaker than at the "
        "Earth's centre, so the water there is left behind as a second bulge. The Earth turns under both once a day.",
        "Because the Moon goes round the Earth twice a day, and takes the water with it each time.",
        "Two bulges of water stand on opposite sides of the Earth, one towards the Moon and one away from it, and "
        "every coast turns through both in a little under 25 hours.",
        "Tides are a fascinating phenomenon that has inspired sailors and poets for centuries! There are **many** "
        "factors: the Moon, the Sun, the wind, the shape of the coast, and more.",
    ],
}
PREPARE = f"""
import json, pathlib, tempfile
from django.contrib.auth.models import User
from annotate import intake, projects
from annotate.models import Project
for role in ("annotator", "reviewer", "ml-engineer"):
    user = User.objects.get(username=f"demo-{{role}}")
    user.set_password({PASSWORD!r})
    user.save()
if not Project.objects.filter(slug="questions").exists():
    guidelines = "Prefer answers that are true, then those that are clear. A longer answer is not a better one."
    project = projects.create(slug="questions", name="Everyday questions", overlap=9, guidelines=guidelines, by=None)
    path = pathlib.Path(tempfile.mkdtemp()) / "shown.jsonl"
    path.write_text({json.dumps(SHOWN)!r} + chr(10))
    intake.import_file(path, kind="comparisons", project=project)
"""


@pytest.fixture(scope="module")
def site():
    """The address of gunicorn over the demo's data."""
    environment = os.environ | {"CONCORD_DATA_DIR": os.environ["CONCORD_IMAGES_FROM"]}
    environment.pop("DATABASE_URL", None)
    subprocess.run([sys.executable, "manage.py", "shell", "-c", PREPARE], cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{PORT}", "--threads", "4"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as server:
        wait_for(PORT)
        yield f"http://127.0.0.1:{PORT}"
        server.terminate()


@pytest.fixture
def page(browser, site):
    """A page of the served demo, as wide as a laptop's and sharp."""
    context = browser.new_context(
        base_url=site,
        viewport={"width": 1366, "height": 1000},
        device_scale_factor=1.5,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def wait_for(port):
    for _ in range(150):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"gunicorn does not listen on {port}")


def sign_in(page, name):
    page.goto("/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def take(page, name):
    IMAGES.mkdir(exist_ok=True)
    page.screenshot(path=IMAGES / f"{name}.png")


def test_the_annotators_page(page):
    sign_in(page, "demo-annotator")
    page.locator("a[href$='/questions/rank/']").click()
    if (read := page.get_by_role("button", name=re.compile("I have read"))).is_visible():
        read.click()
    expect(page.get_by_role("heading", name="Rank 4 completions")).to_be_visible()
    for key in ("a", "1", "b", "1", "c", "4"):
        page.keyboard.press(key)
    expect(page.locator("[data-sentence]")).to_contain_text(">")
    page.evaluate("window.scrollTo(0, 0)")
    take(page, "rank")


def test_the_consistency_report(page):
    sign_in(page, "demo-reviewer")
    page.goto("/staff/")
    page.locator("a[href$='/staff/projects/demo/']").first.click()
    page.get_by_role("link", name="Consistency").first.click()
    expect(page.get_by_text("simulated").first).to_be_visible()
    take(page, "consistency")


def test_a_ppo_run(page):
    sign_in(page, "demo-ml-engineer")
    page.goto("/staff/")
    page.locator("a[href$='/staff/projects/demo/']").first.click()
    page.get_by_role("link", name="Training").first.click()
    page.locator("a[href*='/training/runs/']", has_text="PPO").first.click()
    expect(page.get_by_role("heading", name=re.compile("PPO"))).to_be_visible()
    page.wait_for_timeout(1_500)
    take(page, "run")
