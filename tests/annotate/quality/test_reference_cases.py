"""Every published case of ../shared/references against our functions: each expected value within its tolerance.

A case maps to a function of its input that returns our value for every key that the case expects.
"""

from collections.abc import Callable

import numpy as np
import pytest

from annotate.quality import (
    agreement,
    alpha,
    bradley_terry,
    charts,
    concordance,
    dawid_skene,
    icc,
    intervals,
    kappa,
    orders,
    plackett_luce,
    rank_correlation,
    significance,
)
from annotate.quality.detectors import transitivity
from annotate.quality.estimate import Estimate
from annotate.quality.ranking import PairCounts, PairUnits

METRICS = {"nominal": alpha.nominal, "ordinal": alpha.ordinal, "interval": alpha.interval, "ratio": alpha.ratio}
Values = dict[str, object]


def codes(rows: list[list]) -> np.ndarray:
    """Ratings (units, raters) as codes of the sorted values, -1 where missing."""
    scale = sorted({value for row in rows for value in row if value is not None})
    return np.array([[-1 if value is None else scale.index(value) for value in row] for row in rows])


def counts(rows: list[list]) -> np.ndarray:
    given = codes(rows)
    return np.stack([(given == code).sum(axis=1) for code in range(given.max() + 1)], axis=1).astype(float)


def counts_of_table(table: list[list[int]]) -> np.ndarray:
    """A contingency table of two raters as one row of counts for each unit."""
    one, other = np.indices(np.shape(table)).reshape(2, -1)
    pairs = np.eye(len(table))[one] + np.eye(len(table))[other]
    return np.repeat(pairs, np.ravel(table), axis=0)


def alphas(case: dict) -> Values:
    rows = case["data"]
    scale = np.array(sorted({value for row in rows for value in row if value is not None}), dtype=float)
    table = alpha.ValueCounts(counts(rows), scale)
    return {name: alpha.krippendorff_alpha(table, metric=metric).value for name, metric in METRICS.items()}


def nominal_set(case: dict) -> Values:
    given, table = codes(case["data"]), counts(case["data"])
    pairs = zip(*np.triu_indices(given.shape[1], k=1), strict=True)
    tables = [kappa.cohen_table(given[:, a], given[:, b], n_values=table.shape[1]) for a, b in pairs]
    coefficient = kappa.fleiss(table)
    return {
        "percent_agreement": coefficient.agreement.value,
        "scott_or_fleiss": coefficient.estimate.value,
        "cohen": np.mean([kappa.cohen(pair).estimate.value for pair in tables]),
        "alpha": alpha.krippendorff_alpha(
            alpha.ValueCounts(table, np.arange(table.shape[1], dtype=float)), metric=alpha.nominal
        ).value,
    }


def fleiss(case: dict) -> Values:
    table = np.array(case["data"], dtype=float)
    fixed, free = kappa.fleiss(table), kappa.brennan_prediger(table)
    return {
        "kappa": fixed.estimate.value,
        "fixed": fixed.estimate.value,
        "free": free.estimate.value,
        "percent": fixed.agreement.value,
    }


def two_raters(case: dict) -> Values:
    """Gwet's two-rater errors divide by n where ours of many raters divide by n - 1."""
    table = counts_of_table(case["data"])
    values = np.arange(table.shape[1], dtype=float)
    weights = kappa.quadratic_weights(values) if case.get("weights") == "quadratic" else np.eye(len(values))
    metric = alpha.interval if case.get("weights") == "quadratic" else alpha.nominal
    gwet, scott, free = (f(table, weights=weights) for f in (kappa.gwet, kappa.fleiss, kappa.brennan_prediger))
    cohen = kappa.cohen(np.array(case["data"], dtype=float), weights=weights)
    large = np.sqrt((len(table) - 1) / len(table))
    return {
        "percent_agreement": gwet.agreement.value,
        "percent": gwet.agreement.value,
        "cohen": cohen.estimate.value,
        "cohen_se": cohen.standard_error,
        "scott": scott.estimate.value,
        "scott_se": scott.standard_error * large,
        "ac1": gwet.estimate.value,
        "ac1_se": gwet.standard_error * large,
        "ac2": gwet.estimate.value,
        "ac2_se": gwet.standard_error * large,
        "brennan_prediger": free.estimate.value,
        "bp_se": free.standard_error * large,
        "alpha": alpha.krippendorff_alpha(alpha.ValueCounts(table, values), metric=metric).value,
    }


