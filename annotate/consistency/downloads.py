"""Which tables of a project's consistency can be had as files, and their rows."""

from collections.abc import Callable, Iterator, Mapping

from annotate import reports
from annotate.consistency.tables import Cell, Table
from annotate.models import Comparison, Project
from annotate.reports import ConsistencyReport

Rows = Iterator[Mapping[str, Cell]]


def table(project: Project, name: str) -> Table:
    """Return a table by its name. Raises KeyError where there is none."""
    columns, rows = TABLES[name]
    return Table(columns, rows(project))


def _headline(project: Project) -> Rows:
    report = reports.consistency(project)
    for figure, both in _intervals(report).items():
        yield {"figure": figure, "same_annotators": both.same_annotators, "new_annotators": both.new_annotators}
    yield {"figure": "tie rate", "same_annotators": report.headline.tie_rate}


def _intervals(report: ConsistencyReport) -> dict[str, reports.BothIntervals]:
    return {
        "agreement where both chose": report.decisive,
        "agreement with ties": report.agreement,
        "pair alpha": report.alpha,
    }


def _annotators(project: Project) -> Rows:
    for row in reports.consistency(project).annotators:
        yield {
            "annotator": row.pseudonym,
            "origin": row.origin,
            "is_paused": row.is_paused,
            "rankings": row.reliability.rankings,
            "agreement": row.reliability.agreement,
            "first_shown_rate": row.reliability.first_shown_rate,
            "tie_rate": row.reliability.tie_rate,
            "median_seconds": row.median_seconds.value,
        }


def _comparisons(project: Project) -> Rows:
    names = dict(Comparison.objects.filter(project=project).values_list("pk", "external_id"))
    for row in reports.comparisons(project):
        yield {
            "comparison": names[row.comparison_id],
            "rankings": row.vote_count,
            "agreement": row.agreement,
            "majority": row.majority,
            "status": row.status.value,
        }


def _win_rates(project: Project) -> Rows:
    for one in reports.win_rates(project):
        yield {
            "source": one.source,
            "against": one.against,
            "rate": one.rate,
            "wins": one.wins,
            "ties": one.ties,
            "losses": one.losses,
        }


TABLES: dict[str, tuple[dict[str, str], Callable[[Project], Rows]]] = {
    "headline": ({"figure": "text", "same_annotators": "estimate", "new_annotators": "estimate"}, _headline),
    "annotators": (
        {
            "annotator": "text",
            "origin": "text",
            "is_paused": "yes",
            "rankings": "whole",
            "agreement": "estimate",
            "first_shown_rate": "estimate",
            "tie_rate": "estimate",
            "median_seconds": "number",
        },
        _annotators,
    ),
    "comparisons": (
        {"comparison": "text", "rankings": "whole", "agreement": "number", "majority": "text", "status": "text"},
        _comparisons,
    ),
    "win-rates": (
        {"source": "text", "against": "text", "rate": "estimate", "wins": "whole", "ties": "whole", "losses": "whole"},
        _win_rates,
    ),
}
