"""Each detector on people who do what it looks for, and on people who do not."""

import numpy as np
import pytest

from annotate.quality.detectors import (
    copying,
    drift,
    fatigue,
    gold,
    haste,
    information,
    newcomers,
    position,
    repeats,
    straight_lining,
    style,
    transitivity,
)
from annotate.quality.detectors.crowd import Crowd, crowd_of
from annotate.quality.detectors.rows import rows_of
from annotate.quality.findings import Severity
from annotate.quality.ranking import RankingRow, pair_votes, ranked_completions
from annotate.quality.work import GoldAnswers, Work, bare
from tests.annotate.quality.crowds import votes_on_pairs
from tests.annotate.quality.detectors import people

WEEK = 7 * 86_400.0


@pytest.fixture(scope="module")
def mixed() -> Crowd:
    """Annotators 1 contrary, 2 by place, 3 by length, 4 a clicker, 5 ties all; the others honest."""
    special = {1: people.contrary, 2: people.first_shown, 3: people.longest, 4: people.clicker, 5: people.ties_all}
    return crowd_of(people.crowd(special))


def severities(findings: list) -> dict[int, Severity]:
    """Who stands out, by annotator code."""
    return {k: one.severity for k, one in enumerate(findings) if one.severity in (Severity.SERIOUS, Severity.REVIEW)}


# --- rows ------------------------------------------------------------------------------------------------------------


def test_half_the_sum_of_its_pairs_is_a_completions_centred_midrank() -> None:
    votes = pair_votes(ranked_completions([RankingRow(1, 1, 1, [[7], [5, 6]], [6, 7, 5])]))

    rows = rows_of(votes)

    by_completion = dict(zip(rows.completion_ids[rows.completion].tolist(), rows.worth.tolist(), strict=True))
    early = dict(zip(rows.completion_ids[rows.completion].tolist(), rows.early.tolist(), strict=True))
    assert by_completion == {7: 1.0, 5: -0.5, 6: -0.5}
    assert early == {6: 1.0, 7: 0.0, 5: -1.0}


def test_an_unknown_display_has_no_places() -> None:
    rows = rows_of(votes_on_pairs("+", order=()))

    assert not rows.is_placed.any()
    assert rows.early.tolist() == [0.0, 0.0]


# --- information -----------------------------------------------------------------------------------------------------


def test_information_is_about_zero_for_whoever_does_not_look(mixed: Crowd) -> None:
    found = information.information_of(mixed)

    assert found.mean[[2, 4, 5]] == pytest.approx([0.0] * 3, abs=0.2)  # errors of 0.06 and of the reference
    assert found.mean[1] < -0.4
    assert (found.mean[6:] > 0.5).all()


def test_who_says_nothing_and_who_says_the_contrary_stand_out(mixed: Crowd) -> None:
    least, contrary = information.findings(mixed, information.information_of(mixed))

    assert {2, 4, 5} <= severities(least).keys() <= {1, 2, 3, 4, 5}  # to go by the length tells little
    assert severities(contrary) == {1: Severity.SERIOUS}


# --- position --------------------------------------------------------------------------------------------------------


def test_a_pure_position_clicker_has_a_pull_of_one_and_no_information(mixed: Crowd) -> None:
    finding = position.findings(mixed)[2]

    assert finding.effect.value == pytest.approx(1.0, abs=0.05)
    assert finding.severity == Severity.SERIOUS
    assert information.information_of(mixed).mean[2] == pytest.approx(0.0, abs=0.1)


def test_nobody_else_is_pulled_by_the_place(mixed: Crowd) -> None:
    assert severities(position.findings(mixed)).keys() == {2}


def test_the_slot_test_is_chi_squared_for_honest_people() -> None:
    values = np.concatenate([position.slot_test(crowd_of(people.crowd({}, seed=seed)))[0] for seed in range(8)])

    assert values.mean() == pytest.approx(3.0, abs=0.6)  # three degrees of freedom: mean 3, deviation 2.4


# --- style -----------------------------------------------------------------------------------------------------------


