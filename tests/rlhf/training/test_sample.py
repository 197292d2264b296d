"""Sampling: how many completions, of which prompts, by which model, and that a seed decides them."""

import json
from collections import Counter

import pytest

from rlhf.contract.records import CompletionRecord, PromptRecord, ScoreRecord, read_jsonl
from rlhf.training import run, sample, writers
from rlhf.training.generation import Generated
from tests.rlhf.training.conftest import user

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

QUICK = {"completions_per_prompt": 2, "max_new_tokens": 6}


@pytest.fixture
def sampled(make_run, make_snapshot):
    """Run the sampler and return its directory and its result; prompts p0 and p4 of eight are held out."""

    def sampled(base, *, asked=None, baseline=None, reward_model=None, **config):
        inputs = {"baseline": baseline, "reward_model": reward_model}
        inputs = {name: given for name, given in inputs.items() if given}
        snapshot = make_snapshot(prompts=asked)
        directory = make_run("sample", snapshot=snapshot, base=base, config=QUICK | config, **inputs)
        return directory, run.execute("sample", sample.sample, directory)

    return sampled


def completions(directory):
    return list(read_jsonl(directory.completions, CompletionRecord))


def test_each_prompt_gets_as_many_completions_as_were_ordered(sampled, base):
    directory, result = sampled(base, completions_per_prompt=3)

    found = completions(directory)
    assert Counter(one.prompt_id for one in found) == {f"p{n}": 3 for n in range(8)}
    assert {one.model for one in found} == {"base"}
    assert (result.status, result.metrics["n_prompts"], result.metrics["n_completions"]) == ("succeeded", 8, 24)
    assert not directory.checkpoint.exists()


def test_with_a_baseline_each_model_gives_as_many(sampled, base, other):
    directory, result = sampled(base, baseline=other)

    found = completions(directory)
    assert Counter((one.prompt_id, one.model) for one in found) == {
        (f"p{n}", model): 2 for n in range(8) for model in ("base", "baseline")
    }
    assert result.metrics["n_completions"] == 32


def test_a_baseline_does_not_change_what_the_base_writes(sampled, base, other):
    alone, _ = sampled(base)
    both, _ = sampled(base, baseline=other)

    assert [one for one in completions(both) if one.model == "base"] == completions(alone)


def test_the_baseline_writes_its_own_completions(sampled, base, other):
    (first, _), (second, _) = sampled(base, baseline=base), sampled(base, baseline=other)

    by_baseline = [[one.text for one in completions(found) if one.model == "baseline"] for found in (first, second)]
    assert by_baseline[0] != by_baseline[1]


def test_a_model_compared_with_itself_writes_other_completions(sampled, base):
    directory, _ = sampled(base, baseline=base)

    texts = {name: [one.text for one in completions(directory) if one.model == name] for name in ("base", "baseline")}
    assert texts["base"] != texts["baseline"]


def test_the_same_seed_gives_the_same_completions_and_another_seed_others(sampled, base):
    first, again, other_seed = (sampled(base, seed=seed)[0].completions.read_bytes() for seed in (5, 5, 6))

    assert first == again
    assert first != other_seed


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("test", ["p0", "p4"]), ("train", ["p1", "p2", "p3", "p5", "p6", "p7"])],
)
def test_only_the_prompts_of_the_chosen_split_are_used(sampled, base, choice, expected):
    directory, _ = sampled(base, prompts=choice)

    assert sorted({one.prompt_id for one in completions(directory)}) == expected


def test_at_most_so_many_prompts_are_used(sampled, base):
    directory, result = sampled(base, max_prompts=3)

    assert {one.prompt_id for one in completions(directory)} == {"p0", "p1", "p2"}
    assert result.metrics["n_prompts"] == 3


def test_prompts_that_are_too_long_are_left_out_and_counted(sampled, base):
    asked = [PromptRecord("short", user("Say 1"), "", "en", "train"), PromptRecord("long", user("x" * 60), "", "", "")]

    directory, result = sampled(base, asked=asked, max_prompt_tokens=32)

    assert {one.prompt_id for one in completions(directory)} == {"short"}
    assert result.metrics["n_left_out"] == 1


