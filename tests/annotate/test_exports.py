"""Files out: nothing is dropped in silence, and what is lossless comes back as it was."""

import io
import json
import uuid
import zipfile
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotate import assignments, exports, intake, people, projects, rankings
from annotate.answers import Answer, Span
from annotate.models import Annotator, Comparison, Ranking
from annotate.questions import Choice, Questions, to_json

ASKED = Questions(ratings=True, flags=(Choice("rude", "Rude"),), aspects=(Choice("tone", "Tone"),), spans=True)
LOSSLESS_TABLES = ["jsonl", "csv", "parquet", "hf"]


def read(project, what, form="jsonl"):
    made = exports.export(project, what, form=form, reasons="written")
    return b"".join(made.chunks), made.counts


def lines(content):
    return [json.loads(line) for line in content.decode().split("\n") if line]


def without_names(rows):
    """Annotators get new pseudonyms where they are imported, and guidelines have other numbers."""
    kept = [
        {name: value for name, value in row.items() if name not in ("annotator", "guideline", "origin")} for row in rows
    ]
    return sorted(kept, key=lambda row: (row["comparison"], row["submitted_at"]))


@pytest.fixture
def ranked(project, comparisons, ana, ben):
    """Ana and Ben have ranked all three comparisons, with ties and all that can be asked; Ana changed her mind once."""
    project.questions = to_json(ASKED)
    project.save()
    now = timezone.now() - timedelta(hours=1)
    for annotator in (ana, ben):
        while place := assignments.reserve_next(annotator, project, now=now):
            first, second, third, fourth = sorted(place.order)
            answer = Answer(
                [[third], [first, fourth], [second]],
                reason="=1+1 is no reason",
                ratings=dict.fromkeys(place.order, 3),
                flags={first: ["rude"]},
                aspects={"tone": dict.fromkeys(place.order, 5)},
                spans=(Span(second, 0, 5, "wrong"),),
                active_seconds=7.5,
            )
            now += timedelta(seconds=1)
            said = rankings.submit(place, answer, submission=uuid.uuid4(), now=now)
    answer = Answer(**{**answer.__dict__, "tiers": [[second], [first, third, fourth]]})
    said.assignment.closed_at = now
    rankings.revise(said, answer, submission=uuid.uuid4(), now=now + timedelta(seconds=5))
    return project


@pytest.fixture
def other(db):
    return projects.create(slug="lakes", name="Lakes", overlap=2, guidelines="Be fair.", by=None)


@pytest.mark.parametrize("form", LOSSLESS_TABLES)
def test_rankings_come_back_from_every_table_as_they_were(ranked, other, tmp_path, form):
    for what in ("comparisons", "rankings"):
        call_command("export_project", "rivers", what, tmp_path / f"out-{what}.{form}", form=form, reasons="written")
        intake.import_file(tmp_path / f"out-{what}.{form}", kind=what, project=other)

    before, after = (lines(read(one, "rankings")[0]) for one in (ranked, other))
    assert len(before) == 7
    assert without_names(after) == without_names(before)


@pytest.mark.parametrize(
    ("what", "shape"), [("ranked", "concord"), ("argilla", "argilla"), ("label-studio", "label-studio")]
)
def test_orders_and_ties_come_back_from_every_format_that_holds_them(ranked, other, tmp_path, what, shape):
    path = tmp_path / f"file.{'json' if what == 'label-studio' else 'jsonl'}"
    call_command("export_project", "rivers", what, path)

    intake.import_file(path, kind="ranked", shape=shape, project=other)

    before, after = (lines(read(one, "ranked")[0]) for one in (ranked, other))
    orders = [
        [[(c["id"], c["prompt"], said["ranking"]) for said in c["rankings"]] for c in rows] for rows in (before, after)
    ]
    assert orders[0] == orders[1]
    assert read(other, what)[0] == read(other, what)[0]


def test_the_last_revision_counts_and_the_first_is_kept(ranked, other, tmp_path):
    for what in ("comparisons", "rankings"):
        call_command("export_project", "rivers", what, tmp_path / what)
        intake.import_file(tmp_path / what, kind=what, project=other)

    assert Ranking.objects.filter(comparison__project=other, superseded_at__isnull=True).count() == 6
    assert Ranking.objects.filter(comparison__project=other, superseded_at__isnull=False).count() == 1


def test_a_simulated_annotator_stays_marked(ranked, other, tmp_path):
    Annotator.objects.update(origin="simulated", user=None)
    for what in ("comparisons", "rankings"):
        call_command("export_project", "rivers", what, tmp_path / what)
        intake.import_file(tmp_path / what, kind=what, project=other)

    assert set(Annotator.objects.values_list("origin", flat=True)) == {"simulated"}


