"""Gold: known orders among the work, each once for everybody, and nothing that tells them apart."""

import re
from uuid import uuid4

import pytest
from django.urls import reverse

from annotate import assignments, gold, policy, rankings
from annotate.answers import Answer, BadAnswer
from annotate.models import Assignment, Comparison, GoldKey
from annotate.preferences import current_rankings


def order_of(comparison):
    return [[pk] for pk in comparison.completions.order_by("-pk").values_list("pk", flat=True)]


def rank_all(annotator, project):
    """Rank everything there is for an annotator as it stands and return the places."""
    places = []
    while place := assignments.reserve_next(annotator, project):
        rankings.submit(place, Answer([[pk] for pk in place.order]), submission=uuid4())
        places.append(place)
    return places


def plain(response):
    """Return a page without what differs from any comparison to the next: ids, tokens, numbers, the order of texts."""
    tokens = r"value=\"\w{64}\"|data-key=\"\w{20}\"|[0-9a-f]+(-[0-9a-f]+){4}"
    return re.sub(rf"{tokens}|\d+|River [a-d]", "#", response.content.decode())


@pytest.fixture
def keyed(project, comparisons, lee):
    """The last of the three comparisons is gold, and every second comparison shall be."""
    project.gold_rate = 0.5
    project.save()
    return gold.set_key(comparisons[2], order_of(comparisons[2]), reason="By the atlas.", by=lee)


def test_work_that_becomes_gold_has_no_open_places_left(keyed, comparisons):
    assert Comparison.objects.get(pk=comparisons[2].pk).use == "gold"
    assert not Assignment.objects.filter(comparison=comparisons[2]).exists()
    assert Assignment.objects.filter(state="open").count() == 4


def test_gold_is_mixed_in_once_for_each_annotator(keyed, project, comparisons, monkeypatch, ana, ben):
    monkeypatch.setattr(policy, "draw", lambda *seed: 0.0)  # gold whenever there is some

    purposes = {annotator: [place.purpose for place in rank_all(annotator, project)] for annotator in (ana, ben)}

    assert purposes == {ana: ["gold", "work", "work"], ben: ["gold", "work", "work"]}


def test_what_is_said_of_gold_is_no_preference(keyed, project, comparisons, monkeypatch, ana):
    monkeypatch.setattr(policy, "draw", lambda *seed: 0.0)

    rank_all(ana, project)

    assert set(current_rankings(project).values_list("comparison", flat=True)) == {one.pk for one in comparisons[:2]}


def test_at_its_highest_rate_gold_is_about_half_of_the_first_comparisons(keyed, project, comparisons):
    first = [policy.draw("purpose", project.pk, annotator, 0) < policy.gold_rate(0.5, []) for annotator in range(400)]

    assert 160 < sum(first) < 240


def test_an_answer_to_gold_counts_by_the_share_of_its_pairs(keyed, project, comparisons, monkeypatch, ana):
    monkeypatch.setattr(policy, "draw", lambda *seed: 0.0)
    known, standings = order_of(comparisons[2]), []
    monkeypatch.setattr(policy, "next_purpose", lambda standing, **_: standings.append(standing) or "gold")

    rankings.submit(
        assignments.reserve_next(ana, project), Answer([known[1], known[0], *known[2:]]), submission=uuid4()
    )
    assignments.reserve_next(ana, project)

    pairs = len(known) * (len(known) - 1) / 2
    assert [standing.gold_shares for standing in standings] == [(), (pytest.approx(1 - 1 / pairs),)]


def test_gold_says_nothing_in_id_or_page(client, monkeypatch, keyed, project, comparisons, ana):
    monkeypatch.setattr(policy, "draw", lambda *seed: 0.0 if seed[-1] == 0 else 0.99)  # gold first, then work
    type(project).objects.update(grace_seconds=0)  # or the later page would offer to change the earlier ranking
    client.force_login(ana.user)
    gold_place = assignments.reserve_next(ana, project)
    gold_page = plain(client.get(f"/rank/{gold_place.pk}/"))
    rankings.submit(gold_place, Answer([gold_place.order]), submission=uuid4())

    work_place = assignments.reserve_next(ana, project)
    work_page = plain(client.get(f"/rank/{work_place.pk}/"))

    assert (gold_place.purpose, work_place.purpose) == ("gold", "work")
    assert gold_page == work_page
    assert gold_place.pk < work_place.pk


