"""Supervised fine-tuning: what the loss is on, that it falls, and what is left out or refused."""

import json

import pytest
import torch
from datasets import Dataset

from rlhf import attempts
from rlhf.contract import rundir
from rlhf.contract.records import DemonstrationRecord
from rlhf.training import data, language_loss, models, packing, resuming, run, sft
from rlhf.training.data import TokenisedDemonstration
from rlhf.training.watching import Watcher
from tests.rlhf.training.conftest import dies_at, make_model, user

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

QUICK = {"epochs": 1, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64, "lora_rank": 0}


def shown(n, text, *, split="train"):
    return DemonstrationRecord(f"p{n}", user(f"Say {n}"), text, split)


DEMONSTRATIONS = [shown(n, "yes" * n + ", indeed.") for n in range(8)]


@pytest.fixture
def snapshot(make_snapshot):
    """Eight demonstrations of different lengths: a mean over tokens is no mean over demonstrations."""
    return make_snapshot(demonstrations=DEMONSTRATIONS)


def completion_loss(directory, snapshot):
    """The mean negative log-likelihood of all completion tokens, worked one demonstration at a time."""
    model, tokenizer = models.load_causal_lm(directory), models.load_tokenizer(directory)
    found, _ = data.demonstrations(snapshot, tokenizer, split="train", max_length=64)
    losses = []
    for one in found:
        with torch.no_grad():
            logits = model(torch.tensor([one.prompt + one.completion])).logits[0].log_softmax(-1)
        for i, token in enumerate(one.completion):
            losses.append(-logits[len(one.prompt) + i - 1, token].item())
    return sum(losses) / len(losses)


def test_the_labels_of_the_prompt_are_ignored_and_the_end_is_learned():
    row = sft.row_of(TokenisedDemonstration(prompt=[2, 70, 1, 3], completion=[80, 81, 1]))

    assert row == {"input_ids": [2, 70, 1, 3, 80, 81, 1], "labels": [-100, -100, -100, -100, 80, 81, 1]}


def test_the_loss_is_the_mean_over_completion_tokens_only(snapshot, make_run, base):
    directory = make_run("sft", snapshot=snapshot, base=base, config=QUICK)

    result = run.execute("sft", sft.train, directory)

    assert result.metrics["loss_first"] == pytest.approx(completion_loss(base, snapshot), abs=1e-3)


def test_fine_tuning_lowers_the_loss_on_the_demonstrations(snapshot, make_run, base):
    directory = make_run("sft", snapshot=snapshot, base=base, config=QUICK | {"epochs": 20})

    result = run.execute("sft", sft.train, directory)

    steps = [json.loads(line) for line in directory.metrics.read_text().splitlines()]
    assert (result.status, result.checkpoint_kind, result.metrics["n_demonstrations"]) == ("succeeded", "sft", 8)
    assert [row["step"] for row in steps] == list(range(1, 21))
    assert steps[-1]["values"]["loss"] == result.metrics["loss_last"] < result.metrics["loss_first"] - 1.0
    assert completion_loss(directory.checkpoint, snapshot) < completion_loss(base, snapshot) - 1.0


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_checkpoint_loads_as_an_sft_model_and_writes(snapshot, make_run, base, lora_rank):
    directory = make_run("sft", snapshot=snapshot, base=base, config=QUICK | {"epochs": 5, "lora_rank": lora_rank})

    run.execute("sft", sft.train, directory)

    assert rundir.verify_manifest(directory.checkpoint)["kind"] == "sft"
    assert completion_loss(directory.checkpoint, snapshot) < completion_loss(base, snapshot) - 0.05
    models.check_same_tokenizer(base, directory.checkpoint)


def test_the_same_seed_gives_the_same_weights(snapshot, make_run, base):
    first, second = (make_run("sft", snapshot=snapshot, base=base, config=QUICK | {"batch_size": 2}) for _ in "ab")

    run.execute("sft", sft.train, first)
    run.execute("sft", sft.train, second)

    assert rundir.sha256_of(first.checkpoint / "manifest.json") == rundir.sha256_of(second.checkpoint / "manifest.json")