def many_raters(case: dict) -> Values:
    given, table = codes(case["data"]), counts(case["data"])
    gwet, free, krippendorff = kappa.gwet(table), kappa.brennan_prediger(table), kappa.krippendorff(table)
    several, conger = kappa.fleiss(table), kappa.conger(given, n_values=table.shape[1])
    return {
        "percent_agreement": gwet.agreement.value,
        "ac1": gwet.estimate.value,
        "ac1_se": gwet.standard_error,
        "ac1_ci": [gwet.estimate.low, gwet.estimate.high],
        "fleiss": several.estimate.value,
        "fleiss_se": several.standard_error,
        "alpha": krippendorff.estimate.value,
        "alpha_se": krippendorff.standard_error,
        "conger": conger.estimate.value,
        "conger_se": conger.standard_error,
        "brennan_prediger": free.estimate.value,
        "bp_se": free.standard_error,
    }


def cohens(case: dict) -> Values:
    table = np.array(case["data"], dtype=float)
    values = np.arange(len(table), dtype=float)
    found = kappa.cohen(table)
    return {
        "kappa": found.estimate.value,
        "unweighted": found.estimate.value,
        "ase": found.standard_error,
        "lower": found.estimate.low,
        "upper": found.estimate.high,
        "ase0": found.standard_error_0,
        "z": found.z,
        "linear": kappa.cohen(table, weights=kappa.linear_weights(values)).estimate.value,
        "quadratic": kappa.cohen(table, weights=kappa.quadratic_weights(values)).estimate.value,
    }


def iccs(case: dict) -> Values:
    ratings = np.array(case["data"], dtype=float)
    forms = icc.icc_two_way(ratings)._asdict()
    unit = np.repeat(np.arange(len(ratings)), ratings.shape[1])
    table = alpha.value_counts(unit, ratings.ravel())
    one_way = {"ICC1": icc.icc_one_way(table), "ICC1k": icc.icc_one_way(table, raters=ratings.shape[1])}
    return {name.replace("icc", "ICC"): form.value for name, form in forms.items()} | _values(one_way)


def kendalls_w(case: dict) -> Values:
    ranks = np.array(case["data"], dtype=float)
    return {"W": concordance.kendall_w(ranks).value, "S": concordance.rank_sum_spread(ranks)}


def correlations(case: dict) -> Values:
    x, y = np.array(case["x"], dtype=float), np.array(case["y"], dtype=float)
    return _values({"rho": rank_correlation.spearman(x, y), "tau": rank_correlation.kendall_tau_b(x, y)})


def exact_tau(case: dict) -> Values:
    x, y = np.array(case["x"], dtype=float), np.array(case["y"], dtype=float)
    return {"tau": rank_correlation.kendall_tau_b(x, y).value, "p_exact": rank_correlation.kendall_exact_p(x, y)}


def kendalls_u(case: dict) -> Values:
    """Each of 21 boys judged every pair of 13 school subjects once: u is 2 A - 1."""
    wins = np.array(case["data"])
    upper = np.triu_indices(len(wins), k=1)
    zeros = np.zeros(len(upper[0]), dtype=np.int64)
    units = PairUnits(zeros, zeros, *upper, comparison_ids=np.zeros(1, int), prompt_ids=np.zeros(1, int))
    return {"u": 2 * agreement.decisive(PairCounts(wins[upper], zeros, wins.T[upper], units)).value - 1}


def proportions(case: dict) -> Values:
    successes, n, level = case["successes"], case["n"], case["level"]
    return {
        "wilson": list(intervals.wilson(successes, n, level=level)),
        "clopper_pearson": list(intervals.clopper_pearson(successes, n, level=level)),
    }


