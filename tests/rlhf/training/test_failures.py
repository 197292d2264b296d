"""What stops a stage from outside ends in a result with its reason, and says what to do."""

import errno

import pytest
import torch
from safetensors import SafetensorError

from rlhf.training import run, sft
from tests.rlhf.training.test_sft import QUICK, snapshot

__all__ = ["snapshot"]  # a fixture


def raising(problem):
    def stage(context):
        raise problem

    return stage


@pytest.mark.parametrize(
    ("problem", "reason", "said"),
    [
        (MemoryError(), "out_of_memory", "lower the batch"),
        (torch.OutOfMemoryError("CUDA out of memory."), "out_of_memory", "lower the batch"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out_of_memory", "lower the batch"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full", "make room"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), "disk_full", "make room"),
        (
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
            "disk_full",
            "make room",
        ),
        (OSError(errno.EACCES, "Permission denied"), "crashed", "PermissionError"),
        (ValueError("something else"), "crashed", "ValueError: something else"),
    ],
)
def test_a_stage_that_is_stopped_says_why(snapshot, make_run, base, problem, reason, said):
    directory = make_run("sft", snapshot=snapshot, base=base)

    result = run.execute("sft", raising(problem), directory)

    assert (result.status, result.reason) == ("failed", reason)
    assert said in result.message
    assert directory.read_result() == result


def test_a_disk_that_fills_while_weights_are_saved_is_told_as_such(snapshot, make_run, base, monkeypatch):
    directory = make_run("sft", snapshot=snapshot, base=base, config=QUICK)

    def full(*args, **kwargs):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("transformers.modeling_utils.safe_save_file", full)

    assert run.execute("sft", sft.train, directory).reason == "disk_full"
    assert not (directory.checkpoint / "manifest.json").exists()
