"""The steps before the work: consent, guidelines, training, qualification; and why someone gets no work."""

from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from annotate import assignments, gold, intake, memberships, people, projects, rankings, standing, turns
from annotate.answers import Answer
from annotate.models import Assignment, Comparison, GoldKey, Membership, Ranking, Use
from annotate.presentation import labels
from annotate.qualification import judge
from annotate.standing import Facts, Step, step_of

WORKING = Facts(
    is_admitted=True,
    is_paused=False,
    needs_consent=False,
    needs_guidelines=False,
    training_left=0,
    asks_qualification=True,
    qualification_left=0,
    qualification=Membership.Qualification.PASSED,
    done_count=4,
    quota=5,
)
TEXTS = "abcd"


@pytest.fixture
def as_nia(client, nia):
    client.force_login(nia.user)
    return client


@pytest.fixture
def known(project, comparisons, write_lines):
    """Two training and three qualification comparisons; the known order is a > b > c > d."""
    lines = [
        {"id": f"k{n}", "prompt": f"Known {n}.", "completions": [{"id": x, "text": f"{x} of {n}"} for x in TEXTS]}
        for n in range(5)
    ]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    found = list(Comparison.objects.filter(external_id__startswith="k").order_by("pk"))
    for n, comparison in enumerate(found):
        _make_known(comparison, use="training" if n < 2 else "qualification")
    projects.change_onboarding(
        project, is_open=True, training_count=0, qualification_count=0, qualification_pass_rate=0.75
    )
    return found


def _make_known(comparison, *, use):
    comparison.assignments.all().delete()
    Comparison.objects.filter(pk=comparison.pk).update(use=use)
    tiers = [[pk] for pk in comparison.completions.order_by("pk").values_list("pk", flat=True)]
    GoldKey.objects.create(comparison=comparison, tiers=tiers, reason=f"Because of {comparison.external_id}.")


def ask(project, *, training=0, qualification=0, pass_rate=0.75):
    projects.change_onboarding(
        project,
        is_open=True,
        training_count=training,
        qualification_count=qualification,
        qualification_pass_rate=pass_rate,
    )


def read(annotator, project):
    memberships.acknowledge(annotator, projects.current_guidelines(project))


def next_url(project):
    return reverse("rank_next", args=[project.slug])


def rank(client, place, *, backwards=False):
    """Rank in the known order, or backwards."""
    ids = sorted(place.order, reverse=backwards)
    sent = {f"rank-{label}": ids.index(pk) + 1 for pk, label in labels(place).items()}
    return client.post(reverse("rank", args=[place.pk]), sent | {"submission": str(uuid4()), "reason": ""})


def rank_qualification(client, annotator, project, *, right_count, wrong_count):
    read(annotator, project)
    for n in range(right_count + wrong_count):
        client.get(next_url(project))
        rank(client, Assignment.objects.get(annotator=annotator, state="reserved"), backwards=n >= right_count)
    return client.get(next_url(project), follow=True)


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


# --- where someone stands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "step"),
    [
        ({}, Step.WORKING),
        ({"is_admitted": False, "is_paused": True}, Step.NOT_ADMITTED),
        ({"is_paused": True, "needs_consent": True}, Step.PAUSED),
        ({"qualification": Membership.Qualification.FAILED, "needs_guidelines": True}, Step.FAILED),
        ({"needs_consent": True, "needs_guidelines": True}, Step.CONSENT),
        ({"needs_guidelines": True, "training_left": 2}, Step.GUIDELINES),
        ({"training_left": 1, "qualification": Membership.Qualification.PENDING}, Step.TRAINING),
        ({"qualification": Membership.Qualification.PENDING}, Step.QUALIFICATION),
        ({"qualification": Membership.Qualification.PENDING, "asks_qualification": False}, Step.WORKING),
        ({"qualification": Membership.Qualification.UNKNOWN}, Step.WORKING),
        ({"done_count": 5}, Step.QUOTA_DONE),
        ({"done_count": 5, "quota": None}, Step.WORKING),
    ],
)
def test_the_step_follows_from_the_facts(changed, step):
    assert step_of(Facts(**(vars(WORKING) | changed))) == step


def test_work_counts_towards_the_quota_and_training_does_not(as_nia, nia, project, known):
    ask(project, training=1)
    memberships.admit(nia, project, quota=1)
    read(nia, project)
    for _ in range(2):
        rank(as_nia, turns.next_turn(nia, project).assignment)

    page = as_nia.get(next_url(project))

    assert standing.of(nia, project).step == Step.QUOTA_DONE
    assert "You have done your share" in page.content.decode()


