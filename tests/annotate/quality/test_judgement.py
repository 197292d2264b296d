"""Verdicts and findings on simulated crowds whose truth is known, and on hardly any data."""

from pathlib import Path

import numpy as np
import pytest

from annotate.quality.findings import AnnotatorFindings, Detector, Judged, Severity
from annotate.quality.judgement import judge
from annotate.quality.ranking import RankedCompletions, pair_votes
from annotate.quality.work import Work, bare
from tests.annotate.quality.crowds import votes_on_pairs
from tests.annotate.quality.detectors import people


def verdict_on(judge_like: people.Judge, **options: int) -> AnnotatorFindings:
    """Annotator 7 of an otherwise honest crowd."""
    return found_in(people.crowd({7: judge_like}, **options), 7)


def found_in(work: Work, annotator: int) -> AnnotatorFindings:
    return next(one for one in judge(work).annotators if one.annotator == annotator)


def said_of(one: AnnotatorFindings) -> tuple[Judged, str, float]:
    return one.verdict, one.reason, round(one.risk, 9)


def permuted(work: Work, order: np.ndarray) -> Work:
    """The same crowd in which annotator a is called order[a]."""
    votes = work.votes
    names = order[votes.annotator_ids]
    place = np.argsort(np.argsort(names))
    renamed = votes._replace(annotator=place[votes.annotator], annotator_ids=np.sort(names))
    return work._replace(votes=renamed)


def test_an_honest_annotator_passes_with_the_reason_in_a_sentence() -> None:
    one = verdict_on(people.honest)

    assert one.verdict == Judged.PASS
    assert one.reason.startswith("Agrees with the others on ")
    assert one.noteworthy == []


@pytest.mark.parametrize(
    ("judge_like", "detector"),
    [
        (people.clicker, Detector.INFORMATION),
        (people.contrary, Detector.CONTRARY),
        (people.first_shown, Detector.POSITION),
        (people.longest, Detector.LENGTH),
        (people.ties_all, Detector.STRAIGHT_LINING),
    ],
)
def test_whoever_judges_otherwise_fails_and_the_detector_says_why(judge_like: people.Judge, detector: Detector) -> None:
    one = verdict_on(judge_like)

    assert one.verdict == Judged.FAIL
    assert one.of(detector).severity == Severity.SERIOUS
    assert one.of(detector).evidence


def test_the_evidence_is_the_annotators_own_rankings() -> None:
    work = people.crowd({7: people.first_shown})

    one = found_in(work, 7)

    code = np.searchsorted(work.votes.ranking_ids, one.of(Detector.POSITION).evidence)
    written_by = {int(work.votes.annotator[work.votes.ranking == ranking][0]) for ranking in code}
    assert written_by == {7}


def test_a_crowd_without_anybody_bad_has_nobody_who_fails() -> None:
    verdicts = [one.verdict for seed in range(5) for one in judge(people.crowd({}, seed=seed)).annotators]

    assert verdicts.count(Judged.FAIL) == 0
    assert verdicts.count(Judged.PASS) >= 0.95 * len(verdicts)


def test_two_who_copy_are_a_ring_and_name_each_other() -> None:
    judgement = judge(people.crowd({7: people.keyed, 11: people.keyed}, n_annotators=15))

    assert [ring.annotators for ring in judgement.rings] == [(7, 11)]
    one = next(one for one in judgement.annotators if one.annotator == 7)
    assert one.of(Detector.COPYING).severity == Severity.SERIOUS
    assert "annotator 11" in one.of(Detector.COPYING).sentence


def test_two_who_follow_the_place_do_not_copy_each_other() -> None:
    judgement = judge(people.crowd({7: people.first_shown, 11: people.first_shown}))

    assert judgement.rings == []


def test_the_worst_stand_first() -> None:
    judgement = judge(people.crowd({7: people.clicker}))

    assert judgement.annotators[0].annotator == 7


def test_names_do_not_matter() -> None:
    work = people.crowd({7: people.clicker, 3: people.longest})
    order = np.random.default_rng(1).permutation(24)

    plain = {int(order[one.annotator]): said_of(one) for one in judge(work).annotators}
    renamed = {one.annotator: said_of(one) for one in judge(permuted(work, order)).annotators}

    assert plain == renamed


