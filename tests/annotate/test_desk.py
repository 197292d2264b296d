"""The reviewer's desk: the most disputed first, ruled on blind, sent back for more rankings."""

from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from annotate import assignments, desk, intake, rankings
from annotate.answers import Answer
from annotate.models import Adjudication, Assignment, Comparison


@pytest.fixture
def as_rex(client, rex):
    client.force_login(rex)
    return client


@pytest.fixture
def disputed(project, comparisons, ana, ben):
    """The first comparison is half disputed, the second wholly, on the third they agree."""
    for annotator in (ana, ben):
        while place := assignments.reserve_next(annotator, project):
            ids = sorted(place.order)
            turns = {0: [ids[3], ids[2], ids[0], ids[1]], 1: ids[::-1], 2: ids}
            order = ids if annotator == ana else turns[comparisons.index(place.comparison)]
            answer = Answer([[pk] for pk in order], reason="SAID-BY-SOMEONE")
            rankings.submit(place, answer, submission=uuid4())
    return comparisons


def ruling(comparison, *, then="see", reason="A is right."):
    ids = comparison.completions.order_by("pk").values_list("pk", flat=True)
    return {f"rank_{pk}": n for n, pk in enumerate(ids, start=1)} | {"reason": reason, "then": then}


def url(comparison):
    return reverse("desk_comparison", args=[comparison.pk])


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_least_agreement_comes_first_and_what_is_settled_is_not_there(as_rex, project, disputed):
    html = as_rex.get(reverse("desk", args=[project.slug])).content.decode()

    assert html.index(">c1<") < html.index(">c0<")
    assert ">c2<" not in html


def test_by_information_comes_first_what_a_ruling_would_tell_most_about(
    as_rex, project, disputed, ana, ben, write_lines
):
    """Of two completions in opposite orders there is 1 bit to tell; of four, whose orders share one pair, 5.54."""
    two = {"id": "two", "prompt": "?", "completions": [{"id": name, "text": name} for name in "ab"]}
    intake.import_file(write_lines(two), kind="comparisons", project=project)
    for annotator, turn in ((ana, 1), (ben, -1)):
        place = assignments.reserve_next(annotator, project)
        rankings.submit(place, Answer([[pk] for pk in sorted(place.order)[::turn]]), submission=uuid4())
    pair = project.comparisons.get(external_id="two")

    by_agreement, by_information = (desk.of(project, sort=sort) for sort in desk.SORTS)
    first = as_rex.get(reverse("desk_next", args=[project.slug]), {"sort": "information", "after": disputed[1].pk})

    assert by_agreement.ready == [disputed[1].pk, pair.pk, disputed[0].pk]
    assert by_information.ready == [disputed[1].pk, disputed[0].pk, pair.pk]
    assert [round(case.bits, 2) for case in desk.cases(by_information)] == [6.0, 5.54, 1.0]
    assert first.url == f"{url(disputed[0])}?sort=information"


def test_an_empty_desk_says_so(as_rex, project, comparisons):
    html = as_rex.get(reverse("desk", args=[project.slug])).content.decode()

    assert "Nothing is disputed" in html


def test_the_next_is_the_most_disputed_and_then_the_one_after_it(as_rex, project, disputed):
    first = as_rex.get(reverse("desk_next", args=[project.slug]))
    second = as_rex.get(reverse("desk_next", args=[project.slug]), {"after": disputed[1].pk})

    assert (first.url, second.url) == (url(disputed[1]), url(disputed[0]))


@pytest.mark.parametrize("after", ["x", "-1", "9" * 50, "1\x00", ""])
def test_a_next_after_nothing_known_is_the_first(as_rex, project, disputed, after):
    assert as_rex.get(reverse("desk_next", args=[project.slug]), {"after": after}).url == url(disputed[1])


