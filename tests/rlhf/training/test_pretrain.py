"""Pretraining: blocks of a corpus, a loss that falls, perplexity worked by hand, and going on exactly."""

import json
import math

import pytest
import torch

from rlhf.contract import rundir
from rlhf.training import corpus, language_loss, models, pretrain, run
from rlhf.training.corpus import Stream
from tests.rlhf.training.conftest import make_model

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

DOCUMENTS = [f"The {kind} river carries {n} boats to the city." for n in range(20) for kind in ("old", "new")]
QUICK = {
    "vocabulary": 320,
    "layers": 1,
    "hidden_size": 32,
    "context": 64,
    "block_size": 32,
    "batch_size": 8,
    "steps": 30,
    "learning_rate": 1e-2,
    "warmup_steps": 2,
    "evaluate_every": 10,
}


@pytest.fixture
def text(make_corpus):
    return make_corpus(train=DOCUMENTS, test=["The old river carries 21 boats to the city."])


def pretrained(make_run, text, config=None, **inputs):
    directory = make_run("pretrain", corpus=text, config=QUICK | (config or {}), **inputs)
    return directory, run.execute("pretrain", pretrain.train, directory)


def test_a_stream_is_every_document_with_an_end_and_blocks_are_cut_from_it(make_corpus, tokenizer, tmp_path):
    directory = make_corpus(train=["abc", "déf"], test=["ghi"])

    stream = corpus.stream(directory, tokenizer, split="train", scratch=tmp_path)

    end = tokenizer.eos_token_id
    expected = [*tokenizer("abc")["input_ids"], end, *tokenizer("déf")["input_ids"], end]
    assert (stream.tokens.tolist(), stream.byte_count) == (expected, 7)
    blocks = corpus.blocks(stream, size=4)
    assert [blocks[i]["input_ids"].tolist() for i in range(len(blocks))] == [expected[:4], expected[4:8]]


def test_perplexity_is_that_of_every_token_but_the_first_of_a_block():
    model, tokens = language_loss.without_logits(make_model()), torch.arange(70, 81)
    logprobs = [
        model(ids[None]).logits[0, :-1].log_softmax(-1).gather(1, ids[1:, None]).sum() for ids in tokens.split(4)
    ]
    mean = -sum(logprobs).item() / 8  # blocks of 4, 4 and 3 tokens

    found = language_loss.perplexity(
        model,
        Stream(tokens.numpy(), byte_count=22),
        block_size=4,
        batch_size=1,
        use_bfloat16=False,
        on_batch=lambda: None,
    )

    assert found["perplexity"] == pytest.approx(math.exp(mean), rel=1e-5)
    assert found["bits_per_byte"] == pytest.approx(mean / math.log(2) * 11 / 22, rel=1e-5)


def test_a_model_from_scratch_learns_the_corpus_and_can_be_fine_tuned(make_run, text):
    directory, result = pretrained(make_run, text)

    rows = [json.loads(line) for line in directory.metrics.read_text().splitlines()]
    found = result.metrics
    assert (result.status, result.checkpoint_kind) == ("succeeded", "base")
    assert 150 < found["perplexity_before"] < 500  # a uniform guess among 320 tokens
    assert found["perplexity"] < 15
    assert found["n_tokens_seen"] == 15 * 13 * 32  # 15 passes over 13 blocks, two steps each
    assert [row["step"] for row in rows if "held_out_perplexity" in row["values"]] == [10, 20, 30]
    assert rows[-1]["values"]["held_out_perplexity"] == found["perplexity"]
    assert models.load_tokenizer(directory.checkpoint).chat_template
    assert models.load_causal_lm(directory.checkpoint).config.max_position_embeddings == 64
    assert not (directory.path / "state").exists()
    assert result.cost["cpu_seconds"] > 0
    assert result.cost["peak_memory_bytes"] > 10e6