def test_where_someone_works_costs_two_questions(nia, project, django_assert_num_queries):
    read(nia, project)

    with django_assert_num_queries(2):
        standing.of(nia, project)


# --- consent and guidelines -------------------------------------------------------------------------------------------


def test_a_newcomer_reads_the_guidelines_first(as_nia, project, comparisons):
    response = as_nia.get(next_url(project))

    assert response.url == reverse("guidelines", args=[project.slug])
    assert "I have read version 1" in as_nia.get(response.url).content.decode()


def test_whoever_has_read_them_goes_on_to_the_work(as_nia, nia, project, comparisons):
    response = as_nia.post(reverse("guidelines", args=[project.slug]), {"version": 1}, follow=True)

    member = Membership.objects.get(annotator=nia)
    assert (member.guideline.number, member.guideline_read_at is not None) == (1, True)
    assert response.context["assignment"].annotator == nia


def test_a_new_version_is_read_before_the_next_comparison_with_what_changed(as_nia, nia, project, comparisons):
    read(nia, project)
    projects.publish_guidelines(project, text="# Be fair\nPrefer *short* ones.", by=None)

    page = as_nia.get(next_url(project), follow=True).content.decode()

    assert "What changed since version 1" in page
    assert "Prefer <del>*helpful*</del><ins>*short*</ins> ones." in page


def test_a_version_that_was_replaced_while_it_was_read_is_not_recorded(as_nia, nia, project):
    projects.publish_guidelines(project, text="New.", by=None)

    response = as_nia.post(reverse("guidelines", args=[project.slug]), {"version": 1})

    assert response.status_code == 409
    assert "came out while you were reading" in response.content.decode()
    assert not Membership.objects.exists()


@pytest.mark.parametrize("version", ["", "one", "0", "-1", "9" * 40, "1\x00"])
def test_a_version_that_is_none_is_refused(as_nia, project, version):
    response = as_nia.post(reverse("guidelines", args=[project.slug]), {"version": version})

    assert response.status_code == 422
    assert not Membership.objects.exists()


def test_consent_comes_before_the_guidelines_and_is_recorded(as_nia, nia, project, comparisons):
    text = projects.publish_consent(project, text="You may *stop* at any time.", by=None)

    page = as_nia.get(next_url(project), follow=True)
    response = as_nia.post(reverse("consent", args=[project.slug]), {"version": text.number}, follow=True)

    assert "You may <em>stop</em> at any time." in page.content.decode()
    assert Membership.objects.get(annotator=nia).consent == text
    assert response.redirect_chain[-1][0] == reverse("guidelines", args=[project.slug])


def test_what_was_agreed_to_and_read_stands_on_every_assignment(nia, project, comparisons):
    text = projects.publish_consent(project, text="You may stop.", by=None)
    memberships.consent(nia, text)

    place = assignments.reserve_next(nia, project)

    stored = Assignment.objects.get(pk=place.pk)
    assert (stored.consent, stored.guideline) == (text, projects.current_guidelines(project))


def test_an_empty_text_ends_asking_for_consent(as_nia, nia, project, comparisons):
    projects.publish_consent(project, text="You may stop.", by=None)
    projects.publish_consent(project, text=" ", by=None)
    read(nia, project)

    assert standing.of(nia, project).step == Step.WORKING
    assert as_nia.get(reverse("consent", args=[project.slug])).status_code == 404


def test_what_is_reserved_is_submitted_though_new_guidelines_came_out(as_nia, nia, project, comparisons):
    read(nia, project)
    place = assignments.reserve_next(nia, project)
    projects.publish_guidelines(project, text="New.", by=None)

    response = rank(as_nia, place)

    assert response.status_code == 302
    assert Ranking.objects.get().assignment.guideline.number == 1


# --- training ---------------------------------------------------------------------------------------------------------


def test_training_comes_first_and_shows_the_known_order_and_why(as_nia, nia, project, known):
    ask(project, training=2)
    read(nia, project)
    as_nia.get(next_url(project))
    place = Assignment.objects.get(annotator=nia, state="reserved")

    response = rank(as_nia, place, backwards=True)

    page = as_nia.get(response.url).content.decode()
    assert response.url == reverse("feedback", args=[place.pk])
    assert (place.purpose, place.slot) == ("training", None)
    assert "Because of k0." in page
    assert "0\u202f% of the pairs as known" in page


def test_after_the_training_comes_the_work(as_nia, nia, project, known):
    ask(project, training=2)
    read(nia, project)
    purposes = []
    for _ in range(3):
        place = turns.next_turn(nia, project).assignment
        purposes.append(place.purpose)
        rank(as_nia, place)

    assert purposes == ["training", "training", "work"]


