"""The annotator's round, through the URLs."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.views.defaults import server_error

from annotate import assignments, intake, people, projects, rankings
from annotate.answers import Answer
from annotate.models import Assignment, Completion, Ranking


@pytest.fixture
def place(project, comparisons, ana):
    """Ana's reservation."""
    return assignments.reserve_next(ana, project)


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana.user)
    return client


def url_of(place):
    return reverse("rank", args=[place.pk])


def ranked(place, *ranks, **more):
    """Return the fields that a page sends which gives the completions these ranks, in the order of the page."""
    fields = {f"rank-{label}": rank for label, rank in zip("ABCD", ranks, strict=True)}
    return {"submission": str(uuid4()), "reason": "", **fields, **more}


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def expire(place):
    Assignment.objects.filter(pk=place.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assignments.release_expired()


def give_all_places_to(place, *annotators):
    """Have others rank the comparison of a place until it is full."""
    for annotator in annotators:
        free = Assignment.objects.filter(comparison=place.comparison, state="open").first()
        Assignment.objects.filter(pk=free.pk).update(state="reserved", annotator=annotator, order=place.order)
        free.refresh_from_db()
        rankings.submit(free, Answer([place.order], reason="SOMEONE-ELSES-REASON"), submission=uuid4())


def test_next_reserves_a_comparison_and_goes_to_it(as_ana, ana, project, comparisons):
    response = as_ana.get(reverse("rank_next", args=[project.slug]))

    held = Assignment.objects.get(annotator=ana, state="reserved")
    assert response.url == url_of(held)


def test_next_goes_back_to_what_is_reserved_already(as_ana, place, project):
    response = as_ana.get(reverse("rank_next", args=[project.slug]))

    assert response.url == url_of(place)


def test_a_ranking_with_a_tie_is_stored_and_read_back_in_the_letters_of_the_page(as_ana, ana, place):
    a, b, c, d = place.order

    response = as_ana.post(url_of(place), ranked(place, 2, 4, 1, 2))

    assert Ranking.objects.get().tiers == [[c], sorted([a, d]), [b]]
    assert said(response) == ["Saved: C > A = D > B"]
    assert response.url == url_of(Assignment.objects.get(annotator=ana, state="reserved"))


def test_the_reason_is_stored(as_ana, place):
    as_ana.post(url_of(place), ranked(place, 1, 1, 1, 1, reason="  All alike.\nReally. "))

    assert Ranking.objects.get().reason == "All alike.\nReally."


def test_the_read_back_stands_on_the_next_page(as_ana, place):
    response = as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4), follow=True)

    assert "Saved: A &gt; B &gt; C &gt; D" in response.content.decode()
    assert response.resolver_match.url_name == "rank"


def test_nothing_is_chosen_beforehand(as_ana, place):
    html = as_ana.get(url_of(place)).content.decode()

    assert html.count('<option value="" selected>Rank…</option>') == 4
    assert html.count(" selected>") == 4
    assert 'aria-pressed="true"' not in html.split("data-completions")[1]


def test_completions_stand_in_the_order_of_the_assignment(as_ana, place):
    response = as_ana.get(url_of(place))

    texts = dict(Completion.objects.filter(comparison=place.comparison).values_list("pk", "text"))
    places = [response.content.decode().index(f'data-completion data-label="{label}"') for label in "ABCD"]
    assert places == sorted(places)
    assert [card.text for card, _ in response.context["cards"]] == [texts[pk] for pk in place.order]


def test_the_order_stays_when_the_page_is_loaded_again(as_ana, place):
    first = as_ana.get(url_of(place)).context["cards"]

    second = as_ana.get(url_of(place)).context["cards"]

    assert [card.text for card, _ in first] == [card.text for card, _ in second]


def test_a_missing_rank_is_refused_and_the_choices_are_kept(as_ana, place):
    sent = ranked(place, 2, "", 1, 2, reason="C is the only correct one")

    response = as_ana.post(url_of(place), sent)

    html = response.content.decode()
    assert response.status_code == 422
    assert "B is not ranked yet. Give it a rank." in html
    assert html.count('<option value="2" selected>2</option>') == 2
    assert '<option value="1" selected>1 Best</option>' in html
    assert "C is the only correct one</textarea>" in html
    assert f'name="submission" value="{sent["submission"]}"' in html
    assert not Ranking.objects.exists()


@pytest.mark.parametrize("rank", ["5", "0", "-1", "first", "1.5", "1\x00", pytest.param("9" * 5000, id="long")])
def test_a_rank_that_does_not_exist_is_refused(as_ana, place, rank):
    response = as_ana.post(url_of(place), ranked(place, 1, 2, 3, rank))

    assert response.status_code == 422
    assert "Choose a rank from 1 to 4 for D." in response.content.decode()


