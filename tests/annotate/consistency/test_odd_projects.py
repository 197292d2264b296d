"""Projects with little or odd data on every consistency page: an answer or a reason, never a crash or a false one."""

import json
import re

import pytest
from django.urls import reverse

from annotate import intake
from annotate.consistency import downloads, report
from annotate.models import Annotator
from tests.annotate.consistency.test_pages import PAGES

ENOUGH = 40
"""Comparisons: more than any figure of a project needs to be shown."""


def text_of(html):
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<head.*?</head>", " ", html)).split())


@pytest.fixture
def voted(project, write_lines):
    """Return a function that adds a comparison of two completions for each string of signs and imports its votes.

    A sign stands for one annotator, w0, w1, …: «+» prefers «a», «-» prefers «b», «0» ties, «.» says nothing.
    """

    def voted(*comparisons, models=("plain", "tuned")):
        lines, votes = [], []
        for n, signs in enumerate(comparisons):
            named = models[n % len(models)] if isinstance(models[0], tuple) else models
            texts = [{"id": k, "text": f"{k}{n}", "model": name} for k, name in zip("ab", named, strict=True)]
            lines.append({"id": f"m{n}", "prompt": f"{n}?", "completions": texts, "overlap": max(len(signs), 1)})
            votes += [_vote(n, who, sign) for who, sign in enumerate(signs) if sign != "."]
        intake.import_file(write_lines(*lines), kind="comparisons", project=project)
        if votes:
            intake.import_file(write_lines(*votes), kind="rankings", project=project)
        return project

    return voted


def _vote(n, who, sign):
    ranking = {"+": [["a"], ["b"]], "-": [["b"], ["a"]], "0": [["a", "b"]]}[sign]
    order = ["a", "b"] if (n + who) % 2 else ["b", "a"]
    return {"comparison": f"m{n}", "annotator": f"w{who}", "ranking": ranking, "order": order, "seconds": 9}


CIRCLE = (("plain", "tuned"), ("other", "fourth"))
ODD = {
    "one annotator": {"comparisons": ["+"] * 20 + ["-"] * 20},
    "everyone ties": {"comparisons": ["000"] * ENOUGH},
    "no overlap": {"comparisons": ["." * (n % 4) + "+" for n in range(ENOUGH)]},
    "systems that share no comparison": {"comparisons": ["++-", "-+-"] * 20, "models": CIRCLE},
    "all votes equal": {"comparisons": ["+++"] * ENOUGH},
    "an annotator with one vote": {"comparisons": ["++-", "+-+"] * 20 + ["++-+"]},
    "as many votes on one pair as a project can have": {"comparisons": ["+-" * 25]},
    "one vote": {"comparisons": ["+"]},
    "half of the comparisons unranked": {"comparisons": ["++-", ""] * 20},
}


@pytest.fixture(params=ODD)
def odd(request, voted):
    return voted(*ODD[request.param]["comparisons"], models=ODD[request.param].get("models", ("plain", "tuned")))


def problems_of(client, project, urls):
    """What is wrong with pages, by their names: a status, or a number that is none."""
    answers = {name: client.get(url) for name, url in urls.items()}
    broken = {name: answer.status_code for name, answer in answers.items() if answer.status_code != 200}
    texts = {name: text_of(answer.content.decode()) for name, answer in answers.items() if name not in broken}
    none = {name: said for name, text in texts.items() if (said := re.findall(r"\b(?:nan|inf|None)\b", text))}
    return broken | none


def urls_of(project):
    people = Annotator.objects.filter(rankings__comparison__project=project).distinct().order_by("pk")
    urls = {name: reverse(name, args=[project.slug]) for name in PAGES}
    urls["what if"] = reverse("consistency_what_if", args=[project.slug]) + "?overlap=2"
    urls["annotator"] = reverse("consistency_annotator", args=[project.slug, people[0].pk])
    urls["pair"] = reverse("consistency_pair", args=[project.slug, people[0].pk, people.last().pk])
    urls["comparison"] = reverse("comparison", args=[project.comparisons.first().pk])
    return urls | {"desk": reverse("desk", args=[project.slug])}


def test_every_page_has_an_answer(odd, rex, as_user):
    assert problems_of(as_user(rex), odd, urls_of(odd)) == {}


def test_every_stored_report_and_file_has_one_too(odd, rex, as_user, monkeypatch):
    monkeypatch.setattr(report, "LIVE_RANKINGS", 0)
    report.make(odd)
    client = as_user(rex)

    tables = {
        name: b"".join(
            client.get(reverse("consistency_download", args=[odd.slug, name]), {"form": "json"}).streaming_content
        )
        for name in downloads.TABLES
    }

    assert problems_of(client, odd, urls_of(odd)) == {}
    assert [name for name, content in tables.items() if re.search(rb"\bNaN\b|Infinity", content)] == []
    assert [name for name, content in tables.items() if not isinstance(json.loads(content), list)] == []


def figures_of(client, project):
    tiles = client.get(reverse("consistency", args=[project.slug])).context["tiles"]
    return {
        tile.label: tile.estimate.value if tile.estimate.value is not None else tile.estimate.reason for tile in tiles
    }


def test_one_annotator_agrees_with_nobody(voted, rex, as_user):
    found = figures_of(as_user(rex), voted(*ODD["one annotator"]["comparisons"]))

    assert set(found.values()) == {"Not enough data: 0 prompts with two annotators, shown from 30."}


def test_ties_alone_are_no_agreement_of_one(voted, rex, as_user):
    found = figures_of(as_user(rex), voted(*ODD["everyone ties"]["comparisons"]))

    assert {type(value) for value in found.values()} == {str}
    assert found["Pair alpha"].startswith("No variation")


def test_one_pair_is_one_prompt_however_many_votes_it_has(voted, rex, as_user):
    found = figures_of(as_user(rex), voted("+-" * 25))

    assert set(found.values()) == {"Not enough data: 1 prompts with two annotators, shown from 30."}


def test_all_who_say_the_same_agree_wholly_and_it_was_measured(voted, rex, as_user):
    found = figures_of(as_user(rex), voted(*["+++"] * ENOUGH))

    assert found["Agreement where both chose"] == 1.0