def test_training_that_asks_for_more_than_there_is_ends_with_what_there_is(nia, project, known):
    ask(project, training=40)
    read(nia, project)

    assert standing.of(nia, project).facts.training_left == 2


def test_a_training_comparison_that_is_skipped_is_not_offered_again_and_opens_no_place(nia, project, known):
    ask(project, training=1)
    read(nia, project)
    place = turns.next_turn(nia, project).assignment

    assignments.skip(place, reason="no")

    following = turns.next_turn(nia, project).assignment
    assert (following.purpose, following.comparison) == ("training", known[1])
    assert not Assignment.objects.filter(comparison=place.comparison, state="open").exists()


def test_the_message_says_that_it_is_training(as_nia, nia, project, known):
    ask(project, training=2)
    read(nia, project)

    assert said(as_nia.get(next_url(project)))[0].startswith("Training, 2 left")


def test_of_work_no_known_order_is_ever_shown(as_nia, nia, project, comparisons):
    read(nia, project)
    place = assignments.reserve_next(nia, project)
    tiers = [[pk] for pk in place.order]
    GoldKey.objects.create(comparison=place.comparison, tiers=tiers, reason="SECRET")
    Assignment.objects.filter(pk=place.pk).update(purpose="gold", slot=None)

    response = rank(as_nia, place)

    assert "feedback" not in response.url
    assert as_nia.get(reverse("feedback", args=[place.pk])).status_code == 404


def test_feedback_is_for_those_who_ranked_only(client, ana, nia, project, known):
    ask(project, training=2)
    place = assignments.reserve_known(nia, project, Use.TRAINING)
    rankings.submit(place, Answer([place.order]), submission=uuid4())
    client.force_login(ana.user)

    assert client.get(reverse("feedback", args=[place.pk])).status_code == 404


# --- qualification ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "outcome"),
    [
        ([1.0, 0.5], "pass"),  # 0.75 is enough
        ([1.0, 0.4], "fail"),
        ([1.0], "unknown"),
        ([], "unknown"),
        ([0.7, 0.8, 0.75], "pass"),  # whose mean in floats is 0.75 exactly or a little less
    ],
)
def test_a_qualification_ends_in_one_of_three_ways(shares, outcome):
    verdict = judge(shares, needed_count=2, pass_rate=0.75)

    assert verdict.outcome == outcome
    assert verdict.note.endswith(".")


def test_whoever_agrees_with_the_known_orders_works(as_nia, nia, project, known):
    ask(project, qualification=3)

    rank_qualification(as_nia, nia, project, right_count=3, wrong_count=0)
    page = as_nia.get(reverse("qualification", args=[project.slug]))

    member = Membership.objects.get(annotator=nia)
    assert member.qualification == "pass"
    assert "agreed with the known order on 100\u202f% of the pairs in 3 comparisons" in page.content.decode()
    assert turns.next_turn(nia, project).assignment.purpose == "work"


def test_whoever_fails_is_told_what_happened_and_whom_to_ask(as_nia, nia, project, known):
    ask(project, qualification=3)

    page = rank_qualification(as_nia, nia, project, right_count=1, wrong_count=2)

    html = page.content.decode()
    assert "You have not qualified" in html
    assert "on 33\u202f% of the pairs in 3 comparisons; 75\u202f% were needed" in html
    assert "ask the staff of this project" in html
    assert turns.next_turn(nia, project).assignment is None
    assert as_nia.get(next_url(project)).url == reverse("qualification", args=[project.slug])


def test_too_few_known_orders_end_as_unknown_and_bar_nobody(as_nia, nia, project, known):
    ask(project, qualification=9)

    rank_qualification(as_nia, nia, project, right_count=0, wrong_count=3)

    assert Membership.objects.get(annotator=nia).qualification == "unknown"
    assert turns.next_turn(nia, project).assignment.purpose == "work"


def test_known_orders_are_shown_once_the_qualification_has_ended(as_nia, nia, project, known):
    ask(project, qualification=2)
    read(nia, project)
    place = turns.next_turn(nia, project).assignment
    rank(as_nia, place)

    before = as_nia.get(reverse("feedback", args=[place.pk])).status_code
    rank(as_nia, turns.next_turn(nia, project).assignment)
    as_nia.get(next_url(project))

    assert before == 404
    assert place.comparison.key.reason in as_nia.get(reverse("feedback", args=[place.pk])).content.decode()


