"""What is said of a reward model besides its accuracy."""

from dataclasses import replace

import pytest
import torch

from rlhf.training import data, models, reward, reward_report, run, trust
from tests.rlhf.training.conftest import pair

pytestmark = pytest.mark.torch

OPTIONS = {"pad_id": 0, "batch_size": 8, "on_batch": lambda: None}


def tokenised(records, tokenizer):
    cut = data._Cutter(tokenizer)
    return [cut.pair(record) for record in records]


@pytest.fixture
def says(monkeypatch):
    """Let the model's score of a text be its number of tokens."""
    monkeypatch.setattr(
        reward_report.scoring, "score", lambda model, texts, **options: torch.tensor([float(len(t)) for t in texts])
    )


def test_accuracy_is_told_apart_by_margin_certainty_category_and_length(tokenizer, says):
    records = [
        replace(pair(1, chosen="aaaa", rejected="a", q=0.95), category="poem"),  # longer, so right
        replace(pair(2, chosen="a", rejected="aaa", q=0.55), category="poem"),  # wrong
        pair(3, chosen="aa", rejected="bb", q=1.0),  # equal: half
    ]

    found = reward_report.of_held_out(None, tokenised(records, tokenizer), **OPTIONS)

    rows = {(row["slice"], row["value"]): (row["accuracy"], row["n"]) for row in found["accuracy_by"]}
    assert rows == {
        ("category", "poem"): (0.5, 2),
        ("certainty", "0.5 to 0.6"): (0.0, 1),
        ("certainty", "0.9 to 1"): (0.75, 2),
        ("length", "the longer is better"): (1.0, 1),
        ("length", "the shorter is better"): (0.0, 1),
        ("margin", "1 to 2"): (0.5, 3),
    }
    assert found["longer_scored_higher"] == pytest.approx(2.5 / 3)
    assert 0 <= found["ece"] <= 1


def test_without_decided_pairs_nothing_is_said(tokenizer):
    tied = tokenised([pair(1, chosen="a", rejected="b", q=0.5)], tokenizer)

    assert reward_report.of_held_out(None, tied, **OPTIONS) == {}


def test_a_reward_run_leaves_its_calibration_and_its_range_of_trust(make_run, make_snapshot, base):
    pairs = [pair(n, chosen=f"good {n}", rejected=f"bad {n}", split="test" if n % 2 else "train") for n in range(120)]
    config = {"epochs": 1, "lora_rank": 4, "batch_size": 16}
    directory = make_run("reward", snapshot=make_snapshot(pairs=pairs), base=base, config=config)

    result = run.execute("reward", reward.train, directory)

    found = trust.read(directory.checkpoint, device=torch.device("cpu"))
    assert result.status == "succeeded"
    assert {"ece", "temperature", "calibration", "accuracy_by"} <= result.metrics.keys()
    assert 0 < found.threshold < torch.inf
    assert result.metrics["trust_threshold"] == found.threshold
    assert models.load_reward_model(directory.checkpoint).config.num_labels == 1


def test_too_few_texts_leave_no_range_of_trust(base, tokenizer, reward_base):
    model = models.load_reward_model(reward_base)
    few = tokenised([pair(n, chosen=f"good {n}", rejected="bad") for n in range(20)], tokenizer)

    assert reward_report.range_of_trust(model, few, few, seed=1, **OPTIONS) is None
