"""Projects with rankings for the consistency pages: a small one by ana and ben, and a crowd of imported people."""

import uuid

import pytest

from annotate import assignments, intake, rankings
from annotate.answers import Answer

MODELS = ("plain", "tuned")


@pytest.fixture
def as_user(client):
    """Log a user (or the account of an annotator) in and return the client."""

    def as_user(user):
        client.force_login(getattr(user, "user", user))
        return client

    return as_user


@pytest.fixture
def ranked(project, comparisons, ana, ben):
    """The project after ana and ben ranked each of its three comparisons, in opposite orders."""
    for annotator, turn in ((ana, 1), (ben, -1)):
        while place := assignments.reserve_next(annotator, project):
            tiers = [[pk] for pk in sorted(place.order)[::turn]]
            rankings.submit(place, Answer(tiers), submission=uuid.uuid4())
    return project


@pytest.fixture
def add_crowd(project, write_lines):
    """Return a function that imports rankings of pairs by three of five people each, in so many weeks.

    w0 to w3 prefer «a» on four prompts of five and «b» on the fifth; w4 says the opposite.
    """

    def add_crowd(count, *, weeks=1, first=0):
        numbers = range(first, first + count)
        intake.import_file(write_lines(*map(_comparison, numbers)), kind="comparisons", project=project)
        votes = [_vote(n, k, weeks) for n in numbers for k in range(3)]
        intake.import_file(write_lines(*votes), kind="rankings", project=project)
        return project

    return add_crowd


def _comparison(n):
    texts = ("A river that is long." + " Very long." * (n % 4), "A river.")
    completions = [
        {"id": letter, "text": f"{text} ({n})", "model": model}
        for letter, text, model in zip("ab", texts, MODELS, strict=True)
    ]
    category = ("rivers", "lakes")[n % 2]
    return {"id": f"m{n}", "prompt": f"Question {n}?", "completions": completions, "category": category, "overlap": 3}


def _vote(n, k, weeks):
    who = (n + k) % 5
    prefers_a = (n % 5 != 0) != (who == 4)
    day = 2 + 7 * (n % weeks)
    return {
        "comparison": f"m{n}",
        "annotator": f"w{who}",
        "chosen": "ab"[not prefers_a],
        "rejected": "ab"[prefers_a],
        "order": ["a", "b"] if (n + k) % 2 else ["b", "a"],
        "seconds": 10 + who,
        "submitted_at": f"2026-{3 + day // 28:02}-{1 + day % 28:02}T10:00:00Z",
    }
