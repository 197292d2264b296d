"""The pictures of docs/quality.md, of a crowd made on the spot: part of `make images`.

Twenty people rank three answers of four systems; one clicks, one follows the place, two copy. Nobody of them is real.
"""

import numpy as np
import pytest
from playwright.sync_api import expect

from annotate import intake, projects, questions
from annotate.consistency import report
from annotate.models import Annotator
from annotate.questions import Choice, Questions
from tests.browser.test_images import IMAGES

pytestmark = pytest.mark.images

ASKED = Questions(ratings=True, flags=(Choice("invented", "Makes things up"), Choice("rude", "Is rude")))
PROMPTS, PEOPLE, WEEKS, SEED = 420, 20, 10, 5
SYSTEMS = {"base": -0.7, "tuned": 0.0, "tuned-2": 0.2, "long": 0.5}
CATEGORIES = ("chat", "code", "extraction", "summary")
CLICKER, FOLLOWER, COPIERS = 17, 18, (4, 11)
SENTENCE = "It flows past the old mill and under two bridges before it meets the sea"


@pytest.fixture
def crowd(roles, write_lines):
    project = projects.create(slug="rivers", name="Rivers", overlap=3, guidelines="Be fair.", by=None)
    project.questions = questions.to_json(ASKED)
    project.save()
    rng = np.random.default_rng(SEED)
    names = list(SYSTEMS)
    comparisons, votes = [], []
    for n in range(PROMPTS):
        systems = rng.permutation(names)[:3].tolist()
        length = rng.integers(8, 60, 3)
        worth = np.array([SYSTEMS[name] for name in systems]) + rng.normal(0, 0.9, 3) + 0.006 * length
        comparisons.append(_comparison(n, systems, length))
        shared = rng.normal(0, 2, 3)
        for who in rng.permutation(PEOPLE)[:3].tolist():
            votes.append(_vote(n, who, worth, shared, rng))
    intake.import_file(write_lines(*comparisons, name="comparisons.jsonl"), kind="comparisons", project=project)
    intake.import_file(write_lines(*votes, name="rankings.jsonl"), kind="rankings", project=project)
    projects.publish_guidelines(project, text="Be fair, and read to the end.", by=None)
    project.guidelines.filter(number=2).update(published_at="2026-04-06T00:00:00Z")
    report.make(project)
    return project


def _comparison(n, systems, length):
    texts = [" ".join(np.resize(SENTENCE.split(), count)) + f". ({n})" for count in length]
    return {
        "id": f"river-{n}",
        "prompt": f"Where does river number {n} flow?",
        "category": CATEGORIES[n % 4],
        "completions": [
            {"id": k, "text": f"{k}: {text}", "model": system}
            for k, text, system in zip("abc", texts, systems, strict=True)
        ],
    }


def _vote(n, who, worth, shared, rng):
    order = rng.permutation(3)
    said = worth + rng.normal(0, 0.5 if who % 3 else 0.9, 3)
    said = {CLICKER: rng.normal(0, 1, 3), FOLLOWER: -np.argsort(order) * 1.0}.get(who, said)
    said = shared if who in COPIERS else np.round(said, 0 if n % 5 == 0 else 3)
    tiers = [["abc"[k] for k in range(3) if said[k] == value] for value in sorted(set(said.tolist()), reverse=True)]
    grades = np.clip(
        np.round(4 + 1.3 * (worth if who != CLICKER else 0 * worth) - (who == 2) + rng.normal(0, 0.8, 3)), 1, 7
    ).astype(int)
    flags = {"abc"[k]: ["invented"] for k in range(3) if worth[k] < -1.2 and rng.random() < 0.8}
    day = 7 * (n * WEEKS // PROMPTS) + int(rng.integers(0, 5))
    return {
        "comparison": f"river-{n}",
        "annotator": f"person-{who}",
        "ranking": tiers,
        "order": ["abc"[k] for k in order],
        "ratings": dict(zip("abc", grades.tolist(), strict=True)),
        "flags": flags,
        "seconds": round(float(rng.lognormal(3.6 if who != CLICKER else 1.7, 0.4)), 1),
        "submitted_at": f"2026-{3 + day // 31:02}-{1 + day % 31:02}T{8 + n % 9:02}:{n % 60:02}:00Z",
    }


@pytest.fixture
def shown(open_page, signed_in, rex, crowd):
    """Return a function that opens a page of the project as a reviewer and takes its picture."""

    def shown(path, name, *, heading, height=900, size=None, theme="light"):
        page = open_page(size=size or (1366, height), theme=theme)
        signed_in(page, rex)
        page.goto(f"/staff/projects/{crowd.slug}/consistency/{path}")
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
        IMAGES.mkdir(exist_ok=True)
        page.screenshot(path=IMAGES / f"quality-{name}.png")
        assert page.faults == []

    return shown


def test_the_headline(shown):
    shown("", "headline", heading="Consistency", height=1150)


def test_the_trend(shown):
    shown("trend/", "trend", heading="Trend", height=820)


def test_the_annotators(shown):
    shown("annotators/?sort=-risk", "annotators", heading="Annotators", height=820)


def test_one_annotator(shown, crowd):
    copier = Annotator.objects.get(external_id=f"person-{COPIERS[0]}")
    shown(f"annotators/{copier.pk}/", "annotator", heading=copier.pseudonym, height=1100)


def test_the_heat_map(shown):
    shown("heat-map/", "heat-map", heading="Heat map", height=1000, theme="dark")


def test_the_systems(shown):
    shown("systems/", "systems", heading="Systems", height=760)


def test_the_ratings_and_flags(shown):
    shown("ratings-and-flags/", "grades", heading="Ratings and flags", height=900)


def test_the_ceiling(shown):
    shown("ceiling-and-budget/", "ceiling", heading="Ceiling", height=820)
