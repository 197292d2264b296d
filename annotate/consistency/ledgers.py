"""The ledgers of position and length: what is found about each annotator, the strongest pull first."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.paginator import Page, Paginator

from annotate.consistency.judged import Judgements
from annotate.models import Annotator, Project
from annotate.quality.findings import Detector, Finding

PER_PAGE = 25
TITLES = {Detector.POSITION: "Position", Detector.LENGTH: "Length"}


@dataclass(frozen=True)
class Entry:
    """An annotator in a ledger."""

    annotator_id: int
    pseudonym: str
    finding: Finding


@dataclass(frozen=True)
class Ledger:
    """One page of a ledger; `name` is the parameter of the address that turns its pages."""

    name: str
    title: str
    page: Page
    entries: list[Entry]


def ledgers(project: Project, judgements: Judgements, *, asked: Mapping[str, str]) -> list[Ledger]:
    """Return a page of each ledger, in one query each."""
    return [_ledger(judgements.by(detector), detector, asked.get(str(detector))) for detector in TITLES]


def _ledger(findings: Mapping[int, Finding], detector: Detector, number: str | None) -> Ledger:
    ranked = sorted(findings.items(), key=_strongest_first)
    page = Paginator(ranked, PER_PAGE).get_page(number)
    people = Annotator.objects.in_bulk([pk for pk, _ in page])
    entries = [Entry(pk, people[pk].pseudonym, finding) for pk, finding in page]
    return Ledger(str(detector), TITLES[detector], page, entries)


def _strongest_first(row: tuple[int, Finding]) -> tuple[bool, float, int]:
    pk, finding = row
    weight = finding.z if finding.z is not None else finding.effect.value
    return weight is None, -abs(weight or 0.0), pk
