"""Records: the lines of the files that cross between web and GPU."""

import json
from pathlib import Path

import pytest

from rlhf.contract.records import (
    CompletionRecord,
    DemonstrationRecord,
    FailureReason,
    PromptRecord,
    read_jsonl,
    write_jsonl,
)

MESSAGES = [{"role": "user", "content": "说出三条河。"}]
ODD = "line\nbreak, \u2028 separator, 河 and \x85"


@pytest.mark.parametrize(
    "record",
    [
        PromptRecord("p1", MESSAGES, "list", "zh", "train"),
        DemonstrationRecord("p1", MESSAGES, ODD, "test"),
        CompletionRecord("p1", ODD, "base", is_finished=True),
    ],
)
def test_what_was_written_is_read_again(tmp_path, record):
    path = tmp_path / "records.jsonl"

    assert write_jsonl(path, [record, record]) == 2

    assert list(read_jsonl(path, type(record))) == [record, record]


def test_a_record_is_one_line_of_utf_8_with_its_keys_in_order(tmp_path):
    path = tmp_path / "completions.jsonl"

    write_jsonl(path, [CompletionRecord("p1", "河\nb", "base", is_finished=False)])

    expected = '{"prompt_id": "p1", "text": "河\\nb", "model": "base", "is_finished": false}\n'
    assert path.read_bytes() == expected.encode()


def test_the_same_records_give_the_same_bytes(tmp_path):
    records = [PromptRecord(f"p{n}", MESSAGES, "", "zh", "train") for n in range(3)]

    write_jsonl(tmp_path / "one", iter(records))
    write_jsonl(tmp_path / "two", iter(records))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_line_with_an_unknown_key_is_no_record(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps({"prompt_id": "p1", "colour": "red"}) + "\n")

    with pytest.raises(TypeError, match="colour"):
        list(read_jsonl(path, PromptRecord))


def test_every_reason_to_fail_stands_in_the_documentation():
    documented = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")

    assert [reason for reason in FailureReason if f"`{reason}`" not in documented] == []