@pytest.mark.parametrize("submission", ["", "not-a-uuid", "1\x00"])
def test_a_damaged_submission_number_is_replaced_and_said(as_ana, place, submission):
    response = as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4, submission=submission))

    assert response.status_code == 422
    assert "Send it again." in response.content.decode()
    assert response.context["form"].submission_id


@pytest.mark.parametrize(
    ("reason", "words"),
    [("x" * 2001, "at most 2000 characters"), ("nul\x00", "Null characters")],
    ids=["long", "nul"],
)
def test_a_reason_that_cannot_be_stored_is_refused(as_ana, place, reason, words):
    response = as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4, reason=reason))

    assert response.status_code == 422
    assert words in response.content.decode()


def test_sending_the_same_page_twice_is_harmless(as_ana, place):
    sent = ranked(place, 1, 2, 3, 3)
    first = as_ana.post(url_of(place), sent)

    second = as_ana.post(url_of(place), sent)

    assert said(first)[-1] == said(second)[-1] == "Saved: A > B > C = D"
    assert second.status_code == 302
    assert Ranking.objects.count() == 1


def test_the_same_submission_with_another_order_is_refused_and_both_are_shown(as_ana, place):
    sent = ranked(place, 1, 2, 3, 4)
    as_ana.post(url_of(place), sent)

    response = as_ana.post(url_of(place), ranked(place, 4, 3, 2, 1, submission=sent["submission"], reason="changed"))

    html = response.content.decode()
    assert response.status_code == 409
    assert "A &gt; B &gt; C &gt; D" in html
    assert "D &gt; C &gt; B &gt; A" in html
    assert "changed" in html
    assert Ranking.objects.count() == 1


def test_a_second_window_cannot_rank_the_comparison_again(as_ana, place):
    as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4))

    response = as_ana.post(url_of(place), ranked(place, 4, 3, 2, 1))

    assert response.status_code == 409
    assert "You ranked this comparison" in response.content.decode()


def test_a_ranked_comparison_shows_what_is_saved(as_ana, place):
    as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4))

    response = as_ana.get(url_of(place))

    assert response.status_code == 200
    assert response.context["stored_words"] == "A > B > C > D"


def test_another_persons_assignment_does_not_exist(client, place, ben):
    client.force_login(ben.user)

    assert client.get(url_of(place)).status_code == 404
    assert client.post(url_of(place), ranked(place, 1, 2, 3, 4)).status_code == 404
    assert client.post(reverse("skip", args=[place.pk]), {"why": "other", "words": "mine"}).status_code == 404


def test_a_late_ranking_is_taken_while_a_place_is_free(as_ana, place):
    expire(place)

    page = as_ana.get(url_of(place))
    response = as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4))

    assert "Your time for this comparison ran out" in page.content.decode()
    assert said(response) == ["Saved: A > B > C > D"]
    assert as_ana.get(url_of(place)).context["stored_words"] == "A > B > C > D"


def test_a_ranking_whose_places_went_to_others_is_refused_and_shown(as_ana, place, ben, cy):
    expire(place)
    give_all_places_to(place, ben, cy)

    response = as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4, reason="a lot of thought"))

    html = response.content.decode()
    assert response.status_code == 409
    assert "Your time for this comparison ran out" in html
    assert "A &gt; B &gt; C &gt; D" in html
    assert "a lot of thought" in html
    assert "SOMEONE-ELSES-REASON" not in html
    assert reverse("rank_next", args=[place.project.slug]) in html


def test_a_late_page_is_refused_once_its_comparison_was_handed_to_the_same_person_anew(as_ana, place, ana, project):
    expire(place)
    Assignment.objects.filter(state="open").exclude(comparison=place.comparison_id).delete()
    again = assignments.reserve_next(ana, project)

    response = as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4))

    assert again.comparison_id == place.comparison_id
    assert response.status_code == 409
    assert not Ranking.objects.exists()


def test_skipping_frees_the_place_and_keeps_the_reason(as_ana, ana, place, project):
    response = as_ana.post(reverse("skip", args=[place.pk]), {"why": "other", "words": "I know the author"})

    place.refresh_from_db()
    assert (place.state, place.skip_reason) == ("skipped", "I know the author")
    assert Assignment.objects.filter(comparison=place.comparison, state="open").count() == 2
    following = assignments.reserve_next(ana, project)
    assert response.url == url_of(following)
    assert following.comparison_id != place.comparison_id


def test_skipping_twice_is_harmless(as_ana, place):
    as_ana.post(reverse("skip", args=[place.pk]), {"why": "other", "words": "no"})

    response = as_ana.post(reverse("skip", args=[place.pk]), {"why": "other", "words": "no"})

    assert response.status_code == 302


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose a reason."),
        ({"why": "other", "words": "  "}, "Say in a few words why."),
        ({"why": "because"}, "because is not one of the available choices"),
        ({"why": "other", "words": "x" * 201}, "at most 200 characters"),
    ],
    ids=["nothing", "blank", "unknown", "long"],
)
def test_skipping_needs_a_reason(as_ana, place, sent, words):
    response = as_ana.post(reverse("skip", args=[place.pk]), sent)

    place.refresh_from_db()
    assert response.status_code == 422
    assert words in response.content.decode()
    assert place.state == "reserved"