def test_the_ruling_is_made_blind(as_rex, disputed):
    html = as_rex.get(url(disputed[1])).content.decode()

    assert "SAID-BY-SOMEONE" not in html
    assert "SECRET-MODEL" not in html
    assert "Majority" not in html


def test_the_rankings_are_shown_on_demand(as_rex, disputed):
    html = as_rex.get(url(disputed[1]), {"rankings": "shown"}).content.decode()

    assert html.count("SAID-BY-SOMEONE") == 2
    assert "D &gt; C &gt; B &gt; A" in html


def test_after_the_ruling_the_rankings_stand_side_by_side(as_rex, rex, disputed):
    response = as_rex.post(url(disputed[1]), ruling(disputed[1]), follow=True)

    stored = Adjudication.objects.get()
    assert (stored.reviewer, stored.reason) == (rex, "A is right.")
    assert "Ruled on c1: A &gt; B &gt; C &gt; D" in response.content.decode()
    assert response.content.decode().count("SAID-BY-SOMEONE") == 2


def test_a_ruling_may_go_straight_to_the_next(as_rex, disputed):
    response = as_rex.post(url(disputed[1]), ruling(disputed[1], then="next"))

    assert response.url == url(disputed[0])


def test_after_the_last_ruling_comes_the_desk(as_rex, project, disputed):
    as_rex.post(url(disputed[1]), ruling(disputed[1], then="next"))

    response = as_rex.post(url(disputed[0]), ruling(disputed[0], then="next"))

    assert response.url == reverse("desk", args=[project.slug])
    assert said(response)[-1] == "No other disputed comparison is ready for a ruling."


def test_a_ruling_without_a_reason_is_refused_and_stays_blind(as_rex, disputed):
    response = as_rex.post(url(disputed[1]), ruling(disputed[1], reason=" "))

    assert response.status_code == 422
    assert "SAID-BY-SOMEONE" not in response.content.decode()
    assert not Adjudication.objects.exists()


def test_a_comparison_that_was_sent_back_has_more_places_and_waits(as_rex, project, disputed, cy):
    response = as_rex.post(reverse("more_votes", args=[disputed[1].pk]), {"count": 2})

    found = desk.of(project)
    assert response.url == url(disputed[0])
    assert (found.ready, found.waiting) == ([disputed[0].pk], [disputed[1].pk])
    assert [case.waiting_count for case in desk.cases(found)] == [0, 2]
    assert assignments.reserve_next(cy, project).comparison == disputed[1]


def test_what_was_sent_back_has_numbered_places_as_many_as_its_overlap(disputed):
    assert assignments.open_more(disputed[1], 3) == 3

    slots = Assignment.objects.filter(comparison=disputed[1]).values_list("slot", flat=True)
    assert sorted(slots) == [0, 1, 2, 3, 4]
    assert Comparison.objects.get(pk=disputed[1].pk).overlap == 5


def test_there_are_at_most_fifty_places(as_rex, disputed):
    Comparison.objects.filter(pk=disputed[1].pk).update(overlap=49)

    assert assignments.open_more(disputed[1], 10) == 1
    refused = as_rex.post(reverse("more_votes", args=[disputed[1].pk]), {"count": 1})
    assert refused.status_code == 409
    assert "at most 50" in refused.content.decode()


@pytest.mark.parametrize("count", ["0", "11", "", "two", "1\x00"])
def test_a_number_of_rankings_that_cannot_be_asked_for_is_refused(as_rex, disputed, count):
    response = as_rex.post(reverse("more_votes", args=[disputed[1].pk]), {"count": count})

    assert response.status_code == 422
    assert Comparison.objects.get(pk=disputed[1].pk).overlap == 2


def test_a_known_comparison_gets_no_places(disputed):
    Comparison.objects.filter(pk=disputed[1].pk).update(use="gold")

    assert assignments.open_more(disputed[1], 1) == 0


def test_the_desk_asks_a_fixed_number_of_times(as_rex, project, disputed, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        as_rex.get(reverse("desk", args=[project.slug]))
