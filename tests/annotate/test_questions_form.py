"""What a project asks, chosen by staff: in a new project, in its settings, and on its page."""

import pytest
from django.urls import reverse

from annotate import questions
from annotate.models import Project
from annotate.questions import Choice
from tests.annotate.asking import GUIDELINES, fill, project_of

NEW = {"name": "Lakes", "slug": "lakes", "overlap": 2, "guidelines": GUIDELINES, "task": "pairwise"}
ASKED = {
    "ratings": "on",
    "aspects": "clarity | Clarity | Clarity\n\ntruth | Is it true?",
    "asks_flags": "on",
    "flags": "invented | Makes things up | Making things up",
    "spans": "on",
    "reason": "required",
}


@pytest.fixture
def as_lee(client, lee):
    client.force_login(lee)
    return client


def asked_of(slug):
    return questions.parse(Project.objects.get(slug=slug).questions)


def test_a_new_project_has_the_task_and_the_questions_that_were_chosen(as_lee):
    response = as_lee.post(reverse("project_new"), NEW | ASKED)

    asked = asked_of("lakes")
    assert response.status_code == 302
    assert Project.objects.get(slug="lakes").task == "pairwise"
    assert asked.aspects == (Choice("clarity", "Clarity", "Clarity"), Choice("truth", "Is it true?"))
    assert asked.flags == (Choice("invented", "Makes things up", "Making things up"),)
    assert (asked.ratings, asked.spans, asked.reason, asked.unrankable) == (True, True, "required", False)


def test_the_usual_flags_stand_ready_but_are_asked_only_if_wanted(as_lee):
    page = as_lee.get(reverse("project_new")).content.decode()
    filled_in = as_lee.get(reverse("project_new")).context["form"]["flags"].value()

    as_lee.post(reverse("project_new"), NEW | {"reason": "optional", "flags": filled_in})

    assert "hallucination | Makes things up" in page
    assert asked_of("lakes").flags == ()


def test_settings_change_the_questions_and_show_them_again(as_lee):
    project = project_of(slug="asked")
    shown = as_lee.get(reverse("project_settings", args=["asked"])).context["form"]
    fields = {
        bound.name: bound.value() for bound in shown if bound.value() not in (None, "") and bound.value() is not False
    }

    as_lee.post(reverse("project_settings", args=["asked"]), fields | ASKED)

    form = as_lee.get(reverse("project_settings", args=["asked"])).context["form"]
    assert asked_of("asked").flags == (Choice("invented", "Makes things up", "Making things up"),)
    assert form["flags"].value() == ASKED["flags"]
    assert form["aspects"].value() == "clarity | Clarity | Clarity\ntruth | Is it true?"
    assert project.task == "ranking"


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"flags": "no label"}, "flags", "Line 1: write"),
        ({"flags": "a | b | c | d"}, "flags", "Line 1: write"),
        ({"flags": "Bad Key | Label"}, "flags", "a key is 1-40 of a-z"),
        ({"flags": "a | One\na | Two"}, "flags", "stands there twice"),
        ({"aspects": "\n".join(f"k{n} | L" for n in range(31))}, "aspects", "at most 30; got 31"),
        ({"flags": " "}, "flags", "Name at least one flag"),
        ({"reason": "sometimes"}, "reason", "not one of the available choices"),
        ({"task": "dance"}, "task", "not one of the available choices"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused_beside_their_field(as_lee, wrong, field, words):
    response = as_lee.post(reverse("project_new"), NEW | ASKED | wrong)

    assert response.status_code == 422
    assert words in response.context["form"].errors[field][0]
    assert not Project.objects.exists()


def test_the_projects_page_says_what_is_asked(as_lee, write_lines):
    fill(project_of(slug="asked", ratings=True, flags=questions.INSTRUCT_FLAGS), write_lines, count=2)

    page = as_lee.get(reverse("project", args=["asked"])).content.decode()

    assert "an order with ties, a rating of 1-7 of each completion, 11 flags, a reason (optional)" in page
