"""The run directory: whole files or none, a manifest that notices each change, a line at a time."""

import json
import os

import pytest

from rlhf.contract import config as configs
from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact, Inputs, Result, RunDirectory, RunSpec


@pytest.fixture
def directory(tmp_path):
    found = RunDirectory(tmp_path / "17" / "1")
    found.path.mkdir(parents=True)
    return found


@pytest.mark.parametrize("stage", configs.STAGES)
def test_an_order_is_read_as_it_was_written(directory, stage):
    inputs = Inputs("/data/s", "/data/b", reward_model="/data/r", baseline="/data/l", corpus="/data/c")
    spec = RunSpec(stage, configs.parse(stage, {"seed": 3}), inputs, audit_seal="7:abc")

    directory.write_spec(spec)

    assert directory.read_spec() == spec


def order(**changes):
    return {"stage": "sft", "config": {}, "inputs": {"snapshot": "/s", "base": "/b"}} | changes


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"stage": "sft"}),
        json.dumps(order(inputs={"snapshot": "/s"})),
        json.dumps(order(inputs={"snapshot": "/s", "base": "/b", "colour": "red"})),
        json.dumps(order(config=[])),
        json.dumps(order(config={"epochs": 0})),
        json.dumps(order(stage="bpo")),
        json.dumps(order(stage=["sft"])),
    ],
)
def test_a_config_json_that_is_no_order_is_a_config_error(directory, text):
    directory.config.write_text(text)

    with pytest.raises(configs.ConfigError):
        directory.read_spec()


def test_a_config_json_of_other_bytes_is_a_config_error(directory):
    directory.config.write_bytes(b'{"stage": "\xff"}')

    with pytest.raises(configs.ConfigError, match="is not a run's order"):
        directory.read_spec()


def test_a_missing_config_json_is_a_config_error(directory):
    with pytest.raises(configs.ConfigError, match="is not a run's order"):
        directory.read_spec()


def test_metrics_are_appended_a_line_at_a_time_and_show_life(directory):
    directory.append_metric(1, {"loss": 2.0})
    directory.append_metric(2, {"loss": 1.5, "kl": 0.0})

    assert [json.loads(line) for line in directory.metrics.read_text().splitlines()] == [
        {"step": 1, "values": {"loss": 2.0}},
        {"step": 2, "values": {"loss": 1.5, "kl": 0.0}},
    ]
    assert directory.heartbeat.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_that_is_not_finite_is_not_written(directory, value):
    with pytest.raises(ValueError, match="loss is (nan|inf) at step 4"):
        directory.append_metric(4, {"kl": 1.0, "loss": value})

    assert not directory.metrics.exists()


def test_samples_are_appended_as_they_are(directory):
    directory.append_sample({"step": 0, "prompt": "河?", "completion": "a\nb"})

    assert directory.samples.read_text() == '{"step": 0, "prompt": "河?", "completion": "a\\nb"}\n'


def test_a_beat_moves_the_heartbeat_forward(directory):
    directory.beat()
    os.utime(directory.heartbeat, (1000, 1000))

    directory.beat()

    assert directory.heartbeat.stat().st_mtime > 1000


def test_a_run_is_cancelled_once_it_is_asked_to_stop(directory):
    assert not directory.is_cancelled()

    directory.request_cancel()

    assert directory.is_cancelled()
    assert directory.cancel.name == "CANCEL"


def test_a_result_is_read_as_it_was_written_and_leaves_no_other_file(directory):
    result = Result("succeeded", metrics={"accuracy": 0.5}, checkpoint_kind="reward", seconds=1.5)

    directory.write_result(result)

    assert directory.read_result() == result
    assert [path.name for path in directory.path.iterdir()] == ["result.json"]


def test_a_run_without_a_result_has_none(directory):
    assert directory.read_result() is None


def test_a_result_stands_whole_under_its_name_or_not_at_all(directory):
    """NaN is refused in the middle of writing: the name must still show what was there before."""
    directory.write_result(Result("succeeded"))

    with pytest.raises(ValueError, match="Out of range float"):
        directory.write_result(Result("failed", metrics={"loss": float("nan")}))

    assert directory.read_result() == Result("succeeded")