def test_who_places_by_length_stands_out_against_a_crowd_that_likes_length_a_little(mixed: Crowd) -> None:
    found = style.length_findings(mixed)

    assert severities(found).keys() == {3}
    assert "ranks higher" in found[3].sentence


def test_the_crowds_odds_for_twice_as_long_hold_the_truth() -> None:
    rng = np.random.default_rng(4)
    n, truth = 4_000, 1.5  # log odds a doubling: log(1.5)
    doublings = rng.normal(size=n)
    chose_i = rng.random(n) < 1 / (1 + truth**-doublings)
    rows = [
        RankingRow(c, c, c % 40, [[2 * c], [2 * c + 1]] if won else [[2 * c + 1], [2 * c]])
        for c, won in enumerate(chose_i)
    ]
    words = np.column_stack([100 * 2**doublings, np.full(n, 100.0)]).ravel()
    ids = np.arange(2 * n)
    completions = people.Completions(ids, ids, words, np.zeros((2 * n, 3)))
    work = bare(pair_votes(ranked_completions(rows)))._replace(completions=completions)

    finding = style.crowd_length_odds(crowd_of(work))

    assert finding.effect.low < truth < finding.effect.high
    assert finding.effect.high - finding.effect.low < 0.2


def test_who_likes_headers_more_than_the_crowd_is_told_so() -> None:
    work = people.crowd({})
    rng = np.random.default_rng(0)
    marks = np.zeros((len(work.completions.ids), 3))
    marks[:, 0] = rng.integers(0, 4, len(marks))

    def by_headers(seen: people.Seen) -> np.ndarray:
        own = seen.prompt[:, np.newaxis] * people.K + np.arange(people.K)
        return marks[own, 0] + 0.1 * seen.rng.normal(size=own.shape)

    headed = people.crowd({3: by_headers})
    headed = headed._replace(completions=headed.completions._replace(marks=marks))

    found = style.format_findings(crowd_of(headed))

    assert 3 in severities(found)
    assert "headers" in found[3].sentence


# --- straight-lining -------------------------------------------------------------------------------------------------


def test_the_same_answer_again_and_again_is_found_whatever_it_is(mixed: Crowd) -> None:
    found = straight_lining.findings(mixed)

    assert severities(found) == {2: Severity.SERIOUS, 5: Severity.SERIOUS}
    assert "tie everything" in found[5].sentence
    assert found[2].effect.value == 1.0


# --- haste -----------------------------------------------------------------------------------------------------------


def timed(work: Work, fast: dict[int, float]) -> Work:
    """Everybody takes about a second for each of the words; those of `fast` a share of it."""
    rng = np.random.default_rng(6)
    author = rows_of(work.votes).author
    share = np.array([fast.get(int(who), 1.0) for who in work.votes.annotator_ids[author]])
    words = rng.uniform(50, 400, len(author))
    return work._replace(words=words, seconds=words * share * rng.lognormal(0, 0.3, len(author)))


def test_fast_and_bad_is_serious_and_fast_and_good_is_looked_at() -> None:
    crowd = crowd_of(timed(people.crowd({4: people.clicker}), {4: 0.1, 7: 0.3}))
    is_good = crowd.mean_agreement[7] >= np.median(crowd.mean_agreement)

    found = haste.findings(crowd)

    assert severities(found) == {4: Severity.SERIOUS, 7: Severity.REVIEW if is_good else Severity.SERIOUS}
    assert found[4].effect.value == pytest.approx(0.1, abs=0.02)


def test_faster_than_anybody_reads_is_said_in_words_a_second() -> None:
    crowd = crowd_of(timed(people.crowd({4: people.clicker}), {4: 0.05}))

    assert "words a second, faster than anybody reads" in haste.findings(crowd)[4].sentence


def test_unknown_times_are_unknown() -> None:
    found = haste.findings(crowd_of(people.crowd({})))

    assert {one.severity for one in found} == {Severity.UNKNOWN}
    assert found[0].sentence.startswith("Not enough data: 0 rankings that say how long they took")


