"""The published bad inputs that a file can hold: each is refused with a sentence, or taken as it should be."""

import json

import pytest

from annotate import intake
from annotate.models import Comparison, Completion, Prompt, Ranking

PAIR = {"prompt": "Name a river.", "completions": ["Rhine.", "Nile."]}
REFUSED = [
    ("B01", "pairs.jsonl", b" \n\n", "pairs.jsonl: the file is empty (0 records)."),
    ("B02", "pairs.jsonl", b"\x89PNG\r\n", "pairs.jsonl: is not JSON Lines: it looks like a PNG picture."),
    ("B02", "pairs.csv", b"\x89PNG\r\n", "pairs.csv: is not CSV: it looks like a PNG picture."),
    ("B02", "pairs.json", b"\x1f\x8b\x08", "pairs.json: is not JSON Lines: it looks like a gzip file."),
    ("B02", "pairs.jsonl", b"prompt,completions\na,b\n", "pairs.jsonl:1: is not JSON: Expecting value at column 1."),
    ("B04", "pairs.jsonl", "{}".encode("utf-16"), "pairs.jsonl: is not JSON Lines: it looks like UTF-16 text."),
    ("B04", "pairs.jsonl", b'{"prompt": "caf\xe9"}', "pairs.jsonl:1: byte 0xE9 at column 16 is not UTF-8;"),
    ("B04", "pairs.jsonl", b'{"prompt": "caf\xc3', "pairs.jsonl:1: byte 0xC3 at column 16 is not UTF-8;"),
    ("B07", "pairs.jsonl", b"\x1f\x8b\x08" + b"0" * 99, "pairs.jsonl: is not JSON Lines: it looks like a gzip file."),
    ("B08", "pairs.zip", b"PK\x03\x04../../evil", "pairs.zip: is not JSON Lines: it looks like a zip file"),
    ("B10", "pairs.parquet", b"PAR1cut", "pairs.parquet: cannot be read as Parquet or Arrow"),
    (
        "B11",
        "pairs.csv",
        b'prompt,completions\n"a,b\n',
        "pairs.csv:2: unclosed quote in the row that begins",
    ),
    ("B11", "pairs.csv", b"a,b\n1,2,3\n", "pairs.csv:2: the row has 3 cells, the header has 2."),
    ("B16", "pairs.jsonl", b"null", "pairs.jsonl:1: expected an object per line, got null."),
    ("B17", "pairs.jsonl", b'{"prompt": ' + b"[" * 100_000, "pairs.jsonl:1: is nested too deeply."),
    ("B19", "pairs.jsonl", b'{"prompt": NaN}', "pairs.jsonl:1: NaN is not a JSON value"),
    ("B19", "pairs.jsonl", PAIR | {"overlap": "nan"}, "pairs.jsonl:1: overlap: expected a whole number from 1 to 50"),
    (
        "B20",
        "pairs.jsonl",
        PAIR | {"priority": 2**63},
        "pairs.jsonl:1: priority: expected a whole number from",
    ),
    ("B20", "pairs.jsonl", PAIR | {"overlap": True}, "pairs.jsonl:1: overlap: expected a whole number from 1 to 50"),
    ("B20", "pairs.jsonl", PAIR | {"id": 1.5}, "pairs.jsonl:1: id: expected text, got number 1.5."),
    ("B22", "pairs.jsonl", PAIR | {"prompt": "a\0b"}, "pairs.jsonl:1: prompt: holds a NUL character at position 1"),
    ("B23", "pairs.jsonl", PAIR | {"completions": "x"}, "pairs.jsonl:1: completions: expected a list of completions"),
    ("B23", "pairs.jsonl", PAIR | {"prompt": [{"content": "x"}]}, "pairs.jsonl:1: role: is missing."),
    ("B25", "pairs.jsonl", PAIR | {"prompt": "\u200b"}, "pairs.jsonl:1: prompt: is empty after trimming invisible"),
    ("B26", "pairs.jsonl", PAIR | {"prompt": "x" * 200_001}, "pairs.jsonl:1: prompt: has 200,001 characters; at most"),
    (
        "B32",
        "pairs.jsonl",
        PAIR | {"completions": ["one"]},
        "pairs.jsonl:1: completions: needs 2 to 9 completions in a ranking",
    ),
    (
        "B38",
        "pairs.jsonl",
        PAIR | {"prompt": [{"role": "tool", "content": "x"}]},
        "pairs.jsonl:1: prompt[0].role:",
    ),
]
VOTE = {"comparison": "c1", "annotator": "w1", "submitted_at": "2020-01-01"}
REFUSED_VOTES = [
    ("B35", VOTE | {"chosen": "a", "rejected": "a"}, "A completion is ranked twice."),
    ("B35", VOTE | {"ranking": [["a"], []]}, "ranking[1]: needs 1 to 9 completion ids, got 0."),
    ("B37", VOTE | {"tie": ["a", "b"], "seconds": 10**9}, "seconds: expected a number from 0 to 86400"),
    ("B37", VOTE | {"tie": ["a", "b"], "submitted_at": "1970-01-01"}, "submitted_at: expected a time from 2000 to now"),
    ("B41", VOTE | {"comparison": "gone", "tie": ["a", "b"]}, "comparison: 'gone' is not in this project"),
]
TAKEN = {"B05", "B28", "B29", "B34", "B40"}
ELSEWHERE = {"B13", "B14", "B31", "B43"}  # of the upload, the renderer and the transaction, not of what a file holds


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_every_published_case_of_files_is_in_one_of_the_tables(shared):
    published = json.loads((shared / "references" / "bad_inputs.json").read_text())
    of_files = {case["id"] for case in published if case["category"] in ("file", "json", "content", "semantic")}

    here = {case[0] for case in [*REFUSED, *REFUSED_VOTES]} | TAKEN | ELSEWHERE
    assert of_files == here


