"""Files in: what is accepted, what is refused, and that a refused file leaves nothing behind."""

import pytest

from annotate import intake
from annotate.models import Annotator, Assignment, Comparison, Completion, Demonstration, Prompt, Ranking

GOOD = {"id": "c1", "prompt": "Name a river.", "completions": ["Rhine.", "Nile."]}


def refused(path, project, kind="comparisons"):
    with pytest.raises(intake.IntakeError) as caught:
        intake.import_file(path, kind=kind, project=project)
    assert not Comparison.objects.exists()
    return [str(error) for error in caught.value.errors]


def test_a_good_file_becomes_prompts_comparisons_completions_and_places(project, write_lines):
    report = intake.import_file(write_lines(GOOD), kind="comparisons", project=project)

    assert report.sentence == "1 lines read: 1 new comparisons."
    assert list(Completion.objects.values_list("text", flat=True)) == ["Rhine.", "Nile."]
    assert Assignment.objects.filter(state="open").count() == project.overlap


def test_completions_of_equal_text_are_let_in(project, write_lines):
    intake.import_file(write_lines(GOOD | {"completions": ["a", "a"]}), kind="comparisons", project=project)

    assert list(Completion.objects.values_list("text", flat=True)) == ["a", "a"]


def test_importing_a_file_again_changes_nothing(project, write_lines):
    intake.import_file(write_lines(GOOD), kind="comparisons", project=project)

    report = intake.import_file(write_lines(GOOD), kind="comparisons", project=project)

    assert (report.new_count, report.duplicate_count, Comparison.objects.count()) == (0, 1, 1)


def test_a_known_id_with_other_content_is_refused(project, write_lines):
    intake.import_file(write_lines(GOOD), kind="comparisons", project=project)

    with pytest.raises(intake.IntakeError, match="already with other content"):
        intake.import_file(write_lines(GOOD | {"completions": ["Rhine.", "Po."]}), kind="comparisons", project=project)


def test_one_bad_line_refuses_the_whole_file(project, write_lines):
    path = write_lines(GOOD, GOOD | {"id": "c2", "completions": ["only one"]})

    assert refused(path, project) == [
        "file.jsonl:2: completions: needs 2 to 9 completions in a ranking project, got 1."
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "expected an object per line, got a list."),
        ("{", "is not JSON: Expecting property name enclosed in double quotes at column 2."),
        ('{"prompt": NaN}', "NaN is not a JSON value; leave the field out or give a finite number."),
        ('{"a": 1, "a": 2}', "a: stands twice in one object."),
        ('{"prompt": ' + "[" * 100_000, "is nested too deeply."),
        (GOOD | {"prompt": " \u200b"}, "prompt: is empty after trimming invisible characters."),
        (GOOD | {"prompt": "a\x00b"}, "prompt: holds a NUL character at position 1; remove it."),
        (GOOD | {"prompt": 5}, "prompt: expected a list of messages (or a plain text), got number 5."),
        (GOOD | {"promt": "x"}, "promt: unknown field; did you mean 'prompt'?"),
        ({"prompt": "x"}, "completions: is missing."),
        (GOOD | {"completions": ["a", 5]}, "completions[1]: expected an object, got number 5."),
        (GOOD | {"completions": list("abcdefghij")}, "completions: needs 0 to 9 completions, got 10."),
        (GOOD | {"id": 7}, 'id: ids are text; write "7" with quotation marks.'),
        (GOOD | {"overlap": 0}, "overlap: expected a whole number from 1 to 50, got number 0."),
        (
            GOOD | {"prompt": [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]},
            "prompt[1].role: expected 'assistant' at this turn, got 'user'.",
        ),
        (
            GOOD | {"prompt": [{"role": "tool", "content": "x"}]},
            "prompt[0].role: expected system, user or assistant, got text 'tool'.",
        ),
    ],
)
def test_a_fault_is_named_by_line_and_field(project, write_lines, line, said):
    assert refused(write_lines(line), project) == [f"file.jsonl:1: {said}"]


def test_a_lone_surrogate_is_refused(project, write_lines):
    path = write_lines('{"prompt": "\\ud800", "completions": ["a", "b"]}')

    assert "surrogate" in refused(path, project)[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty (0 records)."),
        (b"\n  \n", "the file is empty (0 records)."),
        (
            b"\x1f\x8b\x08abc",
            "is not JSON Lines: it looks like a gzip file. Save it as UTF-8 text, one JSON object a line.",
        ),
        (
            "{}".encode("utf-16"),
            "is not JSON Lines: it looks like UTF-16 text. Save it as UTF-8 text, one JSON object a line.",
        ),
    ],
)
def test_a_file_that_is_not_json_lines_is_named_for_what_it_is(project, tmp_path, content, said):
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)

    assert refused(path, project) == [f"x.jsonl: {said}"]


def test_bytes_that_are_not_utf8_are_named_by_column(project, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"prompt": "caf\xe9"}\n')

    assert refused(path, project) == ["x.jsonl:1: byte 0xE9 at column 16 is not UTF-8; save the file as UTF-8."]