def circular_triads(case: dict) -> Values:
    prefers = np.array(case["data"])
    i, j = np.triu_indices(len(prefers), k=1)
    said = np.where(prefers[i, j] == 1, 1, -1)
    return {
        "T": int(transitivity.triads(np.zeros_like(i), i, j, said, n_judges=1).circular[0]),
        "T_max": transitivity.most_circular(len(prefers)),
        "zeta": transitivity.kendall_zeta(prefers.sum(axis=1).astype(float)),
    }


def false_discoveries(case: dict) -> Values:
    p, level = np.array(case["p"]), case["q"]
    return {
        "bh_rejects": int((significance.benjamini_hochberg(p) <= level).sum()),
        "bonferroni_rejects": int((p * len(p) <= level).sum()),
    }


def combined(case: dict) -> Values:
    chi2, p = significance.fisher(np.array(case["p"]))
    return {"chi2": chi2[-1], "p": p[-1]}


def ewma_chart(case: dict) -> Values:
    half = charts.ewma_half_width(sigma=case["sigma"], weight=case["lam"], limit=case["L"])
    return {
        "ewma": charts.ewma(np.array(case["data"]), start=case["start"], weight=case["lam"]).tolist(),
        "ucl": case["start"] + half,
        "lcl": case["start"] - half,
    }


def cusum_chart(case: dict) -> Values:
    sums = charts.cusum(np.array(case["data"]), target=case["target"], slack=case["k"])
    alarms = np.flatnonzero(np.maximum(sums.high, sums.low) > case["h"])
    return {"first_alarm_index_1based": int(alarms[0]) + 1, "s_hi_at_13_14": sums.high[12:14].tolist()}


def strengths(case: dict) -> Values:
    """Errors are of the difference from the first system."""
    rows, n = np.array(case["data"]), len(case.get("items", range(6)))
    wins, ties = np.zeros((n, n)), np.zeros((n, n))
    np.add.at(wins, (rows[:, 0], rows[:, 1]), rows[:, 2])
    np.add.at(wins, (rows[:, 1], rows[:, 0]), rows[:, 3])
    np.add.at(ties, (rows[:, 0], rows[:, 1]), rows[:, 4])
    found = bradley_terry.fit_counts(wins, ties + ties.T)
    relative = found.ability - found.ability[0]
    covariance = np.linalg.inv(bradley_terry.derivatives(wins, ties + ties.T, found)[1])
    contrast = np.eye(n + 1)[1:n] - np.eye(n + 1)[0]
    return {
        "log_ability": relative.tolist(),
        "log_worth_vs_first": relative.tolist(),
        "log_ability_sorted": sorted(relative)[1:],
        "se_of_each": np.sqrt(np.diag(contrast @ covariance @ contrast.T)).mean(),
        "worth": (np.exp(found.ability) / np.exp(found.ability).sum()).tolist(),
        "tie": np.exp(found.log_tie),
    }


def strengths_of_wins(case: dict) -> Values:
    wins = np.zeros((3, 3))
    np.add.at(wins, tuple(np.array(case["data"]).T), 1)
    found = bradley_terry.fit_counts(wins, np.zeros((3, 3)))
    return {"ml": found.ability.tolist(), "lsr": bradley_terry.luce_spectral(wins).tolist()}


def worths(case: dict) -> Values:
    rankings = [[[item] for item in order] for order in case.get("orderings") or case["data"]]
    weights, pseudo = case.get("weights"), 0.5 if "pseudo" in case else 0.0
    found = plackett_luce.plackett_luce(rankings, n_items=4, weights=weights, pseudo=pseudo).log_worth
    return {"ml": found.tolist(), "worth": (np.exp(found) / np.exp(found).sum()).tolist()}


def errors_of_observers(case: dict) -> Values:
    answers = dawid_skene.Answers(*(np.array(case["data"]) - 1).T)
    found = dawid_skene.dawid_skene(answers, n_classes=4, right=0.0, wrong=0.0, max_rounds=5000)
    return {"prevalence": found.prevalence.tolist(), "observer_1_error_rates": found.confusion[0]}


