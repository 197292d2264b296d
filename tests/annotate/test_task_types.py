"""Each kind of question by the plain form: what is stored, what is read back, what is refused."""

import re
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from annotate import answers, assignments
from annotate.forms import initial_of
from annotate.models import Ranking, Task
from annotate.presentation import labels, texts
from annotate.questions import Choice
from annotate.views.rank import form_for
from tests.annotate.asking import fill, project_of

FLAGS = (Choice("invented", "Makes things up", "Making things up"), Choice("rude", "Is rude", "No such section"))
ASPECTS = (Choice("clarity", "Clarity", "Clarity"), Choice("truth", "Truth"))


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana.user)
    return client


@pytest.fixture
def place_in(ana, write_lines):
    """Return a function that gives Ana a comparison of a new project: place_in(task, count=2, ratings=True)."""

    def place(task=Task.RANKING, *, count=2, **asked):
        project = project_of(task, **asked)
        fill(project, write_lines, count=count)
        return assignments.reserve_next(ana, project)

    return place


def url_of(place):
    return reverse("rank", args=[place.pk])


def sent(**fields):
    return {"submission": str(uuid4()), **{name.replace("__", "-"): value for name, value in fields.items()}}


def ranks(*given):
    return {f"rank-{label}": rank for label, rank in zip("AB", given, strict=True)}


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


# --- pairwise ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("better", "strength", "words"),
    [
        (0, 3, "A > B, significantly better"),
        (0, 2, "A > B, better"),
        (0, 1, "A > B, slightly better"),
        (1, 1, "B > A, slightly better"),
        (1, 2, "B > A, better"),
        (1, 3, "B > A, significantly better"),
    ],
)
def test_a_pairwise_verdict_is_stored_by_completion_and_read_back_with_its_strength(
    as_ana, place_in, better, strength, words
):
    place = place_in(Task.PAIRWISE)
    winner, loser = place.order[better], place.order[1 - better]

    response = as_ana.post(url_of(place), sent(verdict=f"{'AB'[better]}-{strength}"))

    stored = Ranking.objects.get()
    assert (stored.tiers, stored.strength, stored.is_all_bad) == ([[winner], [loser]], strength, False)
    assert said(response) == [f"Saved: {words}"]


def test_a_pairwise_tie_is_stored(as_ana, place_in):
    place = place_in(Task.PAIRWISE)

    response = as_ana.post(url_of(place), sent(verdict="tie"))

    stored = Ranking.objects.get()
    assert (stored.tiers, stored.strength, stored.is_all_bad) == ([sorted(place.order)], 0, False)
    assert said(response) == ["Saved: A = B"]


def test_both_are_bad_alone_is_a_tie_of_two_bad_ones(as_ana, place_in):
    place = place_in(Task.PAIRWISE)

    response = as_ana.post(url_of(place), sent(is_all_bad="on"))

    stored = Ranking.objects.get()
    assert (stored.tiers, stored.strength, stored.is_all_bad) == ([sorted(place.order)], 0, True)
    assert said(response) == ["Saved: A = B, both are bad"]


def test_of_two_bad_ones_one_may_be_better(as_ana, place_in):
    place = place_in(Task.PAIRWISE)

    response = as_ana.post(url_of(place), sent(verdict="B-1", is_all_bad="on"))

    assert said(response) == ["Saved: B > A, slightly better, both are bad"]


def test_seven_steps_stand_from_left_to_right_and_none_is_chosen(as_ana, place_in):
    place = place_in(Task.PAIRWISE)

    html = as_ana.get(url_of(place)).content.decode()

    values = [f'value="{value}"' for value in ("A-3", "A-2", "A-1", "tie")]
    values += [f'value="B-{n}"' for n in (1, 2, 3)]
    assert [html.index(value) for value in values] == sorted(html.index(value) for value in values)
    assert " checked" not in html


@pytest.mark.parametrize("verdict", ["", "a-3", "C-3", "tie-1", "A-4", "-3", "tie\x00", "NaN"])
def test_a_verdict_that_does_not_exist_is_refused(as_ana, place_in, verdict):
    place = place_in(Task.PAIRWISE)

    response = as_ana.post(url_of(place), sent(verdict=verdict))

    assert response.status_code == 422
    assert response.context["form"].errors["verdict"]
    assert not Ranking.objects.exists()


# --- ratings, aspects, flags ------------------------------------------------------------------------------------------