@pytest.mark.parametrize(("case", "name", "content", "said"), REFUSED)
def test_a_bad_file_is_refused_and_leaves_nothing(project, tmp_path, case, name, content, said):
    with pytest.raises(intake.IntakeError) as caught:
        intake.import_file(write(tmp_path, name, content), kind="comparisons", project=project)

    assert str(caught.value.errors[0]).startswith(said)
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(("case", "vote", "said"), REFUSED_VOTES)
def test_a_bad_vote_is_refused_and_leaves_nothing(project, tmp_path, case, vote, said):
    intake.import_file(write(tmp_path, "c.jsonl", PAIR | {"id": "c1"}), kind="comparisons", project=project)

    with pytest.raises(intake.IntakeError) as caught:
        intake.import_file(write(tmp_path, "v.jsonl", vote), kind="rankings", project=project)

    assert said in str(caught.value.errors[0])
    assert not Ranking.objects.exists()


@pytest.mark.parametrize("text", ["a\u2028b\u2029c\u0085d", "e\u0301 and \u00e9 ", "<script>0</script>", "\x1b[31m"])
def test_a_text_is_kept_to_the_byte(project, tmp_path, text):
    """B05, B28, B29: what looks odd is content; rendering makes it inert."""
    path = write(tmp_path, "c.jsonl", PAIR | {"completions": [text, "Nile."]})

    intake.import_file(path, kind="comparisons", project=project)

    assert Completion.objects.order_by("pk").first().text == text


def test_ids_that_differ_in_case_are_two_and_content_imported_twice_is_one(project, write_lines):
    """B34."""
    path = write_lines(PAIR | {"id": "c1"}, PAIR | {"id": "C1"})

    intake.import_file(path, kind="comparisons", project=project)
    again = intake.import_file(path, kind="comparisons", project=project)

    assert (Comparison.objects.count(), again.new_count, again.duplicate_count) == (2, 0, 2)