def test_a_retired_key_is_no_longer_handed_out(keyed, project, comparisons, ana):
    gold.retire(keyed)

    assert {place.purpose for place in rank_all(ana, project)} == {"work"}
    assert GoldKey.objects.get().is_retired


def test_who_holds_a_comparison_that_becomes_gold_may_still_submit_it(project, comparisons, ana, lee):
    place = assignments.reserve_next(ana, project)
    gold.set_key(place.comparison, order_of(place.comparison), reason="", by=lee)

    rankings.submit(place, Answer([place.order]), submission=uuid4())

    assert Assignment.objects.get(pk=place.pk).state == "submitted"


def test_skipping_a_comparison_that_became_gold_opens_no_place(project, comparisons, ana, lee):
    place = assignments.reserve_next(ana, project)
    gold.set_key(place.comparison, order_of(place.comparison), reason="", by=lee)

    assignments.skip(place, reason="no")

    assert not Assignment.objects.filter(comparison=place.comparison, state="open").exists()


def test_an_expired_gold_comparison_is_still_taken(keyed, project, comparisons, ana):
    place = assignments.reserve_next(ana, project)
    Assignment.objects.filter(pk=place.pk).update(purpose="gold", slot=None)
    place.refresh_from_db()
    assignments.release(ana, project)

    rankings.submit(place, Answer([place.order]), submission=uuid4())

    assert Assignment.objects.get(pk=place.pk).state == "submitted"


def test_a_ruling_becomes_a_key_with_its_reason(project, comparisons, rex):
    rankings.adjudicate(comparisons[0], reviewer=rex, tiers=order_of(comparisons[0]), reason="B is wrong.")

    key = gold.set_key_from_ruling(comparisons[0], by=rex)

    assert (key.tiers, key.reason) == (order_of(comparisons[0]), "B is wrong.")


def test_without_a_ruling_there_is_nothing_to_take_the_order_from(project, comparisons, rex):
    with pytest.raises(gold.NoRuling, match="Adjudicate it first"):
        gold.set_key_from_ruling(comparisons[0], by=rex)


def test_a_key_of_ties_only_is_refused_and_nothing_stored(project, comparisons, lee):
    tied = [[pk for tier in order_of(comparisons[0]) for pk in tier]]

    with pytest.raises(BadAnswer, match="no tie"):
        gold.set_key(comparisons[0], tied, reason="", by=lee)

    assert not GoldKey.objects.exists()
    assert Assignment.objects.filter(comparison=comparisons[0], state="open").count() == 2


def test_a_key_that_leaves_out_a_completion_is_refused(project, comparisons, lee):
    with pytest.raises(BadAnswer, match="not ranked yet"):
        gold.set_key(comparisons[0], order_of(comparisons[0])[1:], reason="", by=lee)


def test_work_that_came_in_as_work_is_not_keyed_by_add(project, comparisons, lee):
    with pytest.raises(BadAnswer, match="known order"):
        gold.add(comparisons[0], order_of(comparisons[0]), reason="", by=lee)


def test_a_reviewer_makes_a_comparison_gold_by_its_ruling(client, project, comparisons, rex):
    rankings.adjudicate(comparisons[0], reviewer=rex, tiers=order_of(comparisons[0]), reason="By the atlas.")
    client.force_login(rex)
    page = client.get(reverse("comparison", args=[comparisons[0].pk])).content.decode()

    client.post(reverse("make_gold", args=[comparisons[0].pk]))

    key = GoldKey.objects.get()
    assert "Make it gold by the ruling" in page
    assert (key.comparison_id, key.tiers, key.reason) == (comparisons[0].pk, order_of(comparisons[0]), "By the atlas.")
    assert "Make it gold" not in client.get(reverse("comparison", args=[comparisons[0].pk])).content.decode()


@pytest.mark.parametrize("ruled", [False, True])
def test_without_a_ruling_that_orders_anything_it_is_not_made_gold(client, project, comparisons, rex, ruled):
    if ruled:
        rankings.adjudicate(comparisons[0], reviewer=rex, tiers=[sum(order_of(comparisons[0]), [])], reason="Equal.")
    client.force_login(rex)

    page = client.post(reverse("make_gold", args=[comparisons[0].pk]), follow=True).content.decode()

    assert "It was not made gold." in page
    assert not GoldKey.objects.exists()
