"""From rankings to training pairs: which votes count, what is left out and why, weights, margins, splits."""

import math
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from annotate import (
    assignments,
    comparison_intake,
    gold,
    intake,
    memberships,
    people,
    preferences,
    projects,
    rankings,
)
from annotate.answers import Answer
from annotate.models import Assignment, Origin, Participation
from annotate.questions import Choice, Questions, to_json


def rows_of(project, *, test_rate=0.25):
    """Return the rows of an export, and what was left out."""
    believed, excluded = preferences.beliefs(project), Counter()
    splits = preferences.splits(project, test_rate=test_rate)
    return list(preferences.stream(project, believed, splits=splits, excluded=excluded)), believed, excluded


def rank_all(annotator, project, letters="abcd", *, now=None, **said):
    """Rank all there is for an annotator in the order of the import's letters."""
    while place := assignments.reserve_next(annotator, project, now=now):
        by_letter = dict(place.comparison.completions.values_list("external_id", "pk"))
        tiers = [[by_letter[one]] for one in letters]
        given = {name: value(by_letter) if callable(value) else value for name, value in said.items()}
        rankings.submit(place, Answer(tiers, **given), submission=uuid4(), now=now)


@pytest.fixture
def pairwise(db, write_lines):
    made = projects.create(slug="pairs", name="Pairs", task="pairwise", overlap=2, guidelines="Be fair.", by=None)
    lines = [{"id": f"p{n}", "prompt": f"{word}?", "completions": [f"{word} a", f"{word} b"]} for n, word in WORDS]
    intake.import_file(write_lines(*lines), kind="comparisons", project=made)
    return made


WORDS = list(enumerate(("Lighthouse", "Marzipan", "Turbine")))


# --- which rankings count ---------------------------------------------------------------------------------------------


def test_what_an_annotator_on_hold_said_makes_no_labels(project, comparisons, ana, ben):
    rank_all(ana, project)
    rank_all(ben, project, "dcba")
    people.set_paused(ben, is_paused=True)

    rows, believed, _ = rows_of(project)

    assert believed.left_out == {"by an annotator on hold": 3}
    assert {row.n_votes for row in rows} == {1}
    assert rows[0].chosen == "River a of 0."


def test_a_pause_that_says_nothing_of_quality_keeps_the_labels(project, comparisons, ana, ben, rex):
    rank_all(ana, project)
    rank_all(ben, project, "dcba")
    member = project.memberships.get(annotator=ben)
    memberships.pause(member, message="Enjoy your leave.", by=rex, keeps_labels=True)

    _, believed, _ = rows_of(project)
    memberships.resume(member, by=rex)
    memberships.pause(member, message="We look at your last ones.", by=rex)  # the next pause is one like any other
    _, doubted, _ = rows_of(project)

    assert believed.left_out == {}
    assert doubted.left_out == {"by an annotator on hold": 3}


def test_what_was_said_before_the_last_good_gold_stays(project, comparisons, ana, lee):
    """Ana ranks one comparison, passes gold an hour later, and ranks the last one after that."""
    key = [[pk] for pk in comparisons[1].completions.order_by("pk").values_list("pk", flat=True)]
    start = timezone.now() - timedelta(hours=3)
    first = assignments.reserve_next(ana, project, now=start)
    rankings.submit(first, Answer([[pk] for pk in sorted(first.order)]), submission=uuid4(), now=start)
    gold.set_key(comparisons[1], key, reason="By the atlas.", by=lee)
    on_gold = Assignment.objects.create(
        project=project,
        comparison=comparisons[1],
        annotator=ana,
        purpose="gold",
        state="reserved",
        order=sorted(pk for tier in key for pk in tier),
        reserved_at=start,
        expires_at=start + timedelta(hours=9),
    )
    rankings.submit(on_gold, Answer(key), submission=uuid4(), now=start + timedelta(hours=1))
    rank_all(ana, project)
    memberships.pause(project.memberships.get(annotator=ana), message="We look at your last ones.", by=None)

    _, believed, _ = rows_of(project)

    assert believed.left_out == {"by an annotator on hold": 1, "on gold": 1}
    assert set(believed.verdicts) == {first.comparison_id}


@pytest.mark.parametrize(("discards", "left_out"), [(False, {}), (True, {"by a discarded worker": 3})])
def test_a_failed_stay_makes_no_labels_where_the_project_says_so(project, comparisons, ana, discards, left_out):
    project.crowd = {"discards_failed_stays": discards}
    project.save()
    Participation.objects.create(project=project, annotator=ana, provider="prolific", status="returned")
    rank_all(ana, project)

    assert +rows_of(project)[1].left_out == left_out


# --- what is left out of the rows -------------------------------------------------------------------------------------


def test_a_withdrawn_prompt_is_neither_handed_out_nor_trained_on(project, comparisons, ana, ben):
    rank_all(ana, project)
    comparison_intake.withdraw(comparisons[0].prompt)

    rows, _, excluded = rows_of(project)
    handed = {place.comparison_id for place in Assignment.objects.filter(comparison=comparisons[0], state="open")}

    assert excluded == {"of withdrawn prompts": 6}
    assert (len(rows), handed) == (12, set())


