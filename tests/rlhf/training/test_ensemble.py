"""The heads of an ensemble: where comparisons speak they agree, elsewhere they do not."""

import json

import pytest
import torch

from rlhf.training import ensemble, ppo, reward, run
from tests.rlhf.training.conftest import pair

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]


@pytest.fixture
def known():
    """300 pairs whose texts differ along the first of four axes, which decides, and hardly along the others."""
    torch.manual_seed(0)
    chosen, rejected = torch.randn(300, 4), torch.randn(300, 4)
    for side in (chosen, rejected):
        side[:, 2:] *= 0.01
    q = torch.sigmoid(2 * (chosen[:, 0] - rejected[:, 0]))
    labels = ensemble.Labels(q=q, weight=torch.ones(300), prompt=torch.arange(300))
    return chosen, rejected, labels


def fit(known, **changes):
    return ensemble.fit(*known, **{"head": torch.tensor([2.0, 0.0, 0.0, 0.0]), "count": 8, "seed": 1, **changes})


def test_the_heads_agree_on_what_the_comparisons_say(known):
    heads = fit(known).heads

    assert heads[:, 0].mean().item() == pytest.approx(2.0, abs=0.25)
    assert heads[:, 0].std().item() < 0.3


def test_they_differ_over_texts_unlike_any_that_were_compared(known):
    found = fit(known)

    usual, strange = torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    assert found.spread(strange).item() > 5 * found.spread(usual).item()


def test_more_comparisons_leave_less_doubt(known):
    chosen, rejected, labels = known
    few = (chosen[:20], rejected[:20], ensemble.Labels(*(part[:20] for part in labels)))

    assert fit(known).spread(chosen).mean() < 0.7 * fit(few).spread(chosen).mean()


def test_the_same_seed_gives_the_same_heads(known):
    assert torch.equal(fit(known).heads, fit(known).heads)
    assert not torch.equal(fit(known).heads, fit(known, seed=2).heads)


def test_a_constant_that_heads_add_to_every_text_is_no_doubt():
    found = ensemble.Ensemble(torch.tensor([[1.0, 5.0], [1.0, 9.0]]), torch.tensor([5.0, 9.0]), torch.tensor(1.0))

    assert found.spread(torch.tensor([[3.0, 1.0]])).item() == 0.0


def test_a_reward_model_with_an_ensemble_reports_its_doubt_and_ppo_watches_it(make_run, make_snapshot, base):
    pairs = [
        pair(n, chosen=f"good {n}", rejected=f"bad {n}", split="test" if n % 5 == 0 else "train") for n in range(50)
    ]
    config = {"epochs": 1, "lora_rank": 2, "batch_size": 8, "ensemble": 4}
    trained = make_run("reward", snapshot=make_snapshot(pairs=pairs), base=base, config=config)
    result = run.execute("reward", reward.train, trained)
    assert result.status == "succeeded", result.message

    config = {"steps": 2, "batch_size": 8, "minibatches": 2, "max_new_tokens": 6, "lora_rank": 4}
    directory = make_run("ppo", snapshot=make_snapshot(), base=base, config=config, reward_model=trained.checkpoint)
    tuned = run.execute("ppo", ppo.train, directory)

    assert tuned.status == "succeeded", tuned.message
    assert result.metrics["uncertainty"] > 0
    assert [row["n"] for row in result.metrics["accuracy_by_doubt"]] == [5, 5]
    rows = [json.loads(line)["values"] for line in directory.metrics.read_text().splitlines()]
    assert all(row["uncertainty"] > 0 for row in rows)