def test_a_chosen_model_gives_its_tokenizer_and_where_wanted_its_weights(make_run, text, base):
    short = {"steps": 1, "warmup_steps": 0, "learning_rate": 1e-6}
    fresh, _ = pretrained(make_run, text, short, base=base)
    further, result = pretrained(make_run, text, short | {"weights": "model"}, base=base)

    models.check_same_tokenizer(base, fresh.checkpoint)
    again, _ = pretrained(make_run, text, short, base=further.checkpoint)  # its tokenizer, not its weights
    assert [len(rundir.verify_manifest(one.checkpoint)["lineage"]) for one in (fresh, further, again)] == [1, 1, 1]
    drawn, kept, start = (
        models.load_causal_lm(path).get_input_embeddings().weight
        for path in (fresh.checkpoint, further.checkpoint, base)
    )
    assert drawn.shape == start.shape
    assert not torch.allclose(drawn, start, atol=1e-2)
    assert torch.allclose(kept, start, atol=1e-4)
    assert result.metrics["n_parameters"] == make_model().num_parameters()


@pytest.mark.parametrize("changed", [{}, {"microbatch_size": 4}])
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(make_run, text, monkeypatch, changed):
    config = {"steps": 7, "checkpoint_every": 2, "evaluate_every": 1} | changed
    whole, _ = pretrained(make_run, text, config)
    broken = make_run("pretrain", corpus=text, config=QUICK | config)

    with monkeypatch.context() as patched:
        patched.setattr(pretrain.HeldOutWatcher, "more_values", dies_at(5))
        assert run.execute("pretrain", pretrain.train, broken).status == "failed"
    result = run.execute("pretrain", pretrain.train, broken)

    assert result.status == "succeeded"
    assert "going on" not in broken.metrics.read_text()
    assert broken.metrics.read_text() == whole.metrics.read_text()
    assert rundir.sha256_of(broken.checkpoint / "model.safetensors") == rundir.sha256_of(
        whole.checkpoint / "model.safetensors"
    )


def dies_at(step):
    measure = pretrain.HeldOutWatcher.more_values

    def measure_or_die(watcher, at):
        if at == step:
            raise RuntimeError("the machine went away")
        return measure(watcher, at)

    return measure_or_die


def test_micro_batches_give_the_model_of_the_whole_batch(make_run, text):
    one, _ = pretrained(make_run, text, {"steps": 3})
    two, _ = pretrained(make_run, text, {"steps": 3, "microbatch_size": 2})

    first, second = (models.load_causal_lm(each.checkpoint).state_dict() for each in (one, two))
    for name, weights in first.items():
        torch.testing.assert_close(second[name], weights, atol=1e-4, rtol=1e-3, msg=name)


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ({"test": ["held out"]}, "the corpus has no training documents; bring in more text."),
        ({"train": DOCUMENTS}, "the corpus has no held-out documents; bring in more text."),
        (
            {"train": ["ab"], "test": ["held out"]},
            "the corpus has 2 training tokens, which do not fill a block of 32. Bring in more text, or lower "
            "block_size.",
        ),
    ],
)
def test_a_corpus_that_is_too_small_is_refused(make_run, make_corpus, documents, message):
    directory, result = pretrained(make_run, make_corpus(**documents))

    assert (result.status, result.reason, result.message) == ("failed", "empty_data", message)
    assert not directory.checkpoint.exists()


def test_a_corpus_that_was_changed_is_refused(make_run, text):
    (text / "text.jsonl").write_text("")

    _, result = pretrained(make_run, text)

    assert result.reason == "bad_artefact"
    assert "text.jsonl does not match" in result.message


@pytest.mark.parametrize(
    ("config", "has_base", "field"),
    [
        ({"weights": "model"}, False, "weights"),
        ({"weights": "model", "block_size": 512, "context": 512}, True, "block_size"),
    ],
)
def test_a_model_that_cannot_be_taken_further_is_refused_by_field(make_run, text, base, config, has_base, field):
    _, result = pretrained(make_run, text, config, **({"base": base} if has_base else {}))

    assert (result.status, result.reason) == ("failed", "bad_config")
    assert result.message.startswith(f"{field}: ")


def test_a_cancelled_run_saves_nothing(make_run, text):
    directory = make_run("pretrain", corpus=text, config=QUICK)
    directory.request_cancel()

    assert run.execute("pretrain", pretrain.train, directory).status == "cancelled"
    assert not directory.checkpoint.exists()