def test_a_prompt_that_is_brought_back_has_its_open_places_again(project, comparisons, ana):
    rank_all(ana, project)
    comparison_intake.withdraw(comparisons[0].prompt)

    comparison_intake.restore(comparisons[0].prompt)

    assert set(comparisons[0].assignments.values_list("slot", flat=True)) == {0, 1}
    assert not rows_of(project)[2]


def test_a_completion_that_most_annotators_flag_as_unsafe_is_in_no_pair(project, comparisons, ana, ben):
    project.questions = to_json(Questions(flags=(Choice("violent", "Violent"), Choice("opinion", "An opinion"))))
    project.save()
    rank_all(ana, project, flags=lambda ids: {ids["a"]: ["violent"], ids["b"]: ["opinion"], ids["c"]: ["violent"]})
    rank_all(ben, project, flags=lambda ids: {ids["a"]: ["violent"]})

    rows, _, excluded = rows_of(project)

    assert excluded == {"flagged as unsafe": 9}
    assert {text[:7] for row in rows for text in (row.chosen, row.rejected)} == {"River b", "River c", "River d"}


# --- the columns ------------------------------------------------------------------------------------------------------


def test_the_margin_is_the_mean_strength_where_annotators_gave_one(pairwise, ana, ben):
    for annotator, strength in ((ana, 3), (ben, 2)):
        memberships.acknowledge(annotator, projects.current_guidelines(pairwise))
        rank_all(annotator, pairwise, "ba", strength=strength)

    rows, _, _ = rows_of(pairwise)

    assert [(row.margin, row.chosen[-1], row.n_votes) for row in rows] == [(2.5, "b", 2)] * 3


def test_one_vote_keeps_its_shrunk_q_and_its_margin_is_the_logit(project, comparisons, ana):
    rank_all(ana, project)

    row = rows_of(project)[0][0]

    assert 0.5 < row.q < 0.9
    assert row.margin == pytest.approx(math.log(row.q / (1 - row.q)))
    assert row.n_eff == pytest.approx(1.0)


def test_which_model_wrote_what_sharpens_q_only_where_it_is_asked_for(project, write_lines, ana, ben):
    """Model good wins every time: of a pair on which the two voters differ the votes alone know nothing."""
    lines = [
        {
            "id": f"m{n}",
            "prompt": f"Question {n * 7919}?",
            "completions": [{"id": x, "text": f"{x} {n}", "model": m} for x, m in (("a", "good"), ("b", "bad"))],
        }
        for n in range(12)
    ]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    rank_all(ana, project, "ab")
    rank_all(ben, project, "ab")
    split = project.comparisons.get(external_id="m0").rankings.get(annotator=ben)
    rankings.revise(split, Answer(list(reversed(split.tiers))), submission=uuid4())
    pair = tuple(sorted(pk for tier in split.tiers for pk in tier))

    votes, post = (
        preferences.beliefs(project, label=label).verdicts[split.comparison_id][pair].q
        for label in (preferences.VOTES, preferences.POST)
    )

    assert abs(votes - 0.5) < 0.1
    assert post > votes + 0.1


def test_near_duplicate_prompts_share_a_split_and_the_earliest_decides(project, write_lines):
    text = "Explain to a child of eight why the sky is blue, in three short sentences, and give an example. "
    lines = [{"prompt": f"{text * 2}{end}", "completions": ["x", "y"]} for end in ("", "Please.", "Thanks!", "Now.")]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)

    splits = preferences.splits(project, test_rate=0.5)

    assert len({splits.of(prompt) for prompt in project.prompts.all()}) == 1
    assert set(splits.decided_by.values()) == {project.prompts.order_by("pk").first().text_sha256}


class Property(TestCase):
    """Whatever is ranked: the weights of a prompt sum to 1, and no prompt is in two splits."""

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        sizes=st.lists(st.integers(2, 5), min_size=1, max_size=4),
        ranked=st.data(),
        test_rate=st.sampled_from([0.05, 0.5, 0.95]),
    )
    def test_weights_sum_to_one_and_splits_are_whole(self, sizes, ranked, test_rate):
        project = projects.create(slug=uuid4().hex, name="Any", overlap=2, guidelines="Any.", by=None)
        rows = [
            {"id": f"c{n}", "prompt_id": f"p{n // 2}", "prompt": f"Say {n // 2}", "completions": list("xyxzy"[:size])}
            for n, size in enumerate(sizes)
        ]
        intake.import_rows(rows, kind="comparisons", project=project)
        for name in ("one", "two"):
            annotator = people.without_account(Origin.IMPORTED, source="x", external_ids=[name])[name]
            while place := assignments.reserve_next(annotator, project):
                order = ranked.draw(st.permutations(place.order))
                cut = ranked.draw(st.integers(1, len(order)))
                tiers = [tier for tier in (order[:cut], order[cut:]) if tier]
                rankings.submit(place, Answer(tiers), submission=uuid4())

        found, believed, excluded = rows_of(project, test_rate=test_rate)

        weights, splits = Counter(), {}
        for row in found:
            weights[row.prompt.pk] += row.weight
            splits.setdefault(row.prompt.pk, set()).add(row.split)
        assert all(abs(total - 1) < 1e-9 for total in weights.values())
        assert all(len(one) == 1 for one in splits.values())
        assert len(found) == believed.pair_count - excluded.total()
