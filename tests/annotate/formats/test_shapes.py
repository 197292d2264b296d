"""Other tools' records become comparisons and rankings; what is not theirs is refused by field."""

import json

import pytest

from annotate import intake
from annotate.formats import csv_table, transcripts
from annotate.models import Comparison, Ranking

HH = {
    "chosen": "\n\nHuman: Name a river.\n\nAssistant: Which?\n\nHuman: Any.\n\nAssistant: The Rhine.",
    "rejected": "\n\nHuman: Name a river.\n\nAssistant: Which?\n\nHuman: Any.\n\nAssistant: No.",
}
SCORED = {
    "instruction": "Name a river.",
    "completions": [
        {"model": "m1", "response": "Rhine.", "overall_score": 7.5},
        {"model": "m2", "response": "Nile.", "overall_score": 9},
        {"model": "m3", "response": "Po.", "overall_score": 7.5},
    ],
}
BINARIZED = {
    "prompt": "Name a river.",
    "chosen": [{"role": "user", "content": "Name a river."}, {"role": "assistant", "content": "Rhine."}],
    "rejected": [{"role": "user", "content": "Name a river."}, {"role": "assistant", "content": "Po."}],
    "score_chosen": 8,
    "score_rejected": 8,
}
TREE = {
    "message_tree_id": "t",
    "prompt": {
        "message_id": "m0",
        "text": "Name a river.",
        "role": "prompter",
        "lang": "en",
        "replies": [
            {"message_id": "m1", "text": "Rhine.", "role": "assistant", "rank": 1, "replies": []},
            {"message_id": "m2", "text": "Nile.", "role": "assistant", "rank": 0, "replies": []},
        ],
    },
}
TASK = {
    "id": 4,
    "data": {"prompt": "Name a river.", "items": [{"id": x, "body": f"River {x}."} for x in "abc"]},
    "annotations": [
        {
            "completed_by": {"email": "w1"},
            "created_at": "2026-01-02T10:00:00Z",
            "lead_time": 12.5,
            "result": [{"type": "ranker", "value": {"ranker": {"good": ["b", "c"], "bad": ["a"]}}}],
        },
        {"completed_by": 2, "was_cancelled": True, "result": []},
        {"completed_by": 3, "result": [{"type": "ranker", "value": {"ranker": {"rank": ["c", "a", "b"]}}}]},
    ],
}
RANKED = [{"value": "r1", "rank": 2}, {"value": "r2", "rank": 1}, {"value": "r3", "rank": 2}]
FIELDS = {"prompt": "Name a river.", "r1": "Rhine.", "r2": "Nile.", "r3": "Po.", "context": "Geography."}
ARGILLA_2 = {"id": "x", "fields": FIELDS, "responses": {"best": [{"value": RANKED, "user_id": "u"}]}}
ARGILLA_1 = {
    "external_id": "x",
    "fields": FIELDS,
    "responses": [
        {"values": {"best": {"value": RANKED}}, "user_id": "u", "status": "submitted"},
        {"values": {"best": {"value": RANKED}}, "user_id": "v", "status": "discarded"},
    ],
}


def texts(tiers):
    names = {c.pk: c.text for c in Comparison.objects.get().completions.all()}
    return [sorted(names[pk] for pk in tier) for tier in tiers]


@pytest.mark.parametrize(
    ("shape", "record", "orders"),
    [
        ("hh-rlhf", HH, [[["The Rhine."], ["No."]]]),
        ("ultrafeedback", SCORED, [[["Nile."], ["Po.", "Rhine."]]]),
        ("ultrafeedback", BINARIZED, [[["Po.", "Rhine."]]]),
        ("oasst", TREE, [[["Nile."], ["Rhine."]]]),
        (
            "label-studio",
            TASK,
            [[["River b.", "River c."], ["River a."]], [["River c."], ["River a."], ["River b."]]],
        ),
        ("argilla", ARGILLA_2, [[["Nile."], ["Po.", "Rhine."]]]),
        ("argilla", ARGILLA_1, [[["Nile."], ["Po.", "Rhine."]]]),
    ],
)
def test_a_record_becomes_a_comparison_with_its_rankings(project, write_lines, shape, record, orders):
    intake.import_file(write_lines(record), kind="ranked", shape=shape, project=project)

    assert [texts(tiers) for tiers in Ranking.objects.order_by("pk").values_list("tiers", flat=True)] == orders
    assert Comparison.objects.get().overlap == len(orders)