def test_what_is_ranked_already_cannot_be_skipped(as_ana, place):
    as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4))

    response = as_ana.post(reverse("skip", args=[place.pk]), {"why": "other", "words": "too late"})

    assert response.status_code == 409
    assert "You ranked this comparison" in response.content.decode()


def test_an_empty_queue_says_that_everything_is_done(as_ana, ana, project, comparisons):
    for _ in comparisons:
        place = assignments.reserve_next(ana, project)
        rankings.submit(place, Answer([place.order]), submission=uuid4())

    html = as_ana.get(reverse("rank_next", args=[project.slug])).content.decode()

    assert "You are up to date" in html
    assert "you ranked 3" in html


def test_an_empty_queue_says_that_others_hold_the_rest_and_when_it_may_come_back(as_ana, project, comparisons, ben):
    assignments.reserve_next(ben, project)
    Assignment.objects.filter(state="open").delete()

    html = as_ana.get(reverse("rank_next", args=[project.slug])).content.decode()

    assert "1 is with others right now" in html
    assert "in 30" in html or "in 29" in html


def test_an_empty_queue_says_that_nothing_was_imported(as_ana, project):
    html = as_ana.get(reverse("rank_next", args=[project.slug])).content.decode()

    assert "Nothing to do yet" in html


def test_a_paused_annotator_is_told_so(as_ana, ana, project, comparisons):
    people.set_paused(ana, is_paused=True)

    html = as_ana.get(reverse("rank_next", args=[project.slug])).content.decode()

    assert "Your work is paused" in html
    assert "Your work is paused" in as_ana.get(reverse("home")).content.decode()


def test_after_the_last_ranking_of_a_closed_project_comes_the_home_page(as_ana, place, project):
    projects.change(project, name="Rivers", overlap=2, lease_seconds=1800, is_active=False)

    response = as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4))

    assert response.url == reverse("home")


def test_the_home_page_counts_what_is_done_and_left(as_ana, ana, place, project):
    rankings.submit(place, Answer([place.order]), submission=uuid4())

    (work,) = as_ana.get(reverse("home")).context["works"]

    assert (work.done_count, work.left_count) == (1, 2)


def test_the_home_page_asks_as_little_for_many_projects_as_for_one(as_ana, django_assert_num_queries, project):
    with django_assert_num_queries(10):
        as_ana.get(reverse("home"))
    for n in range(5):
        projects.create(slug=f"p{n}", name=f"P{n}", guidelines="Be fair.", by=None)

    with django_assert_num_queries(10):
        as_ana.get(reverse("home"))


def test_the_rank_page_asks_a_fixed_number_of_times(as_ana, django_assert_max_num_queries, place):
    with django_assert_max_num_queries(10):
        as_ana.get(url_of(place))


def test_pages_of_ranks_are_not_kept_by_the_browser(as_ana, place):
    assert "no-store" in as_ana.get(url_of(place))["Cache-Control"]


@pytest.mark.parametrize(("count", "layout"), [(2, "columns"), (7, "stacked")])
def test_the_layout_fits_the_number_of_completions(as_ana, ana, project, write_lines, count, layout):
    line = {"id": "c", "prompt": "p", "completions": [{"id": str(n), "text": f"t{n}"} for n in range(count)]}
    intake.import_file(write_lines(line), kind="comparisons", project=project)

    page = as_ana.get(url_of(assignments.reserve_next(ana, project)))

    assert page.context["layout"] == layout


def test_a_link_cannot_skip(as_ana, place):
    assert as_ana.get(reverse("skip", args=[place.pk])).status_code == 405


def test_guidelines_are_shown_in_the_version_that_the_comparison_was_handed_out_under(as_ana, place, project):
    projects.publish_guidelines(project, text="Prefer *short* ones.", by=None)

    assert "<em>helpful</em>" in as_ana.get(url_of(place)).content.decode()
    assert "<em>short</em>" in as_ana.get(reverse("guidelines", args=[project.slug])).content.decode()


def test_an_empty_completion_is_said_to_be_empty(as_ana, place):
    place.comparison.completions.filter(pk=place.order[1]).update(text="\u200b \n")

    assert as_ana.get(url_of(place)).content.decode().count("This completion is empty.") == 1


def test_a_page_from_before_signing_in_anew_is_refused_in_words(ana, place):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana.user)

    response = browser.post(url_of(place), ranked(place, 1, 2, 3, 4))

    assert response.status_code == 403
    assert "Please send it again" in response.content.decode()


def test_an_error_of_ours_is_said_without_detail(rf):
    html = server_error(rf.get("/")).content.decode()

    assert "Something broke on our side" in html
    assert "sending a ranking twice does no harm" in html