def test_a_snapshot_without_such_prompts_is_refused(sampled, base):
    asked = [PromptRecord("long", user("x" * 60), "", "en", "train")]

    directory, result = sampled(base, asked=asked, max_prompt_tokens=32)

    assert (result.status, result.reason) == ("failed", "empty_data")
    assert result.message == "the snapshot has no prompts (all) to work on. 1 were left out as too long."
    assert not directory.completions.exists()


@pytest.fixture
def drawn(monkeypatch):
    """Let the model write given texts, one list after the other; return how many were asked for each time."""

    def drawn(*texts):
        asked, waiting = [], list(texts)

        def generate(model, tokenizer, prompts, **options):
            asked.append(len(prompts))
            ids = tokenizer(waiting.pop(0))["input_ids"]
            return [Generated([*ids, tokenizer.eos_token_id], True) for _ in prompts]

        monkeypatch.setattr(writers.generation, "generate", generate)
        return asked

    return drawn


def test_an_empty_completion_is_drawn_again(sampled, base, drawn):
    asked = drawn(" ", "a river")

    directory, result = sampled(base, max_prompts=2)

    assert asked == [4, 4]
    assert {one.text for one in completions(directory)} == {"a river"}
    assert (result.metrics["n_empty"], result.metrics["n_completions"]) == (0, 4)


def test_completions_that_stay_empty_are_left_out_and_counted(sampled, base, drawn):
    asked = drawn("", "", "", "")

    directory, result = sampled(base, max_prompts=2)

    assert len(asked) == sample.TRIES
    assert completions(directory) == []
    assert (result.metrics["n_empty"], result.metrics["n_completions"]) == (4, 0)


def test_the_figures_are_those_of_the_completions(sampled, base, drawn):
    drawn("abcd")

    _, result = sampled(base, max_prompts=2)

    assert (result.metrics["length_mean"], result.metrics["eos_rate"]) == (5.0, 1.0)  # four bytes and the end


def test_the_first_completions_are_shown_on_the_runs_page(sampled, base):
    directory, _ = sampled(base, completions_per_prompt=9)

    rows = [json.loads(line) for line in directory.samples.read_text().splitlines()]
    found = completions(directory)
    assert [row["completion"] for row in rows] == [one.text for one in found[: sample.SHOWN]]
    assert (rows[0]["prompt"], rows[0]["model"], rows[0]["step"]) == ("Say 0", "base", 0)


def test_a_baseline_with_another_tokenizer_is_refused(sampled, base, foreign):
    directory, result = sampled(base, baseline=foreign)

    assert (result.status, result.reason) == ("failed", "tokenizer_mismatch")
    assert not directory.completions.exists()


def test_a_reward_model_scores_what_was_sampled(sampled, base, reward_base):
    directory, result = sampled(base, reward_model=reward_base)

    written = [(one.prompt_id, one.text) for one in completions(directory)]
    scored = list(read_jsonl(directory.scores, ScoreRecord))
    assert [(one.prompt_id, one.completion) for one in scored] == written
    assert len({one.score for one in scored}) > 1
    assert result.metrics["score_mean"] == pytest.approx(sum(one.score for one in scored) / len(scored), abs=1e-5)


def test_without_a_reward_model_nothing_is_scored(sampled, base):
    directory, result = sampled(base)

    assert not directory.scores.exists()
    assert "score_mean" not in result.metrics


def test_a_reward_model_with_another_tokenizer_is_refused(sampled, foreign, reward_base):
    directory, result = sampled(foreign, reward_model=reward_base)

    assert (result.status, result.reason) == ("failed", "tokenizer_mismatch")
    assert not directory.completions.exists()


def test_a_reward_model_writes_nothing(sampled, reward_base):
    _, result = sampled(reward_base)

    assert (result.status, result.reason) == ("failed", "bad_artefact")


def test_a_cancelled_run_leaves_no_completions(make_run, make_snapshot, base):
    directory = make_run("sample", snapshot=make_snapshot(), base=base, config=QUICK)
    directory.request_cancel()

    assert run.execute("sample", sample.sample, directory).status == "cancelled"
    assert not directory.completions.exists()