@pytest.mark.parametrize(
    ("shape", "record", "said"),
    [
        ("hh-rlhf", HH | {"rejected": "\n\nHuman: Other.\n\nAssistant: No."}, "rejected: its prompt differs"),
        ("hh-rlhf", HH | {"chosen": "Name a river."}, "chosen: expected a transcript that begins with «Human:»"),
        ("ultrafeedback", {"prompt": "x", "chosen": 5}, "chosen: expected a list of messages, got number 5."),
        ("oasst", {"message_id": "m1", "text": "flat"}, "prompt: is missing: expected a message tree a line"),
        ("label-studio", TASK | {"data": {"text": "x"}}, "data: expected a list of {id, body}"),
        ("argilla", ARGILLA_2 | {"fields": {"r1": "x"}}, "fields: expected a field called prompt"),
    ],
)
def test_a_record_of_another_shape_is_refused_by_field(project, write_lines, shape, record, said):
    with pytest.raises(intake.IntakeError) as caught:
        intake.import_file(write_lines(record), kind="ranked", shape=shape, project=project)

    assert str(caught.value.errors[0]).startswith(f"file.jsonl:1: {said}")
    assert not Comparison.objects.exists()


def test_two_turns_of_one_speaker_are_one_message(project, write_lines):
    record = {name: f"\n\nHuman: Hm.\n\nHuman: Name one.\n\nAssistant: {name}" for name in HH}

    intake.import_file(write_lines(record), kind="comparisons", shape="hh-rlhf", project=project)

    assert Comparison.objects.get().prompt.messages == [{"role": "user", "content": "Hm.\n\nName one."}]


def test_a_transcript_reads_back_as_the_messages_it_was_made_of():
    messages = [{"role": "user", "content": "Hi."}]
    record = {name: transcripts.transcript(messages, name) for name in ("chosen", "rejected")}

    made = next(transcripts.comparisons(record))

    assert (made["prompt"], made["completions"]) == (messages, ["chosen", "rejected"])


@pytest.mark.parametrize("cell", ["=1+1", "'=1+1", "''@x", "+a", "-1 is a number", "\tx", "'quoted'", "plain", "'"])
def test_a_cell_is_read_back_as_it_was_written(cell):
    assert csv_table.unescape(csv_table.escape(cell)) == cell


def test_a_cell_that_begins_a_formula_is_written_with_an_apostrophe():
    assert [csv_table.escape(cell) for cell in ("=x", "+x", "-x", "@x", "x")] == ["'=x", "'+x", "'-x", "'@x", "x"]


def test_the_dry_run_shows_what_an_import_would_do_and_writes_nothing(project, write_lines):
    report = intake.import_file(
        write_lines(TASK), kind="ranked", shape="label-studio", project=project, is_dry_run=True
    )

    assert report.sentence == (
        "Dry run, nothing was written: 1 lines read: 1 new comparisons. 2 lines read: 2 new rankings by 2 annotators."
    )
    assert report.first_rows[0].completions[0].text == "River a."
    assert not Comparison.objects.exists()


def test_a_json_list_is_read_an_object_at_a_time(project, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps([TASK | {"id": n} for n in range(3)], indent=2))

    intake.import_file(path, kind="ranked", shape="label-studio", project=project)

    assert Comparison.objects.count() == 3