@pytest.mark.parametrize("content", [b'{"status": "succe', b"[]", b'{"colour": "red"}', b'{"status": "\xff"}'])
def test_a_result_that_cannot_be_read_is_a_failure(directory, content):
    directory.result.write_bytes(content)

    found = directory.read_result()

    assert (found.status, found.reason) == ("failed", "no_result")
    assert found.message.startswith("result.json cannot be read")


@pytest.fixture
def checkpoint(tmp_path):
    """A directory of two files, one of them in a folder, with its manifest."""
    made = tmp_path / "checkpoint"
    (made / "inner").mkdir(parents=True)
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "inner" / "tokenizer.json").write_bytes(b"{}")
    rundir.write_manifest(made, {"kind": "sft"})
    return made


def test_the_sha256_is_that_of_the_bytes(tmp_path):
    """FIPS 180-2, appendix B.1: the digest of «abc»."""
    (tmp_path / "file").write_bytes(b"abc")

    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert rundir.sha256_of(tmp_path / "file") == expected


def test_a_manifest_names_each_file_and_carries_the_facts(checkpoint):
    manifest = rundir.verify_manifest(checkpoint)

    assert list(manifest["files"]) == ["inner/tokenizer.json", "model.safetensors"]
    assert manifest["kind"] == "sft"


def test_the_same_files_give_the_same_manifest(checkpoint):
    first = rundir.sha256_of(checkpoint / rundir.MANIFEST)

    assert rundir.write_manifest(checkpoint, {"kind": "sft"}) == first
    rundir.verify_manifest(checkpoint, expected_sha256=first)


def broken(checkpoint, **options):
    with pytest.raises(BadArtefact) as caught:
        rundir.verify_manifest(checkpoint, **options)
    return str(caught.value)


def test_a_changed_byte_is_noticed(checkpoint):
    (checkpoint / "model.safetensors").write_bytes(b"weightz")

    assert broken(checkpoint) == f"{checkpoint}/model.safetensors does not match its sha256 in manifest.json."


def test_a_missing_file_is_noticed(checkpoint):
    (checkpoint / "inner" / "tokenizer.json").unlink()

    assert broken(checkpoint) == f"{checkpoint}/inner/tokenizer.json is missing."


@pytest.mark.parametrize("name", ["extra.bin", "inner/manifest.json"])
def test_an_extra_file_is_noticed(checkpoint, name):
    (checkpoint / name).write_bytes(b"{}")

    assert broken(checkpoint) == f"{checkpoint}/{name} is not in the manifest."


def test_another_manifest_than_the_recorded_one_is_noticed(checkpoint):
    assert "is not the manifest that was recorded" in broken(checkpoint, expected_sha256="0" * 64)


def test_a_directory_without_a_manifest_is_refused(checkpoint):
    (checkpoint / rundir.MANIFEST).unlink()

    assert "has no manifest.json; it was not finished or is not ours" in broken(checkpoint)


@pytest.mark.parametrize("content", [b'{"files": {', b"[]", b"{}", b'{"files": []}', b"\xff"])
def test_a_manifest_that_cannot_be_read_is_refused(checkpoint, content):
    (checkpoint / rundir.MANIFEST).write_bytes(content)

    assert broken(checkpoint).startswith(f"{checkpoint}/manifest.json is not a manifest")


def test_a_run_that_goes_on_forgets_what_came_after(tmp_path):
    directory = RunDirectory(tmp_path)
    for step in (1, 2, 3):
        directory.append_metric(step, {"score": float(step)})
    directory.append_alarm({"step": 3, "name": "entropy", "sentence": "Low."})
    with directory.metrics.open("a") as lines:
        lines.write('{"step": 4, "val')  # the machine went away here

    directory.forget_after(2)

    assert [json.loads(line)["step"] for line in directory.metrics.read_text().splitlines()] == [1, 2]
    assert directory.alarms.read_text() == ""
    assert not directory.samples.exists()
