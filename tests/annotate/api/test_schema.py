"""The schema is made without warnings, and shows an account only what its roles may use."""

import pytest
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS

from annotate import rows
from annotate.api import serializers as shapes

pytestmark = pytest.mark.django_db


def test_the_schema_is_made_without_a_warning(tmp_path):
    with GENERATOR_STATS.silence():
        call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


def test_an_annotator_meets_only_what_annotators_may_use(script, ana):
    paths = script(ana.user).get("schema/").json()["paths"]

    assert "/api/v1/work/{slug}/next/" in paths
    assert not [path for path in paths if "projects" in path or "runs" in path]


def test_an_admin_meets_the_projects(script, lee):
    assert "post" in script(lee).get("schema/").json()["paths"]["/api/v1/projects/"]


def test_the_reference_page_reads_the_schema_out(client, ana):
    client.force_login(ana.user)

    html = client.get("/api/v1/").content.decode()

    assert "POST /api/v1/assignments/{id}/submit/" in html
    assert "/projects/" not in html.split("<main")[1]


def test_the_schema_of_rows_names_what_the_parser_of_rows_takes():
    row = {"prompt": "p", "completions": ["a", "b"], "id": "i", "prompt_id": "p", "category": "c", "language": "en"}
    row |= {"overlap": 2}

    assert set(shapes.ComparisonIn().fields) == set(row)
    assert rows.comparison(row).external_id == "i"