def test_demonstrations_that_are_too_long_are_left_out_and_counted(make_snapshot, make_run, base):
    snapshot = make_snapshot(demonstrations=[*DEMONSTRATIONS, shown(9, "yes" * 50)])
    directory = make_run("sft", snapshot=snapshot, base=base, config=QUICK)

    found = run.execute("sft", sft.train, directory).metrics

    assert (found["n_demonstrations"], found["n_left_out"]) == (8, 1)


@pytest.mark.parametrize(
    ("demonstrations", "message"),
    [
        ([], "the snapshot has no demonstrations to work on."),
        ([shown(1, "Yes.", split="test")], "the snapshot has no demonstrations to work on."),
        ([shown(1, "yes" * 50)], "the snapshot has no demonstrations to work on. 1 were left out as too long."),
    ],
)
def test_a_snapshot_without_training_demonstrations_is_refused(make_snapshot, make_run, base, demonstrations, message):
    directory = make_run("sft", snapshot=make_snapshot(demonstrations=demonstrations), base=base, config=QUICK)

    result = run.execute("sft", sft.train, directory)

    assert (result.status, result.reason, result.message) == ("failed", "empty_data", message)
    assert not directory.checkpoint.exists()


def test_a_snapshot_that_was_changed_is_refused(snapshot, make_run, base):
    (snapshot / "demonstrations.jsonl").write_text("")
    directory = make_run("sft", snapshot=snapshot, base=base, config=QUICK)

    result = run.execute("sft", sft.train, directory)

    assert (result.status, result.reason) == ("failed", "bad_artefact")
    assert "demonstrations.jsonl does not match" in result.message


def test_a_reward_model_cannot_be_fine_tuned(snapshot, make_run, reward_base):
    directory = make_run("sft", snapshot=snapshot, base=reward_base, config=QUICK)

    result = run.execute("sft", sft.train, directory)

    assert result.reason == "bad_artefact"
    assert "holds a reward model; expected one that writes text" in result.message


def test_a_cancelled_run_saves_nothing(snapshot, make_run, base):
    directory = make_run("sft", snapshot=snapshot, base=base, config=QUICK | {"epochs": 50})
    directory.request_cancel()

    assert run.execute("sft", sft.train, directory).status == "cancelled"
    assert not directory.checkpoint.exists()


def test_an_order_for_another_stage_is_refused(snapshot, make_run, base):
    directory = make_run("reward", snapshot=snapshot, base=base)

    result = run.execute("sft", sft.train, directory)

    assert (result.status, result.reason) == ("failed", "bad_config")
    assert "orders 'reward'; this is 'sft'" in result.message


def gradients_of(batches):
    """The gradient of the mean over all completion tokens, summed over batches of any layout, by TRL's forward pass."""
    model = language_loss.without_logits(make_model())
    count = sum((batch["labels"][:, 1:] != packing.IGNORED).sum() for batch in batches)
    for batch in batches:
        model(**batch, fused_lm_head=True, num_items_in_batch=count).loss.backward()
    return [p.grad for p in model.parameters()]


def test_packed_demonstrations_have_the_gradient_of_demonstrations_one_by_one(snapshot, tokenizer):
    shown, _ = data.demonstrations(snapshot, tokenizer, split="train", max_length=64)
    rows = [sft.row_of(one) for one in shown]
    filled = packing.packed(Dataset.from_list(rows), length=64)
    assert sorted(map(len, filled["seq_lengths"]))[-1] > 1 < len(filled) < len(rows)

    together = gradients_of([packing.PackedCollator(0)([*filled])])
    apart = gradients_of([{name: torch.tensor([row[name]]) for name in row} for row in rows])

    for packed, alone in zip(together, apart, strict=True):
        torch.testing.assert_close(packed, alone, atol=1e-6, rtol=1e-4)