def test_line_separators_inside_a_text_do_not_split_the_line(project, write_lines):
    intake.import_file(write_lines(GOOD | {"prompt": "a\u2028b\u0085c"}), kind="comparisons", project=project)

    assert Prompt.objects.get().messages[0]["content"] == "a\u2028b\u0085c"


def test_a_byte_order_mark_windows_line_ends_and_a_missing_last_newline_are_fine(project, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"prompt": "x", "completions": ["a", "b"]}\r\n{"prompt": "y", "completions": ["a", "b"]}'
    )

    assert intake.import_file(path, kind="comparisons", project=project).new_count == 2


def test_an_id_that_stands_twice_in_a_file_names_both_lines(project, write_lines):
    path = write_lines(GOOD, GOOD | {"completions": ["x", "y"]})

    assert refused(path, project) == ["file.jsonl:2: id: 'c1' is also the id of line 1, with another content."]


def test_all_faults_are_counted_and_the_first_hundred_shown(project, write_lines):
    with pytest.raises(intake.IntakeError) as caught:
        intake.import_file(write_lines(*["[]"] * 150), kind="comparisons", project=project)

    assert (len(caught.value.errors), caught.value.error_count) == (100, 150)


def test_a_demonstration_becomes_sft_data(project, write_lines):
    line = {"id": "p1", "prompt": "Name a river.", "demonstration": "The Rhine."}

    intake.import_file(write_lines(line), kind="prompts", project=project)

    assert Demonstration.objects.get().text == "The Rhine."


VOTE = {"comparison": "c1", "annotator": "w1", "submitted_at": "2016-03-01T10:00:00Z"}


@pytest.fixture
def two_rivers(project, write_lines):
    intake.import_file(write_lines(GOOD), kind="comparisons", project=project)


def test_votes_made_elsewhere_become_rankings_with_ties_times_and_people(project, two_rivers, write_lines):
    votes = [
        VOTE | {"chosen": "a", "rejected": "b", "seconds": 30, "order": ["b", "a"]},
        VOTE | {"annotator": "w2", "tie": ["a", "b"]},
    ]

    report = intake.import_file(write_lines(*votes, name="votes.jsonl"), kind="rankings", project=project)

    a, b = Completion.objects.values_list("pk", flat=True)
    assert report.sentence == "2 lines read: 2 new rankings by 2 annotators."
    assert list(Ranking.objects.values_list("tiers", "seconds")) == [([[a], [b]], 30.0), ([[a, b]], None)]
    assert list(Annotator.objects.values_list("origin", flat=True)) == ["imported"] * 2
    assert Assignment.objects.filter(state="submitted", order=[b, a]).count() == 1


def test_importing_rankings_again_changes_nothing(project, two_rivers, write_lines):
    votes = write_lines(VOTE | {"chosen": "a", "rejected": "b"}, name="votes.jsonl")
    intake.import_file(votes, kind="rankings", project=project)

    assert intake.import_file(votes, kind="rankings", project=project).new_count == 0
    assert Ranking.objects.count() == 1


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        (
            [{"comparison": "c9", "ranking": [["a"], ["b"]]}],
            "1: comparison: 'c9' is not in this project; import the comparisons first.",
        ),
        ([{"ranking": [["a"]]}], "1: ranking: 1 of 2 completions are not ranked yet. Give each a rank."),
        ([{"ranking": [["a"], ["z"]]}], "1: ranking: 'z' is no completion of 'c1'; it has a, b."),
        ([{"chosen": "a"}], "1: rejected: is missing."),
        ([{}], "1: ranking: expected exactly one of `ranking`, `chosen` with `rejected`, or `tie`."),
        ([{"tie": ["a", "b"], "seconds": -1}], "1: seconds: expected a number from 0 to 86400, got number -1."),
        (
            [{"tie": ["a", "b"], "submitted_at": "2999-01-01"}],
            "1: submitted_at: expected a time from 2000 to now, got '2999-01-01'.",
        ),
        ([{"tie": ["a", "b"]}] * 2, "2: annotator: 'w1' ranks 'c1' in line 1 already."),
        (
            [{"tie": ["a", "b"], "annotator": f"w{n}"} for n in range(3)],
            "3: comparison: 'c1' has 2 free places and this is ranking 3; raise overlap.",
        ),
    ],
)
def test_a_ranking_that_does_not_fit_is_named_by_line_and_field(project, two_rivers, write_lines, votes, said):
    path = write_lines(*[VOTE | vote for vote in votes], name="v.jsonl")

    with pytest.raises(intake.IntakeError) as caught:
        intake.import_file(path, kind="rankings", project=project)

    assert [str(error) for error in caught.value.errors] == [f"v.jsonl:{said}"]
    assert not Ranking.objects.exists()


def test_planners_are_told_each_time_that_an_import_has_grown_eightfold(project, write_lines, monkeypatch):
    sizes = []
    monkeypatch.setattr(intake, "BATCH", 2)
    monkeypatch.setattr(intake.bulk, "analyze", lambda *models: sizes.append(Prompt.objects.count()))

    intake.import_file(
        write_lines(*({"id": f"p{n}", "prompt": f"River {n}?"} for n in range(40))), kind="prompts", project=project
    )

    assert sizes == [2, 16, 40]