# --- copying ---------------------------------------------------------------------------------------------------------


def test_honest_pairs_are_no_more_alike_than_chance_allows() -> None:
    crowd = crowd_of(people.crowd({}, n_prompts=3_000))

    met = copying.pairs_met(copying._meetings(crowd), n_annotators=crowd.n)

    assert len(met.z) == 24 * 23 / 2
    assert met.z.mean() == pytest.approx(0.0, abs=0.3)
    assert met.z.std() == pytest.approx(1.0, abs=0.25)
    assert (met.q > 0.05).all()


def test_two_good_judges_agree_because_they_are_good() -> None:
    def sharp(seen: people.Seen) -> np.ndarray:
        return seen.quality + 0.1 * seen.rng.normal(size=seen.quality.shape)

    assert copying.findings(crowd_of(people.crowd({3: sharp, 4: sharp}, n_prompts=3_000)), names={})[1] == []


# --- fatigue and drift -----------------------------------------------------------------------------------------------


def in_sessions(work: Work, *, hours: float, per_session: int) -> Work:
    """Each annotator's rankings in their order, so many a session, evenly over its hours; one session a day."""
    author = rows_of(work.votes).author
    at = np.zeros(len(author))
    for who in range(author.max() + 1):
        own = np.flatnonzero(author == who)
        day, place = np.divmod(np.arange(len(own)), per_session)
        at[own] = day * 86_400.0 + place / per_session * hours * 3600
    return work._replace(at=at)


def tiring(per_session: int) -> people.Judge:
    def judge(seen: people.Seen) -> np.ndarray:
        gone = (np.arange(len(seen.slot)) % per_session) / per_session
        return seen.quality + (0.3 + 4 * gone[:, np.newaxis]) * seen.rng.normal(size=seen.quality.shape)

    return judge


def test_who_tires_falls_faster_than_the_crowd() -> None:
    work = people.crowd({3: tiring(20)}, n_prompts=2_400)

    found, _ = fatigue.findings(crowd_of(in_sessions(work, hours=2, per_session=20)))

    assert severities(found) == {3: Severity.REVIEW}
    assert found[3].effect.value < 0


def test_a_crowd_that_tires_is_told_to_have_shorter_sessions() -> None:
    work = people.crowd(dict.fromkeys(range(24), tiring(20)), n_prompts=2_400)
    crowd = crowd_of(in_sessions(work, hours=2, per_session=20))

    _, finding = fatigue.findings(crowd)
    curve = fatigue.curve(crowd)

    assert finding.severity == Severity.REVIEW
    assert "recommend a shorter session" in finding.sentence
    assert finding.effect.high < 0
    assert curve.agreement[0] > curve.agreement[-1] + 0.1


def test_half_an_hour_without_a_ranking_ends_a_session() -> None:
    votes = votes_on_pairs(*["+"] * 4)
    crowd = crowd_of(bare(votes)._replace(at=np.array([0.0, 1_700.0, 3_600.0, 3_700.0])))

    hours, begins = fatigue.session_hours(crowd)

    assert begins.tolist() == [True, False, True, False]
    assert hours * 3600 == pytest.approx([0.0, 1_700.0, 0.0, 100.0])


