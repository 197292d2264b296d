"""The tables as files: CSV that no spreadsheet runs, JSON, Parquet; and never a number that nobody measured."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from annotate.consistency import downloads, tables
from annotate.consistency.tables import Table
from annotate.models import Comparison
from annotate.quality.estimate import Estimate, undefined

OF_COMPLETIONS = ("scales", "grades", "flags", "flagged")
"""Tables of ratings and flags: this crowd gave none; see test_grading.py."""


def body(response):
    return b"".join(response.streaming_content)


def fetch(client, project, table, form):
    return client.get(reverse("consistency_download", args=[project.slug, table]), {"form": form})


@pytest.mark.parametrize("table", downloads.TABLES)
def test_every_table_is_the_same_in_all_three_forms(add_crowd, rex, as_user, table):
    project, client = add_crowd(40), as_user(rex)

    as_csv = list(csv.DictReader(io.StringIO(body(fetch(client, project, table, "csv")).decode())))
    as_json = json.loads(body(fetch(client, project, table, "json")))
    as_parquet = pq.read_table(io.BytesIO(body(fetch(client, project, table, "parquet")))).to_pylist()

    assert bool(as_json) == (table not in ("guidelines", *OF_COMPLETIONS))  # imported rankings are under none
    assert as_parquet == as_json
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in as_json] == as_csv


@pytest.mark.parametrize("table", downloads.TABLES)
@pytest.mark.parametrize("form", tables.FORMS)
def test_an_empty_project_gives_an_empty_table(project, rex, as_user, table, form):
    answer = fetch(as_user(rex), project, table, form)

    assert answer.status_code == 200
    assert b"NaN" not in body(answer)


def test_a_measured_value_keeps_its_interval_its_n_and_its_reason():
    rows = [{"rate": Estimate(0.5, n=9, low=0.4, high=0.6)}, {"rate": undefined("Too little.", n=2)}]

    lines = b"".join(tables.chunks(Table({"rate": "estimate"}, rows), "csv")).decode().splitlines()

    assert lines == ["rate,rate_low,rate_high,rate_n,rate_reason", "0.5,0.4,0.6,9,", ",,,2,Too little."]


def test_a_cell_from_outside_is_no_formula(add_crowd, rex, as_user):
    project = add_crowd(3)
    Comparison.objects.filter(external_id="m0").update(external_id="=1+1")

    text = body(fetch(as_user(rex), project, "comparisons", "csv")).decode()

    assert "'=1+1" in text
    assert "\n=1+1" not in text


def test_what_is_no_table_or_no_form_is_refused(project, rex, as_user):
    client = as_user(rex)

    assert fetch(client, project, "secrets", "csv").status_code == 404
    assert fetch(client, project, "annotators", "exe").status_code == 422
