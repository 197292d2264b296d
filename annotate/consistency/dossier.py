"""All that staff look at before they decide about an annotator: the verdict, its reasons, and the evidence."""

from collections.abc import Iterable
from dataclasses import dataclass

from annotate import verdicts
from annotate.consistency.people import Person, person
from annotate.models import Annotator, Intervention, Membership, Project, Ranking
from annotate.quality.findings import AnnotatorFindings, Finding
from annotate.verdicts import LastRanking

LAST_RANKINGS = 25
SHOWN_EVIDENCE = 12


@dataclass(frozen=True)
class Shown:
    """A finding with the comparisons that show it, as (id, name), the clearest first; `more` counts the others."""

    finding: Finding
    comparisons: list[tuple[int, str]]
    more: int


@dataclass(frozen=True)
class Dossier:
    """One annotator in a project; `person` is None before their first ranking, `judged` where they were not judged."""

    person: Person | None
    membership: Membership | None
    judged: AnnotatorFindings | None
    findings: list[Shown]
    last_rankings: list[LastRanking]
    interventions: list[Intervention]  # newest first

    @property
    def is_paused(self) -> bool:
        return bool(self.membership and self.membership.is_paused)


def of(annotator: Annotator, project: Project, *, judged: AnnotatorFindings | None = None) -> Dossier:
    """Return an annotator's dossier, in a fixed number of queries."""
    membership = Membership.objects.filter(annotator=annotator, project=project).first()
    return Dossier(
        person=person(annotator, project),
        membership=membership,
        judged=judged,
        findings=_shown(judged.findings if judged else ()),
        last_rankings=verdicts.last_rankings(annotator, limit=LAST_RANKINGS, project=project),
        interventions=list(membership.interventions.select_related("by")) if membership else [],
    )


def _shown(findings: Iterable[Finding]) -> list[Shown]:
    wanted = [pk for finding in findings for pk in finding.evidence[:SHOWN_EVIDENCE]]
    named = Ranking.objects.filter(pk__in=wanted).values_list("pk", "comparison_id", "comparison__external_id")
    names = {pk: (comparison, name) for pk, comparison, name in named}
    return [
        Shown(
            finding,
            [names[pk] for pk in finding.evidence[:SHOWN_EVIDENCE] if pk in names],
            max(0, len(finding.evidence) - SHOWN_EVIDENCE),
        )
        for finding in findings
    ]