@pytest.mark.parametrize("what", list(exports.WHATS))
def test_every_export_reconciles(ranked, what):
    content, counts = read(ranked, what)

    assert counts.is_reconciled, counts.sentence
    assert counts == exports.count(ranked, what, reasons="written")
    assert len(json.loads(content) if what == "label-studio" else lines(content)) == counts.row_count


def test_preferences_are_trl_columns_without_ties(ranked):
    content, counts = read(ranked, "preferences")

    first = lines(content)[0]
    columns = "prompt chosen rejected q margin p_tie n_votes n_eff weight category guideline split"
    assert list(first) == columns.split()
    assert (first["prompt"][0]["role"], first["chosen"][0]["role"]) == ("user", "assistant")
    assert counts.sentence.startswith("6 rankings → 18 pairs − ")


def test_the_same_preferences_are_the_same_bytes(ranked):
    assert read(ranked, "preferences", "parquet")[0] == read(ranked, "preferences", "parquet")[0]


def test_rankings_that_make_no_labels_are_said_beside_those_that_do(ranked, ben):
    people.set_paused(ben, is_paused=True)

    _, counts = read(ranked, "preferences")

    assert counts.sentence.startswith("3 rankings (3 more left out (3 by an annotator on hold)) → 18 pairs − ")


def test_ties_are_counted_and_left_out(project, comparisons, ana, ben):
    for annotator in (ana, ben):
        while place := assignments.reserve_next(annotator, project):
            rankings.submit(place, Answer([place.order]), submission=uuid.uuid4())

    content, counts = read(project, "preferences")

    assert (content, counts.sentence) == (b"", "6 rankings → 18 pairs − 18 ties − 0 excluded = 0 rows.")


def test_a_cell_that_begins_a_formula_is_escaped_and_read_back(ranked):
    content, _ = read(ranked, "rankings", "csv")

    assert b",'=1+1 is no reason," in content


def test_parquet_holds_what_the_lines_hold(ranked):
    content, _ = read(ranked, "preferences", "parquet")

    table = pq.read_table(io.BytesIO(content))
    assert table.column("q").to_pylist() == [row["q"] for row in lines(read(ranked, "preferences")[0])]


def test_the_folder_is_one_that_datasets_reads(ranked, tmp_path):
    datasets = pytest.importorskip("datasets")

    call_command("export_project", "rivers", "preferences", tmp_path / "folder", form="hf")

    assert datasets.load_from_disk(str(tmp_path / "folder")).num_rows == exports.count(ranked, "preferences").row_count


def test_the_folder_comes_from_the_page_as_a_zip(ranked):
    content, _ = read(ranked, "rankings", "hf")

    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert names == ["data-00000-of-00001.arrow", "state.json", "dataset_info.json"]


def test_oasst_gives_the_best_reply_rank_0(ranked):
    replies = lines(read(ranked, "oasst")[0])[0]["prompt"]["replies"]

    assert {reply["message_id"]: reply["rank"] for reply in replies} == {"c": 0, "a": 1, "d": 1, "b": 2}


def test_an_empty_project_exports_empty_files(project):
    assert read(project, "rankings") == (b"", exports.Counts(reasons="written"))
    assert json.loads(read(project, "label-studio")[0]) == []


def test_the_page_counts_and_the_download_streams(ranked, lee):
    client = Client()
    client.force_login(lee)
    chosen = {"what": "rankings", "form": "jsonl"}

    page = client.get(reverse("export", args=["rivers"]), chosen).content.decode()
    answer = client.get(reverse("export_download", args=["rivers"]), chosen)

    assert "7 rankings − 0 excluded = 7 in 7 rows." in page
    assert answer.streaming and 'filename="rivers-rankings.jsonl"' in answer["Content-Disposition"]
    assert len(lines(b"".join(answer.streaming_content))) == 7


def test_a_form_that_a_format_does_not_have_is_refused_with_a_sentence(ranked, lee):
    client = Client()
    client.force_login(lee)

    answer = client.get(reverse("export_download", args=["rivers"]), {"what": "argilla", "form": "csv"})

    assert answer.status_code == 422
    assert "Argilla can be had as JSON Lines." in answer.content.decode()


def test_the_command_prints_the_reconciliation_and_overwrites_nothing(ranked, tmp_path, capsys):
    call_command("export_project", "rivers", "rankings", tmp_path / "out")

    assert "7 rankings − 0 excluded = 7 in 7 rows." in capsys.readouterr().out
    with pytest.raises(CommandError, match="is there already"):
        call_command("export_project", "rivers", "rankings", tmp_path / "out")


def test_exporting_asks_a_fixed_number_of_queries(ranked, django_assert_num_queries):
    with django_assert_num_queries(5):
        read(ranked, "rankings")

    assert Comparison.objects.count() == 3