def by_week(work: Work, *, weeks: int, version_two_from: int = 1_000) -> Work:
    """Each annotator's rankings evenly over so many weeks."""
    author = rows_of(work.votes).author
    at = np.zeros(len(author))
    for who in range(author.max() + 1):
        own = np.flatnonzero(author == who)
        at[own] = (np.arange(len(own)) * weeks // len(own) + 0.5) * WEEK + 4 * 86_400
    guideline = np.where(at >= version_two_from * WEEK, 2, 1)
    return work._replace(at=at, guideline=guideline)


def worse_from_the_middle(seen: people.Seen) -> np.ndarray:
    late = np.arange(len(seen.slot)) >= len(seen.slot) / 2
    return np.where(late[:, np.newaxis], seen.rng.normal(size=seen.quality.shape), people.honest(seen))


def test_who_gets_worse_drifts_and_the_steady_do_not() -> None:
    work = people.crowd({3: worse_from_the_middle}, n_prompts=3_200)

    found = drift.findings(crowd_of(by_week(work, weeks=12)))[0]

    assert severities(found) == {3: Severity.REVIEW}
    assert found[3].sentence.startswith("Agreement falls below their own level over 12 weeks")


def test_a_change_with_a_new_guideline_is_no_alarm() -> None:
    work = people.crowd({3: worse_from_the_middle}, n_prompts=3_200)

    found = drift.findings(crowd_of(by_week(work, weeks=12, version_two_from=6)))[0]

    assert 3 not in severities(found)


# --- newcomers -------------------------------------------------------------------------------------------------------


def test_p_values_among_the_crowd_are_uniform_even_where_agreement_is_right_or_wrong() -> None:
    agreement = np.random.default_rng(1).integers(0, 2, 10_000).astype(float)

    p = newcomers.p_among_the_crowd(agreement)

    assert np.histogram(p, bins=10, range=(0, 1))[0] == pytest.approx(np.full(10, 1_000), abs=60)


def test_a_new_clicker_is_suspected_and_new_honest_people_are_not() -> None:
    found = newcomers.findings(crowd_of(people.crowd({4: people.clicker}, n_prompts=600)))

    assert 4 in severities(found)
    assert len(severities(found)) <= 3  # alpha is 0.1 for each of 24
    assert Severity.SERIOUS not in severities(found).values()


# --- gold ------------------------------------------------------------------------------------------------------------


def gold_findings(answers: GoldAnswers) -> tuple[list, list]:
    return gold.findings(crowd_of(people.crowd({})._replace(gold=answers)))


def test_three_of_eight_is_not_yet_a_hold_and_two_of_twelve_is() -> None:
    few, _ = gold_findings(people.gold({3: [1, 1, 1, 0, 0, 0, 0, 0]}))
    more, _ = gold_findings(people.gold({3: [1, 1] + [0] * 10}))

    # Beta(8, 2) and 3 right of 8: Beta(11, 7), mean 0.61
    assert few[3].effect.value == pytest.approx(11 / 18)
    assert few[3].severity == Severity.REVIEW
    assert more[3].severity == Severity.SERIOUS
    assert few[4].severity == Severity.UNKNOWN


def test_a_partly_right_ranking_counts_in_part() -> None:
    found, _ = gold_findings(people.gold({3: [0.5] * 6}))

    assert found[3].effect.value == pytest.approx((8 + 3) / 16)


def test_old_gold_counts_half_after_thirty_days() -> None:
    weights = gold.decay(np.array([0.0, 30 * 86_400.0, np.nan]))

    assert weights.tolist() == [0.5, 1.0, 1.0]


def test_the_prior_follows_the_crowd_and_stays_weak() -> None:
    a, b = gold.prior_of(np.array([9.0, 8.0, 10.0, 9.0]), np.array([10.0] * 4))

    assert a / (a + b) == pytest.approx(0.9)
    assert a + b == pytest.approx(10.0)


def test_a_clicker_who_is_always_right_on_gold_knows_it() -> None:
    right = {4: [1.0] * 20} | {who: [1.0, 1.0, 1.0, 0.0, 1.0, 1.0] for who in range(6, 12)}
    work = people.crowd({4: people.clicker})._replace(gold=people.gold(right))

    _, knows = gold.findings(crowd_of(work))

    assert knows[4].severity == Severity.REVIEW
    assert "they may know the gold" in knows[4].sentence


def test_gold_that_most_fail_is_suspect() -> None:
    answers = people.gold({who: [1.0, 0.0] for who in range(8)})

    suspects = gold.suspects(crowd_of(people.crowd({})._replace(gold=answers)))

    assert [one.comparison for one in suspects] == [1]
    assert suspects[0].pass_rate.value == 0.0


# --- repeats ---------------------------------------------------------------------------------------------------------

STAYS = (1, 1, 1, 0)  # i better both times, shown first and then second
WITH_FIRST = (1, -1, 1, 0)
WITH_LAST = (-1, 1, 1, 0)
CHANGED = (1, -1, 1, 1)  # the same display


def repeat_findings(said: list[tuple[int, int, int, int]]) -> tuple[list, list]:
    return repeats.findings(crowd_of(people.crowd({})._replace(repeats=people.repeats(3, said))))


def test_changes_are_split_into_a_changed_mind_and_the_place() -> None:
    steady, followed = repeat_findings([STAYS] * 10 + [WITH_FIRST] * 8 + [WITH_LAST] * 1 + [CHANGED] * 3)

    # of 9 changes with the order swapped 8 went with the first place and 1 with the last: 7 followed it, 2 did not
    assert "5 choices changed their mind, 7 followed the position" in steady[3].sentence
    assert followed[3].effect.value == pytest.approx(7 / 22)
    assert followed[3].severity == Severity.REVIEW


def test_whoever_merely_wavers_follows_no_place() -> None:
    _, followed = repeat_findings([STAYS] * 10 + [WITH_FIRST] * 5 + [WITH_LAST] * 5)

    assert followed[3].severity == Severity.NONE
    assert followed[3].effect.value == 0.0


def test_consistency_is_shown_from_five_repeats_and_judged_from_twelve() -> None:
    few = repeat_findings([STAYS] * 4)[0][3]
    some = repeat_findings([CHANGED] * 11)[0][3]
    enough = repeat_findings([CHANGED] * 30)[0][3]

    assert [few.severity, some.severity, enough.severity] == [Severity.UNKNOWN, Severity.NONE, Severity.SERIOUS]
    assert enough.evidence


def test_the_crowds_consistency_has_an_interval() -> None:
    work = people.crowd({})._replace(repeats=people.repeats(3, [STAYS] * 9 + [CHANGED]))

    finding = repeats.crowd_finding(crowd_of(work))

    assert finding.effect.value == pytest.approx(0.9)


# --- transitivity ----------------------------------------------------------------------------------------------------


def test_triads_with_a_tie_are_left_out_and_counted() -> None:
    circle = [0, 1, 2], [1, 2, 0]
    judge = np.repeat([0, 1], 3)
    i, j = (np.tile(column, 2) for column in circle)

    found = transitivity.triads(judge, i, j, np.array([1, 1, 1, 1, 1, 0]), n_judges=2)

    assert (found.circular.tolist(), found.complete.tolist(), found.tied.tolist()) == ([1, 0], [1, 0], [0, 1])


def test_a_quarter_of_a_clickers_triads_is_circular() -> None:
    rng = np.random.default_rng(2)
    i, j = np.triu_indices(60, k=1)

    found = transitivity.triads(np.zeros_like(i), i, j, rng.choice([-1, 1], len(i)), n_judges=1)

    assert found.complete[0] == 60 * 59 * 58 / 6
    assert found.circular[0] / found.complete[0] == pytest.approx(0.25, abs=0.01)


def test_the_same_text_in_several_comparisons_makes_triads() -> None:
    """Five texts, each pair a comparison of its own; annotator 0 clicks in circles, 1 keeps one order."""
    first, second = np.triu_indices(9, k=1)
    rows, texts = [], []
    for number, (one, other) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        ids = [2 * number, 2 * number + 1]
        texts += [one, other]
        goes_round = (other - one) % 2 == 1
        rows.append(RankingRow(number, 1, 0, [[ids[0]], [ids[1]]] if goes_round else [[ids[1]], [ids[0]]]))
        rows.append(RankingRow(number, 1, 1, [[ids[0]], [ids[1]]]))
    work = bare(pair_votes(ranked_completions(rows)))
    ids = np.arange(len(texts))
    completions = people.Completions(ids, np.array(texts), np.ones(len(ids)), np.zeros((len(ids), 3)))

    found = transitivity.findings(crowd_of(work._replace(completions=completions)))

    assert found[0].effect.value < 0.2
    assert found[1].effect.value == 1.0
    assert found[0].severity == Severity.REVIEW
