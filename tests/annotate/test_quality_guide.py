"""The explanations of the numbers: read in the app, and every «what is this?» leads to a section that exists."""

import re
from pathlib import Path

from django.urls import reverse

from annotate.quality.findings import Detector
from annotate.quality_guide import guide

ROOT = Path(__file__).resolve().parents[2]
ASKED = re.compile(r"\{% explain (?:\"([^\"]+)\"|(\S+)) %\}")


def asked():
    """The titles that templates name."""
    sources = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    return {title for source in sources for title, _ in ASKED.findall(source) if title}


def test_the_page_shows_every_section_under_its_anchor(client, rex):
    client.force_login(rex)

    page = client.get(reverse("quality_guide")).content.decode()

    assert "Krippendorff's rule" in page
    assert ("guide-pair-agreement", "Pair agreement") in guide().contents
    assert [title for anchor, title in guide().contents if f'id="{anchor}"' not in page] == []


def test_pictures_are_for_the_file_and_every_one_of_them_is_there():
    source = (ROOT / "docs/quality.md").read_text()
    pictures = re.findall(r"!\[[^\]]+\]\((\S+)\)", source)

    assert len(pictures) >= 8
    assert [picture for picture in pictures if not (ROOT / "docs" / picture).exists()] == []
    assert "images/" not in guide().html


def test_every_link_to_an_explanation_leads_to_a_section():
    titles = {title for _, title in guide().contents}

    assert asked() <= titles


def test_every_detector_has_a_section():
    titles = {title for _, title in guide().contents}

    assert {detector.section for detector in Detector} <= titles
