"""What a checkpoint says of itself: README.md, the lineage in its manifest, generation_config.json."""

import json

import pytest

from rlhf.contract import rundir
from rlhf.training import card, models, run, sft

pytestmark = pytest.mark.torch


@pytest.fixture
def made(make_run, make_snapshot, base):
    """The checkpoints of two SFT runs, the second from the first."""
    config = {"epochs": 1, "lora_rank": 0, "batch_size": 8}
    snapshot = make_snapshot()
    first = make_run("sft", snapshot=snapshot, base=base, config=config)
    run.execute("sft", sft.train, first)
    second = make_run("sft", snapshot=snapshot, base=first.checkpoint, config=config | {"seed": 7})
    run.execute("sft", sft.train, second)
    return first.checkpoint, second.checkpoint


def front_of(card):
    """The head of a card: YAML whose values are JSON."""
    lines = card.split("---\n")[1].splitlines()
    return {name: json.loads(value) for name, value in (line.split(": ", 1) for line in lines)}


def test_a_checkpoint_tells_where_it_comes_from(made, base):
    first, second = made

    manifest = rundir.verify_manifest(second)

    assert [(step["stage"], step["seed"]) for step in manifest["lineage"]] == [("sft", 1), ("sft", 7)]
    assert manifest["lineage"][0]["base_sha256"] == rundir.sha256_of(base / "manifest.json")
    assert manifest["lineage"][1]["base_sha256"] == rundir.sha256_of(first / "manifest.json")


def test_its_card_has_the_head_that_hugging_face_reads_and_what_was_measured(made):
    text = (made[1] / "README.md").read_text()

    assert front_of(text) == {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["concord", "sft"],
    }
    assert "# SFT model by sft" in text
    assert "| 2 | sft | sft | 7 |" in text
    assert "| n demonstrations | 8 |" in text
    assert "| learning rate | 0.0002 |" in text


def test_the_generation_config_ends_where_the_tokenizer_ends(made):
    tokenizer = models.load_tokenizer(made[1])

    config = json.loads((made[1] / "generation_config.json").read_text())

    assert (config["eos_token_id"], config["pad_token_id"]) == (tokenizer.eos_token_id, tokenizer.pad_token_id)


def test_what_stands_on_simulated_rankings_says_so_and_so_do_its_descendants(made):
    facts = rundir.verify_manifest(made[1])
    facts["lineage"][0]["has_simulated"] = True

    text = card.card(facts, data={"counts": {"pairs": 40}}, settings={}, figures={}, versions={})

    assert "simulated annotators, not by people" in text
    assert "simulated" not in (made[1] / "README.md").read_text()
    assert "| pairs | 40 |" in text
