"""The import commands: the same door as the page, from a terminal."""

import pytest
from django.core.management import CommandError, call_command

from annotate.models import Comparison

GOOD = {"id": "c1", "prompt": "Name a river.", "completions": ["Rhine.", "Nile."]}


def test_a_file_is_imported_and_summed_up(project, write_lines, capsys):
    call_command("import_comparisons", "rivers", write_lines(GOOD))

    assert "1 new comparisons" in capsys.readouterr().out
    assert Comparison.objects.count() == 1


def test_a_bad_file_is_refused_with_its_lines(project, write_lines):
    with pytest.raises(CommandError, match=r"(?s)nothing was imported: 1 errors.*file.jsonl:2: prompt: is missing"):
        call_command("import_comparisons", "rivers", write_lines(GOOD, {"completions": ["a", "b"]}))

    assert not Comparison.objects.exists()


def test_an_unknown_project_names_the_known_ones(project, write_lines):
    with pytest.raises(CommandError, match="no project 'lakes'; known projects: rivers"):
        call_command("import_rankings", "lakes", write_lines(GOOD))