def test_ratings_and_aspects_are_stored_for_each_completion(as_ana, place_in):
    place = place_in(ratings=True, aspects=ASPECTS)
    a, b = place.order
    scales = {"rating-A": 7, "rating-B": 1, "aspect-clarity-A": 5, "aspect-clarity-B": 4}
    scales |= {"aspect-truth-A": 6, "aspect-truth-B": 2}

    response = as_ana.post(url_of(place), sent(**ranks(1, 2), **scales))

    answer = answers.of(Ranking.objects.get())
    assert answer.ratings == {a: 7, b: 1}
    assert answer.aspects == {"clarity": {a: 5, b: 4}, "truth": {a: 6, b: 2}}
    assert said(response) == ["Saved: A > B · 6 ratings"]


@pytest.mark.parametrize("rating", ["", "0", "8", "NaN", "3.5", "1e1", "7\x00"])
def test_a_rating_out_of_1_to_7_is_refused_beside_its_scale_and_the_rest_is_kept(as_ana, place_in, rating):
    place = place_in(ratings=True)
    a, b = place.order

    response = as_ana.post(url_of(place), sent(**ranks(1, 2), **{"rating-A": 6, "rating-B": rating}))

    form = response.context["form"]
    assert response.status_code == 422
    assert list(form.errors) == ["rating-B"]
    assert (form["rating-A"].value(), form["rank-A"].value()) == ("6", "1")
    assert not Ranking.objects.exists()


def test_flags_are_stored_and_shown_with_the_saved_ranking(as_ana, place_in):
    place = place_in(flags=FLAGS)
    flagged = {"flags-B": ["invented", "rude"]}

    response = as_ana.post(url_of(place), sent(**ranks(1, 2), **flagged))

    assert Ranking.objects.get().details == {"flags": {str(place.order[1]): ["invented", "rude"]}}
    assert said(response) == ["Saved: A > B · 2 flags"]
    assert "Makes things up; Is rude" in as_ana.get(url_of(place)).content.decode()


def test_a_flag_that_the_project_does_not_know_is_refused(as_ana, place_in):
    place = place_in(flags=FLAGS)

    response = as_ana.post(url_of(place), sent(**ranks(1, 2), **{"flags-A": ["evil"]}))

    assert response.status_code == 422
    assert "A has a flag that this project does not know." in response.content.decode()
    assert not Ranking.objects.exists()


def test_a_flag_links_to_its_section_of_the_guidelines_and_only_if_there_is_one(as_ana, place_in):
    place = place_in(flags=FLAGS)

    html = as_ana.get(url_of(place)).content.decode()

    assert html.count('href="#guide-making-things-up"') == 2
    assert len(re.findall(r'<h[3-6] id="guide-making-things-up">', html)) == 1
    assert "no-such-section" not in html


def test_what_is_not_asked_is_neither_shown_nor_stored(as_ana, place_in):
    place = place_in(reason="off", unrankable=False)
    extra = {"rating-A": 9, "reason": "because", "unrankable": "no", "flags-A": "evil"}

    html = as_ana.get(url_of(place)).content.decode()
    as_ana.post(url_of(place), sent(**ranks(1, 2), **extra))

    stored = Ranking.objects.get()
    assert (stored.details, stored.reason, stored.unrankable) == ({}, "", "")
    assert not any(name in html for name in ('name="reason"', 'name="unrankable"', "data-scale", "data-flags"))


# --- marks ------------------------------------------------------------------------------------------------------------


def test_a_quoted_passage_is_stored_as_a_mark_in_the_source(as_ana, place_in):
    place = place_in(spans=True)
    pk, label = next((pk, label) for pk, label in labels(place).items() if "Nile" in texts(place)[pk])
    marked = {f"quote-{label}-0": "the Nile are", f"note-{label}-0": "is, not are"}

    response = as_ana.post(url_of(place), sent(**ranks(1, 2), **marked))

    (span,) = answers.of(Ranking.objects.get()).spans
    assert texts(place)[pk][span.start : span.end] == "the **Nile** are"
    assert span.note == "is, not are"
    assert said(response) == ["Saved: A > B · 1 mark"]


@pytest.mark.parametrize(
    ("quote", "note", "words"),
    [
        ("Amazon", "", "This passage does not stand in the text."),
        ("", "wrong", "Which passage is it?"),
        ("x" * 2001, "", "at most 2000 characters"),
        ("Nile\x00", "", "Null characters"),
        (" ", "x" * 501, "at most 500 characters"),
    ],
    ids=["elsewhere", "note only", "long", "nul", "long note"],
)
def test_a_mark_that_lies_nowhere_is_refused_and_kept(as_ana, place_in, quote, note, words):
    place = place_in(spans=True)
    name = "A-0"

    response = as_ana.post(url_of(place), sent(**ranks(1, 2), **{f"quote-{name}": quote, f"note-{name}": note}))

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Ranking.objects.exists()


