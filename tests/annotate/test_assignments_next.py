"""What is handed out next: priorities, quotas, repeats, training, and more votes where they are undecided."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from annotate import assignments, gold, intake, policy, projects, rankings, turns
from annotate.answers import Answer
from annotate.models import Assignment, Comparison, Membership, Ranking
from annotate.preferences import current_rankings
from benchmarks import invariants

NO_GUIDELINES = "Be fair."


def submit(place, *, reverse=False):
    order = place.comparison.completions.order_by("-pk" if reverse else "pk").values_list("pk", flat=True)
    return rankings.submit(place, Answer([[pk] for pk in order]), submission=uuid4())


def done_long_ago(annotator):
    Assignment.objects.filter(annotator=annotator).update(closed_at=timezone.now() - timedelta(days=2))


@pytest.fixture
def chance(monkeypatch):
    """Let a test say what chance draws from now on."""
    return lambda value: monkeypatch.setattr(policy, "draw", lambda *seed: value)


@pytest.fixture
def member(project, ana):
    return Membership.objects.get_or_create(project=project, annotator=ana)[0]


@pytest.fixture
def adaptive(project, comparisons):
    project.overlap_policy, project.overlap_cap, project.fixed_rate = "adaptive", 3, 0.0
    project.save()
    return project


def test_the_row_of_a_reservation_is_new_whatever_it_is_for(project, comparisons, ana):
    newest_open = Assignment.objects.order_by("-pk").first()

    place = assignments.reserve_next(ana, project)

    assert place.pk > newest_open.pk
    assert Assignment.objects.filter(comparison=place.comparison, slot=0).get() == place


def test_what_a_model_is_unsure_of_comes_first(project, comparisons, ana):
    assignments.reprioritise(project, {comparisons[2].pk: 5, comparisons[1].pk: -1})

    seen = [submit(assignments.reserve_next(ana, project)).comparison for _ in comparisons]

    assert seen == [comparisons[2], comparisons[0], comparisons[1]]


def test_a_place_that_comes_back_stands_where_its_priority_says(project, comparisons, ana, ben):
    place = assignments.reserve_next(ana, project)
    assignments.reprioritise(project, {place.comparison_id: -3})

    assignments.skip(place, reason="no")

    positions = Assignment.objects.filter(comparison=place.comparison, state="open").values_list("position", flat=True)
    assert len(set(positions)) == 1
    assert assignments.reserve_next(ben, project).comparison == comparisons[1]


def test_priorities_of_another_project_are_refused_and_none_is_stored(project, comparisons):
    other = projects.create(slug="lakes", name="Lakes", guidelines=NO_GUIDELINES, by=None)

    with pytest.raises(ValueError, match="not in project lakes"):
        assignments.reprioritise(other, {comparisons[0].pk: 5})

    assert set(Comparison.objects.values_list("priority", flat=True)) == {0}


def test_who_works_far_ahead_of_the_others_goes_on_where_they_were(project, write_lines, ana):
    count = 70  # beyond the head of the queue that is looked at first
    lines = [{"id": f"n{n}", "prompt": f"P {n}", "completions": [{"text": "a"}, {"text": "b"}]} for n in range(count)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)

    seen = [submit(assignments.reserve_next(ana, project)).comparison_id for _ in range(count)]

    assert seen == sorted(set(seen))
    assert assignments.reserve_next(ana, project) is None


def test_a_long_text_is_reserved_for_longer(project, write_lines, ana):
    project.lease_seconds = 60
    long = {"id": "long", "prompt": "P", "completions": [{"text": "a" * 9_000}, {"text": "b" * 6_000}]}
    intake.import_file(write_lines(long), kind="comparisons", project=project)

    place = assignments.reserve_next(ana, project)

    assert 3000 <= (place.expires_at - place.reserved_at).total_seconds() < 3020


def test_a_quota_ends_the_work(project, comparisons, ana, member):
    Membership.objects.update(quota=2)

    submit(assignments.reserve_next(ana, project))
    submit(assignments.reserve_next(ana, project))

    assert assignments.reserve_next(ana, project) is None


@pytest.mark.parametrize("changes", [{"is_paused": True}, {"qualification": "fail"}])
def test_who_is_paused_or_has_failed_gets_no_work(project, comparisons, ana, member, changes):
    Membership.objects.update(**changes)

    assert assignments.reserve_next(ana, project) is None


def test_what_somebody_held_who_left_is_free_at_once(project, comparisons, ana, ben):
    place = assignments.reserve_next(ana, project)

    assert assignments.release(ana, project)

    assert not assignments.release(ana, project)
    assert Assignment.objects.filter(comparison=place.comparison, state="open").count() == 2


def test_training_comes_before_qualification_and_both_before_work(project, comparisons, ana, member, lee):
    project.training_count = project.qualification_count = 1
    for comparison, use in zip(comparisons, ("training", "qualification"), strict=False):
        order = [[pk] for pk in comparison.completions.values_list("pk", flat=True)]
        gold.set_key(comparison, order, reason="", by=lee, use=use)

    purposes = [submit(turns.next_turn(ana, project).assignment).assignment.purpose for _ in range(2)]
    assert turns.next_turn(ana, project).has_ended_qualification
    purposes.append(submit(turns.next_turn(ana, project).assignment).assignment.purpose)

    assert purposes == ["training", "qualification", "work"]


def test_the_queue_of_work_hands_out_no_training_item(project, comparisons, ana, member, lee):
    project.training_count = 1
    order = [[pk] for pk in comparisons[0].completions.values_list("pk", flat=True)]
    gold.set_key(comparisons[0], order, reason="", by=lee, use="training")

    assert assignments.reserve_next(ana, project).purpose == "work"


def test_a_repeat_comes_a_day_later_in_another_order_and_is_no_preference(project, comparisons, ana, chance):
    first = assignments.reserve_next(ana, project)
    submit(first)
    project.repeat_rate = 0.5
    chance(0.0)
    assert assignments.reserve_next(ana, project).purpose == "work"
    submit(assignments.reserve_next(ana, project))
    done_long_ago(ana)

    again = assignments.reserve_next(ana, project)
    submit(again, reverse=True)

    assert (again.purpose, again.repeat_of, again.comparison, again.slot) == ("repeat", first, first.comparison, None)
    assert again.order[0] != first.order[0]
    assert sorted(again.order) == sorted(first.order)
    assert current_rankings(project).filter(comparison=first.comparison).count() == 1


def test_a_comparison_comes_back_once_and_only_after_fifty_others(project, write_lines, ana, chance):
    lines = [{"id": f"n{n}", "prompt": f"P {n}", "completions": [{"text": "a"}, {"text": "b"}]} for n in range(60)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    project.repeat_rate = 0.5
    chance(0.0)

    places = [submit(assignments.reserve_next(ana, project)).assignment for _ in range(55)]

    purposes = [place.purpose for place in places]
    assert purposes == ["work"] * 50 + ["repeat"] * 5
    assert [place.repeat_of for place in places[50:]] == places[:5]


def test_a_repeats_page_shows_what_is_said_of_it_and_not_the_first_time(client, project, comparisons, ana, chance):
    first = assignments.reserve_next(ana, project)
    submit(first)
    done_long_ago(ana)
    project.repeat_rate = 0.5
    project.save()
    chance(0.0)
    again = assignments.reserve_next(ana, project)
    client.force_login(ana.user)

    sent = {f"rank-{label}": 1 for label in "ABCD"} | {"submission": uuid4()}
    page = client.post(f"/rank/{again.pk}/", sent, follow=True)

    assert "Saved: A = B = C = D" in page.content.decode()


def test_votes_that_agree_open_no_further_place(adaptive, comparisons, ana, ben):
    for annotator in (ana, ben):
        submit(assignments.reserve_next(annotator, adaptive))

    assert Comparison.objects.get(pk=comparisons[0].pk).overlap == 2


def test_votes_that_contradict_each_other_open_one_more_place_up_to_the_cap(adaptive, comparisons, ana, ben, cy):
    submit(assignments.reserve_next(ana, adaptive))
    submit(assignments.reserve_next(ben, adaptive), reverse=True)

    third = assignments.reserve_next(cy, adaptive)
    submit(third)

    assert (third.comparison, third.slot) == (comparisons[0], 2)
    assert Comparison.objects.get(pk=comparisons[0].pk).overlap == 3
    assert invariants.breaches() == []


def test_the_fixed_share_keeps_its_overlap_whatever_is_said(adaptive, comparisons, ana, ben):
    adaptive.fixed_rate = 1.0
    adaptive.save()

    submit(assignments.reserve_next(ana, adaptive))
    submit(assignments.reserve_next(ben, adaptive), reverse=True)

    assert Comparison.objects.get(pk=comparisons[0].pk).overlap == 2


def test_a_project_of_fixed_overlap_opens_nothing(project, comparisons, ana, ben):
    submit(assignments.reserve_next(ana, project))
    submit(assignments.reserve_next(ben, project), reverse=True)

    assert Comparison.objects.get(pk=comparisons[0].pk).overlap == 2


def test_only_one_of_two_asks_for_one_more_vote_opens_a_place(project, comparisons):
    stale = Comparison.objects.get(pk=comparisons[0].pk)

    assert assignments.open_one_more(comparisons[0])

    assert not assignments.open_one_more(stale)
    assert Assignment.objects.filter(comparison=stale).count() == 3


def test_reserving_takes_the_same_queries_on_the_first_and_on_the_hundredth(
    project, write_lines, ana, django_assert_max_num_queries
):
    lines = [{"id": f"n{n}", "prompt": f"P {n}", "completions": [{"text": "a"}, {"text": "b"}]} for n in range(100)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    for _ in range(99):
        submit(assignments.reserve_next(ana, project))

    with django_assert_max_num_queries(11):
        assert assignments.reserve_next(ana, project)

    assert Ranking.objects.count() == 99