def test_thirty_random_clickers_are_told_apart_from_nobody() -> None:
    judgement = judge(people.crowd(dict.fromkeys(range(24), people.clicker)))

    values = [one.of(Detector.INFORMATION).effect.value for one in judgement.annotators]
    assert all(value is None or abs(value) < 0.4 for value in values)
    assert Judged.PASS not in {one.verdict for one in judgement.annotators}


def test_an_empty_project_has_nobody_and_says_why_nothing_is_known() -> None:
    judgement = judge(bare(votes_on_pairs()))

    assert judgement.annotators == []
    assert all(finding.severity == Severity.UNKNOWN for finding in judgement.crowd)


@pytest.mark.parametrize(
    "comparisons",
    [
        ["+"] * 50,  # one annotator
        ["++"],  # one vote each
        ["00"] * 50,  # everybody ties
        ["++"] * 50,  # all say the same
        ["+-"] * 50,  # never agree
        ["+."] * 50 + [".+"] * 50,  # nobody meets
        ["+" * 60],  # many on one pair
    ],
)
def test_hardly_any_data_is_unknown_with_a_reason_and_no_number_is_missing(comparisons: list[str]) -> None:
    judgement = judge(bare(votes_on_pairs(*comparisons, order=())))

    for one in judgement.annotators:
        assert one.verdict in (Judged.UNKNOWN, Judged.PASS)
        assert one.reason.endswith(".")
        assert "nan" not in " ".join([one.reason, *(finding.sentence for finding in one.findings)])
        assert all(finding.effect.value is None or np.isfinite(finding.effect.value) for finding in one.findings)
        assert one.risk is None or np.isfinite(one.risk)


def test_one_vote_is_no_verdict() -> None:
    one = judge(bare(votes_on_pairs("++"))).annotators[0]

    assert one.verdict == Judged.UNKNOWN
    assert one.reason == "Not enough data: 1 prompts that others judged too, shown from 10."


def test_votes_whose_display_is_unknown_are_judged_without_it() -> None:
    one = judge(bare(votes_on_pairs(*["+++"] * 60, order=()))).annotators[0]

    assert one.of(Detector.POSITION).severity == Severity.UNKNOWN
    assert one.of(Detector.STRAIGHT_LINING).severity == Severity.UNKNOWN


def test_rankings_of_one_completion_are_in_no_finding() -> None:
    columns = [np.array(column) for column in ([0, 1], [0, 1], [0, 1], [5, 6], [0, 1], [0, 0], [0, 0])]

    judgement = judge(bare(pair_votes(RankedCompletions(*columns))))

    assert judgement.annotators == [] or all(one.verdict == Judged.UNKNOWN for one in judgement.annotators)


@pytest.mark.parametrize("n_annotators", [2, 3, 7])
@pytest.mark.parametrize("n_prompts", [30, 200])
def test_a_small_crowd_is_judged_without_what_needs_a_large_one(n_annotators: int, n_prompts: int) -> None:
    work = people.crowd({}, n_annotators=n_annotators, n_prompts=n_prompts, overlap=2)

    for one in judge(work).annotators:
        assert one.of(Detector.LENGTH).severity == Severity.UNKNOWN
        assert one.verdict != Judged.FAIL


def test_of_three_the_one_who_contradicts_the_others_is_found() -> None:
    work = people.crowd({2: people.contrary}, n_annotators=3, n_prompts=60)

    verdicts = {one.annotator: one.verdict for one in judge(work).annotators}

    assert verdicts[2] == Judged.FAIL
    assert Judged.FAIL not in (verdicts[0], verdicts[1])


@pytest.mark.parametrize("detector", Detector)
def test_every_detector_is_explained(detector: Detector) -> None:
    guide = (Path(__file__).parents[3] / "docs/quality.md").read_text(encoding="utf-8")

    assert f"\n## {detector.section}\n" in guide


def test_sentences_call_people_by_their_names() -> None:
    work = people.crowd({7: people.keyed, 11: people.keyed}, n_annotators=15)

    one = next(one for one in judge(work, names={11: "annotator-k"}).annotators if one.annotator == 7)

    assert one.of(Detector.COPYING).sentence.startswith("With annotator-k agrees on 100 % of the pairs")