@pytest.mark.parametrize("nth", ["-1", "NaN", "1e9", "10000"])
def test_a_place_of_a_passage_that_is_no_number_is_refused(as_ana, place_in, nth):
    place = place_in(spans=True)
    name = "A-0"

    response = as_ana.post(url_of(place), sent(**ranks(1, 2), **{f"quote-{name}": "r", f"nth-{name}": nth}))

    assert response.status_code == 422
    assert not Ranking.objects.exists()


# --- reason, «cannot be ranked» ---------------------------------------------------------------------------------------


def test_a_required_reason_is_asked_for_beside_its_field(as_ana, place_in):
    place = place_in(reason="required")

    response = as_ana.post(url_of(place), sent(**ranks(1, 2), reason="  "))

    assert response.status_code == 422
    assert response.context["form"].errors["reason"] == ["Say in a few words why this order."]


def test_what_cannot_be_ranked_is_stored_with_why_and_its_flags(as_ana, place_in):
    place = place_in(flags=FLAGS, ratings=True, reason="required")
    flagged = {"flags-A": ["invented"], "rating-A": 3}

    response = as_ana.post(url_of(place), sent(unrankable="both are about lakes", **flagged))

    stored = Ranking.objects.get()
    assert (stored.tiers, stored.unrankable) == ([], "both are about lakes")
    assert stored.details == {"flags": {str(place.order[0]): ["invented"]}}
    assert said(response) == ["Saved: cannot be ranked: both are about lakes · 1 flag"]


@pytest.mark.parametrize("task", [Task.RANKING, Task.PAIRWISE])
def test_an_order_and_that_there_is_none_cannot_both_be_said(as_ana, place_in, task):
    place = place_in(task)
    order = {"verdict": "tie"} if task == Task.PAIRWISE else ranks(1, 2)

    response = as_ana.post(url_of(place), sent(unrankable="no idea", **order))

    assert response.status_code == 422
    assert "not both" in response.context["form"].errors["unrankable"][0]
    assert not Ranking.objects.exists()


# --- all of it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["x" * 1_000_000, "nul\x00"], ids=["1 MB", "nul"])
def test_a_reason_that_cannot_be_stored_is_refused_in_every_task(as_ana, place_in, reason):
    place = place_in(Task.PAIRWISE)

    response = as_ana.post(url_of(place), sent(verdict="tie", reason=reason))

    assert response.status_code == 422
    assert response.context["form"].errors["reason"]
    assert not Ranking.objects.exists()


def test_half_a_pair_of_surrogates_never_reaches_the_database(as_ana, place_in):
    place = place_in(Task.PAIRWISE)
    body = f"submission={uuid4()}&verdict=tie&reason=%ED%A0%80".encode()

    as_ana.post(url_of(place), body, content_type="application/x-www-form-urlencoded")

    assert "\ud800" not in Ranking.objects.get().reason


def test_the_form_of_a_stored_answer_says_the_same_answer(as_ana, place_in):
    place = place_in(Task.PAIRWISE, ratings=True, aspects=ASPECTS, flags=FLAGS, spans=True)
    a, b = place.order
    fields = {"verdict": "B-2", "is_all_bad": "on", "reason": "why", "flags-A": ["rude"]}
    fields |= {f"rating-{label}": 3 for label in "AB"}
    fields |= {f"aspect-{key}-{label}": 4 for key in ("clarity", "truth") for label in "AB"}
    fields |= {"quote-A-0": texts(place)[place.order[0]][:3], "note-A-0": "hm"}
    as_ana.post(url_of(place), sent(**fields))
    stored = answers.of(Ranking.objects.get())

    again = form_for(place, {"submission": str(uuid4())} | initial_of(stored, labels=labels(place), texts=texts(place)))

    assert again.is_valid(), again.errors
    assert again.answer.details == stored.details
    assert (again.answer.tiers, again.answer.strength, again.answer.is_all_bad) == (stored.tiers, 2, True)


def test_nothing_of_a_model_stands_on_the_page_of_any_task(as_ana, place_in):
    place = place_in(Task.PAIRWISE, ratings=True, aspects=ASPECTS, flags=FLAGS, spans=True)

    assert "SECRET-MODEL" not in as_ana.get(url_of(place)).content.decode()


def test_a_conversation_is_shown_whole_with_its_roles(as_ana, ana, write_lines):
    turns = [("system", "Be a geographer."), ("user", "Hi."), ("assistant", "Hello."), ("user", "Name two rivers.")]
    project = project_of()
    fill(project, write_lines, count=2, prompt=[{"role": role, "content": text} for role, text in turns])

    html = as_ana.get(url_of(assignments.reserve_next(ana, project))).content.decode()

    assert all(text in html for _, text in turns)
    assert [html.count(f'<span class="chat-role">{role}</span>') for role in ("System", "User", "Assistant")] == [
        1,
        2,
        1,
    ]
