"""Freezing: what becomes a pair, that the counts reconcile, and that the same rows give the same bytes."""

import json
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from annotate import assignments, intake, people, rankings
from annotate.answers import Answer
from annotate.beliefs import RULING_Q
from rlhf import artefacts, snapshots
from rlhf.contract import rundir
from rlhf.contract.records import PromptRecord, read_jsonl
from rlhf.models import Snapshot


@pytest.fixture(autouse=True)
def kept_apart(settings, tmp_path):
    settings.SNAPSHOTS_DIR = tmp_path / "snapshots"


def rank_all(annotator, project, tiers):
    """Rank every comparison the same way: `tiers` in the letters of the import (completions by primary key)."""
    while place := assignments.reserve_next(annotator, project):
        by_letter = dict(place.comparison.completions.values_list("external_id", "pk"))
        rankings.submit(place, Answer([[by_letter[x] for x in tier] for tier in tiers]), submission=uuid4())


def pairs_of(snapshot):
    return pq.read_table(artefacts.snapshot_directory(snapshot) / "preferences.parquet").to_pylist()


def test_a_ranking_of_four_becomes_six_pairs_with_the_better_completion_chosen(project, comparisons, ana, ben):
    for annotator in (ana, ben):
        rank_all(annotator, project, ["a", "b", "c", "d"])

    pairs = pairs_of(snapshots.freeze(project, by=None))

    first = [(p["chosen"][:7], p["rejected"][:7]) for p in pairs if p["prompt_id"] == pairs[0]["prompt_id"]]
    assert first == [(f"River {x}", f"River {y}") for x, y in ("ab", "ac", "ad", "bc", "bd", "cd")]
    assert all(0.5 < p["q"] < 1 and p["margin"] > 0 and p["n_votes"] == 2 for p in pairs)


def test_the_weights_of_a_prompts_pairs_sum_to_one(project, comparisons, ana):
    rank_all(ana, project, ["a", "b", "c", "d"])

    pairs = pairs_of(snapshots.freeze(project, by=None))

    for prompt_id in {p["prompt_id"] for p in pairs}:
        assert sum(p["weight"] for p in pairs if p["prompt_id"] == prompt_id) == pytest.approx(1)


def test_the_counts_reconcile(project, comparisons, ana):
    rank_all(ana, project, ["ab", "c", "d"])

    counts = snapshots.freeze(project, by=None).counts

    assert counts["rankings"] == 3
    assert counts["ranked_pairs"] == 18
    assert counts["pairs"] == counts["ranked_pairs"] - sum(counts["excluded"].values())
    assert counts["pairs"] == counts["pairs_train"] + counts["pairs_test"]


def test_the_counts_are_told_as_a_sentence_that_comes_out_even(project, comparisons, ana, ben):
    rank_all(ana, project, ["a", "b", "c", "d"])
    rank_all(ben, project, ["d", "c", "b", "a"])
    people.set_paused(ben, is_paused=True)

    counts = snapshots.freeze(project, by=None).counts

    told = "3 rankings (3 more left out (3 by an annotator on hold)) → 18 pairs − 0 ties − 0 excluded = 18 rows"
    assert snapshots.reconciliation(counts).startswith(told)


def test_a_snapshot_keeps_its_parameters_seed_and_the_fit(project, comparisons, ana):
    rank_all(ana, project, ["a", "b", "c", "d"])

    filters = snapshots.freeze(project, by=None, test_rate=0.4).filters

    assert {name: filters[name] for name in ("test_rate", "label", "seed")} == {
        "test_rate": 0.4,
        "label": "votes",
        "seed": 0,
    }
    assert len(filters["fit_id"]) == 16


def test_pairs_of_equal_texts_are_left_out_and_counted(project, write_lines, ana):
    line = {"prompt": "x", "completions": ["same  text", "same text", "other"]}
    intake.import_file(write_lines(line), kind="comparisons", project=project)
    rank_all(ana, project, ["a", "b", "c"])

    counts = snapshots.freeze(project, by=None).counts

    assert (counts["pairs"], counts["excluded"]) == (2, {"equal texts": 1})


def test_a_staff_ruling_overrules_the_votes(project, comparisons, ana, rex):
    rank_all(ana, project, ["a", "b", "c", "d"])
    ids = list(comparisons[0].completions.order_by("-pk").values_list("pk", flat=True))
    rankings.adjudicate(comparisons[0], reviewer=rex, tiers=[[pk] for pk in ids], reason="the last is right")

    pairs = pairs_of(snapshots.freeze(project, by=None))

    assert (pairs[0]["chosen"], pairs[0]["q"]) == ("River b of 0.", RULING_Q)


def test_freezing_an_unchanged_project_again_gives_the_same_snapshot(project, comparisons, ana):
    rank_all(ana, project, ["a", "b", "c", "d"])

    first, again = snapshots.freeze(project, by=None), snapshots.freeze(project, by=None)

    assert first == again
    assert Snapshot.objects.count() == 1


def test_a_new_ranking_gives_another_snapshot_and_leaves_the_first_as_it_was(project, comparisons, ana, ben):
    rank_all(ana, project, ["a", "b", "c", "d"])
    first = snapshots.freeze(project, by=None)
    rank_all(ben, project, ["d", "c", "b", "a"])

    second = snapshots.freeze(project, by=None)

    assert first.sha256 != second.sha256
    rundir.verify_manifest(artefacts.snapshot_directory(first), expected_sha256=first.sha256)


def test_all_pairs_of_a_prompt_are_in_one_split_and_prompts_carry_it(project, comparisons, ana):
    rank_all(ana, project, ["a", "b", "c", "d"])

    snapshot = snapshots.freeze(project, by=None, test_rate=0.5)

    prompts = read_jsonl(artefacts.snapshot_directory(snapshot) / "prompts.jsonl", PromptRecord)
    split_of = {prompt.prompt_id: prompt.split for prompt in prompts}
    assert len(split_of) == 3
    assert all(pair["split"] == split_of[pair["prompt_id"]] for pair in pairs_of(snapshot))


def test_a_project_without_rankings_freezes_its_prompts(project, comparisons):
    counts = snapshots.freeze(project, by=None).counts

    assert (counts["prompts"], counts["pairs"]) == (3, 0)


def test_an_empty_project_has_nothing_to_freeze(project):
    with pytest.raises(snapshots.NothingToFreeze, match="no prompts yet"):
        snapshots.freeze(project, by=None)


def test_a_snapshot_whose_files_were_changed_does_not_verify(project, comparisons):
    snapshot = snapshots.freeze(project, by=None)
    path = artefacts.snapshot_directory(snapshot) / "prompts.jsonl"
    path.write_text(json.dumps({"prompt_id": "evil"}))

    with pytest.raises(rundir.BadArtefact, match="prompts.jsonl does not match"):
        rundir.verify_manifest(artefacts.snapshot_directory(snapshot))
