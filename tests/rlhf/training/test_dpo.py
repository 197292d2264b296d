"""DPO on the same pairs: what TRL's loss gets, that the implicit reward learns the order, and bad input."""

import math

import pytest
import torch
from torch.nn.functional import logsigmoid
from trl.trainer.dpo_trainer import DataCollatorForPreference

from rlhf.contract import rundir
from rlhf.training import data, dpo, models, run
from rlhf.training.watching import Watcher
from tests.rlhf.training.conftest import dies_at, pair

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

QUICK = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 8, "max_length": 64, "lora_rank": 0}


def toy_pairs():
    """Completions that say «yes» are better than those that say «no»; a quarter of the prompts is held out."""
    return [
        pair(n, chosen=f"yes {word}", rejected=f"no {other}", split="test" if n % 4 == 0 else "train")
        for n in range(16)
        for word, other in [("indeed", "thanks"), ("sir", "way")]
    ]


@pytest.fixture
def snapshot(make_snapshot):
    return make_snapshot(pairs=[*toy_pairs(), pair(1, chosen="maybe", rejected="perhaps", q=0.52)])


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_implicit_reward_learns_the_order_of_the_pairs(snapshot, make_run, base, lora_rank):
    config = QUICK | {"lora_rank": lora_rank, "epochs": 3}
    directory = make_run("dpo", snapshot=snapshot, base=base, config=config)

    result = run.execute("dpo", dpo.train, directory)

    found = result.metrics
    assert (result.status, result.checkpoint_kind) == ("succeeded", "policy")
    assert (found["n_train"], found["n_undecided"], found["n"]) == (24, 1, 8)
    assert found["loss_first"] == pytest.approx(math.log(2), abs=1e-4)  # nothing has moved yet
    assert found["loss_last"] < 0.6
    assert found["accuracy"] == 1.0
    assert found["accuracy_low"] < 0.7  # eight pairs are few
    assert rundir.verify_manifest(directory.checkpoint)["kind"] == "policy"
    assert '"margin": ' in directory.metrics.read_text()


def test_the_loss_is_the_paper_s_on_the_tokens_of_every_stage(snapshot, make_run, base, other, tokenizer):
    """Rafailov et al. 2023, equation 7, worked from the log-probs of whole completions, the end included."""
    found, _ = data.pairs(snapshot, tokenizer, split="train", max_length=64)
    batch = DataCollatorForPreference(pad_token_id=0)([dpo.row_of(one) for one in found[:3]])
    policy, start = models.load_causal_lm(other), models.load_causal_lm(base)

    def logprob(model, ids, at):
        logits = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        return sum(logits[i - 1, ids[i]] for i in range(at, len(ids)))

    gaps = []
    for one in found[:3]:
        prompt, chosen, rejected = dpo.parts_of(one)
        assert (prompt + chosen, prompt + rejected) == (one.chosen, one.rejected)
        ratios = [
            logprob(policy, ids, len(prompt)) - logprob(start, ids, len(prompt)) for ids in (one.chosen, one.rejected)
        ]
        gaps.append(ratios[0] - ratios[1])
    expected = -logsigmoid(0.1 * torch.stack(gaps)).mean()

    directory = make_run("dpo", snapshot=snapshot, base=other, config=QUICK)
    config = directory.read_spec().config
    trainer = dpo.Dpo(
        model=policy,
        ref_model=start,
        args=dpo._arguments(config, run.RunContext(directory, directory.read_spec())),
        train_dataset=dpo.Dataset.from_list([dpo.row_of(found[0])]),
        processing_class=tokenizer,
        use_bfloat16=False,
    )
    assert trainer.compute_loss(trainer.model, batch).item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(snapshot, make_run, base, monkeypatch):
    config = QUICK | {"checkpoint_every": 2, "lora_rank": 4, "microbatch_size": 4}
    whole, broken = (make_run("dpo", snapshot=snapshot, base=base, config=config) for _ in "ab")
    run.execute("dpo", dpo.train, whole)

    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "more_values", dies_at(4))
        assert run.execute("dpo", dpo.train, broken).status == "failed"
    assert run.execute("dpo", dpo.train, broken).status == "succeeded"

    assert broken.metrics.read_text() == whole.metrics.read_text()
    assert rundir.sha256_of(broken.checkpoint / "manifest.json") == rundir.sha256_of(whole.checkpoint / "manifest.json")


def test_a_snapshot_without_decided_pairs_is_refused(make_snapshot, make_run, base):
    directory = make_run("dpo", snapshot=make_snapshot(pairs=[pair(1, chosen="a", rejected="b", q=0.5)]), base=base)

    result = run.execute("dpo", dpo.train, directory)

    assert (result.status, result.reason) == ("failed", "empty_data")
    assert result.message == "the snapshot has no decided training pairs to work on."
    assert not directory.checkpoint.exists()


def test_a_cancelled_run_saves_nothing(snapshot, make_run, base):
    directory = make_run("dpo", snapshot=snapshot, base=base, config=QUICK)
    directory.request_cancel()

    assert run.execute("dpo", dpo.train, directory).status == "cancelled"
    assert not directory.checkpoint.exists()
