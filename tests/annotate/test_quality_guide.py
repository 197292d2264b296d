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


def test_every_link_to_an_explanation_leads_to_a_section():
    titles = {title for _, title in guide().contents}

    assert asked() <= titles


def test_every_detector_has_a_section():
    titles = {title for _, title in guide().contents}

    assert {detector.section for detector in Detector} <= titles
