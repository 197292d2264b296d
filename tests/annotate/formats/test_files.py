"""Kinds of files: CSV, Parquet and datasets folders, columns under other names, and the faults of each by place."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotate import intake
from annotate.formats import columns
from annotate.models import Assignment, Comparison, Completion, GoldKey

HEADER = "prompt,completions\r\n"
ROW = '"Name a river.","[""Rhine."", ""Nile.""]"\r\n'
MAPPED = columns.parse("prompt = question\ncompletions = first, second", kind="comparisons")


def write(tmp_path, content, name="pairs.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def write_table(tmp_path, values, name="pairs.parquet"):
    pq.write_table(pa.table(values), tmp_path / name)
    return tmp_path / name


def refused(path, project, **more):
    with pytest.raises(intake.IntakeError) as caught:
        intake.import_file(path, kind="comparisons", project=project, **more)
    assert not Comparison.objects.exists()
    return str(caught.value.errors[0])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_of_another_name_are_mapped(project, tmp_path, delimiter):
    rows = [["question", "first", "second", "note"], ["Name a river.", "Rhine.", "Nile.", "left out"]]
    path = write(tmp_path, "\n".join(delimiter.join(row) for row in rows))

    intake.import_file(path, kind="comparisons", project=project, mapped=MAPPED)

    assert list(Completion.objects.values_list("text", flat=True)) == ["Rhine.", "Nile."]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "pairs.csv: the file is empty (0 records)."),
        (HEADER, "pairs.csv: the file is empty (0 records)."),
        (HEADER + '"Name,x\r\nmore\r\n', "pairs.csv:2: unclosed quote in the row that begins at line 2."),
        (HEADER + ROW + "a,b,c\r\n", "pairs.csv:3: the row has 3 cells, the header has 2."),
        ("prompt,prompt\r\n", "pairs.csv:1: the header has the column 'prompt' twice."),
        ("prompt,\r\n", "pairs.csv:1: column 2 of the header has no name."),
        (HEADER + "x,not json\r\n", "pairs.csv:2: completions: expected JSON in this cell, got text 'not json'."),
        (
            b"prompt,completions\r\ncaf\xe9,x\r\n",
            "pairs.csv:2: byte 0xE9 at column 4 is not UTF-8; save the file as UTF-8.",
        ),
        (b"\x89PNG\r\n", "pairs.csv: is not CSV: it looks like a PNG picture. Save it as UTF-8 text."),
        ("Name a river.,Rhine.\r\nx,y\r\n", "pairs.csv:2: Name a river.: unknown field; expected prompt, completions"),
    ],
)
def test_a_fault_in_csv_is_named_by_line(project, tmp_path, content, said):
    assert refused(write(tmp_path, content), project).startswith(said)


def test_a_field_of_csv_may_be_as_long_as_a_text(project, tmp_path):
    row = json.dumps(["x" * 140_000, "Nile."]).replace('"', '""')

    intake.import_file(write(tmp_path, f'{HEADER}a,"{row}"\r\n'), kind="comparisons", project=project)

    assert len(Completion.objects.first().text) == 140_000


def test_parquet_with_lists_or_json_text_is_read(project, tmp_path):
    values = {"prompt": ["a", "b"], "completions": [["Rhine.", "Nile."], ["Po.", "Ob."]], "overlap": [None, 3]}

    intake.import_file(write_table(tmp_path, values), kind="comparisons", project=project)

    assert list(Comparison.objects.values_list("overlap", flat=True)) == [project.overlap, 3]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": [5]}, "pairs.parquet: column prompt is int64, expected string."),
        ({"id": [5], "prompt": ["x"]}, "pairs.parquet: column id is int64, expected string."),
        (
            {"when": pa.array([0], pa.timestamp("us"))},
            "pairs.parquet: column when is timestamp[us]; text",
        ),
        ({"prompt": ["x"]}, "pairs.parquet:1: completions: is missing."),
        ({"prompt": [None], "completions": [["a", "b"]]}, "pairs.parquet:1: prompt: is missing."),
        ({"prompt": pa.array([], pa.string())}, "pairs.parquet: holds no rows (0 records)"),
    ],
)
def test_a_fault_in_parquet_is_named_by_column_or_row(project, tmp_path, values, said):
    assert refused(write_table(tmp_path, values), project).startswith(said)


def test_a_truncated_parquet_file_is_named(project, tmp_path):
    path = write_table(tmp_path, {"prompt": ["x"]})
    path.write_bytes(path.read_bytes()[:-20])

    assert refused(path, project).startswith("pairs.parquet: cannot be read as Parquet or Arrow: ")


def test_the_shards_of_a_folder_follow_each_other(project, tmp_path):
    for n in range(2):
        write_table(tmp_path, {"prompt": [f"p{n}"], "completions": [["a", "b"]]}, name=f"train-{n}.parquet")

    assert intake.import_file(tmp_path, kind="comparisons", project=project).new_count == 2


def test_an_empty_folder_is_named(project, tmp_path):
    assert "holds no rows (0 records)" in refused(tmp_path, project)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"prompt": "x", "completions": ["a", "b"]}, 5]', "x.json:2: expected an object, got number 5."),
        ('[{"prompt": "x"', "x.json:1: is not JSON: the list is cut off."),
        ('[{"prompt": NaN}]', "x.json:1: NaN is not a JSON value"),
        ('[{"prompt": "x" "completions": []}' + " " * 200 + "]", "x.json:1: is not JSON: Expecting ',' delimiter."),
        ("[]", "x.json: the file is empty (0 records)."),
    ],
)
def test_a_fault_in_a_json_list_is_named_by_record(project, tmp_path, content, said):
    assert refused(write(tmp_path, content, name="x.json"), project).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompt", "expected «field = column» in each line, got 'prompt'."),
        ("promt = x", "'promt' is no field of comparisons; the fields are id, prompt,"),
        ("prompt = x, y", "prompt: one line and one column for each field; only completions may have several."),
    ],
)
def test_a_mapping_that_cannot_be_used_is_explained(text, said):
    with pytest.raises(columns.BadMapping) as caught:
        columns.parse(text, kind="comparisons")

    assert str(caught.value).startswith(said)


def test_gold_has_a_key_and_no_places(project, write_lines):
    line = {
        "id": "g",
        "prompt": "x",
        "completions": ["a", "b"],
        "use": "gold",
        "key": [["b"], ["a"]],
        "key_reason": "why",
    }

    intake.import_file(write_lines(line), kind="comparisons", project=project)

    b, a = Completion.objects.order_by("-pk").values_list("pk", flat=True)
    assert (GoldKey.objects.get().tiers, GoldKey.objects.get().reason) == ([[b], [a]], "why")
    assert not Assignment.objects.exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"use": "gold"}, "key: is missing for gold."),
        ({"key": [["a"], ["b"]]}, "key: is for gold, training and qualification; say which in `use`."),
        ({"use": "gold", "key": [["a"]]}, "key: expected each completion of the comparison exactly once."),
        ({"use": "play"}, "use: expected one of work, gold, training, qualification; got text 'play'."),
        ({"priority": 2**40}, "priority: expected a whole number from -1000000 to 1000000, got number 1099511627776."),
    ],
)
def test_a_key_that_does_not_fit_is_refused(project, write_lines, more, said):
    path = write_lines({"prompt": "x", "completions": ["a", "b"]} | more)

    assert refused(path, project) == f"file.jsonl:1: {said}"