def test_packing_needs_fewer_steps_and_begins_with_the_same_loss(snapshot, make_run, base):
    directory = make_run("sft", snapshot=snapshot, base=base, config=QUICK | {"packing": True})

    found = run.execute("sft", sft.train, directory).metrics

    assert found["loss_first"] == pytest.approx(completion_loss(base, snapshot), abs=1e-3)
    assert 1 < found["n_rows"] < found["n_demonstrations"] == 8


@pytest.mark.parametrize("changed", [{}, {"lora_rank": 4, "packing": True}])
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(snapshot, make_run, base, monkeypatch, changed):
    config = QUICK | {"epochs": 2, "batch_size": 2, "checkpoint_every": 2} | changed
    whole, broken = (make_run("sft", snapshot=snapshot, base=base, config=config) for _ in "ab")
    run.execute("sft", sft.train, whole)

    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "more_values", dies_at(4))
        assert run.execute("sft", sft.train, broken).status == "failed"
    assert len(broken.metrics.read_text().splitlines()) == 3
    result = run.execute("sft", sft.train, broken)

    assert result.status == "succeeded"
    assert broken.metrics.read_text() == whole.metrics.read_text()
    assert rundir.sha256_of(broken.checkpoint / "manifest.json") == rundir.sha256_of(whole.checkpoint / "manifest.json")
    assert not (broken.path / "state").exists()


def test_another_attempt_ends_as_if_there_had_been_one(snapshot, make_run, base, monkeypatch):
    config = QUICK | {"epochs": 2, "batch_size": 2, "checkpoint_every": 2}
    whole, broken, further = (make_run("sft", snapshot=snapshot, base=base, config=config) for _ in "abc")
    run.execute("sft", sft.train, whole)
    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "more_values", dies_at(4))
        run.execute("sft", sft.train, broken)
    step, state = broken.saved_states()[0]

    attempts.go_on(attempts.Saved(step, state, broken), further)
    result = run.execute("sft", sft.train, further)

    assert result.status == "succeeded"
    assert further.metrics.read_text() == whole.metrics.read_text()
    assert rundir.sha256_of(further.checkpoint / "manifest.json") == rundir.sha256_of(
        whole.checkpoint / "manifest.json"
    )


@pytest.mark.parametrize(("every", "is_kept"), [(0, True), (1000, False)])
def test_a_run_saves_by_the_clock_where_no_steps_are_given(
    snapshot, make_run, base, monkeypatch, capsys, every, is_kept
):
    """After a kill it goes on from there, and ends with the bytes of one that was not disturbed."""
    monkeypatch.setattr(resuming, "SECONDS", 0.0)
    config = QUICK | {"epochs": 3, "checkpoint_every": every}
    whole, further = (make_run("sft", snapshot=snapshot, base=base, config=config) for _ in range(2))
    run.execute("sft", sft.train, whole)
    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "more_values", dies_at(3))
        run.execute("sft", sft.train, further)
    assert bool(list((further.path / "state").glob("checkpoint-2"))) == is_kept
    capsys.readouterr()

    result = run.execute("sft", sft.train, further)

    assert result.status == "succeeded"
    assert ("going on after step 2" in capsys.readouterr().out) == is_kept
    assert rundir.sha256_of(further.checkpoint / "model.safetensors") == rundir.sha256_of(
        whole.checkpoint / "model.safetensors"
    )


def test_a_state_that_was_damaged_is_passed_over(snapshot, make_run, base, monkeypatch, capsys):
    config = QUICK | {"epochs": 6, "checkpoint_every": 1}
    directory = make_run("sft", snapshot=snapshot, base=base, config=config)
    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "more_values", dies_at(5))
        run.execute("sft", sft.train, directory)
    (directory.path / "state" / "checkpoint-4" / "optimizer.pt").write_bytes(b"half")

    result = run.execute("sft", sft.train, directory)

    assert result.status == "succeeded"
    assert "optimizer.pt does not match its sha256" in (said := capsys.readouterr().out)
    assert "going on after step 3" in said