def test_a_qualification_that_ended_stays_as_it_is(as_nia, nia, project, known):
    ask(project, qualification=2)
    rank_qualification(as_nia, nia, project, right_count=2, wrong_count=0)
    gold.retire(known[2].key)

    memberships.end_qualification(nia, project)

    assert Membership.objects.get(annotator=nia).qualification == "pass"


# --- who is let in, and who is paused ---------------------------------------------------------------------------------


def test_a_closed_project_tells_a_stranger_to_ask_for_an_invitation(as_nia, nia, project, comparisons):
    projects.change_onboarding(
        project, is_open=False, training_count=0, qualification_count=0, qualification_pass_rate=0.75
    )

    response = as_nia.get(next_url(project))

    assert response.status_code == 403
    assert "ask its staff for an invitation" in response.content.decode()
    assert as_nia.get(reverse("guidelines", args=[project.slug])).status_code == 404
    assert "Rivers" not in as_nia.get(reverse("home")).content.decode()


def test_whoever_is_admitted_to_a_closed_project_begins(nia, project, comparisons):
    projects.change_onboarding(
        project, is_open=False, training_count=0, qualification_count=0, qualification_pass_rate=0.75
    )
    memberships.admit(nia, project, cohort="spring", quota=10)

    assert standing.of(nia, project).step == Step.GUIDELINES
    assert memberships.admit(nia, project).cohort == "spring"


def test_a_pause_stops_the_work_and_shows_its_message(client, as_nia, nia, project, comparisons, rex):
    read(nia, project)
    member = Membership.objects.get(annotator=nia)
    client.force_login(rex)
    client.post(reverse("member_pause", args=[member.pk]), {f"p{member.pk}-message": "Let us talk about <ties>."})
    client.force_login(nia.user)

    stopped, home = client.get(next_url(project)), client.get(reverse("home"))

    assert "Let us talk about &lt;ties&gt;." in stopped.content.decode()
    assert "Let us talk about &lt;ties&gt;." in home.content.decode()
    assert not Assignment.objects.filter(annotator=nia).exists()


def test_a_pause_without_a_message_is_refused(client, nia, project, rex):
    member = memberships.admit(nia, project)
    client.force_login(rex)

    response = client.post(reverse("member_pause", args=[member.pk]), {f"p{member.pk}-message": " "})

    assert response.status_code == 422
    assert "Say why: the annotator reads it." in response.content.decode()
    assert not Membership.objects.get().is_paused


def test_whoever_is_resumed_works_again(client, nia, project, comparisons, rex):
    read(nia, project)
    member = Membership.objects.get(annotator=nia)
    memberships.pause(member, message="Wait.", by=None)
    client.force_login(rex)

    client.post(reverse("member_resume", args=[member.pk]))

    assert standing.of(nia, project).step == Step.WORKING


def test_the_staff_decide_on_a_qualification_with_a_reason(client, nia, project, known, rex):
    ask(project, qualification=3)
    read(nia, project)
    member = Membership.objects.get(annotator=nia)
    client.force_login(rex)
    sent = {f"d{member.pk}-outcome": "pass", f"d{member.pk}-note": "Known from another project."}

    client.post(reverse("member_qualification", args=[member.pk]), sent)

    assert standing.of(nia, project).step == Step.WORKING
    assert Membership.objects.get().qualification_note == "Known from another project."


# --- the staff's page -------------------------------------------------------------------------------------------------


def test_an_admin_sets_what_comes_before_the_work(client, project, lee):
    client.force_login(lee)
    sent = {"training_count": 2, "qualification_count": 3, "qualification_pass_rate": 0.8}

    response = client.post(reverse("onboarding", args=[project.slug]), sent, follow=True)

    project.refresh_from_db()
    assert (project.is_open, project.training_count, project.qualification_pass_rate) == (False, 2, 0.8)
    assert "There are fewer comparisons with a known order" in response.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"training_count": 51}, {"training_count": -1}, {"qualification_pass_rate": "nan"}, {"qualification_count": ""}],
)
def test_what_cannot_be_asked_changes_nothing(client, project, lee, wrong):
    client.force_login(lee)
    sent = {"training_count": 2, "qualification_count": 3, "qualification_pass_rate": 0.8} | wrong

    response = client.post(reverse("onboarding", args=[project.slug]), sent)

    project.refresh_from_db()
    assert response.status_code == 422
    assert project.training_count == 0


def test_the_list_of_annotators_asks_a_fixed_number_of_times(client, project, lee, django_assert_max_num_queries):
    for n in range(12):
        person = people.annotator_for(people.create_account(f"n{n}", password="correct horse", roles=["annotator"]))
        read(person, project)
    client.force_login(lee)

    with django_assert_max_num_queries(12):
        client.get(reverse("onboarding", args=[project.slug]))
