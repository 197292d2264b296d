"""What each event tells: ids, pseudonyms and verdicts, never a text. The writers call it inside their transaction."""

from annotate import outbox, verdicts
from annotate.models import Adjudication, Assignment, Comparison, Objection, Project, Ranking
from annotate.outbox import Kind
from annotate.verdicts import Status

State = Assignment.State


def ranking_submitted(ranking: Ranking) -> None:
    """Tell of a ranking; and that its comparison is settled, if it was the last that was wanted and the votes agree."""
    project_id = ranking.assignment.project_id
    told = {
        "ranking": ranking.pk,
        "comparison": ranking.comparison_id,
        "annotator": ranking.annotator.pseudonym,
        "revision": ranking.revision,
        "submitted_at": ranking.submitted_at.isoformat(),
    }
    heard = outbox.heard(project_id)
    if Kind.RANKING_SUBMITTED in heard:
        outbox.record(project_id, Kind.RANKING_SUBMITTED, told)
    if ranking.revision == 1 and Kind.COMPARISON_SETTLED in heard:
        _tell_if_settled(ranking.comparison)


def ruled(ruling: Adjudication) -> None:
    """Tell that staff settled a comparison."""
    told = {"comparison": ruling.comparison_id, "status": str(Status.ADJUDICATED), "tiers": ruling.tiers}
    outbox.record(ruling.comparison.project_id, Kind.COMPARISON_SETTLED, told)


def objection_opened(objection: Objection) -> None:
    """Tell that an annotator contests an order or reports an item."""
    told = {
        "objection": objection.pk,
        "kind": objection.kind,
        "comparison": objection.comparison_id,
        "annotator": objection.annotator.pseudonym,
    }
    outbox.record(objection.comparison.project_id, Kind.OBJECTION_OPENED, told)


def import_finished(project: Project, *, kind: str, row_count: int, new_count: int) -> None:
    """Tell that rows came in."""
    told = {"kind": kind, "row_count": row_count, "new_count": new_count}
    outbox.record(project.pk, Kind.IMPORT_FINISHED, told)


def _tell_if_settled(comparison: Comparison) -> None:
    if comparison.assignments.filter(state__in=[State.OPEN, State.RESERVED], slot__isnull=False).exists():
        return
    found = verdicts.verdict(comparison)
    if found.status != Status.SETTLED:
        return
    told = {"comparison": comparison.pk, "status": str(found.status), "agreement": found.agreement}
    outbox.record(comparison.project_id, Kind.COMPARISON_SETTLED, told)