def skills(case: dict) -> Values:
    worker, task, label = (np.unique(column, return_inverse=True)[1] for column in zip(*case["data"], strict=True))
    skill, shares = dawid_skene.wawa(dawid_skene.Answers(task, worker, label), n_classes=2)
    return {"skills": skill.tolist(), "p_yes": shares[:, 1].tolist()}


def voting_rules(case: dict) -> Values:
    rankings = [[[item] for item in order] for order in case["orderings"]]
    preferences = orders.preference_matrix(rankings, range(4), np.array(case["weights"], dtype=float))
    best = orders.kemeny(preferences)
    return {
        "borda_scores": preferences.sum(axis=1).tolist(),
        "condorcet_winner": orders.majority(preferences)[0][0],
        "ranked_pairs_winner": orders.ranked_pairs(preferences)[0][0],
        "kemeny_ranking": [item for tier in best for item in tier],
        "kemeny_score": orders.kemeny_score(best, preferences),
    }


CASES: dict[str, Callable[[dict], Values]] = {
    "krippendorff_canonical_4x12": alphas,
    "krippendorff_2018_p306_binary": alphas,
    "hayes_krippendorff_2007_5x40": alphas,
    "freelon_2010_R2.02": nominal_set,
    "freelon_2010_R3.01": nominal_set,
    "fleiss_1971_psychiatric_diagnoses": fleiss,
    "fleiss_kappa_wikipedia_14x10": fleiss,
    "randolph_free_marginal_small": fleiss,
    "gwet_3x3_abstractors": two_raters,
    "gwet_3x3_abstractors_quadratic": two_raters,
    "gwet_raw_4_raters_missing": many_raters,
    "prevalence_paradox_118_5_2_0": two_raters,
    "gwet_ben_gerry_letters_missing": many_raters,
    "cohen_sas_3x3_with_ase": cohens,
    "artstein_poesio_2x2": cohens,
    "wikipedia_same_agreement_a": cohens,
    "sklearn_weighted_kappa_three_schemes": cohens,
    "shrout_fleiss_1979_icc": iccs,
    "kendall_w_siegel_job_applicants": kendalls_w,
    "kendall_w_with_ties_kendall_1948": kendalls_w,
    "spearman_wikipedia_iq_tv": correlations,
    "siegel_authoritarianism_status": correlations,
    "kendall_tau_r_exact_p": exact_tau,
    "kendall_u_school_subjects_boys": kendalls_u,
    "newcombe_1998_81_of_263": proportions,
    "newcombe_1998_0_of_20": proportions,
    "kendall_consistence_dog_food": circular_triads,
    "benjamini_hochberg_1995": false_discoveries,
    "fisher_combination_scipy": combined,
    "nist_ewma_6_3_2_4": ewma_chart,
    "nist_cusum_6_3_2_3": cusum_chart,
    "bt_statistics_journals": strengths,
    "bt_baseball_1987_no_home_effect": strengths,
    "davidson_1970_chocolate_pudding": strengths,
    "choix_cycle_plus_one": strengths_of_wins,
    "choix_partial_rankings": worths,
    "plackett_luce_netflix_K4": worths,
    "dawid_skene_1979_anaesthetists": errors_of_observers,
    "crowdkit_toy_wawa": skills,
    "tennessee_capital": voting_rules,
}


@pytest.mark.parametrize("name", CASES)
def test_every_value_of_the_case_is_within_its_tolerance(published: dict[str, dict], name: str) -> None:
    case = published[name]

    ours = CASES[name](case["input"])

    assert {key: ours[key] for key in case["expected"]} == {
        key: pytest.approx(np.array(value) if isinstance(value, list) else value, abs=_tolerance(case, key))
        for key, value in case["expected"].items()
    }


def test_every_case_of_the_file_is_registered(published: dict[str, dict]) -> None:
    assert set(published) == set(CASES)


def _tolerance(case: dict, key: str) -> float:
    tolerance = case["tolerance"]
    return tolerance[key] if isinstance(tolerance, dict) else tolerance


def _values(estimates: dict[str, Estimate]) -> Values:
    return {name: estimate.value for name, estimate in estimates.items()}
